"""Arrivals of buses in strict order of time: before each trip only trips that had ended are known.

    .venv/bin/python -m bench.eta_order [DAY ...]      with the timetable and without it, by day and over all days

The product beside a plain history of 100 m cells and the timetable with the bus's delay, under the same call rule. Of
the calls it says which were made while the bus stood at its first stop; stops that were never called count as missed.
"""

import heapq
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean, median
from typing import Any

from bench.eta import Zhanpai

Trip = Mapping[str, Any]
SHARED = Path(os.environ.get("ZP_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "bench"
CELL_M, GAP_S, AT_START_M = 100.0, 250.0, 150.0
CALL_AT_S, GUESS_S = 960.0, 30.0


class _Plain:
    """What both simple ways have in common: the trip so far, and the product's rule of the call."""

    def __init__(self, patterns: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.patterns = patterns

    def learn(self, trips: Iterable[Trip]) -> None:
        """Nothing."""

    def start(self, _trip_id: str, pattern: str, sched: Mapping[int, float] | None) -> None:
        """A trip begins."""
        self.pattern, self.sched = pattern, sched
        self.times: list[float] = []
        self.place_m = 0.0

    def report(self, t: float, d: float, _lat: float, _lon: float) -> None:
        """A position."""
        self.times.append(t)
        self.place_m = d

    def eta(self, _stop_index: int) -> float | None:
        """The predicted arrival."""
        return None

    def call(self, stop_index: int) -> bool:
        """At the report nearest to the moment the prediction reaches 16 minutes."""
        eta, gaps = self.eta(stop_index), [later - at for at, later in pairwise(self.times[-6:])]
        every_s = min(120.0, median(gaps)) if gaps else 60.0
        return eta is not None and eta - self.times[-1] <= CALL_AT_S + every_s / 2


class History(_Plain):
    """The mean time in each 100 m of each pattern, from all trips that had ended."""

    def __init__(self, patterns: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        super().__init__(patterns)
        self.cells: dict[tuple[str, int], list[float]] = defaultdict(list)

    def learn(self, trips: Iterable[Trip]) -> None:
        """Take in trips that have ended."""
        for trip in trips:
            spent_s: dict[int, float] = defaultdict(float)
            for (at, from_m), (later, to_m) in pairwise(zip(trip["t"], trip["d"], strict=True)):
                first, last = int(from_m // CELL_M), int(to_m // CELL_M)
                if later - at > GAP_S or to_m < from_m:
                    continue
                for cell in range(first, last + 1):
                    inside_m = min(to_m, (cell + 1) * CELL_M) - max(from_m, cell * CELL_M)
                    spent_s[cell] += (later - at) * (inside_m / (to_m - from_m) if to_m > from_m else 1.0)
            for cell, seconds in spent_s.items():
                self.cells[trip["pattern"], cell].append(seconds)

    def start(self, trip_id: str, pattern: str, sched: Mapping[int, float] | None) -> None:
        """A trip begins: the times of its pattern as they are known now."""
        super().start(trip_id, pattern, sched)
        usual_s = fmean(map(fmean, self.cells.values())) if self.cells else GUESS_S
        self.until_s = [0.0]
        for cell in range(int(self.patterns[pattern][-1]["d"] // CELL_M) + 2):
            seen = self.cells.get((pattern, cell))
            self.until_s.append(self.until_s[-1] + (fmean(seen) if seen else usual_s))

    def eta(self, stop_index: int) -> float | None:
        """Now and the times of all cells between."""
        to_m = float(self.patterns[self.pattern][stop_index]["d"])
        return self.times[-1] + max(0.0, self._at_s(to_m) - self._at_s(self.place_m))

    def _at_s(self, place_m: float) -> float:
        cell = min(len(self.until_s) - 2, int(place_m // CELL_M))
        return self.until_s[cell] + (place_m / CELL_M - cell) * (self.until_s[cell + 1] - self.until_s[cell])


class Timetable(_Plain):
    """The timetable and the delay at the last report; without a timetable nothing."""

    def eta(self, stop_index: int) -> float | None:
        """The planned arrival and the delay."""
        sched, stops = self.sched, self.patterns[self.pattern]
        ahead = next((index for index, stop in enumerate(stops) if stop["d"] > self.place_m), len(stops))
        if not sched or stop_index not in sched or ahead == len(stops) or ahead not in sched:
            return None
        planned_at = sched[ahead]
        if ahead > 0 and ahead - 1 in sched:
            span_m = max(1.0, stops[ahead]["d"] - stops[ahead - 1]["d"])
            share = (self.place_m - stops[ahead - 1]["d"]) / span_m
            planned_at = sched[ahead - 1] + share * (sched[ahead] - sched[ahead - 1])
        return self.times[-1] + max(0.0, sched[stop_index] - planned_at)


def score(
    make: Callable[[Any], Any], trips: Iterable[Trip], patterns: Mapping[str, Any], truth: Callable[..., Any],
    planned: bool,
) -> str:
    """One predictor over these trips: what it was worth."""
    predictor = make(patterns)
    errors: list[float] = []
    leads: dict[str, list[float | None]] = {"stands": [], "drives": []}
    under_way: list[tuple[float, str, Trip]] = []
    for trip in sorted(trips, key=lambda one: (one["t"][0], one["id"])):
        shown = trip if planned else {**trip, "sched": None}
        ended = []
        while under_way and under_way[0][0] <= trip["t"][0]:
            ended.append(heapq.heappop(under_way)[2])
        predictor.learn(ended)
        predictor.start(trip["id"], trip["pattern"], shown["sched"])
        arrivals, called = truth(trip, patterns[trip["pattern"]], GAP_S), {}
        for at, place_m, lat, lon in zip(trip["t"], trip["d"], trip["lat"], trip["lon"], strict=True):
            predictor.report(at, place_m, lat, lon)
            for stop, arrives_at in arrivals.items():
                if not 0 < arrives_at - at <= 2400 or (eta := predictor.eta(stop)) is None:
                    continue
                if 600 < arrives_at - at <= 900:
                    errors.append((eta - arrives_at) / 60)
                if stop not in called and predictor.call(stop):
                    called[stop] = ((arrives_at - at) / 60, "stands" if place_m < AT_START_M else "drives")
        for stop, arrives_at in arrivals.items():
            if arrives_at - trip["t"][0] >= 18 * 60:
                lead, how = called.get(stop, (None, "drives"))
                leads[how].append(lead)
        heapq.heappush(under_way, (trip["t"][-1], trip["id"], shown))
    every = [*leads["stands"], *leads["drives"]]
    if not errors:
        return "no prediction at all"
    return (
        f"13.5-19.5 {_share(every, 13.5, 19.5):.3f} (called at the first stop {_share(leads['stands'], 13.5, 19.5):.3f}"
        f" of {len(leads['stands'])}, under way {_share(leads['drives'], 13.5, 19.5):.3f})"
        f" | under 10 {_share(every, 0, 10):.4f} | MAE 10-15 {fmean(map(abs, errors)):.2f} min"
        f" | stops {len(every)}, never called {every.count(None)}"
    )


def _share(leads: Sequence[float | None], low: float, high: float) -> float:
    return sum(lead is not None and low <= lead <= high for lead in leads) / max(1, len(leads))


def main() -> None:
    """Print the tables."""
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there; set ZP_SHARED to the folder that holds bench/ and data/")
        return
    sys.path.insert(0, str(SHARED))
    from eta_bench import truth  # type: ignore[import-not-found]
    from eta_data import load  # type: ignore[import-not-found]

    trips, patterns = load("capmetro")
    days = sys.argv[1:] or [*sorted({trip["day"] for trip in trips}), "all days"]
    for planned in (True, False):
        for day in days:
            print(f"{day}, {'with' if planned else 'without'} the timetable", flush=True)
            some = [trip for trip in trips if day in (trip["day"], "all days")]
            for name, make in (("zhanpai", Zhanpai), ("plain history", History), ("timetable+delay", Timetable)):
                if planned or make is not Timetable:
                    print(f"  {name:16s} {score(make, some, patterns, truth, planned)}", flush=True)


if __name__ == "__main__":
    main()
