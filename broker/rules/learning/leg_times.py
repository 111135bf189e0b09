"""How long drives between two rooms take: learned per pair of rooms, seen against a first guess.

The first guess of a leg (its base) is its planned time where the timetable gives one, else its length at a default
speed. What is learned is how much longer or shorter than that it really is:

    expected drive = base x ratio of the leg x half-hour factor x factor of today  (+ waiting for the timetable)

Every ratio is sums of seconds over sums of seconds, started with a prior weight of the next coarser one: leg <- all
legs of that kind of base; factor of the route <- factor of the area <- 1. So a new leg, a new route and a first day
all have an answer, and evidence moves it by as much as it weighs. Pairs of rooms are shared by all routes of an
area: trucks of different waste kinds drive the same streets.
"""

from collections import deque
from dataclasses import dataclass, field
from math import exp

START_ROOM = ""  # the room a run's first leg comes from: wherever the truck starts
MINUTE_S = 60
HALF_HOUR_S = 1800
HALF_HOURS = 48
FALLBACK_LEG_S = 120.0  # a leg of which neither length nor plan is known
WINSOR_FACTOR = 2.0  # a drive longer than this many times the expected one (and a minute) was blocked, not slow
WINSOR_S = 60.0
MEMORY = 160  # drives of a pair of rooms, stays at a room: older ones say nothing any more


@dataclass(frozen=True, slots=True)
class WaitSettings:
    """How much evidence there must be of waiting for the timetable, and from where on being early counts no more."""

    weight_s2: float = 600.0**2
    most_s: float = 900.0


@dataclass(frozen=True, slots=True)
class LegSettings:
    """How fast to believe drives; weights in seconds of driving unless named otherwise."""

    memory: int = MEMORY
    planned_weight_legs: float = 10.0
    length_weight_legs: float = 2.0
    general_weight_s: float = 60.0
    half_hour_weight_s: float = 20000.0
    today_area_weight_s: float = 20000.0
    today_route_weight_s: float = 8000.0
    today_minutes: int = 90
    today_decay_minutes: float = 30.0
    waits: WaitSettings = field(default_factory=WaitSettings)


class Ratio:
    """Actual over expected seconds, with the last `memory` observations only."""

    def __init__(self, memory: int | None = None) -> None:
        self._recent: deque[tuple[float, float]] = deque()
        self._memory = memory
        self.actual_s = 0.0
        self.expected_s = 0.0

    def add(self, actual_s: float, expected_s: float) -> None:
        """Take in one observation."""
        self.actual_s += actual_s
        self.expected_s += expected_s
        if self._memory is None:
            return
        self._recent.append((actual_s, expected_s))
        if len(self._recent) > self._memory:
            actual_s, expected_s = self._recent.popleft()
            self.actual_s -= actual_s
            self.expected_s -= expected_s

    def value(self, prior: float, weight_s: float) -> float:
        """The ratio when `prior` counts as much as `weight_s` seconds of evidence."""
        return (prior * weight_s + self.actual_s) / (weight_s + self.expected_s)


class Waits:
    """How much of being early is waited off, per place: slope of extra seconds on seconds early, from 0 to 1."""

    def __init__(self, settings: WaitSettings) -> None:
        self._settings = settings
        self._sums: dict[tuple[str, ...], tuple[float, float]] = {}

    def early_s(self, early_s: float) -> float:
        """Earliness as it counts: never negative, never above the limit."""
        return min(self._settings.most_s, max(0.0, early_s))

    def learn(self, place: tuple[str, ...], early_s: float, extra_s: float) -> None:
        """Take in how much longer than expected somebody took who was early."""
        early_s = self.early_s(early_s)
        if early_s <= 0:
            return
        products, squares = self._sums.get(place, (0.0, 0.0))
        extra_s = max(-early_s, min(2 * early_s, extra_s))
        self._sums[place] = (products + early_s * extra_s, squares + early_s * early_s)

    def wait_s(self, place: tuple[str, ...], early_s: float) -> float:
        """Expected waiting of somebody who is this early."""
        sums = self._sums.get(place)
        if sums is None or early_s <= 0:
            return 0.0
        return min(1.0, max(0.0, sums[0] / (sums[1] + self._settings.weight_s2))) * self.early_s(early_s)


class Today:
    """Actual over expected drives of the last hour and a half, newer ones weighing more."""

    KEEP_MINUTES = 4000

    def __init__(self, settings: LegSettings) -> None:
        self._settings = settings
        self._minutes: dict[int, tuple[float, float]] = {}

    def add(self, ended_at: float, actual_s: float, expected_s: float) -> None:
        """Take in a drive that ended at `ended_at`."""
        minute = int(ended_at // MINUTE_S)
        actual, expected = self._minutes.get(minute, (0.0, 0.0))
        self._minutes[minute] = (actual + actual_s, expected + expected_s)
        if len(self._minutes) > self.KEEP_MINUTES:
            del self._minutes[next(iter(self._minutes))]

    def factor(self, now: float, prior: float, weight_s: float) -> float:
        """The factor from drives that ended before the present minute."""
        actual_s, expected_s = prior * weight_s, weight_s
        this_minute = int(now // MINUTE_S)
        if self._minutes:
            for age in range(1, self._settings.today_minutes + 1):
                sums = self._minutes.get(this_minute - age)
                if sums is not None:
                    weight = exp(-age / self._settings.today_decay_minutes)
                    actual_s += weight * sums[0]
                    expected_s += weight * sums[1]
        return actual_s / expected_s


class LegTimes:
    """The learned drives of one area; `offset_s` is local time minus UTC at a moment."""

    def __init__(self, settings: LegSettings) -> None:
        self.settings = settings
        self._pairs: dict[tuple[str, str], Ratio] = {}
        self._general = {True: Ratio(), False: Ratio()}  # by whether the base is a planned time
        self._half_hours: dict[tuple[str, int], Ratio] = {}
        self._today: dict[str, Today] = {}
        self._waits = Waits(settings.waits)

    def learn(
        self,
        route_id: str,
        pair: tuple[str, str],
        base_s: float,
        planned: bool,
        drive_s: float,
        ended_at: float,
        early_s: float,
        offset_s: int,
        lasting: bool,
    ) -> None:
        """Take in one drive of `drive_s` over a leg whose base is `base_s`; not `lasting`: as today's traffic only."""
        half_hour = half_hour_of(ended_at - drive_s, offset_s)
        factor = self.half_hour_factor(route_id, half_hour)
        usual_s = base_s * self.pair_ratio(pair, base_s, planned)
        wait_s = self._waits.wait_s(pair, early_s)
        moving_s = max(1.0, min(drive_s - wait_s, WINSOR_FACTOR * usual_s * factor + WINSOR_S))
        if pair in self._pairs:
            for route in ("", route_id):
                self._today.setdefault(route, Today(self.settings)).add(ended_at, moving_s, usual_s * factor)
        if not lasting:
            return
        if pair in self._pairs:
            for route in ("", route_id):
                self._half_hours.setdefault((route, half_hour), Ratio()).add(moving_s, usual_s)
            self._waits.learn(pair, early_s, drive_s - usual_s * factor)
        self._pairs.setdefault(pair, Ratio(self.settings.memory)).add(moving_s / factor, base_s)
        self._general[planned].add(moving_s / factor, base_s)

    def knows(self, pair: tuple[str, str]) -> bool:
        """Whether this leg was driven before."""
        return pair in self._pairs

    def pair_ratio(self, pair: tuple[str, str], base_s: float, planned: bool) -> float:
        """Expected over base seconds of one leg at an average time of an average day."""
        settings = self.settings
        general = self._general[planned].value(1.0, settings.general_weight_s)
        ratio = self._pairs.get(pair)
        if ratio is None:
            return general
        legs = settings.planned_weight_legs if planned else settings.length_weight_legs
        return ratio.value(general, legs * base_s)

    def half_hour_factor(self, route_id: str, half_hour: int) -> float:
        """How much slower than usual a route is in one half-hour of the day."""
        weight_s = self.settings.half_hour_weight_s
        area = self._half_hours.get(("", half_hour))
        if area is None:
            return 1.0
        factor = area.value(1.0, weight_s)
        route = self._half_hours.get((route_id, half_hour))
        return factor if route is None else route.value(factor, weight_s)

    def today_factor(self, route_id: str, now: float) -> float:
        """How much slower than usual the route runs today, from what ended before `now`."""
        area = self._today.get("")
        if area is None:
            return 1.0
        factor = area.factor(now, 1.0, self.settings.today_area_weight_s)
        route = self._today.get(route_id)
        return factor if route is None else route.factor(now, factor, self.settings.today_route_weight_s)

    def wait_s(self, pair: tuple[str, str], early_s: float) -> float:
        """Expected waiting on a leg of somebody who starts it this much before the timetable."""
        return self._waits.wait_s(pair, early_s)


def half_hour_of(at: float, offset_s: int) -> int:
    """Which of the day's 48 half-hours a moment lies in."""
    return int((at + offset_s) // HALF_HOUR_S) % HALF_HOURS
