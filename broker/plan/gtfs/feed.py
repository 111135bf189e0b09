"""An area's plan as a GTFS feed: a folder or .zip of `agency stops routes trips stop_times calendar`, read and written.

Beside GTFS's own columns: `routes.waste_kind`, `stops.estate_id`, `stops.wastes` (by spaces; if empty those of the
routes that stop there), `trips.truck_id`, `trips.capacity_bins`, `trips.capacity_kg`, `trips.shift_end`, and the
optional files `estates.txt` (estate_id, estate_name, estate_kind) and `vehicles.txt` (truck_id, wastes, capacity_bins,
capacity_kg, capacity_m3, on_call_start, on_call_end, contractor), `piles.txt` (pile_id, pile_name, pile_lat, pile_lon,
estate_id, capacity_m3). `agency_id` is the area's id; `agency.transfer_station_lat` and `_lon` say where full trucks
are emptied. Optional as in GTFS:
`shapes.txt`, `calendar_dates.txt`, `frequencies.txt`, `feed_info.txt`, `transfers.txt` (vehicles that go on as another
trip). A stop without times has them from its neighbours, by distance. `pickup_type` 1 is a place the truck only passes,
2 or 3 a visit by appointment (hazardous waste always is). Files and columns that tell passengers something (fares,
names, transfers on foot) change no run and are not read. What nothing else of the feed uses (a route without trips,
another agency) is left out, a room that no trip serves stays one; each kind is one warning. A feed in which anything
cannot be right is refused as a whole, with every reason.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from broker.plan.gtfs.lines import Lines, Placed
from broker.plan.gtfs.runs import check_shift_end, runs_of
from broker.plan.gtfs.tables.files import Finding, GtfsError, read_tables
from broker.plan.gtfs.tables.frequencies import read_starts
from broker.plan.gtfs.tables.parts import (
    Feed,
    RouteRow,
    read_agency,
    read_estates,
    read_routes,
    read_shapes,
)
from broker.plan.gtfs.tables.piles import read_piles
from broker.plan.gtfs.tables.services import read_services
from broker.plan.gtfs.tables.stops import StopRow, read_stops, read_transfer_station
from broker.plan.gtfs.tables.trips import (
    StopTime,
    TripRow,
    check_times,
    read_stop_times,
    read_trips,
    trips_without_times,
)
from broker.plan.gtfs.tables.vehicles import in_their_vehicles, read_vehicles
from broker.plan.gtfs.times_between import with_times_between, without_ends
from broker.plan.gtfs.trucks import check_same_vehicle, check_trucks
from broker.plan.gtfs.writing import write_gtfs
from broker.plan.model import Plan, Route, RunPlan

log = logging.getLogger("zhanpai.plan")

__all__ = ["Finding", "GtfsError", "read_gtfs", "write_gtfs"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "agency.txt": ("agency_id", "agency_name", "agency_timezone"),
    "estates.txt": ("estate_id", "estate_name"),
    "vehicles.txt": ("truck_id", "wastes"),
    "piles.txt": ("pile_id", "pile_name", "pile_lat", "pile_lon", "estate_id", "capacity_m3"),
    "stops.txt": ("stop_id", "stop_name", "stop_lat", "stop_lon", "estate_id"),
    "routes.txt": ("route_id", "waste_kind"),
    "trips.txt": ("route_id", "service_id", "trip_id", "truck_id"),
    "stop_times.txt": ("trip_id", "stop_id", "stop_sequence"),
    "calendar.txt": ("service_id", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
                     "start_date", "end_date"),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
    "frequencies.txt": ("trip_id", "start_time", "end_time", "headway_secs"),
    "feed_info.txt": (),
    "transfers.txt": (),
}  # fmt: skip
_NEEDED = ("agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt")
_WHAT_FOR = {
    "agency_id": "it is the area's id",
    "estate_id": "whose room it is, an id; its name goes into estates.txt",
    "waste_kind": "what the route collects",
    "vehicles.txt.truck_id": "the id under which its computer signs in",
    "truck_id": "the vehicle that drives the trip; block_id does not name one",
}


def read_gtfs(path: Path | str) -> Plan:
    """The plan of the feed in a folder or .zip; raises GtfsError with every reason for which it cannot be right."""
    findings: list[Finding] = []
    feed = Feed(read_tables(Path(path), _COLUMNS, findings), findings)
    if findings and not any(table.present for table in feed.tables.values()):
        raise GtfsError(str(path), findings)
    _check_columns(feed)
    plan = _plan(feed)
    if findings:
        raise GtfsError(str(path), findings)
    for sentence in feed.unused:
        log.warning("%s: %s", path, sentence)
    return plan


def _check_columns(feed: Feed) -> None:
    """What is missing is told once, here; the rest of its lines is read all the same."""
    for name, columns in _COLUMNS.items():
        table = feed.tables[name]
        if not table.present and name in _NEEDED:
            feed.findings.append(Finding(name, 0, "is missing"))
            table.sound = False
        for column in columns if table.columns and table.sound else ():
            if column not in table.index:
                why = _WHAT_FOR.get(f"{name}.{column}", _WHAT_FOR.get(column))
                other = next((one for one in table.columns if one.lower() == column), None)
                hint = f"; {other} must be in small letters" if other else f" ({why})" if why else ""
                feed.findings.append(Finding(name, 1, f"has no column {column}{hint}"))
    if not feed.tables["calendar.txt"].present and not feed.tables["calendar_dates.txt"].present:
        feed.findings.append(Finding("calendar.txt", 0, "is missing (and so is calendar_dates.txt)"))
        feed.tables["calendar.txt"].sound = False
    for name, column, other in (("routes.txt", "route_long_name", "route_short_name"),
                                ("stop_times.txt", "arrival_time", "departure_time")):  # fmt: skip
        table = feed.tables[name]
        if table.columns and table.sound and not {column, other} & set(table.columns):
            feed.findings.append(Finding(name, 1, f"has no column {column} (nor {other})"))


def _plan(feed: Feed) -> Plan:
    area_id, name, zone = read_agency(feed)
    estates, services, shapes = read_estates(feed), read_services(feed), read_shapes(feed)
    stops, route_rows = read_stops(feed, estates), read_routes(feed, area_id)
    vehicles = read_vehicles(feed, stops)
    piles = read_piles(feed, estates, stops, vehicles)
    trips = in_their_vehicles(read_trips(feed, route_rows, services, shapes), route_rows, stops, vehicles)
    times, unsound = read_stop_times(feed, stops)
    feed.findings.extend(trips_without_times(feed, trips))
    for trip_id, stop_times in times.items():
        check_times(trip_id, stop_times, stops)
    unsound |= without_ends(feed, {trip_id: own for trip_id, own in times.items() if trip_id not in unsound})
    lines = Lines(stops, shapes, all_named=unsound <= trips.keys())
    by_route: dict[str, list[TripRow]] = {route_id: [] for route_id in route_rows}
    for trip in trips.values():
        if trip.route_id in by_route:
            by_route[trip.route_id].append(trip)
    routes: dict[str, Route] = {}
    placed: dict[str, Placed] = {}
    for route_id, row in route_rows.items():
        whole = [trip for trip in by_route[route_id] if trip.trip_id in times and trip.trip_id not in unsound]
        main, laid = lines.lay(row, whole, times)
        placed |= laid
        routes[route_id] = Route(route_id, row.name, row.waste, main)
    times |= {trip_id: with_times_between(times[trip_id], own.along_m) for trip_id, own in placed.items()}
    starts = read_starts(feed, trips, times)
    runs: dict[str, list[RunPlan]] = {}
    for trip_id, trip in trips.items():
        check_shift_end(trip, times.get(trip_id, ()))
        if trip_id in placed and trip.sound:
            route = routes[trip.route_id]
            runs[trip_id] = list(runs_of(trip, times[trip_id], placed[trip_id], route, starts.get(trip_id)))
    check_trucks(((run, trips[trip_id]) for trip_id, own in runs.items() for run in own if run.visits), services)
    check_same_vehicle(feed, trips, services)
    calling = _wastes_that_call(trips.values(), route_rows, times)
    _check_wastes(stops, calling)
    rooms = {stop_id: stop.room(calling.get(stop_id, {})) for stop_id, stop in stops.items() if stop.is_room}
    in_order = {run.trip_id: run for trip_id in trips for run in runs.get(trip_id, ())}
    registered = {truck_id: known.vehicle for truck_id, known in vehicles.items()}
    station = read_transfer_station(feed, stops)
    return Plan(
        area_id, name, zone, estates, rooms, routes, services, in_order, registered,
        transfer_station=station, piles=piles,
    )  # fmt: skip


def _wastes_that_call(trips: Iterable[TripRow], routes: Mapping[str, RouteRow],
                      times: Mapping[str, list[StopTime]]) -> dict[str, dict[str, StopTime]]:  # fmt: skip
    """Per room the waste kinds whose routes stop there, each with a line that says so."""
    calling: dict[str, dict[str, StopTime]] = {}
    for trip in trips:
        waste = routes[trip.route_id].waste if trip.route_id in routes else ""
        for time in times.get(trip.trip_id, ()) if waste else ():
            if not time.passed:
                calling.setdefault(time.room_id, {}).setdefault(waste, time)
    return calling


def _check_wastes(stops: Mapping[str, StopRow], calling: Mapping[str, Mapping[str, StopTime]]) -> None:
    for room_id, wastes in calling.items():
        stop = stops[room_id]
        for waste, time in wastes.items():
            if stop.wastes is not None and waste not in stop.wastes:
                time.row.refuse(f"{room_id} does not take {waste} (stops.txt, line {stop.row.line})")
