"""What a skip means for the visit that makes up for it, reason by reason; what a press at a served stop is about."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.visits.skip_reasons import SORTING_S
from broker.rules.dispatch.visits.tours import stop_of, tour_of, ways_of
from broker.rules.replanning.insertion import OpenTour, Place, limits
from broker.rules.states.visit import Visit
from firmware import wire
from tests.support.bridge.morning import Morning


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    """The first room is served, the truck is on its way to the second."""
    morning = Morning(tmp_path, alone=True)
    morning.serve(0)
    morning.step(30, 5.0)
    yield morning
    morning.close()


def skipped(morning: Morning, reason: str, number: int = 1) -> Visit:
    """The crew skips a room; the visit that makes up for it."""
    room = morning.trip.visits[number].room_id
    morning.bridge.act(Act("skip", "crew", visit=(morning.run_id, room, 1), reason=reason), morning.now)
    day = morning.bridge.dispatch.day
    assert day.visits[(morning.run_id, room, 1)].reason == reason
    return day.visits[(morning.run_id, room, 2)]


def rooms(morning: Morning) -> list[str]:
    """What is owed, in the truck's order."""
    return [room for room, _, state in morning.itinerary() if state in ("pending", "due", "at_stop")]


def eta(morning: Morning, visit: Visit) -> int:
    """When the truck is expected there."""
    return morning.bridge.dispatch.day.runs[morning.run_id].etas[visit.key].eta_at


@pytest.mark.parametrize(
    ("reason", "after_s"),
    [("lane_blocked", 1200), ("no_access", 1200), ("unsafe", 1200), ("not_out", 960), ("contamination", SORTING_S)],
)
def test_what_needs_time_is_made_later(morning: Morning, reason: str, after_s: int) -> None:
    """Others come first; it is expected again when it is worth coming, or at the end of the round."""
    second = skipped(morning, reason)
    assert second.state == "pending" and second.truck == "t01"
    assert eta(morning, second) >= morning.now + after_s or rooms(morning)[-1] == second.room
    assert rooms(morning)[0] == morning.trip.visits[2].room_id
    assert (second.not_before_at is not None) == (reason == "lane_blocked")


@pytest.mark.parametrize("reason", ["breakdown", "other"])
def test_what_needs_no_time_is_made_where_it_costs_least(morning: Morning, reason: str) -> None:
    """The truck is before its door: it may be the next one."""
    second = skipped(morning, reason)
    assert second.not_before_at is None
    assert second.room in rooms(morning)


def test_no_room_is_lost_or_doubled_whatever_is_skipped_for_whatever_reason(morning: Morning) -> None:
    """Each reason once, one room after the other."""
    before = rooms(morning)
    for number, reason in enumerate(wire.SKIP_REASONS, start=1):
        skipped(morning, reason, number)
    assert sorted(rooms(morning)) == sorted(before)


def test_what_is_skipped_for_a_full_truck_comes_after_the_transfer_station(morning: Morning) -> None:
    """So does all else that is owed; the other rooms keep their order."""
    before = rooms(morning)
    second = skipped(morning, "full_truck")
    run = morning.bridge.dispatch.day.runs[morning.run_id]
    assert run.full_at is not None and run.away_until is not None
    assert min(one.eta_at for one in run.etas.values()) >= run.away_until
    assert [room for room in rooms(morning) if room != second.room] == before[1:]


def bins(morning: Morning, room: str, count: int) -> None:
    """A unit's report."""
    rows = [{"waste": morning.waste, "count": count, "grams": None, "quality": 0}]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=room)


@pytest.mark.parametrize("is_back", [True, False])
def test_a_press_at_a_served_stop_is_about_the_way_ahead(morning: Morning, is_back: bool) -> None:
    """The bins are back, emptied: nothing of the visit is taken back. As long as they are outside nobody knows."""
    here, ahead = (morning.trip.visits[number].room_id for number in (1, 2))
    bins(morning, here, 4)
    morning.drive_to(1)
    morning.step(30)
    bins(morning, here, 0)
    morning.step(60)
    if is_back:
        bins(morning, here, 4)
        morning.step(20)
    incident = morning.press()
    bound = morning.bridge.dispatch.day.incidents[("t01", incident)]
    day = morning.bridge.dispatch.day
    assert bound.room == (ahead if is_back else here)
    morning.step(60, 5.0)
    assert day.visits[(morning.run_id, here, 1)].state == ("served" if is_back else "skipped")
    if is_back:
        assert day.visits[(morning.run_id, ahead, 1)].state == "skipped"
        assert (morning.run_id, here, 2) not in day.visits


def test_the_itinerary_tells_of_bins_moved_at_a_skipped_room(morning: Morning) -> None:
    """A skipped row stays on the list until its room is served, with what waits there by now."""
    second = skipped(morning, "not_out", 5)
    morning.step(20)

    def told() -> list[object]:
        visits = morning.retained[wire.topic("itinerary", "xh", "t01")]["visits"]
        return [visit["bins"] for visit in visits if visit["room"] == second.room and visit["visit_number"] == 1]

    bins(morning, second.room, 7)
    morning.step(20)
    assert told() == [[{"waste": morning.waste, "count": 7, "grams": None}]]


@pytest.mark.parametrize("driven_s", [60, 240, 420])
def test_a_lane_that_is_clear_moves_its_room_to_where_it_costs_least(morning: Morning, driven_s: int) -> None:
    """Of all places in what the truck has before it, counted out one by one; nothing else changes its order."""
    morning.press()
    day, room = morning.bridge.dispatch.day, morning.trip.visits[1].room_id
    morning.step(driven_s, 5.0)
    run, second = day.runs[morning.run_id], day.visits[(morning.run_id, room, 2)]
    tour, ways = tour_of(day, run, int(morning.now)), ways_of(day, run, int(morning.now))
    stop = replace(stop_of(day, run, second, int(morning.now)), open_at=None, before_at=None)
    others = tour.without(second.key)
    open_tour = OpenTour(others, limits(others, ways), ways)
    places = [open_tour.cost_at(stop, at) for at in range(open_tour.first_place, len(others.stops) + 1)]
    found = [place for place in places if isinstance(place, Place)]
    assert len(found) > 3
    best = min(found, key=lambda place: (place.cost_s, place.position)).position
    morning.say("keeper", {"at": int(morning.now), "event": "lane_clear"}, device=room)
    after = [visit.room for visit in day.ahead(run)]
    assert after == [one.place for one in others.with_stop(stop, best).stops]
    assert day.visits[(morning.run_id, room, 2)].not_before_at is None
