"""What waits in a room before its bins are rolled out, and what a truck took of them.

The sensors see what stands in the room. Bins leave their sight full, at the lamp or when the crew fetches them, and
come back emptied, or full:

    count falls                     so many left the room; those that left until the truck did are its own
    count rises before the truck    nobody emptied them, unless they weigh their tare: they are not collected
    count rises after it came       emptied, unless the weight says that some are full
    rises above what is out         bins that were brought: they waited too

Kilograms are what the weight fell by from the first bin that left, less what came back, less the tare of bins that are
still outside when the time is over. Waste that is thrown in meanwhile is neither.

The tare is measured: it is what bins weigh that come back. Where bins are counted by weight, many emptied ones that
come back at once look like one full; if they weigh what the emptied ones must, they are those.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.rules.collecting.readings import Reading
from broker.rules.settings import LIGHTEST_BIN_GRAMS, SCALE_NOISE_GRAMS

SENSORS_S = 10  # a unit speaks of a change so much later than it was
NOTICED_S = 120  # a truck may have stood there so long before its positions said so
SETTLES_S = 60  # a scale rests so long after the last bin moved
EMPTIED_FROM = 0.35  # so much of a bin's usual waste beyond the tare makes a bin full
TARE_MOST = 0.6  # of a full bin's mass: what comes back heavier was not emptied, or nothing can be said
SAME_TARE = 0.8  # a lighter one than this part of what is known is another kind of bin
NEAR = 0.15  # a weight that is so near is meant


class Span(NamedTuple):
    """The times of a visit: when its bins may have begun to leave, when the truck came and went, until when they may
    come back. `arrived_at` and `left_at` None: it has not.
    """

    from_at: int
    arrived_at: int | None
    left_at: int | None
    until_at: int

    def is_before_truck(self, at: int) -> bool:
        """Whether no bin can have been emptied by then."""
        return self.arrived_at is None or at < self.arrived_at - NOTICED_S


class Collected(NamedTuple):
    """What stood there and what was left behind, in bins and grams; None where nobody knows."""

    bins_before: int | None = None
    bins_after: int | None = None
    grams_before: int | None = None
    grams_after: int | None = None
    tare_grams: int | None = None  # of one emptied bin, as measured here
    quality: int | None = None  # the worst of the readings that this rests on
    out: int = 0  # bins that were still outside in the end

    def keeping(self, bins: int) -> "Collected":
        """The same, if so many bins were taken and none else."""
        return self._replace(bins_after=None if self.bins_before is None else self.bins_before - bins)

    @property
    def bins(self) -> int | None:
        """How many bins were emptied."""
        return None if self.bins_before is None or self.bins_after is None else self.bins_before - self.bins_after


@dataclass(slots=True)
class _Bins:
    """What the count says, reading by reading."""

    first: int | None = None
    level: int = 0
    added: int = 0
    out: int = 0  # outside now
    taken: int = 0  # left until the truck did, less what came back before it came
    fell: int = 0  # all that left until then
    late: int = 0  # left after it had gone
    early: int = 0  # came back before it came
    back: int = 0  # came back since it came
    rose_at: int | None = None
    unknown: bool = False

    def see(self, count: int, at: int, span: Span) -> bool:
        """Take in a count; whether it fell."""
        if self.first is None:
            self.first = self.level = count
            return False
        moved, self.level = count - self.level, count
        if moved < 0:
            self.out -= moved
            if span.left_at is None or at <= span.left_at + SENSORS_S:
                self.taken -= moved
                self.fell -= moved
            else:
                self.late -= moved
        elif moved > 0:
            returned = min(moved, self.out)
            self.out -= returned
            self.added += moved - returned
            self.rose_at = at
            if span.is_before_truck(at):
                self.taken -= returned
                self.early += returned
            else:
                self.back += returned
        return moved < 0

    def are_back(self, at: int, span: Span) -> bool:
        """Whether the truck is gone, what was outside came back, and has come to rest."""
        if span.left_at is None or self.out or self.rose_at is None:
            return False
        return at > max(span.left_at + SENSORS_S, self.rose_at + SETTLES_S)


@dataclass(slots=True)
class _Weight:
    """What the weight says, reading by reading."""

    standing: int | None = None  # the settled weight before the first bin left; afterwards, that of the last change
    before: int = 0
    moving: bool = False
    thrown_in: int = 0
    fell: int = 0
    fell_late: int = 0  # with bins that left after the truck had gone
    early: list[int] = field(default_factory=list)  # came back before the truck came
    back: list[int] = field(default_factory=list)

    def see(self, grams: int, at: int, span: Span, bins: _Bins, *, bins_left: bool, counted: bool) -> None:
        """Take in a weight; `bins_left` if this reading's count fell, `counted` where there is a count at all."""
        if self.standing is None:
            self.standing = grams
        change = grams - self.standing
        if not self.moving and not bins_left and change > -LIGHTEST_BIN_GRAMS:
            self.standing = grams  # filled, or drifting
            return
        if not self.moving:
            self.moving, self.before = True, self.standing
        if abs(change) < SCALE_NOISE_GRAMS:
            return
        self.standing = grams
        if change < 0:
            if span.left_at is None or at <= span.left_at + SENSORS_S or not bins.late:
                self.fell -= change
            else:
                self.fell_late -= change
            return
        heavy = change >= LIGHTEST_BIN_GRAMS
        bins_came = bins.rose_at is not None and at - bins.rose_at <= (SETTLES_S if heavy else SENSORS_S)
        if not (bins_came if counted else heavy):
            self.thrown_in += change
        elif span.is_before_truck(at):
            self.early.append(change)
        else:
            self.back.append(change)


def collected(readings: Sequence[Reading], span: Span, tare_grams: int | None = None) -> Collected:
    """What was collected in a span by these readings (see `Readings.between`); `tare_grams` as known from before."""
    bins, weight = _Bins(), _Weight()
    silent, worst, unweighed = False, 0, False
    before: Reading | None = None
    counted = any(one.bins is not None and one.says for one in readings)
    for one in readings:
        if bins.are_back(one.at, span):
            break
        if not one.fell_silent:
            worst = max(worst, one.quality)
        if not one.says:
            silent = True
            continue
        if before is None:
            bins.unknown = span.arrived_at is not None and one.at > span.arrived_at  # nobody knows what it found
        elif silent and _truck_left_between(before, one, span) and _may_hide_something(before, one):
            bins.unknown = True
        if one.grams is None and one.bins is not None and bins.first is not None and one.bins != bins.level:
            unweighed = True
        bins_left = one.bins is not None and bins.see(one.bins, one.at, span)
        if one.grams is not None:
            weight.see(one.grams, one.at, span, bins, bins_left=bins_left, counted=counted)
        silent, before = False, one
    if silent and (before is None or before.at < (span.left_at or span.until_at)):
        bins.unknown = True  # nobody was heard who looked when the truck left
    if unweighed:  # bins moved that no cell weighed: half the weights would be a wrong sum
        weight = _Weight()
    return _outcome(bins, weight, span, tare_grams, worst, counted=counted)


def _truck_left_between(before: Reading, after: Reading, span: Span) -> bool:
    return span.left_at is not None and before.at < span.left_at and after.at > span.left_at + SENSORS_S


def _may_hide_something(before: Reading, after: Reading) -> bool:
    """Whether bins may have moved between two readings of which nobody knows more: a unit that went on looking tells
    of each move sooner or later.
    """
    weighed = before.grams is not None and after.grams is not None
    lighter = weighed and abs((after.grams or 0) - (before.grams or 0)) >= LIGHTEST_BIN_GRAMS
    return (before.boot, before.bins) != (after.boot, after.bins) or lighter


def _outcome(
    bins: _Bins, weight: _Weight, span: Span, known_grams: int | None, worst: int, *, counted: bool
) -> Collected:
    if weight.standing is None and not counted:
        return Collected()
    quality = worst
    bins_before = bins.first + bins.added if bins.first is not None else None
    grams_before = None
    if weight.standing is not None:
        grams_before = (weight.before if weight.moving else weight.standing) + weight.thrown_in
    if span.arrived_at is None or bins.unknown:
        return Collected(bins_before, None, grams_before, None, None, quality)
    back, fell_late = sum(weight.back), weight.fell_late
    late_out = min(bins.out, bins.late)  # emptied bins come back first
    late_back = bins.late - late_out
    late_grams = fell_late * late_back // bins.late if bins.late else 0
    out, came = bins.out - late_out, max(0, bins.back - late_back)
    came_grams = max(0, back - late_grams)
    full_grams = weight.fell // bins.fell if bins.fell else 0
    tare = _tare(weight.back, came, came_grams, known_grams, full_grams)
    full = 0
    if tare is not None and full_grams > tare:
        everything, waste = (came + out) * tare, full_grams - tare
        if out and abs(came_grams - everything) <= NEAR * everything:
            out = 0  # counted by weight: all of them came back, emptied
        elif len(weight.back) == bins.back:  # one by one
            full = sum(1 for grams in weight.back if _holds_waste(grams - tare, waste)) - late_back
        elif _holds_waste(came_grams - came * tare, waste):
            full = round((came_grams - came * tare) / waste) or 1
    elif came and not out and full_grams and came_grams >= (1 - NEAR) * came * full_grams:
        full = came  # as heavy as they left
    full = max(0, min(came, full))
    if tare is not None and full_grams > tare and len(weight.early) == bins.early:
        # An arrival may be known too late: what weighs its tare was emptied, whatever the positions say.
        full -= sum(1 for grams in weight.early if not _holds_waste(grams - tare, full_grams - tare))
    bins_after = grams_after = None
    if bins_before is not None:
        bins_after = bins_before - max(0, min(bins.taken - full, bins_before))
    if grams_before is not None:
        grams = weight.fell - sum(weight.early) - came_grams - out * (tare or 0)
        grams_after = grams_before - grams
    measured = tare if came and not full else known_grams
    return Collected(bins_before, bins_after, grams_before, grams_after, measured, quality, bins.out)


def _holds_waste(grams: int, usual_grams: int) -> bool:
    """Whether so much beyond the tare is a bin that was not emptied."""
    return grams >= max(LIGHTEST_BIN_GRAMS, EMPTIED_FROM * usual_grams)


def _tare(back: Sequence[int], came: int, came_grams: int, known_grams: int | None, full_grams: int) -> int | None:
    """What one emptied bin weighs: as measured before, or by what came back now; None where neither says it."""
    if not came or not back:
        return known_grams
    each = came_grams // came
    if known_grams is not None and each >= SAME_TARE * known_grams:
        return known_grams
    tare = min(sorted(back)[(len(back) - 1) // 2], each)
    return tare if tare <= TARE_MOST * full_grams else known_grams
