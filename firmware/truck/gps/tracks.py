"""Which of the places that a receiver tells in turn is the truck's; pure.

A receiver may mix one of its old positions, or a reflection, into the true ones. Each fix belongs to a *track*: the
believed one if it was told at most some steps from there, else the one that was at this very place before, else the
believed one if a truck can have driven there, else the nearest that can, else a new one. One track is believed.
Another takes its place

    when three fixes in a row are its own                           the truck really is there
    when it moves on while the believed one only repeats itself     that one was an old position

A track that repeated itself while the believed one moved on has told an old position: three in a row are not enough
for it any more, twenty are. One that is silent for long is forgotten. Nor does the believed track go back at once to a
very place that it has left, though a truck could have driven there. So the places that move on win, whichever came
first and however they are mixed.
"""

import math
from collections import deque

from firmware.truck.gps.fix import Fix, metres_between

MAX_SPEED_MPS = 35.0
JUMP_SLACK_M = 15.0  # two honest fixes of a standing receiver lie this far apart now and then
SAME_PLACE_M = 1.0
SAME_PLACE_DEG = 1e-5  # of latitude: a little more than SAME_PLACE_M
IN_A_ROW = 3
OLD_IN_A_ROW = 20  # no receiver repeats an old position so often between true ones; a truck may have come there unseen
NEW_PLACES = 3
TRACKS_MAX = 8
FORGOTTEN_S = 600.0


class Track:
    """One place after the other that a truck can have driven; `number` counts all fixes."""

    def __init__(self, fix: Fix, now_s: float, number: int) -> None:
        self.last, self.last_s = fix, now_s
        self.in_a_row = 1
        self.is_old = False
        self._newest_number = number
        self._places = deque([fix], maxlen=16)
        self._new_at = deque([number], maxlen=NEW_PLACES)
        self._asked: tuple[Fix, Fix, float] | None = None  # for which places `metres_to` was asked last
        self._back = (0, number)  # how often in a row it was told to have gone back, and when last

    def wrong(self, fix: Fix, now_s: float) -> str | None:
        """Why a truck that was at this track's last place cannot be at `fix` now (old jump), or None."""
        elapsed_s = now_s - self.last_s
        if fix.fix_at is not None and self.last.fix_at is not None:
            elapsed_s = fix.fix_at - self.last.fix_at
            if elapsed_s <= 0:
                return "old"
        return "jump" if self.metres_to(fix) > MAX_SPEED_MPS * elapsed_s + JUMP_SLACK_M else None

    def metres_to(self, fix: Fix) -> float:
        """From the last place."""
        if self._asked is None or self._asked[0] is not self.last or self._asked[1] is not fix:
            self._asked = self.last, fix, _metres(self.last, fix)
        return self._asked[2]

    def was_at(self, fix: Fix) -> bool:
        """Whether this is one of the places it has told, which then counts among the newest."""
        # Most places are seen to be others by their degrees alone, which costs little.
        lat, lon = fix.lat, fix.lon
        lon_deg = SAME_PLACE_DEG / max(0.01, math.cos(math.radians(lat)))
        south, north = lat - SAME_PLACE_DEG, lat + SAME_PLACE_DEG
        for number, place in enumerate(self._places):
            if south <= place.lat <= north and abs(place.lon - lon) <= lon_deg and _same(place, fix):
                del self._places[number]
                self._places.append(place)
                return True
        return False

    def goes_back(self, fix: Fix, number: int) -> bool:
        """Whether this is a place it has left, told for less than the third time in a row."""
        if self.metres_to(fix) <= JUMP_SLACK_M or not self.was_at(fix):
            return False
        times, last_number = self._back
        times = times + 1 if number == last_number + 1 else 1
        self._back = (times, number)
        return times < IN_A_ROW

    def take(self, fix: Fix, now_s: float, number: int, *, is_anothers: bool = False) -> bool:
        """The fix is of this track; whether it told a new place, which one of another track's never is."""
        self.in_a_row = self.in_a_row + 1 if number == self._newest_number + 1 else 1
        self._newest_number = number
        self.last, self.last_s = fix, now_s
        if is_anothers or self.was_at(fix):
            return False
        self._places.append(fix)
        self._new_at.append(number)
        return True

    @property
    def first_new_number(self) -> int | None:
        """Since which fix it has told so many new places that it moves on; None if it does not."""
        return self._new_at[0] if len(self._new_at) == NEW_PLACES else None

    def new_since(self, number: int) -> int:
        """How many new places it has told since a fix."""
        return sum(at > number for at in self._new_at)


class Tracks:
    """`refusal(fix, now_s)` gives None (believed) or a short word saying why not."""

    def __init__(self) -> None:
        self._number = 0
        self._believed: Track | None = None
        self._others: list[Track] = []

    def refusal(self, fix: Fix, now_s: float) -> str | None:
        """None if the fix is the truck's, else one of old jump repeat."""
        believed = self._believed
        if believed is None:
            self._believed = Track(fix, now_s, self._number)
            return None
        reason = believed.wrong(fix, now_s)
        # Silent while the believed one spoke: a tunnel, in which all are silent, makes nothing forgotten.
        if self._others:
            self._others = [track for track in self._others if believed.last_s - track.last_s <= FORGOTTEN_S]
        every = [believed, *self._others] if self._others else (believed,)
        if fix.fix_at is not None:
            for track in every:
                if track.last.fix_at == fix.fix_at and _same(track.last, fix):
                    return "old"  # said twice
        self._number += 1
        can = [track for track in self._others if track.wrong(fix, now_s) is None] if self._others else []
        again = [track for track in can if track.was_at(fix)] if can else []
        if reason is None and (not again or believed.metres_to(fix) <= JUMP_SLACK_M or believed.was_at(fix)):
            if believed.goes_back(fix, self._number):
                return "repeat"
            if believed.take(fix, now_s, self._number, is_anothers=bool(again)):
                for track in self._others:
                    track.is_old = track.is_old or track.new_since(self._number - 2 * IN_A_ROW) == 0
            return None
        can = again or can
        if not can:
            self._begin(fix, now_s)
            return reason
        own = min(can, key=lambda track: track.metres_to(fix))
        if own.take(fix, now_s, self._number):
            own.is_old = False
        if not self._takes_over(own, believed):
            return reason or "repeat"
        self._others = [believed, *(track for track in self._others if track is not own)]
        believed.is_old, self._believed = True, own
        return None

    def _takes_over(self, own: Track, believed: Track) -> bool:
        if own.in_a_row >= (OLD_IN_A_ROW if own.is_old else IN_A_ROW):
            return True
        since = own.first_new_number
        if since is None or believed.new_since(since):
            return False
        return all(track.new_since(since) < NEW_PLACES - 1 for track in self._others if track is not own)

    def _begin(self, fix: Fix, now_s: float) -> None:
        kept = sorted(self._others, key=lambda track: -track.last_s)
        self._others = [Track(fix, now_s, self._number), *kept[: TRACKS_MAX - 1]]


def _metres(one: Fix, other: Fix) -> float:
    return metres_between(one.lat, one.lon, other.lat, other.lon)


def _same(one: Fix, other: Fix) -> bool:
    return _metres(one, other) <= SAME_PLACE_M
