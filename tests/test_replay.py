"""A stored day fed through the rules again gives the visits that are on record."""

from dataclasses import replace
from pathlib import Path

from broker.replay import replay
from broker.rules.calendar import day_start_at
from broker.rules.calls import CallSettings
from broker.rules.shift import DispatchSettings
from tests.bridge_day import DAY, Morning


def _day(folder: Path) -> Morning:
    morning = Morning(folder)
    for number in range(3):
        morning.serve(number)
    incident_id = morning.press()
    morning.step(20, 5.0)
    morning.act("acknowledge", incident_id)
    morning.act("decide", incident_id, decision="return_later")
    morning.serve(4)
    return morning


def test_the_same_rules_give_the_same_day(tmp_path: Path) -> None:
    """Every visit ends in the state and at the times it had."""
    morning = _day(tmp_path / "records")
    start = day_start_at(morning.plan, DAY)
    end = int(morning.now) + 1
    outcome = replay(morning.store, morning.plan, DispatchSettings(), start, end, tmp_path / "scratch")
    morning.close()
    assert outcome.records > 100
    assert outcome.visits >= 10
    assert outcome.differences == []


def test_another_rule_shows_what_it_would_have_done(tmp_path: Path) -> None:
    """With the lamp called five minutes earlier, the calls differ and the visits are named."""
    morning = _day(tmp_path / "records")
    start = day_start_at(morning.plan, DAY)
    earlier = replace(DispatchSettings(), calls=CallSettings(call_at_s=1260))
    outcome = replay(morning.store, morning.plan, earlier, start, int(morning.now) + 1, tmp_path / "scratch")
    morning.close()
    changed = [d for d in outcome.differences if d.then and d.now and d.then["due_at"] != d.now["due_at"]]
    assert changed
    assert all(d.now["due_at"] < d.then["due_at"] for d in changed if d.then["due_at"] and d.now["due_at"])
