"""Rough runs: receivers that are off by 3, 20 and 40 m, and trucks and streets with habits of their own."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from broker.rules.settings import Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix, TrackKind, TrackVisit
from tests.support.road import Drive, place, road, room
from tests.support.rough.run import Kind, kinds, rough_run
from tests.support.rough.score import Score, score_kind

pytestmark = pytest.mark.real  # tenths of a second each

SEEDS = range(9000, 9001)  # `python -m tests.support.rough.score 9000 10` reads ten of each


def scored(of: str) -> Iterator[tuple[Kind, Score]]:
    """Each kind with this receiver, and how its runs are read."""
    for kind in kinds():
        if kind.name.endswith(f" {of} m"):
            yield kind, score_kind(kind, SEEDS)


@pytest.mark.parametrize(("receiver", "share"), [("3", 0.99), ("20", 0.98), ("40", 0.97)])
def test_the_visits_of_rough_runs_are_right(receiver: str, share: float) -> None:
    """Served, at their room, within a minute: nearly all, of each kind most, and none that never was."""
    total = Score()
    for kind, score in scored(receiver):
        assert score.share >= 0.83, (kind.name, score.faults)
        total.visits, total.right, total.false = (
            total.visits + score.visits, total.right + score.right, total.false + score.false
        )  # fmt: skip
        total.faults += score.faults
    assert total.visits >= 130
    assert total.share >= share, total.faults
    assert total.false == 0, total.faults


def way_of(*legs: tuple[float, int], seed: int = 1, off_m: float = 40.0, more_m: float = 0.0) -> list[GpsFix]:
    """A truck that drives to a place and stands there for so long, leg by leg, off by so much for a minute each time;
    it measures its way, `more_m` of which is in each leg beside the line.
    """
    dice, fixes, now, at_m, driven_m = Random(seed), list[GpsFix](), 1000, 0.0, 0.0
    off = (0.0, 0.0)

    def say(speed_mps: float) -> None:
        nonlocal off
        keep = 0.85
        fresh_m = off_m * (1 - keep * keep) ** 0.5
        off = keep * off[0] + dice.gauss(0, fresh_m), keep * off[1] + dice.gauss(0, fresh_m)
        fixes.append(GpsFix(now, *place(at_m + off[0], off[1]), speed_mps, driven_m))

    for to_m, stands_s in legs:
        driven_m += more_m
        while at_m < to_m:
            step_m = min(50.0, to_m - at_m)
            at_m, driven_m, now = at_m + step_m, driven_m + step_m, now + max(2, round(step_m / 6))
            if at_m < to_m:
                say(6.0)
        for second in range(0, stands_s, 10):
            now += 10 if second else 2
            say(0.0)
        now += 2
        say(1.0)
    return fixes


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("more_m", [0.0, 80.0])
def test_a_truck_that_measures_its_way_is_at_the_right_one_of_two_rooms(seed: int, more_m: float) -> None:
    """By a receiver that is 40 m off, after some kilometres, with or without streets beside the line."""
    rooms = [room(1, 2000), room(2, 4000), room(3, 4035), room(4, 5500)]
    tracker = RunTracker("run", road(), "t01", rooms, 1000, Streets(), expected_stay_s=lambda *_: 150.0)
    fixes = way_of((2000, 150), (4000, 150), (4035, 150), (5500, 150), seed=seed, more_m=more_m)
    left = [event for fix in fixes for event in tracker.on_fix(fix) if event.kind == TrackKind.LEFT]
    assert [event.key[0] for event in left if event.key] == ["r01", "r02", "r03"]


def test_a_restart_within_a_rough_run_changes_next_to_nothing() -> None:
    """A tracker that recalls the last minutes' positions goes on as the one before it did."""
    kind = next(kind for kind in kinds() if kind.name == "plain 40 m")
    run = rough_run(kind, SEEDS[0])
    tracker = RunTracker("run", run.route, "t01", run.visits, run.visits[0].planned_at, Streets())
    middle = len(run.fixes) // 2
    events = [event for fix in run.fixes[:middle] for event in tracker.on_fix(fix)]
    left = [event for event in events if event.kind == TrackKind.LEFT]
    arrived = [event for event in events if event.kind == TrackKind.ARRIVED]
    last = next(visit for visit in run.visits if left and visit.key == left[-1].key)
    restarted = RunTracker("run", run.route, "t01", tracker.pending, run.visits[0].planned_at, Streets())
    standing_at = arrived[-1].at if len(arrived) > len(left) else None
    restarted.resume(last.key[0], last.distance_m, left[-1].at, standing_at, exactly=True)
    for fix in run.fixes[:middle]:
        if fix.fix_at >= run.fixes[middle].fix_at - 900:
            restarted.recall(fix)
    after = [[(one.kind, one.key) for fix in run.fixes[middle:] for one in each.on_fix(fix)]
             for each in (tracker, restarted)]
    assert len(after[0]) >= 8
    assert after[0] == after[1]


def test_a_restart_within_a_stay_does_not_move_it_to_the_light_before() -> None:
    """What is recalled of the way there is not of the stay; the truck moves up to the next room, and left then."""
    rooms = [room(1, 500), room(2, 800), room(3, 835)]
    way = [(500, 0.0)] * 6 + [(600, 8.0), (700, 0.0), (700, 0.0), (700, 0.0), (750, 8.0)] + [(800, 0.0)] * 6
    fixes = [GpsFix(1000 + 10 * number, *place(at_m), speed_mps) for number, (at_m, speed_mps) in enumerate(way)]
    arrived_at = fixes[11].fix_at
    tracker = RunTracker("run", road(), "t01", rooms[1:], 1000, Streets())
    tracker.resume("r01", 500.0, fixes[5].fix_at, arrived_at, exactly=True)
    for fix in fixes:
        tracker.recall(fix)
    events = []
    for number in range(8):
        events += tracker.on_fix(GpsFix(fixes[-1].fix_at + 10 + 10 * number, *place(835), 0.0 if number else 4.0))
    (left,) = [event for event in events if event.kind == TrackKind.LEFT]
    assert left.key == ("r02", 1) and 0 <= left.at - fixes[-1].fix_at <= 10


def test_a_red_light_at_the_gate_is_not_the_begin_of_the_stay() -> None:
    """A truck that stood at a light, moved up and emptied bins for minutes came when it moved up."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(488).stand(70).go(500, speed_mps=2.0)
    reached_at = drive.now
    drive.stand(300).go(700)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]
    (left,) = drive.of(TrackKind.LEFT)
    assert left.arrived_at is not None and abs(left.arrived_at - reached_at) <= 10


def test_a_halt_far_shorter_than_its_bins_take_was_no_stay() -> None:
    """Half a minute where ten bins wait was a red light: the arrival is taken back, and the room was passed."""
    drive = Drive([room(1, 500), room(2, 1200)])
    drive.tracker = RunTracker("run", drive.tracker.route, "t01", [room(1, 500), room(2, 1200)], 1000, Streets(),
                               expected_stay_s=lambda *_: 310.0)
    drive.go(500).stand(30).go(900)
    assert drive.kinds() == [("Arrived", "r01"), ("DroveOn", "r01"), ("PassedWithoutDwell", "r01")]
    drive.go(500).stand(300).go(900)
    assert drive.kinds()[3:] == [("Arrived", "r01"), ("Left", "r01")]


def test_a_halt_far_longer_than_its_bins_take_was_the_stay_all_the_same() -> None:
    """A truck that waited ten minutes for a late keeper of four bins was there: no traffic halts it at the door so."""
    drive = Drive([room(1, 500), room(2, 1200)])
    drive.tracker = RunTracker("run", drive.tracker.route, "t01", [room(1, 500), room(2, 1200)], 1000, Streets(),
                               expected_stay_s=lambda *_: 100.0)
    drive.go(500).stand(600).go(900)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]


def test_two_rooms_from_one_place() -> None:
    """A stay of the time of two, with the second room 35 m on and passed, was of both."""
    rooms = [room(1, 500), room(2, 535), room(3, 1200)]
    drive = Drive(rooms)
    drive.tracker = RunTracker("run", drive.tracker.route, "t01", rooms, 1000, Streets(),
                               expected_stay_s=lambda *_: 200.0)
    drive.go(500)
    reached_at = drive.now
    drive.stand(400).go(1000)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r02"), ("Left", "r02")]
    second = drive.of(TrackKind.ARRIVED)[1]
    assert second.inferred and abs(second.at - (reached_at + 200)) <= 10


@pytest.mark.parametrize(("seconds", "served"), [(400, ["r01", "r02"]), (600, ["r01", "r02", "r03"])])
def test_a_stay_is_of_as_many_rooms_as_it_has_time_for(seconds: int, served: list[str]) -> None:
    """Of three rooms close by, the third is served from the first's place only by a stay of the time of three."""
    rooms = [room(1, 500), room(2, 530), room(3, 555), room(4, 1200)]
    drive = Drive(rooms)
    drive.tracker = RunTracker("run", drive.tracker.route, "t01", rooms, 1000, Streets(),
                               expected_stay_s=lambda *_: 200.0)
    drive.go(500).stand(seconds).go(1000)
    assert [key for kind, key in drive.kinds() if kind == "Left"] == served


def test_more_halts_at_a_room_than_are_remembered_are_no_trouble() -> None:
    """Its receiver is off, its way free, and it stops and goes within its room's reach for ten minutes."""
    for seed in range(5):
        dice = Random(seed)
        drive = Drive([room(1, 1200), replace(room(2, 1500), distance_m=None), room(3, 4000)])

        def say(at_m: float, beside_m: float, speed_mps: float, drive: Drive = drive) -> None:
            drive.now += 10
            drive.events += drive.tracker.on_fix(GpsFix(drive.now, *place(at_m, beside_m), speed_mps))

        for number in range(24):
            say(50.0 * number + 50, dice.choice((-40, 40)), 5.0)
        for _ in range(20):
            say(1200, dice.uniform(-40, 40), 0.0)
        for number in range(6):
            say(50.0 * number + 1250, dice.choice((-40, 40)), 5.0)
        for number in range(60):
            say(1500 + dice.uniform(-20, 20), dice.uniform(-25, 25), 0.75 if number % 2 and number > 8 else 0.0)
        assert ("Arrived", "r02") in drive.kinds()


def test_rooms_35_m_apart_are_two_stays() -> None:
    """A truck that moves up by 35 m left one room and is at the next."""
    drive = Drive([room(1, 500), room(2, 535), room(3, 1200)]).go(500).stand(120).go(535, 5.0).stand(120).go(800)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r02"), ("Left", "r02")]


def test_a_stand_at_a_room_that_was_skipped_is_no_stay_at_the_next() -> None:
    """The lane was blocked there, and the driver went by the room 50 m on without a word."""
    rooms = [room(1, 500), room(2, 550), room(3, 1200)]
    drive = Drive(rooms)
    drive.tracker = RunTracker("run", drive.tracker.route, "t01", rooms, 1000, Streets(),
                               expected_stay_s=lambda *_: 180.0)
    drive.go(500).stand(150)
    drive.tracker.set_visits(rooms[1:], drive.now)
    drive.go(900)
    assert drive.kinds() == [("Arrived", "r01"), ("PassedWithoutDwell", "r02")]


def test_a_place_that_jumps_does_not_move_a_standing_truck() -> None:
    """A receiver that jumps 60 m ahead while the truck stands at a light has not passed the room before it."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(440).stand(10)
    for _ in range(6):
        drive.now += 10
        drive.events += drive.tracker.on_fix(GpsFix(drive.now, *place(560), 0.0))
    assert drive.kinds() == []
    drive.go(500).stand(120).go(800)
    assert [kind for kind, _ in drive.kinds() if kind in ("Arrived", "PassedWithoutDwell")] == ["Arrived"]


def measured(*legs: tuple[float, int, float], beside_m: float = 30.0) -> list[GpsFix]:
    """A truck whose receiver is off to the side: it drives to a place and stands there for so long, while the receiver
    says so many metres further; it measures its way."""
    fixes, now, at_m = list[GpsFix](), 1000, 0.0
    for to_m, stands_s, further_m in legs:
        while at_m < to_m:
            at_m, now = min(to_m, at_m + 50.0), now + 8
            fixes.append(GpsFix(now, *place(at_m + further_m, beside_m), 6.0 if at_m < to_m else 0.0, at_m))
        for _ in range(stands_s // 10):
            now += 10
            fixes.append(GpsFix(now, *place(at_m + further_m, beside_m), 0.0, at_m))
        now += 2
        fixes.append(GpsFix(now, *place(at_m + further_m, beside_m), 2.0, at_m + 2.0))
    return fixes


def stays(rooms: list[TrackVisit], expected_s: float, fixes: list[GpsFix]) -> dict[str, int]:
    """When the truck came to each room that it left, as it is known in the end."""
    tracker = RunTracker("run", road(), "t01", rooms, 1000, Streets(), expected_stay_s=lambda *_: expected_s)
    came: dict[str, int] = {}
    for event in (event for fix in fixes for event in tracker.on_fix(fix) if event.key is not None):
        assert event.key is not None
        if event.kind == TrackKind.ARRIVED or event.arrived_at is not None:
            came[event.key[0]] = event.at if event.arrived_at is None else event.arrived_at
        elif event.kind == TrackKind.DROVE_ON:
            del came[event.key[0]]
    return came


@pytest.mark.parametrize("further_m", [0.0, 20.0, 30.0])
def test_a_jam_before_two_rooms_next_door_turns_out_to_be_no_stay(further_m: float) -> None:
    """Three minutes in a jam were taken for the first room's stay, and both stays for the second's: read together at
    the end, there are two stays of their time at two doors, and a jam."""
    rooms = [room(1, 1400), room(2, 1435), room(3, 2500)]
    fixes = measured((1340, 180, further_m), (1400, 330, further_m), (1435, 330, further_m), (2400, 0, 0.0))
    came = stays(rooms, 335.0, fixes)
    begins = [fix.fix_at for before, fix in pairwise(fixes) if fix.speed_mps == 0.0 and before.speed_mps]
    assert abs(came["r01"] - begins[1]) <= 10 and abs(came["r02"] - begins[2]) <= 10


def test_what_was_read_right_is_not_read_otherwise() -> None:
    """Two stays one after the other, and a red light behind the second."""
    rooms = [room(1, 1400), room(2, 1435), room(3, 2500)]
    fixes = measured((1400, 330, 20.0), (1435, 330, 20.0), (1480, 40, 20.0), (2400, 0, 0.0))
    tracker = RunTracker("run", road(), "t01", rooms, 1000, Streets(), expected_stay_s=lambda *_: 335.0)
    assert TrackKind.STAYED not in {event.kind for fix in fixes for event in tracker.on_fix(fix)}


def test_who_came_in_a_jam_moves_up_and_then_goes_next_door_has_been_at_both() -> None:
    """The jam was the arrival, its room's stay the stand after it: the next one is next door's."""
    rooms = [room(1, 1400), room(2, 1435), room(3, 2500)]
    fixes = measured((1350, 150, 10.0), (1400, 330, 10.0), (1435, 400, 10.0), (2400, 0, 0.0))
    begins = [fix.fix_at for before, fix in pairwise(fixes) if fix.speed_mps == 0.0 and before.speed_mps]
    came = stays(rooms, 360.0, fixes)
    assert abs(came["r01"] - begins[1]) <= 10 and abs(came["r02"] - begins[2]) <= 10


def test_a_truck_that_has_driven_nowhere_has_not_left() -> None:
    """It stands at a door among high-rises, by a receiver that was good until now and goes 60 m astray."""
    drive = Drive([room(1, 500), room(2, 1200)])
    fixes = measured((500, 60, 0.0), beside_m=3.0)[:-1]
    for fix in fixes:
        drive.events += drive.tracker.on_fix(fix)
    for number in range(1, 13):
        drive.events += drive.tracker.on_fix(GpsFix(fixes[-1].fix_at + 10 * number, *place(560, 10.0), 0.0, 500.0))
    assert drive.kinds() == [("Arrived", "r01")]
