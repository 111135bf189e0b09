"""What people do on the screen is told once, as the record has it; what the scenario's own dispatcher did is not."""

from typing import Any

from broker.rules.dispatch.actions import Act
from broker.rules.states.alarm import alarm_id
from broker.store import Record
from sim.live.dispatcher import WHO
from sim.live.screen_deeds import ScreenDeeds


def action(number: int, act: Act) -> Record:
    """An action on the record."""
    body = {name: getattr(act, name) for name in Act.__slots__}
    return Record(f"action:{number}", "action", act.who, 100 + number, 100 + number, "xh", body)


def told(*acts: Act) -> list[dict[str, Any]]:
    """What is told of them."""
    return ScreenDeeds().look([action(number, act) for number, act in enumerate(acts)])


INCIDENT = ("t01", "t01-1-7")


def test_each_deed_is_told_once() -> None:
    """However often the record is looked at."""
    deeds = ScreenDeeds()
    first = action(1, Act("acknowledge", "somebody", INCIDENT))
    second = action(2, Act("decide", "somebody", INCIDENT, decision="wait"))
    assert deeds.look([first]) == [{"at": 101, "action": "acknowledge", "truck": "t01"}]
    assert deeds.look([first, second]) == [{"at": 102, "action": "decide", "truck": "t01", "decision": "wait"}]
    assert deeds.look([first, second]) == []


def test_what_is_said_of_a_visit_names_the_visit() -> None:
    """Served after all, or skipped and why."""
    visit = ("wet-north-1.20261125", "r05", 1)
    serve, skip = told(Act("serve", "x", visit=visit), Act("skip", "x", visit=visit, reason="not_out"))
    named = {"run": visit[0], "room": "r05", "visit_number": 1}
    assert serve == {"at": 100, "action": "serve", **named, "reason": "other"}
    assert skip == {"at": 101, "action": "skip", **named, "reason": "not_out"}


def test_what_is_done_to_an_alarm_names_its_word_and_its_subject() -> None:
    """As it was when it was done: an alarm of another subject, or what became of it later, is not it."""
    about = "silent/t01"
    words = ((101, about, "truck_silent"), (101, "silent/t02", "truck_late"), (300, about, "trucks_silent"))
    alarms = [Record(f"alarm:{key}:{at}", "alarm", key, at, at, "xh", {"word": word}) for at, key, word in words]
    shelve = action(5, Act("shelve_alarm", "somebody", alarm=alarm_id(about), shelf_s=1800))
    stranger = action(6, Act("see_alarm", "somebody", alarm="nobody"))
    assert ScreenDeeds().look([shelve, stranger], alarms) == [
        {"at": 105, "action": "shelve", "alarm": "truck_silent silent/t01", "shelf_min": 30.0},
        {"at": 106, "action": "see_alarm"},
    ]


def test_what_the_scenarios_dispatcher_did_is_not_a_persons() -> None:
    """It is in the scenario already, whatever others do to the same incident."""
    deeds = told(Act("acknowledge", WHO, INCIDENT), Act("decide", "a person", INCIDENT, decision="wait"))
    assert [deed["action"] for deed in deeds] == ["decide"]


def test_what_a_scenario_has_no_word_for_is_told_by_its_name() -> None:
    """A cleared lane, a weighing, a device that was told something."""
    acts = (Act("clear", "x", INCIDENT), Act("weigh", "x", truck="t01"), Act("command", "x", device=("truck", "t01")))
    assert [deed["action"] for deed in told(*acts)] == ["clear", "weigh", "command"]
