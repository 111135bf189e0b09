"""A truck in an area where nothing was ever learned, faster than everybody guessed: the guesses give way at once."""

from collections.abc import Iterator
from itertools import pairwise

from broker.rules.arrival.prediction import predict
from broker.rules.arrival.walk import pace_of
from broker.rules.learning.history import History
from broker.rules.settings import FirstStay, Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix, TrackKind
from tests.support.road import place, road, room

ROOMS, GAP_M = 9, 600.0
SPEED_MPS, STAY_S = 6.0, 90  # as it is
GUESSED_MPS, PLANNED_STAY_S = 5.0, 120
BEGIN_AT = 1_790_000_000
CALL_AT_S, EVERY_S = 960, 5


def drive() -> Iterator[tuple[int, float, float]]:
    """(second, metres along, speed) of the truck, each five seconds."""
    turns = [(BEGIN_AT - 60.0, 0.0), (float(BEGIN_AT), 0.0)]
    for number in range(1, ROOMS + 1):
        turns.append((turns[-1][0] + GAP_M / SPEED_MPS, number * GAP_M))
        turns.append((turns[-1][0] + STAY_S, number * GAP_M))
    turns.append((turns[-1][0] + 60, ROOMS * GAP_M + 360))
    for (at, from_m), (until, to_m) in pairwise(turns):
        for second in range(round(at), round(until), EVERY_S):
            speed_mps = (to_m - from_m) / (until - at)
            yield second, from_m + speed_mps * (second - at), speed_mps


def arrives_at(number: int) -> float:
    """When it comes to the room of this number, from 1."""
    return BEGIN_AT + number * GAP_M / SPEED_MPS + (number - 1) * STAY_S


def test_after_three_rooms_the_next_is_known_and_the_later_ones_are_called_in_time() -> None:
    """6 m/s and stays of 90 s, where 5 m/s and 120 s are planned and more is guessed."""
    history = History(Streets(speed_mps=GUESSED_MPS), FirstStay())
    planned = [round(BEGIN_AT + n * GAP_M / GUESSED_MPS + (n - 1) * PLANNED_STAY_S) for n in range(1, ROOMS + 1)]
    owed = [room(number, number * GAP_M, planned[number - 1]) for number in range(1, ROOMS + 1)]
    tracker = RunTracker("run", road(), "t01", owed, BEGIN_AT, history.streets)
    kept: list[tuple[int, int]] = []
    wrong_s: list[float] = []
    called: dict[int, float] = {}
    for now, along_m, speed_mps in drive():
        for event in tracker.on_fix(GpsFix(now, *place(along_m), speed_mps)):
            if event.leg is not None:
                history.learn_leg(event.leg)
            if event.dwell is not None:
                history.learn_dwell(event.dwell)
            if event.kind == TrackKind.ARRIVED and event.key is not None:
                kept.append((planned[int(event.key[0][1:]) - 1], event.at))
        etas = {int(eta.key[0][1:]): eta.eta_at for eta in predict(tracker, history, {}, now, pace=pace_of(kept))}
        for number, eta_at in etas.items():
            if number not in called and eta_at - now <= CALL_AT_S:
                called[number] = (arrives_at(number) - now) / 60
        if kept and kept[-1][1] == now and len(kept) < ROOMS:
            wrong_s.append(abs(etas[len(kept) + 1] - arrives_at(len(kept) + 1)))
    assert wrong_s[0] > 60  # nothing was known yet
    assert max(wrong_s[3:]) <= 10
    assert all(13.5 <= called[number] <= 19.5 for number in range(7, ROOMS + 1)), called


def test_a_blocked_lane_is_no_pace() -> None:
    """Of the minutes from visit to visit the middle counts, and one alone never more than twice the timetable."""
    assert pace_of([]) == pace_of([(0, 100)]) == 1.0
    assert pace_of([(0, 0), (100, 80)]) == (0.8 + 0.5) / 1.5
    assert pace_of([(0, 0), (100, 3000)]) == (2.0 + 0.5) / 1.5
    assert abs(pace_of([(0, 0), (100, 80), (200, 1800), (300, 1880)]) - (0.8 * 3 + 0.5) / 3.5) < 1e-9
    assert pace_of([(0, 50), (100, 40), (100, 90)]) == 1.0  # in another order, and two at one time
