"""What lies between a truck's true place and what its receiver makes of it: the air, the streets, high-rises; seeded.

Errors are metres north and east. Each part has its own dice, so that one more changes nothing of how people and trucks
behave.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

BESIDE_M = (30.0, 60.0)  # how far off a place is that was reflected by a high-rise
AMONG_S = (120.0, 360.0)  # for so long


class Error(Protocol):
    """One reason for which a place is wrong."""

    def at(self, at: float) -> tuple[float, float]:
        """How far off it is now; asked with growing times."""
        ...


class Drift:
    """A place that strays slowly around the true one: so far on either axis (a deviation), for about so long."""

    def __init__(self, deviation_m: float, lasts_s: float, dice: random.Random) -> None:
        self._deviation_m, self._lasts_s, self._dice = deviation_m, lasts_s, dice
        self._off = (dice.gauss(0, deviation_m), dice.gauss(0, deviation_m))
        self._at: float | None = None

    def at(self, at: float) -> tuple[float, float]:
        """How far off it is now."""
        kept = math.exp(-(at - self._at) / self._lasts_s) if self._at is not None else 1.0
        self._at = at
        fresh_m = self._deviation_m * math.sqrt(1 - kept * kept)
        north_m, east_m = self._off
        self._off = (kept * north_m + self._dice.gauss(0, fresh_m), kept * east_m + self._dice.gauss(0, fresh_m))
        return self._off


class HighRises:
    """Streets among them for a share of the time: the place is off by the same way for minutes, and jumps back."""

    def __init__(self, share: float, dice: random.Random) -> None:
        self._share, self._dice = share, dice
        self._off = (0.0, 0.0)
        self._until: float | None = None
        self._among = dice.random() >= share  # the first stretch is the other one

    def at(self, at: float) -> tuple[float, float]:
        """How far off it is now."""
        self._until = at if self._until is None else self._until
        while at >= self._until:
            self._among = not self._among
            self._off = self._reflected() if self._among else (0.0, 0.0)
            mean_open_s = sum(AMONG_S) / 2 * (1 / self._share - 1)
            lasts_s = self._dice.uniform(*AMONG_S) if self._among else self._dice.expovariate(1 / (mean_open_s + 1e-9))
            self._until += lasts_s
        return self._off

    def _reflected(self) -> tuple[float, float]:
        metres, way = self._dice.uniform(*BESIDE_M), self._dice.uniform(0, math.tau)
        return metres * math.cos(way), metres * math.sin(way)


@dataclass(frozen=True, slots=True)
class Sky:
    """All that makes a place wrong, together."""

    errors: Sequence[Error] = ()

    def at(self, at: float) -> tuple[float, float]:
        """Metres north and east by which a receiver's place is wrong now."""
        north_m = east_m = 0.0
        for error in self.errors:
            more = error.at(at)
            north_m, east_m = north_m + more[0], east_m + more[1]
        return north_m, east_m
