"""How fast a truck is where its receiver cannot be believed in that: some tell metres a second of one that stands.

    honest --again and again a way is told that its positions did not go--> lies
    lies   --it stands for long, and says so--> honest

Of one that lies the positions decide: it stands if they kept together for half a minute, since the first of them.
"""

from collections import deque
from dataclasses import replace

from broker.plan.geometry import distance_m
from broker.rules.tracking.types import GpsFix

LIE_SHARE, TRUE_SHARE, LIES_FROM = 0.25, 0.1, 0.5
DOUBTFUL_FROM = 0.2
WAY_LEAST_M, WAY_SHARE = 25.0, 0.4  # a way that is told counts from so many metres, and is a lie below that part
SURELY_MPS = 3.0  # who brakes goes so fast on average, at the most
BACK_S, KEPT_S = 30, 75
WANDERS_M = 45.0  # so far from one another the positions of one stand are at most


class SaidSpeed:
    """What one receiver's speeds are worth."""

    def __init__(self) -> None:
        self._recent: deque[GpsFix] = deque()
        self._told: deque[tuple[int, float]] = deque()
        self._share = 0.0
        self.still_since = 0
        self._judged_at = 0

    @property
    def lies(self) -> bool:
        """Whether its speeds are not to be believed; then `still_since` tells since when positions keep together."""
        return self._share > LIES_FROM

    @property
    def doubtful(self) -> bool:
        """Whether it may lie."""
        return self._share > DOUBTFUL_FROM

    def believed(self, fix: GpsFix) -> GpsFix:
        """The position with the speed that is to be believed."""
        recent = self._recent
        before = recent[-1] if recent else None
        while recent and fix.fix_at - recent[0].fix_at > KEPT_S:
            recent.popleft()
        recent.append(fix)
        if before is None or before.speed_mps is None or fix.speed_mps is None:
            return fix
        gap_s = fix.fix_at - before.fix_at
        self._told.append((fix.fix_at, min(before.speed_mps, SURELY_MPS) * min(gap_s, KEPT_S)))
        while fix.fix_at - self._told[0][0] > KEPT_S:
            self._told.popleft()
        self._judge(fix)
        if not self.lies:
            return fix
        self.still_since = fix.fix_at
        for one in reversed(recent):
            if distance_m(one.lat, one.lon, fix.lat, fix.lon) > WANDERS_M:
                break
            self.still_since = one.fix_at
        if fix.fix_at - self.still_since >= BACK_S:
            return replace(fix, speed_mps=0.0)
        went_m = distance_m(before.lat, before.lon, fix.lat, fix.lon)
        return fix if went_m >= 0.5 * fix.speed_mps * gap_s else replace(fix, speed_mps=went_m / max(1, gap_s))

    def _judge(self, fix: GpsFix) -> None:
        """Learn from the last minute, every so often."""
        first = self._recent[0]
        if fix.fix_at - self._judged_at < BACK_S or fix.fix_at - first.fix_at < BACK_S:
            return
        self._judged_at = fix.fix_at
        told_m = sum(way_m for _, way_m in self._told)
        if told_m < WAY_LEAST_M:
            self._share -= TRUE_SHARE * self._share
        elif distance_m(first.lat, first.lon, fix.lat, fix.lon) < WAY_SHARE * told_m:
            self._share += LIE_SHARE * (1 - self._share)
