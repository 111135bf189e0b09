"""The figures of a day, week or month from the records: what was collected, when, and what went wrong.

One cube holds everything: (event day, waste, estate, room, route, truck) -> measures, all whole numbers. Cubes add, so
a week is the sum of its days and an area the sum of its rooms; shares are computed last, from numerator and
denominator. What is not known is not counted: each share has its own denominator, and a day without records is a gap.

- A visit counts on the day it happened (arrival, else call, else plan), by its newest state.
- Collected is the drop of bins and of grams at a served visit; a rise counts as nothing and as a disagreement.
- Returned is a served visit that made up for a skipped one; the second round of a loop is none.
- Bins stand outside from the keeper's `bins_out`, else from the call, until the truck has left (a skipped visit: until
  it was skipped). No minute counts twice for a room and waste; if the lamp stayed lit after a skip, they stood on.
- What a call, an incident or a weigh-in does not say itself (route, estate, waste) is taken from its visit or run.
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
    visits = newest(facts, "visit")
    outside_s = _outside(visits, _rolled_out(facts), _skipped(facts))
    places = _places(visits)
    for fact in visits:
        at = visit_at(fact)
        _add(cube, _key(local_day(at, zone), fact.body), _visit_figures(fact, outside_s.get(fact.key)))
    for fact in newest(facts, "call"):
        if fact.body.get("called_at") is not None:
            body = _placed(fact.body, places)
            _add(cube, _key(local_day(body["called_at"], zone), body), _call_figures(body))
    for fact in newest(facts, "workflow"):
        body, pressed_at = _placed(fact.body, places), incident_at(fact)
        _add(cube, _key(local_day(pressed_at, zone), body), _incident_figures(body, pressed_at))
    for fact in newest(facts, "weighing"):
        figures = {"weighings": 1, "weighed_grams": weighed_grams(fact)}
        _add(cube, _key(local_day(weighing_at(fact), zone), _placed(fact.body, places)), figures)
    return cube


def visit_at(fact: Fact) -> int:
    """When a visit happened: arrival, else call, else plan, else when its state was noted."""
    body = fact.body
    return next((body[name] for name in ("arrived_at", "due_at", "planned_at") if body.get(name) is not None), fact.at)


def incident_at(fact: Fact) -> int:
    """When an incident was pressed, else when that was noted."""
    at: int = fact.body.get("pressed_at") or fact.at
    return at


def weighing_at(fact: Fact) -> int:
    """When a load was weighed, else when that was noted."""
    at: int = fact.body.get("at") or fact.at
    return at


def weighed_grams(fact: Fact) -> int:
    """What was weighed; 0 if the record does not say a number."""
    grams = fact.body.get("grams")
    return grams if type(grams) is int else 0


def _places(visits: Iterable[Fact]) -> dict[Key, dict[str, Any]]:
    """Where each visit (run, room, number) and what each run (run) was: the dimensions their records share."""
    places: dict[Key, dict[str, Any]] = {}
    for fact in visits:
        body = fact.body
        run_id = str(body.get("run_id"))
        places[run_id, str(body.get("room")), str(body.get("visit_number", 1))] = {
            name: body.get(name) for name in ("waste", "estate", "route")
        }
        places[(run_id,)] = {name: body.get(name) for name in ("waste", "route")}
    return places


def _placed(body: Mapping[str, Any], places: Mapping[Key, Mapping[str, Any]]) -> Mapping[str, Any]:
    run_id = str(body.get("run_id"))
    place = places.get((run_id, str(body.get("room")), str(body.get("visit_number"))), places.get((run_id,), {}))
    return {**place, **{name: value for name, value in body.items() if value is not None}}


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


def _visit_figures(fact: Fact, outside_s: int | None) -> Figures:
    body, state = fact.body, fact.body.get("state")
    figures: Figures = {"visits": 1}
    if state == "served":
        figures["served"] = 1
        figures["returned"] = int(not body.get("original", body.get("visit_number", 1) == 1))
        for name in ("bins", "grams"):
            fell = drop(body, name)
            if fell is not None:
                figures[name], figures[f"{name}_known"] = max(0, fell), 1
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
    if outside_s is not None:
        figures["outside_s"], figures["outside_known"] = outside_s, 1
    figures["disagreements"] = int(bool(disagreements(body)))
    return figures


def drop(body: Mapping[str, Any], name: str) -> int | None:
    """By how much `bins` or `grams` fell at a visit, None if that is not known."""
    before, after = body.get(f"{name}_before"), body.get(f"{name}_after")
    # Records may come from a file that somebody else wrote.
    return before - after if type(before) is int and type(after) is int else None


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


def _outside(visits: Iterable[Fact], rolled_out: Mapping[str, list[int]], skipped: Mapping[str, int]) -> dict[str, int]:
    """How long bins stood outside for each visit (by its key) of which that is known."""
    ended = sorted((end_at, fact.key, fact) for fact in visits if (end_at := _stood_until(fact, skipped)) is not None)
    found: dict[str, int] = {}
    before: dict[tuple[str, str], tuple[int, bool]] = {}  # where the last visit ended, and whether bins stayed out
    for end_at, key, fact in ended:
        body = fact.body
        place = (str(body.get("room")), str(body.get("waste")))
        last_at, stayed_out = before.get(place, (0, False))
        before[place] = (end_at, body.get("state") == "skipped" and body.get("kept_lit") is True)
        called_at = body.get("due_at")
        earliest = max(last_at, (called_at or end_at) - OUT_BEFORE_CALL_S)
        out = [at for at in rolled_out.get(place[0], ()) if earliest <= at <= end_at]
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


def _stood_until(fact: Fact, skipped: Mapping[str, int]) -> int | None:
    body = fact.body
    if body.get("state") == "served":
        at: int | None = body.get("left_at") or body.get("arrived_at")
        return at
    return skipped[fact.key] if body.get("state") == "skipped" else None


def disagreements(body: Mapping[str, Any]) -> list[str]:
    """What count, weight and crew say differently about a visit; words for the technician, empty if they agree."""
    bins, grams, state = drop(body, "bins"), drop(body, "grams"), body.get("state")
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
