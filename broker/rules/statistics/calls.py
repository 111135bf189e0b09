"""How good the calls were: each against its truck's arrival, and put together by room, route, day, kind, worst first.

A call's kind is what its truck did when it was made, or what came upon it: `not_begun` (the run), `first_leg` (on its
way to its first room), `live` (between rooms), `held` (the truck was blocked or late after the call), `second` (the
visit makes up for a skipped one). Records of earlier releases say no kind: it follows from label and visits.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from broker.rules.statistics.cube import CALL_BANDS_S, CALL_SHORT_S, DIMENSIONS, Key, lead_s, visit_of
from broker.rules.statistics.facts import Fact, moment, newest, original, text
from broker.rules.statistics.periods import local_day

SPAN = ("0000", "9999")  # all days
LEAST_S, MOST_S = CALL_BANDS_S["calls_13_to_19"]
CALL_DIMENSIONS = ("day", "kind", *DIMENSIONS)
BY_ROOM = ("room",)
Off = tuple[str, str, int]  # leg, stay, counts, start or way; its room; how many seconds longer than believed it took


@dataclass(frozen=True, slots=True)
class ScoredCall:
    """One call; None where it is not known (yet): `late_s` is how much later than promised the truck came, `dark_s`
    how long after the call the room's unit said that its lamp was on."""

    call_id: str
    day: str
    kind: str
    waste: str
    estate: str
    room: str
    route: str
    truck: str
    lead_s: int | None
    late_s: int | None
    dark_s: int | None
    is_unmet: bool
    off: tuple[Off, ...]


@dataclass(frozen=True, slots=True)
class CallScore:
    """Calls of one place, day and kind, each None where these were not told apart.

    `outside_band_s` is by how much their leads missed 13.5 to 19.5 minutes on average, the lead of `worst_call` by how
    much at most; None where no truck came yet. `unmet` are over without one. `off_most` is the part of their promises
    that was off most, at `off_room`, by `off_s` for each call: below zero it was shorter than believed.
    """

    day: str | None
    kind: str | None
    waste: str | None
    estate: str | None
    room: str | None
    route: str | None
    truck: str | None
    calls: int
    scored: int
    calls_13_to_19: int
    calls_short: int
    unmet: int
    outside_band_s: int | None
    median_lead_s: int | None
    median_late_s: int | None
    off_most: str | None
    off_room: str | None
    off_s: int | None
    worst_call: str
    worst_lead_s: int | None


CALL_FIGURES = tuple(field.name for field in fields(CallScore) if field.name not in CALL_DIMENSIONS)


def outside_band_s(lead_s: int) -> int:
    """By how much a lead misses 13.5 to 19.5 minutes; 0 within."""
    return max(LEAST_S - lead_s, lead_s - MOST_S, 0)


def scored_calls(
    facts: Sequence[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]
) -> list[ScoredCall]:
    """Every call of these days by id, as its records and its visit stand."""
    zone = ZoneInfo(timezone)
    visits = {visit_of(fact.body, 1): fact.body for fact in newest(facts, "visit")}
    arrivals = {key: moment(body, "arrived_at") for key, body in visits.items()}
    begun: dict[str, int] = {}  # when the first of a run's rooms was reached
    for (run_id, *_), at in arrivals.items():
        begun[run_id] = min(at or LATER, begun.get(run_id, LATER))
    found = []
    for call_id, body in sorted(_whole_calls(facts).items()):
        called_at = moment(body, "called_at")
        if called_at is None or not from_day <= local_day(called_at, zone) <= to_day:
            continue
        visit = visits.get(visit_of(body, 1), {})
        kind = _kind(body, visit, called_at, begun.get(text(body, "run_id"), LATER))
        about = {name: text(visit, name) or text(body, name) for name in DIMENSIONS}
        lead, promised_at, lit_at = lead_s(body, called_at, arrivals), moment(body, "eta_at"), moment(body, "lit_at")
        found.append(ScoredCall(
            call_id, local_day(called_at, zone), kind, **about, lead_s=lead,
            late_s=None if lead is None or promised_at is None else called_at + lead - promised_at,
            dark_s=None if lit_at is None else max(0, lit_at - called_at),
            is_unmet=bool(body.get("how")) and body["how"] != "served", off=_off(body.get("off")),
        ))  # fmt: skip
    return found


LATER = 1 << 40  # than any moment


def _whole_calls(facts: Iterable[Fact]) -> dict[str, dict[str, Any]]:
    """Each call by id, with what any of its records says: of two the newer, but label and kind are of the first."""
    calls: dict[str, dict[str, Any]] = {}
    for fact in sorted((fact for fact in facts if fact.kind == "call"), key=lambda fact: (fact.at, fact.id)):
        known = calls.get(fact.key, {})
        kept = {name: known[name] for name in ("lit_at", "held_at") if known.get(name) is not None}
        first = {name: known[name] for name in ("label", "kind") if known.get(name)}
        calls[fact.key] = {**fact.body, **kept, **first}
    return calls


def _kind(body: Mapping[str, Any], visit: Mapping[str, Any], called_at: int, begun_at: int) -> str:
    kind = text(body, "kind")
    if kind == "second" or not original(visit or body):
        return "second"
    if moment(body, "held_at") is not None:
        return "held"
    if kind or text(body, "label") == "timetable":
        return kind or "not_begun"
    return "live" if begun_at <= called_at else "first_leg"


def _off(rows: Any) -> tuple[Off, ...]:
    """What was off, as the bridge writes it; nothing where it is something else."""
    rows = rows if isinstance(rows, list) else []
    shape = [str, str, int]
    good = (row for row in rows if isinstance(row, list) and [type(one) for one in row] == shape)
    # A week of calls is kept in memory, and its words are always the same.
    return tuple((sys.intern(kind), sys.intern(room), seconds) for kind, room, seconds in good)


def call_scores(calls: Iterable[ScoredCall], by: Sequence[str] = BY_ROOM) -> list[CallScore]:
    """Their scores by these of CALL_DIMENSIONS, the worst first; those whose trucks never came stand last."""
    groups: dict[Key, list[ScoredCall]] = {}
    for call in calls:
        groups.setdefault(tuple(getattr(call, name) for name in by), []).append(call)
    scores = [_score(dict(zip(by, key, strict=True)), rows) for key, rows in groups.items()]
    return sorted(scores, key=lambda one: (*_worst_first(one), *(getattr(one, name) for name in by)))


def _score(about: Mapping[str, str], calls: Sequence[ScoredCall]) -> CallScore:
    leads = [call.lead_s for call in calls if call.lead_s is not None]
    late = [call.late_s for call in calls if call.late_s is not None]
    middle_s = (LEAST_S + MOST_S) // 2
    scored = [(abs(call.lead_s - middle_s), call.call_id, call.lead_s) for call in calls if call.lead_s is not None]
    _, worst_call, worst_lead_s = max(scored, default=(0, calls[0].call_id, None))
    off = off_most(calls)
    return CallScore(
        **{name: about.get(name) for name in CALL_DIMENSIONS},
        calls=len(calls), scored=len(leads), calls_13_to_19=sum(outside_band_s(lead) == 0 for lead in leads),
        calls_short=sum(lead < CALL_SHORT_S for lead in leads),
        unmet=sum(call.is_unmet and call.lead_s is None for call in calls),
        outside_band_s=round(sum(map(outside_band_s, leads)) / len(leads)) if leads else None,
        median_lead_s=round(median(leads)) if leads else None, median_late_s=round(median(late)) if late else None,
        off_most=off[0] if off else None, off_room=off[1] if off else None, off_s=off[2] if off else None,
        worst_call=worst_call, worst_lead_s=worst_lead_s,
    )  # fmt: skip


def off_most(calls: Iterable[ScoredCall], sign: int = 0) -> Off | None:
    """The part, and where it is, that was off most on average over the calls that say what was; with a `sign` the one
    that was off most to that side. A lamp that came on after its call is a part that makes a lead shorter."""
    known = [call for call in calls if call.late_s is not None and (call.off or call.dark_s)]
    sums: dict[tuple[str, str], int] = {}
    for call in known:
        dark = [("lamp", call.room, -call.dark_s)] if call.dark_s else []
        for kind, room, seconds in (*call.off, *dark):
            sums[kind, room] = sums.get((kind, room), 0) + seconds
    most = max(sums.items(), key=lambda one: (one[1] * sign if sign else abs(one[1]), one[0]), default=None)
    mean_s = round(most[1] / len(known)) if most else 0
    return (*most[0], mean_s) if most and (mean_s * sign > 0 if sign else mean_s) else None


def _worst_first(one: CallScore) -> tuple[int, int]:
    return (-1 if one.outside_band_s is None else one.outside_band_s) * -1, one.calls_13_to_19 - one.scored
