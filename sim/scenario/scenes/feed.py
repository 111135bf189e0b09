"""Any GTFS feed that the bridge takes as a scene: its own streets and times, bins that fill the time of each stay."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from broker.plan.calendar import day_start_at, service_runs
from broker.plan.demo_area import DWELL_BASE_S, DWELL_PER_BIN_S, SPEED_MPS
from broker.plan.gtfs.feed import GtfsError, read_gtfs
from broker.plan.model import Plan, PlannedVisit, RunPlan
from sim.scenario.scenario import Scenario, ScenarioError
from sim.scenario.scenes.scene import Scene
from sim.scenario.schema import EVERY_VISIT

MOST_BINS = 20
MOST_ROOMS = 400  # a day of more takes longer than anybody waits


@lru_cache(maxsize=4)
def plan_of_feed(path: str) -> Plan:
    """The plan in a folder or zip; raises ScenarioError with every reason for which it cannot be right."""
    try:
        return read_gtfs(Path(path))
    except GtfsError as why:
        raise ScenarioError(f"the plan is refused: {why}") from why


def feed_scene(scenario: Scenario) -> Scene:
    """The scene of the feed named in [area] plan on the scenario's day; raises ScenarioError."""
    plan = plan_of_feed(scenario.area["plan"])
    if scenario.area["leave"] or scenario.area["first_visits"] < EVERY_VISIT:
        raise ScenarioError(f"{scenario.name}: [area] leave and first_visits change the demo area only, no feed")
    wanted, each = scenario.area["runs"], scenario.area["bins_each"]
    unknown = [name for name in wanted if name not in plan.runs]
    if unknown:
        some = " ".join(sorted(plan.runs)[:12])
        raise ScenarioError(f"{scenario.name}: [area] names unknown runs {unknown}; there are {some} ...")
    runs = {run.trip_id: run for run in service_runs(plan, scenario.date) if not wanted or run.trip_id in wanted}
    if not runs:
        raise ScenarioError(f"{scenario.name}: none of these runs operates on {scenario.date}; say another --date")
    routes = {run.route_id: plan.routes[run.route_id] for run in runs.values()}
    visited = {visit.room_id for run in runs.values() for visit in run.visits}
    if len(visited) > MOST_ROOMS:
        raise ScenarioError(
            f"{scenario.name}: {len(runs)} runs to {len(visited)} rooms are too many to play at once "
            f"(at most {MOST_ROOMS} rooms): name some, --runs {','.join(list(runs)[:2])}"
        )
    rooms = {room_id: plan.rooms[room_id] for room_id in visited}
    estates = {room.estate_id: plan.estates[room.estate_id] for room in rooms.values()}
    plan = replace(plan, runs=runs, routes=routes, rooms=rooms, estates=estates)
    bins = {}
    for run in runs.values():
        for room_id, count in bins_of(run).items():
            bins[room_id, routes[run.route_id].waste] = count if each < 0 else each
    return Scene(plan, bins, day_start_at(plan, scenario.date))


def bins_of(run: RunPlan) -> dict[str, int]:
    """How many bins would fill each stay of a run, as its timetable has it."""
    following = [*run.visits[1:], run.visits[-1]]
    return {visit.room_id: _bins(_stay_s(visit, after)) for visit, after in zip(run.visits, following, strict=True)}


def _stay_s(visit: PlannedVisit, after: PlannedVisit) -> float:
    """What the timetable leaves for a stay; where it has one time for a stop, what driving does not take."""
    if visit.leave_day_s > visit.arrive_day_s:
        return visit.leave_day_s - visit.arrive_day_s
    return after.arrive_day_s - visit.arrive_day_s - (after.distance_m - visit.distance_m) / SPEED_MPS


def _bins(stay_s: float) -> int:
    return min(MOST_BINS, max(0, round((stay_s - DWELL_BASE_S) / DWELL_PER_BIN_S)))
