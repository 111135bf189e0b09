"""Rooms that a plan knows already: which of them a stop is, and whose bins prove that a halt was a stay.

Bins that leave a room or come back while a truck stands at its door are proof, however short the halt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.plan.geometry import Point, distance_m
from broker.plan.model import Room
from broker.rules.teaching.halts import Halt

AT_ROOM_M = 35.0
LEAST_S = 20.0
AROUND_S = 900.0
BEFORE_S, AFTER_S = 120.0, 300.0  # bins are at the door a little before, and back a little after


@dataclass(frozen=True, slots=True)
class KnownRoom:
    """A room, and the moments at which its unit said that bins went or came."""

    room: Room
    stirred_at: tuple[float, ...] = ()


def proven(halts: Sequence[Halt], rooms: Sequence[KnownRoom]) -> set[Halt]:
    """The halts in which bins of a room moved while the truck stood at it: of several there, the longest."""
    found = set()
    for one in rooms:
        near = [halt for halt in halts if distance_m(one.room.lat, one.room.lon, halt.lat, halt.lon) < AT_ROOM_M]
        for at in one.stirred_at:
            then = [halt for halt in near if halt.since - AROUND_S < at < halt.until + AROUND_S]
            longest = max(then, key=lambda halt: halt.seconds, default=None)
            if longest is None or longest.seconds < LEAST_S:
                continue
            if longest.since - BEFORE_S < at < longest.until + AFTER_S:
                found.add(longest)
    return found


def rooms_at(stops: Sequence[Point], rooms: Sequence[KnownRoom]) -> dict[int, Room]:
    """By the number of a stop the room that it is; of several stops at a room the nearest."""
    near = sorted(
        (away_m, number, one.room.room_id, one.room)
        for number, stop in enumerate(stops)
        for one in rooms
        if (away_m := distance_m(*stop, one.room.lat, one.room.lon)) < AT_ROOM_M
    )
    found: dict[int, Room] = {}
    for _, number, _, room in near:
        if number not in found and room not in found.values():
            found[number] = room
    return found
