"""A run cannot close while it owes a visit; what is open when it is long over goes on, or ends with a reason."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.plan.calendar import day_start_at
from broker.plan.model import RunPlan
from broker.rules.day.runs import Run
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.runs.shift_ends import left_over
from tests.support.bridge.morning import DAY, Morning

pytestmark = pytest.mark.real  # tenths of a second each

HOUR_S = 3600


class _TwoShifts(Morning):
    """A route with a run in the morning and, if asked, another in the afternoon, by another truck."""

    afternoon_rooms: int | None = None

    def open(self) -> None:
        """Start with both."""
        if self.afternoon_rooms is not None:
            late = self._later(self.trip, 6 * HOUR_S)
            self.plan = replace(self.plan, runs={self.trip.trip_id: self.trip, late.trip_id: late})
        super().open()

    def _later(self, trip: RunPlan, by_s: int) -> RunPlan:
        visits = tuple(
            replace(one, arrive_day_s=one.arrive_day_s + by_s, leave_day_s=one.leave_day_s + by_s)
            for one in trip.visits[: self.afternoon_rooms]
        )
        end_s = visits[-1].leave_day_s + 2 * HOUR_S
        return replace(trip, trip_id="late", truck_id="t99", visits=visits, shift_end_day_s=end_s)

    def until(self, after_end_s: int) -> None:
        """So long after the end of the morning's shift; nobody speaks."""
        run = self.bridge.dispatch.day.runs[self.run_id]
        self.speak = False
        end_at = max(run.planned_end_at, run.shift_end_at or 0)
        while self.now < end_at + after_end_s:
            self.hours(1, tick_s=600)

    @property
    def run(self) -> Run:
        """The morning's."""
        return self.bridge.dispatch.day.runs[self.run_id]


def day_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, afternoon_rooms: int | None) -> _TwoShifts:
    """The first room is served; the truck falls silent."""
    monkeypatch.setattr(_TwoShifts, "afternoon_rooms", afternoon_rooms)
    day = _TwoShifts(tmp_path, alone=True)
    day.serve(0)
    day.step(30, 5.0)
    return day


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_TwoShifts]:
    """No other run comes today."""
    day = day_of(tmp_path, monkeypatch, None)
    yield day
    day.close()


def test_a_run_that_owes_stays_open_and_a_person_is_asked(alone: _TwoShifts) -> None:
    """Hours after its end it may still be said that all was served."""
    alone.until(6 * HOUR_S)
    owed = alone.bridge.dispatch.day.owed(alone.run)
    assert alone.run.state == "running" and len(owed) == len(alone.trip.visits) - 1
    for visit in owed:
        alone.bridge.act(Act("serve", "Li", visit=visit.key), alone.now)
    assert alone.run.state == "finished"


def test_what_nobody_settled_ends_with_a_reason_and_its_keeper_is_told(alone: _TwoShifts) -> None:
    """Every visit is skipped, none cancelled in silence; the run closes, and the arrival says `skipped`."""
    alone.until(13 * HOUR_S)
    visits = [alone.bridge.dispatch.day.visits[key] for key in alone.run.order]
    assert [visit.state for visit in visits] == ["served"] + ["skipped"] * (len(visits) - 1)
    assert {visit.reason for visit in visits[1:]} == {"other"} and alone.run.state == "finished"
    assert {alone.arrival(visit.room)["state"] for visit in visits[1:]} == {"skipped"}


def test_the_reason_says_what_became_of_the_truck(alone: _TwoShifts) -> None:
    """It broke down, and nobody decided."""
    alone.press("breakdown")
    alone.until(13 * HOUR_S)
    visits = [alone.bridge.dispatch.day.visits[key] for key in alone.run.order]
    assert {visit.reason for visit in visits if visit.state == "skipped"} == {"breakdown"}


def test_the_next_day_has_all_of_them_again(alone: _TwoShifts) -> None:
    """By its own timetable: nothing is owed twice."""
    alone.until(13 * HOUR_S)
    while alone.now < day_start_at(alone.plan, DAY) + 86_400 + alone.trip.visits[0].arrive_day_s - HOUR_S + 60:
        alone.hours(1, tick_s=600)
    day = alone.bridge.dispatch.day
    tomorrow = next(run for run in day.runs.values() if run.state == "scheduled")
    rooms = [visit.room for visit in day.owed(tomorrow)]
    assert sorted(rooms) == sorted(visit.room_id for visit in alone.trip.visits)


def test_the_routes_next_run_owes_what_it_does_not_call_at(alone: _TwoShifts) -> None:
    """A room of one weekday waits for no week; one that is made up for, or that the run calls at, is owed once."""
    day, rooms = alone.bridge.dispatch.day, [visit.room_id for visit in alone.trip.visits]
    alone.bridge.act(Act("skip", "crew", visit=(alone.run_id, rooms[3], 1), reason="not_out"), alone.now)
    assert list(left_over(day, alone.trip.route_id, set())) == []
    alone.until(13 * HOUR_S)
    left = list(left_over(day, alone.trip.route_id, set(rooms[:6])))
    assert [visit.room for visit in left] == rooms[6:]
    assert [visit.room for visit in left_over(day, alone.trip.route_id, set())].count(rooms[3]) == 1
    assert list(left_over(day, "another", set())) == []


@pytest.mark.parametrize("afternoon_rooms", [12, 5])
def test_it_goes_to_the_next_run_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, afternoon_rooms: int
) -> None:
    """One that calls there, or that can take it besides: owed once, by that truck, and the keeper hears when."""
    morning = day_of(tmp_path, monkeypatch, afternoon_rooms)
    open_rooms = {visit.room for visit in morning.bridge.dispatch.day.owed(morning.run)}
    morning.until(2 * HOUR_S + 700)
    day = morning.bridge.dispatch.day
    late = next(run for run in day.runs.values() if run.truck == "t99")
    assert morning.run.state == "finished"
    owed = [visit.room for visit in day.owed(late)]
    assert open_rooms <= set(owed) and len(owed) == len(set(owed))
    told = {room: morning.arrival(room) for room in open_rooms}
    assert {body["truck"] for body in told.values()} == {"t99"}
    assert {body["state"] for body in told.values()} == {"scheduled"}
    morning.close()
