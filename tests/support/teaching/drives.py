"""A route driven once in the simulator's world, by seed: what its receiver and its truck said, and what was true.

A drive goes through a grid of streets with stops on them, some passed and some served twice, from its depot and back to
it; driving, red lights, jams and receivers are those of `sim.world`. Nothing here knows how a route is taught.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from math import inf
from random import Random
from typing import Any

from broker.plan.demo_area import DWELL_BASE_S, DWELL_PER_BIN_S
from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point
from broker.rules.teaching.positions import Position
from firmware.truck.gps.acceptance import Acceptance
from firmware.truck.gps.epochs import Epochs
from firmware.truck.gps.reporting import Reporting
from firmware.truck.gps.whereabouts import FIX_LOST_S
from sim.scenario.schema import SECTIONS
from sim.world.gps.receiver import receiver_of
from sim.world.road.driving import Drive, Pace, Path
from sim.world.road.streets import Streets
from sim.world.trucks import STANDING_TICK_S

BEGIN_AT = 1_795_903_200  # 2026-11-29 06:00 in Shanghai
LAT, LON = 31.2, 121.44
BLOCK_M = 220.0
CALM = {word: key.default for word, key in SECTIONS["world"].items()}
PARKED_S = 240
APART_M, TURNS = 60.0, 0.5


@dataclass(frozen=True, slots=True)
class Conditions:
    """How a drive is: `world` as in a scenario; silences of the receiver, each so long."""

    name: str = "plain"
    world: dict[str, Any] = field(default_factory=dict)
    stops: int = 14
    silences: int = 0
    silent_s: tuple[float, float] = (20.0, 90.0)


KINDS = {
    one.name: one
    for one in (
        Conditions("plain"),
        Conditions("silences", silences=4),
        Conditions("places 8 m off", {"gps_error_m": 8.0}, silences=3),
        Conditions("receivers of several makes", {"receiver": "mixed"}, silences=3),
        Conditions("slow traffic", {"slowness": 1.4}, silences=3),
        Conditions("red lights at the gates", {"red_lights": 0.3}),
        Conditions("a street beside", {"parallel_street": 0.2}),
        Conditions("places drift 20 m", {"gps_drift_m": 20.0}),
        Conditions("high-rises", {"high_rises": 0.15}),
        Conditions("jams", {"jams": 0.1}),
    )
}
"""The last three are more than one drive can tell: the bench says by how much."""


@dataclass(slots=True)
class Driven:
    """What is true (`visits`: which stop, from when to when; `stops`: where; `line`) and what was said."""

    stops: list[Point]
    line: list[Point]
    visits: list[tuple[int, float, float]] = field(default_factory=list)
    log: bytes = b""

    def reported(self) -> Iterator[Position]:
        """What a truck's computer sends of it to the bridge."""
        reader, acceptance, reporting = Epochs(), Acceptance(), Reporting()
        seen_s, lost = inf, False
        for fix in [*reader.feed(self.log), *reader.end()]:
            now_s = fix.fix_at or 0.0
            if acceptance.refusal(fix, now_s):
                continue
            lost = lost or now_s - seen_s >= FIX_LOST_S
            seen_s = now_s
            reporting.seen(fix, now_s)
            said = reporting.take(now_s)
            if said is not None and not isinstance(said, str):
                yield Position(round(said.fix_at or 0.0), said.lat, said.lon, said.speed_mps, lost)
                lost = False


def driven(conditions: Conditions, seed: int) -> Driven:
    """One drive; the same at every call."""
    return _driven(conditions.name, seed) if KINDS.get(conditions.name) is conditions else _drive(conditions, seed)


@cache
def _driven(name: str, seed: int) -> Driven:
    return _drive(KINDS[name], seed)


def _drive(conditions: Conditions, seed: int) -> Driven:
    dice = Random(f"{conditions.name} {seed}")
    corners, stops, calls = _laid_out(dice, conditions.stops)
    path = Path([_place(*corner) for corner in corners])
    drive = Driven([_place(*stop) for stop in stops], path.points)
    world = {**CALM, **conditions.world}
    rough = (world, f"{conditions.name} {seed}")
    receiver, streets = receiver_of(*rough, dice), Streets(*rough)
    pace = Pace(world["slowness"], world["jitter"])
    said: list[bytes] = []
    now, along_m = float(BEGIN_AT), 0.0
    length_s = 60 * 60 + 150 * len(calls)
    silences = sorted(BEGIN_AT + PARKED_S + dice.uniform(0, 0.8 * length_s) for _ in range(conditions.silences))
    lasting = [(begin, begin + dice.uniform(*conditions.silent_s)) for begin in silences]

    def say(place: tuple[float, float, float], speed_mps: float) -> None:
        receiver.blind = any(begin <= now < end for begin, end in lasting)
        said.append(receiver.says(now, place, speed_mps))

    def stand(seconds: float) -> None:
        nonlocal now
        until, place = now + seconds, path.at(along_m)
        while now < until:
            say(place, 0.0)
            now += STANDING_TICK_S

    stand(PARKED_S)
    for stop, goal_m in [*calls, (None, path.length_m)]:
        gates_m = [at_m - along_m for _, at_m in calls if along_m <= at_m <= goal_m]
        leg = streets.leg(path.part(along_m, goal_m), gates_m)
        truck = Drive(leg.path, pace, dice, 0.0, leg.waits)
        reached = False
        while not reached:
            reached = truck.step()
            now += 1.0
            say(truck.place(), truck.speed_mps)
        along_m = goal_m
        if stop is not None:
            bins = dice.randint(1, 13)
            stay_s = DWELL_BASE_S * math.exp(dice.gauss(0, 0.15 * pace.jitter))
            stay_s += bins * DWELL_PER_BIN_S * math.exp(dice.gauss(0, 0.08 * pace.jitter))
            arrived_at = now
            stand(stay_s)
            drive.visits.append((stop, arrived_at, now))
    stand(PARKED_S)
    drive.log = b"".join(said)
    return drive


def _place(x: float, y: float) -> Point:
    return LAT + y / METRES_PER_DEGREE_LAT, LON + x / (METRES_PER_DEGREE_LON * math.cos(math.radians(LAT)))


def _laid_out(dice: Random, number: int) -> tuple[list[Point], list[Point], list[tuple[int, float]]]:
    """Corners in metres, stops, and which is called at where along them; some again on a way back."""
    corners: list[Point] = [(0.0, 0.0)]
    stops: list[Point] = []
    calls: list[tuple[int, float]] = []
    along_m, heading = 0.0, 0
    while len(stops) < number:
        (x, y), (dx, dy) = corners[-1], ((1, 0), (0, 1), (-1, 0), (0, -1))[heading % 4]
        length_m = dice.randint(1, 3) * BLOCK_M
        here: list[tuple[int, float]] = []
        at_m = dice.uniform(60.0, 150.0)
        while at_m < length_m - 40.0 and len(stops) < number:
            place = (x + dx * at_m, y + dy * at_m)
            if all(math.dist(place, other) >= APART_M for other in [(0.0, 0.0), *stops]):
                stops.append(place)
                here.append((len(stops) - 1, at_m))
            at_m += dice.uniform(70.0, 400.0)
        corners.append((x + dx * length_m, y + dy * length_m))
        calls += [(stop, along_m + at_m) for stop, at_m in here]
        along_m += length_m
        if len(here) > 1 and dice.random() < TURNS:
            corners.append((x, y))
            stop, at_m = here[0]
            calls.append((stop, along_m + length_m - at_m))
            along_m += length_m
        heading += dice.choice((-1, 1))
    x, y = corners[-1]
    dx, dy = ((1, 0), (0, 1), (-1, 0), (0, -1))[heading % 4]
    return [*corners, (x + 300.0 * dx, y + 300.0 * dy)], stops, calls
