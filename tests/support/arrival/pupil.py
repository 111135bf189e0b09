"""The best that can be had of what a bridge sees: a pupil who knows how its world is made and was told no figure.

The oracle is told each room's and street's true mean and the bins as they were emptied. Nobody sees those. A *counter*
is told the means, and knows of the bins what was counted. A *pupil* is told neither: it knows by which dice rooms,
streets, stays and drives were drawn and has seen the same days as the bridge; of what no model knows (`effects.py`) it
knows in which ways a world may be strange, and finds by what it sees how strange this one is today. What both lose
against the oracle nobody can get back, however it learns.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import erfc, exp, log, pi, sqrt
from statistics import NormalDist

from broker.rules.tracking.types import Progress
from tests.support.arrival.effects import Effects, NewDriver, RoadWorks, StaysTogether, WeatherDays
from tests.support.arrival.oracle import LIGHT_MEAN_S, Oracle
from tests.support.arrival.world import (
    ABSENT,
    ABSENT_S,
    BINS_SIGMA,
    BLOCKED,
    CARRIES_OVER,
    DAY_S,
    DAY_SIGMA,
    DRIVE_SIGMA,
    EPOCH,
    LIGHT_RED,
    LIGHT_S,
    NEW_SHARE,
    PER_BIN_S,
    ROOMS,
    SETUP_SIGMA,
    Trip,
    WorldRoom,
    traffic,
)  # fmt: skip

COUNT_VARIANCE = 0.8**2 + 1 / 12
USUAL_BINS, ROOM_BINS_SIGMA, DAY_BINS_SHARE = 5.5, 2.0, 0.3
SETUPS_S, SPEEDS_MPS = range(35, 81, 3), [5.5 + 0.3 * step for step in range(16)]
LIGHT_VARIANCE = (1 - LIGHT_RED) * LIGHT_MEAN_S**2 / LIGHT_RED + LIGHT_RED * (LIGHT_S[1] - LIGHT_S[0]) ** 2 / 12
BLOCKED_DENSITY, LEAST = 1 / 1000, 1e-9


@dataclass(frozen=True, slots=True)
class _Kind:
    """One way to be strange: how much longer (drives, stays) take, how likely each is, and what shares it."""

    states: Sequence[tuple[float, float, float]]
    shared_by: Callable[[int, str, int], Hashable]


def _spread(sigma: float, steps: int = 15) -> list[float]:
    return [exp(sigma * NormalDist().inv_cdf((step + 0.5) / steps)) for step in range(steps)]


def _ways(effects: Effects, day: int) -> list[_Kind]:
    """In which ways a world with this effect may be strange on a day."""
    match effects:
        case WeatherDays():
            return [_Kind([(1.0, 1.0, 1 - effects.share), (1.3, 1.15, effects.share)], lambda day, *_: day)]
        case StaysTogether():
            return [_Kind([(1.0, stay, 1.0) for stay in _spread(effects.sigma)], lambda day, route, _: (day, route))]
        case NewDriver() if day >= effects.from_day:
            return [
                _Kind([(drive, 1.0, 1.0) for drive in _spread(0.1)], lambda _, route, __: ("drives", route)),
                _Kind([(1.0, stay, 1.0) for stay in _spread(0.25)], lambda _, route, __: ("stays", route)),
            ]
        case RoadWorks() if day >= effects.from_day:
            share = effects.streets / ROOMS
            return [_Kind([(1.0, 1.0, 1 - share), (2.0, 1.0, share)], lambda _, route, room: (route, room))]
    return []


class School:
    """What was seen of one world so far; `told`: its true means are known."""

    def __init__(self, effects: Effects, *, told: bool) -> None:
        self.effects, self.told = effects, told
        self._stays: dict[str, list[tuple[float, int, float]]] = defaultdict(list)
        self._drives: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
        self._believed: dict[tuple[str, int], tuple[int, float, float]] = {}
        self._strange: dict[Hashable, list[float]] = {}

    def room(self, room: WorldRoom) -> tuple[float, float]:
        """What is known of a room: (set-up, usual bins)."""
        if self.told:
            return room.setup_s, room.usual_bins
        seen, known = self._stays[room.room_id], self._believed.get((room.room_id, -1))
        if known is None or known[0] != len(seen):
            variance = (DAY_BINS_SHARE * USUAL_BINS) ** 2 + COUNT_VARIANCE
            counted = sum(count for _, count, _ in seen) / variance
            usual = (USUAL_BINS / ROOM_BINS_SIGMA**2 + counted) / (1 / ROOM_BINS_SIGMA**2 + len(seen) / variance)
            chances = [
                sum(_stay_chance(stay_s, slow, setup_s, *bins_of(usual, count)) for stay_s, count, slow in seen)
                for setup_s in SETUPS_S
            ]
            known = self._believed[room.room_id, -1] = len(seen), _mean(SETUPS_S, chances), usual
        return known[1], known[2]

    def pace(self, trip: Trip, index: int) -> float:
        """What is known of a street: seconds a metre in free traffic."""
        world = trip.world
        if self.told:
            return 1 / world.speeds_mps[index]
        key = world.route.route_id, index
        seen, known = self._drives[key], self._believed.get(key)
        if known is None or known[0] != len(seen):
            length_m, lights = length_of(trip, index), len(world.lights[index])
            chances = [
                sum(_drive_chance(drive_s, slow * length_m / mps, lights) for drive_s, slow in seen)
                for mps in SPEEDS_MPS
            ]
            known = self._believed[key] = len(seen), _mean([1 / mps for mps in SPEEDS_MPS], chances), 0.0
        return known[1]

    def strange(self, trip: Trip, index: int) -> tuple[float, float]:
        """How much longer the drive to a room and the stay there are believed to take today."""
        drive = stay = 1.0
        for kind, weights in self._kinds(trip, index):
            whole = sum(weights)
            drive *= sum(weight * state[0] for weight, state in zip(weights, kind.states, strict=True)) / whole
            stay *= sum(weight * state[1] for weight, state in zip(weights, kind.states, strict=True)) / whole
        return drive, stay

    def see(self, trip: Trip, index: int, wind: "_Wind") -> None:
        """A truck has left a room: the drive there and the stay are known."""
        room, lights = trip.room(index), len(trip.world.lights[index])
        begun_at = trip.left_at[index - 1] if index else trip.track[1][0]
        slow = traffic(begun_at - EPOCH - trip.day * DAY_S)
        drive_s, stay_s = trip.arrived_at[index] - begun_at, trip.left_at[index] - trip.arrived_at[index]
        setup_s, usual = self.room(room)
        bins = bins_of(usual, trip.counted[room.room_id])
        free_s = slow * length_of(trip, index) * self.pace(trip, index)
        for kind, weights in self._kinds(trip, index):
            for number, (drive, stay, _) in enumerate(kind.states):
                chance = _drive_chance(drive_s, free_s * drive, lights)
                chance += _stay_chance(stay_s, stay, setup_s, *bins)
                weights[number] *= exp(max(-50.0, chance))
            whole = sum(weights)
            weights[:] = [max(LEAST, weight / whole) for weight in weights]
        drive, stay = self.strange(trip, index)
        wind.see(drive_s - LIGHT_MEAN_S * lights, free_s * drive, lights)
        self._drives[trip.world.route.route_id, index].append((drive_s, slow * drive))
        self._stays[room.room_id].append((stay_s, trip.counted[room.room_id], stay))

    def _kinds(self, trip: Trip, index: int) -> list[tuple[_Kind, list[float]]]:
        found = []
        for kind in _ways(self.effects, trip.day):
            key = kind.shared_by(trip.day, trip.world.route.route_id, index)
            found.append((kind, self._strange.setdefault(key, [state[2] for state in kind.states])))
        return found


class _Wind:
    """How slow this run drives: what its day has, and what one street carries over to the next."""

    def __init__(self) -> None:
        self._day = self._street = self._both = 0.0
        self._day_variance, self._street_variance = DAY_SIGMA**2, DRIVE_SIGMA**2

    def see(self, drive_s: float, free_s: float, lights: int) -> None:
        """A street was driven, which comes after the last one."""
        self._street *= CARRIES_OVER
        self._both *= CARRIES_OVER
        self._street_variance = CARRIES_OVER**2 * self._street_variance + (NEW_SHARE * DRIVE_SIGMA) ** 2
        off = log(max(0.1, drive_s / free_s))
        if abs(off) > 4 * DRIVE_SIGMA:
            return  # a blocked lane
        day, street = self._day_variance + self._both, self._street_variance + self._both
        whole = day + street + lights * LIGHT_VARIANCE / free_s**2
        beyond = off - self._day - self._street
        self._day += day / whole * beyond
        self._street += street / whole * beyond
        self._day_variance -= day * day / whole
        self._street_variance -= street * street / whole
        self._both -= day * street / whole

    def factor(self, ahead: int) -> float:
        """How slow the street so many after the last one will be."""
        fades = CARRIES_OVER**ahead
        variance = self._day_variance + fades**2 * self._street_variance + 2 * fades * self._both
        return exp(self._day + fades * self._street + (variance + (1 - fades**2) * DRIVE_SIGMA**2) / 2)


class Pupil(Oracle):
    """What somebody expects of one trip who has been to this school."""

    def __init__(self, trip: Trip, school: School) -> None:
        super().__init__(trip)
        self._school, self._seen, self._wind = school, 0, _Wind()

    def arrivals(self, state: Progress, first: int, now: int) -> dict[int, float]:
        """As the oracle's, by what was seen until now."""
        self.see_until(min(first, ROOMS))
        return super().arrivals(state, first, now)

    def see_until(self, index: int) -> None:
        """The truck has left all rooms before this one."""
        for each in range(self._seen, index):
            if self._trip.skipped is None:
                self._school.see(self._trip, each, self._wind)
        self._seen = max(self._seen, index)

    def stay_s(self, index: int) -> float:
        """The usual stay, with the bins that were counted."""
        room = self._trip.room(index)
        setup_s, usual = self._school.room(room)
        bins, _ = bins_of(usual, self._trip.counted[room.room_id])
        return _stay_s(setup_s, bins) * self._school.strange(self._trip, index)[1]

    def _drive_s(self, index: int, from_m: float, clock: float) -> float:
        rest_m = max(0.0, self._trip.world.rooms[index].along_m - from_m)
        ahead = sum(place_m > from_m for place_m in self._trip.world.lights[index])
        slow = traffic(clock - EPOCH - self._trip.day * DAY_S) * self._wind.factor(index - self._seen + 1)
        slow *= self._school.strange(self._trip, index)[0]
        return slow * rest_m * self._school.pace(self._trip, index) + LIGHT_MEAN_S * ahead


def bins_of(usual: float, counted: int) -> tuple[float, float]:
    """(how many bins are expected where so many were counted, the variance of that)."""
    variance = (DAY_BINS_SHARE * usual) ** 2
    share = variance / (variance + COUNT_VARIANCE)
    return max(0.0, usual + share * (counted - usual)), share * COUNT_VARIANCE


def length_of(trip: Trip, index: int) -> float:
    """Metres to a room from the one before."""
    rooms = trip.world.rooms
    return rooms[index].along_m - (rooms[index - 1].along_m if index else 0.0)


def _stay_s(setup_s: float, bins: float) -> float:
    return setup_s * exp(SETUP_SIGMA**2 / 2) + PER_BIN_S * bins * exp(BINS_SIGMA**2 / 2)


def _stay_chance(stay_s: float, slow: float, setup_s: float, bins: float, variance: float) -> float:
    """The logarithm of how likely a stay is, a missing keeper thought of."""
    sigma_s = sqrt((SETUP_SIGMA * setup_s) ** 2 + (PER_BIN_S * BINS_SIGMA * bins) ** 2 + PER_BIN_S**2 * variance)
    off_s = stay_s / slow - _stay_s(setup_s, bins)
    late = (sigma_s**2 / ABSENT_S - off_s) / (sqrt(2) * sigma_s)
    tail = 0.0
    if late < 20:
        tail = exp(min(50.0, sigma_s**2 / (2 * ABSENT_S**2) - off_s / ABSENT_S)) * erfc(late) / (2 * ABSENT_S)
    usual = exp(-((off_s / sigma_s) ** 2) / 2) / (sigma_s * sqrt(2 * pi))
    return log(((1 - ABSENT) * usual + ABSENT * tail) / slow + LEAST)


def _drive_chance(drive_s: float, free_s: float, lights: int) -> float:
    """The logarithm of how likely a drive is, a blocked lane thought of."""
    sigma_s = sqrt((DRIVE_SIGMA * free_s) ** 2 + lights * LIGHT_VARIANCE)
    off_s = drive_s - free_s * exp(DRIVE_SIGMA**2 / 2) - LIGHT_MEAN_S * lights
    usual = exp(-((off_s / sigma_s) ** 2) / 2) / (sigma_s * sqrt(2 * pi))
    return log((1 - BLOCKED) * usual + BLOCKED * (BLOCKED_DENSITY if off_s > 0 else 0.0) + LEAST)


def _mean(values: Sequence[float], chances: Sequence[float]) -> float:
    top = max(chances)
    weights = [exp(chance - top) for chance in chances]
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
