"""How the trucks of a day on record were driven, from their positions and visits.

Driving is the time between two stays, less where a truck stood for a press: what was in its way then is played anew.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from broker.plan.calendar import service_runs
from broker.plan.model import Plan, RunPlan
from sim.world.road.driven import START, Driven, Knots
from sim.world.road.driving import Path

STANDS_MPS = 0.5
REST_S = 30  # a truck that says nothing for so long while it stands has not set out yet
OFF_LINE_M = 60.0  # a position so far from the line says nothing of where on it the truck is
PRESS_S = 2.0  # a finger needs so long

Body = Mapping[str, Any]


def driven_then(
    plan: Plan, day: date, visits: Mapping[str, Body], fixes: Mapping[str, Sequence[Body]],
    presses: Mapping[str, Sequence[Body]],
) -> Driven:  # fmt: skip
    """The departures, driving and stays of a day's runs, of those that were driven."""
    departs: dict[str, float] = {}
    places: dict[str, tuple[float, float]] = {}
    stretches: dict[str, Knots] = {}
    ways_s: dict[tuple[str, str], float] = {}
    halts, looks_s = _halts(fixes, presses)
    stays = stays_of(visits.values())
    for run in service_runs(plan, day):
        run_id = f"{run.trip_id}.{day:%Y%m%d}"
        made = made_by(run_id, visits.values())
        said = fixes.get(run.truck_id, ())
        if not made or not said:
            continue
        departs[run_id], places[run_id] = _departure(said, made[0], _before(made[0], run.truck_id, visits.values()))
        lost = halts.get(run.truck_id, [])
        ways_s[START, made[0]["room"]] = made[0]["arrived_at"] - departs[run_id]
        for one, other in pairwise(made):
            took_s = other["arrived_at"] - one["left_at"] - _within(lost, one["left_at"], other["arrived_at"])
            ways_s.setdefault((one["room"], other["room"]), max(1.0, took_s))
        stretches[run_id] = _knots(plan, run, made, departs[run_id], said, lost)
    return Driven(departs, places, stretches, ways_s, stays, looks_s)


def made_by(run_id: str, visits: Iterable[Body]) -> list[Body]:
    """The visits of a run that were really made, in their order."""
    made = [one for one in visits if one["run_id"] == run_id and one["arrived_at"] and one["left_at"]]
    return sorted(made, key=lambda one: (one["arrived_at"], one["left_at"]))


def stays_of(visits: Iterable[Body]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """When a truck stood where, and how long."""
    stays: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for one in visits:
        if one["arrived_at"] and one["left_at"]:
            stays[one["room"], one["waste"]].append((one["arrived_at"], one["left_at"] - one["arrived_at"]))
    return stays


def _before(first: Body, truck: str, visits: Iterable[Body]) -> float:
    """When the truck left the last room of an earlier run."""
    left = [one["left_at"] for one in visits if one["truck"] == truck and one["left_at"]]
    return max((at for at in left if at <= first["arrived_at"]), default=-math.inf)


def _departure(said: Sequence[Body], first: Body, after_at: float) -> tuple[float, tuple[float, float]]:
    """When and where the truck stood last for a minute or more before its first room."""
    before = [one for one in said if after_at < one["fix_at"] <= first["arrived_at"]]
    found = before[0] if before else said[0]
    for one, later in pairwise(before):
        if _stands(one) and later["fix_at"] - one["fix_at"] >= REST_S:
            found = {**one, "fix_at": later["fix_at"] - 1}
    return float(found["fix_at"]), (found["lat"], found["lon"])


def _stands(fix: Body) -> bool:
    return fix["speed_mps"] is not None and bool(fix["speed_mps"] < STANDS_MPS)


def _drives(fix: Body) -> bool:
    return fix["speed_mps"] is not None and bool(fix["speed_mps"] >= STANDS_MPS)


def _halts(
    fixes: Mapping[str, Sequence[Body]], presses: Mapping[str, Sequence[Body]]
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, float]]:
    """Where each truck stood for its presses, from when to when; and how long a driver looked before he pressed."""
    halts: dict[str, list[tuple[float, float]]] = defaultdict(list)
    looks_s: dict[str, float] = {}
    for versions in presses.values():
        press, said = versions[0], fixes.get(versions[0]["truck"], ())
        stood = [one for one in said if one["fix_at"] <= press["pressed_at"]]
        since_at = until_at = float(press["pressed_at"])
        for one in reversed(stood):
            if _drives(one):
                break
            since_at = float(one["fix_at"])
        moved = [one for one in said if one["fix_at"] > press["pressed_at"] and _drives(one)]
        until_at = float(moved[0]["fix_at"]) if moved else math.inf
        halts[press["truck"]].append((since_at, until_at))
        if press["room"] is not None:
            looks_s.setdefault(press["room"], max(1.0, press["pressed_at"] - since_at - PRESS_S))
    return halts, looks_s


def _within(halts: Iterable[tuple[float, float]], from_at: float, to_at: float) -> float:
    return sum(max(0.0, min(end, to_at) - max(start, from_at)) for start, end in halts)


def _knots(
    plan: Plan, run: RunPlan, made: Sequence[Body], departs_at: float, said: Sequence[Body],
    halts: Sequence[tuple[float, float]],
) -> Knots:  # fmt: skip
    """The line's metres beside the seconds of driving, of every leg that went further along it than any before."""
    line = Path(plan.route_of(run).line)
    planned: dict[str, list[float]] = defaultdict(list)
    for visit in run.visits:
        planned[visit.room_id].append(visit.distance_m)
    knots, at_m, left_at, driven_s = [(0.0, 0.0)], 0.0, departs_at, 0.0
    for one in made:
        goals = [goal_m for goal_m in planned[one["room"]] if goal_m > at_m]
        if goals:
            goal_m, began_s = goals[0], driven_s
            for fix in said:
                if not left_at < fix["fix_at"] < one["arrived_at"]:
                    continue
                off_m, along_m = line.nearest_m((fix["lat"], fix["lon"]), at_m)
                spent_s = began_s + fix["fix_at"] - left_at - _within(halts, left_at, fix["fix_at"])
                if off_m <= OFF_LINE_M and at_m < along_m < goal_m and spent_s > driven_s:
                    knots.append((along_m, spent_s))
                    at_m, driven_s = along_m, spent_s
            spent_s = began_s + one["arrived_at"] - left_at - _within(halts, left_at, one["arrived_at"])
            at_m, driven_s = goal_m, max(driven_s + 0.1, spent_s)
            knots.append((at_m, driven_s))
        left_at = one["left_at"]
    return knots
