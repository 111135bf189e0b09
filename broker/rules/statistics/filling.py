"""How fast each room fills, day by day: what stood in it at each moment that is known, in a row.

Known is what it weighed settled before its bins were rolled out and once they were back (rules/collecting/, in the
visit's record), and what its unit said last before each midnight, and last of all. Between two of these it filled by
the difference, on the day on which the second one lies; what is less than before was emptied otherwise, and fills
nothing. While its bins are out and for a while after it is not looked at. So the days' figures add up to what was
collected less what was left, and a room that nobody collects fills too. It belongs to the truck that collects it next.

Where a unit said nothing before midnight, what filled since counts on the day on which it is known again; nothing is
known over a gap of FILLED_WITHIN_S, so that a day asked for alone and within a month give the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from broker.rules.collecting.readings import SPOKEN_OF_S, USELESS
from broker.rules.statistics.cube import Figures, Key, key_of
from broker.rules.statistics.facts import Fact, moment, text, visit_at, whole
from broker.rules.statistics.periods import local_day

DAY_S = 86_400
FILLED_WITHIN_S = 14 * DAY_S  # what was known longer ago says nothing about how fast a room fills
BACK_WITHIN_S = 2700  # so long after a truck its bins may still be outside
OUT, BACK, SEEN = range(3)

Place = tuple[str, str]  # room, kind of waste


class Known(NamedTuple):
    """What a room weighed at a moment: before its bins went out, once they were back, or as its unit said."""

    at: int
    what: int
    grams: int | None
    day: str  # on which what filled until then counts
    body: Mapping[str, Any] = {}  # of the visit


def out_at(body: Mapping[str, Any]) -> int | None:
    """When a visit's bins began to leave the room, as far as is known."""
    return next((at for at in (moment(body, "due_at"), moment(body, "arrived_at")) if at is not None), None)


def filling(facts: Sequence[Fact], served: Sequence[Fact], zone: ZoneInfo) -> Iterator[tuple[Key, Figures]]:
    """What each room filled with between two moments at which it is known, with the key that it counts under."""
    known: dict[Place, list[Known]] = {}
    for fact in served:
        of_visit = known.setdefault((text(fact.body, "room"), text(fact.body, "waste")), [])
        of_visit += _of_visit(fact, local_day(visit_at(fact), zone))
    for place, seen in _seen(facts, zone).items():
        known.setdefault(place, []).extend(seen)
    for (room, waste), row in sorted(known.items()):
        looked_at = _while_inside(sorted(row, key=lambda one: (one.at, one.what, one.body.get("run_id", ""))))
        estate = next((text(one.body, "estate") for one in row if one.body), "")
        for at, (one, next_one) in enumerate(pairwise(looked_at)):
            over_s = next_one.at - one.at
            if one.what == OUT or next_one.what == BACK or not 0 < over_s <= FILLED_WITHIN_S:
                continue
            if one.grams is None or next_one.grams is None:
                continue
            visit = next((later.body for later in looked_at[at + 1 :] if later.what == OUT), None)
            if visit is None or (out_at(visit) or 0) - next_one.at > FILLED_WITHIN_S:
                visit = {"room": room, "waste": waste, "estate": estate}
            filled = max(0, next_one.grams - one.grams)
            yield key_of(next_one.day, visit), {"filled_grams": filled, "filled_s": over_s, "filled_known": 1}


def _of_visit(fact: Fact, day: str) -> Iterator[Known]:
    body, began_at = fact.body, out_at(fact.body)
    if began_at is not None:
        yield Known(began_at, OUT, whole(body, "grams_before"), day, body)
    left_at = moment(body, "left_at")
    grams = None if left_at is None else whole(body, "grams_after")
    yield Known(visit_at(fact) if left_at is None else left_at, BACK, grams, day, body)


def _seen(facts: Sequence[Fact], zone: ZoneInfo) -> dict[Place, list[Known]]:
    """By room and kind: the last reading before each midnight, as of that midnight, and the last one of all."""
    newest: dict[tuple[Place, int], tuple[int, Known]] = {}
    for fact in facts:
        if fact.kind != "bins":
            continue
        midnight = _midnight_after(fact.at, zone)
        for row in fact.body.get("bins", ()):
            grams = row.get("grams")
            if type(grams) is not int or not row.get("quality", USELESS) < USELESS:
                continue
            one = Known(fact.at if midnight is None else midnight, SEEN, grams, local_day(fact.at, zone))
            of = (fact.key, str(row.get("waste"))), midnight or 0
            if of not in newest or newest[of][0] < fact.at:
                newest[of] = fact.at, one
    found: dict[Place, list[Known]] = {}
    for (place, _), (_, one) in newest.items():
        found.setdefault(place, []).append(one)
    return found


def _midnight_after(at: int, zone: ZoneInfo) -> int | None:
    """The midnight that is at most SPOKEN_OF_S after this; None where there is none."""
    later = datetime.fromtimestamp(at + SPOKEN_OF_S, zone)
    if local_day(at, zone) == later.date().isoformat():
        return None
    return int(later.replace(hour=0, minute=0, second=0, microsecond=0).timestamp())


def _while_inside(row: Sequence[Known]) -> list[Known]:
    """Without what a unit said while bins were out, or may have been."""
    looked_at: list[Known] = []
    is_out, until_at = False, 0
    for one in row:
        if one.what == SEEN and (is_out or one.at < until_at):
            continue
        is_out = one.what == OUT
        until_at = one.at + BACK_WITHIN_S if one.what == BACK else until_at
        looked_at.append(one)
    return looked_at
