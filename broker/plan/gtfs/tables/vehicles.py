"""vehicles.txt: every registered vehicle, the contractor's on call too, and what trips may ask of theirs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from broker.plan.calendar import DAY_S
from broker.plan.gtfs.tables.files import quoted
from broker.plan.gtfs.tables.parts import Feed, RouteRow, first_of_its_id
from broker.plan.gtfs.tables.row import Row
from broker.plan.gtfs.tables.stops import StopRow, kinds_of, refuse_far_places
from broker.plan.gtfs.tables.trips import TripRow
from broker.plan.model import Vehicle


@dataclass(frozen=True, slots=True)
class VehicleRow:
    """A vehicle and the line that says it."""

    row: Row
    vehicle: Vehicle


def read_vehicles(feed: Feed, stops: Mapping[str, StopRow]) -> dict[str, VehicleRow]:
    """The vehicles by id; none where the optional file is not there."""
    vehicles: dict[str, VehicleRow] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("vehicles.txt"):
        truck_id = first_of_its_id(row, "truck_id", taken)
        row.stated("wastes", ": name what the vehicle may load")
        wastes = kinds_of(row) or ()
        bins, kg = row.whole("capacity_bins", 1, 10_000), row.decimal("capacity_kg", 1, 100_000)
        cubic_m = row.decimal("capacity_m3", 0.25, 1_000)
        start_s, end_s = _on_call(row)
        if truck_id:
            refuse_a_stops_id(row, truck_id, stops)
            vehicles[truck_id] = VehicleRow(row, Vehicle(
                truck_id, wastes, bins, _thousandths(kg), _thousandths(cubic_m), start_s, end_s,
                row.id("contractor") if row.get("contractor") else None, _yard(row, stops),
            ))  # fmt: skip
    return vehicles


def _thousandths(value: Decimal | None) -> int | None:
    return None if value is None else int(value * 1000)


def _yard(row: Row, stops: Mapping[str, StopRow]) -> tuple[float, float] | None:
    """Where it stands when it is not asked for, both numbers or neither."""
    lat, lon = row.number("yard_lat", -90, 90), row.number("yard_lon", -180, 180)
    given = [column for column in ("yard_lat", "yard_lon") if row.get(column)]
    if len(given) == 1:
        row.refuse("a yard needs yard_lat and yard_lon")
    if lat is None or lon is None:
        return None
    refuse_far_places([(row, lat, lon)], stops, "yard")
    return lat, lon


def _on_call(row: Row) -> tuple[int | None, int | None]:
    """From when until when it can be asked for, both or neither."""
    start_s, end_s = row.time_s("on_call_start"), row.time_s("on_call_end")
    given = [column for column in ("on_call_start", "on_call_end") if row.get(column)]
    if len(given) == 1:
        row.refuse(f"{'on_call_end' if given[0] == 'on_call_start' else 'on_call_start'} is empty: give both hours, or "
                   "neither for a vehicle that can always be asked for")  # fmt: skip
    elif start_s is not None and end_s is not None and end_s <= start_s:
        later = row.get("on_call_end").split(":")
        hint = f"; after midnight hours go on: {int(later[0]) + DAY_S // 3600}:{later[1]}:{later[2]}"
        row.refuse(f"on_call_end {row.get('on_call_end')} is not after on_call_start {row.get('on_call_start')}{hint}")
    return start_s, end_s


def refuse_a_stops_id(row: Row, truck_id: str, stops: Collection[str]) -> None:
    """Refuse a truck that has the id of a room: the broker would know both as one device."""
    if truck_id in stops:
        row.refuse(f"truck_id {quoted(truck_id)} is a stop of stops.txt: one id is one device")


def in_their_vehicles(trips: Mapping[str, TripRow], routes: Mapping[str, RouteRow], stops: Collection[str],
                      vehicles: Mapping[str, VehicleRow]) -> dict[str, TripRow]:  # fmt: skip
    """The trips with the limits of their vehicles where they state none; refused is what the vehicle cannot do."""
    told: set[str] = set()
    driven: dict[str, TripRow] = {}
    for trip_id, trip in trips.items():
        if trip.truck_id not in told and trip.truck_id not in vehicles:
            refuse_a_stops_id(trip.row, trip.truck_id, stops)
        told.add(trip.truck_id)
        known = vehicles.get(trip.truck_id)
        driven[trip_id] = _in_its_vehicle(trip, known, routes.get(trip.route_id)) if known else trip
    return driven


def _in_its_vehicle(trip: TripRow, known: VehicleRow, route: RouteRow | None) -> TripRow:
    vehicle, where = known.vehicle, f"vehicles.txt, line {known.row.line}"
    if route is not None and route.waste and vehicle.wastes and route.waste not in vehicle.wastes:
        trip.row.refuse(f"truck {trip.truck_id!r} does not load {route.waste} ({where})")
    for column, asked, limit in (("capacity_bins", trip.capacity_bins, vehicle.capacity_bins),
                                 ("capacity_kg", trip.capacity_grams, vehicle.capacity_grams)):  # fmt: skip
        if asked is not None and limit is not None and asked > limit:
            trip.row.refuse(f"{column} {trip.row.get(column)} is more than truck {trip.truck_id!r} has "
                            f"({known.row.get(column)}, {where})")  # fmt: skip
    return replace(
        trip,
        capacity_bins=vehicle.capacity_bins if trip.capacity_bins is None else trip.capacity_bins,
        capacity_grams=vehicle.capacity_grams if trip.capacity_grams is None else trip.capacity_grams,
    )
