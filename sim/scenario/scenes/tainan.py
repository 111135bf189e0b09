"""A real route of Tainan's timetable as a scene: the real places and times, bins that fill the times between them."""

import os
from dataclasses import replace
from pathlib import Path

from broker.plan.calendar import day_start_at
from broker.plan.model import Plan
from broker.plan.tainan.conversion import convert
from sim.scenario.scenario import Scenario, ScenarioError
from sim.scenario.scenes.feed import bins_of
from sim.scenario.scenes.scene import DataAbsentError, Scene


def shared_folder() -> Path:
    """Where recorded data lies: the environment's ZP_SHARED, else beside the repository."""
    return Path(os.environ.get("ZP_SHARED") or Path(__file__).resolve().parents[4] / "shared")


def shared_file(*parts: str) -> Path:
    """A file of recorded data; raises DataAbsentError naming it."""
    path = shared_folder().joinpath("data", *parts)
    if not path.is_file():
        raise DataAbsentError(f"{path} is not there; set ZP_SHARED to the folder that holds data/{parts[0]}")
    return path


def tainan_plan(name: str) -> Plan:
    """The plan of one route by its name; raises DataAbsentError, or ScenarioError for an unknown route."""
    plan = convert(shared_file("routes_tainan", "stops.csv").read_text(encoding="utf-8-sig")).plan
    wanted = [run for run in plan.runs.values() if plan.routes[run.route_id].name == name]
    if not wanted:
        some = " ".join(sorted(route.name for route in plan.routes.values())[:8])
        raise ScenarioError(f"route {name!r} is not among the sound routes of the table; there are {some} ...")
    run = wanted[0]
    rooms = {visit.room_id: plan.rooms[visit.room_id] for visit in run.visits}
    estates = {room.estate_id: plan.estates[room.estate_id] for room in rooms.values()}
    routes = {run.route_id: plan.routes[run.route_id]}
    return replace(plan, runs={run.trip_id: run}, routes=routes, rooms=rooms, estates=estates)


def tainan_scene(scenario: Scenario) -> Scene:
    """The scene of the route named in [area] route; raises as `tainan_plan`."""
    plan = tainan_plan(scenario.area["route"])
    (run,) = plan.runs.values()
    waste = plan.routes[run.route_id].waste
    bins = {(room_id, waste): count for room_id, count in bins_of(run).items()}
    return Scene(plan, bins, day_start_at(plan, scenario.date))
