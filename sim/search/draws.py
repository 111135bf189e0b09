"""The scenarios that are tried, in an order that is the same for the same seed: what goes wrong, where and when.

First a day on which nothing does, then every kind of event by itself, then every kind together with every other, again
and again with other dice, and others beside them. What goes wrong at once touches: it is about one truck, a room it
comes to and the servers between them, and begins near something that happens there, or near the beginning or the end
of another thing that goes wrong. Near is between a blink and some minutes, each length of time as likely as the next.
What goes wrong ends before the run does, so that everything that is owed can still come.
"""

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sim.scenario.scenario import Demand, Happening, Scenario
from sim.scenario.schema import HAPPENINGS, Key
from sim.search.moments import Area

INVARIANTS = Demand("invariants", {})
FIRST_AFTER_S, LAST_BEFORE_S = 30, 600
NEAR_S = (0.03, 300.0)
LENGTHS_MIN = (0.05, 15.0)
SHORTEST_LANE_MIN = 3.0  # what is gone sooner no truck meets
PRESSES_APART_S = 60  # nearer ones are one gesture after the other, which is no fault
ELSEWHERE = 0.15  # so seldom a thing is about somebody else than the others
BESIDE = (0, 0, 1, 2)  # so many more than the two whose turn it is
ALONE = 0.8  # so often one truck is enough
ODD_DAYS = 0.25  # so seldom people and streets are not as in the quiet run

Dice = random.Random
NOT_DRAWN: Mapping[str, str] = {}  # kinds of events, and why no run of the search has them


@dataclass(frozen=True, slots=True)
class _Place:
    """Whom a thing is about."""

    truck: str
    room: str
    waste: str


def drawn(base: Scenario, area: Area, seed: int, number: int) -> Scenario:
    """The scenario of this number: the hours of `base`, and what its turn and the dice say."""
    dice = random.Random(f"{seed} {number}")
    place = _place(dice, area, sorted(area.visits))
    alone = dice.random() < ALONE
    trucks = [place.truck] if alone else sorted(area.visits)
    happenings: list[Happening] = []
    for kind in _kinds(dice, seed, number):
        here = _place(dice, area, trucks) if dice.random() < ELSEWHERE else place
        one = _happening(dice, kind, here, _moment(dice, base, area, here, happenings), base)
        if not any(_clash(one, other) for other in happenings):
            happenings.append(one)
    dispatcher = {
        **base.dispatcher,
        "acknowledge_after_s": dice.choice((-1.0, 5.0, 40.0, 400.0)),
        "decide_after_s": dice.choice((-1.0, -1.0, 20.0, 200.0)),
        "decision": dice.choice(("return_later", "return_later", "wait")),
    }
    runs = list(area.trips[place.truck]) if alone else base.area["runs"]
    odd = bool(happenings) and dice.random() < ODD_DAYS
    people = {
        "keeper_late": dice.choice((0.0, 0.3)),
        "bin_forgotten": dice.choice((0.0, 0.2)),
        "bin_refused": dice.choice((0.0, 0.2)),
        "slowness": dice.choice((0.8, 1.0, 1.4)),
    }
    return replace(
        base, area={**base.area, "runs": runs}, seed=1 + number if odd else base.seed, world={**base.world, **(people if odd else {})},
        happenings=tuple(sorted(happenings, key=lambda one: one.at_s)), dispatcher=dispatcher, demands=(INVARIANTS,),
    )  # fmt: skip


def _kinds(dice: Dice, seed: int, number: int) -> list[str]:
    """What goes wrong in the run of this number."""
    order = random.Random(seed)
    kinds = [kind for kind in HAPPENINGS if kind not in NOT_DRAWN]
    order.shuffle(kinds)
    if number <= len(kinds):
        return kinds[number - 1 : number] if number else []
    pairs = list(itertools.combinations_with_replacement(kinds, 2))
    order.shuffle(pairs)
    pair = list(pairs[(number - len(kinds) - 1) % len(pairs)])
    dice.shuffle(pair)
    return pair + dice.choices(kinds, k=dice.choice(BESIDE))


def _place(dice: Dice, area: Area, trucks: Sequence[str]) -> _Place:
    truck = dice.choice(trucks)
    room, waste = dice.choice(area.visits[truck])
    return _Place(truck, room, waste)


def _moment(dice: Dice, base: Scenario, area: Area, place: _Place, others: Sequence[Happening]) -> float:
    """When a thing begins: near something that happens here, or near an end of something else that goes wrong."""
    if others:
        other = dice.choice(others)
        near_s = dice.choice((other.at_s, _end_s(other)))
    else:
        what = dice.choice(sorted(area.moments[place.truck]) + sorted(area.moments[place.room]))
        near_s = dice.choice(area.moments[place.truck].get(what) or area.moments[place.room][what])
    off_s = _between(dice, *NEAR_S) * dice.choice((1, 1, -1))
    return round(min(max(near_s + off_s, base.from_s + FIRST_AFTER_S), base.to_s - LAST_BEFORE_S), 3)


def _happening(dice: Dice, kind: str, place: _Place, at_s: float, base: Scenario) -> Happening:
    """One of a kind; every key of it has a value."""
    values = {name: _value(dice, kind, name, key, place) for name, key in HAPPENINGS[kind].items()}
    if "for_min" in values:
        shortest = SHORTEST_LANE_MIN if kind == "lane_blocked" else max(LENGTHS_MIN[0], HAPPENINGS[kind]["for_min"].low)
        values["for_min"] = round(min(_between(dice, shortest, LENGTHS_MIN[1]), (base.to_s - 60 - at_s) / 60), 3)
    return Happening(kind, at_s, values)


def _value(dice: Dice, kind: str, name: str, key: Key, place: _Place) -> Any:
    if name in ("truck", "room", "waste"):
        return getattr(place, name)
    if name == "device":  # a server has no plug in a scenario: it is killed
        return dice.choice((place.truck, place.truck, place.room, "bridge" if kind.startswith("link_") else place.room))
    if name in NUMBERS:
        return NUMBERS[name](dice)
    if key.words:
        return dice.choice(key.words)
    return dice.random() < 0.3 if key.kind is bool else key.default


def _between(dice: Dice, low: float, high: float) -> float:
    """Each length of time as likely as one twice as long."""
    return math.exp(dice.uniform(math.log(low), math.log(high)))


NUMBERS: Mapping[str, Callable[[Dice], Any]] = {
    "hold_s": lambda dice: dice.choice((1.6, 2.2, 3.0, 4.6)),
    "after_s": lambda dice: round(_between(dice, 0.05, 5.0), 2),
    "delay_s": lambda dice: round(_between(dice, 0.2, 12.0), 1),
    "by_s": lambda dice: float(round(_between(dice, 2.0, 3600.0)) * dice.choice((1, -1))),
    "kg": lambda dice: round(_between(dice, 0.5, 50.0) * dice.choice((1, 1, -1)), 1),
    "number": lambda dice: dice.choice((1, 2, -1, -2)),
}


def _clash(one: Happening, other: Happening) -> bool:
    """Whether two things cannot go wrong at once: one ends what the other began, or two presses are one gesture."""
    if _about(one) != _about(other) or (one.kind != other.kind and not {one.kind, other.kind} <= PRESSES):
        return False
    apart_s = PRESSES_APART_S if one.kind in PRESSES else 1
    return one.at_s < _end_s(other) + apart_s and other.at_s < _end_s(one) + apart_s


PRESSES = {"press", "button_stuck", "breakdown"}


def _about(one: Happening) -> str:
    return str(one.values.get("device") or one.values.get("truck") or one.values.get("room"))


def _end_s(one: Happening) -> float:
    return one.at_s + 60 * float(one.values.get("for_min", 0.0))
