"""Tainan's refuse-truck timetable (one CSV of timed stops) as a plan, for `python3 -m broker import-tainan`.

    route,route_id,seq,stop_id,stop_name,lon,lat,sched_hhmm,estimate,car,weekdays,recycle_days

Nothing is repaired: a route in which anything cannot be right is refused as a whole, with each line and reason,
because a run that leaves out a place is a wrong run. What the data does not know is set as follows and said in
the report: an estate is the district in the route's name, each route has a truck of its own, a truck stops
for no time at all (the table has one time per stop), and recyclables (`recycle_days`) are none of our waste kinds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from broker.plan.geometry import lengths_m
from broker.plan.model import Estate, Plan, PlannedVisit, Room, Route, RunPlan, Service
from broker.plan.tainan.rows import Refusal, Refusals, TainanError, TimedStop, read_rows, read_stop, refuse_routes

__all__ = ["Imported", "Refusal", "TainanError", "convert", "report"]

TIMEZONE = "Asia/Taipei"


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


def convert(text: str, *, area_id: str = "tainan", waste: str = "residential_dry", start_date: str = "20260101",
            end_date: str = "20991231") -> Imported:  # fmt: skip
    """The plan in the CSV's text; raises TainanError if it is not this timetable."""
    rows = read_rows(text)
    refusals = Refusals()
    by_route: dict[str, list[TimedStop]] = {}
    ids: dict[str, str] = {}
    for line, cells in rows:
        route = cells["route"]
        stop = read_stop(route, line, cells, refusals)
        by_route.setdefault(route, [])
        if stop is not None:
            by_route[route].append(stop)
        if ids.setdefault(route, cells["route_id"]) != cells["route_id"]:
            refusals.add(route, line, f"the route has the ids {ids[route]!r} and {cells['route_id']!r}")
    refuse_routes(ids, by_route, refusals)
    sound = {route: stops for route, stops in by_route.items() if route not in refusals.routes}
    if not sound:
        raise TainanError(f"none of the {len(by_route)} routes can be taken over; the first reason: "
                          f"line {refusals.all[0].line}: {refusals.all[0].reason}")  # fmt: skip
    plan = _plan(sound, ids, area_id, waste, (start_date, end_date))
    order = {route: number for number, route in enumerate(by_route)}
    refused = tuple(sorted(refusals.all, key=lambda refusal: (order[refusal.route], refusal.line)))
    return Imported(plan, refused, len(by_route), len(rows), _notes(rows, sound))


def _plan(by_route: dict[str, list[TimedStop]], ids: dict[str, str], area_id: str, waste: str,
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
