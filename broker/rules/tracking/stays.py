"""When a truck whose place is in doubt is at a room, when it has left, and since when it really was there.

While the receiver is good the fence decides (`stop_watch.py`); where it is off, what a visit looks like does
(`stands.py`). In both cases the stay is read once more when it is over: a red light at the gate was not its beginning,
a halt that is far too short was none at all, and a stay of the time of two may have been of two rooms.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log, sqrt

from broker.plan.geometry import distance_m
from broker.rules.tracking.rereading import Told, reread
from broker.rules.tracking.stands import (
    MADE,
    TOLD_WITHIN_S,
    Reading,
    Stand,
    Stands,
    best_reading,
    near,
    standing_odds,
    stay,
)
from broker.rules.tracking.types import GpsFix, TrackSettings, TrackVisit
from broker.rules.tracking.way import Way

ExpectedStay = Callable[[str, str, int | None], float | None]  # room_id, waste, bins -> seconds, None: nobody knows

ARRIVED_ODDS = 3.0  # in natural logarithms: 20 to 1
MADE_ODDS = 2.0  # for a stay that nobody took for one until its room was passed
NOT_MADE_ODDS = -1.0  # for a stay that was taken for one
STOOD_S = 10  # a truck that passes by stands shorter
FULL_STAY = 0.5  # of the expected stay: it may have been the whole of it
QUICKEST = 0.25  # of it, by times that are guessed from how long the drive should have taken
STOPS_SHORT_M = 60.0
MOVED_M = 12.0
LEAVES_M = 30.0
DRIVES_M = 60.0
LEFT_SURELY_M = 150.0
CLOSE_M = 100.0  # rooms so near one another may be mixed up
SAME_PLACE_M = 60.0  # and so near, served from one place
SHARED = 8.0  # of the rooms so near and not stood at, so many are served with their neighbour for one that is not


@dataclass(frozen=True, slots=True)
class Past:
    """The last stay, where it was, and how long all that were served in it should take."""

    visit: TrackVisit
    seconds: int
    until: int
    expected_s: float | None


class Stays:
    """What the stands of one truck say of the rooms it owes."""

    def __init__(self, settings: TrackSettings, way: Way, expected_s: ExpectedStay | None) -> None:
        self._settings = settings
        self._way = way
        self._expected_s = expected_s
        self._at: Stand | None = None
        self._past: Past | None = None
        self._told: tuple[TrackVisit, Told] | None = None
        self._measures = False  # its way, as far as its newest position says
        self._was_silent = False  # before its newest position
        self.waiting: Mapping[tuple[str, str], int] = {}
        self.stands = Stands()

    @property
    def in_doubt(self) -> bool:
        """Whether the receiver is too far off to be believed as it is."""
        return not self._way.line.spread.good

    @property
    def reach_m(self) -> float:
        """How far around a room a truck may be said to be that stands there; 0 for a good receiver."""
        spread = self._way.line.spread
        return 0.0 if spread.good else 1.5 * spread.metres

    @property
    def margin_m(self) -> float:
        """How much further than usual the place must be to be beyond something; 0 for a good receiver."""
        if not self.in_doubt:
            return 0.0
        return (3.0 if self.stands.standing else 1.5) * self._way.line.doubt_m  # a stand may be the stay itself

    def see(
        self, fix: GpsFix, before: GpsFix | None, speed_mps: float, gap_s: int, visit: TrackVisit | None
    ) -> None:
        """Take in a position."""
        line = self._way.line
        self._was_silent = gap_s > TOLD_WITHIN_S
        if self._was_silent:
            self._told = None  # what a silence hid is not to be read from the stands that were seen
        along_m = line.seen_m if self._way.on_line(visit) and line.on_the_line and not line.off_route else None
        way_m = fix.way_since_m(before)
        self._measures = way_m is not None
        self.stands.see(fix.fix_at, fix.lat, fix.lon, speed_mps, gap_s, along_m, line.doubt_m, way_m)

    def arrived(self, at: int) -> None:
        """The stop watch says that the truck is there since then."""
        self._at = self.first_after(at)

    @property
    def stands_where_it_came(self) -> bool:
        """Whether by its own measure the truck has driven nowhere since it came; its place may wander all the same."""
        return self._measures and self.stands.standing and self.stands.newest is self._at

    def stood_since(self, at: int) -> int:
        """Since when the truck stands that was seen there at that moment."""
        stand = self.stands.newest
        return at if stand is None or not self.stands.standing else min(at, stand.since)

    def arrival(self, visit: TrackVisit) -> int | None:
        """When the truck came to the visit, if it surely stands there."""
        stand = self.stands.newest
        if stand is None or not self.stands.standing or stand.seconds < STOOD_S:
            return None
        if standing_odds(stand.seconds, *self._offset(stand, visit)) < ARRIVED_ODDS:
            return None
        return stand.since

    def gone(self, visit: TrackVisit, fix: GpsFix) -> int | None:
        """When the truck left the visit, if it surely has."""
        stand, stands, line = self.stands.newest, self.stands, self._way.line
        if stand is None:
            return None
        if visit.distance_m is None or stand.along_m is None or not line.on_the_line:
            here = self._at or stand
            driven_m = stands.driven_m - here.driven_m
            far_m = self._settings.fence_m + 1.5 * line.spread.metres
            is_far = distance_m(fix.lat, fix.lon, visit.lat, visit.lon) > far_m
            if driven_m < (DRIVES_M if is_far else LEFT_SURELY_M):
                return None
            ends = [one.until for one in stands if one.driven_m - here.driven_m <= DRIVES_M]
            return max([here.until, *ends])
        if stands.standing:
            return None
        moved_m, beyond_m = line.seen_m - stand.along_m, line.seen_m - visit.distance_m
        surely = moved_m >= LEAVES_M and beyond_m >= self._settings.fence_m + line.doubt_m
        surely = surely or moved_m >= LEFT_SURELY_M or moved_m <= -2 * LEAVES_M
        return stand.until if surely else None

    def moved_on(self, visit: TrackVisit, follows: TrackVisit | None) -> int | None:
        """When the truck left the visit for a room close by, where it stands by now."""
        here, before = self.stands.newest, self._at
        if here is None or before is None or here is before or follows is None or not self.stands.standing:
            return None
        offset_m, _ = self._offset(here, follows)
        back_m, _ = self._offset(here, visit)
        if None not in (visit.distance_m, follows.distance_m):
            gap_m = (follows.distance_m or 0.0) - (visit.distance_m or 0.0)
        else:
            gap_m = distance_m(visit.lat, visit.lon, follows.lat, follows.lon)
        if not 0 <= gap_m <= CLOSE_M:
            return None
        if not self.in_doubt:
            return before.until if abs(offset_m) < abs(back_m) else None
        expected_s = self._expected(visit)
        since = [stand for stand in self.stands if before.since <= stand.since and stand is not here]
        was = best_reading(since, [self._offset(stand, visit)[0] for stand in since], expected_s)
        if was is None or was.seconds < FULL_STAY * (expected_s or 120.0):
            return None
        moved_m = (here.along_m or 0.0) - (was.last.along_m or 0.0)
        return was.last.until if moved_m >= min(MOVED_M, gap_m / 3) else None

    def read(self, visit: TrackVisit, since: int) -> Reading | None:
        """How the stands since then are best read as the stay at this visit; None where the truck never stood."""
        stands = [stand for stand in self.stands if stand.until >= since and stand.seconds >= 1]
        offsets = [self._offset(stand, visit) for stand in stands]
        return best_reading(stands, [offset_m for offset_m, _ in offsets], self._expected(visit))

    def first_after(self, since: int) -> Stand | None:
        """The first stand that went on at that moment or began after it."""
        return next((stand for stand in self.stands if stand.until >= since), None)

    def has_time_for(self, visits: Sequence[TrackVisit], seconds: int) -> bool:
        """Whether stays that nobody saw may have been in so many seconds, as quick as a crew can be."""
        return seconds >= QUICKEST * sum(self._expected(visit) or 0.0 for visit in visits)

    def was_made(self, visit: TrackVisit) -> Reading | None:
        """The stay at a visit that lies behind, if a stand that was taken for a halt must have been it."""
        reading = self.read(visit, 0)
        if reading is not None and not self.in_doubt:  # nor where a good receiver says that it stood elsewhere
            reach_m = STOPS_SHORT_M if self._way.line.spread.good else 2 * STOPS_SHORT_M
            near_by = abs(self._offset(reading.first, visit)[0]) <= reach_m
            reading = reading if near_by and self._expected(visit) is not None else None
        return reading if reading is not None and reading.odds + log(MADE) >= MADE_ODDS else None

    def was_none(self, visit: TrackVisit, reading: Reading | None) -> bool:
        """Whether what was taken for the stay at a visit was a halt of the traffic: never one that took its time."""
        expected_s = self._expected(visit)
        if expected_s is None or reading is None:
            return expected_s is not None
        return reading.seconds < expected_s and reading.odds + log(MADE) < NOT_MADE_ODDS

    def take_share(self, visit: TrackVisit, against: float = MADE_ODDS) -> tuple[int, int] | None:
        """(since, until) of the stay at a visit that was served from where the last one was, if the odds for that are
        greater than those `against` it; the time that it took is then no third room's."""
        past, expected_s = self._past, self._expected(visit)
        if past is None or past.expected_s is None or expected_s is None or not _close(past.visit, visit):
            return None
        if _shared_odds(past.seconds, past.expected_s, expected_s) < max(MADE_ODDS, against):
            return None
        both_s = past.expected_s + expected_s
        self._past = replace(past, expected_s=both_s)
        return round(past.until - past.seconds + past.seconds * past.expected_s / both_s), past.until

    def take_share_before(self, visit: TrackVisit, follows: TrackVisit | None) -> tuple[int, int] | None:
        """The same for a visit where the truck stands that is in doubt, if it rather stands at the next room."""
        stand = self.stands.newest
        if stand is None or follows is None or not self.in_doubt or not self.stands.standing or stand.seconds < STOOD_S:
            return None
        return self.take_share(visit, near(*self._offset(stand, visit)) - near(*self._offset(stand, follows)))

    def may_be_of_both(self, visit: TrackVisit, follows: TrackVisit | None, reading: Reading | None) -> bool:
        """Whether the stay may turn out to have been of the next room, too: then its time teaches nothing."""
        if reading is None or follows is None:
            return False
        own_s, next_s = self._expected(visit), self._expected(follows)
        if own_s is None or next_s is None or not _close(visit, follows):
            return False
        return _shared_odds(reading.seconds, own_s, next_s) >= MADE_ODDS

    def set_right(self, visit: TrackVisit) -> tuple[TrackVisit, Reading, Reading | None] | None:
        """The visit before this one with its true stay, and the stay at this one (None: it was none), where the last
        stays tell another thing together than the first did alone."""
        told, self._told = self._told, None
        expected_s = self._expected(visit)
        if told is None or visit.distance_m is None or expected_s is None:
            return None
        found = reread(told[1], [*self.stands], visit.distance_m, expected_s)
        return None if found is None else (told[0], *found)

    def leave(self, visit: TrackVisit, reading: Reading | None, arrived_at: int, left_at: int) -> None:
        """The truck goes on from a visit: what it did until then says nothing of others."""
        since, until = (arrived_at, left_at) if reading is None else (reading.first.since, reading.last.until)
        expected_s, line = self._expected(visit), self._way.line
        self._past = Past(visit, until - since, until, expected_s)
        self._told = None
        if reading is not None and visit.distance_m is not None and reading.first.along_m is not None:
            before_m = line.seen_m
            line.was_at(visit.distance_m, reading.first.along_m)
            if expected_s is not None and not self._was_silent:
                stands = tuple(stand for stand in self.stands if stand.since <= left_at)
                moved_m = line.seen_m - before_m
                self._told = visit, Told(visit.distance_m, expected_s, stands, since, until, moved_m)
        self.stands.forget(left_at)
        self._at = None

    def _expected(self, visit: TrackVisit) -> float | None:
        place = (visit.key[0], visit.waste)
        return None if self._expected_s is None else self._expected_s(*place, self.waiting.get(place))

    def _offset(self, stand: Stand, visit: TrackVisit) -> tuple[float, float]:
        """(metres from the room, deviation of that)."""
        if stand.along_m is not None and visit.distance_m is not None:
            return stand.along_m - visit.distance_m, stand.doubt_m
        straight_m = distance_m(stand.lat, stand.lon, visit.lat, visit.lon)
        return -straight_m, self._way.line.spread.metres / sqrt(1 + stand.seconds / 90.0)


def _close(one: TrackVisit, other: TrackVisit) -> bool:
    """Whether both rooms may be served from one place."""
    return distance_m(one.lat, one.lon, other.lat, other.lon) <= SAME_PLACE_M


def _shared_odds(seconds: float, own_s: float, next_s: float) -> float:
    """The odds that a stay was of two rooms, where the truck stood at the first only, in logarithms."""
    return stay(seconds, own_s + next_s) - stay(seconds, own_s) + log(SHARED)
