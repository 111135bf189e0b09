"""The way: the line, leaving it, joining it, and orders that a re-plan changed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.rules.settings import Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix, TrackKind
from tests.support.road import Drive, place, road, room


def detour(drive: Drive, beside_m: float, fixes: int, every_s: int = 20) -> None:
    """Drive on beside the line."""
    drive.beside_m = beside_m
    for _ in range(fixes):
        drive.now, drive.at_m = drive.now + every_s, drive.at_m + 40
        drive.fix(5.0)


def test_leaving_the_line_takes_a_minute_and_four_fixes() -> None:
    """Off route after more than 3 fixes and 60 s beside the line, once; one fix on the line ends it."""
    drive = Drive([room(1, 3000)]).go(500)
    detour(drive, 150, 3)
    assert drive.kinds() == []
    detour(drive, 150, 3)
    assert drive.kinds() == [("OffRoute", "r01")]
    assert drive.tracker.progress(drive.now).off_route
    detour(drive, 0, 1)
    assert drive.kinds() == [("OffRoute", "r01"), ("BackOnRoute", "r01")]


def test_a_few_wild_fixes_are_not_off_route() -> None:
    """Three fixes beside the line, however long, are noise."""
    drive = Drive([room(1, 3000)]).go(500)
    detour(drive, 150, 3, every_s=40)
    detour(drive, 0, 1)
    detour(drive, 150, 3, every_s=40)
    assert drive.kinds() == []


def test_joining_far_ahead() -> None:
    """A truck off its route may join again kilometres further on; the stops between are reported."""
    drive = Drive([room(1, 1500), room(2, 5000)], route=road(9000)).go(500)
    detour(drive, 200, 6)
    drive.at_m = 4500.0
    drive.now += 60
    drive.beside_m = 0.0
    drive.fix(10.0)
    drive.go(4700)
    assert drive.kinds() == [("OffRoute", "r01"), ("BackOnRoute", "r01"), ("PassedWithoutDwell", "r01")]


def test_a_second_visit_off_the_order() -> None:
    """After a re-plan the new order is the route: driving back is neither off route nor a passed stop."""
    drive = Drive([room(1, 1000), room(2, 2000), room(3, 3000)]).go(700)
    second = room(1, None, lat=place(1000)[0], lon=place(1000)[1], key=("r01", 2))
    drive.tracker.set_visits([room(2, 2000), second, room(3, 3000)], drive.now)
    drive.go(2000).stand(60).go(1000).stand(60)
    assert drive.kinds() == [("Arrived", "r02"), ("Left", "r02"), ("Arrived", "r01")]
    drive.go(3000).stand(60)
    assert drive.kinds()[3:] == [("Left", "r01"), ("Arrived", "r03")]
    assert drive.events[-3].key == ("r01", 2)


def test_a_visit_behind_the_truck() -> None:
    """A visit whose place on the line lies behind is reached by the straight distance."""
    drive = Drive([room(1, 2000), room(2, 3000)]).go(2000).stand(60).go(2300)
    drive.tracker.set_visits([room(9, 800), room(2, 3000)], drive.now)
    drive.go(800).stand(60)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r09")]
    assert drive.tracker.progress(drive.now).status == "STOPPED_AT"


def test_a_room_off_the_line_is_no_detour() -> None:
    """The way to a room taken over from another run does not follow this line."""
    lat, lon = place(1500, beside_m=900)
    visits = [room(1, 1000), room(2, None, lat=lat, lon=lon), room(3, 3000)]
    drive = Drive(visits).go(1000).stand(60)
    for step in range(18):
        drive.beside_m, drive.at_m, drive.now = 50.0 * (step + 1), min(1500.0, 1000 + 50 * step), drive.now + 8
        drive.fix(6.0)
    drive.stand(60)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r02")]


def test_driving_past_a_room_off_the_line() -> None:
    """On a free leg a room that was close and is far again was passed, however long the way there took."""
    lat, lon = place(1500)
    drive = Drive([room(1, None, lat=lat, lon=lon), room(2, 4000)]).go(1900, speed_mps=5.0)
    assert drive.kinds() == [("PassedWithoutDwell", "r01")]


def test_an_order_of_the_drivers_own() -> None:
    """Off the line a driver may take the rooms in another order; what he skips stays owed."""
    rooms = [room(number, None, lat=place(500 * number)[0], lon=place(0)[1]) for number in (1, 2, 3)]
    drive = Drive([rooms[1], rooms[0], rooms[2]]).go(500).stand(90).go(800)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01")]
    assert [visit.key[0] for visit in drive.tracker.pending] == ["r02", "r03"]


def test_a_silence_over_a_stop_and_far_beyond() -> None:
    """A truck that was at a stop, fell silent and is heard again a kilometre on still follows its line."""
    drive = Drive([room(1, 500), room(2, 2000), room(3, 3000)]).go(500).stand(60)
    drive.stand(200, silent=True).go(1600, silent=True).go(2000).stand(60).go(2500)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r02"), ("Left", "r02")]


def test_joining_behind() -> None:
    """A truck that joins its line again behind where it left it is where it is, but not behind its last stop."""
    drive = Drive([room(1, 500), room(2, 3000)]).go(500).stand(60).go(1500)
    detour(drive, 200, 6)
    drive.at_m, drive.now, drive.beside_m = 900.0, drive.now + 60, 0.0
    drive.fix(5.0)
    assert drive.kinds()[-1] == ("BackOnRoute", "r02")
    along_m = drive.tracker.progress(drive.now).along_m
    assert along_m is not None and abs(along_m - 900) < 1


def test_a_line_that_crosses_itself() -> None:
    """Where the line comes by again later, the truck stays on the pass it is on."""
    loop = [place(metres) for metres in range(0, 2001, 100)]
    loop += [place(2000, east) for east in range(100, 501, 100)]
    loop += [place(north, 500) for north in range(1900, 999, -100)]
    loop += [place(1000, east) for east in range(400, -501, -100)]
    route = road().__class__("loop", "Loop", "residential_wet", tuple(loop))
    drive = Drive([room(1, 900), room(2, 1800)], route=route).go(900).stand(60).go(970)
    for metres in (12, -9, 25, 8, -14, 30):
        drive.now += 15
        lat, lon = place(1000 + metres / 3, metres)
        drive.events += drive.tracker.on_fix(GpsFix(drive.now, lat, lon, 2.0))
    along_m = drive.tracker.progress(drive.now).along_m
    assert along_m is not None and along_m < 1020
    drive.go(1800).stand(30)
    assert drive.kinds() == [("Arrived", "r01"), ("Left", "r01"), ("Arrived", "r02")]


@pytest.mark.parametrize("starts_m", [0, 700])
def test_a_truck_that_crosses_the_line_on_its_way_to_the_first_room_is_followed_from_there(starts_m: int) -> None:
    """It comes from where the line ends, and begins at its begin or joins it before the first room."""
    loop = [place(metres) for metres in range(0, 3001, 100)]
    loop += [place(3000, east) for east in range(100, 401, 100)]
    loop += [place(north, 400) for north in range(2900, 499, -100)]
    route = road().__class__("loop", "Loop", "residential_wet", tuple(loop))
    drive = Drive([room(1, 800), room(2, 1600), room(3, 2400)], route=route)
    drive.at_m, drive.beside_m = 720.0, 400.0
    for beside_m in (400.0, 300.0, 200.0, 100.0, 0.0):
        drive.beside_m, drive.now = beside_m, drive.now + 20
        drive.fix(5.0)
    drive.go(starts_m).go(780)
    for to_m in (780, 1100):
        drive.go(800).stand(60).go(to_m) if to_m > 800 else None
        along_m = drive.tracker.progress(drive.now).along_m
        assert along_m is not None and abs(along_m - to_m) < 1
    drive.go(1750)
    assert drive.kinds()[-3:] == [("Arrived", "r01"), ("Left", "r01"), ("PassedWithoutDwell", "r02")]


def test_a_removed_visit_where_the_truck_stands() -> None:
    """When the visit under way is taken off the list, the truck goes on from its room, without an event for it."""
    drive = Drive([room(1, 1000), room(2, 2000)]).go(1000).stand(60)
    drive.tracker.set_visits([room(2, 2000)], drive.now)
    assert drive.tracker.progress(drive.now).from_room == "r01"
    drive.go(2000).stand(30)
    assert drive.kinds() == [("Arrived", "r01"), ("Arrived", "r02")]


def test_nothing_owed_is_quiet() -> None:
    """A tracker that owes nothing takes positions without events."""
    drive = Drive([]).go(2000).stand(300)
    assert drive.events == []
    assert drive.tracker.progress(drive.now).next_visit is None


def test_a_route_without_a_line() -> None:
    """Without a line the rooms themselves lead the way."""
    route = road().__class__("bare", "Bare", "residential_wet", ())
    drive = Drive([room(1, 500), room(2, 1200)], route=route)
    drive.go(500).stand(60).go(1200).stand(60)
    assert [kind for kind, _ in drive.kinds()] == ["Arrived", "Left", "Arrived"]


def test_status_words() -> None:
    """GTFS-Realtime's words: on the way, about to arrive, at the stop."""
    drive = Drive([room(1, 1000), room(2, 2000)]).go(500)
    words = [drive.tracker.progress(drive.now).status]
    drive.go(950)
    words.append(drive.tracker.progress(drive.now).status)
    drive.go(1000).stand(30)
    words.append(drive.tracker.progress(drive.now).status)
    assert words == ["IN_TRANSIT_TO", "INCOMING_AT", "STOPPED_AT"]


@pytest.mark.parametrize("exactly", [False, True])
def test_resuming_a_run_at_a_stop(exactly: bool) -> None:
    """After a restart a truck that stood at a stop stands there still; the stay teaches if its begin was seen."""
    drive = Drive([room(1, 500), room(2, 1200), room(3, 2000)]).go(500).stand(60).go(1200).stand(60)
    (arrived_at,) = [event.at for event in drive.events if event.kind == TrackKind.ARRIVED and event.key == ("r02", 1)]
    drive.tracker = RunTracker("run", road(), "t01", [room(2, 1200), room(3, 2000)], 1000, Streets())
    drive.tracker.resume("r01", 500.0, arrived_at - 70, arrived_at, exactly=exactly)
    drive.events.clear()
    drive.stand(60).go(2000).stand(30)
    assert drive.kinds() == [("Left", "r02"), ("Arrived", "r03")]
    (left, arrived) = drive.events
    assert (left.dwell is not None) == exactly == (arrived.leg is not None)
    if left.dwell is not None:
        assert left.dwell.started_at == arrived_at and left.dwell.dwell_s == left.at - arrived_at


def test_resuming_at_a_stop_that_the_truck_left_meanwhile() -> None:
    """Nobody saw when it left: the stay teaches nothing."""
    drive = Drive([room(1, 500), room(2, 1200), room(3, 2000)]).go(500).stand(60).go(1200).stand(60)
    drive.tracker = RunTracker("run", road(), "t01", [room(2, 1200), room(3, 2000)], 1000, Streets())
    drive.tracker.resume("r01", 500.0, drive.now - 200, drive.now - 130, exactly=True)
    drive.events.clear()
    drive.go(1300, silent=True).go(1500)
    assert [event.dwell for event in drive.events if event.kind == TrackKind.LEFT] == [None]


def test_a_truck_that_is_first_heard_of_at_a_stop_teaches_no_stay() -> None:
    """Nobody knows since when it stands there."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(500)
    drive.tracker = RunTracker("run", road(), "t01", [room(1, 500), room(2, 1200)], 1000, Streets())
    drive.events.clear()
    drive.stand(60).go(1200).stand(30)
    assert drive.kinds()[:2] == [("Arrived", "r01"), ("Left", "r01")]
    assert [event.dwell for event in drive.events if event.kind == TrackKind.LEFT] == [None]


def test_resuming_between_stops() -> None:
    """After a restart between two stops the truck is matched ahead of the room it left."""
    drive = Drive([room(1, 500), room(2, 1200)]).go(900)
    drive.tracker = RunTracker("run", road(), "t01", [room(2, 1200)], 1000, Streets())
    drive.tracker.resume("r01", 500.0, drive.now - 60, None, exactly=False)
    drive.events.clear()
    drive.go(1000)
    state = drive.tracker.progress(drive.now)
    assert (state.started, state.from_room, state.leg_length_m) == (True, "r01", 700.0)
    assert abs(state.leg_rest_m - 200) < 1


def test_after_a_restart_without_a_position_the_whole_leg_is_left() -> None:
    """Not the whole line: till its truck is heard it is taken to be at the room it left."""
    tracker = RunTracker("run", road(), "t01", [room(5, 3500)], 1000, Streets())
    tracker.resume("r04", 3000.0, 1000, None, exactly=False)
    state = tracker.progress(1010)
    assert (state.leg_length_m, state.leg_rest_m) == (500.0, 500.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-30, 200), st.floats(-300, 6000), st.floats(-400, 400), st.integers(0, 120),
                          st.one_of(st.none(), st.floats(0, 30))), max_size=60))
def test_any_positions_keep_the_promises(steps: list[tuple[int, float, float, int, float | None]]) -> None:
    """Whatever comes in: d never decreases on the route, every departure has its arrival, no visit is left twice."""
    drive = Drive([room(number, 700.0 * number) for number in range(1, 8)])
    now, along_m, settled, at = 1000, 0.0, [], None
    for step_s, north_m, east_m, delay_s, speed_mps in steps:
        now += max(0, step_s)
        lat, lon = place(north_m, east_m)
        events = drive.tracker.on_fix(GpsFix(now - max(0, -step_s), lat, lon, speed_mps))
        events += drive.tracker.on_tick(now + delay_s)
        state = drive.tracker.progress(now + delay_s)
        joined = any(event.kind == TrackKind.BACK_ON_ROUTE for event in events)
        assert state.along_m is None or joined or state.along_m >= along_m - 1e-6
        along_m = along_m if state.along_m is None else state.along_m
        for event in events:
            if event.kind == TrackKind.ARRIVED:
                assert at is None
                at = event.key
            elif event.kind == TrackKind.LEFT:
                assert at == event.key
                at = None
                settled.append(event.key)
    assert len(settled) == len(set(settled))
    assert state_is_sane(drive.tracker)


def state_is_sane(tracker: RunTracker) -> bool:
    """No visit is pending twice."""
    keys = [visit.key for visit in tracker.pending]
    return len(keys) == len(set(keys))
