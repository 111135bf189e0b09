"""The lane is clear again while the truck is near: the second visit is served at once, wherever the list has it."""

from pathlib import Path

import pytest

from tests.support.bridge.morning import Morning


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    """A bridge and a truck."""
    return Morning(tmp_path, alone=True)


def bins(morning: Morning, room: str, count: int) -> None:
    """A unit's report."""
    rows = [{"waste": morning.waste, "count": count, "grams": None, "quality": 0}]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=room)


@pytest.mark.parametrize("waits_s", [60, 200])
@pytest.mark.parametrize("before_m", [80, 30])
def test_a_truck_that_stands_at_a_free_door_serves_it(morning: Morning, before_m: int, waits_s: int) -> None:
    """Pressed before the door, cleared, driven to it, bins taken: served, and the incident is over."""
    trip = morning.trip
    room = trip.visits[2].room_id
    morning.serve(0)
    morning.serve(1)
    while morning.along < trip.visits[2].distance_m - before_m:
        morning.step(1, 5.0)
    bins(morning, room, 4)
    incident = morning.press()
    morning.step(waits_s)
    morning.say("keeper", {"at": int(morning.now), "event": "lane_clear"}, device=room)
    morning.drive_to(2)
    morning.step(50)
    bins(morning, room, 0)
    morning.step(50)
    for _ in range(30):
        morning.step(1, 5.0)
    day = morning.bridge.dispatch.day
    second = day.visits[(morning.run_id, room, 2)]
    assert (second.state, second.bins_before, second.bins_after) == ("served", 4, 0)
    assert day.incidents[("t01", incident)].workflow == "closed"
    following = [visit for visit in day.owed(day.runs[morning.run_id]) if visit.state in ("pending", "due")]
    assert following[0].room == trip.visits[3].room_id


def test_a_second_visit_that_may_not_be_yet_is_not_made_in_passing(morning: Morning) -> None:
    """Nobody said that the lane is clear: a truck that waits at the door serves nothing there."""
    trip = morning.trip
    morning.serve(0)
    morning.serve(1)
    morning.drive_to(2)
    morning.press()
    morning.step(100)
    day = morning.bridge.dispatch.day
    assert day.visits[(morning.run_id, trip.visits[2].room_id, 2)].state == "pending"
