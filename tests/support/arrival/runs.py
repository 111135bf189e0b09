"""Lamp leads and arrival errors in a world of trucks, of the product and of two simple ways.

The product's own tracker, history and prediction run on the positions that a truck would publish; the lamp is called
at a median of 16 minutes on two consecutive updates.
"""

import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

from broker.rules.arrival.prediction import Eta, Promises, predict
from broker.rules.arrival.walk import pace_of
from broker.rules.learning.history import History
from broker.rules.learning.observations import StartRecord
from broker.rules.settings import FirstStay, Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix, TrackKind, TrackVisit
from tests.support.arrival.scores import FRESH, UPDATE_S, Caller, Held, Scores, Simple
from tests.support.arrival.world import LATENCY_S, PUBLISH_S, WASTE, Trip, fixes, make_route, make_trip

CALL_AT_S = 960.0
BANDED_S = 60


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
    kept: list[tuple[int, int]] = []
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
                kept.append((trip.planned_at[indices[event.key]], event.at))
                if indices[event.key] == 0:
                    history.learn_start(StartRecord(route.route_id, event.at - trip.planned_at[0]))
                for error in promises.arrived(event.key, event.at):
                    history.learn_error(error)
                if scores:
                    scores.arrivals_seen += 1
                    scores.arrival_errors_s.append(event.at - trip.arrived_at[indices[event.key]])
        if now % UPDATE_S:
            continue
        begun = time.process_time()
        etas = predict(tracker, history, bins, now, pace=pace_of(kept))
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
        if rest_s > 0 and now % BANDED_S == 0:
            scores.bands[trip.day // 7, eta.label].note(eta, trip.arrived_at[index])
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
