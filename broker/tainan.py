"""Tainan's refuse-truck timetable (one CSV of timed stops) as a plan, for `python -m broker import-tainan`.

    route,route_id,seq,stop_id,stop_name,lon,lat,sched_hhmm,estimate,car,weekdays,recycle_days

Nothing is repaired: a route in which anything cannot be right is refused as a whole, with each line and reason,
because a run that leaves out a place is a wrong run. What the data does not know is set as follows and said in
the report: an estate is the district in the route's name, each route has a truck of its own, a truck stops
for no time at all (the table has one time per stop), and recyclables (`recycle_days`) are none of our waste kinds.
"""

import argparse
import csv
import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from broker.gtfs import write_gtfs
from broker.gtfs_runs import MAX_SPEED_MPS
from broker.gtfs_stops import MAX_FROM_MIDDLE_M
from broker.rules.geometry import distance_m, lengths_m
from broker.rules.plan import Estate, Plan, PlannedVisit, Room, Route, RunPlan, Service
from firmware.wire import WASTES, is_id

COLUMNS = ("route", "route_id", "seq", "stop_id", "stop_name", "lon", "lat", "sched_hhmm", "weekdays")
TIMEZONE = "Asia/Taipei"
_WEEKDAYS = "一二三四五六日"
_MINUTE_S = 60


class TainanError(ValueError):
    """The file is not this timetable at all; the text says why."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a route was not taken over: the line of the CSV and the reason."""

    route: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Imported:
    """The plan of the sound routes, and what became of the others."""

    plan: Plan
    refused: tuple[Refusal, ...]
    routes_read: int
    stops_read: int
    notes: tuple[str, ...]

    @property
    def refused_routes(self) -> tuple[str, ...]:
        """The names of the routes that were not taken over, in order of the file."""
        return tuple(dict.fromkeys(refusal.route for refusal in self.refused))


@dataclass(frozen=True, slots=True)
class _Stop:
    """One sound line of the CSV."""

    line: int
    seq: int
    stop_id: str
    name: str
    lat: float
    lon: float
    day_s: int
    weekdays: str


class _Refusals:
    """Collects reasons and remembers whose."""

    def __init__(self) -> None:
        self.all: list[Refusal] = []
        self.routes: set[str] = set()

    def add(self, route: str, line: int, reason: str) -> None:
        self.all.append(Refusal(route, line, reason))
        self.routes.add(route)


def convert(text: str, *, area_id: str = "tainan", waste: str = "residential_dry", start_date: str = "20260101",
            end_date: str = "20991231") -> Imported:  # fmt: skip
    """The plan in the CSV's text; raises TainanError if it is not this timetable."""
    rows = _rows(text)
    refusals = _Refusals()
    by_route: dict[str, list[_Stop]] = {}
    ids: dict[str, str] = {}
    for line, cells in rows:
        route = cells["route"]
        stop = _stop(route, line, cells, refusals)
        by_route.setdefault(route, [])
        if stop is not None:
            by_route[route].append(stop)
        if ids.setdefault(route, cells["route_id"]) != cells["route_id"]:
            refusals.add(route, line, f"the route has the ids {ids[route]!r} and {cells['route_id']!r}")
    _refuse_shared_ids(ids, by_route, refusals)
    _refuse_far_stops(by_route, refusals)
    for route, stops in by_route.items():
        _refuse_bad_order(route, stops, refusals)
    _refuse_reused_stop_ids(by_route, refusals)
    sound = {route: stops for route, stops in by_route.items() if route not in refusals.routes}
    if not sound:
        raise TainanError(f"none of the {len(by_route)} routes can be taken over; the first reason: "
                          f"line {refusals.all[0].line}: {refusals.all[0].reason}")  # fmt: skip
    plan = _plan(sound, ids, area_id, waste, (start_date, end_date))
    order = {route: number for number, route in enumerate(by_route)}
    refused = tuple(sorted(refusals.all, key=lambda refusal: (order[refusal.route], refusal.line)))
    return Imported(plan, refused, len(by_route), len(rows), _notes(rows, sound))


def _rows(text: str) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise TainanError(f"line 1: has no column {' '.join(missing)}: is this the timetable of stops?")
    rows = []
    try:
        for cells in reader:
            known = {column: (cells.get(column) or "").strip() for column in (*COLUMNS, "recycle_days")}
            rows.append((reader.line_num, known))
    except csv.Error as error:
        raise TainanError(f"line {reader.line_num}: is not CSV: {error}") from error
    if not rows:
        raise TainanError("has no stops")
    return rows


def _stop(route: str, line: int, cells: dict[str, str], refusals: _Refusals) -> _Stop | None:
    reasons = [f"{column} is empty" for column in COLUMNS if not cells[column]]
    seq, day_s = _whole(cells["seq"]), _time_s(cells["sched_hhmm"])
    lat, lon = _degrees(cells["lat"], 90), _degrees(cells["lon"], 180)
    if cells["seq"] and seq is None:
        reasons.append(f"seq must be a whole number, got {cells['seq']!r}")
    if cells["sched_hhmm"] and day_s is None:
        reasons.append(f"sched_hhmm must be a time HH:MM, got {cells['sched_hhmm']!r}")
    for column, value, most in (("lat", lat, 90), ("lon", lon, 180)):
        if cells[column] and value is None:
            reasons.append(f"{column} must be a number from -{most} to {most}, got {cells[column]!r}")
    if cells["stop_id"] and not is_id(f"s{cells['stop_id']}"):
        reasons.append(f"stop_id {cells['stop_id']!r} cannot be an id")
    weekdays = _weekdays(cells["weekdays"])
    if cells["weekdays"] and not weekdays:
        reasons.append(f"weekdays must be of {','.join(_WEEKDAYS)}, got {cells['weekdays']!r}")
    for reason in reasons:
        refusals.add(route, line, reason)
    if reasons or seq is None or day_s is None or lat is None or lon is None:
        return None
    return _Stop(line, seq, f"s{cells['stop_id']}", cells["stop_name"], lat, lon, day_s, weekdays)


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _time_s(text: str) -> int | None:
    hours, colon, minutes = text.partition(":")
    if not colon or len(minutes) != 2 or _whole(hours) is None or _whole(minutes) is None:
        return None
    return int(hours) * 3600 + int(minutes) * 60 if int(hours) < 48 and int(minutes) < 60 else None


def _degrees(text: str, most: int) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if -most <= value <= most else None


def _weekdays(text: str) -> str:
    """The weekdays as digits from Monday = 1, empty if there is any other word or a day twice."""
    days = [day.strip() for day in text.split(",")]
    if len(set(days)) < len(days) or any(len(day) != 1 or day not in _WEEKDAYS for day in days):
        return ""
    return "".join(sorted(str(_WEEKDAYS.index(day) + 1) for day in days))


def _refuse_shared_ids(ids: dict[str, str], by_route: dict[str, list[_Stop]], refusals: _Refusals) -> None:
    first: dict[str, str] = {}
    for route, route_id in ids.items():
        line = by_route[route][0].line if by_route[route] else 1
        if not is_id(f"k{route_id}") or len(route_id) > 20:
            refusals.add(route, line, f"route_id {route_id!r} cannot be an id")
        elif first.setdefault(route_id, route) != route:
            refusals.add(route, line, f"route_id {route_id!r} is already that of {first[route_id]}")
        if "_" not in route:
            refusals.add(route, line, f"the route's name {route!r} does not say its district (district_number)")


def _refuse_far_stops(by_route: dict[str, list[_Stop]], refusals: _Refusals) -> None:
    everywhere = [stop for stops in by_route.values() for stop in stops]
    if not everywhere:
        return
    middle = median(stop.lat for stop in everywhere), median(stop.lon for stop in everywhere)
    for route, stops in by_route.items():
        for stop in stops:
            away_km = distance_m(stop.lat, stop.lon, *middle) / 1000
            if away_km * 1000 > MAX_FROM_MIDDLE_M:
                refusals.add(route, stop.line, f"{stop.name} lies {away_km:,.0f} km from the middle of all stops")


def _refuse_bad_order(route: str, stops: Sequence[_Stop], refusals: _Refusals) -> None:
    if route in refusals.routes:
        return  # a stop is missing or misplaced: what follows from that is no further reason
    for before, here in pairwise(stops):
        gap_s = here.day_s - before.day_s
        way_m = distance_m(before.lat, before.lon, here.lat, here.lon)
        if here.seq <= before.seq:
            refusals.add(route, here.line, f"seq {here.seq} comes after {before.seq}")
        if gap_s < 0:
            refusals.add(route, here.line, f"the time runs backwards, by {-gap_s // 60} min to {here.day_s // 3600:02}:"
                                           f"{here.day_s % 3600 // 60:02}")  # fmt: skip
        elif way_m > MAX_SPEED_MPS * (gap_s + _MINUTE_S):
            refusals.add(route, here.line, f"no truck drives {way_m / 1000:,.1f} km in {gap_s // 60} min")
        if here.weekdays != before.weekdays:
            refusals.add(route, here.line, f"weekdays are {here.weekdays}, on the line before {before.weekdays}")
    if len({(stop.lat, stop.lon) for stop in stops}) < 2:
        refusals.add(route, stops[0].line, "a route needs stops at two places at least")


def _refuse_reused_stop_ids(by_route: dict[str, list[_Stop]], refusals: _Refusals) -> None:
    """A room is known by its stop_id: of two sound routes that mean different places by it, the later is refused."""
    first: dict[str, _Stop] = {}
    for route, stops in by_route.items():
        if route in refusals.routes:
            continue
        own: dict[str, _Stop] = {}
        for stop in stops:
            known = first.get(stop.stop_id) or own.setdefault(stop.stop_id, stop)
            if (known.lat, known.lon, known.name) != (stop.lat, stop.lon, stop.name):
                reason = f"stop_id {stop.stop_id[1:]} is another place ({known.name}) on line {known.line}"
                refusals.add(route, stop.line, reason)
        if route not in refusals.routes:
            first.update(own)


def _plan(by_route: dict[str, list[_Stop]], ids: dict[str, str], area_id: str, waste: str,
          dates: tuple[str, str]) -> Plan:  # fmt: skip
    districts = sorted({route.rpartition("_")[0] for route in by_route})
    estates = {f"d{n:02}": Estate(f"d{n:02}", name) for n, name in enumerate(districts, start=1)}
    estate_of = {estate.name: estate_id for estate_id, estate in estates.items()}
    rooms: dict[str, Room] = {}
    routes: dict[str, Route] = {}
    services: dict[str, Service] = {}
    runs: dict[str, RunPlan] = {}
    for route, stops in by_route.items():
        route_id, week = ids[route], stops[0].weekdays
        line = tuple((stop.lat, stop.lon) for stop in stops)
        for stop in stops:
            estate_id = estate_of[route.rpartition("_")[0]]
            rooms.setdefault(stop.stop_id, Room(stop.stop_id, stop.name, stop.lat, stop.lon, estate_id, (waste,)))
        routes[f"k{route_id}"] = Route(f"k{route_id}", route, waste, line)
        services.setdefault(f"w{week}", Service(f"w{week}", _flags(week), *dates))
        visits = tuple(
            PlannedVisit(stop.stop_id, stop.seq, stop.day_s, stop.day_s, along_m)
            for stop, along_m in zip(stops, lengths_m(line), strict=True)
        )
        runs[f"k{route_id}-1"] = RunPlan(f"k{route_id}-1", f"k{route_id}", f"t{route_id}", f"w{week}", visits)
    return Plan(area_id, "臺南市 / Tainan City", TIMEZONE, estates, rooms, routes, services, runs)


def _flags(week: str) -> tuple[bool, bool, bool, bool, bool, bool, bool]:
    return ("1" in week, "2" in week, "3" in week, "4" in week, "5" in week, "6" in week, "7" in week)


def _notes(rows: Sequence[tuple[int, dict[str, str]]], sound: Iterable[str]) -> tuple[str, ...]:
    routes = set(sound)
    taken = [cells for _, cells in rows if cells["route"] in routes]
    lost = sum("?" in cells["stop_name"] for cells in taken)
    recycling = len({cells["route"] for cells in taken if cells["recycle_days"]})
    notes = [
        "the table has one time per stop: arrival and departure are the same",
        "the table names no trucks and no estates: each route has a truck of its own, an estate is a district",
    ]
    if lost:
        notes.append(f"{lost} stop names contain ?, a character the source has lost; they are taken over as they are")
    if recycling:
        notes.append(f"{recycling} routes also name recycling days, which are not taken over")
    return tuple(notes)


def report(imported: Imported) -> str:
    """What was taken over and what was refused and why, for a person."""
    plan, refused = imported.plan, imported.refused_routes
    stops = sum(len(run.visits) for run in plan.runs.values())
    lines = [
        f"read {imported.routes_read} routes with {imported.stops_read} stops",
        f"took over {len(plan.runs)} routes with {stops} stops, {len(plan.rooms)} rooms",
        f"refused {len(refused)} routes with {imported.stops_read - stops} stops{':' if refused else ''}",
    ]
    for route, reasons in groupby(imported.refused, key=lambda refusal: refusal.route):
        lines.append(f"  {route}")
        lines += [f"    line {refusal.line}: {refusal.reason}" for refusal in reasons]
    return "\n".join([*lines, *(f"note: {note}" for note in imported.notes)])


def add_commands(subparsers: Any) -> None:
    """Register `import-tainan` with the server's command line."""
    command = subparsers.add_parser(
        "import-tainan", help="convert Tainan's refuse-truck timetable into a GTFS feed, reporting what is refused"
    )
    command.add_argument("stops", type=Path, help="the timetable, a CSV of timed stops")
    command.add_argument("out", type=Path, help="folder or .zip for the feed")
    command.add_argument("--area", default="tainan", help="id of the area (default: tainan)")
    command.add_argument("--waste", default="residential_dry", choices=WASTES, help="what the trucks collect")
    command.set_defaults(run=run_import)


def run_import(arguments: argparse.Namespace) -> int:
    """Convert, write and report; 0 if any route was taken over, else 1."""
    if not is_id(arguments.area):
        print(f"--area {arguments.area!r} cannot be an id: use 1-64 of a-z A-Z 0-9 . _ -", file=sys.stderr)
        return 2
    try:
        text = arguments.stops.read_bytes().decode("utf-8")
        imported = convert(text, area_id=arguments.area, waste=arguments.waste)
        write_gtfs(imported.plan, arguments.out)
    except UnicodeDecodeError:
        print(f"{arguments.stops}: is not UTF-8; save it as UTF-8 and try again", file=sys.stderr)
        return 1
    except (TainanError, OSError) as error:
        print(f"{arguments.stops}: nothing was taken over: {error}", file=sys.stderr)
        return 1
    print(report(imported))
    print(f"wrote {arguments.out}")
    return 0
