"""The shortest scenario in which the same promise does not hold: whatever can be left out is left out.

the events, one after the other · how people and streets are · visits, hours · lengths and moments made round
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sim.scenario.scenario import Happening, Scenario
from sim.scenario.schema import SECTIONS
from sim.scenario.writing import as_text

MOST_TRIES = 80
FEWEST_VISITS = 1
HOUR_QUARTER_S = 900


def shrunk(scenario: Scenario, fails: Callable[[Scenario], bool], tries: int) -> Scenario:
    """A scenario that `fails` still, of which nothing more can be left out within so many tries."""
    tried: set[str] = set()
    smaller = True
    while smaller and len(tried) < tries:
        smaller = False
        for one in _smaller(scenario):
            if len(tried) == tries:
                break
            if as_text(one) in tried:
                continue
            tried.add(as_text(one))
            if fails(one):
                scenario, smaller = one, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    """What is a little less than this, the largest steps first."""
    events = scenario.happenings
    if len(events) > 1:
        yield from (replace(scenario, happenings=(one,)) for one in events)
    yield from (replace(scenario, happenings=events[:at] + events[at + 1 :]) for at in range(len(events)))
    yield from (replace(scenario, world=values) for values in _more_usual(scenario.world, "world"))
    yield from (replace(scenario, dispatcher=values) for values in _more_usual(scenario.dispatcher, "dispatcher"))
    yield from _in_place(scenario)


def _more_usual(values: Mapping[str, Any], section: str) -> Iterator[Mapping[str, Any]]:
    """A section as it is usually, or one key of it."""
    usual = {name: key.default for name, key in SECTIONS[section].items()}
    if values != usual:
        yield usual
        yield from ({**values, name: usual[name]} for name in usual if values[name] != usual[name])


def _in_place(scenario: Scenario) -> Iterator[Scenario]:
    visits = scenario.area["first_visits"]
    if scenario.area["kind"] == "demo" and visits > FEWEST_VISITS:
        yield replace(scenario, area={**scenario.area, "first_visits": visits - 1})
    runs = scenario.area["runs"]
    if len(runs) > 1:
        yield from (replace(scenario, area={**scenario.area, "runs": [one]}) for one in runs)
    last_s = max((one.end_s for one in scenario.happenings), default=scenario.from_s)
    if scenario.to_s - HOUR_QUARTER_S > last_s:
        yield replace(scenario, to_s=scenario.to_s - HOUR_QUARTER_S)
    for at, one in enumerate(scenario.happenings):
        for rounder in _rounder(one):
            yield replace(scenario, happenings=(*scenario.happenings[:at], rounder, *scenario.happenings[at + 1 :]))


def _rounder(one: Happening) -> Iterator[Happening]:
    """The same a little shorter, or at a whole minute."""
    length = one.values.get("for_min")
    if length is not None and length > 1:
        whole = max(1.0, float(int(length / 2)))
        yield replace(one, values={**one.values, "for_min": whole})
    for step_s in (60, 1):
        if one.at_s % step_s:
            yield replace(one, at_s=one.at_s // step_s * step_s)
