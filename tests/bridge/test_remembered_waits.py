"""What waits for a visit is remembered as long as it is the same: whoever looks anew finds what is remembered."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.rules.day.bins import Waits, waiting
from broker.rules.states.visit import Visit
from tests.support.bridge.bin_room import FULL, Rooms


class Waiting(Rooms):
    """A morning on which the truck comes to the room twice; its clock may be ahead."""

    ahead_s = 0

    def fix(self, speed_mps: float, **changes: Any) -> None:
        """The truck's position is reported."""
        super().fix(speed_mps, **{"fix_at": int(self.now) + self.ahead_s, **changes})

    def owed(self) -> Visit:
        """The first visit there."""
        return self.bridge.dispatch.day.visits[self.run_id, self.room, 1]

    def waits_twice(self, visit: Visit, at: float) -> tuple[Waits, Waits]:
        """(as it is remembered, as one finds it who looks anew) for a visit; what is remembered stays so."""
        day = self.bridge.dispatch.day
        remembered, readings = waiting(day, visit, int(at)), day.devices.rooms[self.room].readings[self.waste]
        held = readings.held
        found = waiting(day, replace(visit), int(at))
        readings.hold(held)
        return remembered, found


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Waiting]:
    day = Waiting(tmp_path / "records", alone=True)
    day.life("ready")
    yield day
    day.close()


@pytest.mark.parametrize("ahead_s", [0, 20])
def test_what_waits_for_a_second_visit_is_another_once_the_first_has_left(morning: Waiting, ahead_s: int) -> None:
    """By the truck's own clock, which may be ahead: its bins are back, emptied, and those are what waits."""
    morning.ahead_s = ahead_s
    morning.report(6, 6 * FULL)
    morning.serve(0)
    second = replace(morning.owed(), visit_number=2, planned_at=None)
    morning.bridge.dispatch.day.visits.place(second)
    morning.roll_out(6)
    morning.drive_to(1)
    morning.step(60)
    morning.roll_in(6)
    for _ in range(120):
        morning.step(1, 5.0)
        remembered, found = morning.waits_twice(second, morning.now)
        assert remembered == found
    assert morning.owed().state == "served"


def test_what_waited_at_an_earlier_moment_is_asked_of_that_moment(morning: Waiting) -> None:
    """A truck that was silent came before more bins did."""
    morning.report(4, 4 * FULL)
    morning.step(300)
    before = morning.now
    morning.step(60)
    morning.report(6, 6 * FULL)
    morning.step(60)
    assert [morning.waits_twice(morning.owed(), at)[0][0] for at in (morning.now, before)] == [6, 4]
