"""What goes wrong on the way between a device and the broker, and when each byte leaves because of it. Pure.

    delay        what comes leaves so many seconds later, in its order
    rate         so many bytes pass in a second, no more
    black_hole   nothing passes and nobody is told; what waited passes afterwards
    cut          both sides see their connection end at once, and what was on its way is gone
    half_close   one side is told that the other has ended, the other is not, and speaks into nothing

Bytes leave in the order in which they came, unchanged, or, after a cut, not at all.
"""

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["delay", "rate", "black_hole", "cut", "half_close"]
Way = Literal["up", "down"]  # to the broker, to the device
KINDS: tuple[Kind, ...] = ("delay", "rate", "black_hole", "cut", "half_close")
NETWORK = "network"  # the word for these among what happened
WAYS: tuple[Way, ...] = ("up", "down")
QUIET_FIRST, QUIET_LAST = 0.05, 0.25  # shares of the time in which nothing goes wrong: what is owed must arrive
EVERY_S = 25.0  # so far apart faults of one connection begin, on average
DELAY_S = (0.05, 5.0)
BYTES_PER_S = (200.0, 20_000.0)
LENGTH_S = (0.5, 30.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, `at_s` seconds after the beginning; `amount` as its kind has it, else 0."""

    kind: Kind
    at_s: float
    for_s: float = 0.0
    amount: float = 0.0
    towards: Way = "up"  # of a half_close: the side that is told

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.at_s + self.for_s

    def __str__(self) -> str:
        amounts = {"delay": f" {self.amount:.2f} s", "rate": f" {self.amount:.0f} B/s"}
        lasts = "" if self.kind == "cut" else f" for {self.for_s:.1f} s"
        return f"{self.kind}{amounts.get(self.kind, '')} at {self.at_s:.1f} s{lasts}"


def planned(seed: int, device: str, length_s: float) -> tuple[Fault, ...]:
    """The faults of a device's connection in a time of this length, one after the other: always the same for a seed."""
    dice = random.Random(f"{seed} {device} network")
    until_s, at_s, found = (1 - QUIET_LAST) * length_s, QUIET_FIRST * length_s, list[Fault]()
    while True:
        at_s += dice.expovariate(1 / EVERY_S)
        one = _drawn(dice, at_s)
        if one.end_s > until_s:
            return tuple(found)
        found.append(one)
        at_s = one.end_s


def network_plans(seed: int, devices: Iterable[str], length_s: float) -> dict[str, tuple[Fault, ...]]:
    """A plan for each of them."""
    return {device: planned(seed, device, length_s) for device in devices}


def told(seed: int, plans: Mapping[str, Sequence[Fault]]) -> Iterator[str]:
    """The plans in words, a line for each device."""
    yield f"faults of the network, seed {seed}, in seconds of life:"
    for device, faults in plans.items():
        yield f"  {device}: {'; '.join(map(str, faults)) or 'none'}"


def _drawn(dice: random.Random, at_s: float) -> Fault:
    kind, for_s, towards = dice.choice(KINDS), round(_between(dice, *LENGTH_S), 2), dice.choice(WAYS)
    bounds = {"delay": DELAY_S, "rate": BYTES_PER_S}.get(kind)
    amount = round(_between(dice, *bounds), 2) if bounds is not None else 0.0
    return Fault(kind, round(at_s, 2), 0.0 if kind == "cut" else for_s, amount, towards)


def _between(dice: random.Random, low: float, high: float) -> float:
    """Each length as likely as one twice as long."""
    return math.exp(dice.uniform(math.log(low), math.log(high)))


def leaves_s(faults: Sequence[Fault], came_s: float, before_s: float, length: int) -> float:
    """When a piece of so many bytes leaves that came at `came_s`, after the one that left at `before_s`."""
    at_s = max(came_s, before_s)
    for fault in faults:  # in the order of time, none of them two at once
        if fault.kind == "delay" and fault.at_s <= came_s < fault.end_s:
            at_s = max(at_s, came_s + fault.amount)
        elif fault.kind == "rate" and fault.at_s <= at_s < fault.end_s:
            at_s = min(at_s + length / fault.amount, max(at_s, fault.end_s))
        elif fault.kind == "black_hole" and fault.at_s <= at_s < fault.end_s:
            at_s = fault.end_s
    return at_s


def breaks(faults: Sequence[Fault], began_s: float) -> Fault | None:
    """What breaks a connection that began then, if anything does: the first cut or half close after it."""
    return next((fault for fault in faults if fault.at_s >= began_s and fault.kind in ("cut", "half_close")), None)


def silent(faults: Sequence[Fault]) -> list[tuple[float, float]]:
    """From when until when a device hears nothing for sure."""
    return [(fault.at_s, fault.end_s) for fault in faults if fault.kind == "black_hole"]
