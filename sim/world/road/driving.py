"""How a truck moves: along a line of points, with traffic, red lights and a gentle foot on both pedals.

Pure but for the random generator passed in; one call of `step` is one second of driving.
"""

import bisect
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from broker.plan.geometry import METRES_PER_DEGREE_LAT, lengths_m, point_at, project

Point = tuple[float, float]  # lat, lon

ACCELERATION_MPS2 = 1.0
BRAKING_MPS2 = 1.5
CRUISE_MPS = 6.6  # with lights and queues this comes to about 18 km/h
QUEUE_EVERY_M = 420.0  # on average one halt for a light or a queue in that many metres
QUEUE_S = (8.0, 38.0)
CREEP_MPS = 0.6
CORNER_M = 0.5


class Path:
    """A line of points with its length; positions on it are metres from its begin."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = list(points)
        self.cumulative = lengths_m(self.points)
        self.length_m = self.cumulative[-1]

    def at(self, along_m: float) -> tuple[float, float, float]:
        """Latitude, longitude and bearing (degrees from north) at a position."""
        lat, lon = point_at(self.points, self.cumulative, along_m)
        if len(self.points) < 2:
            return lat, lon, 0.0
        i = min(max(bisect.bisect_right(self.cumulative, along_m) - 1, 0), len(self.points) - 2)
        a, b = self.points[i], self.points[i + 1]
        bearing = math.degrees(math.atan2((b[1] - a[1]) * math.cos(math.radians(a[0])), b[0] - a[0]))
        return lat, lon, bearing % 360

    def part(self, from_m: float, to_m: float) -> "Path":
        """The piece between two positions, in driving order."""
        inner = [p for p, d in zip(self.points, self.cumulative, strict=True) if from_m < d < to_m]
        return Path([self.at(from_m)[:2], *inner, self.at(to_m)[:2]])

    def back(self) -> "Path":
        """The same line the other way."""
        return Path(self.points[::-1])

    def beside(self, from_m: float, to_m: float, metres: float) -> "Path":
        """This line with a stretch of it so many metres to the right (below 0: to the left)."""
        inner = [d for d in self.cumulative if from_m < d < to_m]
        moved = [self._beside(d, metres) for d in (from_m, *inner, to_m)]
        return Path([*self.part(0.0, from_m).points, *moved, *self.part(to_m, self.length_m).points])

    def _beside(self, along_m: float, metres: float) -> Point:
        """A point beside the line; at a corner beside both streets."""
        ways = [math.radians(self.at(along_m + step)[2] + 90) for step in (-CORNER_M, CORNER_M)]
        north, east = (sum(turn(way) for way in ways) for turn in (math.cos, math.sin))
        factor = metres / max(1.0 + math.cos(ways[0] - ways[1]), 0.5)
        lat, lon, _ = self.at(along_m)
        return (lat + north * factor / METRES_PER_DEGREE_LAT,
                lon + east * factor / (METRES_PER_DEGREE_LAT * math.cos(math.radians(lat))))  # fmt: skip

    def nearest_m(self, point: Point, from_m: float = 0.0) -> tuple[float, float]:
        """How far off the line `point` lies and where along it, looking from `from_m` on only."""
        return project(self.points, self.cumulative, point[0], point[1], from_m, self.length_m)


@dataclass(slots=True)
class Pace:
    """How the day's traffic is: `slowness` 1.0 is as planned; 0 `jitter` is a railway."""

    slowness: float = 1.0
    jitter: float = 1.0


class Drive:
    """One truck under way on one path, towards `goal_m`; it waits where it is said, for so many seconds."""

    def __init__(
        self, path: Path, pace: Pace, dice: random.Random, speed_mps: float = 0.0,
        waits: Sequence[tuple[float, float]] = (),
    ) -> None:
        self.path = path
        self.along_m = 0.0
        self.speed_mps = speed_mps
        self.goal_m = path.length_m
        self._pace = pace
        self._dice = dice
        self._mood = 0.0
        self._halt_s = 0.0
        self._next_queue_m = self._draw_queue()
        self._waits = list(waits)

    def _draw_queue(self) -> float:
        if self._pace.jitter <= 0:
            return math.inf
        return self.along_m + self._dice.expovariate(1 / QUEUE_EVERY_M)

    def step(self) -> bool:
        """One second passes; True when the goal is reached (the truck then stands exactly there)."""
        if self._halt_s > 0:
            self._halt_s -= 1.0
            self.speed_mps = 0.0
            return False
        self._mood = 0.95 * self._mood + self._dice.gauss(0, 0.06 * self._pace.jitter)
        wanted = max(CREEP_MPS, CRUISE_MPS / self._pace.slowness * (1 + max(-0.6, min(0.6, self._mood))))
        rest = self.goal_m - self.along_m
        wanted = min(wanted, math.sqrt(2 * BRAKING_MPS2 * max(rest, 0.0)) + 0.3)
        change = max(-BRAKING_MPS2, min(ACCELERATION_MPS2, wanted - self.speed_mps))
        self.speed_mps = max(CREEP_MPS, self.speed_mps + change)
        self.along_m += self.speed_mps
        if self.along_m >= self.goal_m - 0.5:
            self.along_m = self.goal_m
            self.speed_mps = 0.0
            return True
        if self._waits and self.along_m >= self._waits[0][0]:
            self._halt_s = self._waits.pop(0)[1]
        if self.along_m >= self._next_queue_m:
            self._next_queue_m = self._draw_queue()
            if rest > 60:
                self._halt_s = self._dice.uniform(*QUEUE_S) * self._pace.slowness
        return False

    def place(self) -> tuple[float, float, float]:
        """Latitude, longitude, bearing now."""
        return self.path.at(self.along_m)
