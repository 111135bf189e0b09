"""A learned model of arrivals, to show what could be gained: LightGBM's median, trained anew as trips end.

It is told what the others know and no more: where the bus is and was, the mean time of each 100 m (of all trips of the
pattern that had ended, and of the last five) and of each way between two stops (of all patterns), the timetable, the
delay, the time of day, and how the area drove in the last hour.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from tests.support.arrival.buses import passages, until_next_report_s
from tests.support.arrival.city import Bus, Patterns
from tests.support.arrival.plain_ways import CellTimes, Plain, at_s, planned_at_place, spent_s

INSTALL = "make bench"  # into .bench/packages
FIRST_TRIPS, GROWTH = 150, 0.15  # trained first after so many trips, then each time there are so many more
REPORTS, STOPS, MOST_ROWS = 10, 8, 80_000  # drawn of a trip, of a report, of all
AHEAD_S = 2400.0
NEAR_S, HOUR_S, DAY_S = 600.0, 3600.0, 86_400.0
RECENT_TRIPS, AREA_TRIPS = 5, 400
ROUNDS = 250
SETTINGS = {
    "objective": "quantile", "alpha": 0.5, "num_leaves": 31, "min_data_in_leaf": 60, "learning_rate": 0.08,
    "feature_fraction": 0.8, "bagging_fraction": 0.7, "bagging_freq": 1, "num_threads": 1, "verbose": -1, "seed": 1,
}  # fmt: skip


def library() -> Any | None:
    """LightGBM, or None where it is not installed."""
    try:
        import lightgbm  # type: ignore[import-not-found]
    except (ImportError, OSError):
        return None
    return lightgbm


class _Ways:
    """The mean time of each way between two stops that follow each other, of all patterns."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], tuple[float, int]] = {}

    def learn(self, trip: Bus, stops: Any) -> None:
        """Take in a trip."""
        passed = passages(trip["t"], trip["d"], [float(stop["d"]) for stop in stops])
        for index in range(2, len(stops)):  # what comes before has the waiting for departure in it
            left_at, reached_at = passed[index - 1], passed[index]
            if left_at is not None and reached_at is not None:
                way = stops[index - 1]["stop_id"], stops[index]["stop_id"]
                total_s, count = self._sums.get(way, (0.0, 0))
                self._sums[way] = total_s + reached_at - left_at, count + 1

    def until_s(self, stops: Any, otherwise_s: list[float]) -> list[float]:
        """The time from the first stop to each; a way that nobody drove takes what `otherwise_s` says."""
        found = [0.0]
        for index in range(1, len(stops)):
            way = stops[index - 1]["stop_id"], stops[index]["stop_id"]
            total_s, count = self._sums.get(way, (otherwise_s[index] - otherwise_s[index - 1], 1))
            found.append(found[-1] + total_s / count)
        return found


class Learned(Plain):
    """The mean time of each 100 m, and what trees make of its error."""

    def __init__(self, patterns: Patterns) -> None:
        import numpy as np  # type: ignore[import-not-found]

        super().__init__(patterns)
        self._np = np
        self._cells, self._ways = CellTimes(patterns), _Ways()
        self._recent: dict[str, deque[dict[int, float]]] = defaultdict(lambda: deque(maxlen=RECENT_TRIPS))
        self._area: deque[tuple[float, float, float]] = deque(maxlen=AREA_TRIPS)  # ended at, took, usually takes
        self._rows: list[Any] = []
        self._errors: list[float] = []
        self._seen = self._trained_with = 0
        self._trees: Any = None
        self._random = Random(1)

    def learn(self, trips: Iterable[Bus]) -> None:
        """Take in trips that have ended, each as it would have been predicted before anybody knew it."""
        for trip in sorted(trips, key=lambda one: one["t"][-1]):
            self._take_rows(trip)
            usual_s = self._usual_s(trip["d"][-1]) - self._usual_s(trip["d"][0])
            self._area.append((trip["t"][-1], trip["t"][-1] - trip["t"][0], usual_s))
            self._recent[trip["pattern"]].append(spent_s(trip))
            self._cells.learn(trip)
            self._ways.learn(trip, self.patterns[trip["pattern"]])
            self._seen += 1
        if self._seen >= max(FIRST_TRIPS, (1 + GROWTH) * self._trained_with):
            self._train()

    def start(self, trip_id: str, pattern: str, sched: Mapping[int, float] | None) -> None:
        """A trip begins."""
        super().start(trip_id, pattern, sched)
        np, stops = self._np, self.patterns[pattern]
        self._until_s = self._cells.until_s(pattern)
        self._recent_until_s = self._recent_of(pattern)
        usual_s = [at_s(self._until_s, place_m) for place_m in self.stops_m]
        self._at_stops = np.array([
            self.stops_m, usual_s, [at_s(self._recent_until_s, place_m) for place_m in self.stops_m],
            self._ways.until_s(stops, usual_s), [(sched or {}).get(index, np.nan) for index in range(len(stops))],
        ], dtype=float)  # fmt: skip
        self._moved_at = 0.0

    def report(self, t: float, d: float, lat: float, lon: float) -> None:
        """A position: predict every stop."""
        super().report(t, d, lat, lon)
        self._note()
        rest_s, rows = self._rows_now()
        if self._trees is not None:
            rest_s = rest_s + self._trees.predict(rows, num_threads=1)
        self._etas = t + self._np.maximum(0.0, rest_s)

    def eta(self, stop_index: int) -> float | None:
        """The predicted arrival at a stop ahead."""
        return float(self._etas[stop_index])

    def _usual_s(self, place_m: float) -> float:
        return at_s(self._until_s, place_m)

    def _recent_of(self, pattern: str) -> list[float]:
        found, recent = [0.0], self._recent[pattern]
        for cell in range(len(self._until_s) - 1):
            seen = [trip[cell] for trip in recent if cell in trip]
            usual_s = self._until_s[cell + 1] - self._until_s[cell]
            found.append(found[-1] + (sum(seen) / len(seen) if seen else usual_s))
        return found

    def _note(self) -> None:
        if len(self.times) < 2 or self.places_m[-1] - self.places_m[-2] > 30:
            self._moved_at = self.times[-1]

    def _rows_now(self) -> tuple[Any, Any]:
        """(the seconds to each stop by the mean of each 100 m, a row of features for each stop)."""
        np, now, place_m = self._np, self.times[-1], self.places_m[-1]
        stops_m, usual_s, recent_s, ways_s, planned_at = self._at_stops
        here_s = self._usual_s(place_m)
        rest_s = usual_s - here_s
        on_plan_at = planned_at_place(self.sched, self.stops_m, place_m)
        late_s = now - on_plan_at if on_plan_at is not None else np.nan
        near = next(index for index, at in enumerate(self.times) if now - at <= NEAR_S)
        took_s, usually_s = now - self.times[near], here_s - self._usual_s(self.places_m[near])
        all_took_s, all_usually_s = now - self.times[0], here_s - self._usual_s(self.places_m[0])
        area = [(took, usual) for ended_at, took, usual in self._area if 0 <= now - ended_at <= HOUR_S]
        ahead = int(np.searchsorted(stops_m, place_m, side="right"))
        of_trip = [
            place_m, late_s, (took_s + 60) / (usually_s + 60), (all_took_s + 120) / (all_usually_s + 120), took_s,
            now % DAY_S, now - self._moved_at, until_next_report_s(self.times), len(self._recent[self.pattern]),
            (sum(took for took, _ in area) + 600) / (sum(usual for _, usual in area) + 600),
            (now // DAY_S) % 7, self.places_m[-1] - self.places_m[-2] if len(self.places_m) > 1 else np.nan,
        ]  # fmt: skip
        rows = np.empty((len(stops_m), 7 + len(of_trip)))
        rows[:, 0] = rest_s
        rows[:, 1] = recent_s - at_s(self._recent_until_s, place_m) - rest_s
        rows[:, 2] = ways_s - np.interp(place_m, stops_m, ways_s) - rest_s
        rows[:, 3] = planned_at - now + late_s - rest_s
        rows[:, 4] = planned_at - now - rest_s
        rows[:, 5] = stops_m - place_m
        rows[:, 6] = np.arange(len(stops_m)) - ahead
        rows[:, 7:] = of_trip
        return rest_s, rows

    def _take_rows(self, trip: Bus) -> None:
        """Some of what would have been asked on this trip, and how far off the mean of each 100 m was."""
        self.start(trip["id"], trip["pattern"], trip["sched"])
        passed = passages(trip["t"], trip["d"], self.stops_m)
        drawn = set(self._random.sample(range(len(trip["t"])), min(REPORTS, len(trip["t"]))))
        for number, (at, place_m) in enumerate(zip(trip["t"], trip["d"], strict=True)):
            super().report(at, place_m, 0.0, 0.0)
            self._note()
            asked = [
                stop for stop, passed_at in enumerate(passed) if passed_at is not None and 0 < passed_at - at <= AHEAD_S
            ]
            if number not in drawn or not asked:
                continue
            rest_s, rows = self._rows_now()
            for stop in self._random.sample(asked, min(STOPS, len(asked))):
                passed_at = passed[stop]
                self._rows.append(rows[stop].astype("float32"))
                self._errors.append(float((passed_at or at) - at - rest_s[stop]))

    def _train(self) -> None:
        lightgbm = library()
        if lightgbm is None or not self._rows:
            return
        self._trained_with, np = self._seen, self._np
        chosen = range(len(self._rows))
        if len(self._rows) > MOST_ROWS:
            chosen = sorted(self._random.sample(chosen, MOST_ROWS))  # type: ignore[assignment]
        rows, errors = (np.array([one[each] for each in chosen]) for one in (self._rows, self._errors))
        self._trees = lightgbm.train(dict(SETTINGS), lightgbm.Dataset(rows, errors), num_boost_round=ROUNDS)
