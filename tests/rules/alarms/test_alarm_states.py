"""Alarms as ISA-18.2 has them: seen, gone unseen, shelved with an end, out of service; over restarts, by version."""

from collections.abc import Iterator
from typing import Any

import pytest

from broker.rules.day.attention.about_devices import OverLimit, ShutOut, Stranger
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.states.alarm import LONGEST_SHELF_S, Alarm
from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.rehearsal import Rehearsal

BUTTON = "part/t01/button"


@pytest.fixture
def morning() -> Iterator[Rehearsal]:
    day = Rehearsal(alone=True, lead_s=8 * 3600)
    day.speak = False
    yield day
    assert day.bridge.counts["rule_faults"] == 0


def says(morning: Rehearsal, *dead: str, life: str = "ready") -> None:
    """The truck says which of its parts do not work."""
    topic = wire.topic("life", "xh", "t01", family="truck")
    body: dict[str, Any] = {"life": life, "boot": 1}
    body |= {"faults": [{"part": part} for part in dead]} if dead else {}
    morning.bridge.receive(topic, wire.pack(topic, body), morning.now)
    morning.step()


def alarm(morning: Rehearsal, about: str = BUTTON) -> Alarm:
    """How it stands."""
    return morning.bridge.dispatch.day.alarms[about]


def do(morning: Rehearsal, action: str, about: str = BUTTON, **more: Any) -> None:
    """A person's click."""
    morning.bridge.act(Act(f"{action}_alarm", "Wang", alarm=alarm(morning, about).id, **more), morning.now)


def shown(morning: Rehearsal) -> dict[str, str]:
    """The alarms on the screen, each with its state."""
    return {row["about"]: row["state"] for row in snapshot(morning.bridge, morning.now)["alarms"]}


def test_an_alarm_is_seen_and_ends_with_its_condition(morning: Rehearsal) -> None:
    """Unseen, then seen by somebody with a name; over a minute after the truck says that the part works."""
    says(morning, "button")
    assert shown(morning) == {BUTTON: "unseen_active"}
    do(morning, "see")
    assert (alarm(morning).state, alarm(morning).who) == ("seen_active", "Wang")
    says(morning)
    morning.step(50)
    assert shown(morning) == {BUTTON: "seen_active"}
    morning.step(15)
    assert shown(morning) == {}


def test_what_comes_and_goes_within_a_minute_is_one_alarm(morning: Rehearsal) -> None:
    """A loose contact is told once; the record has one line for it."""
    for _ in range(20):
        says(morning, "button")
        says(morning)
        morning.step(20)
    assert shown(morning) == {BUTTON: "unseen_active"}
    assert [record.body["state"] for record in morning.store.scan("alarm")] == ["unseen_active"]


def test_what_went_away_unseen_stays_until_somebody_saw_it(morning: Rehearsal) -> None:
    """Also over a restart; with the words it had."""
    says(morning, "button")
    says(morning)
    morning.step(65)
    assert shown(morning) == {BUTTON: "gone_unseen"}
    morning.open()
    morning.step(70)
    (row,) = snapshot(morning.bridge, morning.now)["alarms"]
    assert (row["word"], row["values"], row["active"]) == ("button_dead", {"truck": "t01"}, False)
    do(morning, "see")
    assert shown(morning) == {}


def test_a_restart_forgets_nothing_that_was_seen(morning: Rehearsal) -> None:
    """The truck says nothing for an hour after it, and then that it is as it was: nobody is told again."""
    says(morning, "button")
    do(morning, "see")
    version = alarm(morning).version
    morning.open()
    morning.step(3600)
    says(morning, "button")
    assert (alarm(morning).state, alarm(morning).version) == ("seen_active", version)


def test_a_shelf_ends_by_itself_and_what_is_still_so_is_unseen_again(morning: Rehearsal) -> None:
    """While it lies there nobody is told whatever it does; a restart forgets no shelf."""
    says(morning, "button")
    do(morning, "shelve", shelf_s=600, why="the garage knows")
    morning.open()
    records = len(list(morning.store.scan("alarm")))
    for _ in range(3):
        says(morning)
        morning.step(70)
        says(morning, "button")
    assert shown(morning) == {BUTTON: "shelved"}
    assert len(list(morning.store.scan("alarm"))) == records
    morning.step(600)
    assert shown(morning) == {BUTTON: "unseen_active"}
    do(morning, "shelve", shelf_s=600)
    says(morning)
    morning.step(610)
    assert shown(morning) == {}


@pytest.mark.parametrize("shelf_s", [None, 0, -5, LONGEST_SHELF_S + 1, 1 << 62])
def test_a_shelf_without_a_near_end_is_none(morning: Rehearsal, shelf_s: int | None) -> None:
    """For longer there is out of service."""
    says(morning, "button")
    with pytest.raises(ActionError, match="out of service"):
        do(morning, "shelve", shelf_s=shelf_s)
    assert shown(morning) == {BUTTON: "unseen_active"}


def test_out_of_service_lasts_until_somebody_puts_it_back(morning: Rehearsal) -> None:
    """Weeks, if need be, and over restarts; then it counts at once."""
    says(morning, "button")
    do(morning, "take_out", why="new button ordered")
    for _ in range(4):
        morning.hours(15 * 24, tick_s=43200)
        morning.open()
        morning.step(2)
    assert shown(morning)[BUTTON] == "out_of_service"
    says(morning, "button")
    do(morning, "put_back")
    assert shown(morning)[BUTTON] == "unseen_active"


def test_what_gets_worse_is_unseen_again_and_what_gets_better_is_not(morning: Rehearsal) -> None:
    """A word that was said since it began is told no second time."""
    attention = morning.bridge.dispatch.day.attention
    states = []
    for values in (
        OverLimit("t01", "messages_per_s", 5), ShutOut("t01", "messages_per_s", 9, 10),
        OverLimit("t01", "messages_per_s", 9), ShutOut("t01", "messages_per_s", 12, 10),
    ):  # fmt: skip
        attention.ask("truck/t01", values, int(morning.now))
        morning.step()
        states.append(alarm(morning, "limit/truck/t01").state)
        if states[-1] == "unseen_active":
            do(morning, "see", "limit/truck/t01")
    assert states == ["unseen_active", "unseen_active", "seen_active", "seen_active"]


def test_of_two_clicks_on_one_screen_one_is_refused(morning: Rehearsal) -> None:
    """By the version; a click that does not fit the state is told in words."""
    says(morning, "button")
    version = alarm(morning).version
    do(morning, "see", version=version)
    with pytest.raises(ActionError, match="changed meanwhile") as stale:
        do(morning, "shelve", shelf_s=600, version=version)
    assert stale.value.stale
    for action, why in (("see", "seen active now"), ("unshelve", "on no shelf"), ("put_back", "not out of service")):
        with pytest.raises(ActionError, match=why):
            do(morning, action)
    with pytest.raises(ActionError, match="no such alarm") as missing:
        morning.bridge.act(Act("see_alarm", "Wang", alarm="0" * 16), morning.now)
    assert missing.value.missing


def test_while_nothing_is_heard_no_alarm_of_a_device_ends(morning: Rehearsal) -> None:
    """Nobody knows: the condition may still be so."""
    morning.bridge.dispatch.day.attention.ask("t55", Stranger("t55"), int(morning.now))
    morning.step()
    morning.bridge.link_down(morning.now)
    morning.bridge.dispatch.day.attention.answered(Topic.STRANGER, "t55")
    morning.step(600)
    assert shown(morning)["stranger/t55"] == "unseen_active"
    morning.bridge.link_up(morning.now)
    morning.step(65)
    assert shown(morning)["stranger/t55"] == "gone_unseen"


def test_who_answers_what_an_alarm_asks_has_seen_it() -> None:
    """A click on "it was served" is no alarm that went away unseen."""
    morning = Rehearsal(alone=True)
    morning.drive_to(1, 9.0)
    morning.step()
    (about,) = (one for one in shown(morning) if one.startswith("passed/"))
    key = (morning.run_id, morning.trip.visits[0].room_id, 1)
    morning.bridge.act(Act("serve", "Li", visit=key), morning.now)
    assert (alarm(morning, about).state, alarm(morning, about).who) == ("seen_active", "Li")
    morning.step(70)
    assert about not in shown(morning)


def test_a_clock_that_was_ahead_keeps_nothing_on_the_shelf(morning: Rehearsal) -> None:
    """Shelved for an hour by a clock a year ahead: no shelf is longer than the longest."""
    says(morning, "button")
    right = morning.now
    morning.now += 366 * 86400
    do(morning, "shelve", shelf_s=3600)
    morning.now = right
    morning.open()
    until = alarm(morning).until
    assert until is not None and until <= right + LONGEST_SHELF_S
