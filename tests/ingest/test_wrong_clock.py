"""The bridge's clock is wrong for a while: the day that was going on goes on when it is right again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.ingest.delivery.resends import is_another
from broker.rules.states.incident import REPEAT_S
from broker.store import Full, StoreError
from firmware import wire
from tests.support.bridge.morning import Morning

DAY_S = 86400


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records")
    day.serve(0)
    yield day
    assert day.bridge.counts["rule_faults"] == 0
    day.close()


def tick(morning: Morning, at: float) -> None:
    """One second at another time, in which no truck says anything."""
    morning.now = at
    morning.bridge.tick(at)
    morning.bridge.flush(at)


@pytest.mark.real
@pytest.mark.parametrize("ahead_s", [3600, DAY_S, 20 * DAY_S])
def test_a_clock_that_is_ahead_for_a_moment_does_not_break_the_day(morning: Morning, ahead_s: int) -> None:
    """The run goes on, the next ones open, what was called stays called, and no run of another day is in the way."""
    now, before = morning.now, set(morning.bridge.dispatch.day.runs)
    calls = {record.key for record in morning.store.scan("call")}
    itinerary = wire.topic("itinerary", "xh", "t01")
    told = morning.retained[itinerary]["version"]
    room = wire.topic("life", "xh", "r05", family="room")
    morning.bridge.receive(room, wire.pack(room, {"life": "ready", "boot": 1, "fw": "1"}), now)
    tick(morning, now + ahead_s)
    morning.now = now + 1
    morning.step(5)
    assert morning.itinerary()[0][2] in ("at_stop", "served")
    assert morning.retained[itinerary]["version"] >= told  # the truck ignores a lower one
    morning.serve(1)
    morning.step(60, 5.0)
    day = morning.bridge.dispatch.day
    assert before <= set(day.runs)
    assert day.visits[morning.run_id, morning.trip.visits[1].room_id, 1].state == "served"
    assert day.devices.rooms["r05"].life == "ready"
    run = day.run_of("t01")
    assert run is not None and run.run_id == morning.run_id
    assert calls <= {record.key for record in morning.store.scan("call")}
    made = [record.body["called_at"] for record in morning.store.scan("call") if record.key in calls]
    assert max(made) <= now
    morning.speak = False
    morning.hours(5)
    assert len(day.runs) > len(before)
    morning.hours(48)
    assert morning.bridge.dispatch.forgot_at <= morning.now
    if ahead_s > 2 * DAY_S:
        assert day.runs.recorded <= set(day.runs)  # those of the other day can still be opened when it comes
        assert all(run.planned_start_at < now + 4 * DAY_S for run in day.runs.values())


def test_a_jump_forward_forgets_nothing_before_an_hour_has_passed(morning: Morning) -> None:
    """Also while the day cannot be rebuilt, what is known is not thrown away."""
    day = morning.bridge.dispatch.day
    morning.speak = False
    tick(morning, morning.now + 20 * DAY_S)
    assert morning.run_id in day.runs
    for _ in range(3):
        tick(morning, morning.now + 1800)
    assert morning.run_id not in day.runs


def test_an_alarm_of_a_clock_that_was_ahead_repeats_and_can_be_closed(morning: Morning) -> None:
    """What a person did after the clock was right is what counts, over a restart too."""
    incident_id = morning.press()
    now = morning.now
    tick(morning, now + 20 * DAY_S)
    morning.now = now + 1
    morning.step(2)
    incidents = morning.bridge.dispatch.day.incidents
    repeats = incidents["t01", incident_id].repeats
    assert repeats >= 1
    morning.step(REPEAT_S + 5)
    assert incidents["t01", incident_id].repeats == repeats + 1
    morning.act("acknowledge", incident_id)
    morning.store.close()
    morning.open()
    assert morning.bridge.dispatch.day.incidents["t01", incident_id].workflow == "acknowledged"
    assert morning.stage(incident_id) == "seen"


def test_the_day_is_rebuilt_only_when_all_of_it_is_stored(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a full disk what was decided is only in memory: it is not left behind."""

    def full(*_: object, **__: object) -> None:
        raise Full("no space left")

    monkeypatch.setattr(morning.store, "append", full)
    incident_id = morning.press()
    now, day = morning.now, morning.bridge.dispatch.day
    tick(morning, now + 7200)
    morning.now = now
    morning.step(3)
    assert morning.bridge.dispatch.day is day
    monkeypatch.undo()

    def away(*_: object, **__: object) -> None:
        raise StoreError("away")

    monkeypatch.setattr(morning.store, "scan", away)
    morning.step(3)
    assert morning.bridge.dispatch.day is day
    monkeypatch.undo()
    morning.step(3)
    assert morning.bridge.dispatch.day is not day
    assert morning.stage(incident_id) == "stored"
    assert ("t01", incident_id) in morning.bridge.dispatch.day.incidents


def test_a_clock_that_is_only_corrected_rebuilds_nothing(morning: Morning) -> None:
    """Half a minute back is no reason to begin again."""
    day = morning.bridge.dispatch.day
    tick(morning, morning.now - 30)
    morning.step(40)
    assert morning.bridge.dispatch.day is day


def test_a_position_that_was_dated_anew_is_no_second_one() -> None:
    """A truck that hears another time dates what it kept by it; what has no place goes by its time."""
    fix = {"boot": 3, "seq": 25, "lat": 31.19, "lon": 121.44, "fix_at": 20_000, "sent_at": 20_000, "late": False}
    moved = {**fix, "fix_at": 17_768, "sent_at": 20_130, "late": True}
    assert not is_another(fix, moved)
    assert is_another(fix, {**moved, "lat": 31.2})
    assert is_another({**fix, "lat": None, "lon": None}, {**moved, "lat": None, "lon": None})
    press = {**fix, "incident_id": "t01-3-25", "pressed_at": 20_000}
    assert not is_another(press, {**press, "pressed_at": 17_768})
    assert is_another(press, {**press, "incident_id": "t01-3-24"})
