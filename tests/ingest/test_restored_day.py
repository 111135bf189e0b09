"""A bridge that starts again: what it asked is asked again, and neither an odd record nor a fault stops a morning."""

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from broker.ingest import decisions
from broker.ingest.restored import devices, incidents, learned, runs
from broker.ingest.restored.reading import MOST_NAMED, NewestRecords
from broker.rules.day.attention.about_area import LeftOut
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.incidents import incident_handling
from broker.store import Record, StoreError
from tests.support.bridge.morning import Morning
from tests.support.bridge.rehearsal import (
    InjectedError,
    MemoryStore,
    Rehearsal,
    check_memory,
    check_presses,
    open_presses,
    severe,
)

PRESS = "t01-1-press"


def restarted(morning: Morning) -> None:
    """The bridge dies and is started again."""
    morning.store.close()
    morning.open()


def test_a_question_about_a_passed_stop_is_asked_again(tmp_path: Path) -> None:
    """It stays on the list over a restart, with its buttons' visit, until somebody answers."""
    morning = Morning(tmp_path / "records")
    morning.drive_to(1, 9.0)
    asked = list(morning.bridge.dispatch.day.attention)
    assert [about.topic for about, _ in asked] == [Topic.PASSED]
    restarted(morning)
    assert list(morning.bridge.dispatch.day.attention) == asked
    morning.close()


def test_how_far_off_a_receiver_is_is_known_after_a_restart(tmp_path: Path) -> None:
    """The positions of the last minutes tell it: a stay is not read by the fence of a good one."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    morning.speak = False
    for number in range(30):  # forty metres to one side and to the other
        morning.step(10, 4.0)
        morning.fix(4.0, lon=morning.place()[1] + (0.0004 if number % 2 else -0.0004))
    run_id = next(run.run_id for run in morning.bridge.dispatch.day.runs.values() if run.state == "running")

    def is_good() -> bool:
        # What a receiver is worth is told to nobody: only where it is not, other visits are right.
        return morning.bridge.dispatch.day.runs[run_id].tracker._way.line.spread.good

    assert not is_good()
    restarted(morning)
    assert not is_good()
    morning.close()


def test_records_that_nobody_understands_are_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One of each kind a bridge starts from, brought in by an import: the rest of the day is as it was."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    morning.press()
    itinerary, incidents = morning.itinerary(), dict(morning.bridge.dispatch.day.incidents)
    kinds = ("leg", "dwell", "start", "error", "run", "visit", "workflow", "bins", "life", "fix")
    at = int(morning.now)
    odd = {"of": "another"}
    morning.store.append([Record(f"odd-{kind}", kind, f"odd-{kind}", at, at, "xh", odd) for kind in kinds])
    with caplog.at_level(logging.ERROR, "zhanpai.bridge"):
        restarted(morning)
    assert {record.args[0] for record in caplog.records if record.args} == {f"odd-{kind}" for kind in kinds}
    day = morning.bridge.dispatch.day
    named = ", ".join(f"odd-{kind}" for kind in kinds[:MOST_NAMED])
    assert day.attention.of(Topic.LEFT_OUT)[""].values == LeftOut(len(kinds), f"{named}, …")
    assert dict(day.incidents) == incidents
    morning.step(2)
    assert morning.itinerary() == itinerary
    morning.close()


def test_a_run_that_started_before_its_last_record_is_running_after_a_restart() -> None:
    """The truck moved for some seconds already when a visit of it was skipped by hand: newest is what was kept last."""
    morning = Rehearsal()
    key = (morning.run_id, morning.trip.visits[5].room_id, 1)
    while morning.bridge.dispatch.day.runs[morning.run_id].state == "scheduled":
        morning.bridge.act(Act("skip", "Li", visit=key, reason="not_out"), morning.now)
        key = (*key[:2], key[2] + 1)
        morning.step(1, 3.0)
    morning.open()
    assert morning.bridge.dispatch.day.runs[morning.run_id].state == "running"
    check_memory(morning)


@cache
def pressed() -> Rehearsal:
    """A morning on which the first room was served and the driver is stuck before the second."""
    morning = Rehearsal()
    morning.serve(0)
    morning.step(20, 5.0)
    morning.press(incident_id=PRESS)
    morning.step(5)
    return morning


def failing(real: Any, on: Callable[..., bool], fault: type[Exception]) -> Any:
    """The same, but it fails on some of its arguments."""

    def made(*args: Any, **more: Any) -> Any:
        if on(*args, **more):
            raise fault("injected")
        return real(*args, **more)

    return made


PLACES = {  # what fails at the start, on what, and what of it is named
    "a run": (runs, "restore_run", lambda day, fields, now: fields["truck"] == "t01", "run "),
    "what reads a run": (runs, "read_run", lambda body: body["truck"] == "t01", "run:"),
    "a visit": (runs.Visit, "from_body", lambda body: body["visit_number"] == 2, "visit:"),
    "every visit": (runs.Visit, "from_body", lambda body: True, "visit:"),
    "an incident": (incidents.Incident, "from_body", lambda body: True, "workflow:"),
    "a press": (incidents, "show_as_said", lambda *_: True, "t01:1:"),
    "what is asked of a press": (incidents, "ask_about_incident", lambda *_: True, "workflow:"),
    "what was learned": (learned.DwellRecord, "from_body", lambda body: True, "dwell:"),
    "a position": (devices, "_last_fix", lambda *_: True, "t01:1:"),
    "the newest of a kind": (NewestRecords, "of", lambda self, kind, *_: kind == "run", "runs and visits"),
    "the newest incidents": (NewestRecords, "of", lambda self, kind, *_: kind == "workflow", "incidents"),
}


@pytest.mark.parametrize("fault", [InjectedError, KeyError, ZeroDivisionError])
@pytest.mark.parametrize("place", PLACES)
def test_a_fault_in_bringing_one_thing_back_stops_no_bridge(
    place: str, fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named and severe, every open press is on the screen, no run is begun anew, and the day goes on."""
    owner, name, on, named = PLACES[place]
    begun = set(pressed().bridge.dispatch.day.runs)
    served = {one.key for one in pressed().kept.values() if one.kind == "visit" and one.body["state"] == "served"}
    known = len(pressed().kept)
    broken = failing(getattr(owner, name), on, fault)
    monkeypatch.setattr(owner, name, staticmethod(broken) if name == "from_body" else broken)
    morning = pressed().again()
    monkeypatch.undo()
    asked = morning.bridge.dispatch.day.attention.of(Topic.LEFT_OUT)[""]
    assert isinstance(asked.values, LeftOut) and asked.values.names.startswith(named)
    assert "left_out" in severe(morning)
    assert open_presses(morning) == {("t01", PRESS)}
    check_presses(morning)
    morning.step(90)
    check_presses(morning)
    day = morning.bridge.dispatch.day
    assert {run_id for run_id in day.runs if run_id not in begun} <= set(day.plan.runs) | begun
    fresh = [one for one in list(morning.kept.values())[known:] if one.kind == "visit" and one.key in served]
    assert [one for one in fresh if one.body["state"] not in ("served", "skipped")] == []


def test_a_run_that_cannot_be_brought_back_has_rooms_that_nobody_knows_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked about by name, and its rooms are told that a truck may come, without a time."""
    real = runs.restore_run
    monkeypatch.setattr(runs, "restore_run", failing(real, lambda day, fields, now: True, InjectedError))
    morning = pressed().again()
    run_id = morning.run_id
    assert run_id in morning.bridge.dispatch.day.attention.of(Topic.UNREAD)
    arrival = morning.arrival(morning.trip.visits[4].room_id)
    assert (arrival["state"], arrival["eta_at"]) == ("scheduled", None)
    morning.step(60)
    assert run_id not in morning.bridge.dispatch.day.runs


def test_a_record_that_cannot_be_read_at_all_is_said_and_no_day_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's own error ends the start: an empty day over a full record would be a lie."""
    morning = pressed()

    def unreadable(*_: object, **__: object) -> None:
        raise StoreError("cannot be read")

    monkeypatch.setattr(MemoryStore, "scan", unreadable)
    with pytest.raises(StoreError):
        morning.again()


def keeper(morning: Rehearsal, room: str, at: int | None = None) -> None:
    """The keeper of a room says that its lane is clear."""
    morning.say("keeper", {"at": at, "event": "lane_clear"}, device=room)
    morning.bridge.flush(morning.now)


def condition(morning: Rehearsal) -> str:
    """Whether the lane is still blocked, as the bridge knows it."""
    return morning.bridge.dispatch.day.incidents["t01", PRESS].condition


@pytest.mark.parametrize("fails_after", [False, True])
def test_a_keeper_s_word_that_waited_for_its_rule_is_found_again_after_a_restart(
    fails_after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was acknowledged, so it is on record; the rule comes to it after the start, or once it does not fail there."""
    morning = pressed().again()
    morning.speak = False
    room = morning.bridge.dispatch.day.incidents["t01", PRESS].room or ""
    broken = failing(incident_handling.clear_lane, lambda *_: True, InjectedError)
    with monkeypatch.context() as patch:
        patch.setattr(incident_handling, "clear_lane", broken)
        keeper(morning, room)
        morning.step(3)
        assert condition(morning) == "active" and {one.kind for one in morning.kept.values()} >= {"keeper"}
        after = morning.again() if fails_after else morning
        after.step(3)
        assert condition(after) == "active"
    after = after if fails_after else morning.again()
    after.step(60)
    assert condition(after) == "cleared"
    check_memory(after)


def test_a_keeper_s_word_from_before_a_press_clears_no_lane_after_a_restart() -> None:
    """It was about another obstacle, also where the unit knew no time."""
    morning = Rehearsal()
    morning.serve(0)
    morning.step(20, 5.0)
    for visit in morning.trip.visits:
        for at in (None, int(morning.now)):
            keeper(morning, visit.room_id, at)
    morning.step(5)
    morning.press(incident_id=PRESS)
    assert morning.bridge.dispatch.day.incidents["t01", PRESS].room is not None
    after = morning.again()
    after.step(5)
    assert condition(after) == "active"


def test_while_the_day_cannot_be_rebuilt_alarms_repeat_and_lights_say_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A press before the fault and one after it; also to a broker that forgot everything."""
    morning = pressed().again()
    broken = failing(decisions.restore_beside, lambda *_, **__: True, InjectedError)
    monkeypatch.setattr(decisions, "restore_beside", broken)
    with monkeypatch.context() as patch:
        broken = failing(incident_handling.raise_incident, lambda *_: True, InjectedError)
        patch.setattr(incident_handling, "raise_incident", broken)
        morning.press(incident_id="t01-1-other")
    assert morning.bridge.dispatch.day and morning.stage("t01-1-other") == "stored"
    morning.retained.clear()
    morning.bridge.link_up(morning.now)
    assert [morning.stage(one) for one in (PRESS, "t01-1-other")] == ["stored", "stored"]
    first = int(morning.now)
    morning.speak = False
    morning.step(200)
    said = [note.text for at, note in morning.bridge.notices if at > first and note.level == "severe"]
    assert sum("is open for" in text for text in said) == 6  # two alarms, every minute
    monkeypatch.undo()
    morning.step(700)
    check_memory(morning)
    check_presses(morning)
