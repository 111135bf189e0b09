"""Rooms whose calls were off to one side for a week, put together by the part of their promises that made them so.

A room's calls drift if the middle of how far the lead that its keeper met missed the lead that was promised is more
than DRIFT_S over the last DRIFT_DAYS whole days, on LEAST_DAYS of them at least, and the mean is three times what
chance alone makes of so few. It is over once the middle is below ENDS_S. What nobody could promise better (the truck
was held after the call, a second visit) is left out.

A lamp that no unit ever said to be on in a week of calls, though the unit is heard, is told apart: its keeper was told
nothing at all.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median, stdev

from broker.rules.statistics.calls import ScoredCall, off_most

DRIFT_S, ENDS_S = round(1.5 * 60), 60
DRIFT_DAYS, LEAST_DAYS = 7, 5
SURE = 3.0  # so many times the error of a mean
FORESEEABLE = ("not_begun", "first_leg", "live")
KNOWN = ("leg", "stay", "counts", "start", "lamp")  # the reasons there are; of the rest nobody knows one
DARK = "dark"  # no part of a promise: the lamp never came on


@dataclass(frozen=True, slots=True)
class Drift:
    """Rooms with one reason: a part (empty: not known) at a place; `drift_s` is by how much their trucks came later
    than told (below zero: earlier), in the middle of `calls`."""

    reason: str
    place: str
    rooms: tuple[str, ...]
    drift_s: int
    calls: int


def drifts(
    calls: Iterable[ScoredCall], before: Collection[str] = (), heard: Collection[str] = ()
) -> list[Drift]:
    """What drifted over these days' calls, the worst first; `before` are the rooms that did so far, `heard` those whose
    units speak, so that a lamp of which they say nothing is dark."""
    rooms: dict[tuple[str, str], list[ScoredCall]] = {}
    for call in calls:
        if call.kind in FORESEEABLE and call.late_s is not None:
            rooms.setdefault((call.room, call.waste), []).append(call)
    found: dict[tuple[str, str], list[ScoredCall]] = {}
    for (room, _), of_room in rooms.items():
        if _is_off(of_room, was_so=room in before):
            side = 1 if median(map(_drift_s, of_room)) > 0 else -1
            reason = off_most(of_room, side)
            known = reason is not None and reason[0] in KNOWN
            found.setdefault(reason[:2] if reason is not None and known else ("", ""), []).extend(of_room)
    rows = [
        Drift(reason, place, tuple(sorted({call.room for call in off})), round(median(map(_drift_s, off))), len(off))
        for (reason, place), off in found.items()
    ]
    rows += _dark(rooms, heard)
    return sorted(rows, key=lambda one: (-abs(one.drift_s), one.reason, one.place))


def _dark(rooms: Mapping[tuple[str, str], Sequence[ScoredCall]], heard: Collection[str]) -> Iterator[Drift]:
    """A room whose lamp was on for none of its kinds of waste: its keeper was told by nothing, so misses the lead."""
    for room in sorted({room for room, _ in rooms}.intersection(heard)):
        of_room = [call for (where, _), of_kind in rooms.items() if where == room for call in of_kind]
        if all(call.dark_s is None for call in of_room) and len({call.day for call in of_room}) >= LEAST_DAYS:
            yield Drift(DARK, room, (room,), -round(median(call.lead_s or 0 for call in of_room)), len(of_room))


def _drift_s(call: ScoredCall) -> int:
    """How much longer than promised the keeper waited, from the lamp that was on to the truck."""
    return (call.late_s or 0) - (call.dark_s or 0)


def _is_off(calls: Sequence[ScoredCall], *, was_so: bool) -> bool:
    off = [_drift_s(call) for call in calls]
    if len({call.day for call in calls}) < LEAST_DAYS or abs(median(off)) <= (ENDS_S if was_so else DRIFT_S):
        return False
    return was_so or abs(fmean(off)) >= SURE * stdev(off) / sqrt(len(off))
