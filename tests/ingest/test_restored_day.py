"""A bridge that starts again: what it asked is asked again, and an odd record stops nobody's morning."""

import logging
from pathlib import Path

import pytest

from broker.rules.day.attention import LeftOut, Topic
from broker.rules.dispatch.actions import Act
from broker.store import Record
from tests.support.bridge.morning import Morning
from tests.support.bridge.rehearsal import Rehearsal, check_memory


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


def test_records_that_nobody_understands_are_named_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One of each kind a bridge starts from, brought in by an import: the rest of the day is as it was."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    morning.press()
    itinerary, incidents = morning.itinerary(), dict(morning.bridge.dispatch.day.incidents)
    kinds = ("leg", "dwell", "error", "run", "visit", "workflow", "bins", "life", "fix")
    at = int(morning.now)
    odd = {"of": "another"}
    morning.store.append([Record(f"odd-{kind}", kind, f"odd-{kind}", at, at, "xh", odd) for kind in kinds])
    with caplog.at_level(logging.ERROR, "zhanpai.bridge"):
        restarted(morning)
    assert {record.args[0] for record in caplog.records if record.args} == {f"odd-{kind}" for kind in kinds}
    day = morning.bridge.dispatch.day
    assert day.attention.of(Topic.LEFT_OUT)[""].values == LeftOut(len(kinds))
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
