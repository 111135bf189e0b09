"""A truck's next run begins where the one before it ends: one stay is of both, where it lasts so long."""

from dataclasses import replace
from functools import cache
from unittest.mock import patch

import pytest

from broker.plan.demo_area import demo_plan
from broker.plan.geometry import lengths_m
from broker.plan.model import Plan
from broker.rules.states.visit import Visit
from tests.support.bridge.rehearsal import Rehearsal

pytestmark = pytest.mark.real  # tenths of a second each

PAUSE_S = 600  # between the planned end of the first run and the start of the next


def there_and_back() -> Plan:
    """The demo area, whose first truck goes back to two rooms after its run, beginning with the last."""
    plan = demo_plan()
    own = (run for run in plan.runs.values() if run.truck_id == "t01")
    there = min(own, key=lambda run: run.visits[0].arrive_day_s)
    line = plan.routes[there.route_id].line
    starts_s = there.visits[-1].leave_day_s + PAUSE_S
    visits = tuple(
        replace(visit, sequence=number + 1, distance_m=lengths_m(line)[-1] - visit.distance_m,
                arrive_day_s=starts_s + number * 600, leave_day_s=starts_s + number * 600 + 200)
        for number, visit in enumerate(reversed(there.visits[-2:]))
    )  # fmt: skip
    back = replace(there, trip_id="back", visits=visits, line=tuple(reversed(line)))
    return replace(plan, runs={there.trip_id: there, "back": back})


@cache
def come() -> Rehearsal:
    """A morning on which the truck has come to the last room of its first run."""
    with patch("tests.support.bridge.morning.demo_plan", there_and_back):
        morning = Rehearsal()
    for visit in range(len(morning.trip.visits)):
        morning.serve(visit)
    return morning


class Turn:
    """Such a morning, and what is seen of its last room."""

    def __init__(self) -> None:
        self.morning = come().again()
        self.room = self.morning.trip.visits[-1].room_id
        self.end_at = self.morning.bridge.dispatch.day.runs[self.morning.run_id].planned_end_at

    def stand_until(self, after_end_s: int) -> None:
        """Stand on until so long after the planned end of the first run."""
        while self.morning.now < self.end_at + after_end_s:
            self.morning.step(10)

    def drive_back(self) -> None:
        """Turn, drive to the room before, and stand there."""
        before_m = self.morning.trip.visits[-2].distance_m
        while self.morning.along > before_m:
            self.morning.along -= 10
            self.morning.step(1, 5.0)
        self.morning.step(120)

    def visits(self) -> tuple[Visit, Visit]:
        """The last of the first run and the first of the next."""
        visits = self.morning.bridge.dispatch.day.visits
        return visits[self.morning.run_id, self.room, 1], visits["back.20261123", self.room, 1]


@pytest.mark.parametrize("restart", [False, True])
def test_one_long_stay_serves_the_end_of_a_run_and_the_beginning_of_the_next(restart: bool) -> None:
    """Its two parts meet at the next run's start; the lamp shows a truck all the time, and nothing stays due."""
    turn = Turn()
    turn.stand_until(PAUSE_S - 60)
    assert turn.visits()[0].state == "at_stop"
    if restart:
        turn.morning.open()
    arrival = f"/room/{turn.room}/arrival/{turn.morning.waste}"
    told = len(turn.morning.sent)
    turn.stand_until(PAUSE_S + 120)
    shown = {body["state"] for _, topic, body in turn.morning.sent[told:] if topic.endswith(arrival)}
    assert shown <= {"at_stop"} and turn.morning.arrival(turn.room)["state"] == "at_stop"
    turn.drive_back()
    first, second = turn.visits()
    assert (first.state, second.state) == ("served", "served")
    assert first.left_at == second.arrived_at
    assert turn.end_at + PAUSE_S - 10 <= (second.arrived_at or 0) <= turn.end_at + PAUSE_S + 20


def test_a_stay_that_ends_before_the_next_run_begins_is_not_of_that() -> None:
    """What was not there at the time of the next run has not served it."""
    turn = Turn()
    turn.stand_until(-300)
    turn.drive_back()
    first, second = turn.visits()
    assert (first.state, second.owed) == ("served", True)
