"""A full truck goes to the transfer station first; all that its run owes comes after it, and is told so."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act, ActionError
from tests.support.bridge.morning import Morning


class _Round(Morning):
    """A morning whose truck takes few bins, if asked."""

    takes: int | None = None

    def open(self) -> None:
        """Start with such a truck."""
        if self.takes is not None:
            few = {key: replace(run, capacity_bins=self.takes) for key, run in self.plan.runs.items()}
            self.plan = replace(self.plan, runs=few)
        super().open()

    @property
    def first_at(self) -> int:
        """When the next room is reached."""
        return min(eta.eta_at for eta in self.bridge.dispatch.day.runs[self.run_id].etas.values())

    def say_full(self, deed: str = "full") -> None:
        """The crew says so."""
        self.bridge.act(Act(deed, "crew", run_id=self.run_id), self.now)

    def visit_the_station(self) -> None:
        """The truck stands there for some minutes, and leaves."""
        station = self.plan.transfer_station
        assert station is not None
        for lat, lon, minutes in ((*station, 5), (station[0] + 0.004, station[1], 1)):
            for _ in range(minutes * 6):
                self.speak = False
                self.step(10)
                body = {"fix_at": int(self.now), "sent_at": int(self.now), "lat": lat, "lon": lon, "speed_mps": 0.0,
                        "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3, "late": False}  # fmt: skip
                self.say("fix", body)


@pytest.fixture
def round_(tmp_path: Path) -> Iterator[_Round]:
    """The first room is served, the truck is on its way to the second."""
    round_ = _Round(tmp_path, alone=True)
    round_.serve(0)
    round_.step(30, 5.0)
    yield round_
    round_.close()


def test_all_that_is_owed_comes_after_the_station(round_: _Round) -> None:
    """Not a room is left out, their order stays, and a lamp that is lit is held."""
    before, first_at = round_.itinerary(), round_.first_at
    lit = [room for room, _, state in before if state == "due"]
    round_.say_full()
    run = round_.bridge.dispatch.day.runs[round_.run_id]
    assert run.away_until is not None and run.away_until >= round_.now + round_.bridge.dispatch.day.settings.unload_s
    assert round_.first_at > run.away_until > first_at
    assert [row[:2] for row in round_.itinerary()] == [row[:2] for row in before]
    round_.step(10)
    assert lit and all(round_.arrival(room)["state"] == "held" for room in lit)


def test_the_stop_where_it_stands_is_finished_first(round_: _Round) -> None:
    """Said at a door: that room is served, the next comes after the station."""
    round_.drive_to(1)
    round_.step(40)
    round_.say_full()
    run, day = round_.bridge.dispatch.day.runs[round_.run_id], round_.bridge.dispatch.day
    here, following = (day.visits[(round_.run_id, round_.trip.visits[number].room_id, 1)] for number in (1, 2))
    assert here.state == "at_stop"
    assert run.etas[here.key].eta_at <= round_.now < (run.away_until or 0) < run.etas[following.key].eta_at


@pytest.mark.parametrize("how", ["weighed", "said", "seen"])
def test_an_emptied_truck_goes_on_with_its_round(round_: _Round, how: str) -> None:
    """The station weighed it, its crew says so, or it was there and has left."""
    round_.say_full()
    late_at = round_.first_at
    if how == "weighed":
        weighed = Act("weigh", "station", truck="t01", waste=round_.waste, grams=4_000_000)
        round_.bridge.act(weighed, round_.now)
    elif how == "said":
        round_.say_full("emptied")
    else:
        round_.visit_the_station()
    run = round_.bridge.dispatch.day.runs[round_.run_id]
    assert run.full_at is None and run.away_until is None and run.emptied_at is not None
    assert round_.first_at < late_at or how == "seen"
    assert all(visit.passed_at is None for visit in round_.bridge.dispatch.day.visits.values())


def test_a_restart_knows_that_it_is_full(round_: _Round) -> None:
    """It is in the run's record, with when it should be back."""
    round_.say_full()
    first_at = round_.first_at
    round_.close()
    round_.open()
    round_.step(15)
    assert round_.bridge.dispatch.day.runs[round_.run_id].full_at is not None
    assert abs(round_.first_at - first_at) < 120


@pytest.mark.parametrize("how", ["twice", "emptied", "unknown"])
def test_what_cannot_be_is_refused(round_: _Round, how: str) -> None:
    """Said twice, or of a truck that is not full, or of no run."""
    if how == "twice":
        round_.say_full()
    wanted = {"twice": "full already", "emptied": "is not full", "unknown": "no such run"}[how]
    with pytest.raises(ActionError, match=wanted):
        run_id = "nobody" if how == "unknown" else round_.run_id
        round_.bridge.act(Act("emptied" if how == "emptied" else "full", "crew", run_id=run_id), round_.now)


@pytest.mark.parametrize(("takes", "is_full"), [(4, True), (5, False)])
def test_a_truck_with_as_many_bins_as_it_takes_is_full_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: int, is_full: bool
) -> None:
    """Four bins waited at the first room."""
    monkeypatch.setattr(_Round, "takes", takes)
    round_ = _Round(tmp_path, alone=True)
    for count in (4, 0):  # the keeper rolls them out
        rows = [{"waste": round_.waste, "count": count, "grams": None, "quality": 0}]
        round_.say("bins", {"at": int(round_.now), "late": False, "bins": rows}, device=round_.trip.visits[0].room_id)
        round_.step(20)
    round_.serve(0)
    round_.step(60, 5.0)
    assert (round_.bridge.dispatch.day.runs[round_.run_id].full_at is not None) == is_full
    round_.close()
