"""A closed road puts off what lies behind it, for as long as it is closed, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.states.visit import Visit
from tests.support.bridge.morning import Morning


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    """The first room is served, the truck is on its way to the second."""
    morning = Morning(tmp_path, alone=True)
    morning.serve(0)
    morning.step(30, 5.0)
    yield morning
    morning.close()


def close(morning: Morning, room: str, minutes: int, other: str | None = None, from_at: int | None = None) -> str:
    """A dispatcher closes a road from now on; the closure's id."""
    until_at = int(morning.now) + minutes * 60
    act = Act("close_road", "Li", room=room, other_room=other, from_at=from_at, until_at=until_at)
    morning.bridge.act(act, morning.now)
    return list(morning.bridge.dispatch.day.closures)[-1]


def owed(morning: Morning, room: str) -> Visit:
    """The visit that is owed at a room."""
    return next(visit for visit in morning.bridge.dispatch.day.visits.at(room, morning.waste) if visit.owed)


def eta(morning: Morning, room: str) -> int:
    """When the truck is expected there."""
    return morning.bridge.dispatch.day.runs[morning.run_id].etas[owed(morning, room).key].eta_at


def order(morning: Morning) -> list[str]:
    """The rooms that are owed, in the truck's order."""
    return [room for room, _, state in morning.itinerary() if state in ("pending", "due", "at_stop")]


def place(morning: Morning, number: int) -> str:
    """A room of the trip."""
    return morning.trip.visits[number].room_id


def test_a_room_behind_a_closed_road_comes_after_it_and_the_others_keep_their_order(morning: Morning) -> None:
    """Its lamp is dark yet: the visit itself is put off."""
    room, before = place(morning, 6), order(morning)
    minutes = (eta(morning, room) - int(morning.now)) // 60 + 20
    close(morning, room, minutes)
    assert eta(morning, room) >= morning.now + minutes * 60
    assert [one for one in order(morning) if one != room] == [one for one in before if one != room]
    assert order(morning) != before and sorted(order(morning)) == sorted(before)


def test_a_lit_lamp_is_answered_by_a_skip_and_a_second_visit(morning: Morning) -> None:
    """Its keeper was promised a time: the bins go back in by the lamp's rules, the second visit has its own call."""
    room = place(morning, 1)
    assert owed(morning, room).state == "due"
    close(morning, room, 90)
    first = morning.bridge.dispatch.day.visits[(morning.run_id, room, 1)]
    assert (first.state, first.reason) == ("skipped", "no_access")
    assert owed(morning, room).visit_number == 2 and eta(morning, room) >= morning.now + 5400
    morning.step(10)
    assert morning.arrival(room)["state"] != "due"


def test_a_truck_that_stands_at_the_door_is_there(morning: Morning) -> None:
    """Whatever the map says."""
    morning.drive_to(1)
    morning.step(40)
    close(morning, place(morning, 1), 60)
    assert owed(morning, place(morning, 1)).state == "at_stop"


@pytest.mark.parametrize("turned", [False, True])
def test_a_closed_street_puts_off_the_room_that_is_reached_by_it(morning: Morning, turned: bool) -> None:
    """Between two rooms that follow each other, named in either order; the first of them is served as planned."""
    one, other = place(morning, 5), place(morning, 6)
    minutes, first_at = (eta(morning, other) - int(morning.now)) // 60 + 15, eta(morning, one)
    close(morning, *((other, minutes, one) if turned else (one, minutes, other)))
    assert abs(eta(morning, one) - first_at) < 60
    assert eta(morning, other) >= morning.now + minutes * 60
    following = order(morning)
    assert abs(following.index(one) - following.index(other)) > 1 or eta(morning, other) >= morning.now + minutes * 60


def test_who_comes_later_or_earlier_is_not_put_off(morning: Morning) -> None:
    """Closed for ten minutes: a room that is reached in an hour is as it was; nor is one closed from tomorrow on."""
    room, before = place(morning, 9), order(morning)
    close(morning, room, 10)
    close(morning, place(morning, 4), 1500, from_at=int(morning.now) + 86_000)
    assert order(morning) == before and owed(morning, room).not_before_at is None


def test_a_truck_that_would_be_too_early_by_now_is_found_as_time_passes(morning: Morning) -> None:
    """Closed for a while later on; the truck is delayed, and would come into it."""
    room = place(morning, 3)
    first_at = eta(morning, room)
    from_at = first_at + 120
    close(morning, room, (first_at + 3600 - int(morning.now)) // 60, from_at=from_at)
    assert owed(morning, room).not_before_at is None
    morning.step(420)  # it stands in the street
    morning.step(30, 5.0)
    assert eta(morning, room) >= from_at + 1800 or owed(morning, room).visit_number == 2
    assert eta(morning, room) >= first_at + 3500


def test_a_road_that_is_open_again_frees_what_it_had_put_off(morning: Morning) -> None:
    """At once, and it comes where it costs least now."""
    room, before = place(morning, 6), order(morning)
    until_s = eta(morning, room) - int(morning.now) + 1200
    closure = close(morning, room, until_s // 60)
    put_off_at = eta(morning, room)
    morning.bridge.act(Act("open_road", "Li", closure=closure), morning.now)
    assert eta(morning, room) < put_off_at and owed(morning, room).not_before_at is None
    assert sorted(order(morning)) == sorted(before)
    with pytest.raises(ActionError, match="no such road is closed"):
        morning.bridge.act(Act("open_road", "Li", closure=closure), morning.now)


def test_a_road_that_is_open_again_breaks_no_promise(morning: Morning) -> None:
    """Its estate has said until when the lane is blocked, whatever else was in the way."""
    press = morning.press("lane_blocked")
    room, promised_at = place(morning, 1), int(morning.now) + 1800
    said = Act("answer", "Zhao", incident=("t01", press), addressee="estate", answer="promise", until_at=promised_at)
    morning.bridge.act(said, morning.now)
    assert owed(morning, room).not_before_at == promised_at
    closure = close(morning, room, 90)
    assert owed(morning, room).not_before_at == int(morning.now) + 5400
    morning.bridge.act(Act("open_road", "Li", closure=closure), morning.now)
    assert owed(morning, room).not_before_at == promised_at


def test_a_restart_knows_which_roads_are_closed(morning: Morning) -> None:
    """It is on record with who said so."""
    closure = close(morning, place(morning, 8), 120)
    morning.close()
    morning.open()
    known = morning.bridge.dispatch.day.closures[closure]
    assert (known.room, known.who) == (place(morning, 8), "Li")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"room": "r77"}, "no room 'r77'"), ({"other_room": "r01", "room": "r01"}, "name two"),
        ({"until_at": 5}, "end after it begins"), ({"until_at": 1 << 40}, "within a week"),
    ],
)
def test_what_is_no_road_is_refused(morning: Morning, more: dict[str, object], why: str) -> None:
    """Nothing changes then."""
    fields = {"room": "r01", "until_at": int(morning.now) + 600, **more}
    with pytest.raises(ActionError, match=why):
        morning.bridge.act(Act("close_road", "Li", **fields), morning.now)  # type: ignore[arg-type]
    assert not morning.bridge.dispatch.day.closures
