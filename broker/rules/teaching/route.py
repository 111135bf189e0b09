"""A drive becomes a route: its stops, in which order and when they were served, and the line between them.

What each halt is says `judging.py`; a place where the truck stood twice is one stop, visited twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import hypot, inf
from statistics import median

from broker.plan.geometry import Point, distance_m, lengths_m
from broker.rules.teaching.halts import Halt, halts
from broker.rules.teaching.judging import (
    ONE_STOP_M,
    STOP,
    Judged,
    Wishes,
    check_wishes,
    judged_halt,
    marked,
    moved_up,
    split_s_of,
)  # fmt: skip
from broker.rules.teaching.positions import Cleaned, Position, TeachingError, metres
from broker.rules.teaching.rooms import KnownRoom, proven
from broker.rules.teaching.way import Gap, gaps, leg

SHORTEST_WAY_M = 300.0
NO_WISHES = Wishes()


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
    lost_marks: tuple[float, ...] = ()  # where the truck did not stand

    @property
    def visits(self) -> list[Judged]:
        """The halts that are stops, in order."""
        return [one for one in self.halts if one.stop is not None]

    @property
    def doubtful(self) -> list[Judged]:
        """The halts that a person should look at."""
        return [one for one in self.halts if one.doubts]


def taught(cleaned: Cleaned, wishes: Wishes = NO_WISHES, rooms: Sequence[KnownRoom] = ()) -> Taught:
    """The route of a drive; bins that move in known `rooms` prove a stop. Raises TeachingError where there is none."""
    positions = cleaned.positions
    farthest_m = max(metres(positions[0], one) for one in positions)
    if farthest_m < SHORTEST_WAY_M / 2:
        raise TeachingError(
            f"the truck was never more than {farthest_m:.0f} m from where it began: that is no route; drive it from "
            "end to end, or take more of the record (--from, --to)"
        )
    found = halts(positions)
    check_wishes(found, wishes)
    split_s = wishes.stay_from_s or split_s_of([halt.seconds for halt in found if not halt.unseen_s])
    judged = [judged_halt(number, found, positions, split_s, wishes) for number in range(1, len(found) + 1)]
    said, lost = marked(found, wishes.marks)
    certain = {*proven(found, rooms), *said}
    judged = [
        replace(one, verdict=STOP, doubts=()) if one.halt in certain and one.number not in wishes.drop else one
        for one in judged
    ]
    judged = moved_up(judged, positions)
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
    found_gaps = tuple(gaps(positions))
    return Taught(cleaned, tuple(judged), tuple(stops), tuple(line), found_gaps, split_s, length_m, tuple(lost))


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
