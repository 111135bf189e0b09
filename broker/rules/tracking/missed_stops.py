"""Stops a truck left behind without being seen there: passed, stayed at in silence, or reached after all.

    ahead  --two fixes beyond, or one far beyond--> behind
    behind --silent for long enough to drive there, stay and drive on--> a stay is inferred
    behind --else--> passed
    passed --the truck stands in its fence for 20 s--> reached after all

"Served" is evidence: a truck that drives past must not end up served, one in a radio hole must not end up skipped.
Off the line the same holds for any visit still owed: a driver may take them in an order of his own.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

from broker.plan.geometry import distance_m
from broker.rules.settings import Streets
from broker.rules.tracking.stands import Stand
from broker.rules.tracking.types import GpsFix, StopKey, TrackSettings, TrackVisit


class MissedStops:
    """What was left behind by one truck on its run."""

    def __init__(self, settings: TrackSettings, streets: Streets) -> None:
        self._settings = settings
        self._streets = streets
        self._passed: dict[StopKey, TrackVisit] = {}
        self._standing_since: dict[StopKey, int] = {}
        self._short_fix: GpsFix | None = None  # the newest fix at which the next visit was not yet behind
        self._fixes_beyond = 0

    def start_over(self, fix: GpsFix | None) -> None:
        """The truck is heading for another visit from here on."""
        self._short_fix, self._fixes_beyond = fix, 0

    @property
    def passed(self) -> AbstractSet[StopKey]:
        """Those that were passed, and not reached after all."""
        return self._passed.keys()

    def keep_passed(self, owed: Sequence[TrackVisit]) -> None:
        """What is owed was said anew: of the passed visits those count that are still among it."""
        self._passed = {visit.key: visit for visit in owed if visit.key in self._passed}

    def remember(self, visit: TrackVisit) -> None:
        """This visit was passed; it may still be reached."""
        self._passed[visit.key] = visit

    def fence_m(self, visit: TrackVisit) -> float:
        """How far around its room a truck counts as there."""
        return visit.fence_m or self._settings.fence_m

    def silent_over(self, visits: Sequence[TrackVisit], along_m: float | None, gap_s: int) -> bool:
        """Whether the first of these visits came and went within one silence."""
        if not visits or along_m is None or gap_s <= self._settings.seen_gap_s:
            return False
        visit = visits[0]
        return visit.distance_m is not None and along_m > visit.distance_m + self.fence_m(visit)

    def left_behind(
        self, pending: Sequence[TrackVisit], fix: GpsFix, along_m: float | None, from_m: float | None,
        closest_m: float, margin_m: float = 0.0,
    ) -> list[TrackVisit]:
        """The next visits that now surely lie behind, by `margin_m` more where the place is in doubt; `along_m` None on
        a free leg, where only the next one can."""
        behind: list[TrackVisit] = []
        for visit in pending:
            straight_m = distance_m(fix.lat, fix.lon, visit.lat, visit.lon)
            fence_m = self.fence_m(visit)
            if along_m is None:
                if closest_m <= 2 * fence_m and straight_m > 8 * fence_m:
                    return [visit]
                break
            if visit.distance_m is None or (from_m is not None and visit.distance_m < from_m):
                break
            if along_m <= visit.distance_m + fence_m + margin_m or straight_m <= fence_m:
                break
            behind.append(visit)
        if not behind:
            self.start_over(fix)
            return []
        self._fixes_beyond += 1
        beyond_m = (along_m or 0.0) - (behind[0].distance_m or 0.0)
        return behind if self._fixes_beyond >= 2 or beyond_m >= 4 * self._settings.fence_m else []

    def stays(self, behind: Sequence[TrackVisit], fix: GpsFix) -> list[tuple[int, int]]:
        """(arrival, departure) at each visit left behind, if the silence before `fix` was long enough; else empty."""
        short, settings = self._short_fix, self._settings
        if short is None or fix.fix_at - short.fix_at <= settings.seen_gap_s:
            return []
        places = [(short.lat, short.lon), *((visit.lat, visit.lon) for visit in behind), (fix.lat, fix.lon)]
        drives_s = [distance_m(*start, *end) / self._streets.speed_mps for start, end in pairwise(places)]
        stay_s = (fix.fix_at - short.fix_at - sum(drives_s)) / len(behind)
        if stay_s < settings.inferred_stay_s:
            return []
        stays, clock = [], float(short.fix_at)
        for drive_s in drives_s[:-1]:
            stays.append((round(clock + drive_s), round(clock + drive_s + stay_s)))
            clock += drive_s + stay_s
        return stays

    def reached_after_all(
        self, fix: GpsFix, speed_mps: float, others: Sequence[TrackVisit], following: TrackVisit | None = None,
        stand: Stand | None = None, reach_m: float = 0.0,
    ) -> tuple[TrackVisit, int] | None:
        """(visit, since when) of a passed stop, or one of `others`, in whose fence the truck has stood long enough.

        Where the receiver is off it is asked by its whole `stand`, further around, for longer, and not where the
        visit `following` is nearer.
        """
        lat, lon = (fix.lat, fix.lon) if stand is None else (stand.lat, stand.lon)
        for visit in (*self._passed.values(), *others):
            away_m = distance_m(lat, lon, visit.lat, visit.lon)
            inside = away_m <= max(self.fence_m(visit), reach_m)
            if inside and reach_m and following is not None:
                inside = away_m < distance_m(lat, lon, following.lat, following.lon)
            if not inside or speed_mps >= self._settings.noise_mps:
                self._standing_since.pop(visit.key, None)
                continue
            since = self._standing_since.setdefault(visit.key, fix.fix_at)
            if fix.fix_at - since >= self._settings.nearby_stay_s * (3 if reach_m else 1):
                self._passed.pop(visit.key, None)
                self._standing_since.clear()
                return visit, since if stand is None else stand.since
        return None
