"""A real route of Tainan's timetable as a scene: the real places and times, bins that fill the times between them."""

import os
from dataclasses import replace
from pathlib import Path

from broker.plan.calendar import day_start_at
from broker.plan.demo_area import DWELL_BASE_S, DWELL_PER_BIN_S, SPEED_MPS
from broker.plan.tainan.conversion import convert
from sim.scenario.scenario import Scenario, ScenarioError
from sim.scenario.scene import DataAbsentError, Scene

MOST_BINS = 20


def shared_folder() -> Path:
    """Where recorded data lies: the environment's ZP_SHARED, else beside the repository."""
    return Path(os.environ.get("ZP_SHARED") or Path(__file__).resolve().parents[3] / "shared")


def shared_file(*parts: str) -> Path:
    """A file of recorded data; raises DataAbsentError naming it."""
    path = shared_folder().joinpath("data", *parts)
    if not path.is_file():
        raise DataAbsentError(f"{path} is not there; set ZP_SHARED to the folder that holds data/{parts[0]}")
    return path


def tainan_scene(scenario: Scenario) -> Scene:
    """The scene of the route named in [area] route; raises DataAbsentError, or ScenarioError for an unknown route."""
    text = shared_file("routes_tainan", "stops.csv").read_text(encoding="utf-8-sig")
    plan = convert(text).plan
    wanted = [run for run in plan.runs.values() if plan.routes[run.route_id].name == scenario.area["route"]]
    if not wanted:
        raise ScenarioError(f"{scenario.name}: [area] route {scenario.area['route']!r} is not among the sound routes")
    run = wanted[0]
    route = plan.routes[run.route_id]
    rooms = {visit.room_id: plan.rooms[visit.room_id] for visit in run.visits}
    estates = {room.estate_id: plan.estates[room.estate_id] for room in rooms.values()}
    plan = replace(plan, runs={run.trip_id: run}, routes={route.route_id: route}, rooms=rooms, estates=estates)
    bins = {}
    for here, following in zip(run.visits, [*run.visits[1:], run.visits[-1]], strict=True):
        # One time per stop is all the table has: what driving does not take is taken for the stop.
        stop_s = following.arrive_day_s - here.arrive_day_s - (following.distance_m - here.distance_m) / SPEED_MPS
        bins[here.room_id, route.waste] = min(MOST_BINS, max(0, round((stop_s - DWELL_BASE_S) / DWELL_PER_BIN_S)))
    return Scene(plan, bins, day_start_at(plan, scenario.date))
