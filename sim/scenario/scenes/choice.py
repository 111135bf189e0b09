"""Where a scenario plays: the demo area, any GTFS feed, a real Tainan route, or a recorded track."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from broker.plan.calendar import day_start_at, service_runs
from broker.plan.demo_area import BINS, DWELL_BASE_S, DWELL_PER_BIN_S, SPEED_MPS, demo_plan
from broker.plan.model import Plan, RunPlan, Vehicle
from firmware.wire import WASTES
from sim.scenario.scenario import Scenario, ScenarioError, day_s
from sim.scenario.scenes.feed import feed_scene
from sim.scenario.scenes.recorded_receiver import receiver_scene
from sim.scenario.scenes.scene import Scene
from sim.scenario.scenes.tainan import tainan_scene
from sim.world.gps.receiver import METRES_PER_DEGREE
from sim.world.road.driving import Path
from sim.world.trucks import RunToday

DEPOT_AWAY_M = 600.0
NEIGHBOUR_M = 35.0


def scene_of(scenario: Scenario) -> Scene:
    """The area of a scenario; raises ScenarioError, or DataAbsentError where recorded data is missing."""
    scene = _scene_of(scenario)
    # A truck that stands by is a registered vehicle: only such a one can be asked to take over.
    ready = {truck: Vehicle(truck, WASTES) for truck in scenario.area["standby"] if truck not in scene.plan.trucks()}
    return replace(scene, plan=replace(scene.plan, vehicles={**scene.plan.vehicles, **ready}))


def _scene_of(scenario: Scenario) -> Scene:
    kind = scenario.area["kind"]
    if kind == "tainan":
        return tainan_scene(scenario)
    if kind == "feed":
        return feed_scene(scenario)
    if kind == "receiver":
        return receiver_scene(scenario)
    plan = demo_plan()
    each = scenario.area["bins_each"]
    bins = dict.fromkeys(BINS, each) if each >= 0 else dict(BINS)
    wanted = scenario.area["runs"] or list(plan.runs)
    unknown = [name for name in (*wanted, *scenario.area["leave"]) if name not in plan.runs]
    if unknown:
        raise ScenarioError(f"{scenario.name}: [area] names unknown runs {unknown}; there are {' '.join(plan.runs)}")
    runs = {name: shortened(plan.runs[name], scenario) for name in wanted}
    plan = with_neighbours(plan, runs, bins, scenario.area["neighbours"])
    runs = {name: retimed(plan, run, bins, scenario.area["leave"].get(name)) for name, run in runs.items()}
    driven = {run.route_id for run in runs.values()}
    routes = {route_id: route for route_id, route in plan.routes.items() if route_id in driven}
    plan = replace(plan, runs=runs, routes=routes)
    if scenario.area["runs"] and not scenario.area["all_rooms"]:  # rooms that nobody visits would only cost time
        visited = {visit.room_id for run in runs.values() for visit in run.visits}
        plan = replace(plan, rooms={room_id: room for room_id, room in plan.rooms.items() if room_id in visited})
    return Scene(plan, bins, day_start_at(plan, scenario.date))


def shortened(run: RunPlan, scenario: Scenario) -> RunPlan:
    """The run with its first visits only, where the scenario asks for that."""
    return replace(run, visits=run.visits[: scenario.area["first_visits"]])


def with_neighbours(
    plan: Plan, runs: dict[str, RunPlan], bins: dict[tuple[str, str], int], number: int
) -> Plan:
    """The plan with another room a little further on from the first so many of each run; `runs` and `bins` get them."""
    rooms = dict(plan.rooms)
    for name, run in runs.items():
        route, visits = plan.route_of(run), []
        line = Path(route.line)
        for place, visit in enumerate(run.visits):
            visits.append(visit)
            if place >= number:
                continue
            room, along_m = plan.rooms[visit.room_id], visit.distance_m + NEIGHBOUR_M
            lat, lon, _ = line.at(along_m)
            room_id = f"n{len(rooms) - len(plan.rooms) + 1:02d}"
            rooms[room_id] = replace(room, room_id=room_id, lat=lat, lon=lon, wastes=(route.waste,))
            bins[room_id, route.waste] = bins.get((room.room_id, route.waste), 0)
            visits.append(replace(visit, room_id=room_id, distance_m=along_m))
        runs[name] = replace(run, visits=tuple(replace(one, sequence=at) for at, one in enumerate(visits, 1)))
    return replace(plan, rooms=rooms)


def retimed(plan: Plan, run: RunPlan, bins: Mapping[tuple[str, str], int], leave: str | None) -> RunPlan:
    """The run with a timetable that fits these bins, leaving the depot at `leave` (None: as planned)."""
    first = run.visits[0]
    leave_s = first.arrive_day_s - first.distance_m / SPEED_MPS if leave is None else day_s(leave, "[area] leave")
    waste = plan.routes[run.route_id].waste
    clock_s, along_m, visits = float(leave_s), 0.0, []
    for visit in run.visits:
        clock_s += (visit.distance_m - along_m) / SPEED_MPS
        along_m = visit.distance_m
        arrive_s = round(clock_s)
        clock_s += DWELL_BASE_S + DWELL_PER_BIN_S * bins.get((visit.room_id, waste), 0)
        visits.append(replace(visit, arrive_day_s=arrive_s, leave_day_s=max(arrive_s, round(clock_s))))
    slack_s = (run.shift_end_day_s or 0) - run.visits[-1].leave_day_s
    end_s = None if run.shift_end_day_s is None else visits[-1].leave_day_s + slack_s
    return replace(run, visits=tuple(visits), shift_end_day_s=end_s)


def runs_of(scene: Scene, scenario: Scenario) -> dict[str, list[RunToday]]:
    """The runs of each truck on the scenario's days that leave before it ends."""
    found: dict[str, list[RunToday]] = {}
    days = [scenario.date + timedelta(days=number) for number in range(scenario.days)]
    for day, run in ((each, trip) for each in days for trip in service_runs(scene.plan, each)):
        first, route = run.visits[0], scene.plan.route_of(run)
        departs_at = day_start_at(scene.plan, day) + first.arrive_day_s - first.distance_m / SPEED_MPS
        depot, home = route.line[0], route.line[-1]
        if first.distance_m < DEPOT_AWAY_M:  # a line that begins at its first room says nothing of a depot
            depot = home = (depot[0] + DEPOT_AWAY_M / METRES_PER_DEGREE, depot[1])
            departs_at -= DEPOT_AWAY_M / SPEED_MPS
        run_id = f"{run.trip_id}.{day:%Y%m%d}"
        if scene.driven is not None:
            departs_at = scene.driven.departs_at.get(run_id, math.inf)  # nobody drove it
            depot = scene.driven.places.get(run_id, depot)
        if departs_at < scene.day_start_at + scenario.until_s:
            found.setdefault(run.truck_id, []).append(RunToday(run, route, departs_at, depot, home, run_id))
    for truck_id in scenario.area["standby"]:
        route = next(iter(scene.plan.routes.values()))
        ready = RunPlan(f"standby-{truck_id}", route.route_id, truck_id, "", ())
        ready_at = scene.day_start_at + float(scenario.from_s)
        found.setdefault(truck_id, [RunToday(ready, route, ready_at, route.line[0], route.line[-1])])
    if not found:
        raise ScenarioError(f"{scenario.name}: no run of this area leaves its depot between from and to")
    return found
