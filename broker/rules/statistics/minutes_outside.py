"""How long bins stood outside for a visit: from the keeper's button, else from the call, until the truck had left."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from broker.rules.statistics.facts import Fact, moment

OUT_BEFORE_CALL_S = 2 * 3600  # bins rolled out earlier than this before the arrival belong to something else
LONGEST_S = 4 * 3600  # an end noted later than this is that of a person who tidies up, not of the bins outside

_SPAN_S = 86_400  # no call is looked for further back than this


class _Span(NamedTuple):
    """From a visit's call until its end."""

    from_at: int
    to_at: int
    waste: str


def outside_s(visits: Iterable[Fact], facts: Sequence[Fact]) -> dict[str, int]:
    """How many seconds bins stood outside for each visit (by its key) of which that is known.

    No second counts twice for a room and waste. A press before a visit's own call that lies in the time of another
    waste's visit was for that one.
    """
    skipped, rolled_out = _skipped(facts), _rolled_out(facts)
    ends = [(fact, _stood_until(fact.body, skipped.get(fact.key))) for fact in visits]
    spans = _spans(ends)
    found: dict[str, int] = {}
    before: dict[tuple[str, str], tuple[int, bool]] = {}  # where the last visit ended, and whether bins stayed out
    for end_at, key, fact in sorted((end_at, fact.key, fact) for fact, end_at in ends if end_at is not None):
        body = fact.body
        room, waste = str(body.get("room")), str(body.get("waste"))
        last_at, stayed_out = before.get((room, waste), (0, False))
        before[room, waste] = (end_at, body.get("state") == "skipped" and body.get("kept_lit") is True)
        called_at = moment(body, "due_at")
        earliest = max(last_at, (end_at if called_at is None else called_at) - OUT_BEFORE_CALL_S)
        out = [
            at
            for at in _between(rolled_out.get(room, ()), earliest, end_at)
            if (called_at is not None and at >= called_at) or not _of_another(at, waste, spans.get(room, ()))
        ]
        if stayed_out:
            start_at: int | None = last_at
        elif out:
            # The first after the call, else the last: those before were for the trucks of other wastes.
            start_at = next((at for at in out if called_at is not None and at >= called_at), out[-1])
        else:
            start_at = called_at
        if start_at is not None:
            found[key] = max(0, end_at - max(start_at, last_at))
    return found


def _stood_until(body: Mapping[str, Any], skipped_at: int | None) -> int | None:
    arrived_at, passed_at = moment(body, "arrived_at"), moment(body, "passed_at")
    if body.get("state") == "served":
        if arrived_at is None:
            return passed_at  # a person said so, at any time later
        left_at = moment(body, "left_at")
        return left_at if left_at is not None and 0 <= left_at - arrived_at <= LONGEST_S else arrived_at
    if body.get("state") == "skipped" and skipped_at is not None:
        times = [at for at in (moment(body, "due_at"), arrived_at, passed_at) if at is not None]
        since_at = max(times) if times else moment(body, "planned_at")
        return skipped_at if since_at is None or skipped_at - since_at <= LONGEST_S else passed_at
    return None


def _skipped(facts: Iterable[Fact]) -> dict[str, int]:
    """When visits were last skipped, by key; what is noted of them afterwards does not make it later."""
    states: dict[str, Any] = {}
    found: dict[str, int] = {}
    for fact in sorted((fact for fact in facts if fact.kind == "visit"), key=lambda fact: (fact.at, fact.id)):
        state = fact.body.get("state")
        if state == "skipped" and states.get(fact.key) != "skipped":
            found[fact.key] = fact.at
        states[fact.key] = state
    return found


def _rolled_out(facts: Iterable[Fact]) -> dict[str, list[int]]:
    """When bins were rolled out, by room, in order."""
    found: dict[str, list[int]] = {}
    for fact in facts:
        if fact.kind == "keeper" and fact.body.get("event") == "bins_out":
            found.setdefault(str(fact.body.get("device", fact.key)), []).append(fact.at)
    return {room: sorted(times) for room, times in found.items()}


def _spans(ends: Iterable[tuple[Fact, int | None]]) -> dict[str, list[_Span]]:
    """From call to end of every called visit, by room, in order."""
    found: dict[str, list[_Span]] = {}
    for fact, end_at in ends:
        called_at = moment(fact.body, "due_at")
        if called_at is not None:
            until = called_at + LONGEST_S if end_at is None else end_at
            span = _Span(called_at, until, str(fact.body.get("waste")))
            found.setdefault(str(fact.body.get("room")), []).append(span)
    return {room: sorted(spans) for room, spans in found.items()}


def _between(times: Sequence[int], from_at: int, to_at: int) -> Sequence[int]:
    return times[bisect_left(times, from_at) : bisect_right(times, to_at)]


def _of_another(at: int, waste: str, spans: Sequence[_Span]) -> bool:
    """Whether a press lies between call and end of a visit of another waste; `spans` are those of its room."""
    first, last = bisect_left(spans, at - _SPAN_S, key=_from_at), bisect_right(spans, at, key=_from_at)
    return any(span.waste != waste and at <= span.to_at for span in spans[first:last])


def _from_at(span: _Span) -> int:
    return span.from_at
