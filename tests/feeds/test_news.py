"""What is told outside of a morning: each call, each room that is late, each alarm, once and under one id."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from broker.feeds.outside.message import MOST_BYTES, Message
from broker.feeds.outside.news import News, totals_message
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning

pytestmark = pytest.mark.real  # tenths of a second each


class Listener:
    """Looks at a morning's pictures and keeps what is told."""

    def __init__(self, morning: Morning) -> None:
        self.morning, self.news = morning, News("xh", "Asia/Shanghai", 300)
        self.memory: dict[str, Any] = {}
        self.looked_at = int(morning.now)
        self.told: list[Message] = []

    def look(self) -> "Listener":
        """At the picture of now."""
        picture = snapshot(self.morning.bridge, self.morning.now)
        messages, memory = self.news.of(picture, self.memory, self.looked_at)
        self.memory, self.looked_at = json.loads(json.dumps(memory)), int(self.morning.now)
        self.told += messages
        return self

    def stand(self, seconds: int, speed_mps: float = 0.0) -> "Listener":
        """Time passes, with a look every ten seconds."""
        for _ in range(seconds // 10):
            self.morning.step(10, speed_mps)
            self.look()
        return self

    def of(self, kind: str, **data: Any) -> list[Message]:
        """What was told of a type or kind, about this."""
        return [one for one in self.told if kind in (one.type, one.kind) and data.items() <= one.data.items()]


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records", alone=True)
    yield day
    day.close()


@pytest.fixture
def listener(morning: Morning) -> Listener:
    return Listener(morning).look()


def test_a_call_is_told_when_it_is_made_and_when_it_is_served(morning: Morning, listener: Listener) -> None:
    """With the room, the truck, the time and both languages."""
    first, second = (visit.room_id for visit in morning.trip.visits[:2])
    while not morning.along >= morning.trip.visits[1].distance_m:
        listener.stand(10, 5.0)
    listener.stand(120).stand(60, 5.0)
    (made,) = listener.of("call.made", room=second)
    assert (made.data["truck"], made.data["late_by_s"]) == ("t01", 0) and made.data["promised_at"] > made.at
    assert "t01" in made.data["text"]["zh"] and "roll the bins out" in made.data["text"]["en"]
    (served,) = listener.of("call.served", room=second)
    assert served.data["call_id"] == made.data["call_id"] and served.id != made.id
    assert listener.of("call.made", room=first)


def test_a_lamp_that_is_held_is_told_with_how_late_and_again_when_it_slips(
    morning: Morning, listener: Listener
) -> None:
    """The truck stands; then it goes on, and that is told once."""
    room = morning.trip.visits[0].room_id
    listener.stand(3000)
    held = listener.of("call.held", room=room)
    assert held and all(one.data["late_by_s"] is None or one.data["late_by_s"] > 0 for one in held)
    assert len({one.id for one in held}) == len(held)
    times = [one.data["eta_at"] for one in held if one.data["eta_at"]]
    assert all(later - earlier >= 300 for earlier, later in pairwise(times))


def test_a_room_that_is_not_called_yet_hears_that_it_will_be_late(morning: Morning, listener: Listener) -> None:
    """In steps of five minutes, not each second; rooms that are called hear of their call instead."""
    listener.stand(3000)
    last = morning.trip.visits[-1].room_id
    late = listener.of("late.by", room=last)
    assert late and late[0].data["late_by_s"] >= 300 and late[0].data["call_id"] is None
    shown = [one.data["late_by_s"] for one in late]
    assert all(abs(later - earlier) >= 300 for earlier, later in pairwise(shown))
    assert "later than planned" in late[0].data["text"]["en"] and "比计划晚" in late[0].data["text"]["zh"]


def test_a_room_that_was_late_hears_that_it_is_no_more(morning: Morning, listener: Listener) -> None:
    """From pictures alone: seven minutes late for a minute, then as planned for a minute; a moment of it is nothing."""
    picture = snapshot(morning.bridge, morning.now)
    run = next(run for run in picture["runs"] if run["truck"] == "t01")
    visit = next(row for row in run["visits"] if row["state"] == "pending" and row["planned_at"])
    start = picture["at"]

    def seen(at: int, late_s: int) -> list[Message]:
        row = {**visit, "eta_at": visit["planned_at"] + late_s, "label": "live"}
        shown = {**picture, "at": start + at, "runs": [{**run, "visits": [row]}], "incidents": []}
        messages, listener.memory = listener.news.of(shown, listener.memory, start)
        return messages

    assert [seen(at, 420) for at in (0, 30)] == [[], []]
    assert seen(40, 10) == [], "it lasted for less than a minute"
    assert [seen(at, 420) for at in (50, 109)] == [[], []]
    (late,) = seen(111, 430)
    assert late.data["late_by_s"] == 430
    assert [seen(at, 20) for at in (120, 150)] == [[], []]
    (over,) = seen(181, 20)
    assert "about as planned" in over.data["text"]["en"] and over.id != late.id


def test_an_alarm_is_told_from_the_press_to_its_end(morning: Morning, listener: Listener) -> None:
    """Opened, seen, decided, withdrawn; without the name of who did it."""
    incident = morning.press()
    listener.look()
    morning.act("acknowledge", incident)
    listener.look()
    morning.act("decide", incident, decision="return_later")
    listener.look()
    other = morning.press("breakdown", incident_id="t01-1-999")
    morning.press("breakdown", incident_id=other, withdrawn=True)
    listener.look()
    assert [one.type for one in listener.of("alarm", incident_id=incident)] == [
        "alarm.opened", "alarm.acknowledged", "alarm.decided",
    ]  # fmt: skip
    assert listener.of("alarm.decided")[0].data["decision"] == "return_later"
    assert [one.type for one in listener.of("alarm", incident_id=other)] == ["alarm.opened", "alarm.withdrawn"]
    assert all("who" not in one.data for one in listener.told)


def test_a_restart_tells_nothing_again_and_nothing_else(morning: Morning, listener: Listener) -> None:
    """The bridge is killed and started; what it remembers is what was on the disk."""
    listener.stand(3000)
    assert listener.of("call.held") and listener.of("late.by")
    incident = morning.press()
    listener.look()
    before = [one.id for one in listener.told]
    morning.store.close()
    morning.open()
    listener.look().stand(60)
    assert len(set(before)) == len(before)
    after = listener.told[len(before) :]
    assert [one for one in after if one.id in before] == []
    assert [one for one in after if one.type == "call.resumed"] == []
    assert [one.type for one in listener.of("alarm", incident_id=incident)] == ["alarm.opened"]


def test_a_memory_that_was_not_written_any_more_gives_the_same_ids(morning: Morning, listener: Listener) -> None:
    """Killed between the outbox and the memory: what is said again has the id that it had."""
    noted = dict(listener.memory)
    looked_at = listener.looked_at
    listener.stand(300)
    morning.press()
    first = [one.id for one in listener.look().told]
    listener.told, listener.memory, listener.looked_at = [], noted, looked_at
    again = [one.id for one in listener.look().told]
    assert again and set(again) <= set(first)


def test_another_fact_after_a_memory_that_was_not_written_has_another_id(morning: Morning, listener: Listener) -> None:
    """Killed between the outbox and the memory, and the lamp that was held is served by the time of the next look."""
    picture = snapshot(morning.bridge, morning.now)
    run = next(run for run in picture["runs"] if run["truck"] == "t01")
    at = picture["at"]
    called = {**run["visits"][0], "call_id": "c1", "due_at": at, "promised_at": at + 900, "label": "live"}

    def ids(memory: dict[str, Any], **now: Any) -> set[str]:
        shown = {**picture, "runs": [{**run, "visits": [{**called, **now}]}], "incidents": []}
        messages, listener.memory = listener.news.of(shown, memory, at)
        return {one.id for one in messages}

    ids({}, state="due", held=False, eta_at=at + 900)
    noted = listener.memory
    held = ids(noted, state="due", held=True, eta_at=at + 1500)
    served = ids(noted, state="served", held=False, eta_at=None)
    assert held and served and not held & served


def test_what_was_there_before_anybody_listened_is_not_told(morning: Morning) -> None:
    """An alarm and a call of an hour ago, found by the first look; what comes of them later is."""
    incident = morning.press()
    morning.step(1000)
    late = Listener(morning).look()
    assert late.of("alarm") == []
    morning.act("acknowledge", incident)
    assert [one.type for one in late.look().of("alarm")] == ["alarm.acknowledged"]


def test_the_totals_of_a_day_fit_into_a_message_and_say_what_is_not_known() -> None:
    """With five waste kinds and every figure; a figure that nobody knows is no zero."""
    measures = {f"measure_{number}": 10**9 for number in range(60)}
    row = {**measures, "visits": 12, "served": 10, "bins": None, "grams": 1_234_000}
    message = totals_message("xh", "2026-11-23", 1_795_000_000, row, [{**row, "waste": str(kind)} for kind in range(5)])
    assert len(message.body()) <= MOST_BYTES
    assert "10 of 12" in message.data["text"]["en"] and "bins: not known, kilograms: 1234" in message.data["text"]["en"]


def test_each_answer_is_told_once_with_what_is_promised(morning: Morning, listener: Listener) -> None:
    """The estate is asked, then the next in its chain; it promises, and breaks its word."""
    morning.serve(0)
    listener.look()
    press = morning.press()
    listener.look().stand(120)
    until_at = int(morning.now) + 60
    morning.act("answer", press, addressee="estate", answer="promise", until_at=until_at)
    listener.look().stand(120)
    told = [one for one in listener.of("answer") if one.data["addressee"] == "estate"]
    assert [one.type for one in told] == ["answer.asked", "answer.asked", "answer.promised", "answer.late"]
    assert len({one.id for one in listener.of("answer")}) == len(listener.of("answer"))
    assert [one.data["step"] for one in told[:2]] == ["property", "keeper"]
    assert told[2].data["until_at"] == until_at and "The estate promises it" in told[2].data["text"]["en"]
    assert all(one.data["contractor"] is None and one.is_for(["answer"], None) for one in told)
    assert not any(one.is_for(["answer"], "first") for one in told)
    here, estate = f"room/{told[0].data['room']}", f"estate/{told[0].data['estate']}"
    assert all(one.is_for(["answer"], None, {place}) for one in told for place in (here, estate))
    assert not any(one.is_for(["answer"], None, {"room/r99", "estate/e99"}) for one in told)


def test_who_is_told_of_answers_is_not_told_of_them_as_alarms_as_well(morning: Morning, listener: Listener) -> None:
    """That nobody answered rings once; who asks for alarms alone has it from them."""
    morning.serve(0)
    listener.look()
    morning.press()
    listener.look().stand(1800)
    asked = [one for one in listener.of("finding") if one.data["topic"] == Topic.ANSWER]
    assert asked and any(one.type == "answer.nobody" for one in listener.of("answer"))
    assert all(one.is_for(["finding"], None) and not one.is_for(["finding", "answer"], None) for one in asked)


def test_an_alarm_that_the_rules_found_is_told_as_it_goes(morning: Morning, listener: Listener) -> None:
    """Opened, seen, put on the shelf, opened again, over; each once, in both languages, without a person's name."""
    morning.say("life", {"life": "ready"}, device="t77")
    listener.stand(20)
    (opened,) = listener.of("finding.opened", about="stranger/t77")
    assert (opened.data["word"], opened.data["values"]) == ("stranger", {"device": "t77"})
    assert "t77" in opened.data["text"]["en"] and "(new)" in opened.data["text"]["en"]
    alarm = morning.bridge.dispatch.day.alarms["stranger/t77"]
    for action, more in (("see_alarm", {}), ("shelve_alarm", {"shelf_s": 60}), ("", {})):
        if action:
            morning.bridge.act(Act(action, "Wang", alarm=alarm.id, **more), morning.now)
        listener.stand(70)
    morning.bridge.dispatch.day.attention.answered(Topic.STRANGER, "t77")
    listener.stand(80)
    told = [one.type for one in listener.of("finding", about="stranger/t77")]
    assert told == ["finding.opened", "finding.seen", "finding.shelved", "finding.opened", "finding.over"]
    assert len({one.id for one in listener.told}) == len(listener.told)
    assert all("Wang" not in json.dumps(one.data) for one in listener.told)


def test_alarms_of_before_are_remembered_and_not_told(morning: Morning) -> None:
    """A bridge that is given its first receiver tells what began in the last quarter of an hour."""
    morning.say("life", {"life": "ready"}, device="t77")
    morning.step(1000)
    late = Listener(morning)
    late.stand(40)
    assert late.of("finding") == []
    alarm = morning.bridge.dispatch.day.alarms["stranger/t77"]
    morning.bridge.act(Act("see_alarm", "Wang", alarm=alarm.id), morning.now)
    assert [one.type for one in late.stand(20).of("finding")] == ["finding.seen"]
