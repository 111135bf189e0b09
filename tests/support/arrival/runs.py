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

from broker.rules.arrival.prediction import Eta, Promises, expected_stays, predict
from broker.rules.arrival.walk import pace_of
from broker.rules.learning.history import History
from broker.rules.learning.observations import StartRecord
from broker.rules.settings import FirstStay, Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix, TrackKind, TrackVisit
from tests.support.arrival.effects import Effects
from tests.support.arrival.oracle import Oracle
from tests.support.arrival.pupil import Pupil, School
from tests.support.arrival.scores import FRESH, JUDGED_S, UPDATE_S, Caller, Held, Score, Scores, Simple, kind_of
from tests.support.arrival.world import (
    LATENCY_S,
    ORDINARY,
    PUBLISH_S,
    ROOMS,
    WASTE,
    Trip,
    WorldRoute,
    fixes,
    make_route,
    make_trip,
)  # fmt: skip

CALL_AT_S = 960.0
BANDED_S = 60
TAKEN_APART_S = 300  # how often a prediction is taken apart into legs and stays
TIMED_S = 200  # how often a prediction is timed: asking for the processor's time may take longer than it


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


def second_visit(trip: Trip) -> TrackVisit:
    """The visit that makes up for the one whose lane stayed blocked, as the bridge inserts it after the last room."""
    assert trip.skipped is not None
    index, known_at = trip.skipped
    first = visits_of(trip)[index]
    return replace(
        first, key=(first.key[0], 2), planned_at=0, distance_m=None, skipped_here_at=int(known_at)
    )  # fmt: skip


def run_trip(
    trip: Trip, history: History, random: Random, scores: Scores | None, call_at_s: float, quick: bool = False,
    schools: Sequence[School] = (),
) -> None:  # fmt: skip
    """Drive one trip through tracker, history and prediction; score it if asked. `quick`: a trip that is not scored
    teaches streets and stays only, and no bands; `schools`: of a counter and of a pupil, to be scored too."""
    route = trip.world.route

    def expected_leg_s(route_id: str, from_room: str, to_room: str, length_m: float, at: int) -> float:
        return history.leg_s(route_id, from_room, to_room, length_m, at)[0]

    tracker = RunTracker(
        "run", route, "t01", visits_of(trip), trip.planned_at[0], history.streets, expected_leg_s=expected_leg_s
    )
    indices = {(room.room_id, 1): index for index, room in enumerate(trip.world.rooms)}
    again = None if trip.skipped is None else second_visit(trip)
    if again is not None:
        indices[again.key] = ROOMS
    bins = {(room_id, WASTE): count for room_id, count in trip.counted.items()}
    waiting = list(fixes(trip, random))
    simple = Simple(trip)
    pupils = [Pupil(trip, school) for school in schools]
    oracles = (Oracle(trip), Oracle(trip, sees_the_day=True), *pupils)
    judged = [scores.ours, scores.plan, scores.speed, scores.oracle, scores.seer] if scores else []
    judged += [scores.counter, scores.pupil] if scores and pupils else []
    callers = [Caller(score, trip, call_at_s) for score in judged]
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
        if again is not None and trip.skipped is not None and now >= trip.skipped[1]:
            gone = trip.world.rooms[trip.skipped[0]].room_id, 1
            tracker.set_visits([*(visit for visit in tracker.pending if visit.key != gone), again], now)
            again = None
        if now % UPDATE_S == 0:
            events += tracker.on_tick(now)
        for event in events:
            if event.leg is not None:
                history.learn_leg(event.leg)
            if event.dwell is not None:
                bins_there = trip.counted[event.dwell.room_id]
                history.learn_dwell(replace(event.dwell, bins=bins_there, route_id=route.route_id))
            if event.kind == TrackKind.HELD:
                held_at.append(now)
            if event.kind == TrackKind.ARRIVED and event.key is not None:
                if indices[event.key] < ROOMS:
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
        if scores is None and quick:
            continue
        timed = now % TIMED_S == 0
        begun = time.process_time() if timed else 0.0
        etas = predict(tracker, history, bins, now, pace=pace_of(kept))
        if scores and timed:
            scores.predict_s += time.process_time() - begun
            scores.predictions += 1
        promises.note(etas, now)
        if scores:
            score_update(scores, callers, oracles, simple, tracker, trip, etas, indices, now)
            if now % TAKEN_APART_S == 0:
                stays = expected_stays(tracker, history, bins, etas, now)
                take_apart(scores, oracles[0], trip, etas, stays, indices, now)
            watch_standing(scores.held, trip, etas, rests, indices, now, tracker.progress(now).fix)
    for pupil in pupils:
        pupil.see_until(ROOMS)
    if scores:
        scores.arrivals += len(trip.arrived_at)
        for caller in callers:
            caller.close(first_at)
        note_held(scores.held, trip, held_at, [fix[0] for fix in waiting])


def score_update(
    scores: Scores,
    callers: Sequence[Caller],
    oracles: Sequence[Oracle],
    simple: Simple,
    tracker: RunTracker,
    trip: Trip,
    etas: Sequence[Eta],
    indices: dict[tuple[str, int], int],
    now: int,
) -> None:
    """One update of all predictors."""
    if not etas:
        return
    state, first = tracker.progress(now), indices[etas[0].key]
    simple.note(now, state.along_m or 0.0)
    known = [oracle.arrivals(state, first, now) for oracle in oracles]
    for eta in etas:
        index, fresh = indices[eta.key], eta.label in FRESH
        kind = kind_of(eta.label, index, first)
        callers[0].update(index, eta.eta_at, now, fresh, kind)
        rest_s = trip.arrived_at[index] - now
        if rest_s > 0 and now % BANDED_S == 0:
            scores.bands[(trip.day - scores.first_day) // 7, eta.label].note(eta, trip.arrived_at[index])
        if index >= ROOMS:
            continue
        for caller, arrivals in zip(callers[3:], known, strict=True):
            if index in arrivals:
                caller.update(index, arrivals[index], now, fresh, kind)
        if rest_s <= 2400:
            callers[1].update(index, simple.by_plan(index, now), now, fresh, kind)
            callers[2].update(index, simple.by_speed(index, now), now, fresh, kind)


def take_apart(
    scores: Scores, oracle: Oracle, trip: Trip, etas: Sequence[Eta], stays: Sequence[int],
    indices: dict[tuple[str, int], int], now: int,
) -> None:  # fmt: skip
    """Legs and stays of what lies 10 to 15 minutes ahead, as they are expected now and as they came true."""
    for (before, stay_s), (eta, its_stay_s) in pairwise(zip(etas, stays, strict=False)):
        index = indices[eta.key]
        ahead_s = trip.arrived_at[index] - now
        if not JUDGED_S < ahead_s <= 1.5 * JUDGED_S or index >= ROOMS or indices[before.key] != index - 1:
            continue
        drove_s = trip.arrived_at[index] - trip.left_at[index - 1]
        stayed_s = trip.left_at[index] - trip.arrived_at[index]
        _note(scores.ours, (eta.eta_at - before.eta_at - stay_s, drove_s), (its_stay_s, stayed_s))
        _note(scores.oracle, (oracle.leg_s(index, trip.left_at[index - 1]), drove_s), (oracle.stay_s(index), stayed_s))


def _note(score: Score, leg: tuple[float, float], stay: tuple[float, float]) -> None:
    score.legs.append(leg)
    score.stays.append(stay)


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


def run_world(
    seed: int,
    learn_days: int,
    score_days: int,
    call_at_s: float = CALL_AT_S,
    effects: Effects = ORDINARY,
    skips: float = 0.0,
    history: History | None = None,
    quick: bool = False,
    ceiling: bool = False,
) -> Scores:
    """Learn some days, then score the following ones (they go on learning); `history` may begin with other guesses,
    `ceiling`: the best that what was seen allows is scored too."""
    random = Random(seed)
    worlds = [make_route(number, random) for number in range(4)]
    history, scores = history or History(Streets(), FirstStay()), Scores(first_day=learn_days, days=score_days)
    schools = [School(effects, told=told) for told in (True, False)] if ceiling else []
    for day in range(learn_days + score_days):
        for world in sorted(worlds, key=_start_s):
            scored = scores if day >= learn_days else None
            trip = make_trip(world, day, random, effects, skips)
            run_trip(trip, history, random, scored, call_at_s, quick, schools)
    return scores


def _start_s(world: WorldRoute) -> int:
    return world.start_s
