"""How well arrivals were foretold and lamps called, and the two simple predictors the product is held against."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from statistics import fmean

from broker.rules.arrival.prediction import Eta
from tests.support.arrival.in_order import Kind
from tests.support.arrival.world import ROOMS, Trip

UPDATE_S = 10
SPEED_WINDOW_S = 900
FRESH = ("live", "history", "timetable")
JUDGED_S = 600  # the bucket of 10 to 15 minutes


def kind_of(label: str, index: int, first_owed: int) -> str:
    """What a prediction rested on, in the words of the bench of buses; what they have no word for keeps its label."""
    if index >= ROOMS:
        return "second visit"
    if label == "live":
        return "first leg" if first_owed == 0 else "live"
    return {"timetable": "not begun", "history": "silent"}.get(label, label)


@dataclass(slots=True)
class Score:
    """What one predictor did: leads in minutes (None = never called), errors in seconds by horizon bucket."""

    leads: list[float | None] = field(default_factory=list)
    errors: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    flips: int = 0
    kinds: dict[str, Kind] = field(default_factory=lambda: defaultdict(Kind))
    by_day: dict[int, list[float | None]] = field(default_factory=lambda: defaultdict(list))
    unpredicted: int = 0  # reached, and nobody ever said when
    called: int = 0
    never_true: int = 0  # called, and nobody came
    legs: list[tuple[float, float]] = field(default_factory=list)  # expected 10 to 15 minutes before, and true seconds
    stays: list[tuple[float, float]] = field(default_factory=list)

    def mae_min(self) -> float:
        """Mean minutes off of predictions 10 to 15 minutes ahead."""
        return fmean(abs(error) / 60 for error in self.errors[JUDGED_S]) if self.errors[JUDGED_S] else inf

    def share_of(self, days: Iterable[int]) -> float:
        """The share of calls 13.5 to 19.5 minutes ahead on these days."""
        leads = [lead for day in days for lead in self.by_day.get(day, ())]
        return sum(lead is not None and 13.5 <= lead <= 19.5 for lead in leads) / max(1, len(leads))

    def share(self, low: float, high: float) -> float:
        """The share of calls with a lead between two minutes."""
        return sum(lead is not None and low <= lead <= high for lead in self.leads) / max(1, len(self.leads))

    def tolerated(self, bucket: int, low_s: float, high_s: float) -> float:
        """The share of predictions, made one minute early, that the arrival missed by -low..+high."""
        errors = self.errors[bucket]
        return sum(low_s <= error + 60 <= high_s for error in errors) / max(1, len(errors))


BUCKETS_S = ((0, 180, -30, 90), (180, 360, -60, 150), (360, 600, -60, 210), (600, 900, -90, 270))


@dataclass(slots=True)
class Band:
    """The predictions of one label in one week: how many, how many that came true within their band, its widths."""

    count: int = 0
    inside: int = 0
    width_s: int = 0

    def note(self, eta: Eta, arrived_at: float) -> None:
        """One prediction, and when it came true."""
        self.count += 1
        self.inside += eta.early_at <= arrived_at <= eta.late_at
        self.width_s += eta.late_at - eta.early_at


@dataclass(slots=True)
class Held:
    """How a standing truck was shown: seconds until `held`, and how often a remaining time fell meanwhile."""

    shown_after_s: list[float] = field(default_factory=list)
    missed: int = 0
    silent: int = 0
    fell: int = 0
    watched: int = 0


@dataclass(slots=True)
class Scores:
    """All that one world showed."""

    ours: Score = field(default_factory=Score)
    plan: Score = field(default_factory=Score)
    speed: Score = field(default_factory=Score)
    oracle: Score = field(default_factory=Score)
    seer: Score = field(default_factory=Score)
    first_day: int = 0  # weeks count from here
    days: int = 0
    counter: Score = field(default_factory=Score)
    pupil: Score = field(default_factory=Score)
    held: Held = field(default_factory=Held)
    bands: dict[tuple[int, str], Band] = field(default_factory=lambda: defaultdict(Band))  # by week and label
    arrivals: int = 0
    arrivals_seen: int = 0
    arrival_errors_s: list[float] = field(default_factory=list)
    predict_s: float = 0.0
    predictions: int = 0


class Simple:
    """The two simple predictors, fed by the tracker's place alone."""

    def __init__(self, trip: Trip) -> None:
        self._rooms_m = [room.along_m for room in trip.world.rooms]
        self._planned_at = trip.planned_at  # of a second visit there is none
        self._times: list[int] = []
        self._places_m: list[float] = []

    def note(self, now: int, place_m: float) -> None:
        """The truck is at `place_m`."""
        self._times.append(now)
        self._places_m.append(place_m)

    def by_speed(self, index: int, now: int) -> float:
        """Distance left at the mean speed of the last quarter of an hour."""
        first = bisect_left(self._times, now - SPEED_WINDOW_S)
        span_s = self._times[-1] - self._times[first]
        speed_mps = (self._places_m[-1] - self._places_m[first]) / span_s if span_s >= 60 else 2.0
        return now + (self._rooms_m[index] - self._places_m[-1]) / max(0.3, speed_mps)

    def by_plan(self, index: int, now: int) -> float:
        """The timetable shifted by the delay at the present place."""
        place_m = self._places_m[-1]
        ahead = bisect_left(self._rooms_m, place_m)
        if ahead == 0:
            return max(self._planned_at[index], now + self._planned_at[index] - self._planned_at[0])
        if ahead == len(self._rooms_m):
            return now
        span_m = self._rooms_m[ahead] - self._rooms_m[ahead - 1]
        share = (place_m - self._rooms_m[ahead - 1]) / span_m if span_m else 0.0
        on_plan = self._planned_at[ahead - 1] + share * (self._planned_at[ahead] - self._planned_at[ahead - 1])
        return now + max(0.0, self._planned_at[index] - on_plan)


class Caller:
    """Calls each room once, and counts how often an unlatched lamp would have gone dark again."""

    def __init__(self, score: Score, trip: Trip, call_at_s: float) -> None:
        self._score = score
        self._call_at_s = call_at_s
        self._trip = trip
        self._below_since: dict[int, int] = {}
        self._called_at: dict[int, tuple[int, str]] = {}
        self._lit: set[int] = set()
        self._predicted: set[int] = set()

    def update(self, index: int, eta: float, now: int, fresh: bool, kind: str = "live") -> None:
        """One prediction for one room, and what it rested on."""
        self._predicted.add(index)
        rest_s = self._trip.arrived_at[index] - now
        if rest_s <= 0:
            return
        for low, high, _, _ in BUCKETS_S:
            if low < rest_s <= high:
                self._score.errors[low].append(self._trip.arrived_at[index] - eta)
                if low == JUDGED_S:
                    self._score.kinds[kind].errors.append((eta - self._trip.arrived_at[index]) / 60)
        if not fresh:
            self._below_since.pop(index, None)
            return
        if eta - now > self._call_at_s:
            self._below_since.pop(index, None)
            if index in self._lit:
                self._lit.discard(index)
                self._score.flips += 1
            return
        since = self._below_since.setdefault(index, now)
        if now - since >= UPDATE_S:
            self._called_at.setdefault(index, (now, kind))
            self._lit.add(index)

    def close(self, first_at: int) -> None:
        """The run is over: every room that could be called in time counts."""
        score = self._score
        score.called += len(self._called_at)
        for index, arrived_at in enumerate(self._trip.arrived_at):
            called_at, kind = self._called_at.get(index, (None, ""))
            if arrived_at == inf:
                score.never_true += called_at is not None
            elif arrived_at - first_at >= 1200:
                lead = None if called_at is None else (arrived_at - called_at) / 60
                score.leads.append(lead)
                score.by_day[self._trip.day].append(lead)
                score.unpredicted += index not in self._predicted
                if lead is not None:
                    score.kinds[kind].leads.append(lead)
