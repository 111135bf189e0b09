"""Predictions: what they rest on, that they never count down while nothing moves, and what they cost."""

import time
from itertools import pairwise

import pytest

from broker.rules.arrival.prediction import Eta, Promises, predict
from broker.rules.learning.history import History
from broker.rules.learning.observations import DwellRecord, ErrorRecord, LegRecord
from broker.rules.settings import FirstStay, Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix
from tests.support.road import WASTE, Drive, place, road, room


def rooms(count: int = 4, gap_m: float = 1000.0, planned_from: int = 1200) -> list:
    """Rooms one kilometre apart, planned five minutes apart."""
    return [room(number, gap_m * number, planned_from + 300 * (number - 1)) for number in range(1, count + 1)]


def ask(drive: Drive, history: History | None = None, bins: dict | None = None, later_s: int = 0) -> list[Eta]:
    """The predictions of now (or a while later, with nothing heard since)."""
    return predict(drive.tracker, history or History(Streets(), FirstStay()), bins or {}, drive.now + later_s)


def test_under_way_it_is_live_and_in_order() -> None:
    """A moving truck's rooms are predicted in order, live, each within its band."""
    etas = ask(Drive(rooms()).go(500))
    assert [eta.key[0] for eta in etas] == ["r01", "r02", "r03", "r04"]
    assert {eta.label for eta in etas} == {"live"}
    assert all(eta.early_at <= eta.eta_at <= eta.late_at for eta in etas)
    assert [eta.eta_at for eta in etas] == sorted(eta.eta_at for eta in etas)


def test_the_next_room_by_what_was_learned() -> None:
    """Half of a learned leg of 200 s is left as 100 s."""
    history = History(Streets(), FirstStay())
    for day in range(30):
        history.learn_leg(LegRecord("road", "r01", "r02", 200, 1_790_000_000 + 86_400 * day, "t", length_m=1000.0))
    drive = Drive(rooms(), depart_at=1_790_000_000 + 86_400 * 31).go(1000).stand(60).go(1500)
    (eta, *_) = ask(drive, history)
    assert eta.key == ("r02", 1)
    assert abs(eta.eta_at - drive.now - 100) <= 10


def test_bins_move_the_later_rooms() -> None:
    """Ten bins more at one room move every room after it, and none before it."""
    drive = Drive(rooms()).go(500)
    few = ask(drive, bins={("r02", WASTE): 1})
    many = ask(drive, bins={("r02", WASTE): 11})
    moved = [late.eta_at - early.eta_at for early, late in zip(few, many, strict=True)]
    assert moved[:2] == [0, 0]
    assert moved[2] >= 100
    assert abs(moved[2] - moved[3]) <= 2


def test_before_the_run_it_is_the_timetable() -> None:
    """A truck at the depot is expected by plan, and after the plan's time from now on."""
    drive = Drive(rooms(planned_from=5300), depart_at=5000)
    drive.now = 4000
    early = ask(drive)
    assert {eta.label for eta in early} == {"timetable"}
    assert abs(early[0].eta_at - 5300) <= 1
    drive.now = 6000
    drive.fix(0.0)
    late = ask(drive)
    assert late[0].label == "timetable"
    assert late[0].eta_at >= 6000 + 100


def test_a_truck_never_heard_of() -> None:
    """Without any position there is still the plan, labelled as such."""
    tracker = RunTracker("run", road(), "t01", rooms(), 1000, Streets())
    etas = predict(tracker, History(Streets(), FirstStay()), {}, 500)
    assert [eta.label for eta in etas] == ["timetable"] * 4
    assert etas[0].eta_at == 1200


def test_cold_stays_and_legs_meet_the_plan_half_way() -> None:
    """Where nothing was learned, the gap between two rooms is the mean of first guess and plan."""
    drive = Drive(rooms(gap_m=1000, planned_from=5300), depart_at=5000)
    drive.now = 4000
    etas = ask(drive, bins={("r01", WASTE): 4})
    guess_s = 200 + 60 + 4 * 25
    assert abs((etas[1].eta_at - etas[0].eta_at) - (300 + guess_s) / 2) <= 2


def test_a_held_truck_never_counts_down() -> None:
    """While a truck stands in a blocked lane no remaining time falls; from `held` on it is what lanes usually take."""
    drive = Drive(rooms()).go(1400)
    rests: list[list[int]] = []
    labels = []
    for _ in range(60):
        drive.stand(10)
        etas = ask(drive)
        labels.append(etas[0].label)
        rests.append([eta.eta_at - drive.now for eta in etas])
    assert all(
        later >= earlier for before, after in pairwise(rests)
        for earlier, later in zip(before, after, strict=True)
    )
    assert labels[-1] == "held"
    assert rests[-1][0] >= 300
    drive.stand(2000)
    assert ask(drive)[0].eta_at - drive.now > rests[-1][0] + 100  # and the longer it lasts beyond that the longer


def test_how_long_a_lane_stays_blocked_is_learned_from_drives_that_took_far_too_long() -> None:
    """After ten that were free after ten minutes more, one that has just been held will take as long."""
    history, drive = History(Streets(), FirstStay()), Drive(rooms()).go(1400).stand(200)
    first = ask(drive, history)[0]
    for day in range(30):
        took_s = 1000 if day % 3 == 2 else 200
        history.learn_leg(LegRecord("road", "r07", "r08", took_s, 86_400 * day, "t", length_m=1000.0))
    assert first.label == "held"
    assert 150 < ask(drive, history)[0].eta_at - first.eta_at < 250


def test_a_truck_that_fell_silent_at_a_room_is_taken_to_leave_it_in_time() -> None:
    """All rooms keep their times, but none is reached before the truck says so."""
    drive = Drive(rooms()).go(1000).stand(50)
    heard = ask(drive)
    silent = ask(drive, later_s=170)
    assert {eta.label for eta in silent} == {"history"}
    assert all(abs(later.eta_at - eta.eta_at) <= 2 for later, eta in zip(silent, heard, strict=True))
    long_silent = ask(drive, later_s=900)
    assert long_silent[1].eta_at - (drive.now + 900) == 5  # 25 m to the room at 5 m/s
    assert all(abs(later.eta_at - eta.eta_at) <= 2 for later, eta in zip(long_silent[4:], heard[4:], strict=True))


def test_the_button_is_believed_at_once() -> None:
    """After the button the label is held, at the very next prediction."""
    drive = Drive(rooms()).go(1400)
    drive.tracker.hold(drive.now)
    assert {eta.label for eta in ask(drive)} == {"held"}


def test_a_silent_moving_truck_goes_on_but_not_into_the_stop() -> None:
    """Silent on the move: the arrival keeps its time, but the truck is never there before it says so."""
    drive = Drive(rooms()).go(500)
    first = ask(drive)
    later = ask(drive, later_s=80)
    much_later = ask(drive, later_s=150)
    assert later[0].label == "live"
    assert later[0].eta_at == first[0].eta_at
    assert much_later[0].label == "history"
    assert much_later[0].eta_at - (drive.now + 150) >= 4
    assert (much_later[3].late_at - much_later[3].eta_at) > (
        first[3].late_at - first[3].eta_at
    ) * 0.9


def test_a_long_silence_is_stale() -> None:
    """After 180 s of silence nothing is live any more and nothing counts down."""
    drive = Drive(rooms()).go(500)
    one, two = ask(drive, later_s=300), ask(drive, later_s=400)
    assert {eta.label for eta in one + two} == {"stale"}
    assert two[0].eta_at - one[0].eta_at == 100


def test_at_a_stop_the_rest_of_the_stay_counts() -> None:
    """At a stop the first answer is the arrival itself; the next room waits for the rest of the stay, never none."""
    history = History(Streets(), FirstStay())
    for day in range(20):
        history.learn_dwell(DwellRecord("r01", WASTE, 200, 4, 1_790_000_000 + day * 86_400))
    drive = Drive(rooms(), depart_at=1_790_000_000 + 86_400 * 30).go(1000).stand(50)
    there, following, *_ = ask(drive, history, {("r01", WASTE): 4})
    assert there.eta_at == there.early_at == there.late_at
    early_gap_s = following.eta_at - drive.now
    drive.stand(300)
    _, following, *_ = ask(drive, history, {("r01", WASTE): 4})
    late_gap_s = following.eta_at - drive.now
    assert early_gap_s > late_gap_s > 200
    drive.stand(300)
    _, following, *_ = ask(drive, history, {("r01", WASTE): 4})
    assert following.eta_at - drive.now >= late_gap_s


def test_not_before_the_lane_can_be_clear() -> None:
    """A second visit is not promised before its time, and the rooms after it move with it."""
    visits = rooms()
    visits[1] = room(2, 2000, 1500, not_before_at=5000)
    etas = ask(Drive(visits).go(500))
    assert etas[1].eta_at == 5000
    assert etas[2].eta_at > 5000 + 100


def test_off_route_widens_the_band() -> None:
    """Beside its line a truck is predicted straight to the next room, labelled, with twice the band."""
    drive = Drive(rooms()).go(500)
    for _ in range(6):
        drive.now, drive.at_m, drive.beside_m = drive.now + 20, drive.at_m + 20, 300.0
        drive.fix(3.0)
    etas = ask(drive)
    assert {eta.label for eta in etas} == {"off_route"}
    rest_s = etas[3].eta_at - drive.now
    assert abs((etas[3].late_at - etas[3].eta_at) - 0.5 * rest_s) <= 2


def test_visits_without_a_plan() -> None:
    """Visits that no timetable names are predicted all the same."""
    drive = Drive([room(1, 1000), room(2, 2000)]).go(500)
    etas = ask(drive)
    assert [eta.key[0] for eta in etas] == ["r01", "r02"]
    assert drive.now < etas[0].eta_at < etas[1].eta_at


def test_nothing_owed_nothing_predicted() -> None:
    """A run that owes nothing has no arrivals."""
    assert ask(Drive([])) == []


def test_promises_become_errors() -> None:
    """Predictions are remembered once a minute, those of what is far away less often, and scored once, on arrival."""
    promises = Promises()
    key = ("r01", 1)
    for now in range(0, 400, 10):
        promises.note([Eta(key, 1400, 1300, 1500, "live")], now)
    promises.note([Eta(key, 2000, 1900, 2100, "stale")], 560)
    near = [ErrorRecord(1400 - made_at, 30, "live", True) for made_at in (0, 180, 240, 300, 360)]
    assert promises.arrived(key, 1430) == [*near, ErrorRecord(1440, -570, "stale", False)]
    assert promises.arrived(key, 1430) == []


def test_an_arrival_that_should_have_been_is_no_promise() -> None:
    """It says that the truck is here, and is never wrong."""
    promises = Promises()
    promises.note([Eta(("r01", 1), 1000, 900, 1100, "live")], 1000)
    assert promises.arrived(("r01", 1), 1000) == []


def test_the_same_input_gives_the_same_answer() -> None:
    """Two histories and trackers fed alike predict alike: a day can be replayed."""
    answers = []
    for _ in range(2):
        history = History(Streets(), FirstStay())
        for day in range(5):
            history.learn_leg(LegRecord("road", "r01", "r02", 150 + day, 86_400 * day, "t", length_m=1000.0))
        answers.append(ask(Drive(rooms()).go(1000).stand(60).go(1200), history))
    assert answers[0] == answers[1]


def test_a_prediction_costs_little() -> None:
    """Twenty rooms cost under a millisecond of processor time (5 ms here, for slow machines)."""
    history = History(Streets(), FirstStay())
    for number in range(20):
        for day in range(40):
            at = 1_790_000_000 + day * 86_400
            history.learn_leg(LegRecord("road", f"r{number:02d}", f"r{number + 1:02d}", 150, at, "t", length_m=500.0))
            history.learn_dwell(DwellRecord(f"r{number:02d}", WASTE, 150, 4, at))
    drive = Drive(rooms(20, 500), depart_at=1_790_000_000 + 86_400 * 41, route=road(12_000)).go(250)
    bins = {(f"r{number:02d}", WASTE): 4 for number in range(21)}
    predict(drive.tracker, history, bins, drive.now)
    begun = time.process_time()
    for step in range(50):
        predict(drive.tracker, history, bins, drive.now + step)
    assert (time.process_time() - begun) / 50 < 0.005


@pytest.mark.parametrize("age_s", [0, 60, 120, 600])
def test_no_arrival_lies_in_the_past(age_s: int) -> None:
    """Whatever the age of the position, nothing is predicted for a moment that has passed."""
    drive = Drive(rooms()).go(990)
    lat, lon = place(995)
    drive.tracker.on_fix(GpsFix(drive.now + 1, lat, lon, 8.0))
    for eta in ask(drive, later_s=1 + age_s)[1:]:
        assert eta.eta_at >= drive.now + 1 + age_s
        assert eta.early_at >= drive.now + 1 + age_s
