"""The scenarios that are tried, in an order that is the same for the same seed: what goes wrong, where and when.

First a day on which nothing does; then hands of some kinds of events, dealt so that after few runs each kind has been
together with each other, and so again with other dice. Two of a hand cut something off that begins anew, once or more:
what is lost is mostly lost there, and what is kept has to outlast it. What is in one hand touches: it is about one
truck, a room it comes to and the servers between them, and begins near something that happens there, or near the
beginning or the end of another thing that goes wrong. Near is between a blink and some minutes, each length of time as
likely as the next; what lasts is as often short as longer than the patience of those who wait for it. It ends before
the run does, so that everything that is owed can still come.
"""

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sim.scenario.scenario import Demand, Happening, Scenario
from sim.scenario.schema import HAPPENINGS, Key
from sim.search.moments import Area

INVARIANTS = Demand("invariants", {})
FIRST_AFTER_S, LAST_BEFORE_S = 30, 300
TRIES = 30  # for a moment that lies between these
NEAR_S = (0.03, 300.0)
SHORT_MIN, LONG_MIN = (0.05, 3.0), (1.5, 12.0)
SHORTEST_LANE_MIN = 3.0  # what is gone sooner no truck meets
PRESSES_APART_S = 60  # nearer ones are one gesture after the other, which is no fault
ELSEWHERE = 0.15  # so seldom a thing is about somebody else than the others
HAND = 5  # kinds at once
ANEW = ("power_cut", "power_cut_after_press", "link_cut", "broker_down", "bridge_down")  # two of these among them
OFTEN = (1, 2, 3)  # times that what begins anew does so
A_NEW_CHAIN = 0.25  # so often one begins near something that happens, not near another that goes wrong
ARMED_FOR_S = (0.5, 60.0)  # what waits for a press gets one
ALONE = 0.8  # so often one truck is enough
HARDEST = "kill"  # of the ways in which a server goes down: the likeliest
ODD_DAYS = 0.25  # so seldom people and streets are not as in the quiet run

Dice = random.Random
NOT_DRAWN = {  # kinds of events, and why no run of the search has them
    "place_drift": "what is on record of a truck whose places stray is judged over many visits, by `visits_right`",
    "answer": "who promises something for later than a run's end, and is believed, proves nothing of the system",
    "driver_late": "a truck that leaves late is late, and each judge knows it by its own scenario only",
    "truck_full": "what is on record of a truck that is away is judged by its own scenario",
    "booking": "what becomes of a booking is judged by its own scenario, and its truck must be one on call",
    "on_booking": "what becomes of a booking is judged by its own scenario",
    "on_case": "what becomes of a case is judged by its own scenario",
    "second_unit": "what two boards of one id say is nobody's truth: it is judged by its own scenario",
    "road_closed": "a person who closes a road that is open proves nothing of the system",
    "on_screen_alarm": "an alarm that somebody shelves is judged by its own scenario",
    "on_screen_visit": "a person who says of a visit what is not so proves nothing of the system",
}


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
    alone = base.area["kind"] == "demo" and dice.random() < ALONE
    trucks = [place.truck] if alone else sorted(area.visits)
    happenings: list[Happening] = []
    for kind in _kinds(seed, number):
        for _ in range(dice.choice(OFTEN) if kind in ANEW else 1):
            here = _place(dice, area, trucks) if dice.random() < ELSEWHERE else place
            one = _happening(dice, kind, here, _moment(dice, base, area, here, happenings), base)
            if not any(clash(one, other) for other in happenings):
                happenings.append(one)
                if kind == "power_cut_after_press":
                    happenings += _press_for(dice, one, happenings, base)
    dispatcher = {
        **base.dispatcher,
        "acknowledge_after_s": dice.choice((-1.0, 5.0, 5.0, 40.0)),
        "decide_after_s": dice.choice((-1.0, 20.0, 20.0, 200.0)),
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
        base, area={**base.area, "runs": runs}, seed=1 + number if odd else base.seed,
        world={**base.world, **(people if odd else {})}, dispatcher=dispatcher, demands=(INVARIANTS,),
        happenings=tuple(sorted(happenings, key=lambda one: one.at_s)),
    )  # fmt: skip


def _kinds(seed: int, number: int) -> Sequence[str]:
    """What goes wrong in the run of this number."""
    if number == 0:
        return ()
    deal = 0
    while number > len(hands(seed, deal)):
        number, deal = number - len(hands(seed, deal)), deal + 1
    return hands(seed, deal)[number - 1]


@lru_cache(maxsize=64)
def hands(seed: int, deal: int) -> Sequence[Sequence[str]]:
    """So few hands that each kind is together with each other in one of them at least."""
    dice = random.Random(f"{seed} {deal} hands")
    kinds = [kind for kind in HAPPENINGS if kind not in NOT_DRAWN]
    apart = {frozenset(pair) for pair in itertools.combinations(kinds, 2)}
    found = []
    while apart:
        dice.shuffle(kinds)
        hand: list[str] = []
        while len(hand) < HAND:
            rest = [kind for kind in kinds if kind not in hand and (len(hand) > 1 or kind in ANEW)]
            hand.append(max(rest, key=lambda kind: _new_to(kind, hand or rest, apart)))
        apart -= {frozenset(pair) for pair in itertools.combinations(hand, 2)}
        dice.shuffle(hand)
        found.append(tuple(hand))
    return found


def _new_to(kind: str, others: Sequence[str], apart: Set[frozenset[str]]) -> int:
    return sum(frozenset((kind, other)) in apart for other in others)


def _press_for(dice: Dice, armed: Happening, others: Sequence[Happening], base: Scenario) -> list[Happening]:
    """The press that an event waits for, unless the button is not free then."""
    at_s = round(min(armed.at_s + _between(dice, *ARMED_FOR_S), base.to_s - LAST_BEFORE_S), 3)
    place = _Place(armed.values["truck"], "", "")
    press = _happening(dice, "press", place, max(at_s, armed.at_s), base)
    return [] if any(clash(press, other) for other in others) else [press]


def _place(dice: Dice, area: Area, trucks: Sequence[str]) -> _Place:
    truck = dice.choice(trucks)
    room, waste = dice.choice(area.visits[truck])
    return _Place(truck, room, waste)


def _moment(dice: Dice, base: Scenario, area: Area, place: _Place, others: Sequence[Happening]) -> float:
    """When a thing begins: near something that happens here, or near an end of something else that goes wrong."""
    happens = [*area.moments[place.truck].values(), *area.moments[place.room].values()]
    first_s, last_s = base.from_s + FIRST_AFTER_S, base.to_s - LAST_BEFORE_S
    for _ in range(TRIES):
        if others and dice.random() >= A_NEW_CHAIN:
            other = dice.choice(others)
            near_s = dice.choice((other.at_s, other.end_s))
        else:
            near_s = dice.choice(dice.choice((dice.choice(happens), list(itertools.chain(*happens)))))
        at_s = near_s + _between(dice, *NEAR_S) * dice.choice((1, 1, -1))
        if first_s <= at_s <= last_s:
            return round(at_s, 3)
    return round(dice.uniform(first_s, last_s), 3)


def _happening(dice: Dice, kind: str, place: _Place, at_s: float, base: Scenario) -> Happening:
    """One of a kind; every key of it has a value."""
    values = {name: _value(dice, kind, name, key, place) for name, key in HAPPENINGS[kind].items()}
    if "for_min" in values:
        shortest = SHORTEST_LANE_MIN if kind == "lane_blocked" else HAPPENINGS[kind]["for_min"].low
        length_min = max(shortest, _between(dice, *dice.choice((SHORT_MIN, LONG_MIN))))
        values["for_min"] = round(min(length_min, (base.to_s - 60 - at_s) / 60), 3)
    return Happening(kind, at_s, values)


def _value(dice: Dice, kind: str, name: str, key: Key, place: _Place) -> Any:
    if name in ("truck", "room", "waste"):
        return getattr(place, name)
    if name == "device":  # a server has no plug in a scenario: it is killed
        return dice.choice((place.truck, place.truck, place.room, "bridge" if kind.startswith("link_") else place.room))
    if name in NUMBERS:
        return NUMBERS[name](dice)
    if key.words:
        return HARDEST if HARDEST in key.words and dice.random() < 0.5 else dice.choice(key.words)
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


def clash(one: Happening, other: Happening) -> bool:
    """Whether two things cannot go wrong at once: one ends what the other began, or two presses are one gesture."""
    if _about(one) != _about(other) or (one.kind != other.kind and not {one.kind, other.kind} <= PRESSES):
        return False
    apart_s = PRESSES_APART_S if one.kind in PRESSES else 1
    return one.at_s < other.end_s + apart_s and other.at_s < one.end_s + apart_s


PRESSES = {"press", "button_stuck", "breakdown"}


def _about(one: Happening) -> str:
    return str(one.values.get("device") or one.values.get("truck") or one.values.get("room"))
