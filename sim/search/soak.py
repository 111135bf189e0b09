"""Days on end in virtual time with random faults on each of them, judged by what holds in every run, and weighed.

A soak is one scenario of several days. Its faults are hands of the search (sim/search/draws.py), some on each day, by
the seed alone: what fails is a file that plays again.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sim.judging.judges.invariants import all_faults
from sim.scenario.scenario import DAY_S, Happening, Scenario, scenario_of
from sim.scenario.writing import as_text
from sim.search.draws import INVARIANTS, clash, drawn
from sim.search.growth import Night, grown, night
from sim.search.moments import Area
from sim.search.search import Found, shortest
from sim.virtual.devices import VirtualPlant
from sim.virtual.run import play

HANDS_A_DAY = 3
LOOK_AGAIN_S = 120.0
WRONG_CLOCK_EVERY = 4  # days: on such a one much cannot be asked
BASE = {
    "scenario": {"about": "Days of the demo area: four trucks, faults on each.", "from": "05:20", "to": "12:30"},
    "area": {"runs": ["wet-north-1", "wet-south-1", "dry-west-1", "dry-east-1", "unit-wet-1"]},
    "world": {"keeper_late": 0.1, "bin_forgotten": 0.1, "bin_refused": 0.05},
    "dispatcher": {"acknowledge_after_s": 30.0, "decide_after_s": 90.0, "resolve_after_s": 2400.0,
                   "answer_after_s": 300.0},
    "expect": [{"kind": "invariants"}],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a soak came to: the promises that did not hold, what it weighed each night, and what grew."""

    scenario: Scenario
    broken: list[str]
    faults: list[str]
    nights: list[Night]
    grown: list[str]
    records: int
    visits: int
    took_s: float

    @property
    def held(self) -> bool:
        """Whether nothing was lost, doubled, wrongly lit, grown or stuck."""
        return not self.broken and not self.grown


def base() -> Scenario:
    """A usual day, and the people of it."""
    return scenario_of(BASE, "soak", "the area of the soak")


def drawn_days(usual: Scenario, area: Area, seed: int, days: int) -> Scenario:
    """So many of these days, each with hands of faults of its own: a function of the seed alone."""
    happenings: list[Happening] = []
    numbers = itertools.count(1)
    for day in range(days):
        for _ in range(HANDS_A_DAY):
            for one in drawn(usual, area, seed, next(numbers)).happenings:
                later = replace(one, at_s=one.at_s + day * DAY_S)
                if one.kind == "clock_jump" and day % WRONG_CLOCK_EVERY:
                    continue
                if not any(clash(later, other) for other in happenings):
                    happenings.append(later)
    happenings.sort(key=lambda one: one.at_s)
    return replace(usual, days=days, seed=seed, happenings=tuple(happenings), demands=(INVARIANTS,))


def soak(scenario: Scenario, watch: Callable[[float], None] = lambda _: None) -> Soaked:
    """Play it to its end, and look at it each night."""
    nights: list[Night] = []
    unjudged = replace(scenario, demands=())

    def look(plant: VirtualPlant, day: int) -> None:
        """Twice: what is on its way now is settled a while later."""
        before = plant.stuck()
        plant.timeline.after(LOOK_AGAIN_S, lambda: nights.append(night(plant, day, before)))

    outcome = play(unjudged, watch=watch, nightly=look)
    found = all_faults(outcome.evidence)
    return Soaked(
        scenario, list(found), [f"{name}: {fault}" for name, faults in found.items() for fault in faults],
        nights, list(grown(nights)), len(outcome.evidence.recorded), len(outcome.evidence.visits), outcome.took_s,
    )  # fmt: skip


def shorter(found: Soaked, tries: int) -> Scenario:
    """The shortest scenario in which the same promise does not hold, as far as so many tries come."""
    return shortest(Found(found.scenario, found.broken[0], 1), tries) if found.broken and tries else found.scenario


def written(scenario: Scenario, found: Soaked, folder: Path) -> Path:
    """A scenario file that plays what was found again."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"soak-{found.scenario.seed}-{(found.broken or ['grown'])[0].split()[0]}.toml"
    why = (found.faults or found.grown)[0]
    path.write_text(
        as_text(replace(scenario, about=f"Found by a soak of seed {found.scenario.seed}: {why}")), encoding="utf-8"
    )
    return path
