"""What waits in a room before its bins are rolled out, and what a truck took of them.

The sensors see what stands in the room. Bins leave their sight full, at the lamp or when the crew fetches them, and
come back emptied, or full:

    count falls                     so many left the room; those that left until the truck did are its own
    count rises before the truck    nobody emptied them, unless they weigh their tare: they are not collected
    count rises after it came       emptied, unless the weight says that some are full
    rises above what is out         bins that were brought: they waited too
    rises when the time is over     those that were believed emptied: by their weight they were, or not, or nobody knows

Kilograms are what the weight fell by from the first bin that left, less what came back, less the tare of bins that are
still outside when the time is over. Waste that is thrown in meanwhile is neither.

The tare is measured: it is what bins weigh that come back. Until one did, kilograms are unknown as long as bins are
outside; but what falls at once before the truck is a container that stays where it is. Where bins are counted by
weight, many emptied ones that come back at once may weigh what one full one weighs: while others are out, nobody knows.
"""

from collections.abc import Sequence
from typing import NamedTuple

from broker.rules.collecting.moves import SENSORS_S, Bins, Later, Span, Weight, later, rises_soon
from broker.rules.collecting.passers_by import STANDS_S, without_passers_by
from broker.rules.collecting.readings import Reading
from broker.rules.settings import LIGHTEST_BIN_GRAMS

EMPTIED_FROM = 0.35  # so much of a bin's usual waste beyond the tare makes a bin full
TARE_MOST = 0.6  # of a full bin's mass: what comes back heavier was not emptied, or nothing can be said
SAME_TARE = 0.8  # a lighter one than this part of what is known is another kind of bin
NEAR = 0.15  # a weight that is so near is meant
SAME_BIN = 0.03  # two weights of one bin that nothing was put in or taken out of differ by less


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

    def of_nobody(self) -> "Collected":
        """The same, if nobody knows what was taken."""
        return self._replace(bins_after=None, grams_after=None, tare_grams=None)

    @property
    def bins(self) -> int | None:
        """How many bins were emptied."""
        return None if self.bins_before is None or self.bins_after is None else self.bins_before - self.bins_after


class CameBack(NamedTuple):
    """What was collected, and what of the bins that came back tells whether their crew was there at all."""

    amounts: Collected
    full: int = 0  # as full as they had left
    brought: int = 0  # more than had been seen to leave
    first_at: int | None = None  # when the first came that the truck may have emptied
    settled_at: int | None = None  # after which moment no reading can change it: all are back


def collected(readings: Sequence[Reading], span: Span, tare_grams: int | None = None) -> Collected:
    """What was collected in a span by these readings (see `Readings.between`); `tare_grams` as known from before."""
    return collected_and_settled(readings, span, tare_grams)[0]


def collected_and_settled(
    readings: Sequence[Reading], span: Span, tare_grams: int | None
) -> tuple[Collected, int | None]:
    """The same, and after which moment no reading can change it: all bins are back; None where there is none yet."""
    found = came_back(readings, span, tare_grams)
    return found.amounts, found.settled_at


def came_back(readings: Sequence[Reading], span: Span, tare_grams: int | None = None) -> CameBack:
    """The same, with what is known of the bins that came back."""
    settled_at: int | None = None
    readings = without_passers_by(readings)
    bins, weight = Bins(), Weight()
    silent, worst, unweighed = False, 0, False
    before: Reading | None = None
    off: Reading | None = None  # the last that a unit said before it was without power, until its successor weighed
    counted = any(one.bins is not None and one.says for one in readings)
    after: Sequence[Reading] = ()
    for place, one in enumerate(readings):
        if bins.are_back(one.at, span):
            settled_at = one.at + STANDS_S  # who stood on the scale is known when he steps off
            break
        if one.at > span.until_at > 0:
            after = readings[place:]
            break
        if not one.fell_silent:
            worst = max(worst, one.quality)
        if not one.says:
            silent = True
            continue
        if before is None:
            bins.unknown = span.arrived_at is not None and one.at > span.arrived_at  # nobody knows what it found
        elif one.boot == before.boot:
            bins.unknown |= silent and _truck_left_between(before, one, span) and _moved(before, one)
        elif span.left_at is None or before.at <= span.left_at:
            off = off or before
        if off is not None and (one.grams is not None or off.grams is None):
            bins.unknown |= off.grams is None or (off.bins != 0 and _moved(off, one))  # from none nothing can leave
            off = None
        if one.grams is None and off is None and bins.first is not None and one.bins not in (None, bins.level):
            unweighed = True
        bins_left = one.bins is not None and bins.see(one.bins, one.at, span)
        if one.grams is not None:
            comes = (bins_left or weight.moving) and rises_soon(readings, place)  # else nobody asks
            weight.see(one.grams, one.at, span, bins, bins_left=bins_left, bins_come=comes, counted=counted)
        silent, before = False, one
    if off is not None or (silent and (before is None or before.at < (span.left_at or span.until_at))):
        bins.unknown = True  # nobody was heard who looked when the truck left
    if unweighed:  # bins moved that no cell weighed: half the weights would be a wrong sum
        weight = Weight()
    if weight.standing is None and not counted:
        return CameBack(Collected(), settled_at=settled_at)
    found = _outcome(bins, weight, later(after, bins, weight.standing), span, tare_grams, worst)
    return found._replace(settled_at=settled_at)


def _truck_left_between(before: Reading, after: Reading, span: Span) -> bool:
    return span.left_at is not None and before.at < span.left_at and after.at > span.left_at + SENSORS_S


def _moved(before: Reading, after: Reading) -> bool:
    """Whether something moved between two readings of which nobody knows more. A unit that went on looking tells of
    each move sooner or later; one without power never does, its cell alone knows that nothing moved.
    """
    weighed = before.grams is not None and after.grams is not None
    lighter = weighed and abs((after.grams or 0) - (before.grams or 0)) >= LIGHTEST_BIN_GRAMS
    return before.bins != after.bins or lighter


def _outcome(
    bins: Bins, weight: Weight, after: Later, span: Span, known_grams: int | None, worst: int
) -> CameBack:
    bins_before = bins.first + bins.added if bins.first is not None else None
    grams_before = None
    if weight.standing is not None:
        grams_before = (weight.before if weight.moving else weight.standing) + weight.thrown_in
    nobody_knows = CameBack(Collected(bins_before, None, grams_before, None, None, worst))
    if span.arrived_at is None or bins.unknown:
        return nobody_knows
    late_out = min(bins.out, bins.late)  # emptied bins come back first
    late_back = bins.late - late_out
    late_grams = weight.fell_late * late_back // bins.late if bins.late else 0
    out, came = bins.out - late_out, max(0, bins.back - late_back)
    came_grams = max(0, sum(weight.back) - late_grams)
    full_grams = weight.fell // bins.fell if bins.fell else 0
    tare = _tare(weight.back, came, came_grams, known_grams, full_grams)
    if tare is None:
        tare = _tare(after.rises, after.bins, sum(after.rises), None, full_grams)
    missing = out - min(out, after.bins)
    as_full = came > 0 < full_grams and came_grams >= (1 - NEAR) * came * full_grams
    weighs = tare is not None and full_grams > tare
    everything = (came + out) * (tare or 0)
    if weighs and missing and abs(came_grams - everything) <= NEAR * everything:
        if as_full:  # one full bin, or all of them emptied at once and counted by their weight
            return nobody_knows
        out = full = 0
    elif tare is not None and weighs:
        full = _full_bins(weight.back, came, came_grams, tare, full_grams, one_by_one=bins.back, late=late_back)
    elif as_full and missing:
        return nobody_knows
    else:
        full = came if as_full else 0
    full = max(0, min(came, full))
    if tare is not None and weighs and len(weight.early) == bins.early:
        # An arrival may be known too late: what weighs its tare was emptied, whatever the positions say.
        full -= sum(1 for grams in weight.early if not _holds_waste(grams - tare, full_grams - tare))
    refused = _refused(after, weight.falls, tare, full_grams)
    if refused is None:
        return nobody_knows
    bins_after = grams_after = None
    if bins_before is not None:
        bins_after = bins_before - max(0, min(bins.taken - full - len(refused), bins_before))
    outside = max(0, out - len(refused))
    if grams_before is not None and (tare is not None or _stays_where_it_is(bins, weight, outside)):
        grams = weight.fell - sum(weight.early) - came_grams - sum(refused) - outside * (tare or 0)
        grams_after = grams_before - grams
    measured = tare if (came or after.rises) and not full and not refused else known_grams
    amounts = Collected(bins_before, bins_after, grams_before, grams_after, measured, worst, bins.out)
    return CameBack(amounts, full + len(refused), bins.added, bins.back_at)


def _full_bins(
    back: Sequence[int], came: int, came_grams: int, tare: int, full_grams: int, *, one_by_one: int, late: int
) -> int:
    """How many of those that came back in time were not emptied."""
    if len(back) == one_by_one:
        return sum(1 for grams in back if _holds_waste(grams - tare, full_grams - tare)) - late
    beyond = came_grams - came * tare
    return (round(beyond / (full_grams - tare)) or 1) if _holds_waste(beyond, full_grams - tare) else 0


def _refused(after: Later, falls: Sequence[int], tare: int | None, full_grams: int) -> list[int] | None:
    """The weights of the bins that came back when the time was over and were not emptied; None if nobody can know.

    A bin that stood in the street for an hour may have been emptied and filled again: it is known for one that was not
    emptied if it weighs what it did.
    """
    if len(after.rises) != after.bins:
        beyond = sum(after.rises) - after.bins * (tare or 0)
        empty = tare is not None and not _holds_waste(beyond, full_grams - tare)
        return [] if empty or not after.rises else None
    refused = []
    for grams in after.rises:
        if tare is not None and not _holds_waste(grams - tare, full_grams - tare):
            continue
        if grams < (1 - NEAR) * full_grams and all(abs(grams - fell) > SAME_BIN * fell for fell in falls):
            return None
        refused.append(grams)
    return refused


def _stays_where_it_is(bins: Bins, weight: Weight, outside: int) -> bool:
    """Whether nothing with a tare is outside: all of it fell at once before the truck, as a container does."""
    if bins.first is None:
        return len(weight.falls) <= 1 or bool(weight.back)
    return not outside or (bins.fell > 1 and bins.most == bins.fell)


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
