"""Tainan's timetable line by line: what a line says, and what in it or between the lines of a route cannot be right."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from broker.plain_text import hidden_character
from broker.plan.geometry import distance_m
from broker.plan.gtfs.tables.stops import MAX_FROM_MIDDLE_M
from broker.plan.gtfs.tables.trips import MAX_NAME_TOGETHER, MAX_SPEED_MPS, MAX_VISITS
from firmware.wire import MAX_NAME, is_id

COLUMNS = ("route", "route_id", "seq", "stop_id", "stop_name", "lon", "lat", "sched_hhmm", "weekdays")
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
class TimedStop:
    """One sound line of the CSV."""

    line: int
    seq: int
    stop_id: str
    name: str
    lat: float
    lon: float
    day_s: int
    weekdays: str


class Refusals:
    """Collects reasons and remembers whose."""

    def __init__(self) -> None:
        self.all: list[Refusal] = []
        self.routes: set[str] = set()

    def add(self, route: str, line: int, reason: str) -> None:
        """Refuse a route for what is on this line."""
        self.all.append(Refusal(route, line, reason))
        self.routes.add(route)


def read_rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """(line, cells) of every stop, blanks and line breaks in a cell as one space; TainanError for another file."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise TainanError(f"line 1: has no column {' '.join(missing)}: is this the timetable of stops?")
    rows = []
    try:
        for cells in reader:
            known = {column: " ".join((cells.get(column) or "").split()) for column in (*COLUMNS, "recycle_days")}
            rows.append((reader.line_num, known))
    except csv.Error as error:
        raise TainanError(f"line {reader.line_num}: is not CSV: {error}") from error
    if not rows:
        raise TainanError("has no stops")
    return rows


def read_stop(route: str, line: int, cells: dict[str, str], refusals: Refusals) -> TimedStop | None:
    """The stop of a line; None after every reason why it is none has been told."""
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
    if hidden := hidden_character(cells["stop_name"]):
        reasons.append(f"stop_name holds {hidden}, which cannot be seen")
    if len(cells["stop_name"]) > MAX_NAME:
        reasons.append(f"stop_name has {len(cells['stop_name'])} characters, at most {MAX_NAME} can be shown")
    weekdays = _weekdays(cells["weekdays"])
    if cells["weekdays"] and not weekdays:
        reasons.append(f"weekdays must be of {','.join(_WEEKDAYS)}, got {cells['weekdays']!r}")
    for reason in reasons:
        refusals.add(route, line, reason)
    if reasons or seq is None or day_s is None or lat is None or lon is None:
        return None
    return TimedStop(line, seq, f"s{cells['stop_id']}", cells["stop_name"], lat, lon, day_s, weekdays)


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


def refuse_routes(ids: dict[str, str], by_route: dict[str, list[TimedStop]], refusals: Refusals) -> None:
    """Refuse each route whose lines contradict each other, the other routes or the map."""
    _refuse_shared_ids(ids, by_route, refusals)
    _refuse_far_stops(by_route, refusals)
    for route, stops in by_route.items():
        _refuse_bad_order(route, ids[route], stops, refusals)
    _refuse_reused_stop_ids(by_route, refusals)


def _refuse_shared_ids(ids: dict[str, str], by_route: dict[str, list[TimedStop]], refusals: Refusals) -> None:
    first: dict[str, str] = {}
    for route, route_id in ids.items():
        line = by_route[route][0].line if by_route[route] else 1
        if not is_id(f"k{route_id}") or len(route_id) > 20:
            refusals.add(route, line, f"route_id {route_id!r} cannot be an id")
        elif first.setdefault(route_id, route) != route:
            refusals.add(route, line, f"route_id {route_id!r} is already that of {first[route_id]}")
        if len(route) > MAX_NAME:
            refusals.add(route, line, f"the route's name has {len(route)} characters, at most {MAX_NAME} can be shown")
        if hidden := hidden_character(route):
            refusals.add(route, line, f"the route's name holds {hidden}, which cannot be seen")
        if "_" not in route:
            refusals.add(route, line, f"the route's name {route!r} does not say its district (district_number)")


def _refuse_far_stops(by_route: dict[str, list[TimedStop]], refusals: Refusals) -> None:
    everywhere = [stop for stops in by_route.values() for stop in stops]
    if not everywhere:
        return
    middle = median(stop.lat for stop in everywhere), median(stop.lon for stop in everywhere)
    for route, stops in by_route.items():
        for stop in stops:
            away_km = distance_m(stop.lat, stop.lon, *middle) / 1000
            if away_km * 1000 > MAX_FROM_MIDDLE_M:
                refusals.add(route, stop.line, f"{stop.name} lies {away_km:,.0f} km from the middle of all stops")


def _refuse_bad_order(route: str, route_id: str, stops: Sequence[TimedStop], refusals: Refusals) -> None:
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
    longest = max(len(stop.stop_id) for stop in stops)
    if len(f"k{route_id}-1") + longest > MAX_NAME_TOGETHER:
        refusals.add(route, stops[0].line, f"route_id and stop_id are longer than {MAX_NAME_TOGETHER} together")
    if len(stops) > MAX_VISITS:
        refusals.add(route, stops[0].line, f"the route has {len(stops)} stops, an itinerary holds {MAX_VISITS}")
    if len({(stop.lat, stop.lon) for stop in stops}) < 2:
        refusals.add(route, stops[0].line, "a route needs stops at two places at least")


def _refuse_reused_stop_ids(by_route: dict[str, list[TimedStop]], refusals: Refusals) -> None:
    """A room is known by its stop_id: of two sound routes that mean different places by it, the later is refused."""
    first: dict[str, TimedStop] = {}
    for route, stops in by_route.items():
        if route in refusals.routes:
            continue
        own: dict[str, TimedStop] = {}
        for stop in stops:
            known = first.get(stop.stop_id) or own.setdefault(stop.stop_id, stop)
            if (known.lat, known.lon, known.name) != (stop.lat, stop.lon, stop.name):
                reason = f"stop_id {stop.stop_id[1:]} is another place ({known.name}) on line {known.line}"
                refusals.add(route, stop.line, reason)
        if route not in refusals.routes:
            first.update(own)
