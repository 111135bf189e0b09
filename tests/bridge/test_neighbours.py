"""Two rooms 35 m apart, of which positions show one stay: what their units say minutes later decides whose it was."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act
from broker.rules.statistics.cube import count as cube_of
from broker.web.picture import snapshot
from tests.support.bridge.bin_room import FULL, TARE, Rooms

HERE, THERE = "r90", "r91"
BINS = 4


class Pair(Rooms):
    """A morning whose truck comes to a room and to the one next door; `looked_at` is the one that reports."""

    looked_at = HERE

    def open(self) -> None:
        """Start (again), with the two rooms in the place of the trip's second."""
        if HERE not in self.plan.rooms:
            first, second, *others = self.trip.visits
            rooms, visits = dict(self.plan.rooms), [first]
            for number, name in enumerate((HERE, THERE)):
                along_m = second.distance_m + 35.0 * number
                self.along, kept_m = along_m, self.along
                lat, lon = self.place()
                self.along = kept_m
                rooms[name] = replace(rooms[second.room_id], room_id=name, name=name, lat=lat, lon=lon,
                                      wastes=(self.waste,))
                visits.append(replace(second, room_id=name, distance_m=along_m))
            visits += others
            self.trip = replace(self.trip, visits=tuple(replace(one, sequence=at) for at, one in enumerate(visits, 1)))
            self.plan = replace(self.plan, rooms=rooms, runs={self.trip.trip_id: self.trip})
        super().open()

    @property
    def room(self) -> str:
        """The room that is looked at."""
        return self.looked_at

    def of(self, room: str) -> dict[str, Any]:
        """A room's visit, as it is on record."""
        self.looked_at = room
        return self.visit()

    def both_out(self) -> None:
        """Both rooms are full in the morning, and their keepers roll all bins out."""
        self.serve(0)
        for room in (HERE, THERE):
            self.looked_at = room
            self.report(BINS, BINS * FULL)
            self.roll_out(BINS)

    def stand_and_go(self, along_m: float, stand_s: int = 150) -> None:
        """The truck stands there, and drives on past both rooms."""
        while self.along < along_m:
            self.step(1, 5.0)
        self.step(stand_s)
        self.go_on(40)

    def back(self, room: str, *, full: int) -> None:
        """Its bins come back, so many of them as full as they left."""
        self.looked_at = room
        self.roll_in(BINS, full=full)

    def settle(self) -> None:
        """The weight rests."""
        for room in (HERE, THERE):
            self.looked_at = room
            bins = self.bridge.dispatch.day.devices.room(room).bins.get(self.waste)
            self.step(70)
            if bins is not None:
                self.report(bins.count, bins.grams)

    def shown(self, room: str) -> str:
        """What the room's lamp was told."""
        return str(self.arrival(room)["state"])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    day = Pair(tmp_path / "records", alone=True)
    yield day
    day.store.close()


def stay_at(pair: Pair, room: str) -> None:
    """The positions show a stay at the door of this one, and none at the other's."""
    pair.both_out()
    at_m = next(one.distance_m for one in pair.trip.visits if one.room_id == room)
    pair.stand_and_go(at_m)
    assert pair.of(room)["state"] == "served"


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("on_record", "truly"), [(HERE, THERE), (THERE, HERE)])
def test_the_stay_goes_to_the_room_whose_bins_were_emptied(
    pair: Pair, on_record: str, truly: str, restarts: bool
) -> None:
    """The other one is owed again: its call is the one it had, its lamp waits, a person is asked, the figures follow."""
    stay_at(pair, on_record)
    before = pair.of(on_record)
    assert pair.of(truly)["passed_at"] is not None
    pair.back(on_record, full=BINS)
    if restarts:
        pair.restart()
    pair.back(truly, full=0)
    pair.settle()
    served, owed = pair.of(truly), pair.of(on_record)
    assert (served["state"], served["arrived_at"], served["left_at"]) == ("served", *(before[name] for name in (
        "arrived_at", "left_at")))
    assert (served["bins_before"], served["bins_after"]) == (BINS, 0)
    assert (owed["state"], owed["arrived_at"], owed["left_at"]) == ("due", None, None)
    assert owed["passed_at"] is not None and owed["call_id"] == before["call_id"]
    calls = pair.store.latest("call")
    assert (calls[owed["call_id"]].body["arrived_at"], calls[owed["call_id"]].body["how"]) == (None, None)
    assert calls[served["call_id"]].body["how"] == "served"
    assert (pair.shown(on_record), pair.shown(truly)) == ("held", "served")
    assert {key[1] for key in pair.bridge.dispatch.day.attention.of(Topic.PASSED)} == {on_record}
    states = {row["room"]: row["state"] for run in snapshot(pair.bridge, pair.now)["runs"] for row in run["visits"]}
    assert (states[on_record], states[truly]) == ("due", "served")
    row = cube_of([*pair.store.scan("visit")], "Asia/Shanghai")
    assert sum(figures["bins"] for figures in row.values()) == BINS
    if restarts:
        pair.restart()
    pair.settle()
    assert (pair.of(on_record), pair.of(truly)) == (owed, served)


def test_the_run_goes_on_until_the_room_is_served_after_all(pair: Pair) -> None:
    """It owes the one that was taken back: the truck that comes back to its door serves it."""
    stay_at(pair, HERE)
    pair.back(HERE, full=BINS)
    pair.back(THERE, full=0)
    pair.settle()
    key = (pair.run_id, HERE, 1)
    run = pair.bridge.dispatch.day.runs[pair.run_id]
    for visit in list(pair.bridge.dispatch.day.owed(run)):
        if visit.key != key:
            pair.bridge.act(Act("serve", "Li", visit=visit.key), pair.now)
    assert run.state == "running"
    pair.along = next(one.distance_m for one in pair.trip.visits if one.room_id == HERE)
    pair.step(120)
    assert pair.of(HERE)["state"] == "at_stop"
    pair.go_on()
    assert pair.of(HERE)["state"] == "served" and run.state == "finished"


def test_a_run_that_was_over_goes_on(pair: Pair) -> None:
    """A person said that the room passed by was served, and nothing was owed any more: its bins say when it was."""
    stay_at(pair, HERE)
    stayed = pair.of(HERE)
    run = pair.bridge.dispatch.day.runs[pair.run_id]
    for visit in list(pair.bridge.dispatch.day.owed(run)):
        pair.bridge.act(Act("serve", "Li", visit=visit.key), pair.now)
    assert run.state == "finished"
    pair.back(HERE, full=BINS)
    pair.back(THERE, full=0)
    pair.settle()
    there = pair.of(THERE)
    assert (there["arrived_at"], there["left_at"], there["by_hand"]) == (stayed["arrived_at"], stayed["left_at"], True)
    assert pair.of(HERE)["state"] == "due" and run.state == "running"
    pair.restart()
    assert pair.bridge.dispatch.day.runs[pair.run_id].state == "running"


def test_both_were_emptied_from_one_place(pair: Pair) -> None:
    """The one that was passed by was served in the stay at the other."""
    stay_at(pair, HERE)
    pair.back(HERE, full=0)
    pair.back(THERE, full=0)
    pair.settle()
    here, there = pair.of(HERE), pair.of(THERE)
    assert (here["state"], there["state"], there["arrived_at"]) == ("served", "served", here["arrived_at"])


def no_unit(pair: Pair) -> None:
    pair.back(THERE, full=0)


def still_outside(pair: Pair) -> None:
    pair.looked_at = HERE
    pair.roll_in(BINS - 1, full=BINS - 1)
    pair.back(THERE, full=0)


def only_counted(pair: Pair) -> None:
    for room in (HERE, THERE):
        pair.looked_at = room
        for count in range(1, BINS + 1):
            pair.report(count, None)


def one_refused(pair: Pair) -> None:
    pair.back(HERE, full=1)
    pair.back(THERE, full=BINS)


def both_full(pair: Pair) -> None:
    """Nobody was emptied: the stay may have been one of the traffic, or of a crew that refused all."""
    pair.back(THERE, full=BINS)


@pytest.mark.parametrize("evidence", [no_unit, still_outside, only_counted, one_refused, both_full])
def test_without_evidence_nothing_changes(pair: Pair, evidence: Callable[[Pair], None]) -> None:
    """What was served stays served, and what was passed by stays owed."""
    stay_at(pair, HERE)
    evidence(pair)
    pair.settle()
    assert (pair.of(HERE)["state"], pair.of(THERE)["state"]) == ("served", "due")


def test_what_a_person_said_of_a_room_itself_stays(pair: Pair) -> None:
    """The dispatcher who served it by hand knows more than its sensors do."""
    pair.both_out()
    pair.stand_and_go(next(one.distance_m for one in pair.trip.visits if one.room_id == HERE), 5)
    pair.bridge.act(Act("serve", "Li", visit=(pair.run_id, HERE, 1)), pair.now)
    pair.back(HERE, full=BINS)
    pair.back(THERE, full=0)
    pair.settle()
    assert pair.of(HERE)["state"] == "served" and pair.of(THERE)["state"] == "due"
    assert TARE < FULL
