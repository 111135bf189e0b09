"""Who else is at work in the made week: the transfer station weighs what trucks bring, somebody sees the alarms."""

import random

from sim.virtual.bridge import VirtualBridge
from sim.world.evidence import Evidence

WAY_S = 1500.0  # after its last room a truck is at the station
SEEN_AFTER_S = 240.0
SCALE_GRAMS = 10_000  # a weighbridge shows so much and no less
SCALE_STRAYS = 0.004


class Station:
    """Weighs what a truck loaded since it was there last."""

    def __init__(self, evidence: Evidence, dice: random.Random) -> None:
        self._visits = evidence.visits
        self._dice = dice
        self._weighed: set[int] = set()  # by their places in the evidence

    def look(self, bridge: VirtualBridge, now: float, *, closes: bool = False) -> None:
        """Weigh those who have come by now; all who loaded, when it `closes`."""
        loads: dict[tuple[str, str, str], list[int]] = {}
        for number, visit in enumerate(self._visits):
            if number not in self._weighed:
                loads.setdefault((visit.truck, visit.run_id, visit.waste), []).append(number)
        for (truck, run_id, waste), numbers in loads.items():
            left = [self._visits[number].left_at for number in numbers]
            if not closes and any(at is None or now < at + WAY_S for at in left):
                continue
            loaded = sum(self._visits[number].grams_taken for number in numbers)
            strayed = loaded * self._dice.gauss(1.0, SCALE_STRAYS)
            grams = round(strayed / SCALE_GRAMS) * SCALE_GRAMS
            if grams and bridge.weigh(truck, run_id, waste, grams):
                self._weighed.update(numbers)
