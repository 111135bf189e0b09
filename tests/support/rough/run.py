"""A run as it truly was among high-rises, in traffic, with habits of its own; and what its truck said of it.

Pure and quick: a run of a dozen rooms takes some hundredths of a second. What the truck says goes through the truck's
own belief and pace of reporting; nothing here knows how the tracker decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import cos, exp, pi, sin, sqrt
from random import Random

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point, lengths_m, point_at
from broker.plan.model import Route
from broker.rules.tracking.types import GpsFix, StopKey, TrackVisit
from firmware.truck.gps.acceptance import Acceptance
from firmware.truck.gps.fix import Fix
from firmware.truck.gps.reporting import Reporting

LAT, LON = 31.2, 121.44
NORTH = METRES_PER_DEGREE_LAT
EAST = METRES_PER_DEGREE_LON * 0.85538  # cos(31.2 degrees)
WASTE = "residential_wet"
CRUISE_MPS, ACCELERATION_MPS2, BRAKING_MPS2 = 6.6, 1.0, 1.5
SETUP_S, PER_BIN_S = 60.0, 25.0
ACROSS_MPS = 5.0
BEGIN_AT = 1_800_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of roughness; what is not a length or a time is a share of the rooms, of the time or of the legs."""

    name: str
    deviation_m: float = 3.0
    correlated_s: float = 20.0
    offsets: bool = False  # 30 to 60 m off for minutes, and back at once
    parallel: float = 0.0  # legs driven in a street 40 m beside the line
    jam: float = 0.0  # three minutes, 50 m before the room
    light: float = 0.0  # a red light within 15 m of the room, before it is served
    pairs: float = 0.0  # rooms 35 m after the one before
    short: float = 0.0  # the truck stops 40 m before the door
    shared: float = 0.0  # the second room of a pair is served from where the first was
    back: float = 0.0  # passed, and served on the way back from the next one
    skipped: float = 0.0  # passed without a word, half of them with a red light at the gate
    few_bins: bool = False
    wobble_mps: float = 0.05  # what it says of the speed of a truck that stands


@dataclass(frozen=True, slots=True)
class Made:
    """A visit as it truly was; `latest_at` where nobody can say when within one stay it began."""

    key: StopKey
    arrived_at: int
    latest_at: int


@dataclass(slots=True)
class RoughRun:
    """What happened and what was said: `fixes` as they were published, `made` the visits."""

    route: Route
    visits: list[TrackVisit]
    bins: dict[StopKey, int]
    fixes: list[GpsFix] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    until: int = BEGIN_AT

    def stay_s(self, key: StopKey) -> float:
        """How long a stay there is expected to be."""
        return SETUP_S + PER_BIN_S * self.bins[key]


def rough_run(kind: Kind, seed: int, rooms: int = 12) -> RoughRun:
    """One run of this kind; the same at every call."""
    dice = Random(f"{kind.name}/{seed}")
    run = _lay_out(kind, dice, rooms)
    truck = _Truck(kind, dice, run)
    truck.drive()
    run.until = truck.now
    return run


def _place(x: float, y: float) -> Point:
    return LAT + y / NORTH, LON + x / EAST


def _lay_out(kind: Kind, dice: Random, rooms: int) -> RoughRun:
    """A line in right angles with rooms on it, first one after some 400 m."""
    x = y = 0.0
    points, along, alongs = [(x, y)], 0.0, []
    heading, turn = 0.0, 1
    while len(alongs) < rooms:
        if alongs and dice.random() < kind.pairs:
            leg_m, corner_m = 35.0, None
        else:
            leg_m = dice.uniform(150.0, 700.0)
            corner_m = leg_m * dice.uniform(0.3, 0.7) if leg_m > 300 else None
        for part_m in [leg_m] if corner_m is None else [corner_m, leg_m - corner_m]:
            x, y = x + part_m * sin(heading), y + part_m * cos(heading)
            points.append((x, y))
            if part_m == corner_m:
                heading += turn * pi / 2
                turn = -turn
        along += leg_m
        alongs.append(along)
    points.append((x + 300.0 * sin(heading), y + 300.0 * cos(heading)))
    line = tuple(_place(*point) for point in points)
    route = Route("rough", "Rough", WASTE, line)
    cumulative = lengths_m(line)
    visits, bins, clock = [], {}, float(BEGIN_AT)
    for number, at_m in enumerate(alongs):
        key = (f"r{number:02d}", 1)
        lat, lon = point_at(line, cumulative, at_m)
        bins[key] = dice.randint(1, 4) if kind.few_bins else dice.randint(2, 13)
        clock += (at_m - (alongs[number - 1] if number else 0.0)) / 5.0
        visits.append(TrackVisit(key, lat, lon, WASTE, round(clock), None, at_m))
        clock += SETUP_S + PER_BIN_S * bins[key]
    return RoughRun(route, visits, bins)


class _Truck:
    """The truck as it drives, second by second, and its receiver and agent."""

    def __init__(self, kind: Kind, dice: Random, run: RoughRun) -> None:
        self.kind, self.dice, self.run = kind, dice, run
        self.cumulative = lengths_m(run.route.line)
        self.now, self.at_m, self.speed, self.beside_m = BEGIN_AT, 0.0, 0.0, 0.0
        self.noise = [0.0, 0.0]
        self.offset, self.offset_until = (0.0, 0.0), 0
        self.next_offset = BEGIN_AT + dice.randint(60, 600)
        self.acceptance, self.reporting = Acceptance(), Reporting()

    def drive(self) -> None:
        kind, dice, visits = self.kind, self.dice, self.run.visits
        self.stand(20)
        number = 0
        while number < len(visits):
            visit = visits[number]
            at_m = visit.distance_m or 0.0
            follows = visits[number + 1] if number + 1 < len(visits) else None
            gap_m = (follows.distance_m or 0.0) - at_m if follows else 1e9
            if follows is not None and gap_m > 100 and dice.random() < kind.back:
                self.pass_by(at_m)
                self.serve(follows, follows.distance_m or 0.0)
                self.go(at_m)
                self.serve(visit, at_m)
                number += 2
                continue
            if dice.random() < kind.skipped:
                self.pass_by(at_m)
                number += 1
                continue
            if dice.random() < kind.jam and at_m - self.at_m > 90:
                self.go(at_m - 50)
                self.stand(180)
            if dice.random() < kind.light:
                self.go(max(self.at_m, at_m - dice.uniform(2, 15)))
                self.stand(dice.randint(30, 90))
            door_m = at_m - (40.0 if dice.random() < kind.short and at_m - self.at_m > 90 else 0.0)
            if follows is not None and gap_m < 50 and dice.random() < kind.shared:
                self.serve(visit, door_m, follows)
                number += 2
                continue
            self.serve(visit, door_m)
            number += 1
        self.go(self.cumulative[-1])

    def pass_by(self, at_m: float) -> None:
        if self.dice.random() < 0.5:
            self.go(max(self.at_m, at_m - self.dice.uniform(0, 15)))
            self.stand(self.dice.randint(20, 60))

    def serve(self, visit: TrackVisit, door_m: float, also: TrackVisit | None = None) -> None:
        self.go(door_m)
        from_at, both = self.now, [visit] if also is None else [visit, also]
        stays = [
            round(
                SETUP_S * exp(self.dice.gauss(0, 0.15))
                + self.run.bins[one.key] * PER_BIN_S * exp(self.dice.gauss(0, 0.08))
            )
            for one in both
        ]
        self.stand(sum(stays))
        latest_at = from_at + (stays[0] if also is not None else 0)
        self.run.made.append(Made(visit.key, from_at, from_at))
        if also is not None:
            self.run.made.append(Made(also.key, from_at, latest_at))

    def stand(self, seconds: int) -> None:
        self.speed = 0.0
        for _ in range(seconds):
            self.tick(0.0)

    def go(self, to_m: float) -> None:
        """Drive there along the line, with halts of its own; backwards where it lies behind."""
        way, dice = (1 if to_m >= self.at_m else -1), self.dice
        length_m = abs(to_m - self.at_m)
        aside = 40.0 if length_m > 120 and dice.random() < self.kind.parallel else 0.0
        done_m, halt_m, mood = 0.0, dice.expovariate(1 / 420.0), 0.0
        begin_m = self.at_m
        while length_m - done_m > 0.5:
            rest_m = length_m - done_m
            off_m = (aside if 40 < done_m < length_m - 40 else 0.0) - self.beside_m
            if off_m:  # into the street beside it, or back
                self.beside_m += max(-ACROSS_MPS, min(ACROSS_MPS, off_m))
                self.tick(ACROSS_MPS)
                continue
            mood = 0.95 * mood + dice.gauss(0, 0.06)
            wanted = max(0.6, CRUISE_MPS * (1 + max(-0.6, min(0.6, mood))))
            wanted = min(wanted, sqrt(2 * BRAKING_MPS2 * rest_m) + 0.3)
            self.speed = max(0.6, self.speed + max(-BRAKING_MPS2, min(ACCELERATION_MPS2, wanted - self.speed)))
            done_m = min(length_m, done_m + self.speed)
            self.at_m = begin_m + way * done_m
            self.tick(self.speed)
            if done_m >= halt_m:
                halt_m = done_m + dice.expovariate(1 / 420.0)
                if rest_m > 60:
                    self.stand(dice.randint(8, 38))
        self.at_m, self.beside_m = to_m, 0.0

    def tick(self, speed: float) -> None:
        self.now += 1
        kind, dice, run = self.kind, self.dice, self.run
        keep = exp(-1 / kind.correlated_s)
        for axis in (0, 1):
            self.noise[axis] = keep * self.noise[axis] + dice.gauss(0, kind.deviation_m * sqrt(1 - keep * keep))
        if kind.offsets:
            if self.now >= self.next_offset:
                size, way = dice.uniform(30, 60), dice.uniform(0, 2 * pi)
                self.offset = (size * cos(way), size * sin(way))
                self.offset_until = self.now + dice.randint(120, 420)
                self.next_offset = self.offset_until + dice.randint(180, 700)
            elif self.now >= self.offset_until:
                self.offset = (0.0, 0.0)
        lat, lon = point_at(run.route.line, self.cumulative, self.at_m)
        ahead = point_at(run.route.line, self.cumulative, self.at_m + 1.0)
        east, north = (ahead[1] - lon) * EAST, (ahead[0] - lat) * NORTH
        size = sqrt(east * east + north * north) or 1.0
        lon += (self.noise[0] + self.offset[0] + self.beside_m * north / size) / EAST
        lat += (self.noise[1] + self.offset[1] - self.beside_m * east / size) / NORTH
        said_mps = abs(speed + dice.gauss(0, 0.12)) if speed else abs(dice.gauss(0, kind.wobble_mps))
        fix = Fix(lat, lon, float(self.now), said_mps, None, 1.0, 9, 3)
        if self.acceptance.refusal(fix, float(self.now)) is None:
            self.reporting.seen(fix, float(self.now))
        said = self.reporting.take(float(self.now))
        if isinstance(said, Fix):
            run.fixes.append(GpsFix(round(said.fix_at or 0), said.lat, said.lon, said.speed_mps, said.driven_m))


def kinds() -> Iterator[Kind]:
    """All of them: each roughness with a good receiver, with one that is 20 m off and with one that is 40 m off."""
    habits = {
        "plain": {}, "jam": {"jam": 0.5}, "light": {"light": 0.5}, "pairs": {"pairs": 0.4}, "short": {"short": 0.5},
        "shared": {"pairs": 0.4, "shared": 1.0}, "back": {"back": 0.3}, "skipped": {"skipped": 0.2},
        "parallel": {"parallel": 0.6}, "few": {"few_bins": True}, "offsets": {"offsets": True},
        "wobble": {"wobble_mps": 0.3},
    }  # fmt: skip
    for receiver, more in (("3", {}), ("20", {"deviation_m": 20.0}),
                           ("40", {"deviation_m": 40.0, "correlated_s": 90.0})):
        for name, habit in {**habits, "liar": {"wobble_mps": 1.2}}.items():
            yield Kind(f"{name} {receiver} m", **more, **habit)  # type: ignore[arg-type]
