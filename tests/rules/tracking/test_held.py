"""Standing trucks: held by the road, held by the button, moving again."""

import pytest

from broker.rules.settings import Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import TrackKind
from tests.support.road import Drive, road, room


def test_a_blocked_truck_is_held_within_three_minutes() -> None:
    """Outside a stop a truck without 30 m of progress is held after 120 to 180 s, whatever the leg expects."""
    drive = Drive([room(1, 3000)]).go(1000).stand(185)
    (held,) = drive.of(TrackKind.HELD)
    assert held.key == ("r01", 1)
    assert 115 <= held.at - (drive.now - 185) <= 180
    assert drive.tracker.progress(drive.now).held


def test_a_short_leg_is_held_sooner() -> None:
    """Twice the leg's time but at least 120 s: a leg of 10 s waits 120 s, not 170."""
    drive = Drive([room(1, 500), room(2, 600), room(3, 3000)]).go(500).stand(60).go(550)
    begun_at = drive.now
    drive.stand(140)
    (held,) = drive.of(TrackKind.HELD)
    assert 115 <= held.at - begun_at <= 135


def test_a_red_light_is_not_a_hold_up() -> None:
    """Ninety seconds of standing are part of driving."""
    drive = Drive([room(1, 3000)]).go(1000).stand(90).go(1500)
    assert drive.kinds() == []


def test_progress_ends_it() -> None:
    """Thirty metres of progress end a hold-up, once."""
    drive = Drive([room(1, 3000)]).go(1000).stand(200).go(1500)
    assert drive.kinds() == [("Held", "r01"), ("Moving", "r01")]
    assert not drive.tracker.progress(drive.now).held


def test_shuffling_is_no_progress() -> None:
    """Noise of 10 m and shuffling to and fro do not hide a hold-up, and d never goes back."""
    drive = Drive([room(1, 3000)]).go(1000)
    highest_m = 0.0
    for step in range(24):
        drive.at_m = 1000 + (12 if step % 2 else -12)
        drive.now += 10
        drive.fix(1.0)
        drive.tick()
        along_m = drive.tracker.progress(drive.now).along_m
        assert along_m is not None and along_m >= highest_m
        highest_m = along_m
    assert drive.kinds() == [("Held", "r01")]


def test_wandering_positions_do_not_end_it() -> None:
    """Forty metres of wandering of a truck that says it stands are no progress; driving 30 m is."""
    drive = Drive([room(1, 3000)]).go(1000).stand(200)
    for metres in (10, 25, 40, 20):
        drive.at_m, drive.now = 1000.0 + metres, drive.now + 30
        drive.fix(0.1)
    assert drive.kinds() == [("Held", "r01")]
    drive.go(1060, speed_mps=5.0)
    assert drive.kinds() == [("Held", "r01"), ("Moving", "r01")]


def test_standing_at_a_stop_is_no_hold_up() -> None:
    """A truck may stay at a stop as long as it takes."""
    drive = Drive([room(1, 500), room(2, 3000)]).go(500).stand(900)
    assert drive.kinds() == [("Arrived", "r01")]


def test_a_silent_truck_is_stale_not_held() -> None:
    """Nothing is concluded from silence but silence."""
    drive = Drive([room(1, 3000)]).go(1000).stand(30)
    for _ in range(40):
        drive.now += 10
        drive.tick()
    assert drive.kinds() == []
    assert drive.tracker.progress(drive.now).stale


def test_waiting_for_departure_is_no_hold_up() -> None:
    """A truck that stands at the depot before its run is neither started nor held."""
    drive = Drive([room(1, 3000)], depart_at=10_000)
    drive.now = 9000
    drive.stand(900)
    assert drive.kinds() == []
    assert not drive.tracker.progress(drive.now).started


def test_the_button_holds_at_once() -> None:
    """The button holds without any waiting, a second press changes nothing, and release ends it."""
    drive = Drive([room(1, 3000)]).go(1000)
    tracker = drive.tracker
    assert [event.kind for event in tracker.hold(drive.now)] == [TrackKind.HELD]
    assert tracker.hold(drive.now + 1) == []
    assert tracker.progress(drive.now).held_since == drive.now
    assert [event.kind for event in tracker.release(drive.now + 60)] == [TrackKind.MOVING]
    assert tracker.release(drive.now + 61) == []


def test_release_starts_the_watch_afresh() -> None:
    """After a release the truck has the full time again before it is held."""
    drive = Drive([room(1, 3000)]).go(1000).stand(100)
    drive.tracker.hold(drive.now)
    drive.tracker.release(drive.now)
    drive.stand(100)
    assert drive.of(TrackKind.HELD) == []
    drive.stand(90)
    assert len(drive.of(TrackKind.HELD)) == 1


def test_a_held_leg_by_button_teaches_nothing() -> None:
    """The minutes before a pressed button are no driving time."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(500).stand(60).go(800)
    drive.tracker.hold(drive.now)
    drive.stand(300).go(1200).stand(30)
    assert drive.kinds()[-1] == ("Arrived", "r02")
    assert all(event.leg is None for event in drive.events)


@pytest.mark.parametrize(("expected_s", "held_after_s"), [(30.0, 120), (70.0, 140), (600.0, 170)])
def test_the_limit_follows_what_the_leg_expects(expected_s: float, held_after_s: int) -> None:
    """Held after twice the learned leg, never before 120 s and never after 170 s."""
    drive = Drive([room(1, 3000)])
    drive.tracker = RunTracker(
        "run", road(), "t01", [room(1, 3000)], 1000, Streets(), expected_leg_s=lambda *_: expected_s
    )
    drive.go(1000)
    begun_at = drive.now
    drive.stand(200)
    (held,) = drive.of(TrackKind.HELD)
    assert abs(held.at - begun_at - held_after_s) <= 12
