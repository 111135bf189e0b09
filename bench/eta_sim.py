"""Lamp leads and arrival errors in a world of trucks, against constant speed and timetable + delay, as ratios.

    .venv/bin/python -m bench.eta_sim [SEEDS] [LEARN_DAYS] [SCORE_DAYS]        (default 3 10 25)

The product's own tracker, history and prediction run on the positions that a truck would publish; the lamp is called
at a median of 16 minutes on two consecutive updates. The goals are those of research, section 6.
"""

import sys
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random
from statistics import fmean

from bench.eta_world import LATENCY_S, PUBLISH_S, WASTE, Trip, fixes, make_route, make_trip
from broker.rules.arrival.prediction import Eta, Promises, predict
from broker.rules.learning.history import History
from broker.rules.settings import FirstStay, Streets
from broker.rules.tracking.tracker import GpsFix, RunTracker, TrackKind, TrackVisit

UPDATE_S = 10
CALL_AT_S = 960.0
SPEED_WINDOW_S = 900
FRESH = ("live", "history", "timetable")


@dataclass(slots=True)
class Score:
    """What one predictor did: leads in minutes (None = never called), errors in seconds by horizon bucket."""

    leads: list[float | None] = field(default_factory=list)
    errors: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    flips: int = 0
    in_band: int = 0
    banded: int = 0

    def share(self, low: float, high: float) -> float:
        """The share of calls with a lead between two minutes."""
        return sum(lead is not None and low <= lead <= high for lead in self.leads) / max(1, len(self.leads))

    def tolerated(self, bucket: int, low_s: float, high_s: float) -> float:
        """The share of predictions, made one minute early, that the arrival missed by -low..+high."""
        errors = self.errors[bucket]
        return sum(low_s <= error + 60 <= high_s for error in errors) / max(1, len(errors))


BUCKETS_S = ((0, 180, -30, 90), (180, 360, -60, 150), (360, 600, -60, 210), (600, 900, -90, 270))


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
    held: Held = field(default_factory=Held)
    arrivals: int = 0
    arrivals_seen: int = 0
    arrival_errors_s: list[float] = field(default_factory=list)
    predict_s: float = 0.0
    predictions: int = 0


class Simple:
    """The two simple predictors, fed by the tracker's place alone."""

    def __init__(self, trip: Trip) -> None:
        self._rooms_m = [room.along_m for room in trip.world.rooms]
        self._planned_at = trip.planned_at
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
        self._called_at: dict[int, int] = {}
        self._lit: set[int] = set()

    def update(self, index: int, eta: float, now: int, fresh: bool) -> None:
        """One prediction for one room."""
        rest_s = self._trip.arrived_at[index] - now
        if rest_s <= 0:
            return
        for low, high, _, _ in BUCKETS_S:
            if low < rest_s <= high:
                self._score.errors[low].append(self._trip.arrived_at[index] - eta)
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
            self._called_at.setdefault(index, now)
            self._lit.add(index)

    def close(self, first_at: int) -> None:
        """The run is over: every room that could be called in time counts."""
        for index, arrived_at in enumerate(self._trip.arrived_at):
            if arrived_at - first_at >= 1200:
                called_at = self._called_at.get(index)
                self._score.leads.append(None if called_at is None else (arrived_at - called_at) / 60)


def visits_of(trip: Trip) -> list[TrackVisit]:
    """The run's visits as the bridge knows them."""
    line, visits = trip.world.route.line, []
    for room, planned_at in zip(trip.world.rooms, trip.planned_at, strict=True):
        index = bisect_left(trip.world.cumulative, room.along_m)
        share = (room.along_m - trip.world.cumulative[index - 1]) / (
            trip.world.cumulative[index] - trip.world.cumulative[index - 1]
        )
        (lat1, lon1), (lat2, lon2) = line[index - 1], line[index]
        place = (lat1 + share * (lat2 - lat1), lon1 + share * (lon2 - lon1))
        visits.append(TrackVisit((room.room_id, 1), *place, WASTE, planned_at, None, room.along_m))
    return visits


def run_trip(trip: Trip, history: History, random: Random, scores: Scores | None, call_at_s: float) -> None:
    """Drive one trip through tracker, history and prediction; score it if asked."""
    route = trip.world.route

    def expected_leg_s(route_id: str, from_room: str, to_room: str, length_m: float, at: int) -> float:
        return history.leg_s(route_id, from_room, to_room, length_m, at)[0]

    tracker = RunTracker(
        "run", route, "t01", visits_of(trip), trip.planned_at[0], history.streets, expected_leg_s=expected_leg_s
    )
    indices = {(room.room_id, 1): index for index, room in enumerate(trip.world.rooms)}
    bins = {(room_id, WASTE): count for room_id, count in trip.counted.items()}
    waiting = list(fixes(trip, random))
    simple = Simple(trip)
    callers = [Caller(score, trip, call_at_s) for score in (scores.ours, scores.plan, scores.speed)] if scores else []
    promises = Promises()
    first_at = int(trip.track[0][0]) + 1
    held_at: list[int] = []
    rests: dict[int, float] = {}
    next_fix = 0
    for now in range(first_at, int(trip.track[-1][0]) + 1):
        events = []
        while next_fix < len(waiting) and waiting[next_fix][0] + LATENCY_S <= now:
            second, lat, lon, speed_mps = waiting[next_fix]
            events += tracker.on_fix(GpsFix(second, lat, lon, speed_mps))
            next_fix += 1
        if now % UPDATE_S == 0:
            events += tracker.on_tick(now)
        for event in events:
            if event.leg is not None:
                history.learn_leg(event.leg)
            if event.dwell is not None:
                history.learn_dwell(replace(event.dwell, bins=trip.counted[event.dwell.room_id]))
            if event.kind == TrackKind.HELD:
                held_at.append(now)
            if event.kind == TrackKind.ARRIVED and event.key is not None:
                for error in promises.arrived(event.key, event.at):
                    history.learn_error(error)
                if scores:
                    scores.arrivals_seen += 1
                    scores.arrival_errors_s.append(event.at - trip.arrived_at[indices[event.key]])
        if now % UPDATE_S:
            continue
        begun = time.process_time()
        etas = predict(tracker, history, bins, now)
        spent_s = time.process_time() - begun
        promises.note(etas, now)
        if scores:
            scores.predict_s += spent_s
            scores.predictions += 1
            score_update(scores, callers, simple, tracker, trip, etas, indices, now)
            watch_standing(scores.held, trip, etas, rests, indices, now, tracker.progress(now).fix)
    if scores:
        scores.arrivals += len(trip.arrived_at)
        for caller in callers:
            caller.close(first_at)
        note_held(scores.held, trip, held_at, [fix[0] for fix in waiting])


def score_update(
    scores: Scores,
    callers: Sequence[Caller],
    simple: Simple,
    tracker: RunTracker,
    trip: Trip,
    etas: Iterable[Eta],
    indices: dict[tuple[str, int], int],
    now: int,
) -> None:
    """One update of all three predictors."""
    simple.note(now, tracker.progress(now).along_m or 0.0)
    for eta in etas:
        index = indices[eta.key]
        fresh = eta.label in FRESH
        callers[0].update(index, eta.eta_at, now, fresh)
        rest_s = trip.arrived_at[index] - now
        if 600 < rest_s <= 900:
            scores.ours.banded += 1
            scores.ours.in_band += eta.early_at <= trip.arrived_at[index] <= eta.late_at
        if rest_s <= 2400:
            callers[1].update(index, simple.by_plan(index, now), now, fresh)
            callers[2].update(index, simple.by_speed(index, now), now, fresh)


def watch_standing(
    held: Held,
    trip: Trip,
    etas: Iterable[Eta],
    rests: dict[int, float],
    indices: dict[tuple[str, int], int],
    now: int,
    fix: GpsFix | None,
) -> None:
    """While the truck is known to stand in a blocked lane no remaining time may fall (by over 5 s and 1 %)."""
    standing = fix is not None and any(begin + 1 < fix.fix_at and now <= end - 5 for begin, end in trip.blocked)
    if not standing:
        rests.clear()
        return
    for eta in etas:
        index, rest_s = indices[eta.key], eta.eta_at - now
        if eta.label in ("held", "live") and index in rests:
            held.watched += 1
            held.fell += rest_s < rests[index] - max(5, 0.01 * rests[index])
        rests[index] = rest_s


def note_held(held: Held, trip: Trip, held_at: Sequence[int], heard_at: Sequence[int]) -> None:
    """How soon each blocked lane of more than three minutes was shown; a silent truck cannot be known to stand."""
    for begin, end in trip.blocked:
        if end - begin < 190:
            continue
        shown = [at for at in held_at if begin <= at <= end + 5]
        heard = [begin, *(at for at in heard_at if begin < at < begin + 180), begin + 180]
        if max(later - earlier for earlier, later in pairwise(heard)) > 2 * PUBLISH_S:
            held.silent += 1
        elif shown:
            held.shown_after_s.append(shown[0] - begin)
        else:
            held.missed += 1


def run_world(seed: int, learn_days: int, score_days: int, call_at_s: float = CALL_AT_S) -> Scores:
    """Learn some days, then score the following ones (they go on learning)."""
    random = Random(seed)
    worlds = [make_route(number, random) for number in range(4)]
    history, scores = History(Streets(), FirstStay()), Scores()
    for day in range(learn_days + score_days):
        for world in sorted(worlds, key=lambda each: each.start_s):
            scored = scores if day >= learn_days else None
            run_trip(make_trip(world, day, random), history, random, scored, call_at_s)
    return scores


def row(name: str, score: Score) -> str:
    """One predictor's figures."""
    errors = [abs(error) / 60 for error in score.errors[600]]
    bucket_shares = [score.tolerated(low, early, late) for low, _, early, late in BUCKETS_S]
    return (
        f"  {name:16s} MAE 10-15 {fmean(errors):.2f} min | lead 13.5-19.5 {score.share(13.5, 19.5):.3f}"
        f"  13-17 {score.share(13, 17):.3f}  11-21 {score.share(11, 21):.3f}  <10 {score.share(0, 10):.4f}"
        f" | score {fmean(bucket_shares):.3f} band {bucket_shares[-1]:.3f}"
        f" | flips/call {score.flips / max(1, len(score.leads)):.3f}"
    )


def main() -> None:
    """Print the table for each seed."""
    seeds, learn_days, score_days = ([int(each) for each in sys.argv[1:]] + [3, 10, 25][len(sys.argv) - 1 :])[:3]
    for seed in range(1, seeds + 1):
        scores = run_world(seed, learn_days, score_days)
        ours, held = scores.ours, scores.held
        print(f"seed {seed}, {learn_days} days learnt, {score_days} scored, lamp at 16 min: {len(ours.leads)} calls")
        print(row("zhanpai", ours))
        print(row("timetable+delay", scores.plan))
        print(row("constant speed", scores.speed))
        arrival_errors = sorted(abs(each) for each in scores.arrival_errors_s)
        shown = sorted(held.shown_after_s)
        print(
            f"  80 % band covers {ours.in_band / max(1, ours.banded):.3f}"
            f" | arrivals seen {scores.arrivals_seen}/{scores.arrivals},"
            f" off by p95 {arrival_errors[int(0.95 * len(arrival_errors))]:.0f} s"
            f" | predict {1000 * scores.predict_s / scores.predictions:.2f} ms"
            f"\n  held: {len(shown)} blocked lanes shown after at most {shown[-1] if shown else 0:.0f} s,"
            f" {held.missed} not shown, {held.silent} silent; remaining time fell {held.fell} of {held.watched} times",
            flush=True,
        )
        cold = run_world(seed, 0, 7, 900.0)
        print(f"  first week, nothing learnt, lamp at 15 min\n{row('zhanpai', cold.ours)}", flush=True)


if __name__ == "__main__":
    main()
