"""A random scenario of an area: a few things go wrong at random moments, people are as people are. One seed, one draw.

What goes wrong ends before the run does, so that everything that is owed can still come.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from broker.plan.model import Plan
from sim.scenario.scenario import Demand, Happening, Scenario

INVARIANTS = Demand("invariants", {})
MOST_EVENTS = 6
FIRST_AFTER_S, LAST_BEFORE_S = 300, 1200
SHORTEST_MIN, LONGEST_MIN = 0.05, 15.0
SHORTEST_LANE_MIN = 3.0  # what is gone sooner no truck meets
PRESSES_APART_S = 240  # nearer ones are one gesture after the other, which is no fault
HOLDS_S = (1.6, 2.2, 3.0, 4.6)

Dice = random.Random
Draw = Callable[[Dice, Plan, list[str]], dict[str, Any]]


def drawn(base: Scenario, plan: Plan, trucks: list[str], seed: int) -> Scenario:
    """The scenario of this seed: the area and the hours of `base`, and what the dice say."""
    dice = random.Random(seed)
    happenings: list[Happening] = []
    for _ in range(min(MOST_EVENTS, 1 + int(dice.expovariate(0.5)))):
        kind = dice.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        values = KINDS[kind][1](dice, plan, trucks)
        at_s = dice.randint(base.from_s + FIRST_AFTER_S, base.to_s - LAST_BEFORE_S)
        if "for_min" in values:
            longest = min(LONGEST_MIN, (base.to_s - 60 - at_s) / 60)
            shortest = SHORTEST_LANE_MIN if kind == "lane_blocked" else SHORTEST_MIN
            values["for_min"] = round(min(longest, shortest * (LONGEST_MIN / shortest) ** dice.random()), 3)
        one = Happening(kind, at_s, values)
        if not any(_clash(one, other) for other in happenings):
            happenings.append(one)
    dispatcher = {
        **base.dispatcher,
        "acknowledge_after_s": dice.choice((-1.0, 5.0, 40.0, 400.0)),
        "decide_after_s": dice.choice((-1.0, 20.0, 200.0)),
        "decision": dice.choice(("return_later", "return_later", "wait")),
    }
    world = {
        **base.world,
        "keeper_late": dice.choice((0.0, 0.0, 0.3)),
        "bin_forgotten": dice.choice((0.0, 0.0, 0.2)),
        "bin_refused": dice.choice((0.0, 0.0, 0.2)),
        "slowness": dice.choice((0.8, 1.0, 1.0, 1.4)),
    }
    return replace(base, seed=seed, happenings=tuple(sorted(happenings, key=lambda one: one.at_s)), world=world,
                   dispatcher=dispatcher, demands=(INVARIANTS,))  # fmt: skip


def _clash(one: Happening, other: Happening) -> bool:
    """Whether two things cannot go wrong at once: one ends what the other began, or two presses are one gesture."""
    if one.kind == other.kind == "press":
        return _about(one) == _about(other) and abs(one.at_s - other.at_s) < PRESSES_APART_S
    if {one.kind, other.kind} == {"power_cut", "press"}:
        return _about(one) == _about(other)
    if one.kind != other.kind or _about(one) != _about(other):
        return False
    return one.at_s < _end_s(other) + 30 and other.at_s < _end_s(one) + 30


def _about(one: Happening) -> str:
    return str(one.values.get("device") or one.values.get("truck") or one.values.get("room"))


def _end_s(one: Happening) -> float:
    return one.at_s + 60 * float(one.values.get("for_min", 0.0))


def _truck(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:  # noqa: ARG001 - as all draws
    return {"truck": dice.choice(trucks), "for_min": 0.0}


def _room(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:  # noqa: ARG001 - as all draws
    return {"room": dice.choice(sorted(plan.rooms)), "for_min": 0.0}


def _device(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:
    return {"device": dice.choice([*trucks, *trucks, *sorted(plan.rooms)]), "for_min": 0.0}


def _link(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:
    return {"device": dice.choice([*trucks, *trucks, *sorted(plan.rooms), "bridge", "bridge"]), "for_min": 0.0}


def _slow(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:
    return _link(dice, plan, trucks) | {"delay_s": round(dice.uniform(0.2, 12.0), 1)}


def _server(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:  # noqa: ARG001 - as all draws
    return {"how": dice.choice(("stop", "kill", "kill", "freeze")), "for_min": 0.0}


def _press(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:  # noqa: ARG001 - as all draws
    return {"truck": dice.choice(trucks), "hold_s": dice.choice(HOLDS_S), "chatters": dice.random() < 0.3}


def _cut_after(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:
    return _truck(dice, plan, trucks) | {"after_s": round(dice.uniform(0.2, 3.0), 2)}


def _button(dice: Dice, plan: Plan, trucks: list[str]) -> dict[str, Any]:  # noqa: ARG001 - as all draws
    return {"room": dice.choice(sorted(plan.rooms)), "button": dice.choice(("bins_out", "lane_clear"))}


KINDS: Mapping[str, tuple[float, Draw]] = {
    "lane_blocked": (4, _room),
    "press": (2, _press),
    "power_cut_after_press": (1, _cut_after),
    "power_cut": (2, _device),
    "link_cut": (3, _link),
    "link_slow": (1, _slow),
    "broker_down": (2, _server),
    "bridge_down": (3, _server),
    "gps_gap": (1, _truck),
    "old_place": (1, _truck),
    "default_date": (1, _truck),
    "breakdown": (0.5, _truck),
    "keeper_press": (0.5, _button),
}
