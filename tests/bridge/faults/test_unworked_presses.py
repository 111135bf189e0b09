"""What becomes of a press that a rule failed on: it is shown, it is made up for, and nothing said of it is untrue."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

import pytest

from broker.rules.dispatch import device_messages
from broker.rules.dispatch.actions import ActionError
from broker.rules.dispatch.incidents import incident_handling
from tests.support.bridge.rehearsal import InjectedError, Rehearsal, check_memory, check_presses, fault_at, severe

pytestmark = pytest.mark.real  # tenths of a second each

PRESS = "t01-1-press"
KEY = ("t01", PRESS)


@cache
def morning_under_way() -> Rehearsal:
    """The first room is served, the truck is on its way to the second."""
    morning = Rehearsal(alone=True)
    morning.serve(0)
    morning.step(20, 5.0)
    return morning


@pytest.fixture
def morning() -> Rehearsal:
    """That morning, with a bridge of its own."""
    return morning_under_way().again()


@contextmanager
def broken(module: ModuleType, name: str) -> Iterator[None]:
    """One rule that fails each time."""

    def fails(*_: object, **__: object) -> None:
        raise InjectedError(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, fails)
        yield


def test_a_press_of_a_device_whose_clock_is_weeks_behind_is_shown_and_its_resend_ends_nothing(
    morning: Rehearsal,
) -> None:
    """It is found by when it was heard; what was never worked on is not over."""
    said = {"pressed_at": int(morning.now) - 20 * 86400, "fix_at": None, "lat": None, "lon": None}
    with fault_at(1):
        morning.press(incident_id=PRESS, **said)
    check_presses(morning)
    assert morning.stage(PRESS) == "stored" and "press_unworked" in severe(morning)
    morning.open()
    check_presses(morning)
    morning.bridge.dispatch.day.incidents.drop(KEY)  # as if it were not found by its time
    morning.seq -= 1
    morning.press(incident_id=PRESS, **said)
    check_presses(morning)
    assert morning.stage(PRESS) == "stored"
    check_memory(morning)


@pytest.mark.parametrize("back_s", [40, 1800])
def test_what_people_did_after_the_clock_was_set_back_is_not_undone_by_a_rebuilding(
    morning: Rehearsal, back_s: int
) -> None:
    """The newest is what was decided last, though an earlier decision has the later time; also when that has passed."""
    morning.press(incident_id=PRESS)
    morning.step(1)
    morning.now -= back_s
    morning.bridge.tick(morning.now)
    morning.act("acknowledge", PRESS)
    morning.act("decide", PRESS, decision="wait")
    undone = morning.itinerary()
    with fault_at(1):
        morning.press(incident_id="t01-1-other")
    morning.step(3)
    assert morning.stage(PRESS) == "decided" and morning.itinerary()[:3] == undone[:3]
    assert morning.bridge.dispatch.day.incidents[KEY].version == 4  # raised, told, seen, decided
    morning.now += 3600
    morning.open()
    assert morning.bridge.dispatch.day.incidents[KEY].workflow == "in_progress"
    assert morning.stage(PRESS) == "decided"
    check_memory(morning)


def test_a_refused_decision_reads_nothing_learned_again(
    morning: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its press was begun to be made up for, so the day is rebuilt; six weeks of learning stay as they are."""
    with fault_at(1):
        morning.press(incident_id=PRESS)
    read, scan = list[str](), morning.store.scan
    monkeypatch.setattr(morning.store, "scan", lambda kind, from_at=None: (read.append(kind), scan(kind, from_at))[1])
    with pytest.raises(ActionError, match="name the contractor's truck"):
        morning.act("decide", PRESS, decision="extra_truck")
    assert "incident" in read and not {"leg", "dwell", "error"} & set(read)
    check_memory(morning)


def test_a_refused_decision_on_a_breakdown_that_no_rule_worked_on_holds_no_truck(morning: Rehearsal) -> None:
    """The truck would have been held: it is not, and its rooms hold what they held."""
    with broken(incident_handling, "raise_incident"):
        morning.press("breakdown", incident_id=PRESS)
    morning.step(2)
    with pytest.raises(ActionError, match="name the contractor's truck"):
        morning.act("decide", PRESS, decision="extra_truck")
    morning.step(10)
    day = morning.bridge.dispatch.day
    assert not day.runs[morning.run_id].tracker.progress(int(morning.now)).held
    assert day.incidents[KEY].unworked and day.incidents[KEY].run_id is None
    assert "press_unworked" in severe(morning)
    check_memory(morning)


@pytest.mark.parametrize("after_s", [2, 960])
def test_a_decision_makes_up_for_such_a_press_however_long_it_took(morning: Rehearsal, after_s: int) -> None:
    """Late is what was delivered late, not what was decided late; it is about the room where it was pressed."""
    blocked = morning.trip.visits[1].room_id
    room = morning.plan.rooms[blocked]
    with broken(incident_handling, "raise_incident"):
        morning.press(incident_id=PRESS, lat=room.lat, lon=room.lon)
    morning.step(after_s)
    morning.act("decide", PRESS, decision="return_later")
    assert morning.bridge.dispatch.day.incidents[KEY].room == blocked
    assert (blocked, 2) in {(name, number) for name, number, _ in morning.itinerary()}
    assert morning.stage(PRESS) == "decided" and "press_unworked" not in severe(morning)
    check_memory(morning)


def test_a_decision_that_can_re_plan_nothing_is_refused_and_the_press_stays_on_the_list(morning: Rehearsal) -> None:
    """It was delivered too late to say where the lane is blocked: nobody is told that something was done about it."""
    with broken(incident_handling, "raise_incident"):
        morning.press(incident_id=PRESS, pressed_at=int(morning.now) - 3600)
    with pytest.raises(ActionError, match="nothing can be re-planned"):
        morning.act("decide", PRESS, decision="return_later")
    assert morning.stage(PRESS) == "stored" and "press_unworked" in severe(morning)
    morning.act("decide", PRESS, decision="wait")
    assert morning.stage(PRESS) == "decided" and "press_unworked" not in severe(morning)
    check_memory(morning)


def test_a_decision_makes_up_for_an_upgrade_that_a_rule_failed_on(morning: Rehearsal) -> None:
    """The blocked room was skipped; a breakdown takes that back first, now as it would have been then."""
    morning.press(incident_id=PRESS)
    morning.step(1)
    worked = morning.again()
    worked.press("breakdown", incident_id=PRESS)
    worked.act("decide", PRESS, decision="wait")
    with broken(incident_handling, "upgrade"):
        morning.press("breakdown", incident_id=PRESS)
    assert [number for _, number, _ in morning.itinerary()].count(2) == 1 and "press_unworked" in severe(morning)
    blocked = morning.bridge.dispatch.day.incidents[KEY].room
    assert blocked
    morning.say("keeper", {"at": int(morning.now), "event": "lane_clear"}, device=blocked)
    assert morning.bridge.dispatch.day.incidents[KEY].condition == "active"  # a lane is clear, the truck still stands
    morning.open()
    assert "press_unworked" in severe(morning)
    morning.act("decide", PRESS, decision="wait")
    assert morning.itinerary() == worked.itinerary()
    assert morning.bridge.dispatch.day.runs[morning.run_id].tracker.progress(int(morning.now)).held
    assert morning.stage(PRESS) == "decided" and "press_unworked" not in severe(morning)
    check_memory(morning)


@pytest.mark.parametrize("worked", [True, False])
def test_that_a_press_was_taken_back_is_shown_though_a_rule_failed_on_it(morning: Rehearsal, worked: bool) -> None:
    """Also after a restart; a decision then re-plans nothing for what the driver took back."""
    before = morning.itinerary()
    with broken(incident_handling, "withdraw" if worked else "raise_incident"):
        morning.press(incident_id=PRESS)
        morning.step(1)
        if worked:
            morning.press(incident_id=PRESS, withdrawn=True)
    if not worked:
        with broken(incident_handling, "withdraw"):
            morning.press(incident_id=PRESS, withdrawn=True)
    assert "press_taken_back" in severe(morning) and "press_unworked" not in severe(morning)
    morning.open()
    assert "press_taken_back" in severe(morning)
    check_memory(morning)
    morning.step(1)
    morning.act("decide", PRESS, decision="wait")
    assert morning.itinerary() == before and "press_taken_back" not in severe(morning)
    check_memory(morning)


@pytest.mark.parametrize("both", [True, False])
def test_a_press_taken_back_before_it_was_heard_does_not_come_alive(morning: Rehearsal, both: bool) -> None:
    """A rule failed on the withdrawal, perhaps on the press as well: it is over when it comes, after a restart too."""
    before, pressed_at = morning.itinerary(), int(morning.now)
    with broken(device_messages, "put_incident"), broken(device_messages, "close_topics" if both else "keeper_says"):
        morning.press(incident_id=PRESS, withdrawn=True, pressed_at=pressed_at)
        morning.press(incident_id=PRESS, pressed_at=pressed_at)
    morning.step(2)
    for _ in range(2):
        assert not morning.bridge.dispatch.day.incidents[KEY].open
        assert morning.stage(PRESS) is None and morning.itinerary() == before
        assert severe(morning) in ([], ["rule_failed"])
        check_memory(morning)
        morning.open()
    morning.hours(40)
    morning.open()
    assert KEY not in morning.bridge.dispatch.day.incidents
