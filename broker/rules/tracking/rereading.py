"""The last two stays, read once more together: what was taken for the first was perhaps a jam before it.

When a truck has left a room, what it did there is read from the stands until then. At the next room more is known: a
jam of three minutes fifty metres before a room is no shorter than a small stay, but where a stand of the right time at
its door follows it, that one was the stay, and the next room has one less. So both rooms are read anew from all their
stands, and what was said of the first is set right where another reading is far likelier.

    first, recorded: jam       second, recorded: stay + stay       ->  first: stay, second: stay

A receiver that is off is off alike at both: of rooms near each other the way between two stands counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

from broker.rules.tracking.stands import MADE, Reading, Stand, near, readings

SET_RIGHT_ODDS = 3.0  # what was said is believed against less
NEAR_EACH_OTHER_M = 100.0  # so far apart a receiver is off alike
BETWEEN_M, BETWEEN_SHARE = 5.0, 0.3  # what the way between two stands is off by, and this share of the place's doubt


@dataclass(frozen=True, slots=True)
class Told:
    """The stay at a room as it was read when its truck had left: from which stands, and which of them it was."""

    place_m: float
    expected_s: float
    stands: tuple[Stand, ...]
    since: int
    until: int
    moved_m: float  # by so much the truck's place was corrected then, because it stood there


@dataclass(frozen=True, slots=True)
class _Pair:
    odds: float
    first: Reading
    second: Reading | None


def reread(
    told: Told, after: Sequence[Stand], place_m: float, expected_s: float | None
) -> tuple[Reading, Reading | None] | None:
    """The stay told of, and the one at the next room at `place_m` (None: there was none), where both together are far
    likelier to have been otherwise than as told; `after` are the stands since then."""
    stands = [stand for stand in (*told.stands, *after) if stand.along_m is not None and stand.seconds >= 1]
    number = sum(1 for stand in told.stands if stand in stands)
    along_m = [stand.along_m or 0.0 for stand in stands[:number]]
    along_m += [(stand.along_m or 0.0) - told.moved_m for stand in stands[number:]]
    pairs = [*_pairs(stands, along_m, told, place_m, expected_s)]
    as_told = [pair for pair in pairs if (pair.first.first.since, pair.first.last.until) == (told.since, told.until)]
    if not as_told:
        return None
    best = max(pairs, key=lambda pair: pair.odds)
    if best.odds < max(pair.odds for pair in as_told) + SET_RIGHT_ODDS:
        return None
    return best.first, best.second


def _pairs(
    stands: Sequence[Stand], along_m: Sequence[float], told: Told, place_m: float, expected_s: float | None
) -> Iterator[_Pair]:
    """Each reading of the first with each of the second behind it, and with none."""
    gap_m, where_m = place_m - told.place_m, dict(zip(map(id, stands), along_m, strict=True))
    seconds = [*readings(stands, [here - place_m for here in along_m], expected_s)]
    is_close = gap_m <= NEAR_EACH_OTHER_M
    alone = {id(stand): near(where_m[id(stand)] - place_m, stand.doubt_m) if is_close else 0.0 for stand in stands}
    for first in readings(stands, [here - told.place_m for here in along_m], told.expected_s):
        yield _Pair(first.odds - log(MADE), first, None)
        together = dict.fromkeys(alone, 0.0)
        if is_close:
            from_m = where_m[id(first.first)] + gap_m
            for stand in stands:
                width_m = BETWEEN_M + BETWEEN_SHARE * stand.doubt_m
                together[id(stand)] = near(where_m[id(stand)] - from_m, width_m)
        for second in seconds:
            if second.first.since >= first.last.until and second.first is not first.last:
                begun = id(second.first)
                yield _Pair(first.odds + second.odds - alone[begun] + together[begun], first, second)
