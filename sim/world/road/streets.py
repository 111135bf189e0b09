"""What a truck meets on its way that is none of its stops: a jam, a red light at a gate, a street beside its own.

With dice of its own; each is a share of the legs from one room to the next.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.world.road.driving import Path

BESIDE_M = 40.0
BESIDE_SHARE = (0.25, 0.75)  # of a leg, from where to where
LEG_M = 240.0  # in a shorter one nobody leaves his street
JAM_S = 180.0
JAM_AWAY_M = 50.0  # from a gate
RED_S = (20.0, 50.0)
RED_AWAY_M = 20.0
ENDS_M = 15.0  # nobody waits so near to where a leg begins or ends


@dataclass(frozen=True, slots=True)
class Leg:
    """A way to be driven, with where to wait and how long; `beside`: a stretch of it is in another street."""

    path: Path
    waits: tuple[tuple[float, float], ...] = ()
    beside: bool = False


class Streets:
    """Those of one truck."""

    def __init__(self, world: Mapping[str, Any], seed: str) -> None:
        self._jams, self._reds, self._others = world["jams"], world["red_lights"], world["parallel_street"]
        self._dice = random.Random(f"{seed} streets")

    def leg(self, path: Path, gates_m: Sequence[float]) -> Leg:
        """How a way is driven that passes these gates, the last of them perhaps its end."""
        waits: list[tuple[float, float]] = []
        if self._jams and gates_m and self._dice.random() < self._jams:
            side = self._dice.choice((-1, 1))
            waits.append((self._near(path, gates_m, side * JAM_AWAY_M), JAM_S))
        if self._reds and gates_m and self._dice.random() < self._reds:
            waits.append((self._near(path, gates_m, -RED_AWAY_M), self._dice.uniform(*RED_S)))
        waits = [(at_m, for_s) for at_m, for_s in waits if ENDS_M < at_m < path.length_m - ENDS_M]
        if not (self._others and path.length_m >= LEG_M and self._dice.random() < self._others):
            return Leg(path, tuple(sorted(waits)))
        from_m, to_m = (share * path.length_m for share in BESIDE_SHARE)
        moved = [(at_m + BESIDE_M * ((at_m > from_m) + (at_m > to_m)), for_s) for at_m, for_s in waits]
        beside = path.beside(from_m, to_m, self._dice.choice((-1, 1)) * BESIDE_M)
        return Leg(beside, tuple(sorted(moved)), beside=True)

    def _near(self, path: Path, gates_m: Sequence[float], by_m: float) -> float:
        """So far behind a gate, or before it: the other way where the leg ends there."""
        gate_m = self._dice.choice(gates_m)
        return gate_m + (by_m if gate_m + by_m < path.length_m else -by_m)
