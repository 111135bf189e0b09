"""A drive becomes a route: which of its halts are stops, in which order, and the line between them.

A halt is a stop if it looks more like a stay than like a red light (`tracking/stands.py` knows both); where a length
may be either, it is the drive itself that tells, by the widest gap between its lengths, and the halt is doubtful. The
first and the last halt are where the drive begins and ends: a depot, no stop. A place where the truck stood twice is
one stop, visited twice. What a person knows better is said by the halt's number (`Wishes`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import exp, hypot, inf, log, sqrt
from statistics import median

from broker.plan.geometry import Point, distance_m, lengths_m
from broker.rules.teaching.halts import Halt, halts
from broker.rules.teaching.positions import Cleaned, Position, TeachingError, metres
from broker.rules.teaching.rooms import KnownRoom, proven
from broker.rules.teaching.way import Gap, gaps, leg
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
QUEUE_M, QUEUES = 80.0, 2  # so many other halts so near before or after are a queue
SHORTEST_WAY_M = 300.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person says of it: numbers of halts to keep or to drop, and from which length on a halt is a stop."""

    keep: Collection[int] = ()
    drop: Collection[int] = ()
    stay_from_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A halt with its number in the drive, what it is, why that is doubtful, and the number of its stop."""

    number: int
    halt: Halt
    verdict: str
    doubts: tuple[str, ...] = ()
    stop: int | None = None
    along_m: float | None = None


@dataclass(frozen=True, slots=True)
class Taught:
    """The route: `stops` are places by number from 0, `halts` say in which order and when; `line` is driven."""

    positions: Cleaned
    halts: tuple[Judged, ...]
    stops: tuple[Point, ...]
    line: tuple[Point, ...]
    gaps: tuple[Gap, ...]
    split_s: float  # a halt is a stop from this length on
    length_m: float = field(default=0.0)

    @property
    def visits(self) -> list[Judged]:
        """The halts that are stops, in order."""
        return [one for one in self.halts if one.stop is not None]

    @property
    def doubtful(self) -> list[Judged]:
        """The halts that a person should look at."""
        return [one for one in self.halts if one.doubts]


def taught(cleaned: Cleaned, wishes: Wishes = Wishes(), rooms: Sequence[KnownRoom] = ()) -> Taught:
    """The route of a drive; bins that move in known `rooms` prove a stop. Raises TeachingError where there is none."""
    positions = cleaned.positions
    farthest_m = max(metres(positions[0], one) for one in positions)
    if farthest_m < SHORTEST_WAY_M / 2:
        raise TeachingError(
            f"the truck was never more than {farthest_m:.0f} m from where it began: that is no route; drive it from "
            "end to end, or take more of the record (--from, --to)"
        )
    found = halts(positions)
    _wishes_are_of(found, wishes)
    split_s = wishes.stay_from_s or _split_s([halt.seconds for halt in found if not halt.unseen_s])
    judged = [_judged(number, found, positions, split_s, wishes) for number in range(1, len(found) + 1)]
    certain = proven(found, rooms)
    judged = [
        replace(one, verdict=STOP, doubts=()) if one.halt in certain and one.number not in wishes.drop else one
        for one in judged
    ]
    judged = _moved_up(judged, positions)
    noise_m = median([halt.spread_m for halt in found if halt.spread_m] or [0.0])
    judged, stops = _placed(judged, noise_m)
    if not stops:
        raise TeachingError(_nothing_stood(found, split_s))
    line, alongs = _line(positions, judged, stops, noise_m)
    length_m = lengths_m(line)[-1]
    if length_m < SHORTEST_WAY_M:
        raise TeachingError(
            f"the truck drove {length_m:.0f} m in all: that is no route; drive it from end to end, or take more of the "
            "record (--from, --to)"
        )
    judged = [replace(one, along_m=alongs.get(one.number)) for one in judged]
    return Taught(cleaned, tuple(judged), tuple(stops), tuple(line), tuple(gaps(positions)), split_s, length_m)


def _wishes_are_of(found: Sequence[Halt], wishes: Wishes) -> None:
    unknown = sorted(number for number in {*wishes.keep, *wishes.drop} if not 1 <= number <= len(found))
    both = sorted(set(wishes.keep) & set(wishes.drop))
    if both:
        raise TeachingError(f"halt {both[0]} is to be kept and to be dropped: say one of them")
    if unknown:
        raise TeachingError(f"there is no halt {unknown[0]}: this drive has halts 1 to {len(found)}")


def _odds(seconds: float) -> float:
    """How much likelier a halt of this length is a stay at a stop than traffic, in logarithms."""
    return stay_likelihood(seconds, None) - halt_likelihood(seconds)


UNSURE_S = [seconds for seconds in range(20, 200) if abs(_odds(seconds)) < UNSURE]


NEUTRAL_S = min(UNSURE_S, key=lambda seconds: abs(_odds(seconds)))


def _split_s(lengths: Sequence[float]) -> float:
    """Between which lengths of this drive stays part from red lights: in a wide gap, and not far from where they do."""
    marks = [float(UNSURE_S[0]), *sorted(one for one in lengths if UNSURE_S[0] < one < UNSURE_S[-1]), UNSURE_S[-1]]

    def worth(gap: tuple[float, float]) -> float:
        off = log(sqrt(gap[0] * gap[1]) / NEUTRAL_S)
        return log(gap[1] / gap[0]) * exp(-0.5 * (off / SPLIT_WIDTH) ** 2)

    below, above = max(pairwise(marks), key=worth)
    return sqrt(below * above)


def _judged(number: int, found: Sequence[Halt], positions: Sequence[Position], split_s: float,
            wishes: Wishes) -> Judged:  # fmt: skip
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


def _moved_up(judged: Sequence[Judged], positions: Sequence[Position]) -> list[Judged]:
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


def _placed(judged: Sequence[Judged], noise_m: float) -> tuple[list[Judged], list[Point]]:
    """Each stop with the number of its place: one that was there before, or a new one."""
    members: list[list[Halt]] = []
    result: list[Judged] = []
    for one in judged:
        if one.verdict != STOP:
            result.append(one)
            continue
        near = [(distance_m(*_middle(own), one.halt.lat, one.halt.lon), number) for number, own in enumerate(members)]
        away_m, number = min(near, default=(inf, 0))
        next_door = number == next((other.stop for other in reversed(result) if other.stop is not None), None)
        if away_m < (ONE_STOP_M if next_door else hypot(ONE_STOP_M, 3 * noise_m)):
            members[number].append(one.halt)
        else:
            number = len(members)
            members.append([one.halt])
        result.append(replace(one, stop=number))
    return result, [_middle(own) for own in members]


def _middle(own: Sequence[Halt]) -> Point:
    """The mean of the places of one stop, by how long they were seen."""
    seen = [max(1.0, halt.seconds - halt.unseen_s) for halt in own]
    total = sum(seen)
    return (sum(w * halt.lat for w, halt in zip(seen, own, strict=True)) / total,
            sum(w * halt.lon for w, halt in zip(seen, own, strict=True)) / total)  # fmt: skip


def _line(positions: Sequence[Position], judged: Sequence[Judged], stops: Sequence[Point], noise_m: float
          ) -> tuple[list[Point], dict[int, float]]:  # fmt: skip
    """What was driven, and how far along it each stop of it is."""
    line: list[Point] = []
    at_vertex: dict[int, int] = {}
    here: Point | None = None
    next_index = 0
    for one in judged:
        place = stops[one.stop] if one.stop is not None else (one.halt.lat, one.halt.lon)
        part = leg(positions[next_index : one.halt.first], here, place, noise_m)
        line += part if not line else part[1:]
        if one.stop is not None:
            at_vertex[one.number] = len(line) - 1
        here, next_index = place, max(next_index, one.halt.last + 1)
    rest = leg(positions[next_index:], here, None, noise_m)
    line += rest if not line else rest[1:]
    along_m = lengths_m(line)
    return line, {number: along_m[vertex] for number, vertex in at_vertex.items()}


def _nothing_stood(found: Sequence[Halt], split_s: float) -> str:
    longest = sorted((halt.seconds for halt in found), reverse=True)[:3]
    said = ", ".join(f"{seconds:.0f} s" for seconds in longest)
    if not found:
        return ("the truck stood nowhere: at each stop stand still for a minute and a half, then drive on; "
                "or take more of the record (--from, --to)")  # fmt: skip
    return (f"the truck stood nowhere for {split_s:.0f} s between its begin and its end (longest halts: {said}): stand "
            "at each stop for a minute and a half, or say how long a stop is at least (--stay-from 20)")  # fmt: skip
