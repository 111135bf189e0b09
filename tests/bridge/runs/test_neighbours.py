"""Two rooms 35 m apart, of which positions show one stay: what their units say minutes later decides whose it was."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act
from broker.rules.statistics.cube import count as cube_of
from broker.web.view.picture import snapshot
from tests.support.bridge.bin_room import FULL, TARE
from tests.support.bridge.next_door import BINS, NextDoor, stand_and_go

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def day(tmp_path: Path) -> Iterator[NextDoor]:
    morning = NextDoor(tmp_path / "records", alone=True)
    yield morning
    morning.close()


def scored(day: NextDoor) -> set[str]:
    """The calls that are over, by what is remembered of them."""
    return {one.call_id for one in day.bridge.dispatch.day.call_scores.between("0000", "9999")}


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("told", "true"), [(0, 1), (1, 0)])
def test_the_stay_goes_to_the_room_whose_bins_were_emptied(day: NextDoor, told: int, true: int, restarts: bool) -> None:
    """The other is owed again: the call is the one it had, its lamp waits, a person is asked, the figures follow."""
    day.stays_at(told)
    before = day.of(told)
    assert day.of(true).passed_at is not None
    day.back(told, full=BINS)
    if restarts:
        day.restart()
    day.back(true, full=0)
    day.settle()
    served, owed = day.of(true), day.of(told)
    assert (served.state, served.arrived_at, served.left_at) == ("served", before.arrived_at, before.left_at)
    assert (served.bins_before, served.bins_after) == (BINS, 0)
    assert (owed.state, owed.arrived_at, owed.left_at, owed.bins_after) == ("due", None, None, None)
    assert owed.passed_at == before.left_at and owed.call_id == before.call_id
    calls = {call: record.body for call, record in day.store.latest("call").items()}
    assert (calls[owed.call_id]["arrived_at"], calls[owed.call_id]["how"]) == (None, None)
    assert (calls[served.call_id]["arrived_at"], calls[served.call_id]["how"]) == (served.arrived_at, "served")
    assert owed.call_id not in scored(day) and served.call_id in scored(day)
    assert [day.arrival(visit.room)["state"] for visit in (owed, served)] == ["held", "served"]
    assert set(day.bridge.dispatch.day.attention.of(Topic.PASSED)) == {owed.key}
    states = {row["room"]: row["state"] for run in snapshot(day.bridge, day.now)["runs"] for row in run["visits"]}
    assert (states[owed.room], states[served.room]) == ("due", "served")
    assert {(room, state) for room, _, state in day.itinerary()} >= {(owed.room, "due"), (served.room, "served")}
    figures = cube_of([*day.store.scan("visit")], "Asia/Shanghai").values()
    assert sum(row["bins"] for row in figures) == BINS and sum(row["served"] for row in figures) == 1
    if restarts:
        day.restart()
    day.settle()
    assert (day.of(told), day.of(true)) == (owed, served)


def test_the_truck_that_comes_back_serves_the_one_that_is_owed_again(day: NextDoor) -> None:
    """Its run cannot close before that."""
    day.stays_at(0)
    day.back(0, full=BINS)
    day.back(1, full=0)
    day.settle()
    run, owed = day.bridge.dispatch.day.runs[day.run_id], day.of(0)
    for visit in day.bridge.dispatch.day.owed(run):
        if visit.key != owed.key:
            day.bridge.act(Act("serve", "Li", visit=visit.key), day.now)
    assert run.state == "running"
    day.along = day.trip.visits[0].distance_m
    day.step(120)
    assert day.of(0).state == "at_stop"
    day.go_on()
    assert day.of(0).state == "served" and run.state == "finished"


def test_a_run_that_was_over_goes_on(day: NextDoor) -> None:
    """By a person's word the room that was passed by was served, and nothing was owed: its bins say when it was."""
    day.stays_at(0)
    stay, run = day.of(0), day.bridge.dispatch.day.runs[day.run_id]
    for visit in day.bridge.dispatch.day.owed(run):
        day.bridge.act(Act("serve", "Li", visit=visit.key), day.now)
    assert run.state == "finished"
    day.back(0, full=BINS)
    day.back(1, full=0)
    day.settle()
    served = day.of(1)
    assert (served.arrived_at, served.left_at, served.by_hand) == (stay.arrived_at, stay.left_at, True)
    assert day.of(0).state == "due" and run.state == "running"
    day.restart()
    assert day.bridge.dispatch.day.runs[day.run_id].state == "running"


def test_both_were_emptied_from_one_place(day: NextDoor) -> None:
    """The one that was passed by was served in the stay at the other."""
    day.stays_at(0)
    day.back(0, full=0)
    day.back(1, full=0)
    day.settle()
    here, there = day.of(0), day.of(1)
    assert (here.state, there.state, there.arrived_at) == ("served", "served", here.arrived_at)


@pytest.mark.parametrize("first", [0, 1, None])
def test_of_two_served_from_one_place_that_one_was_first_whose_bins_were_back_first(
    day: NextDoor, first: int | None
) -> None:
    """The truck stood there for both; what is not known to have been served after the other was since it came."""
    day.both_out()
    day.serve(0, 190)
    if first is not None:
        day.back(first, full=0)
    day.step(140 if first is not None else 180)
    day.go_on()
    here, there = day.of(0), day.of(1)
    assert there.inferred and there.arrived_at > here.arrived_at + 60 and abs(there.left_at - here.left_at) <= 10
    for number in (0, 1):
        if number != first:
            day.back(number, full=0)
    day.settle()
    assert day.of(0).arrived_at == here.arrived_at
    assert day.of(1).arrived_at == (there if first == 0 else here).arrived_at


def test_what_came_back_full_was_not_served_though_a_person_says_that_the_other_was(day: NextDoor) -> None:
    """No bin was put out there, and the crew had come for it: the stay was its."""
    day.report(BINS, BINS * FULL)
    day.roll_out(BINS)
    day.looked_at = 1
    day.report(BINS, BINS * FULL)
    stand_and_go(day, 0)
    stay = day.of(0)
    day.bridge.act(Act("serve", "Li", visit=day.of(1).key), day.now)
    day.back(0, full=BINS)
    day.settle()
    assert day.of(0).state == "due" and day.of(1).arrived_at == stay.arrived_at


def nothing_is_heard_of_one(day: NextDoor) -> None:
    day.back(1, full=0)


def one_bin_is_outside_yet(day: NextDoor) -> None:
    day.looked_at = 0
    day.roll_in(BINS - 1, full=BINS - 1)
    day.back(1, full=0)


def nothing_is_weighed(day: NextDoor) -> None:
    for day.looked_at in (0, 1):
        for count in range(1, BINS + 1):
            day.report(count, None)


def some_were_emptied_here_and_none_there(day: NextDoor) -> None:
    day.back(0, full=1)
    day.back(1, full=BINS)


@pytest.mark.parametrize(
    "evidence",
    [nothing_is_heard_of_one, one_bin_is_outside_yet, nothing_is_weighed, some_were_emptied_here_and_none_there],
)
def test_without_evidence_nothing_changes(day: NextDoor, evidence: Callable[[NextDoor], None]) -> None:
    """What was served stays served, and what was passed by stays owed."""
    day.stays_at(0)
    evidence(day)
    day.settle()
    assert (day.of(0).state, day.of(1).state) == ("served", "due")


def test_a_unit_whose_clock_is_behind_says_nothing_until_it_is_right(day: NextDoor) -> None:
    """Bins that came back two hours before the truck came were not emptied by it."""
    day.stays_at(0)
    day.back(0, full=BINS)
    day.looked_at = 1
    for count in range(1, BINS + 1):
        day.report(count, count * TARE, at=int(day.now) - 7200)
    assert (day.of(0).state, day.of(1).state) == ("served", "due")
    day.settle()
    assert (day.of(0).state, day.of(1).state) == ("due", "served")


def test_what_a_person_said_of_a_room_itself_stays(day: NextDoor) -> None:
    """Whoever served it by hand knows more than its sensors do."""
    day.both_out()
    stand_and_go(day, 0, 5)
    day.bridge.act(Act("serve", "Li", visit=day.of(0).key), day.now)
    day.back(0, full=BINS)
    day.back(1, full=0)
    day.settle()
    assert (day.of(0).state, day.of(1).state) == ("served", "due")


@pytest.mark.parametrize(("first_s", "state"), [(240, "served"), (60, "due")])
def test_of_two_stays_one_after_the_other_a_short_one_that_emptied_nothing_was_none(
    day: NextDoor, first_s: int, state: str
) -> None:
    """A crew that stood its time at both doors was at both, also where it left all bins as they were."""
    day.both_out()
    day.serve(0, 240)
    day.serve(1, 240)
    day.step(40, 5.0)
    first, second = day.of(0), day.of(1)
    moved_up_at = second.left_at - 240
    for visit, stay in ((first, (moved_up_at - first_s, moved_up_at)), (second, (moved_up_at + 9, second.left_at))):
        day.bridge.dispatch.day.visits.place(visit.stayed(*stay))
    day.back(0, full=BINS)
    day.back(1, full=0)
    day.settle()
    assert [day.of(number).state for number in (0, 1)] == [state, "served"]
