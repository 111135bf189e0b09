"""What a person is asked and answers: questions end when they are answered, an answer is kept as it was given."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.rules.day.attention.about_runs import LongStay, RunOwes
from broker.rules.day.attention.asked import Topic
from broker.rules.day.attention.attention_list import Attention, Subject
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.states.answer import ACK_EXPIRES_S
from broker.rules.states.incident import REPEAT_LATER_S, REPEAT_S
from broker.rules.states.visit import Visit
from firmware import wire
from tests.support.bridge.morning import Morning

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records")
    yield day
    assert day.bridge.counts["rule_faults"] == 0
    day.close()


def serve(morning: Morning, key: tuple[str, str, int]) -> None:
    """The dispatcher says that a visit was served."""
    morning.bridge.act(Act("serve", "Li", visit=key), morning.now)


def test_a_truck_that_stood_long_and_went_on_is_asked_about_no_more(morning: Morning) -> None:
    """While it stands the minutes are those of now, since the question came up."""
    morning.serve(0, dwell_s=2800)
    passed = morning.bridge.dispatch.day.attention.of(Topic.PASSED)
    key = (morning.run_id, morning.trip.visits[0].room_id, 1)
    since, asked = passed[key].since, passed[key].values
    assert isinstance(asked, LongStay) and 45 <= asked.minutes <= 47
    morning.step(600)
    assert passed[key] == Attention(since, replace(asked, minutes=asked.minutes + 10))
    morning.step(90, 5.0)
    assert key not in passed


def test_a_run_that_owes_is_named_with_what_it_owes_until_it_is_settled(morning: Morning) -> None:
    """Each answer counts down; the last one takes the question back."""
    morning.speak = False
    day = morning.bridge.dispatch.day
    run = day.runs[morning.run_id]
    morning.now = float(run.planned_end_at + day.settings.forget_after_s + 5)
    morning.step(3)
    owes = day.attention.of(Topic.OWES)
    since = owes[run.run_id].since
    for visit in day.owed(run):
        assert owes[run.run_id] == Attention(since, RunOwes("t01", run.run_id, len(day.owed(run))))
        serve(morning, visit.key)
        morning.step(2)
    assert run.state == "finished" and not owes


def test_a_stop_passed_by_and_skipped_by_the_button_is_asked_about_no_more(morning: Morning) -> None:
    """The driver pressed: the room comes again, there is nothing to answer."""
    morning.drive_to(1, 9.0)
    day = morning.bridge.dispatch.day
    ((_, passed, _),) = day.attention.of(Topic.PASSED)
    room = day.plan.rooms[passed]
    morning.press(lat=room.lat, lon=room.lon)
    assert not day.attention.of(Topic.PASSED)


def test_a_stop_that_is_seen_passed_once_more_was_passed_the_first_time() -> None:
    """After a restart the truck's tracker may look for it again: memory and record go by one moment."""
    visit = Visit("run", "r01", "residential_wet", "road", "t01", "e01", 1, 1, None)
    assert visit.passed(1000).passed(1100).passed_at == 1000


def test_a_stop_passed_by_is_asked_about_again_when_the_press_is_taken_back(morning: Morning) -> None:
    """It is owed as before; over a restart the question is the same."""
    morning.drive_to(1, 9.0)
    asked = dict(morning.bridge.dispatch.day.attention.of(Topic.PASSED))
    ((_, passed, _),) = asked
    room = morning.plan.rooms[passed]
    incident_id = morning.press(lat=room.lat, lon=room.lon)
    assert not morning.bridge.dispatch.day.attention.of(Topic.PASSED)
    morning.press(incident_id=incident_id, withdrawn=True)
    assert morning.bridge.dispatch.day.attention.of(Topic.PASSED) == asked


def test_served_days_later_is_not_left_days_later(morning: Morning) -> None:
    """Of a stop passed by the passing is known, of one that nobody saw nothing; both were served by somebody's word."""
    morning.drive_to(1, 9.0)
    morning.speak = False
    passed, unseen = ((morning.run_id, morning.trip.visits[number].room_id, 1) for number in (0, 5))
    passed_at = morning.bridge.dispatch.day.visits[passed].passed_at
    assert passed_at is not None
    morning.now += 2 * 86400
    morning.step(2)
    for key, left_at in ((passed, passed_at), (unseen, None)):
        serve(morning, key)
        name = "/".join(map(str, key))
        body = morning.store.latest("visit", name)[name].body
        assert (body["state"], body["by_hand"], body["arrived_at"], body["left_at"]) == ("served", True, None, left_at)
    morning.store.close()
    morning.open()
    assert morning.bridge.dispatch.day.visits[passed].state == "served"


def test_a_truck_that_fell_silent_at_a_stop_left_it_nobody_knows_when(morning: Morning) -> None:
    """A click while it is seen to stand there is when it leaves."""
    morning.drive_to(0)
    morning.step(120)
    key = (morning.run_id, morning.trip.visits[0].room_id, 1)
    assert morning.bridge.dispatch.day.visits[key].state == "at_stop"
    morning.speak = False
    morning.step(600)
    serve(morning, key)
    assert morning.bridge.dispatch.day.visits[key].left_at is None
    morning.speak = True
    morning.drive_to(1)
    morning.step(120)
    key = (morning.run_id, morning.trip.visits[1].room_id, 1)
    serve(morning, key)
    assert morning.bridge.dispatch.day.visits[key].left_at == int(morning.now)


def test_an_alarm_that_repeats_refuses_no_click(morning: Morning) -> None:
    """Nobody changed anything in that minute; after a real change the old screen's click is refused."""
    morning.serve(0)
    incident_id = morning.press()
    incidents = morning.bridge.dispatch.day.incidents
    seen = incidents["t01", incident_id].version
    morning.step(2 * REPEAT_S + 5)
    assert incidents["t01", incident_id].version == seen + 3  # it repeated twice, and the next person was told
    morning.act("acknowledge", incident_id, version=seen)
    for version in (seen, seen + 3, seen + 5):
        with pytest.raises(ActionError, match="changed this incident meanwhile"):
            morning.act("decide", incident_id, decision="wait", version=version)
    morning.act("decide", incident_id, decision="wait", version=seen + 4)


def test_a_press_that_nobody_sees_repeats_each_minute_then_each_ten_over_a_restart_too(morning: Morning) -> None:
    """Each repeat is a record: in a night without anybody they are some dozens, and the alarm is never forgotten."""
    morning.serve(0)
    incident_id = morning.press()
    key = ("t01", incident_id)
    morning.step(10 * REPEAT_S + 5)
    assert morning.bridge.dispatch.day.incidents[key].repeats == 10
    morning.step(REPEAT_LATER_S // 2)
    morning.store.close()
    morning.open()
    morning.step(REPEAT_LATER_S // 2 - 20)
    assert morning.bridge.dispatch.day.incidents[key].repeats == 10
    morning.step(30)
    assert morning.bridge.dispatch.day.incidents[key].repeats == 11
    morning.act("acknowledge", incident_id)
    morning.step(ACK_EXPIRES_S + REPEAT_S + 5)
    assert morning.bridge.dispatch.day.incidents[key].repeats == 12  # told anew, and often at first


def test_a_second_visit_that_was_made_for_a_press_taken_back_says_so(morning: Morning) -> None:
    """The figures need not count what was never meant to be."""
    morning.serve(0)
    incident_id = morning.press()
    morning.press(incident_id=incident_id, withdrawn=True)
    records = morning.store.latest("visit").values()
    undone = [record.body for record in records if record.body["undone"]]
    assert [(body["state"], body["visit_number"]) for body in undone] == [("cancelled", 2)]


def test_each_weighing_is_a_record_of_its_own(morning: Morning) -> None:
    """The same load, weighed twice in one second, and again after a restart in that second."""
    for _ in range(2):
        for _ in range(2):
            morning.bridge.act(Act("weigh", "Li", truck="t01", waste=morning.waste, grams=5_000_000), morning.now)
        morning.store.close()
        morning.open()
    assert len({record.id for record in morning.store.scan("weighing")}) == len(morning.store.latest("weighing")) == 4


def test_a_dead_part_of_a_truck_is_named_until_the_truck_says_that_it_works(morning: Morning) -> None:
    """The button is severe; a truck that goes away takes nothing back; each part ends by itself."""
    topic = wire.topic("life", "xh", "t01", family="truck")

    def says(life: str, *parts: str) -> dict[Subject, str]:
        body: dict[str, Any] = {"life": life, "boot": 1}
        body |= {"faults": [{"part": part} for part in parts]} if parts else {}
        morning.bridge.receive(topic, wire.pack(topic, body), morning.now)
        morning.step()
        asked = morning.bridge.dispatch.day.attention.of(Topic.PART)
        return {about: entry.values.level for about, entry in asked.items()}

    warnings = dict.fromkeys(("t01/light", "t01/gps_light", "t01/outbox"), "warning")
    assert says("ready") == {}
    assert says("ready", *wire.PARTS) == {"t01/button": "severe", **warnings}
    assert says("lost") == {"t01/button": "severe", **warnings}
    assert says("ready", "outbox") == {"t01/outbox": "warning"}
    assert says("disconnected") == {"t01/outbox": "warning"}
    assert says("ready") == {}
