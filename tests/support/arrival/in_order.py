"""What a predictor of buses is worth: in strict order of time, or each day with all others known (the folds).

In strict order nothing is known before a trip but trips that had ended. A stop is scored if it was reached 18 minutes
or more after the trip was first heard. What a prediction rested on is said by its kind:

    not begun     the bus stands at its first stop
    first leg     it has left that, and no other stop is behind it
    held          it has not moved by 50 m for three minutes
    second visit  the pattern has called at this stop before
    live          everything else
"""

import heapq
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from statistics import fmean
from typing import Any

from tests.support.arrival.buses import AT_START_M
from tests.support.arrival.city import Bus, City, Patterns

KINDS = ("not begun", "first leg", "live", "held", "second visit")
SCORED_AFTER_S, ASKED_S, BUCKET_S = 18 * 60.0, 2400.0, (600.0, 900.0)
HELD_S, HELD_M = 180.0, 50.0
LOST_M, RECORDED_ON_S = 1000.0, 1200.0  # last seen so far before a called stop, so long before the day's last report
GOOD_MIN, SHORT_MIN = (13.5, 19.5), 10.0


@dataclass(slots=True)
class Kind:
    """The calls and the predictions of one kind: minutes before the bus, and minutes off when 10 to 15 ahead."""

    leads: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Marks:
    """What one predictor did."""

    kinds: dict[str, Kind] = field(default_factory=lambda: defaultdict(Kind))
    by_trip: list[tuple[Any, int, int]] = field(default_factory=list)  # day, calls in time, stops scored
    legs: list[tuple[float, float]] = field(default_factory=list)  # expected seconds some 10 minutes before, and true
    short: int = 0
    never_called: int = 0
    unpredicted: int = 0  # never called because nothing was ever predicted
    called: int = 0
    never_true: int = 0  # calls for a stop that the bus never came to

    def errors(self) -> list[float]:
        """Minutes off of all predictions 10 to 15 minutes ahead; later than the bus: positive."""
        return [error for kind in self.kinds.values() for error in kind.errors]

    def stops(self) -> int:
        """How many stops were scored."""
        return sum(stops for _, _, stops in self.by_trip)

    def share(self, day: Any = None) -> float:
        """The share of stops called 13.5 to 19.5 minutes before the bus; of one day or of all."""
        some = [(good, stops) for of_day, good, stops in self.by_trip if day is None or of_day == day]
        return sum(good for good, _ in some) / max(1, sum(stops for _, stops in some))

    def mae(self) -> float | None:
        """Mean minutes off of predictions 10 to 15 minutes ahead; None where there are none."""
        errors = self.errors()
        return fmean(map(abs, errors)) if errors else None


def in_time(lead: float) -> bool:
    """Whether a call so many minutes before the arrival is a good one."""
    return GOOD_MIN[0] <= lead <= GOOD_MIN[1]


def points_above(ours: Marks, other: Marks, draws: int = 200) -> tuple[float, float]:
    """(how many points more calls in time, half the width of its 95 % interval), over trips drawn again."""
    pairs = [(good - rival, stops) for (_, good, stops), (_, rival, _) in zip(ours.by_trip, other.by_trip, strict=True)]

    def points(some: Sequence[tuple[int, int]]) -> float:
        return 100 * sum(more for more, _ in some) / max(1, sum(stops for _, stops in some))

    random = Random(1)
    drawn = sorted(points(random.choices(pairs, k=len(pairs))) for _ in range(draws)) if pairs else [0.0]
    return points(pairs), (drawn[int(0.975 * (len(drawn) - 1))] - drawn[int(0.025 * (len(drawn) - 1))]) / 2


def score_in_order(make: Callable[[Patterns], Any], city: City) -> Marks:
    """Known before each trip are only those that had ended."""
    predictor, marks, ends = make(city.patterns), Marks(), _recorded_until(city)
    under_way: list[tuple[float, int, Bus]] = []
    number = count()
    for trip in sorted(city.trips, key=lambda one: (one["t"][0], str(one["id"]))):
        ended = []
        while under_way and under_way[0][0] <= trip["t"][0]:
            ended.append(heapq.heappop(under_way)[2])
        predictor.learn(ended)
        _score_trip(predictor, trip, city, marks, ends[trip["day"]])
        heapq.heappush(under_way, (trip["t"][-1], next(number), trip))
    return marks


def score_folds(make: Callable[[Patterns], Any], city: City) -> Marks:
    """Known before each day are all other days, later ones too."""
    marks, ends = Marks(), _recorded_until(city)
    for day in city.days():
        predictor = make(city.patterns)
        predictor.learn([trip for trip in city.trips if trip["day"] != day])
        for trip in city.trips:
            if trip["day"] == day:
                _score_trip(predictor, trip, city, marks, ends[day])
    return marks


def _recorded_until(city: City) -> dict[Any, float]:
    ends: dict[Any, float] = {}
    for trip in city.trips:
        ends[trip["day"]] = max(ends.get(trip["day"], 0.0), trip["t"][-1])
    return ends


def _score_trip(predictor: Any, trip: Bus, city: City, marks: Marks, recorded_until: float) -> None:
    stops = city.patterns[trip["pattern"]]
    stops_m = [float(stop["d"]) for stop in stops]
    again = _called_at_before(stops)
    arrivals, called = city.arrivals(trip), dict[int, tuple[float, str]]()
    predicted, legs = set[int](), set[int]()
    moved_at, moved_m = trip["t"][0], trip["d"][0]
    predictor.start(trip["id"], trip["pattern"], trip["sched"])
    for at, place_m, lat, lon in zip(trip["t"], trip["d"], trip["lat"], trip["lon"], strict=True):
        predictor.report(at, place_m, lat, lon)
        if place_m - moved_m >= HELD_M:
            moved_at, moved_m = at, place_m
        ahead = bisect_right(stops_m, place_m)
        where = _kind(place_m, stops_m, ahead, at - moved_at)
        for stop in range(ahead, len(stops)):
            arrives_at = arrivals.get(stop)
            if arrives_at is not None and not 0 < arrives_at - at <= ASKED_S:
                continue
            kind = "second visit" if stop in again else where
            if arrives_at is not None and (eta := predictor.eta(stop)) is not None:
                predicted.add(stop)
                if BUCKET_S[0] < arrives_at - at <= BUCKET_S[1]:
                    marks.kinds[kind].errors.append((eta - arrives_at) / 60)
                    before_at, left_at = predictor.eta(stop - 1) if stop > ahead else None, arrivals.get(stop - 1)
                    if before_at is not None and left_at is not None and stop not in legs:
                        legs.add(stop)
                        marks.legs.append((eta - before_at, arrives_at - left_at))
            if stop not in called and predictor.call(stop):
                called[stop] = at, kind
    _settle(trip, arrivals, called, predicted, marks)
    marks.called += len(called)
    if recorded_until - trip["t"][-1] >= RECORDED_ON_S:
        marks.never_true += sum(stops_m[stop] - trip["d"][-1] >= LOST_M for stop in called)


def _settle(
    trip: Bus, arrivals: Mapping[int, float], called: Mapping[int, tuple[float, str]], predicted: set[int],
    marks: Marks,
) -> None:  # fmt: skip
    good = stops = 0
    for stop, arrives_at in arrivals.items():
        if arrives_at - trip["t"][0] < SCORED_AFTER_S:
            continue
        stops += 1
        if stop not in called:
            marks.never_called += 1
            marks.unpredicted += stop not in predicted
            continue
        called_at, kind = called[stop]
        lead = (arrives_at - called_at) / 60
        marks.kinds[kind].leads.append(lead)
        good += in_time(lead)
        marks.short += lead < SHORT_MIN
    marks.by_trip.append((trip["day"], good, stops))


def _kind(place_m: float, stops_m: Sequence[float], ahead: int, standing_s: float) -> str:
    if place_m <= stops_m[0] + AT_START_M:
        return "not begun"
    if standing_s >= HELD_S:
        return "held"
    return "first leg" if ahead <= 1 else "live"


def _called_at_before(stops: Sequence[Mapping[str, Any]]) -> set[int]:
    """The stops of a pattern where it has called before."""
    seen, again = set[str](), set[int]()
    for index, stop in enumerate(stops):
        if stop["stop_id"] in seen:
            again.add(index)
        seen.add(stop["stop_id"])
    return again
