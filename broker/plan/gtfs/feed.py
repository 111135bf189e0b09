"""An area's plan as a GTFS feed: a folder or .zip of `agency stops routes trips stop_times calendar`, read and written.

Beside GTFS's own columns: `routes.waste_kind`, `stops.estate_id`, `stops.wastes` (by spaces; if empty those of the
routes that stop there), `trips.truck_id`, `trips.capacity_bins`, `trips.capacity_kg`, `trips.shift_end`, and the
optional file `estates.txt` (estate_id, estate_name). `agency_id` is the area's id. Optional as in GTFS:
`shapes.txt` and `calendar_dates.txt`. A feed in which anything cannot be right is refused as a whole.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

from broker.plan.calendar import share_a_day
from broker.plan.gtfs.files import Finding, GtfsError, read_tables
from broker.plan.gtfs.parts import Feed, RouteRow, read_agency, read_estates, read_routes, read_services, read_shapes
from broker.plan.gtfs.runs import (
    StopTime,
    TripRow,
    check_times,
    read_stop_times,
    read_trips,
    route_line,
    run_plan,
    trips_without_times,
)
from broker.plan.gtfs.stops import StopRow, read_stops
from broker.plan.gtfs.writing import write_gtfs
from broker.plan.model import Plan, Route, RunPlan

__all__ = ["Finding", "GtfsError", "read_gtfs", "write_gtfs"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "agency.txt": ("agency_id", "agency_name", "agency_timezone"),
    "estates.txt": ("estate_id", "estate_name"),
    "stops.txt": ("stop_id", "stop_name", "stop_lat", "stop_lon", "estate_id"),
    "routes.txt": ("route_id", "waste_kind"),
    "trips.txt": ("route_id", "service_id", "trip_id", "truck_id"),
    "stop_times.txt": ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
    "calendar.txt": ("service_id", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
                     "start_date", "end_date"),
    "calendar_dates.txt": ("service_id", "date", "exception_type"),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
}  # fmt: skip
_MAY_BE_ABSENT = ("estates.txt", "calendar.txt", "calendar_dates.txt", "shapes.txt")


def read_gtfs(path: Path | str) -> Plan:
    """The plan of the feed in a folder or .zip; raises GtfsError with every reason for which it cannot be right."""
    findings: list[Finding] = []
    feed = Feed(read_tables(Path(path), _COLUMNS, findings), findings)
    if findings and not any(table.present for table in feed.tables.values()):
        raise GtfsError(str(path), findings)
    _check_columns(feed)
    plan = _plan(feed)
    if not findings:
        _check_trucks(feed, plan)
    if findings:
        raise GtfsError(str(path), findings)
    return plan


def _check_columns(feed: Feed) -> None:
    for name, columns in _COLUMNS.items():
        table = feed.tables[name]
        if not table.present:
            if name not in _MAY_BE_ABSENT:
                feed.findings.append(Finding(name, 0, "is missing"))
                table.sound = False
        elif table.columns:
            for column in columns:
                if column not in table.columns:
                    feed.findings.append(Finding(name, 1, f"has no column {column}"))
            if not set(columns) <= set(table.columns):
                table.rows, table.sound = [], False
    # Services may live in either calendar; what trips name is looked up in both together.
    if not feed.tables["calendar.txt"].present and not feed.tables["calendar_dates.txt"].present:
        feed.findings.append(Finding("calendar.txt", 0, "is missing (and so is calendar_dates.txt)"))
        feed.tables["calendar.txt"].sound = False
    feed.tables["calendar.txt"].sound &= feed.tables["calendar_dates.txt"].sound
    routes = feed.tables["routes.txt"]
    if routes.columns and not {"route_long_name", "route_short_name"} & set(routes.columns):
        feed.findings.append(Finding("routes.txt", 1, "has no column route_long_name (nor route_short_name)"))
        routes.rows, routes.sound = [], False


def _plan(feed: Feed) -> Plan:
    area_id, name, zone = read_agency(feed)
    estates, services, shapes = read_estates(feed), read_services(feed), read_shapes(feed)
    stops, route_rows = read_stops(feed, estates), read_routes(feed)
    trips = read_trips(feed, route_rows, services, shapes)
    times = read_stop_times(feed, stops)
    feed.findings.extend(trips_without_times(feed, trips))
    for trip_id, stop_times in times.items():
        check_times(trip_id, stop_times, stops)
    routes, runs = {}, {}
    for route_id, row in route_rows.items():
        own = [trip for trip in trips.values() if trip.route_id == route_id]
        line = route_line(feed, row, own, times, stops, shapes)
        routes[route_id] = Route(route_id, row.name, row.waste, line)
        for trip in own:
            shape = shapes[trip.shape_id] if trip.shape_id else None
            run = run_plan(trip, times[trip.trip_id], line, shape, stops) if trip.trip_id in times else None
            if run is not None:
                runs[trip.trip_id] = run
    calling = _wastes_that_call(trips.values(), route_rows, times)
    _check_wastes(stops, calling)
    rooms = {room_id: stop.room(calling.get(room_id, {})) for room_id, stop in stops.items()}
    in_order = {trip_id: runs[trip_id] for trip_id in trips if trip_id in runs}
    return Plan(area_id, name, zone, estates, rooms, routes, services, in_order)


def _wastes_that_call(trips: Iterable[TripRow], routes: Mapping[str, RouteRow],
                      times: Mapping[str, list[StopTime]]) -> dict[str, dict[str, StopTime]]:  # fmt: skip
    """Per room the waste kinds whose routes stop there, each with a line that says so."""
    calling: dict[str, dict[str, StopTime]] = {}
    for trip in trips:
        waste = routes[trip.route_id].waste
        for time in times.get(trip.trip_id, ()):
            calling.setdefault(time.room_id, {}).setdefault(waste, time)
    return calling


def _check_wastes(stops: Mapping[str, StopRow], calling: Mapping[str, Mapping[str, StopTime]]) -> None:
    for room_id, wastes in calling.items():
        stop = stops[room_id]
        for waste, time in wastes.items():
            if stop.wastes is not None and waste not in stop.wastes:
                time.row.refuse(f"{room_id} does not take {waste} (stops.txt, line {stop.row.line})")


def _check_trucks(feed: Feed, plan: Plan) -> None:
    """Refuse two runs of one truck at the same time on the same day."""
    lines = {cells["trip_id"]: line for line, cells in feed.tables["trips.txt"].rows}
    by_truck: dict[str, list[RunPlan]] = {}
    for run in plan.runs.values():
        by_truck.setdefault(run.truck_id, []).append(run)
    for runs in by_truck.values():
        for one, other in combinations(sorted(runs, key=lambda run: lines[run.trip_id]), 2):
            starts_s = max(one.visits[0].arrive_day_s, other.visits[0].arrive_day_s)
            ends_s = min(one.visits[-1].leave_day_s, other.visits[-1].leave_day_s)
            if starts_s < ends_s and share_a_day(plan.services[one.service_id], plan.services[other.service_id]):
                reason = f"truck {one.truck_id!r} is on trip {one.trip_id!r} (line {lines[one.trip_id]}) at that time"
                feed.findings.append(Finding("trips.txt", lines[other.trip_id], reason))
