"""Who stood on a room's scale for a moment: the weight rose by a bin's or more and fell again, and no bin left."""

from collections.abc import Sequence

from broker.rules.collecting.readings import Reading
from broker.rules.settings import LIGHTEST_BIN_GRAMS, SCALE_NOISE_GRAMS

STANDS_S = 60  # nobody stands there for longer; what stays is waste or a bin


def without_passers_by(readings: Sequence[Reading]) -> list[Reading]:
    """The same readings, of the bins alone: while somebody stood there, they weigh what they weighed around it.

    A count that is made of the weight rose and fell with it; a count by beams goes its own way meanwhile.
    """
    told: list[Reading] = []
    before_grams = None
    for one in readings:
        if before_grams is not None and one.grams is not None and before_grams - one.grams >= LIGHTEST_BIN_GRAMS:
            base = _base(told, one)
            if base is not None:
                _flatten(told, base, one)
        told.append(one)
        before_grams = one.grams
    return told


def _base(told: Sequence[Reading], one: Reading) -> int | None:
    """The place of the last reading before somebody stepped on, if he stepped off with this one."""
    for place in range(len(told) - 2, -1, -1):
        first, before = told[place + 1], told[place]
        if one.at - first.at > STANDS_S or first.grams is None or before.grams is None:
            return None
        if first.grams - before.grams >= LIGHTEST_BIN_GRAMS and _nothing_left(before, told[-1], one):
            return place
    return None


def _nothing_left(before: Reading, last: Reading, one: Reading) -> bool:
    """Whether no bin left as the weight fell: by its count, or as all is again as it was."""
    if (one.grams or 0) < (before.grams or 0) - SCALE_NOISE_GRAMS:
        return False
    if one.bins is None or last.bins is None or one.bins < last.bins:
        return one.bins == before.bins and (one.grams or 0) <= (before.grams or 0) + SCALE_NOISE_GRAMS
    return True


def _flatten(told: list[Reading], base: int, one: Reading) -> None:
    before = told[base]
    grams = max(before.grams or 0, one.grams or 0)
    for place in range(base + 1, len(told)):
        there = told[place]
        counted_by_weight = there.bins is not None and one.bins is not None and one.bins < there.bins
        told[place] = there._replace(grams=grams, bins=before.bins if counted_by_weight else there.bins)
