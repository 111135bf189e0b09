"""How today differs from what is usual: in the area, on a route, and in each street by who drove there last.

Everything is seconds over expected seconds, newer drives weighing more. The area and a route tell what the day is like,
the last trucks of any route in a street what that street is like now: each starts from the next coarser one. What ended
after the asked moment never counts, in whatever order it was learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

MINUTE_S = 60
NEVER = (float("-inf"), 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class TodaySettings:
    """Weights in seconds of driving, of a street in drives there; how long what was seen says something."""

    area_weight_s: float = 20000.0
    route_weight_s: float = 8000.0
    minutes: int = 90
    decay_minutes: float = 30.0
    street_weight: float = 3.0
    street_most: float = 2.0  # what took longer was blocked, and may be free for the next
    street_decay_s: float = 7200.0
    street_most_s: float = 21600.0


class Pace:
    """Actual over expected drives of the last hour and a half, newer ones weighing more."""

    KEEP_MINUTES = 4000

    def __init__(self, settings: TodaySettings) -> None:
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
            for age in range(1, self._settings.minutes + 1):
                sums = self._minutes.get(this_minute - age)
                if sums is not None:
                    weight = exp(-age / self._settings.decay_minutes)
                    actual_s += weight * sums[0]
                    expected_s += weight * sums[1]
        return actual_s / expected_s


class Today:
    """What the newest drives of one area say."""

    def __init__(self, settings: TodaySettings) -> None:
        self.settings = settings
        self._area = Pace(settings)
        self._routes: dict[str, Pace] = {}
        self._streets: dict[str, tuple[float, float, float]] = {}  # when the last ended, weights and ratios then

    def learn(self, route_id: str, cells: Sequence[str], ended_at: float, actual_s: float, expected_s: float) -> None:
        """Take in a drive through these cells, of which it was known how long it should take."""
        self._area.add(ended_at, actual_s, expected_s)
        self._routes.setdefault(route_id, Pace(self.settings)).add(ended_at, actual_s, expected_s)
        settings = self.settings
        ratio = min(settings.street_most, actual_s / expected_s)
        for cell in cells:
            last_at, weights, sums = self._streets.get(cell, (ended_at, 0.0, 0.0))
            if ended_at < last_at - settings.street_most_s:
                continue  # told so late that it says nothing of now
            if ended_at - last_at > settings.street_most_s:
                last_at, weights, sums = ended_at, 0.0, 0.0
            fades = exp(-abs(ended_at - last_at) / settings.street_decay_s)
            if ended_at >= last_at:
                self._streets[cell] = ended_at, fades * weights + 1, fades * sums + ratio
            else:
                self._streets[cell] = last_at, weights + fades, sums + fades * ratio

    def route_factor(self, route_id: str, now: float) -> float:
        """How much slower than usual the route runs, from what ended before `now`."""
        factor = self._area.factor(now, 1.0, self.settings.area_weight_s)
        route = self._routes.get(route_id)
        return factor if route is None else route.factor(now, factor, self.settings.route_weight_s)

    def street_factor(self, cells: Sequence[str], now: float, at: float, route_factor: float) -> float:
        """How much slower than usual a drive through these cells is that begins at `at`, by who drove before `now`."""
        settings, found = self.settings, 0.0
        weight, streets = settings.street_weight, self._streets
        for cell in cells:
            last_at, weights, sums = streets.get(cell, NEVER)
            if now - settings.street_most_s < last_at <= now:
                fades = exp(-abs(at - last_at) / settings.street_decay_s)
                found += (weight * route_factor + fades * sums) / (weight + fades * weights)
            else:
                found += route_factor
        return found / len(cells)
