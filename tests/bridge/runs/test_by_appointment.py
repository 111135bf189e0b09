"""Hazardous waste comes by appointment and is counted in kilograms: no lamp by timetable, no bins rolled out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.plan.calendar import day_start_at
from broker.plan.geometry import lengths_m
from broker.rules.dispatch.visits.tours import tour_of
from firmware import wire
from tests.support.bridge.morning import DAY, Morning


class _Hazardous(Morning):
    """The truck of the hazardous round on its way to the first room, on any day."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, truck="t04")

    def open(self) -> None:
        """Start (again) over the same store, with that round alone."""
        run = self.plan.runs["hazardous-1"]
        if self.trip is not run:
            self.trip, self.route, self.waste = run, self.plan.routes["hazardous"], "hazardous"
            daily = replace(self.plan.services["daily"], service_id="twice-a-week")
            services = {**self.plan.services, "twice-a-week": daily}
            self.plan = replace(self.plan, services=services, runs={run.trip_id: run})
            self.run_id = f"{run.trip_id}.20261123"
            self.line, self.cumulative = self.route.line, lengths_m(self.route.line)
            self.now = float(day_start_at(self.plan, DAY) + run.visits[0].arrive_day_s - 1200)
            self.along = run.visits[0].distance_m - 3000.0
        super().open()

    def weigh(self, room: str, grams: int | None, count: int = 1) -> None:
        """What the room's unit says of its cabinet."""
        bins = [{"waste": "hazardous", "count": count, "grams": grams, "quality": 0}]
        self.say("bins", {"at": int(self.now), "late": False, "bins": bins}, device=room)


@pytest.fixture
def round_(tmp_path: Path) -> Iterator[_Hazardous]:
    """The hazardous round, an hour of it before it comes to its first room."""
    morning = _Hazardous(tmp_path)
    yield morning
    morning.close()


def test_no_lamp_is_lit_by_timetable_and_the_truck_is_shown_when_it_stands_there(round_: _Hazardous) -> None:
    """Nobody rolls out a cabinet: the room is told when the truck comes, and that it is there, and is not called."""
    room, told = round_.trip.visits[0].room_id, set()
    while round_.along < round_.trip.visits[0].distance_m:
        round_.step(1, 5.0)
        told.add(round_.arrival(room)["state"])
    assert told <= {"scheduled", "none"}
    assert "scheduled" in told
    round_.step(100)
    assert round_.arrival(room)["state"] == "at_stop"
    round_.drive_to(1)
    assert round_.arrival(room)["state"] == "served"
    assert list(round_.store.scan("call")) == []
    assert not any(visit.call_id for visit in round_.bridge.dispatch.day.visits.values())


def test_kilograms_are_what_waits_and_what_was_taken(round_: _Hazardous) -> None:
    """The driver reads kilograms and no bins; the visit took what the cabinet lost, though its bin stayed."""
    room = round_.trip.visits[0].room_id
    round_.step(5)
    round_.weigh(room, 40_000)
    round_.drive_to(0)
    first = round_.retained[wire.topic("itinerary", "xh", "t04")]["visits"][0]
    assert first["bins"] == [{"waste": "hazardous", "count": None, "grams": 40_000}]
    round_.step(60)
    round_.weigh(room, 8_000)
    round_.step(40)
    round_.drive_to(1)
    visit = round_.bridge.dispatch.day.visits[(round_.run_id, room, 1)]
    assert (visit.state, visit.grams_before, visit.grams_after) == ("served", 40_000, 8_000)


def test_bins_that_stay_take_no_room_on_a_truck(round_: _Hazardous) -> None:
    """A truck's places for bins are for what is emptied into it by the bin."""
    for planned in round_.trip.visits:
        round_.weigh(planned.room_id, 20_000, count=9)
    round_.step(5)
    day = round_.bridge.dispatch.day
    assert {stop.bins for stop in tour_of(day, day.runs[round_.run_id], int(round_.now)).stops} == {0}
