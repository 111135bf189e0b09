"""What each halt of a drive is: a stop, traffic, or where the drive begins and ends; and how doubtful that is.

A halt is a stop if it looks more like a stay than like a red light (`tracking/stands.py` knows both); where a length
may be either, it is the drive itself that tells, by the widest gap between its lengths, and the halt is doubtful. The
first and the last halt are where the drive begins and ends: a depot, no stop. What a person knows better is said by the
halt's number (`Wishes`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, log, sqrt

from broker.plan.geometry import distance_m
from broker.rules.teaching.halts import Halt
from broker.rules.teaching.positions import Position, TeachingError
from broker.rules.tracking.stands import halt as halt_likelihood
from broker.rules.tracking.stands import stay as stay_likelihood

STOP, HALT, BEGIN, END, DEPOT = "stop", "halt", "begin", "end", "depot"
UNSURE = 1.0  # of the logarithm of the odds
SPLIT_WIDTH = 0.35  # of the logarithm of where they part, from drive to drive
ONE_STOP_M = 25.0
MOVED_UP_M, MOVED_UP_S = 60.0, 120.0
AT_ONCE_M, AT_ONCE_S = 12.0, 20.0
AT_DEPOT_M = 25.0
EDGE_S, EDGE_M = 90.0, 60.0  # a halt so near to the end of the drive is where it ends
LONG_S = 15 * 60.0
MARK_S = 20.0  # a driver marks a stop while standing there, or so soon before or after
QUEUE_M, QUEUES = 80.0, 2  # so many other halts so near before or after are a queue


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person says of it: numbers of halts to keep or to drop, from which length on a halt is a stop, and the
    moments at which the driver said that this is one."""

    keep: Collection[int] = ()
    drop: Collection[int] = ()
    stay_from_s: float | None = None
    marks: Collection[float] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A halt with its number in the drive, what it is, why that is doubtful, and the number of its stop."""

    number: int
    halt: Halt
    verdict: str
    doubts: tuple[str, ...] = ()
    stop: int | None = None
    along_m: float | None = None


def check_wishes(found: Sequence[Halt], wishes: Wishes) -> None:
    """Raises TeachingError for a number of no halt, or one that is to be kept and to be dropped."""
    unknown = sorted(number for number in {*wishes.keep, *wishes.drop} if not 1 <= number <= len(found))
    both = sorted(set(wishes.keep) & set(wishes.drop))
    if both:
        raise TeachingError(f"halt {both[0]} is to be kept and to be dropped: say one of them")
    if unknown:
        raise TeachingError(f"there is no halt {unknown[0]}: this drive has halts 1 to {len(found)}")


def marked(found: Sequence[Halt], marks: Collection[float]) -> tuple[set[Halt], list[float]]:
    """The halts that a driver marked, each mark the one nearest to it in time; and the marks at which none was near."""
    stops: set[Halt] = set()
    lost: list[float] = []
    for at in sorted(marks):
        away_s = [max(halt.since - at, at - halt.until, 0.0) for halt in found]
        if not away_s or min(away_s) > MARK_S:
            lost.append(at)
        else:
            stops.add(found[away_s.index(min(away_s))])
    return stops, lost


def _odds(seconds: float) -> float:
    """How much likelier a halt of this length is a stay at a stop than traffic, in logarithms."""
    return stay_likelihood(seconds, None) - halt_likelihood(seconds)


UNSURE_S = [seconds for seconds in range(20, 200) if abs(_odds(seconds)) < UNSURE]


NEUTRAL_S = min(UNSURE_S, key=lambda seconds: abs(_odds(seconds)))


def split_s_of(lengths: Sequence[float]) -> float:
    """Between which lengths of this drive stays part from red lights: in a wide gap, and not far from where they do."""
    marks = [float(UNSURE_S[0]), *sorted(one for one in lengths if UNSURE_S[0] < one < UNSURE_S[-1]), UNSURE_S[-1]]

    def worth(gap: tuple[float, float]) -> float:
        off = log(sqrt(gap[0] * gap[1]) / NEUTRAL_S)
        return log(gap[1] / gap[0]) * exp(-0.5 * (off / SPLIT_WIDTH) ** 2)

    below, above = max(pairwise(marks), key=worth)
    return sqrt(below * above)


def judged_halt(number: int, found: Sequence[Halt], positions: Sequence[Position], split_s: float,
                wishes: Wishes) -> Judged:  # fmt: skip
    """What the halt of a number is."""
    here = found[number - 1]
    verdict, doubts = _verdict(number, found, positions, split_s)
    if number in wishes.keep:
        return Judged(number, here, STOP)
    if number in wishes.drop:
        return Judged(number, here, verdict if verdict in (BEGIN, END) else HALT)
    return Judged(number, here, verdict, doubts)


def _verdict(number: int, found: Sequence[Halt], positions: Sequence[Position], split_s: float
             ) -> tuple[str, tuple[str, ...]]:  # fmt: skip
    here = found[number - 1]
    long_enough = here.surely_s >= split_s
    for is_there, end, verdict in ((number == 1, 0, BEGIN), (number == len(found), -1, END)):
        if is_there and _is_edge(here, positions, end):
            return verdict, ()
    if not long_enough and here.seconds < UNSURE_S[0]:
        return HALT, ()
    doubts = []
    if UNSURE_S[0] <= here.surely_s <= UNSURE_S[-1]:
        doubts.append("short" if long_enough else "nearly")
    if here.seconds > LONG_S:
        doubts.append("long")
    if here.unseen_s > 0.5 * here.seconds:
        doubts.append("unseen")
    if sum(_apart_m(here, other) < QUEUE_M for other in found if other is not here
           and abs(other.since - here.since) < here.seconds + 300 and other.seconds < split_s) >= QUEUES:
        doubts.append("queue")
    begin = positions[0]
    if long_enough and distance_m(here.lat, here.lon, begin.lat, begin.lon) < AT_DEPOT_M:
        return DEPOT, ("depot",)
    return (STOP if long_enough else HALT), tuple(doubts)


def _is_edge(halt: Halt, positions: Sequence[Position], end: int) -> bool:
    edge = positions[end]
    away_s = halt.since - edge.at if end == 0 else edge.at - halt.until
    return away_s < EDGE_S and distance_m(halt.lat, halt.lon, edge.lat, edge.lon) < EDGE_M


def _apart_m(one: Halt, other: Halt) -> float:
    return distance_m(one.lat, one.lon, other.lat, other.lon)


def moved_up(judged: Sequence[Judged], positions: Sequence[Position]) -> list[Judged]:
    """A truck moves up within its stay: halts right before and after a stop, in its very place, are of it."""
    result: list[Judged] = []
    for one in judged:
        before = result[-1] if result else None
        if before is not None and STOP in (before.verdict, one.verdict) and (
            {before.verdict, one.verdict} <= {STOP, HALT} and _is_same_stay(before, one, positions)
        ):
            a, b = before.halt, one.halt
            longer = a if a.seconds >= b.seconds else b
            both = replace(longer, since=a.since, until=b.until, unseen_s=a.unseen_s + b.unseen_s,
                           first=min(a.first, b.first), last=max(a.last, b.last))  # fmt: skip
            stop = before if before.verdict == STOP else one
            result[-1] = replace(stop, halt=both)
        else:
            result.append(one)
    return result


def _is_same_stay(before: Judged, one: Judged, positions: Sequence[Position]) -> bool:
    both_stops = before.verdict == one.verdict
    near_m, within_s = (ONE_STOP_M, MOVED_UP_S) if both_stops else (AT_ONCE_M, AT_ONCE_S)
    return (
        _apart_m(before.halt, one.halt) < near_m and one.halt.since - before.halt.until < within_s
        and _way_m(positions, before.halt.last, one.halt.first) < MOVED_UP_M
    )


def _way_m(positions: Sequence[Position], first: int, last: int) -> float:
    return sum(
        distance_m(a.lat, a.lon, b.lat, b.lon)
        for a, b in zip(positions[first:last], positions[first + 1 : last + 1], strict=True)
    )
