"""The figures of a day, week or month from the records: what was collected, when, and what went wrong.

One cube holds everything: (event day, waste, estate, room, route, truck) -> measures, all whole numbers. Cubes add, so
a week is the sum of its days and an area the sum of its rooms; shares are computed last, from numerator and
denominator. What is not known is not counted: each share has its own denominator, and a day without records is a gap.

- A visit counts on the day it happened (arrival, else call, else plan), by its newest state.
- A second visit that was taken back before its call (the press was withdrawn, or the truck waits) is no visit.
- Collected is the drop of bins and of grams at a served visit; a rise counts as nothing and as a disagreement.
- A visit by appointment (hazardous waste) is counted in kilograms only: its bins stay where they are.
- Returned is a served visit that made up for a skipped one; the second round of a loop is none.
- Bins stand outside from the keeper's `bins_out`, else from the call, until the truck has left (a skipped visit: until
  it was skipped; what a person settles hours later: until the truck passed, else not known). No minute counts twice
  for a room and waste; if the lamp stayed lit after a skip, they stood on.
- What a call, an incident or a weigh-in does not say itself (route, estate, waste) is taken from its visit or run.
- A call's lead is from the call to its visit's arrival, as that stands now.
- An incident lasts from its press (without a clock: from when it came in) until cleared, else closed; a withdrawn one
  is none, has no minutes, and is counted apart.
- Every weigh-in counts, on its own day.
- On time is within 5 minutes, against the plan and against what the call promised.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from broker.rules.settings import LIGHTEST_BIN_GRAMS, SCALE_NOISE_GRAMS
from broker.rules.statistics.facts import (
    Fact,
    drop,
    ended_at,
    incidents,
    moment,
    newest,
    original,
    text,
    undone,
    visit_at,
    weighing_at,
    weighings,
    whole,
)
from broker.rules.statistics.minutes_outside import outside_s
from broker.rules.statistics.periods import local_day, period_of, periods_between
from firmware.wire import SKIP_REASONS

ON_TIME_S = 300
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
    "incidents", "incidents_open", "incidents_withdrawn", "incident_s",
    "weighed_grams", "weighings", "disagreements",
)  # fmt: skip

Key = tuple[str, ...]
Figures = dict[str, int]
Cube = dict[Key, Figures]


def count(facts: Sequence[Fact], timezone: str) -> Cube:
    """The cube of all facts; give it whole days and, for visits over midnight, those around them."""
    zone = ZoneInfo(timezone)
    cube: Cube = {}
    visits = newest(facts, "visit")
    outside = outside_s(visits, facts)
    places = _places(visits)
    arrivals = {visit_of(fact.body, 1): moment(fact.body, "arrived_at") for fact in visits}
    for fact in visits:
        if not undone(fact.body):
            day = local_day(visit_at(fact), zone)
            add(cube, key_of(day, fact.body), _visit_figures(fact.body, outside.get(fact.key)))
    for fact in newest(facts, "call"):
        called_at = moment(fact.body, "called_at")
        if called_at is not None:
            key = key_of(local_day(called_at, zone), _placed(fact.body, places))
            add(cube, key, _call_figures(lead_s(fact.body, called_at, arrivals)))
    for fact, pressed_at in incidents(facts):
        key = key_of(local_day(pressed_at, zone), _placed(fact.body, places))
        add(cube, key, _incident_figures(fact.body, pressed_at))
    for fact in weighings(facts):
        figures = {"weighings": 1, "weighed_grams": whole(fact.body, "grams") or 0}
        add(cube, key_of(local_day(weighing_at(fact), zone), _placed(fact.body, places)), figures)
    return cube


def visit_of(body: Mapping[str, Any], number: int | None = None) -> Key:
    """Which visit a record is, or is about: run, room, number."""
    return (str(body.get("run_id")), str(body.get("room")), str(body.get("visit_number", number)))


def _places(visits: Iterable[Fact]) -> dict[Key, dict[str, Any]]:
    """Where each visit (run, room, number) and what each run (run) was: the dimensions their records share."""
    places: dict[Key, dict[str, Any]] = {}
    for fact in visits:
        body = fact.body
        places[visit_of(body, 1)] = {name: body.get(name) for name in ("waste", "estate", "route")}
        places[(str(body.get("run_id")),)] = {name: body.get(name) for name in ("waste", "route")}
    return places


def _placed(body: Mapping[str, Any], places: Mapping[Key, Mapping[str, Any]]) -> Mapping[str, Any]:
    place = places.get(visit_of(body), places.get((str(body.get("run_id")),), {}))
    return {**place, **{name: value for name, value in body.items() if value is not None}}


def key_of(day: str, body: Mapping[str, Any]) -> Key:
    """The key of something on a day, by the dimensions that its record names."""
    return (day, *(text(body, name) for name in DIMENSIONS))


def add(cube: Cube, key: Key, figures: Mapping[str, int], measures: Sequence[str] = MEASURES) -> None:
    """Add figures to those of a key; a key that is new has zeros in all `measures`."""
    row = cube.setdefault(key, dict.fromkeys(measures, 0))
    for name, value in figures.items():
        row[name] += value


def _visit_figures(body: Mapping[str, Any], outside: int | None) -> Figures:
    state = body.get("state")
    figures: Figures = {"visits": 1}
    if state == "served":
        figures["served"] = 1
        figures["returned"] = int(not original(body))
        for name in ("grams",) if body.get("by_appointment") is True else ("bins", "grams"):
            fell = drop(body, name)
            if fell is not None:
                figures[name], figures[f"{name}_known"] = max(0, fell), 1
        arrived_at = moment(body, "arrived_at")
        for name, against in (("plan", moment(body, "planned_at")), ("promise", moment(body, "promised_at"))):
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
    if outside is not None:
        figures["outside_s"], figures["outside_known"] = outside, 1
    figures["disagreements"] = int(bool(disagreements(body)))
    return figures


def disagreements(body: Mapping[str, Any]) -> list[str]:
    """What count, weight and crew say differently about a visit; words for the technician, empty if they agree.

    The weight stands for the count where nobody counts; less than a light bin of it is neither a fall nor a rise.
    """
    bins, grams, state = drop(body, "bins"), drop(body, "grams"), body.get("state")
    if body.get("by_appointment") is True:
        return ["weight_rose"] if state == "served" and grams is not None and grams <= -LIGHTEST_BIN_GRAMS else []
    found = []
    if state == "served":
        if bins is not None and bins < 0:
            found.append("count_rose")
        elif bins == 0 and (whole(body, "bins_before") or 0) > 0:
            found.append("served_but_count_stayed")
        if grams is not None and grams <= -LIGHTEST_BIN_GRAMS:
            found.append("weight_rose")
        elif bins is None and grams is not None and grams <= SCALE_NOISE_GRAMS and _held_a_bin(body):
            found.append("served_but_weight_stayed")
    if state == "skipped":
        if bins is not None and bins > 0:
            found.append("skipped_but_count_fell")
        if bins is None and grams is not None and grams >= LIGHTEST_BIN_GRAMS:
            found.append("skipped_but_weight_fell")
    if bins is not None and grams is not None:
        if bins > 0 and grams <= 0:
            found.append("count_fell_but_not_weight")
        if bins <= 0 and grams > HEAVIEST_BIN_GRAMS:
            found.append("weight_fell_but_not_count")
        if bins > 0 and grams > bins * HEAVIEST_BIN_GRAMS:
            found.append("too_heavy_for_the_count")
    if state == "served" and (whole(body, "sensor_quality") or 0) > 0:
        found.append("sensors_doubtful")
    return found


def _held_a_bin(body: Mapping[str, Any]) -> bool:
    return (whole(body, "grams_before") or 0) >= LIGHTEST_BIN_GRAMS


def lead_s(body: Mapping[str, Any], called_at: int, arrivals: Mapping[Key, int | None]) -> int | None:
    """How long before the arrival a call was made: by its visit, as corrected; without that visit as it says itself."""
    visit = visit_of(body)
    arrived_at = arrivals[visit] if visit in arrivals else moment(body, "arrived_at")
    if arrived_at is not None:
        return arrived_at - called_at
    return None if visit in arrivals else whole(body, "lead_s")


def _call_figures(lead_s: int | None) -> Figures:
    figures: Figures = {"calls": 1}
    if lead_s is not None:
        figures["calls_scored"] = 1
        for name, (least_s, most_s) in CALL_BANDS_S.items():
            figures[name] = int(least_s <= lead_s <= most_s)
        figures["calls_short"] = int(lead_s < CALL_SHORT_S)
    return figures


def _incident_figures(body: Mapping[str, Any], pressed_at: int) -> Figures:
    if body.get("workflow") == "withdrawn":
        return {"incidents_withdrawn": 1}
    end_at = ended_at(body)
    if end_at is None:
        return {"incidents": 1, "incidents_open": 1}
    return {"incidents": 1, "incident_s": max(0, end_at - pressed_at)}


def fold(
    cube: Cube, period: str, by: Sequence[str], from_day: str, to_day: str, measures: Sequence[str] = MEASURES
) -> dict[tuple[str, ...], Figures]:
    """(period, values of `by` ...) -> figures, of the days in the span; raises ValueError for an unknown word."""
    unknown = [name for name in by if name not in DIMENSIONS]
    if unknown:
        raise ValueError(f"by: no such dimension {' '.join(unknown)}; there are {' '.join(DIMENSIONS)}")
    places = [DIMENSIONS.index(name) + 1 for name in by]
    folded: Cube = {}
    for key, figures in cube.items():
        if from_day <= key[0] <= to_day:
            add(folded, (period_of(key[0], period), *(key[place] for place in places)), figures, measures)
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
