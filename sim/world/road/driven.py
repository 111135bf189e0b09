"""How the trucks of a day on record were driven, as data, and a drive that keeps to it.

A stretch of a line takes the seconds that it took then, a stay lasts as long as it lasted, whatever comes before it;
where nobody drove that day a truck goes as fast as it did on average.
"""

import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from broker.rules.settings import Streets
from sim.world.road.driving import Drive, Pace, Path

STREETS = Streets()  # what the bridge guesses where nothing is known
START = ""  # where a run begins, among rooms

Knots = Sequence[tuple[float, float]]  # (metres of a line, seconds of driving until there), both growing


@dataclass(frozen=True, slots=True)
class Driven:
    """The driving and the stays of one day; runs and rooms by their ids."""

    departs_at: Mapping[str, float] = field(default_factory=dict)  # run
    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # run: from where it departed
    stretches: Mapping[str, Knots] = field(default_factory=dict)  # run
    ways_s: Mapping[tuple[str, str], float] = field(default_factory=dict)  # from room, to room
    stays: Mapping[tuple[str, str], Sequence[tuple[float, float]]] = field(default_factory=dict)
    """(room, waste): when a stay began, and how long it lasted."""
    looks_s: Mapping[str, float] = field(default_factory=dict)  # room: how long the driver looked before he pressed

    def stay_s(self, room: str, waste: str, at: float) -> float | None:
        """How long the stay lasted that began nearest to this time; None where there was none."""
        stays = self.stays.get((room, waste), ())
        return min(stays, key=lambda stay: abs(stay[0] - at))[1] if stays else None

    def drive(
        self, path: Path, run_id: str, part: tuple[float, float] | None, way: tuple[str, str], speed_mps: float
    ) -> Drive:
        """The drive over a path, which is `part` (from, to) of the run's line, or leads from a room to another."""
        knots = self.stretches.get(run_id, ())
        mean_mps = knots[-1][0] / knots[-1][1] if knots and knots[-1][1] > 0 else STREETS.speed_mps
        if part is not None:
            from_m, to_m = part
            inner = [at_m for at_m, _ in knots if from_m < at_m < to_m]
            began_s = _seconds(knots, from_m, mean_mps)
            return _AsDriven(
                path, [(at_m - from_m, _seconds(knots, at_m, mean_mps) - began_s) for at_m in (from_m, *inner, to_m)],
                speed_mps,
            )  # fmt: skip
        took_s = self.ways_s.get(way, path.length_m * STREETS.detour_factor / mean_mps)
        return _AsDriven(path, [(0.0, 0.0), (path.length_m, took_s)], speed_mps)


class _AsDriven(Drive):
    """Under way so that each stretch takes what its knots say."""

    def __init__(self, path: Path, knots: Knots, speed_mps: float) -> None:
        super().__init__(path, Pace(jitter=0.0), random.Random(0), speed_mps)
        self._knots = knots
        self._driven_s = 0.0

    def step(self) -> bool:
        """One second passes; True when the goal is reached (the truck then stands exactly there)."""
        before_m = self.along_m
        self._driven_s += 1.0
        self.along_m = max(before_m, min(self.goal_m, _metres(self._knots, self._driven_s)))
        self.speed_mps = self.along_m - before_m
        if self.along_m < self.goal_m - 0.5:
            return False
        self.along_m, self.speed_mps = self.goal_m, 0.0
        return True


def _seconds(knots: Knots, at_m: float, mean_mps: float) -> float:
    """The seconds of driving until a metre of the line; beyond what was driven at the mean speed."""
    if not knots or at_m >= knots[-1][0]:
        last_m, last_s = knots[-1] if knots else (0.0, 0.0)
        return last_s + (at_m - last_m) / mean_mps
    if at_m <= knots[0][0]:
        return knots[0][1] - (knots[0][0] - at_m) / mean_mps
    after = bisect_right(knots, at_m, key=lambda knot: knot[0])
    (from_m, from_s), (to_m, to_s) = knots[after - 1], knots[after]
    return from_s + (to_s - from_s) * (at_m - from_m) / (to_m - from_m)


def _metres(knots: Knots, driven_s: float) -> float:
    """Where a drive is after so many seconds."""
    after = bisect_right(knots, driven_s, key=lambda knot: knot[1])
    if after == len(knots):
        return knots[-1][0]
    if after == 0:
        return knots[0][0]
    (from_m, from_s), (to_m, to_s) = knots[after - 1], knots[after]
    return from_m + (to_m - from_m) * (driven_s - from_s) / (to_s - from_s)
