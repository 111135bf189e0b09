"""The rough day with one kind of its roughness at a time, and what a day of it came to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.judging.judges.rightness import Tally, tally
from sim.scenario.scenario import Scenario, load
from sim.scenario.schema import SECTIONS
from sim.virtual.run import play

ALL = "all together"
# What is rough alone: the words of the scenario's [world], or words with values of their own.
KINDS: dict[str, Sequence[str] | Mapping[str, Any]] = {
    "nothing": (),
    "receivers of several makes": ("receiver",),
    "places drift 20 m over 90 s": ("gps_drift_m", "gps_drift_s"),
    "places drift 40 m over 90 s": {"gps_drift_m": 40.0, "gps_drift_s": 90.0},
    "high-rises": ("high_rises",),
    "a street beside the line": ("parallel_street",),
    "jams": ("jams",),
    "red lights": ("red_lights",),
    "rooms 35 m apart": {},
    "trucks stop short": ("stops_short",),
    "two rooms from one place": ("two_from_one",),
    "served on the way back": ("on_way_back",),
    "crews leave rooms out": ("crew_skips",),
    "keepers early, late or absent": ("keeper_early", "keeper_late", "keeper_absent"),
    "the wrong kind out": ("wrong_kind_out",),
    "people on the platform": ("platform_walks",),
    "slow clocks, network drops": ("unit_slow_clock", "wifi_drop_s"),
}
APART = ("rooms 35 m apart", "two rooms from one place", ALL)  # elsewhere rooms are as in the plan


def rough(kind: str) -> Scenario:
    """The rough day with this kind of roughness only."""
    day = load("rough_day")
    if kind == ALL:
        return day
    words = KINDS[kind]
    rough = words if isinstance(words, Mapping) else {word: day.world[word] for word in words}
    calm = {word: key.default for word, key in SECTIONS["world"].items()}
    area = day.area if kind in APART else {**day.area, "neighbours": 0}
    return replace(day, world={**calm, "sensors": day.world["sensors"], **rough}, area=area)


def played(job: tuple[str, int]) -> Tally:
    """One day of a kind, by its seed."""
    kind, seed = job
    day = replace(rough(kind), seed=seed)
    (asked,) = (demand for demand in day.demands if demand.kind == "visits_right")
    return tally(play(day).evidence, asked.values["within_s"])
