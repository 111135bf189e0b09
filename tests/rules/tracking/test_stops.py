"""Arrivals, departures and missed stops."""

import pytest

from broker.plan.geometry import METRES_PER_DEGREE_LAT
from broker.rules.settings import Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix, TrackKind
from tests.support.road import Drive, place, road, room


def test_a_stop_is_reached_and_left() -> None:
    """A truck that halts at a room arrives once and leaves once, in time to the second."""
    drive = Drive([room(1, 500), room(2, 1200)])
    drive.go(500)
    reached_at = drive.now
    drive.stand(180).go(700)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]
    assert abs(drive.of(TrackKind.ARRIVED)[0].at - reached_at) <= 3
    assert abs(drive.of(TrackKind.LEFT)[0].at - (reached_at + 180)) <= 5


def test_both_ends_teach() -> None:
    """A leg between two stops and each stay become records of their true length."""
    drive = Drive([room(1, 500, planned_at=1100), room(2, 1200), room(3, 2000)])
    drive.go(500).stand(180).go(1200).stand(60).go(1500)
    (leg,) = [event.leg for event in drive.events if event.leg]
    assert (leg.from_room, leg.to_room, leg.length_m) == ("r01", "r02", 700.0)
    assert abs(leg.drive_s - 70) <= 8
    stays = [event.dwell for event in drive.events if event.dwell]
    assert [stay.room_id for stay in stays] == ["r01", "r02"]
    assert [abs(stay.dwell_s - true_s) <= 8 for stay, true_s in zip(stays, (180, 60), strict=True)] == [True, True]
    assert stays[0].early_s == 1100 - stays[0].started_at


def test_the_first_leg_teaches_nothing() -> None:
    """The way from the depot has the waiting for departure in it and is not learned."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(500).stand(60)
    assert [event.leg for event in drive.events] == [None]


def test_driving_past_is_told_not_served() -> None:
    """A stop passed at speed is reported as passed, and the truck heads for the next."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(900)
    assert drive.kinds() == [("PassedWithoutDwell", "r01")]
    assert drive.tracker.pending[0].key == ("r02", 1)


def test_coming_back_to_a_passed_stop() -> None:
    """A truck that reverses to the stop it passed and stands there arrives after all."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(700).go(500).stand(90).go(1200).stand(30)
    assert drive.kinds() == [
        ("PassedWithoutDwell", "r01"), ("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r02"),
    ]


def test_a_stay_within_a_silence_is_inferred() -> None:
    """When a silence was long enough for a stay, arrival and departure are given, marked, and teach nothing."""
    drive = Drive([room(1, 500), room(2, 1200), room(3, 2000)])
    drive.go(300).go(500, silent=True).stand(170, silent=True).go(700, silent=True).go(900)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]
    assert all(event.inferred and event.leg is None and event.dwell is None for event in drive.events)
    stay_s = drive.events[1].at - drive.events[0].at
    assert 80 <= stay_s <= 200


@pytest.mark.parametrize(("expected_s", "said"), [(200.0, "Arrived"), (500.0, "PassedWithoutDwell")])
def test_a_silence_that_leaves_no_time_for_the_bins_infers_nothing(expected_s: float, said: str) -> None:
    """A minute and a half is a quick stay for four bins, and none for thirteen."""
    visits = [room(1, 500), room(2, 1500)]
    drive = Drive(visits)
    drive.tracker = RunTracker(
        "run", drive.tracker.route, "t01", visits, 1000, Streets(), expected_stay_s=lambda *_: expected_s
    )
    drive.go(300).go(500, silent=True).stand(120, silent=True).go(700, silent=True).go(900)
    assert drive.kinds()[0] == (said, "r01")


def test_a_silence_from_one_stop_to_beyond_the_next() -> None:
    """Silent from within one stop until beyond the next: both are settled, in order, and the run goes on."""
    drive = Drive([room(1, 500), room(2, 1200), room(3, 2000)]).go(500).stand(100)
    drive.stand(30, silent=True).go(1200, silent=True).stand(180, silent=True).go(1600, silent=True)
    drive.go(2000).stand(60)
    assert drive.kinds() == [
        ("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r02"), ("Left", "r02"), ("Arrived", "r03"),
    ]
    assert [event.inferred for event in drive.events] == [False, False, True, True, False]
    assert [event.at for event in drive.events] == sorted(event.at for event in drive.events)


def test_a_silence_over_three_stops() -> None:
    """Several stops served within one silence are all inferred, in order; what happened there teaches nothing."""
    drive = Drive([room(number, 500 * number) for number in range(1, 6)]).go(300)
    for along_m in (500, 1000, 1500):
        drive.go(along_m, silent=True).stand(200, silent=True)
    drive.go(1750, silent=True).go(2000).stand(60)
    assert drive.kinds() == [
        (kind, f"r0{number}") for number in (1, 2, 3) for kind in ("Arrived", "Left")
    ] + [("Arrived", "r04")]
    assert [event.at for event in drive.events] == sorted(event.at for event in drive.events)
    assert all(event.leg is None and event.dwell is None for event in drive.events)


def test_a_short_silence_infers_nothing() -> None:
    """A silence just long enough to drive by is a passed stop."""
    drive = Drive([room(1, 500), room(2, 1500)]).go(300).go(700, silent=True).go(900)
    assert drive.kinds() == [("PassedWithoutDwell", "r01")]


def test_an_arrival_seen_late_teaches_nothing() -> None:
    """A truck first seen at its stop after two minutes of silence arrived at an unknown moment."""
    drive = Drive([room(1, 500), room(2, 1200), room(3, 2000)])
    drive.go(500).stand(60).go(1000).go(1200, silent=True).stand(120, silent=True).stand(60).go(1500)
    learned = [event for event in drive.events if event.key == ("r02", 1) and (event.leg or event.dwell)]
    assert drive.kinds()[-2:] == [("Arrived", "r02"), ("Left", "r02")]
    assert learned == []


def test_noise_at_the_stop_does_not_leave_it() -> None:
    """Positions that wander 20 m around a standing truck neither leave nor reach anything."""
    drive = Drive([room(1, 500), room(2, 560)]).go(500)
    for metres in (12, -18, 20, 5, -20, 15, 19, -3):
        drive.now += 20
        lat, lon = place(500 + metres, metres / 2)
        drive.events += drive.tracker.on_fix(GpsFix(drive.now, lat, lon, 0.1))
    assert drive.kinds() == [("Arrived", "r01")]


def test_a_stop_back_from_the_street() -> None:
    """A room 50 m off the street is reached where the street passes it."""
    visit = room(1, 500)
    lat, lon = place(500, beside_m=50)
    drive = Drive([room(1, 500, lat=lat, lon=lon), room(2, 1200)]).go(500).stand(60).go(800)
    assert visit.key == ("r01", 1)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]


def test_standing_close_by_counts_as_there() -> None:
    """A truck that waits 40 m before a room for 20 s is at it: the lane is short of room."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(462).stand(60).go(800)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]


def test_a_wide_fence_of_one_stop() -> None:
    """A stop may have its own fence."""
    drive = Drive([room(1, 500, fence_m=120.0), room(2, 1200)]).go(400).stand(30)
    assert drive.kinds() == [("Arrived", "r01")]


def test_no_speed_from_the_receiver() -> None:
    """Without a speed in the fixes the stops are still found."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(500)
    for _ in range(6):
        drive.now += 20
        drive.fix(None)
    for metres in range(50, 400, 50):
        drive.now, drive.at_m = drive.now + 5, 500.0 + metres
        drive.fix(None)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]


def test_not_before_its_time() -> None:
    """Passing a room hours before the run is nobody's visit."""
    drive = Drive([room(1, 500), room(2, 1200)], depart_at=50_000)
    drive.now = 40_000
    drive.go(900)
    assert drive.kinds() == []
    assert not drive.tracker.progress(drive.now).started


@pytest.mark.parametrize("fix_back_s", [0, 10])
def test_a_fix_that_is_not_newer_changes_nothing(fix_back_s: int) -> None:
    """A fix as old as the newest, or older, yields and changes nothing."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(300)
    before = drive.tracker.progress(drive.now)
    lat, lon = place(500)
    assert drive.tracker.on_fix(GpsFix(drive.now - fix_back_s, lat, lon, 0.0)) == []
    assert drive.tracker.progress(drive.now) == before


def test_what_is_to_be_believed() -> None:
    """A fix of 90 s says where the truck is, an older one does not; one from 31 s ahead has a broken clock."""
    fix = GpsFix(1000, *place(500), 0.0)
    assert [fix.fresh(now) for now in (1000, 1090, 1091)] == [True, True, False]
    assert [fix.ahead(now) for now in (1000, 970, 969)] == [False, False, True]


def test_a_dead_end_is_driven_in_and_out() -> None:
    """At the end of a lane driven in and out over the same ground the stop is reached, not skipped."""
    end = place(600)
    there = [place(metres) for metres in range(0, 601, 100)]
    back = [place(metres) for metres in range(500, 199, -100)]
    side = [place(200, beside) for beside in range(100, 801, 100)]
    route = road().__class__("lane", "Lane", "residential_wet", tuple(there + back + side))
    visits = [room(1, 600), room(2, 1400, lat=place(200, 400)[0], lon=place(200, 400)[1])]
    drive = Drive(visits, route=route)
    drive.go(600).stand(60).go(200)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]
    along_m = drive.tracker.progress(drive.now).along_m
    assert along_m is not None and abs(along_m - 1000) < 60
    while drive.beside_m < 400:
        drive.beside_m, drive.now = drive.beside_m + 50, drive.now + 5
        drive.fix(10.0)
    drive.stand(30)
    assert drive.kinds()[2:] == [("Arrived", "r02")]
    assert abs(end[0] - place(600)[0]) * METRES_PER_DEGREE_LAT < 1
