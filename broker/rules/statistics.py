"""The figures of a day, week or month from the records: what was collected, when, and what went wrong.

One cube holds everything: (event day, waste, estate, room, route, truck) -> measures, all whole numbers. Cubes add, so
a week is the sum of its days and an area the sum of its rooms; shares are computed last, from numerator and
denominator. What is not known is not counted: each share has its own denominator, and a day without records is a gap.

- A visit counts on the day it happened (arrival, else call, else plan), by its newest state.
- Collected is the drop of bins and of grams at a served visit; a rise counts as nothing and as a disagreement.
- Bins stand outside from the keeper's `bins_out`, else from the call, until the truck has left (a skipped visit: until
  it was skipped; the second visit has its own call).
- On time is within 5 minutes, against the plan and against what the call promised.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from broker.rules.periods import local_day, period_of, periods_between
from firmware.wire import SKIP_REASONS

ON_TIME_S = 300
OUT_BEFORE_CALL_S = 2 * 3600  # bins rolled out earlier than this before the arrival belong to something else
CALL_BANDS_S = {"calls_13_to_19": (810, 1170), "calls_11_to_21": (660, 1260)}  # the benchmark's band, and a wider one
CALL_SHORT_S = 600
HEAVIEST_BIN_GRAMS = 200_000

DIMENSIONS = ("waste", "estate", "room", "route", "truck")
MEASURES = (
    "visits", "served", "skipped", *(f"skipped_{reason}" for reason in SKIP_REASONS), "cancelled", "returned",
    "bins", "bins_known", "grams", "grams_known",
    "plan_known", "plan_on_time", "plan_late_s", "promise_known", "promise_on_time", "promise_late_s",
    "outside_s", "outside_known",
    "calls", "calls_scored", *CALL_BANDS_S, "calls_short",
    "incidents", "incidents_open", "incident_s",
    "weighed_grams", "weighings", "disagreements",
)  # fmt: skip

Key = tuple[str, ...]
Figures = dict[str, int]
Cube = dict[Key, Figures]


class Fact(Protocol):
    """A record as the store gives it, amendments applied."""

    @property
    def kind(self) -> str:
        """The record's kind."""
        ...

    @property
    def key(self) -> str:
        """What it is about; the newest record of a key is its state."""
        ...

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def at(self) -> int:
        """When it happened."""
        ...

    @property
    def body(self) -> Mapping[str, Any]:
        """What happened."""
        ...


def newest(facts: Iterable[Fact], kind: str) -> list[Fact]:
    """The newest fact of each key of a kind, ordered by key."""
    found: dict[str, Fact] = {}
    for fact in facts:
        if fact.kind == kind:
            other = found.get(fact.key)
            if other is None or (fact.at, fact.id) > (other.at, other.id):
                found[fact.key] = fact
    return [found[key] for key in sorted(found)]


def count(facts: Sequence[Fact], timezone: str) -> Cube:
    """The cube of all facts; give it whole days and, for visits over midnight, those around them."""
    zone = ZoneInfo(timezone)
    cube: Cube = {}
    rolled_out = _rolled_out(facts)
    for fact in newest(facts, "visit"):
        at = visit_at(fact)
        _add(cube, _key(local_day(at, zone), fact.body), _visit_figures(fact, rolled_out))
    for fact in newest(facts, "call"):
        if fact.body.get("called_at") is not None:
            _add(cube, _key(local_day(fact.body["called_at"], zone), fact.body), _call_figures(fact.body))
    for fact in newest(facts, "workflow"):
        pressed_at = fact.body.get("pressed_at") or fact.at
        _add(cube, _key(local_day(pressed_at, zone), fact.body), _incident_figures(fact.body, pressed_at))
    for fact in newest(facts, "weighing"):
        at = fact.body.get("at") or fact.at
        figures = {"weighings": 1, "weighed_grams": fact.body["grams"]}
        _add(cube, _key(local_day(at, zone), fact.body), figures)
    return cube


def visit_at(fact: Fact) -> int:
    """When a visit happened: arrival, else call, else plan, else when its state was noted."""
    body = fact.body
    return next((body[name] for name in ("arrived_at", "due_at", "planned_at") if body.get(name) is not None), fact.at)


def _key(day: str, body: Mapping[str, Any]) -> Key:
    return (day, *(str(body.get(name) or "") for name in DIMENSIONS))


def _add(cube: Cube, key: Key, figures: Mapping[str, int]) -> None:
    row = cube.setdefault(key, dict.fromkeys(MEASURES, 0))
    for name, value in figures.items():
        row[name] += value


def _rolled_out(facts: Iterable[Fact]) -> dict[str, list[int]]:
    """When bins were rolled out, by room, in order."""
    found: dict[str, list[int]] = {}
    for fact in facts:
        if fact.kind == "keeper" and fact.body.get("event") == "bins_out":
            found.setdefault(str(fact.body.get("device", fact.key)), []).append(fact.at)
    return {room: sorted(times) for room, times in found.items()}


def _visit_figures(fact: Fact, rolled_out: Mapping[str, list[int]]) -> Figures:
    body, state = fact.body, fact.body.get("state")
    figures: Figures = {"visits": 1}
    if state == "served":
        figures["served"] = 1
        figures["returned"] = int(body.get("visit_number", 1) > 1)
        for name in ("bins", "grams"):
            drop = _drop(body, name)
            if drop is not None:
                figures[name], figures[f"{name}_known"] = max(0, drop), 1
        arrived_at = body.get("arrived_at")
        for name, against in (("plan", body.get("planned_at")), ("promise", body.get("promised_at"))):
            if arrived_at is not None and against is not None:
                late_s = arrived_at - against
                figures[f"{name}_known"], figures[f"{name}_late_s"] = 1, late_s
                figures[f"{name}_on_time"] = int(abs(late_s) <= ON_TIME_S)
    elif state == "skipped":
        reason = body.get("reason")
        figures["skipped"] = 1
        figures[f"skipped_{reason if reason in SKIP_REASONS else 'other'}"] = 1
    elif state == "cancelled":
        figures["cancelled"] = 1
    outside_s = _outside_s(fact, rolled_out)
    if outside_s is not None:
        figures["outside_s"], figures["outside_known"] = outside_s, 1
    figures["disagreements"] = int(bool(disagreements(body)))
    return figures


def _drop(body: Mapping[str, Any], name: str) -> int | None:
    before, after = body.get(f"{name}_before"), body.get(f"{name}_after")
    return None if before is None or after is None else before - after


def _outside_s(fact: Fact, rolled_out: Mapping[str, list[int]]) -> int | None:
    body = fact.body
    if body.get("state") == "served":
        end_at = body.get("left_at") or body.get("arrived_at")
    elif body.get("state") == "skipped":
        end_at = fact.at
    else:
        return None
    called_at = body.get("due_at")
    if end_at is None:
        return None
    earliest = (called_at or end_at) - OUT_BEFORE_CALL_S
    out = [at for at in rolled_out.get(str(body.get("room")), ()) if earliest <= at <= end_at]
    # After a call the first rolling out counts; without one it is the last, the others were for other trucks.
    start_at = (out[0] if called_at is not None else out[-1]) if out else called_at
    return None if start_at is None else max(0, end_at - start_at)


def disagreements(body: Mapping[str, Any]) -> list[str]:
    """What count, weight and crew say differently about a visit; words for the technician, empty if they agree."""
    bins, grams, state = _drop(body, "bins"), _drop(body, "grams"), body.get("state")
    found = []
    if state == "served" and bins is not None and bins <= 0 and (body.get("bins_before") or 0) > 0:
        found.append("served_but_count_stayed")
    if state == "skipped" and bins is not None and bins > 0:
        found.append("skipped_but_count_fell")
    if bins is not None and grams is not None:
        if bins > 0 and grams <= 0:
            found.append("count_fell_but_not_weight")
        if bins <= 0 and grams > HEAVIEST_BIN_GRAMS:
            found.append("weight_fell_but_not_count")
        if bins > 0 and grams > bins * HEAVIEST_BIN_GRAMS:
            found.append("too_heavy_for_the_count")
    return found


def _call_figures(body: Mapping[str, Any]) -> Figures:
    figures: Figures = {"calls": 1}
    lead_s = body.get("lead_s")
    if lead_s is not None:
        figures["calls_scored"] = 1
        for name, (least_s, most_s) in CALL_BANDS_S.items():
            figures[name] = int(least_s <= lead_s <= most_s)
        figures["calls_short"] = int(lead_s < CALL_SHORT_S)
    return figures


def _incident_figures(body: Mapping[str, Any], pressed_at: int) -> Figures:
    ended_at = body.get("cleared_at") or body.get("closed_at")
    if ended_at is None:
        return {"incidents": 1, "incidents_open": 1}
    return {"incidents": 1, "incident_s": max(0, ended_at - pressed_at)}


def fold(cube: Cube, period: str, by: Sequence[str], from_day: str, to_day: str) -> dict[tuple[str, ...], Figures]:
    """(period, values of `by` ...) -> figures, of the days in the span; raises ValueError for an unknown word."""
    unknown = set(by) - set(DIMENSIONS)
    if unknown:
        raise ValueError(f"by must be of {' '.join(DIMENSIONS)}, got {' '.join(sorted(unknown))}")
    places = [DIMENSIONS.index(name) + 1 for name in by]
    folded: Cube = {}
    for key, figures in cube.items():
        if from_day <= key[0] <= to_day:
            _add(folded, (period_of(key[0], period), *(key[place] for place in places)), figures)
    return folded


def series(cube: Cube, period: str, from_day: str, to_day: str) -> Iterator[tuple[str, Figures | None]]:
    """Every period of the span with its figures; None where there is no record at all: a gap is not a zero."""
    folded = fold(cube, period, (), from_day, to_day)
    for name in periods_between(from_day, to_day, period):
        yield name, folded.get((name,))


def total(cube: Cube, from_day: str, to_day: str) -> Figures | None:
    """The figures of the whole span, None if it has no record."""
    whole: Figures | None = None
    for key, figures in cube.items():
        if from_day <= key[0] <= to_day:
            whole = dict.fromkeys(MEASURES, 0) if whole is None else whole
            for name, value in figures.items():
                whole[name] += value
    return whole
