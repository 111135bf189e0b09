"""A fault in a rule hides nothing: at whatever place of whatever decision it comes, memory says what the records say,
every open press is on the screen, its light says no more than is true, and a severe notice tells of it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from broker.ingest import decisions
from broker.rules.day.attention.about_area import RuleFailed
from broker.rules.day.attention.asked import Topic
from broker.rules.day.day import Day
from broker.rules.dispatch import time_passing
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.incidents import incident_handling
from broker.rules.effects.effect import Effect
from broker.store import StoreError
from firmware import wire
from tests.support.bridge.rehearsal import (
    InjectedError,
    Rehearsal,
    check_memory,
    check_presses,
    fault_at,
    open_presses,
    severe,
)

pytestmark = pytest.mark.real  # tenths of a second each

Event = Callable[[Rehearsal], None]
PRESS = "t01-1-press"
LATE = "late"


class TwoShifts(Rehearsal):
    """The morning's run, and one of its route that sets out when the morning's should have ended."""

    def open(self) -> None:
        """Start (again) with both."""
        visits = tuple(
            replace(one, arrive_day_s=one.arrive_day_s + 2 * 3600, leave_day_s=one.leave_day_s + 2 * 3600)
            for one in self.trip.visits[:2]
        )
        shift_end_s = visits[-1].leave_day_s + 4 * 3600
        late = replace(self.trip, trip_id=LATE, truck_id="t99", visits=visits, shift_end_day_s=shift_end_s)
        mine = replace(self.trip, shift_end_day_s=self.trip.visits[-1].leave_day_s)
        self.plan = replace(self.plan, runs={mine.trip_id: mine, LATE: late})
        super().open()

    def both_out(self) -> None:
        """The morning's truck falls silent after its first room; the other sets out, and serves its first."""
        self.speak = False
        self.hours(2)
        self.truck, self.along = "t99", self.trip.visits[0].distance_m
        for speed_mps in [0.0] * 6 + [5.0] * 6:
            self.now += 10
            self.along += 10 * speed_mps
            self.fix(speed_mps)
            self.bridge.tick(self.now)
            self.bridge.flush(self.now)


@cache
def before(name: str) -> Rehearsal:
    """A morning up to shortly before what is to fail."""
    morning = Rehearsal(visits=6)
    if name == "arrive":
        morning.drive_to(0)
        return morning
    if name == "call":
        sooner = morning.again()
        while not any(one.kind == "call" for one in sooner.kept.values()):
            sooner.step()
        morning.step(int(sooner.now - morning.now) - 15)
        return morning
    morning.serve(0)
    if name == "standing":
        morning.drive_to(1)
        morning.step(60)
        return morning
    morning.step(20, 5.0)
    if name == "pressed":
        morning.press(incident_id=PRESS)
    if name == "broken down":
        morning.press("breakdown", incident_id=PRESS)
        morning.step(2)
    if name == "alarm":
        morning.press(incident_id=PRESS)
        morning.step(58)
    if name == "handed over":
        morning = TwoShifts(visits=3)
        morning.serve(0)
        morning.step(20, 5.0)
        morning.both_out()
    if name == "early":
        morning = Rehearsal(lead_s=3605, visits=6)
    return morning


def click(action: str, **more: object) -> Event:
    """A dispatcher's click; one that cannot be done is told so."""

    def event(morning: Rehearsal) -> None:
        try:
            morning.act(action, PRESS, **more)
        except ActionError as why:
            assert "a rule failed" in str(why)

    return event


def settle(action: str) -> Event:
    """A dispatcher settles the run's third visit."""

    def event(morning: Rehearsal) -> None:
        key = (morning.run_id, morning.trip.visits[2].room_id, 1)
        try:
            morning.bridge.act(Act(action, "Li", visit=key, reason="not_out"), morning.now)
        except ActionError as why:
            assert "a rule failed" in str(why)

    return event


def bins(morning: Rehearsal) -> None:
    """A room counts its emptied bins, of two kinds."""
    room = morning.trip.visits[0].room_id
    other = next(waste for waste in morning.plan.rooms[room].wastes if waste != morning.waste)
    rows = [{"waste": waste, "count": 1, "grams": None, "quality": 0} for waste in (morning.waste, other)]
    morning.say("bins", {"at": int(morning.now), "late": False, "bins": rows}, device=room)


def lane_clear(morning: Rehearsal) -> None:
    """The keeper of the blocked room."""
    room = morning.bridge.dispatch.day.incidents["t01", PRESS].room or ""
    morning.say("keeper", {"at": int(morning.now), "event": "lane_clear"}, device=room)


def hour(morning: Rehearsal) -> None:
    """It passes evenly, as it must before anything is handed over."""
    for seconds in (1, 3600):
        morning.now += seconds
        morning.bridge.tick(morning.now)
        morning.bridge.flush(morning.now)


EVENTS: dict[str, tuple[str, Event]] = {
    "press": ("under way", lambda morning: (morning.press(incident_id=PRESS), None)[1]),
    "press of a breakdown": ("under way", lambda morning: (morning.press("breakdown", incident_id=PRESS), None)[1]),
    "upgrade": ("pressed", lambda morning: (morning.press("breakdown", incident_id=PRESS), None)[1]),
    "withdraw": ("pressed", lambda morning: (morning.press(incident_id=PRESS, withdrawn=True), None)[1]),
    "acknowledge": ("pressed", click("acknowledge")),
    "decide to wait": ("pressed", click("decide", decision="wait")),
    "decide to cancel": ("broken down", click("decide", decision="cancel_visit")),
    "decide for an extra truck": ("broken down", click("decide", decision="extra_truck", truck="t99")),
    "clear": ("pressed", lane_clear),
    "resolve": ("pressed", click("resolve")),
    "skip": ("under way", settle("skip")),
    "serve": ("under way", settle("serve")),
    "arrive": ("arrive", lambda morning: morning.step(16)),
    "leave": ("standing", lambda morning: morning.step(14, 5.0)),
    "bins": ("under way", bins),
    "tick that calls": ("call", lambda morning: morning.step(30)),
    "tick that repeats an alarm": ("alarm", lambda morning: morning.step(3)),
    "tick that hands over": ("handed over", hour),
    "tick that opens runs": ("early", lambda morning: morning.step(40)),
}


@pytest.mark.parametrize("name", EVENTS)
def test_a_fault_at_any_place_of_a_decision_hides_nothing(name: str) -> None:
    """One place after the other, until nothing fails any more; then once more after a restart."""
    start, event = EVENTS[name]
    base = before(start)
    for number in range(1, 1000):
        morning = base.again()
        known = set(morning.kept)
        with fault_at(number) as failed:
            event(morning)
            morning.bridge.flush(morning.now)
        if not failed:
            assert number > 1
            break
        check_memory(morning)
        check_presses(morning)
        assert morning.bridge.counts["rule_faults"] == 1
        assert "rule_failed" in severe(morning)
        if name.startswith("press"):
            assert {morning.kept[new].kind for new in set(morning.kept) - known} == {"incident"}  # nothing by halves
            assert "press_unworked" in severe(morning)
        morning.step(6)
        check_memory(morning)
        check_presses(morning)
        words = set(severe(morning)) - {"rule_failed"}
        morning.open()
        check_presses(morning)
        assert words <= set(severe(morning))
    assert number < 999


def failing(monkeypatch: pytest.MonkeyPatch, rebuilt: list[float], morning: Rehearsal) -> None:
    """Count how often the day is rebuilt."""
    real = decisions.restore_beside

    def counted(*args: Any, **more: Any) -> Any:
        rebuilt.append(morning.now)
        return real(*args, **more)

    monkeypatch.setattr(decisions, "restore_beside", counted)


def test_a_rule_that_fails_each_time_rests_and_everything_else_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run's predictions fail for half an hour: a few rebuildings; the other trucks' runs open and are predicted."""
    morning, rebuilt, real = before("under way").again(), list[float](), time_passing.of_run
    failing(monkeypatch, rebuilt, morning)

    def of_run(day: Day, run_id: str, now: int) -> list[Effect]:
        if run_id == morning.run_id:
            raise InjectedError("of this run")
        return real(day, run_id, now)

    monkeypatch.setattr(time_passing, "of_run", of_run)
    morning.step(1800)
    assert 8 <= len(rebuilt) <= 12  # at once, then after 5, 10, 20 ... 600 s
    day = morning.bridge.dispatch.day
    others = [run for run in day.runs.values() if run.truck != "t01" and run.state != "finished"]
    assert others and all(morning.now - run.updated_at <= day.settings.restate_s for run in others)
    (asked,) = day.attention.of(Topic.FAULT).values()
    assert isinstance(asked.values, RuleFailed) and asked.values.count == len(rebuilt)
    check_memory(morning)


def test_a_rule_that_fails_on_every_press_rests_as_a_whole_and_every_press_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred presses within some minutes: few rebuildings, all of them open on the screen, also after a restart."""
    morning, rebuilt = before("under way").again(), list[float]()
    failing(monkeypatch, rebuilt, morning)

    def broken(*_: object) -> list[Effect]:
        raise InjectedError("on each press")

    monkeypatch.setattr(incident_handling, "raise_incident", broken)
    for number in range(100):
        morning.press(incident_id=f"t01-1-{number}")
        morning.step(2)
    assert len(open_presses(morning)) == 100
    check_presses(morning)
    assert len(rebuilt) <= 12
    assert len(morning.bridge.dispatch.day.attention.of(Topic.FAULT)) <= 20
    check_memory(morning)
    morning.open()
    check_presses(morning)
    assert severe(morning).count("press_unworked") == 100


def test_a_decision_makes_up_for_a_press_that_a_rule_failed_on() -> None:
    """The fault was that moment's: the blocked room is skipped and owed again as if the press had been worked on."""
    morning = before("under way").again()
    with fault_at(1):
        morning.press(incident_id=PRESS)
    assert severe(morning) == ["rule_failed", "press_unworked"]
    morning.act("acknowledge", PRESS)
    assert morning.stage(PRESS) == "seen" and "press_unworked" in severe(morning)
    morning.act("decide", PRESS, decision="return_later")
    assert morning.stage(PRESS) == "decided" and severe(morning) == ["rule_failed"]
    assert [number for _, number, _ in morning.itinerary()].count(2) == 1
    morning.step(2)
    check_memory(morning)


def test_a_refused_decision_on_such_a_press_changes_nothing() -> None:
    """It is refused after its rule had begun to make up for the press: the day is as it was."""
    morning = before("under way").again()
    with fault_at(1):
        morning.press(incident_id=PRESS)
    told = morning.itinerary()
    with pytest.raises(ActionError, match="name the contractor's truck"):
        morning.act("decide", PRESS, decision="extra_truck")
    morning.step(2)
    assert morning.itinerary() == told
    check_memory(morning)


def test_a_light_says_stored_only_when_it_is_though_the_rule_failed_meanwhile() -> None:
    """The disk is full when the press comes and its rule fails: on the screen at once, `stored` once there is room."""
    morning = before("under way").again()
    morning.store.full = True  # type: ignore[attr-defined]
    with fault_at(1):
        morning.press(incident_id=PRESS)
    assert morning.bridge.dispatch.day.incidents["t01", PRESS].open
    assert morning.stage(PRESS) is None and "press_unworked" in severe(morning)
    morning.store.full = False  # type: ignore[attr-defined]
    morning.step(3)
    assert morning.stage(PRESS) == "stored"
    check_memory(morning)


def test_a_day_that_cannot_be_rebuilt_yet_shows_the_press_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record cannot be read at that moment; it is tried again, not each second, and succeeds once it can."""
    morning, tried = before("under way").again(), list[float]()

    def unreadable(*_: object, **__: object) -> None:
        tried.append(morning.now)
        raise StoreError("cannot be read")

    with monkeypatch.context() as patch:
        patch.setattr(decisions, "restore_beside", unreadable)
        with fault_at(7):
            morning.press(incident_id=PRESS)
        check_presses(morning)
        told, known = len(morning.sent), set(morning.kept)
        bins(morning)
        with pytest.raises(ActionError, match="cannot be rebuilt"):
            morning.act("acknowledge", PRESS)
        morning.step(120)
        check_presses(morning)
        assert 2 <= len(tried) <= 8
        morning.bridge.link_up(morning.now)
        # Half of a decision is in memory: nothing is decided upon it, nothing of it told, and the lamps say "no data".
        # That the press is stored is true without it.
        assert {morning.kept[new].kind for new in set(morning.kept) - known} == {"fix", "bins"}
        assert {topic.rpartition("/")[2] for _, topic, _ in morning.sent[told:]} == {"ack", "life", PRESS}
        assert morning.stage(PRESS) == "stored"
    morning.step(400)
    check_memory(morning)
    check_presses(morning)
    assert morning.bridge.dispatch.day.devices.rooms[morning.trip.visits[0].room_id].bins
    clock = wire.topic("clock", "xh", family="bridge")
    assert max(at for at, topic, _ in morning.sent if topic == clock) > morning.now - 20


@pytest.mark.parametrize("times", [2, 3, 7])
def test_faults_one_after_the_other_stop_nothing(times: int) -> None:
    """Also where what is done about a fault fails itself."""
    base = before("pressed")
    for number in (1, 2, 5, 9, 14):
        morning = base.again()
        with fault_at(number, times=times) as failed:
            morning.press("breakdown", incident_id=PRESS)
            morning.press(incident_id="t01-1-other")
            morning.step(60)
        assert len(failed) == times
        morning.step(700)
        check_memory(morning)
        check_presses(morning)


@pytest.mark.parametrize("start", ["arrive", "standing"])
def test_what_a_failed_decision_would_have_settled_is_settled_after_it(start: str) -> None:
    """The truck stops at a room, or leaves it, while a rule fails on that: the visit is served all the same."""
    base, visit = before(start), 0 if start == "arrive" else 1
    for number in range(1, 12):
        morning = base.again()
        with fault_at(number):
            morning.step(*((16,) if start == "arrive" else (14, 5.0)))
        morning.step(60, 0.0 if start == "arrive" else 5.0)
        morning.step(60, 5.0)
        key = (morning.run_id, morning.trip.visits[visit].room_id, 1)
        assert morning.bridge.dispatch.day.visits[key].state == "served"
