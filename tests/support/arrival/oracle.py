"""The best that could be known of a truck: the true means of its world, today's true bins, and where it was last seen.

It sees what the product sees (the tracker's place, stay and stand-still) and knows each street's true speed by the time
of day, each room's true set-up, the time per bin, the bins that wait, the red lights, and how often and how long lanes
are blocked and keepers missing; of these it takes what is usual (the median of their sum). What today's noise will be
it does not know. The *seer* knows besides how slow this whole day is and what no model knows of (`effects.py`).
"""

from functools import cache
from math import exp, log
from random import Random
from statistics import NormalDist, median

from broker.rules.tracking.types import Progress
from tests.support.arrival.world import (
    ABSENT,
    ABSENT_S,
    BINS_SIGMA,
    BLOCKED,
    BLOCKED_S,
    BLOCKED_SIGMA,
    DAY_S,
    DRIVE_SIGMA,
    EPOCH,
    LATE_S,
    LIGHT_RED,
    LIGHT_S,
    PER_BIN_S,
    ROOMS,
    SETUP_SIGMA,
    Trip,
    traffic,
)  # fmt: skip

LIGHT_MEAN_S = LIGHT_RED * sum(LIGHT_S) / 2
STANDS_S = 60  # longer than any light: the lane is blocked
LEG_SIGMA_S = 35.0  # what is usual of a leg and a stay together
DRAWS, DRIVES_MPS = 800, 0.5


@cache
def rare_s(rooms: int) -> float:
    """The median of what blocked lanes and missing keepers cost on so many legs and at so many stays."""
    random = Random(rooms)

    def drawn() -> float:
        total_s = random.gauss(0, LEG_SIGMA_S * max(1, rooms) ** 0.5)
        for _ in range(rooms):
            if random.random() < BLOCKED:
                total_s += BLOCKED_S * exp(random.gauss(0, BLOCKED_SIGMA))
            if random.random() < ABSENT:
                total_s += random.expovariate(1 / ABSENT_S)
        return total_s

    return median(drawn() for _ in range(DRAWS)) if rooms else 0.0


def blocked_rest_s(stood_s: float) -> float:
    """How much longer a lane is usually blocked that has been for so long."""
    usual = NormalDist()
    gone = usual.cdf(log(max(1.0, stood_s) / BLOCKED_S) / BLOCKED_SIGMA)
    return max(5.0, BLOCKED_S * exp(BLOCKED_SIGMA * usual.inv_cdf(min(0.999, (1 + gone) / 2))) - stood_s)


class Oracle:
    """What is known of one trip by somebody who knows its world."""

    def __init__(self, trip: Trip, sees_the_day: bool = False) -> None:
        self._trip = trip
        self._day = trip.pace if sees_the_day else 1.0
        self._effects = trip.effects if sees_the_day else None
        self._midnight = EPOCH + trip.day * DAY_S

    def arrivals(self, state: Progress, first: int, now: int) -> dict[int, float]:
        """The arrival at each room from the first owed one on, but for a second visit."""
        rooms, clock, place_m, found = self._trip.world.rooms, float(now), 0.0, dict[int, float]()
        if first >= ROOMS:
            return found
        begin, silent = first, state.fix is not None and not state.fix.fresh(now)  # it goes on while nobody hears of it
        if state.arrived_at is not None:
            found[first], place_m, begin = state.arrived_at, rooms[first].along_m, first + 1
            rest_s = self._stay_rest_s(first, now - state.arrived_at)
            clock = state.arrived_at + self.stay_s(first) if silent else now + rest_s
        elif not state.started or state.along_m is None:
            clock = max(self._trip.depart_at, now) + log(2) * LATE_S
        else:
            place_m = state.along_m
            if state.fix is not None and (silent or (state.fix.speed_mps or 0.0) > DRIVES_MPS):
                clock = float(state.fix.fix_at)
            elif state.still_s > STANDS_S:
                clock = now + blocked_rest_s(state.still_s)
        skipped = self._trip.skipped
        for index in range(begin, ROOMS):
            clock += self._drive_s(index, place_m, clock)
            place_m = max(place_m, rooms[index].along_m)
            if skipped is not None and skipped[0] == index and now >= skipped[1]:
                continue
            found[index] = max(float(now), clock + rare_s(index - begin))
            clock += self.stay_s(index)
        return found

    def leg_s(self, index: int, clock: float) -> float:
        """The usual drive from the room before."""
        return self._drive_s(index, self._trip.world.rooms[index - 1].along_m if index else 0.0, clock)

    def _drive_s(self, index: int, from_m: float, clock: float) -> float:
        world = self._trip.world
        room, lights = world.rooms[index], world.lights[index]
        slow = traffic(clock - self._midnight) * self._day * exp(DRIVE_SIGMA**2 / 2)
        if self._effects is not None:
            slow *= self._effects.drive(self._trip.day, world.route.route_id, index)
        ahead = sum(place_m > from_m for place_m in lights)
        return slow * max(0.0, room.along_m - from_m) / world.speeds_mps[index] + LIGHT_MEAN_S * ahead

    def stay_s(self, index: int) -> float:
        """The usual stay with today's bins."""
        room = self._trip.world.rooms[index]
        usual_s = room.setup_s * exp(SETUP_SIGMA**2 / 2)
        usual_s += PER_BIN_S * self._trip.emptied[room.room_id] * exp(BINS_SIGMA**2 / 2)
        if self._effects is not None:
            usual_s *= self._effects.stay(self._trip.day, self._trip.world.route.route_id, index)
        return usual_s

    def _stay_rest_s(self, index: int, stood_s: float) -> float:
        rest_s = self.stay_s(index) - stood_s
        usual_s = self.stay_s(index)
        if rest_s > 0.1 * usual_s:
            return rest_s
        return max(10.0, min(log(2) * ABSENT_S, 0.1 * usual_s + 0.5 * (0.1 * usual_s - rest_s)))


