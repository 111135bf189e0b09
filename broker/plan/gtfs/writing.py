"""A plan written as a GTFS feed that read_gtfs takes back unchanged."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from broker.plan.geometry import lengths_m
from broker.plan.gtfs.tables.files import write_tables
from broker.plan.model import Pile, Plan, RunPlan, Service, Vehicle

# What an older feed in the folder may say besides, and this one does not.
_OPTIONAL = ("vehicles.txt", "piles.txt", "calendar_dates.txt", "frequencies.txt", "feed_info.txt", "transfers.txt")
_BUS = "3"  # GTFS knows no refuse trucks; a bus is what drives streets by timetable
_BY_APPOINTMENT = "2"  # GTFS: the agency is phoned
_Table = tuple[Sequence[str], Iterable[Sequence[str]]]


def write_gtfs(plan: Plan, target: Path | str) -> None:
    """Write the plan as a folder, or as one file if the name ends in .zip; raises OSError."""
    tables = {
        "agency.txt": _agency(plan),
        "estates.txt": _estates(plan),
        "stops.txt": _stops(plan),
        "routes.txt": _routes(plan),
        "trips.txt": _trips(plan),
        "stop_times.txt": _stop_times(plan),
        "calendar.txt": _calendar(plan),
        "shapes.txt": _shapes(plan),
    }
    if any(service.added_dates or service.removed_dates for service in plan.services.values()):
        tables["calendar_dates.txt"] = _calendar_dates(plan.services.values())
    if plan.vehicles:
        tables["vehicles.txt"] = _vehicles(plan.vehicles.values())
    if plan.piles:
        tables["piles.txt"] = _piles(plan.piles.values())
    write_tables(Path(target), tables, obsolete=[name for name in _OPTIONAL if name not in tables])


def _agency(plan: Plan) -> _Table:
    columns: tuple[str, ...] = ("agency_id", "agency_name", "agency_url", "agency_timezone")
    row: tuple[str, ...] = (plan.area_id, plan.name, f"https://example.org/{plan.area_id}", plan.timezone)
    if plan.transfer_station is not None:
        columns = (*columns, "transfer_station_lat", "transfer_station_lon")
        row = (*row, *map(str, plan.transfer_station))
    return columns, [row]


def _estates(plan: Plan) -> _Table:
    columns = ("estate_id", "estate_name", "estate_kind")
    return columns, [(estate.estate_id, estate.name, estate.kind) for estate in plan.estates.values()]


def _stops(plan: Plan) -> _Table:
    columns = ("stop_id", "stop_name", "stop_lat", "stop_lon", "estate_id", "wastes")
    return columns, [
        (room.room_id, room.name, _degrees(room.lat), _degrees(room.lon), room.estate_id, " ".join(room.wastes))
        for room in plan.rooms.values()
    ]


def _routes(plan: Plan) -> _Table:
    columns = ("route_id", "agency_id", "route_short_name", "route_long_name", "route_type", "waste_kind")
    return columns, [(r.route_id, plan.area_id, "", r.name, _BUS, r.waste) for r in plan.routes.values()]


def _trips(plan: Plan) -> _Table:
    columns = ("route_id", "service_id", "trip_id", "shape_id", "truck_id", "capacity_bins", "capacity_kg", "shift_end")
    return columns, [
        (run.route_id, run.service_id, run.trip_id, _shape_id(run), run.truck_id, *_limits(run))
        for run in plan.runs.values()
    ]


def _shape_id(run: RunPlan) -> str:
    """A route's line bears the route's name; a run's own one a name that no route can have."""
    return f"{run.trip_id} way" if run.line else run.route_id


def _vehicles(vehicles: Iterable[Vehicle]) -> _Table:
    columns = ("truck_id", "wastes", "capacity_bins", "capacity_kg", "capacity_m3", "on_call_start", "on_call_end",
               "contractor", "yard_lat", "yard_lon")  # fmt: skip
    return columns, [
        (one.truck_id, " ".join(one.wastes), _whole(one.capacity_bins), _thousands(one.capacity_grams),
         _thousands(one.capacity_litres), _time(one.on_call_from_day_s), _time(one.on_call_until_day_s),
         one.contractor or "", *(("", "") if one.yard is None else map(_degrees, one.yard)))
        for one in vehicles
    ]  # fmt: skip


def _piles(piles: Iterable[Pile]) -> _Table:
    columns = ("pile_id", "pile_name", "pile_lat", "pile_lon", "estate_id", "capacity_m3")
    return columns, [
        (one.pile_id, one.name, _degrees(one.lat), _degrees(one.lon), one.estate_id, _thousands(one.capacity_litres))
        for one in piles
    ]


def _limits(run: RunPlan) -> tuple[str, str, str]:
    return _whole(run.capacity_bins), _thousands(run.capacity_grams), _time(run.shift_end_day_s)


def _whole(count: int | None) -> str:
    return "" if count is None else str(count)


def _thousands(thousandths: int | None) -> str:
    """Grams as kilograms, litres as cubic metres."""
    return "" if thousandths is None else f"{thousandths // 1000}.{thousandths % 1000:03}".removesuffix(".000")


def _stop_times(plan: Plan) -> _Table:
    columns = ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence", "shape_dist_traveled",
               "pickup_type")  # fmt: skip
    return columns, [
        (run.trip_id, _time(visit.arrive_day_s), _time(visit.leave_day_s), visit.room_id, str(visit.sequence),
         _metres(visit.distance_m), _BY_APPOINTMENT if visit.by_appointment else "0")
        for run in plan.runs.values()
        for visit in run.visits
    ]  # fmt: skip


def _calendar(plan: Plan) -> _Table:
    columns = ("service_id", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
               "start_date", "end_date")  # fmt: skip
    return columns, [
        (service.service_id, *("1" if day else "0" for day in service.weekdays), service.start_date, service.end_date)
        for service in plan.services.values()
    ]


def _calendar_dates(services: Iterable[Service]) -> _Table:
    rows = []
    for service in services:
        rows += [(service.service_id, day, "1") for day in sorted(service.added_dates - service.removed_dates)]
        rows += [(service.service_id, day, "2") for day in sorted(service.removed_dates)]
    return ("service_id", "date", "exception_type"), rows


def _shapes(plan: Plan) -> _Table:
    columns = ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence", "shape_dist_traveled")
    lines = [(route.route_id, route.line) for route in plan.routes.values()]
    lines += [(_shape_id(run), run.line) for run in plan.runs.values() if run.line]
    return columns, [
        (shape_id, _degrees(lat), _degrees(lon), str(sequence), _metres(along_m))
        for shape_id, line in lines
        for sequence, ((lat, lon), along_m) in enumerate(zip(line, lengths_m(line), strict=True), start=1)
    ]


def _degrees(value: float) -> str:
    return format(Decimal(repr(value)), "f")  # every digit there is, never an exponent


def _metres(value: float) -> str:
    return f"{value:.3f}"


def _time(day_s: int | None) -> str:
    return "" if day_s is None else f"{day_s // 3600:02}:{day_s % 3600 // 60:02}:{day_s % 60:02}"
