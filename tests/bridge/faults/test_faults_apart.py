"""A rule that fails on one thing stops no decision on another: each is made, kept and told by itself."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import pytest

from broker.ingest import decisions
from broker.plan.calendar import service_runs
from broker.rules.day import day as day_file
from broker.rules.day.attention.about_runs import RunOwes
from broker.rules.day.attention.asked import Topic
from broker.rules.day.attention.attention_list import AttentionList
from broker.rules.dispatch import device_messages, dispatch, time_passing
from broker.rules.dispatch.actions import ActionError
from broker.rules.dispatch.visits import bin_counts, offers
from broker.rules.effects import messages
from broker.rules.effects.effect import Notice
from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.morning import DAY
from tests.support.bridge.rehearsal import InjectedError, Rehearsal, check_memory, severe

pytestmark = pytest.mark.real  # tenths of a second each

PRESS = "t01-1-press"


@cache
def under_way() -> Rehearsal:
    """A morning on which the first room was served."""
    morning = Rehearsal()
    morning.serve(0)
    morning.step(20, 5.0)
    return morning


@contextmanager
def broken(place: Any, name: str, only: Any = lambda *_, **__: True) -> Iterator[None]:
    """Have a rule raise whenever it is asked, or only on some arguments."""
    real = getattr(place, name)

    def replaced(*args: Any, **more: Any) -> Any:
        if only(*args, **more):
            raise InjectedError(name)
        return real(*args, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, replaced)
        yield


def test_offers_that_fail_stop_no_alarm() -> None:
    """The alarm of a breakdown repeats; an acknowledgement runs out, though nothing can be offered."""
    morning = under_way().again()
    morning.speak = False
    morning.press("breakdown", incident_id=PRESS)
    with broken(offers, "offers_for"):
        morning.step(70)
        assert morning.bridge.dispatch.day.incidents["t01", PRESS].repeats == 1
        morning.act("acknowledge", PRESS)
        assert morning.stage(PRESS) == "seen"
        morning.step(905)
        assert morning.bridge.dispatch.day.incidents["t01", PRESS].workflow == "raised"
        assert morning.bridge.counts["rule_faults"] > 0
    check_memory(morning)


def test_a_fault_in_what_is_asked_of_each_run_ends_no_bridge() -> None:
    """Which runs are due is asked outside of any decision: it is told as a fault, and the next second goes on."""
    morning = under_way().again()
    with broken(dispatch, "is_overstaying"):
        morning.step(3)
    assert morning.bridge.counts["rule_faults"] > 0
    assert decisions.TICK in morning.bridge.dispatch.day.attention.of(Topic.FAULT)
    morning.step(20)
    morning.press("lane_blocked", incident_id=PRESS)
    assert morning.stage(PRESS) == "stored"
    check_memory(morning)


def test_a_click_on_offers_that_fail_is_refused_and_nobody_is_held() -> None:
    """It is told to look again, as often as it comes; the rule rests, and is not asked for its next step for ever."""
    morning = under_way().again()
    morning.press("breakdown", incident_id=PRESS)
    with broken(offers, "offers_for"):
        morning.step(2)
        for _ in range(3):
            with pytest.raises(ActionError, match="still being worked out: look again"):
                morning.act("decide", PRESS, decision="extra_truck", truck="t99")
            morning.step(1)
    assert morning.stage(PRESS) == "stored" and "rule_failed" in severe(morning)
    check_memory(morning)


def test_an_alarm_that_fails_stops_no_offer() -> None:
    """A breakdown is not alarmed again, what could be done about it is shown all the same."""
    morning = under_way().again()
    morning.press("breakdown", incident_id=PRESS)
    with broken(time_passing, "_overdue"):
        morning.step(70)
        made_at, offers = morning.bridge.dispatch.day.incidents.offers(("t01", PRESS))
        assert offers and morning.now - made_at <= time_passing.OFFER_EVERY_S
        assert morning.bridge.counts["rule_faults"] > 0


def test_neither_stops_what_is_resolved_from_ending() -> None:
    """A resolved press is closed while its offers and alarms fail."""
    morning = under_way().again()
    morning.press("breakdown", incident_id=PRESS)
    with broken(offers, "offers_for"), broken(time_passing, "_overdue"):
        morning.step(2)
        morning.act("resolve", PRESS)
        morning.step(2)
        assert morning.bridge.counts["rule_faults"] > 0
    assert not morning.bridge.dispatch.day.incidents["t01", PRESS].open
    check_memory(morning)


def forget_all(morning: Rehearsal) -> None:
    """The broker comes back and has forgotten everything."""
    morning.retained.clear()
    morning.bridge.link_down(morning.now)
    morning.bridge.link_up(morning.now)


@pytest.mark.parametrize(
    ("rule", "only", "untold"),
    [
        ("tell_truck", lambda day, run, *_, **__: run.truck == "t01", "truck/t01/itinerary"),
        ("arrival_of", lambda day, room, *_: room == "r03", "room/r03/arrival/"),
        ("tell_incident", lambda *_: True, "incident_ack"),
    ],
)
def test_what_cannot_be_told_keeps_nothing_else_untold(rule: str, only: Any, untold: str) -> None:
    """Every room, truck, light and ack but the one that fails; the screen says so; it is told once it can be."""
    morning = under_way().again()
    morning.speak = False
    morning.press(incident_id=PRESS)
    morning.step()
    forget_all(morning)
    whole = set(morning.retained)
    assert any(untold in topic for topic in whole)
    known = len(morning.bridge.notices)
    with broken(messages, rule, only):
        forget_all(morning)
        told = set(morning.retained)
        morning.step(20)
    assert whole - told == {topic for topic in whole if untold in topic}
    assert "rule_failed" in severe(morning)
    assert any(isinstance(one, Notice) and "tell_" in one.text for _, one in morning.bridge.notices[known:])
    morning.step(60)
    assert set(morning.retained) == whole
    check_memory(morning)


def test_a_trip_that_cannot_be_opened_keeps_no_other_from_opening() -> None:
    """The first trip of the plan is odd: all that begin after it open at their time."""
    base = Rehearsal(lead_s=3605)
    odd = service_runs(base.plan, DAY)[0].trip_id
    base.speak = False
    whole, morning = base.again(), base.again()
    whole.step(1800)
    with broken(day_file, "RunTracker", lambda run_id, *_, **__: run_id.startswith(odd)):
        morning.step(1800)
        assert morning.bridge.counts["rule_faults"] > 0
    opened = set(morning.bridge.dispatch.day.runs)
    assert opened and opened == {run_id for run_id in whole.bridge.dispatch.day.runs if not run_id.startswith(odd)}


def test_a_trip_whose_time_cannot_be_told_keeps_no_other_from_opening() -> None:
    """Not even whether it is due can be said of the first trip."""
    morning = Rehearsal(lead_s=3605)
    morning.speak = False
    first = service_runs(morning.plan, DAY)[0].trip_id
    with broken(dispatch, "open_if_due", lambda _, planned_run, **__: planned_run.trip.trip_id == first):
        morning.step(1800)
        assert morning.bridge.counts["rule_faults"] > 0
    assert morning.bridge.dispatch.day.runs


def test_a_run_that_cannot_be_asked_about_keeps_no_other_from_the_list() -> None:
    """Of two runs that are long over and owe visits, one's question fails."""
    morning = under_way().again()
    morning.speak = False
    morning.hours(10)
    owes = set(morning.bridge.dispatch.day.attention.of(Topic.OWES))
    assert len(owes) > 1 and morning.run_id in owes
    morning = under_way().again()
    morning.speak = False
    with broken(dispatch, "ask_about_overstaying", lambda _, run_id, **__: run_id == morning.run_id):
        morning.hours(10)
    assert set(morning.bridge.dispatch.day.attention.of(Topic.OWES)) == owes - {morning.run_id}


def test_a_fault_at_one_row_of_a_report_loses_no_count() -> None:
    """Two kinds are counted; the visit of the first fails; both counts stand in memory as on record."""
    morning = under_way().again()
    room = morning.trip.visits[0].room_id
    other = next(waste for waste in morning.plan.rooms[room].wastes if waste != morning.waste)
    rows = [{"waste": waste, "count": 7, "grams": None, "quality": 0} for waste in (morning.waste, other)]
    with broken(bin_counts, "put"):
        morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=room)
        morning.bridge.flush(morning.now)
    assert morning.bridge.counts["rule_faults"] == 1
    assert {morning.bridge.dispatch.day.devices.rooms[room].bins[row["waste"]].count for row in rows} == {7}
    check_memory(morning)


def keeper(morning: Rehearsal, room: str, event: str = "lane_clear") -> None:
    """A keeper presses a button."""
    morning.say("keeper", {"at": None, "event": event}, device=room)


@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_lane_that_is_clear_is_heard_though_its_rule_failed_at_first(before: int) -> None:
    """The message that failed itself, and one that came while the rule rested, count once it is tried again."""
    morning = under_way().again()
    morning.press(incident_id=PRESS)
    morning.step(2)
    room = morning.bridge.dispatch.day.incidents["t01", PRESS].room or ""
    with broken(device_messages, "keeper_says"):
        for _ in range(before):
            keeper(morning, room, "bins_out")
            morning.step()
        if before < 2:
            keeper(morning, room)
    if before == 2:
        keeper(morning, room)
    morning.step(30)
    assert morning.bridge.dispatch.day.incidents["t01", PRESS].condition == "cleared"
    check_memory(morning)


def test_a_keeper_whose_rule_fails_for_long_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried ever more rarely, and a bounded number of messages waits for it."""
    monkeypatch.setattr(decisions, "MOST_WAITING", 500)
    morning = under_way().again()
    morning.speak = False
    with broken(device_messages, "keeper_says"):
        for _ in range(600):
            keeper(morning, "r03")
        morning.step(120)
        assert morning.bridge.counts["rule_faults"] < 20
    assert len(morning.bridge._decisions._waiting) == 500  # its memory, which nothing else shows


def life(morning: Rehearsal, word: str) -> None:
    """The truck's connection says so."""
    topic = wire.topic("life", "xh", "t01", family="truck")
    morning.bridge.receive(topic, wire.pack(topic, {"life": word, "boot": 1}), morning.now)
    morning.bridge.flush(morning.now)


def test_a_truck_that_is_lost_is_known_to_be_though_the_rule_rests() -> None:
    """Its life is on record and on the screen, whatever failed before it; the one that failed too."""
    morning = under_way().again()
    life(morning, "ready")
    with broken(dispatch, "take_message"):
        life(morning, "disconnected")
        assert morning.bridge.dispatch.day.devices.truck("t01").life == "disconnected"
        life(morning, "ready")
    life(morning, "lost")
    assert morning.bridge.dispatch.day.devices.truck("t01").life == "lost"
    lives = [one.body["life"] for one in morning.kept.values() if one.kind == "life" and one.key == "t01"]
    assert lives[-3:] == ["disconnected", "ready", "lost"]


def test_lamps_and_bins_are_known_though_their_rule_rests() -> None:
    """What a room shows and counts is state, not a decision."""
    morning = under_way().again()
    room = morning.trip.visits[0].room_id
    row = {"waste": morning.waste, "count": 0, "grams": None, "quality": 0}
    with broken(dispatch, "take_message"):
        for count in (3, 4, 5):
            report = {"at": int(morning.now), "late": False, "bins": [{**row, "count": count}]}
            morning.say("bins", report, device=room)
            morning.now += 1
        assert morning.bridge.counts["rule_faults"] == 2
    morning.bridge.flush(morning.now)
    assert morning.bridge.dispatch.day.devices.rooms[room].bins[morning.waste].count == 5
    check_memory(morning)


def asked(morning: Rehearsal) -> dict[str, tuple[str, int]]:
    """What a person should look at but the fault itself: by id, the word and since when."""
    rows = snapshot(morning.bridge, morning.now)["attention"]
    return {row["id"]: (row["word"], row["since"]) for row in rows if row["word"] != "rule_failed"}


def test_a_fault_changes_no_question_of_others_and_not_since_when_it_is_asked() -> None:
    """A clock that is ahead, a run that owes, a truck that stays long: as before, half an hour later too."""
    morning = under_way().again()
    morning.drive_to(1)
    morning.step(2800)
    morning.speak = False
    morning.hours(8)
    morning.fix(0.0, fix_at=int(morning.now) + 500)
    morning.step(2)
    morning.hours(1)
    before = asked(morning)
    assert {word for word, _ in before.values()} >= {"clock_ahead", "run_owes", "long_stay"}
    with broken(dispatch, "take_message"):
        keeper(morning, "r03")
    morning.step(2)
    assert morning.bridge.counts["rule_faults"] == 1
    assert asked(morning) == before


def test_what_is_answered_and_asked_again_is_asked_since_then() -> None:
    """A fault in between brings no old time back."""
    before, after = AttentionList(), AttentionList()
    before.ask("run", RunOwes("t01", "run", 2), 100)
    after.remember(before)
    after.ask("run", RunOwes("t01", "run", 3), 200)
    assert after.of(Topic.OWES)["run"].since == 100
    after.answered(Topic.OWES, "run")
    after.ask("run", RunOwes("t01", "run", 1), 300)
    assert after.of(Topic.OWES)["run"].since == 300


def faults_shown(morning: Rehearsal) -> list[tuple[str, str]]:
    """Word and level of what is said of rules that failed."""
    rows = snapshot(morning.bridge, morning.now)["attention"]
    return [(row["word"], row["level"]) for row in rows if row["id"].startswith("fault/")]


def test_a_rule_that_did_not_fail_for_an_hour_is_severe_no_more() -> None:
    """It stays on the list to be reported; should it fail again, it is severe again, and counted from 1."""
    morning = under_way().again()
    morning.speak = False
    with broken(device_messages, "keeper_says"):
        keeper(morning, "r03")
    morning.hours(1, tick_s=900)
    assert faults_shown(morning) == [("rule_failed_before", "warning")]
    assert not morning.bridge._decisions._faults  # what is forgiven is seen nowhere else
    with broken(device_messages, "keeper_says"):
        keeper(morning, "r03")
    assert faults_shown(morning) == [("rule_failed", "severe")]
    morning.hours(40)
    assert faults_shown(morning) == []


def test_a_rule_that_goes_on_failing_stays_severe() -> None:
    """For hours, on one run."""
    morning = under_way().again()
    morning.speak = False
    with broken(time_passing, "of_run", lambda _, run_id, **__: run_id == morning.run_id):
        morning.hours(3, tick_s=300)
        assert ("rule_failed", "severe") in faults_shown(morning)


def calls(morning: Rehearsal) -> int:
    """How many there were."""
    return sum(one.kind == "call" for one in morning.kept.values())


@pytest.mark.parametrize("told", [True, False])
def test_no_lamp_is_called_by_a_position_that_its_run_was_not_told_of_in_time(told: bool) -> None:
    """The truck is heard, but while its rule rests the run predicts from an old position: that neither lights
    nor is shown as if it were fresh.
    """
    sooner = under_way().again()
    while calls(sooner) == calls(under_way()):
        sooner.step(1, 5.0)
    morning = under_way().again()
    morning.step(int(sooner.now - morning.now) - 100, 5.0)
    known, day = calls(morning), morning.bridge.dispatch.day
    with broken(device_messages, "follow") if not told else nullcontext():
        for _ in range(10):  # its rule rests for ever longer
            if not told:
                # As if the rule had failed.
                morning.bridge._decisions._faults.failed("fix", "t01", int(morning.now))
        morning.step(115, 5.0)
        assert ({eta.label for eta in day.runs[morning.run_id].etas.values()} == {"stale"}) != told
        assert (calls(morning) > known) == told


def test_a_day_that_cannot_be_rebuilt_tells_only_what_is_stored() -> None:
    """Its memory may say what no record does: acks go out and that presses are stored, rooms and trucks hear of it once
    it is rebuilt."""
    morning = under_way().again()
    morning.press(incident_id=PRESS)
    morning.step(2)
    forget_all(morning)
    whole = set(morning.retained)
    with broken(decisions, "restore_beside"), broken(messages, "tell_incident"):
        forget_all(morning)
        told = set(morning.retained)
    assert {topic.rpartition("/")[2] for topic in told} == {"ack", "life", PRESS}
    morning.step(20)
    assert set(morning.retained) == whole
    check_memory(morning)


def test_a_press_is_answered_while_offers_are_worked_out() -> None:
    """They are made in short steps, and are of the moment at which they were begun."""
    morning = under_way().again()
    morning.press("breakdown", incident_id=PRESS)
    rules, began_at = morning.bridge.dispatch, int(morning.now) + 2 * time_passing.OFFER_EVERY_S
    for decision in rules.on_tick(began_at):
        decision.make()
    for _ in range(3):
        step = rules.next_step(began_at)
        assert step is not None
        step.make()
    morning.press("lane_blocked", incident_id="t01-1-another")
    assert morning.stage("t01-1-another") == "stored"
    assert rules.next_step(began_at) is not None
    while (step := rules.next_step(began_at + 1)) is not None:
        step.make()
    assert rules.day.incidents.offers(("t01", PRESS))[0] == began_at
