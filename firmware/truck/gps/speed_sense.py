"""What a receiver's speeds are worth: whether the truck drives by them, and how far; pure.

Some say metres a second of a truck that stands. How much is learned from slow stretches in which the place kept
together and the speed did not: the lower ones of the last minutes are stands. Each speed tells how much likelier the
truck drives than stands, in logarithms: what is said of a stand is the rarer the faster it is, by what is said on
average; of a drive all speeds are alike.

    standing -> driving   the odds of that have grown by 8 since they were lowest; till then the speed is 0
    driving  -> standing  they have fallen by 5 since they were highest
"""

from collections import deque
from math import inf, log

from firmware.truck.gps.fix import Fix, metres_between

IDLE_MPS = 0.1  # what a good one says at times
FASTEST_MPS = 8.0
STARTS, STOPS = 8.0, 5.0
EACH_S = 0.9  # who speaks more often says the same again
SEEN_S = 10.0  # of a longer gap nobody knows how far it went
STRETCH = 8  # fixes that are looked at together
SLOW_MPS = 2.5  # on average: a truck that drives is faster
TOGETHER_M = 12.0
STEADY = 0.3  # who is never slower than this part of the average creeps
KEPT, KNOWN = 12, 3  # stretches
QUARTER = 0.75  # of the average: below it is one in four means of eight words of a stand


class SpeedSense:
    """What one receiver's speeds are worth."""

    def __init__(self) -> None:
        self._idle_mps = IDLE_MPS
        self._usual = log(FASTEST_MPS / IDLE_MPS)  # how much likelier a stand is that says next to nothing
        self._stretch: list[float] = []
        self._first = Fix(0.0, 0.0)  # of the stretch
        self._means: deque[float] = deque(maxlen=KEPT)
        self._odds = 0.0
        self._standing = False
        self._judged_s = -inf
        self._speed_mps: float | None = None
        self.driven_m = 0.0
        self._unsure_m = 0.0  # of a start that may be none

    def believed(self, fix: Fix, now_s: float) -> Fix:
        """The fix with the speed that is to be believed."""
        if fix.speed_mps is None:
            self._speed_mps = None
            return fix
        gap_s = now_s - self._judged_s
        if gap_s >= EACH_S:
            self._judged_s = now_s
            self._learn(fix, fix.speed_mps)
            self._judge(fix.speed_mps)
            self._drive(fix.speed_mps, gap_s)
        return fix.moved(fix, 0.0, fix.bearing_deg) if self._standing and fix.speed_mps else fix

    def _judge(self, speed_mps: float) -> None:
        odds = (speed_mps if speed_mps < FASTEST_MPS else FASTEST_MPS) / self._idle_mps - self._usual
        odds = self._odds + (odds if self._standing else -odds)
        if odds >= (STARTS if self._standing else STOPS):
            self._standing, odds = not self._standing, 0.0
        self._odds = odds if odds > 0.0 else 0.0

    def _drive(self, speed_mps: float, gap_s: float) -> None:
        """It is known a little later that a truck drives; the way since the odds were lowest is driven then, too."""
        before_mps, self._speed_mps = self._speed_mps, speed_mps
        way_m = 0.0 if before_mps is None or gap_s > SEEN_S else 0.5 * (before_mps + speed_mps) * gap_s
        if not self._standing:
            self.driven_m += self._unsure_m + way_m
            self._unsure_m = 0.0
        else:
            self._unsure_m = self._unsure_m + way_m if self._odds else 0.0

    def _learn(self, fix: Fix, speed_mps: float) -> None:
        speeds = self._stretch
        if not speeds:
            self._first = fix
        speeds.append(speed_mps)
        if len(speeds) < STRETCH:
            return
        mean_mps, first, self._stretch = sum(speeds) / STRETCH, self._first, []
        slow = mean_mps < SLOW_MPS and min(speeds) <= STEADY * mean_mps
        if slow and metres_between(first.lat, first.lon, fix.lat, fix.lon) < TOGETHER_M:
            self._means.append(mean_mps)
            if len(self._means) >= KNOWN:
                self._idle_mps = max(IDLE_MPS, sorted(self._means)[len(self._means) // 4] / QUARTER)
                self._usual = log(FASTEST_MPS / self._idle_mps)
