"""What the page shows of a live run: once the scene, then again and again how everything stands."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sim.judging.sentence import both
from sim.judging.so_far import Expectation
from sim.panel.faults import FAULTS
from sim.panel.hands import Deed, Hands
from sim.panel.parts import Edges, PanelClock, PanelPlant
from sim.scenario.director import Director
from sim.scenario.scenario import Scenario
from sim.scenario.scenes.scene import Scene

MOST_EDGES = 24  # of one light in one frame: at a high speed nobody could see more
SHOWN_DEEDS = 30
SHOWN_ASKED = 6


def scene_shown(
    scenario: Scenario, scene: Scene, director: Director, plant: PanelPlant, hands: Hands, screen: str
) -> dict[str, Any]:  # fmt: skip
    """What does not change: the map, who is there, and which faults there are for whom."""
    plan = scene.plan
    hit = hands.hit
    routes = {run.truck_id: plan.route_of(run) for run in plan.runs.values()}
    return {
        "name": scenario.name, "about": scenario.about, "screen": screen, "fastest": hands.pace.fastest,
        "day_start_at": scene.day_start_at, "from_s": scenario.from_s, "until_s": scenario.until_s,
        "lines": [{"waste": route.waste, "points": list(route.line)} for route in plan.routes.values()],
        "trucks": [{"id": name, "waste": routes[name].waste if name in routes else ""} for name in director.all_trucks],
        "rooms": [
            {"id": name, "name": room.name, "lat": room.lat, "lon": room.lon,
             "weighs": plant.rooms[name].has_cells}
            for name, room in plan.rooms.items()
        ],
        "faults": [{"fault": name, "hits": fault.hits, "whom": hit[fault.hits]} for name, fault in FAULTS.items()],
    }  # fmt: skip


def now_shown(
    director: Director, plant: PanelPlant, clock: PanelClock, hands: Hands, expectations: Sequence[Expectation],
    *, over: bool,
) -> dict[str, Any]:  # fmt: skip
    """How everything stands now; lights as their pins are."""
    pace = hands.pace
    return {
        "at": clock.now(), "speed": clock.speed, "chosen": pace.chosen,
        "back_in_s": pace.back_in_s(time.monotonic()), "over": over,
        "trucks": [_truck(name, director, plant) for name in director.all_trucks if name in plant.trucks],
        "rooms": [_room(name, director, plant) for name in director.rooms if name in plant.rooms],
        "faults": [list(each) for each in hands.on],
        "expectations": [_expectation(each) for each in expectations],
        "by_hand": [asdict(each) for each in plant.asked_by_hand[-SHOWN_ASKED:]],
        "deeds": [_deed(deed) for deed in hands.deeds[-SHOWN_DEEDS:]],
    }


def _expectation(each: Expectation) -> dict[str, Any]:
    return {**asdict(each), "seen": both(each.seen), "why": [both(why) for why in each.why]}


def _deed(deed: Deed) -> dict[str, Any]:
    kind = deed.fault or deed.kind
    return {"kind": kind, "values": dict(deed.values), "at": deed.began_at, "ended_at": deed.ended_at}


def _truck(name: str, director: Director, plant: PanelPlant) -> dict[str, Any]:
    truth, device = director.all_trucks[name], plant.trucks[name]
    errand = truth.errand
    lit = {light: bool(edges[-1][1]) if edges else False for light, edges in device.edges.items()}
    powered = device.shown != "dead"
    return {
        "id": name, "state": truth.state, "lat": truth.place[0], "lon": truth.place[1],
        "next": errand.room if errand else None, "shown": device.shown, "pressed": device.pressed,
        "receiver": device.receiver_word if powered else "dead",
        "lit": {light: is_lit and powered for light, is_lit in lit.items()},
    }  # fmt: skip


def _room(name: str, director: Director, plant: PanelPlant) -> dict[str, Any]:
    truth, device = director.rooms[name], plant.rooms[name]
    lamps = []
    for index, (waste, shown) in enumerate(zip(truth.room.wastes, device.shown, strict=True)):
        edges = device.edges(index)
        count, grams = truth.bins[waste].seen
        lamps.append({
            "waste": waste, "shown": shown, "lit": bool(edges and edges[-1][1]) and device.powered,
            "inside": count, "outside": len(truth.bins[waste].outside), "grams": grams,
        })  # fmt: skip
    return {"id": name, "powered": device.powered, "lamps": lamps}


def edges_since(director: Director, plant: PanelPlant, since_s: float) -> dict[str, list[tuple[float, int]]]:
    """The changes of every light's pin after a real moment: `t01/light`, `r01/0`."""
    found = {}
    for key, edges in _lights(director, plant):
        fresh = [edge for edge in edges[-MOST_EDGES:] if edge[0] > since_s]
        if fresh:
            found[key] = fresh
    return found


def _lights(director: Director, plant: PanelPlant) -> Iterator[tuple[str, Edges]]:
    for name in director.all_trucks:
        if name in plant.trucks:
            for light, edges in plant.trucks[name].edges.items():
                yield f"{name}/{light}", list(edges)
    for name, truth in director.rooms.items():
        if name in plant.rooms:
            for index in range(len(truth.room.wastes)):
                yield f"{name}/{index}", plant.rooms[name].edges(index)
