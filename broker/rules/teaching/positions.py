"""The positions of one drive: in order, each moment once, without those that no truck can have driven to.

Whatever wrote them down may have mixed two trucks, or a receiver's first words from before it knew the time: what
cannot be one drive is refused with what to do about it (`TeachingError`), what is a slip is left out and counted.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from broker.plan.geometry import distance_m

FASTEST_MPS = 35.0  # of a refuse truck
SLACK_M = 60.0  # two honest places lie this far apart now and then, among high-rises
ONE_DRIVE_S = 24 * 3600
MOSTLY = 0.9  # what was written before a clock knew the time is a small part
ANOTHERS = 0.2  # so many of the places are too many to be slips
THERE_AND_BACK_M = 150.0
LEAST = 10
DRIVES_M = 5.0
SELDOM = 2.5  # times as long as usual


class TeachingError(ValueError):
    """No route can be taught from this; the text says why and what to do next."""


class Position(NamedTuple):
    """Where a truck was at a moment (POSIX seconds); its speed is None where its receiver did not say.

    `lost`: between the position before and this one its receiver is known to have seen no sky.
    """

    at: float
    lat: float
    lon: float
    speed_mps: float | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is believed, and how many were left out."""

    positions: tuple[Position, ...]
    jumped: int = 0
    repeated: int = 0


def metres(one: Position, other: Position) -> float:
    """Between two positions."""
    return distance_m(one.lat, one.lon, other.lat, other.lon)


def usual_gap_s(positions: Sequence[Position]) -> float:
    """Seconds from one position to the next, usually, of a truck that drives."""
    gaps = [(after.at - before.at, metres(before, after) > DRIVES_M) for before, after in pairwise(positions)]
    return median([gap_s for gap_s, drives in gaps if drives] or [gap_s for gap_s, _ in gaps] or [0.0])


def cleaned(positions: Iterable[Position]) -> Cleaned:
    """The positions of one drive; raises TeachingError where they are of two trucks or too few."""
    in_order = sorted(positions, key=lambda position: position.at)
    once: list[Position] = []
    torn = 0
    for position in in_order:
        if once and position.at - once[-1].at < 0.5:
            torn += metres(once[-1], position) > SLACK_M
        else:
            once.append(position)
    believed = _believed(once)
    jumped = len(once) - len(believed)
    back = sum(_there_and_back(*three) for three in zip(believed, believed[1:], believed[2:], strict=False))
    if len(once) >= LEAST and max(torn, jumped, back) > ANOTHERS * len(once):
        raise TeachingError(
            "these seem to be the positions of two trucks: they go to and fro between places that one truck cannot "
            "reach; teach from the positions of one (--truck, or a file with its positions alone)"
        )
    if believed and believed[-1].at - believed[0].at > ONE_DRIVE_S:
        raise TeachingError(
            f"the positions are of {(believed[-1].at - believed[0].at) / ONE_DRIVE_S:.0f} days: take one drive of them "
            "(--day, --from, --to)"
        )
    if len(believed) < LEAST:
        raise TeachingError(f"only {len(believed)} positions: that is no drive; look at the receiver, and drive again")
    return Cleaned(tuple(believed), jumped, len(in_order) - len(once))


def _there_and_back(before: Position, here: Position, after: Position) -> bool:
    way_m = min(metres(before, here), metres(here, after))
    return way_m > THERE_AND_BACK_M and metres(before, after) < 0.3 * way_m


def _believed(positions: Sequence[Position]) -> list[Position]:
    """The longest chain of places of which each can be driven to from the one before it."""
    chains: list[list[Position]] = []
    for position in positions:
        reach = [(metres(chain[-1], position), chain) for chain in chains]
        can = [one for one in reach if one[0] <= FASTEST_MPS * (position.at - one[1][-1].at) + SLACK_M]
        if can:
            min(can, key=lambda one: one[0])[1].append(position)
        else:
            chains = [*sorted(chains, key=len)[-3:], [position]]
    return max(chains, key=len, default=[])


def of_one_clock(written: Sequence[Position]) -> tuple[list[Position], int]:
    """What was written down in order, without what a clock said before it was set, and how many those are.

    Raises TeachingError where the clock jumps in the midst of the drive. What is in no order at all is left as it is.
    """
    turns = [
        index for index, (before, after) in enumerate(pairwise(written), start=1)
        if after.at < before.at - 1 or after.at - before.at > ONE_DRIVE_S
    ]
    if not turns or len(turns) > max(20, len(written) // 50):
        return list(written), 0
    stretches = [written[first:last] for first, last in pairwise([0, *turns, len(written)])]
    longest = max(stretches, key=len)
    if len(longest) < MOSTLY * len(written):
        at = written[turns[0] - 1].at, written[turns[0]].at
        raise TeachingError(
            f"the clock jumps by {_span(at[1] - at[0])} after position {turns[0]} of {len(written)}: nobody can tell "
            "times and stays across that; cut the file there and teach from the longer part, or drive again with a "
            "receiver that has had the sky in view for some minutes"
        )
    return list(longest), len(written) - len(longest)


def _span(seconds: float) -> str:
    size, sign = abs(seconds), "-" if seconds < 0 else "+"
    number, unit = (size, "s") if size < 120 else (size / 60, "min") if size < 7200 else (size / 3600, "h")
    return f"{sign}{number:.0f} {unit}"
