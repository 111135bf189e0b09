"""What a call is worth on the street: how long bins stand outside, and how long trucks wait for bins.

A morning of the demo area with jams and red lights, played with the same dice for each way of knowing when to roll out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sim.judging.street import Street, street
from sim.scenario.scenario import Scenario, day_s, load
from sim.virtual.run import play

WAYS: Mapping[str, Mapping[str, Any]] = {
    "with the lamp": {"keepers_go_by": "lamp"},
    "timetable, 15 min before": {"keepers_go_by": "timetable", "rolls_out_before_min": 15.0},
    "timetable, 5 min before": {"keepers_go_by": "timetable", "rolls_out_before_min": 5.0},
    "always outside": {"keepers_go_by": "always"},
}
SLOWNESS = (1.0, 1.2, 0.8, 1.4)  # of the streets, by seed: a day as planned, a slow one, a quick one, a very slow one
UNTIL = "10:20"


def shift(way: str, seed: int) -> Scenario:
    """The shift of this seed, where keepers go by this."""
    whole = load("whole_shift")
    jams = {word: load("rough_day").world[word] for word in ("jams", "red_lights")}
    world = {**whole.world, **jams, "refill": False, "slowness": SLOWNESS[(seed - 1) % len(SLOWNESS)], **WAYS[way]}
    return replace(whole, to_s=day_s(UNTIL, "shift"), seed=seed, world=world, demands=())


def played(job: tuple[str, int]) -> Street:
    """One shift, by the way and its seed."""
    return street(play(shift(*job)).evidence)


def table(found: Mapping[str, Street]) -> Iterable[str]:
    """A line for each way."""
    yield f"{'':26} {'visits':>6} {'outside, min a visit':>21} {'trucks waited, min':>19} {'a visit, s':>11} {'at':>6}"
    for way, one in found.items():
        visits = max(1, one.visits)
        yield (
            f"{way:26} {one.visits:6} {one.outside_min:21.1f} {one.waited_s / 60:19.1f}"
            f" {one.waited_s / visits:11.1f} {one.waited / visits:6.1%}"
        )
