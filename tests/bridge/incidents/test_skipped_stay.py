"""What the crew skips where it stands is owed for another time: the stay that goes on serves nothing."""

from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act
from tests.support.bridge.morning import Morning

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    """A bridge and a truck."""
    return Morning(tmp_path, alone=True)


def skip(morning: Morning, room: str, number: int = 1) -> None:
    """The crew says that it cannot be served now."""
    morning.bridge.act(Act("skip", "crew", visit=(morning.run_id, room, number), reason="not_out"), morning.now)


def skip_at(morning: Morning, visit: int) -> str:
    """Serve what comes before, stand there for a minute, skip; the room."""
    for before in range(visit):
        morning.serve(before)
    morning.step(30, 5.0)
    morning.serve(visit, dwell_s=60)
    room = morning.trip.visits[visit].room_id
    skip(morning, room)
    return room


def drive_back(morning: Morning, seconds: int) -> None:
    """The way it came, at 5 m/s."""
    for _ in range(seconds):
        morning.along -= 10.0
        morning.step(1, 5.0)


def state(morning: Morning, room: str, number: int = 2) -> str:
    """Of a visit."""
    return morning.bridge.dispatch.day.visits[(morning.run_id, room, number)].state


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("visit", [1, -1])
def test_a_stay_that_goes_on_after_the_skip_serves_nothing(morning: Morning, visit: int, restarted: bool) -> None:
    """In the middle of the run and at its last room, where the second visit is the next; after a restart, too."""
    room = skip_at(morning, visit % len(morning.trip.visits))
    if restarted:
        morning.close()
        morning.open()
    morning.step(60)
    assert state(morning, room) in ("pending", "due")
    morning.step(60, 5.0)
    assert state(morning, room) in ("pending", "due")
    passed = morning.bridge.dispatch.day.visits[(morning.run_id, room, 2)].passed_at
    assert passed is None, "it drove off from there, it did not pass by"


def test_a_truck_that_rolls_a_few_metres_is_in_the_same_stay(morning: Morning) -> None:
    """It makes room, and stands again."""
    room = skip_at(morning, 1)
    morning.step(10)
    morning.step(3, 2.0)
    morning.fix(2.0)
    morning.step(90)
    morning.step(60, 5.0)
    assert state(morning, room) == "pending"


def test_what_is_skipped_twice_in_a_stay_is_not_served_in_it_either(morning: Morning) -> None:
    """The visit that makes up for the second one is as barred as that was."""
    room = skip_at(morning, len(morning.trip.visits) - 1)
    morning.step(20)
    skip(morning, room, 2)
    morning.step(60)
    morning.step(60, 5.0)
    assert state(morning, room, 3) in ("pending", "due")


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("visit", [1, -1])
def test_a_truck_that_left_and_came_back_serves_it(morning: Morning, visit: int, restarted: bool) -> None:
    """A hundred metres off and back; the bridge may have begun anew while it was away."""
    room = skip_at(morning, visit % len(morning.trip.visits))
    drive_back(morning, 20)
    if restarted:
        morning.close()
        morning.open()
        morning.step(20)
    morning.step(20, 5.0)
    morning.step(60)
    assert state(morning, room) == "at_stop"
    drive_back(morning, 40)
    assert state(morning, room) == "served"


def test_a_truck_that_was_elsewhere_is_back_for_it_though_the_bridge_began_anew_meanwhile(morning: Morning) -> None:
    """It stands at the door when the bridge starts: that it had left is told by the room it served in between."""
    room = skip_at(morning, 1)
    morning.serve(2)
    morning.step(30, 5.0)
    morning.close()
    morning.along = morning.trip.visits[1].distance_m
    morning.now += 120
    morning.open()
    morning.step(60)
    assert state(morning, room) == "at_stop"
