"""What anybody can do in an afternoon: the mean time of each 100 m, and the timetable with the bus's delay.

Both call by the product's rule: at the report nearest to the moment the prediction reaches 16 minutes.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from tests.support.arrival.buses import CALL_AT_S, REPORT_GAP_S, until_next_report_s
from tests.support.arrival.city import Bus, Patterns

CELL_M, GUESS_S = 100.0, 30.0


class Plain:
    """What these ways have in common: the trip so far, and the rule of the call."""

    def __init__(self, patterns: Patterns) -> None:
        self.patterns = patterns

    def learn(self, trips: Iterable[Bus]) -> None:
        """Take in trips that have ended."""

    def start(self, _trip_id: str, pattern: str, sched: Mapping[int, float] | None) -> None:
        """A trip begins."""
        self.pattern, self.sched = pattern, sched
        self.stops_m = [float(stop["d"]) for stop in self.patterns[pattern]]
        self.times: list[float] = []
        self.places_m: list[float] = []

    def report(self, t: float, d: float, _lat: float, _lon: float) -> None:
        """A position."""
        self.times.append(t)
        self.places_m.append(d)
        self._call_within_s = CALL_AT_S + until_next_report_s(self.times) / 2

    def eta(self, stop_index: int) -> float | None:
        """The predicted arrival; None where there is none."""
        raise NotImplementedError

    def call(self, stop_index: int) -> bool:
        """Whether the lamp is lit now."""
        eta = self.eta(stop_index)
        return eta is not None and eta - self.times[-1] <= self._call_within_s


def spent_s(trip: Bus) -> dict[int, float]:
    """The seconds that a trip spent in each 100 m of its pattern."""
    found: dict[int, float] = defaultdict(float)
    for (at, from_m), (later, to_m) in pairwise(zip(trip["t"], trip["d"], strict=True)):
        if later - at > REPORT_GAP_S or to_m < from_m:
            continue
        for cell in range(int(from_m // CELL_M), int(to_m // CELL_M) + 1):
            inside_m = min(to_m, (cell + 1) * CELL_M) - max(from_m, cell * CELL_M)
            found[cell] += (later - at) * (inside_m / (to_m - from_m) if to_m > from_m else 1.0)
    return found


class CellTimes:
    """The mean time in each 100 m of each pattern, from trips that have ended."""

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._cells: dict[tuple[str, int], tuple[float, int]] = {}
        self._means = (0.0, 0)  # the sum of the cells' own means, and how many cells there are

    def learn(self, trip: Bus) -> None:
        """Take in a trip."""
        for cell, seconds in spent_s(trip).items():
            total_s, count = self._cells.get((trip["pattern"], cell), (0.0, 0))
            before_s = total_s / count if count else 0.0
            self._cells[trip["pattern"], cell] = total_s + seconds, count + 1
            mean_s, cells = self._means
            self._means = mean_s - before_s + (total_s + seconds) / (count + 1), cells + (not count)

    def until_s(self, pattern: str) -> list[float]:
        """The time from the first stop to the beginning of each cell; a cell that nobody drove is as usual."""
        mean_s, cells = self._means
        usual_s = mean_s / cells if cells else GUESS_S
        found = [0.0]
        for cell in range(int(self._patterns[pattern][-1]["d"] // CELL_M) + 2):
            total_s, count = self._cells.get((pattern, cell), (usual_s, 1))
            found.append(found[-1] + total_s / count)
        return found


def at_s(until_s: list[float], place_m: float) -> float:
    """The time from the first stop to a place."""
    cell = min(len(until_s) - 2, int(place_m // CELL_M))
    return until_s[cell] + (place_m / CELL_M - cell) * (until_s[cell + 1] - until_s[cell])


class PlainHistory(Plain):
    """Now and the mean times of all cells between."""

    def __init__(self, patterns: Patterns) -> None:
        super().__init__(patterns)
        self._cells = CellTimes(patterns)

    def learn(self, trips: Iterable[Bus]) -> None:
        """Take in trips that have ended."""
        for trip in trips:
            self._cells.learn(trip)

    def start(self, trip_id: str, pattern: str, sched: Mapping[int, float] | None) -> None:
        """A trip begins: the times of its pattern as they are known now."""
        super().start(trip_id, pattern, sched)
        self._until_s = self._cells.until_s(pattern)

    def eta(self, stop_index: int) -> float | None:
        """Now and the times of all cells between."""
        rest_s = at_s(self._until_s, self.stops_m[stop_index]) - at_s(self._until_s, self.places_m[-1])
        return self.times[-1] + max(0.0, rest_s)


class Timetable(Plain):
    """The timetable and the delay at the last report; without a timetable nothing."""

    def eta(self, stop_index: int) -> float | None:
        """The planned arrival and the delay."""
        planned_at = planned_at_place(self.sched, self.stops_m, self.places_m[-1])
        if planned_at is None or self.sched is None or stop_index not in self.sched:
            return None
        return self.times[-1] + max(0.0, self.sched[stop_index] - planned_at)


def planned_at_place(sched: Mapping[int, float] | None, stops_m: list[float], place_m: float) -> float | None:
    """When a bus on time is at a place; None where its timetable does not say."""
    ahead = bisect_right(stops_m, place_m)
    if not sched or ahead == len(stops_m) or ahead not in sched:
        return None
    if ahead == 0 or ahead - 1 not in sched:
        return sched[ahead]
    span_m = max(1.0, stops_m[ahead] - stops_m[ahead - 1])
    return sched[ahead - 1] + (place_m - stops_m[ahead - 1]) / span_m * (sched[ahead] - sched[ahead - 1])


