"""Whether a truck is at one stop: it comes inside a fence and slows down, and later it is outside again.

    away --inside the fence and slow, or inside for 10 s, or standing close by for 20 s--> at the stop
    at the stop --outside the fence twice, or far outside once--> left
"""

from broker.rules.settings import Streets
from broker.rules.tracking.types import GpsFix, TrackSettings


class StopWatch:
    """The watch on one stop. Distances: straight metres to it, and metres still to go along the line if known."""

    def __init__(self, settings: TrackSettings, streets: Streets, fence_m: float) -> None:
        self._settings = settings
        self._streets = streets
        self.fence_m = fence_m
        self._inside_since: int | None = None
        self._nearby_since: int | None = None
        self._last_inside_at: int | None = None
        self._outside_fixes = 0
        self._silent_before = False
        self.closest_m = float("inf")
        self.arrived_at: int | None = None
        self.seen_exactly = False

    def approach(
        self, fix: GpsFix, speed_mps: float, straight_m: float, ahead_m: float | None, gap_s: int | None
    ) -> int | None:
        """When the truck arrived, if this fix shows that it has; `gap_s` since the one before, None for the first."""
        settings = self._settings
        self.closest_m = min(self.closest_m, straight_m)
        inside = straight_m <= self.fence_m or (ahead_m is not None and abs(ahead_m) <= self.fence_m)
        standing = speed_mps < settings.slow_mps
        nearby = standing and straight_m <= max(settings.nearby_m, self.fence_m)
        if not inside and not nearby:
            self._inside_since = self._nearby_since = None
            return None
        if self._inside_since is None and self._nearby_since is None:
            self._silent_before = gap_s is None or gap_s > settings.seen_gap_s
        self._nearby_since = (self._nearby_since or fix.fix_at) if nearby else None
        self._inside_since = (self._inside_since or fix.fix_at) if inside else None
        if self._inside_since is not None and (standing or fix.fix_at - self._inside_since >= settings.stay_s):
            return self.arrive(self._inside_since, seen=not self._silent_before)
        if self._nearby_since is not None and fix.fix_at - self._nearby_since >= settings.nearby_stay_s:
            return self.arrive(self._nearby_since, seen=not self._silent_before)
        return None

    def arrive(self, at: int, *, seen: bool) -> int:
        """The truck is at the stop since `at`; `seen` says that the moment is exact."""
        self.arrived_at = self._last_inside_at = at
        self.seen_exactly = seen
        self._outside_fixes = 0
        return at

    def leave(self, fix: GpsFix, speed_mps: float, straight_m: float, ahead_m: float | None) -> int | None:
        """When the truck left, if this fix shows that it has."""
        settings = self._settings
        away_m = straight_m if ahead_m is None else min(straight_m, abs(ahead_m))
        standing_near = straight_m <= settings.nearby_m and speed_mps < settings.slow_mps
        if away_m <= self.fence_m or standing_near:
            self._last_inside_at, self._outside_fixes = fix.fix_at, 0
            return None
        self._outside_fixes += 1
        if self._outside_fixes < 2 and away_m < 2 * self.fence_m:
            return None
        last_inside_at = self._last_inside_at if self._last_inside_at is not None else fix.fix_at
        self.seen_exactly = self.seen_exactly and fix.fix_at - last_inside_at <= settings.seen_gap_s
        driven_s = away_m / max(speed_mps, self._streets.speed_mps)
        return round(min(fix.fix_at, max(last_inside_at, fix.fix_at - driven_s)))
