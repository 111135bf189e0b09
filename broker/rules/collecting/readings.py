"""What a room's sensors said of one waste kind in the last hours, in the order of the moments it was true at.

Late reports find their place, and a report said twice counts once: the same reports make the same memory, in whatever
order they came.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

Made = TypeVar("Made")
KEPT_S = 4 * 3600  # a visit's roll-out, stay and the way back of its bins lie in less
SPOKEN_OF_S = 1800  # a unit that has nothing to tell says so every ten minutes
AWAY_S = 48 * 3600  # the backlog of a unit that was away for longer is not waited for
MOST = 1000  # a unit that talks on and on takes no more memory than this
MOST_SETTLED = 32
NEVER_AT = 2**62
NO_SPAN = (0, 0, 0, 0)  # from and before which moment a span begins, from and before which it ends
USELESS = 3  # a reading of this quality or worse says nothing about bins (firmware/binroom/weighing.py)


class Reading(NamedTuple):
    """What stood in a room at a moment; `bins` and `grams` None where they are not known."""

    at: int
    boot: int
    seq: int
    bins: int | None = None
    grams: int | None = None
    quality: int = 4

    @property
    def says(self) -> bool:
        """Whether it says anything about bins."""
        return self.quality < USELESS and (self.bins is not None or self.grams is not None)

    @property
    def fell_silent(self) -> bool:
        """Whether this is the moment at which a unit was lost, and no reading."""
        return self.boot < 0

    @staticmethod
    def of_row(row: Mapping[str, Any], at: int, boot: int, seq: int) -> "Reading":
        """A waste kind's row of a unit's report."""
        # Not by Reading(...), which takes twice as long to call, and this is done for each report.
        return tuple.__new__(Reading, (at, boot, seq, row["count"], row["grams"], row["quality"]))

    @staticmethod
    def silence(at: int) -> "Reading":
        """From now on nobody knows, until the unit speaks of later."""
        return Reading(at, -1, 0)


class Readings:
    """The readings of the last hours, and the last one before them."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self.moved_at = 0  # since then every reading says the same number of bins
        self.whole_since = 0  # of before that readings were left behind: a span that begins there cannot be counted
        self._made: Any = None  # by `of_span`
        self._made_for = NO_SPAN
        self.held: Any = None  # what somebody made of the readings as they are
        self._settled: dict[Any, tuple[Any, int]] = {}  # for whom: as what, and of which moment on nothing changes it
        self._held_from = self._held_until = 0  # a unit that was away has a backlog to tell: until then nothing goes

    def add(self, reading: Reading) -> None:
        """Take one in."""
        kept = self._readings
        if kept and (kept[-1].at < reading.at or kept[-1][:3] < reading[:3]):  # as nearly all are
            before = kept[-1]
            kept.append(reading)
            if reading.bins is None or before.bins != reading.bins or max(before.quality, reading.quality) >= USELESS:
                self.moved_at = max(self.moved_at, reading.at)
            if reading.at - before.at > SPOKEN_OF_S:
                self._held_from, self._held_until = before.at - KEPT_S, reading.at + KEPT_S
        else:
            place = bisect_left(kept, reading[:3])
            if (place < len(kept) and kept[place][:3] == reading[:3]) or (reading.fell_silent and place == 0):
                return
            kept.insert(place, reading)
            self._settled.clear()
            self.moved_at = max(self.moved_at, reading.at, kept[min(place + 1, len(kept) - 1)].at)
        self._made_for, self.held = NO_SPAN, None
        newest_at = kept[-1].at
        kept_from = newest_at - KEPT_S
        if newest_at <= self._held_until:
            kept_from = min(kept_from, max(self._held_from, newest_at - AWAY_S))
        if len(kept) > MOST or (len(kept) > 1 and kept[1].at <= kept_from):
            self._leave_behind(len(kept) - MOST, kept_from)

    def _leave_behind(self, too_many: int, before_at: int) -> None:
        """Forget so many at least, and all that a later one of before that moment stands for."""
        kept = self._readings
        if len(kept) > 1 and kept[1].at <= before_at:
            too_many = max(too_many, self._standing(before_at))
        if too_many > 0:
            del kept[:too_many]
            self.whole_since = kept[0].at

    def hold(self, made: object) -> None:
        """Keep what somebody made of the readings (`held`) as long as they are as they are."""
        self.held = made

    def settle(self, whom: object, made: object, at: int) -> None:
        """What was made of the readings for somebody stays as it is (`made`), whatever is read after that moment."""
        if len(self._settled) >= MOST_SETTLED:
            self._settled.clear()
        self._settled[whom] = made, at

    def is_settled(self, whom: object, made: object, at: int) -> bool:
        """Whether a reading of this moment, the newest of all, changes nothing of that."""
        known = self._settled.get(whom)
        return known is not None and at > known[1] and known[0] == made

    def not_after(self, now: int) -> None:
        """Leave behind what only a clock that was ahead can have said."""
        self._settled.clear()
        self._made_for, self.held = NO_SPAN, None
        ahead = [one for one in self._readings if one.at > now]
        if ahead:
            self._readings = [one for one in self._readings if one.at <= now]
            for one in ahead:
                insort(self._readings, one._replace(at=now))

    def between(self, from_at: int, until_at: int) -> Sequence[Reading]:
        """Those of a span, and before them the last one that was true when it began."""
        return self._readings[self._standing(from_at) : self._after(until_at)]

    def of_span(self, from_at: int, until_at: int, make: Callable[[Sequence[Reading]], Made]) -> Made:
        """What is made of the readings of a span, made again only when others are in it: many ask many times a minute.

        One `make` only may ask, and it may look at nothing else.
        """
        from_least_at, from_most_at, until_least_at, until_most_at = self._made_for
        if not (from_least_at <= from_at < from_most_at and until_least_at <= until_at < until_most_at):
            kept, first, end = self._readings, self._standing(from_at), self._after(until_at)
            other_at = next((one.at for one in kept[first + 1 :] if one.says and one.at > from_at), NEVER_AT)
            self._made = make(kept[first:end])
            self._made_for = from_at, other_at, until_at, kept[end].at if end < len(kept) else NEVER_AT
        made: Made = self._made
        return made

    @property
    def span_ends(self) -> tuple[int, int]:
        """Before which moment the span that was asked for last would have to begin, and to end, to be the same."""
        return self._made_for[1], self._made_for[3]

    def _after(self, at: int) -> int:
        """The place behind the last reading of this moment or before."""
        return bisect_left(self._readings, (at + 1,))

    def _standing(self, at: int) -> int:
        """The place of the last reading that says something and was true at this moment; the first, if none was."""
        place = self._after(at)
        while place > 0:
            place -= 1
            if self._readings[place].says:
                break
        return place

    @property
    def newest(self) -> Reading:
        """The last one; IndexError where there is none."""
        return self._readings[-1]
