"""Who is asked about an incident: told one after the other, heard, held to what they promise."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from broker.bridge import Bridge
from broker.plan.calendar import day_start_at, local_date
from broker.plan.model import Vehicle
from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.settings import DispatchSettings
from broker.rules.tracking.types import GpsFix
from broker.store.opening import open_store
from tests.support.bridge.asked_street import WET, Street
from tests.support.bridge.morning import Morning
from tests.support.bridge.rehearsal import check_memory

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def street() -> Iterator[Street]:
    """A truck before the second room's gate."""
    made = Street(alone=True)
    made.serve(0)
    yield made
    made.close()


def test_all_who_are_asked_are_told_at_once_and_by_name(street: Street) -> None:
    """Dispatcher and estate have a row before anybody has clicked; the record says whom it was told."""
    press = street.press()
    estate = street.row(press, "estate")
    assert street.row(press, "dispatcher").state == estate.state == "told"
    assert [one.names for one in estate.told] == [(f"property of {estate.party}",)]
    (kept,) = [one for one in street.kept.values() if one.kind == "workflow"]
    assert [row["told"][0]["names"][0].split()[0] for row in kept.body["answers"]] == ["dispatcher", "property"]


def test_the_next_is_told_after_a_minute_and_the_one_after_that_after_five(street: Street) -> None:
    """At the end of the chain nobody answered: severe, on the list until somebody says something."""
    press = street.press()
    asked_at = int(street.now)
    street.step(600)
    row = street.row(press, "dispatcher")
    told = [(one.at - asked_at, one.step) for one in row.told]
    assert told == [(0, "dispatcher"), (60, "second"), (300, "supervisor")]
    assert row.unanswered_at == asked_at + 600
    asked = street.bridge.dispatch.day.attention.of(Topic.ANSWER)
    assert {(one.word, one.values.level) for one in asked.values()} == {("nobody_answered", "severe")}
    assert len(asked) == 2
    street.act("acknowledge", press)
    street.says(press, "estate", "see")
    assert not street.bridge.dispatch.day.attention.of(Topic.ANSWER)


def test_what_is_seen_is_told_no_further_and_after_ten_minutes_told_again(street: Street) -> None:
    """An acknowledgement without a deed runs out, for the estate as for the dispatcher."""
    press = street.press()
    street.step(30)
    street.says(press, "estate", "see")
    street.step(599)
    assert street.row(press, "estate").state == "seen"
    street.step(2)
    assert street.row(press, "estate").state == "told"
    assert [one.step for one in street.row(press, "estate").told] == ["property", "property"]


def test_the_light_shows_the_furthest_answer_and_its_message_who_gave_it(street: Street) -> None:
    """The estate has seen it before the dispatcher: a person has."""
    press = street.press()
    assert street.stage(press) == "stored"
    street.says(press, "estate", "promise", until_at=int(street.now) + 600)
    assert street.stage(press) == "seen"
    (said,) = [body for topic, body in street.retained.items() if f"incident_ack/{press}" in topic]
    assert {row["from"]: row["state"] for row in said["answers"]} == {"dispatcher": "told", "estate": "promised"}
    street.act("decide", press, decision="return_later")
    assert street.stage(press) == "decided"


def test_clear_by_then_is_when_the_second_visit_may_be_made(street: Street) -> None:
    """It moves to where it then costs least, later than it was thought; the next promise counts in its place."""
    street.serve(1)
    press = street.press()
    run, key = street.bridge.dispatch.day.runs[street.run_id], street.second().key
    before = run.order.index(key)
    for minutes in (80, 5):
        until_at = int(street.now) + 60 * minutes
        street.says(press, "estate", "promise", until_at=until_at)
        assert street.second().not_before_at == until_at <= run.etas[key].eta_at
        assert run.order.index(key) > before and street.itinerary()[-1][:2] == key[1:]


def test_a_lit_lamp_keeps_its_place_whatever_is_promised(street: Street) -> None:
    """Its keeper has rolled the bins out."""
    press = street.press()
    day = street.bridge.dispatch.day
    while street.second().state == "pending":
        street.step(5, 5.0)
    order = day.runs[street.run_id].order
    street.says(press, "estate", "promise", until_at=int(street.now) + 1800)
    assert day.runs[street.run_id].order == order
    assert street.second().not_before_at == int(street.now) + 1800


def test_a_promise_is_kept_or_broken_and_that_is_counted_and_said(street: Street) -> None:
    """Broken once its time is over, also if it is done after that; another promise may follow."""
    press = street.press()
    street.says(press, "estate", "promise", until_at=int(street.now) + 120)
    street.step(121)
    row = street.row(press, "estate")
    assert (row.state, row.promises, row.kept, row.broken) == ("late", 1, 0, 1)
    asked = street.bridge.dispatch.day.attention.of(Topic.ANSWER)
    assert [one.word for one in asked.values()] == ["promise_broken"]
    assert any("promised until" in note.text for _, note in street.bridge.notices)
    street.says(press, "estate", "promise", until_at=int(street.now) + 600)
    assert not street.bridge.dispatch.day.attention.of(Topic.ANSWER)
    room = street.bridge.dispatch.day.incidents[street.truck, press].room or ""
    street.say("keeper", {"at": int(street.now), "event": "lane_clear"}, device=room)
    row = street.row(press, "estate")
    assert (row.state, row.promises, row.kept, row.broken) == ("done", 2, 1, 1)


@pytest.mark.parametrize("until_s", [None, 0, -5, 12 * 3600 + 1])
def test_a_promise_is_for_a_time_that_can_be_waited_for(street: Street, until_s: int | None) -> None:
    """Not for one that is over, nor for tomorrow."""
    press = street.press()
    until_at = None if until_s is None else int(street.now) + until_s
    with pytest.raises(ActionError, match="within the next 12 hours"):
        street.says(press, "estate", "promise", until_at=until_at)
    assert street.row(press, "estate").state == "told"


def test_of_two_clicks_on_one_row_one_wins_and_other_rows_do_not_matter(street: Street) -> None:
    """The version is the row's: what another addressee says meanwhile makes no click an old one."""
    press = street.press()
    looked_at = street.row(press, "estate").version
    street.act("acknowledge", press)
    street.step(61)
    street.says(press, "estate", "see", version=looked_at)
    with pytest.raises(ActionError, match="meanwhile") as why:
        street.says(press, "estate", "refuse", version=looked_at)
    assert why.value.stale
    version = street.bridge.dispatch.day.incidents[street.truck, press].stands_since
    street.says(press, "estate", "promise", until_at=int(street.now) + 900)
    street.act("decide", press, decision="wait", version=version)


def test_who_was_told_in_vain_is_said_at_the_end(street: Street) -> None:
    """The driver takes it back: the estate was called for nothing."""
    press = street.press()
    street.step(3)
    street.press(incident_id=press, pressed_at=int(street.now) - 3, withdrawn=True)
    assert any("told in vain: dispatcher (told), estate (told)" in note.text for _, note in street.bridge.notices)
    assert street.row(press, "estate").in_vain


def test_a_lane_that_the_dispatcher_calls_clear_ends_the_asking_and_the_estate_did_nothing(street: Street) -> None:
    """Who never answered has not done it; who promised has."""
    press = street.press()
    street.act("clear", press)
    row = street.row(press, "estate")
    assert not row.open and row.in_vain
    street.step(700)
    assert len(street.row(press, "estate").told) == 1
    other = street.press()
    street.says(other, "estate", "promise", until_at=int(street.now) + 900)
    street.act("clear", other)
    assert (street.row(other, "estate").state, street.row(other, "estate").kept) == ("done", 1)


@pytest.mark.parametrize("wait_s", [5, 61, 400, 700])
def test_a_restart_in_the_middle_keeps_every_clock(street: Street, wait_s: int) -> None:
    """The next one is told when it would have been."""
    press = street.press()
    street.step(wait_s)
    before = street.row(press, "estate")
    street.open()
    assert street.row(press, "estate") == before
    street.step(1000 - wait_s)
    after = street.row(press, "estate")
    assert [one.at - before.asked_at for one in after.told] == [0, 60, 300]
    assert after.unanswered_at == before.asked_at + 600
    check_memory(street)


def test_a_restart_breaks_the_promise_whose_time_passed_meanwhile(street: Street) -> None:
    """Said once the bridge is back."""
    press = street.press()
    street.says(press, "estate", "promise", until_at=int(street.now) + 60)
    street.now += 300
    street.open()
    assert street.row(press, "estate").broken == 1


def test_a_breakdown_asks_the_estate_of_nothing(street: Street) -> None:
    """It was told of a blocked lane, in vain; and the dispatcher is asked for a decision."""
    press = street.press()
    street.step(2)
    street.press("breakdown", incident_id=press, pressed_at=int(street.now) - 2)
    assert street.row(press, "estate").in_vain
    assert street.row(press, "dispatcher").open


# --- the contractor ------------------------------------------------------------------------------------------


def asked_for(street: Street, reason: str, truck: str = "x01") -> str:
    """A press for which an extra truck is decided on."""
    press = street.press(reason)
    street.step(2)
    offers = street.bridge.dispatch.day.incidents.offers((street.truck, press))[1]
    extra = next((i for i, offer in enumerate(offers) if offer["name"] == "extra_truck"), 0)
    street.act("decide", press, decision="extra_truck", option=extra, truck=truck)
    street.step(1)
    return press


@pytest.mark.parametrize("reason", ["breakdown", "lane_blocked"])
def test_the_firm_of_the_truck_is_asked_and_its_promise_is_the_start(street: Street, reason: str) -> None:
    """Nobody is expected before that time."""
    press = asked_for(street, reason)
    row = street.row(press, "contractor.first")
    assert (row.state, row.truck, row.told[0].names) == ("told", "x01", ("contractor of first",))
    until_at = int(street.now) + 1500
    street.says(press, "contractor.first", "promise", until_at=until_at)
    run = street.bridge.dispatch.day.runs[row.run_id or ""]
    assert run.planned_start_at == until_at and run.truck == "x01"
    assert min(eta.eta_at for eta in run.etas.values()) >= until_at
    check_memory(street)
    street.open()
    assert street.bridge.dispatch.day.runs[run.run_id].planned_start_at == until_at


@pytest.mark.parametrize("reason", ["breakdown", "lane_blocked"])
def test_a_refusal_goes_to_the_next_firm_and_then_back(street: Street, reason: str) -> None:
    """No visit is lost on the way; where nobody is left the dispatcher is told again, and can decide again."""
    owed = {visit.room for visit in street.bridge.dispatch.day.owed(street.bridge.dispatch.day.runs[street.run_id])}
    press = asked_for(street, reason)
    street.says(press, "contractor.first", "refuse", reason="no driver")
    row = street.row(press, "contractor.second")
    assert (row.state, row.truck) == ("told", "x02")
    day = street.bridge.dispatch.day
    taken = day.owed(day.runs[row.run_id or ""])
    assert {visit.truck for visit in taken} == {"x02"}
    assert {visit.room for visit in day.visits.values() if visit.owed} == owed
    check_memory(street)
    street.says(press, "contractor.second", "refuse")
    day = street.bridge.dispatch.day
    assert {visit.room for visit in day.owed(day.runs[street.run_id])} == owed
    assert street.row(press, "dispatcher").state == "told"
    assert any("decide anew" in note.text and note.level == "severe" for _, note in street.bridge.notices)
    street.step(3)
    street.act("decide", press, decision="extra_truck", truck="own")
    assert street.row(press, "dispatcher").state == "done"
    check_memory(street)


@pytest.mark.parametrize("against", ["it is far away", "its hours end before it would be done", "nothing"])
def test_the_next_firm_is_the_one_that_would_be_there_first(street: Street, against: str) -> None:
    """By the times as they follow from the day then; of equals the first on the list."""
    press = asked_for(street, "breakdown")
    day, now = street.bridge.dispatch.day, int(street.now)
    midnight = day_start_at(day.plan, local_date(day.plan, now))
    hours = (0, now - midnight + DispatchSettings().extra_comes_s + 60) if "hours" in against else (None, None)
    second = Vehicle("x02", WET, None, None, None, *hours, contractor="second")
    third = Vehicle("x03", WET, contractor="third")
    plan = replace(day.plan, vehicles={**day.plan.vehicles, "x02": second, "x03": third})
    for name, of in (("plan", plan), ("planned_trucks", frozenset(plan.trucks()))):
        object.__setattr__(day, name, of)  # another day's vehicles.txt
    if "far" in against:
        day.devices.truck("x02").stands(GpsFix(now, 31.9, 121.2, 0.0))
    street.says(press, "contractor.first", "refuse")
    assert street.row(press, "contractor.second" if against == "nothing" else "contractor.third").state == "told"


@pytest.mark.parametrize("reason", ["breakdown", "lane_blocked"])
def test_what_comes_back_to_a_run_that_was_over_has_it_go_on(street: Street, reason: str) -> None:
    """All that it owed was given away or served: what nobody else will do is expected of it, and shown, as before."""
    press = asked_for(street, reason)
    for visit in street.bridge.dispatch.day.owed(street.bridge.dispatch.day.runs[street.run_id]):
        street.bridge.act(Act("serve", "Li", visit=visit.key), street.now)
    assert street.bridge.dispatch.day.runs[street.run_id].state == "finished"
    for firm in ("first", "second"):
        street.says(press, f"contractor.{firm}", "refuse")
    for _ in range(2):
        street.step(2)
        run = street.bridge.dispatch.day.runs[street.run_id]
        owed = [visit.key for visit in street.bridge.dispatch.day.owed(run)]
        assert owed and run.state == "running" and street.bridge.dispatch.day.run_of("t01") is run
        assert set(run.etas) == set(owed)
        check_memory(street)
        street.open()


def test_a_lane_that_is_cleared_leaves_only_the_trucks_own_time(street: Street) -> None:
    """The firm's truck is promised for later than that; once it has been there the press is over."""
    press = asked_for(street, "lane_blocked")
    until_at = int(street.now) + 300
    street.says(press, "contractor.first", "promise", until_at=until_at)
    street.says(press, "estate", "promise", until_at=until_at + 900)
    assert street.second().not_before_at == until_at + 900
    street.act("clear", press)
    assert (street.second().truck, street.second().not_before_at) == ("x01", until_at)
    street.bridge.act(Act("serve", "Wang", visit=street.second().key), street.now)
    assert street.stage(press) is None
    assert not street.bridge.dispatch.day.incidents[street.truck, press].open
    check_memory(street)


def test_on_the_way_and_arrived(street: Street) -> None:
    """What set out is known, and what is there is done: kept in time."""
    press = asked_for(street, "breakdown")
    with pytest.raises(ActionError, match="not promised"):
        street.says(press, "contractor.first", "set_out")
    street.says(press, "contractor.first", "promise", until_at=int(street.now) + 900)
    street.says(press, "contractor.first", "set_out")
    assert street.row(press, "contractor.first").on_the_way_at == int(street.now)
    street.says(press, "contractor.first", "finish")
    row = street.row(press, "contractor.first")
    assert (row.state, row.kept, row.broken) == ("done", 1, 0)


def test_the_areas_own_truck_is_asked_of_nobody(street: Street) -> None:
    """It has no firm in vehicles.txt."""
    press = asked_for(street, "breakdown", truck="own")
    incident = street.bridge.dispatch.day.incidents[street.truck, press]
    assert [row.id for row in incident.answers if row.addressee == "contractor"] == []


def test_a_record_of_before_there_were_answers_is_read(tmp_path: Path) -> None:
    """Its estate was told and had answered, its dispatcher had seen it."""
    morning = Morning(tmp_path)
    morning.serve(0)
    press = morning.press()
    morning.act("acknowledge", press)
    body = dict(morning.bridge.dispatch.day.incidents["t01", press].body())
    for name in ("answers",):
        del body[name]
    body |= {"estate_told_at": int(morning.now) - 9, "estate_ack_at": int(morning.now) - 5}
    newest = max((one for one in morning.store.scan("workflow")), key=lambda one: one.id)
    morning.store.append([newest._replace(id=newest.id + "x", at=newest.at + 1, body=body)], urgent=True)
    morning.close()
    store = open_store(tmp_path, area="xh", timezone="Asia/Shanghai", now=lambda: morning.now)
    bridge = Bridge(morning.plan, store, lambda *_: None)
    bridge.start(morning.now + 2)
    incident = bridge.dispatch.day.incidents["t01", press]
    assert {row.id: (row.state, row.seen_at) for row in incident.answers} == {
        "dispatcher": ("seen", incident.acknowledged_at), "estate": ("seen", int(morning.now) - 5),
    }  # fmt: skip
    store.close()


def test_a_truck_without_a_run_that_presses_on_has_a_version_of_its_own_for_it(tmp_path: Path) -> None:
    """The blocked lane became a breakdown: two records, neither of which takes the other's id."""
    morning = Morning(tmp_path, alone=True)
    for reason in ("lane_blocked", "breakdown"):
        body = {"incident_id": "p1", "reason": reason, "pressed_at": int(morning.now), "lat": None, "lon": None,
                "fix_at": None, "withdrawn": False}  # fmt: skip
        morning.say("incident", body, "p1", device="t97")
        morning.bridge.flush(morning.now)
        morning.step(2)
    kept = list(morning.store.scan("workflow"))
    assert [(record.id, record.body["reason"]) for record in kept] == [
        ("workflow:t97/p1:000002", "lane_blocked"), ("workflow:t97/p1:000003", "breakdown"),
    ]  # fmt: skip
    morning.close()
