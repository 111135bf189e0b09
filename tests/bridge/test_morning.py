"""The bridge over a morning: lamps called about 15 minutes ahead, the button, the second visit, restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.rules.dispatch.actions import Act, ActionError
from broker.store import Full, Record, Refused
from broker.store.sqlite.files import Files
from firmware import wire
from tests.support.bridge.morning import Morning


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records", alone=True)
    yield day
    day.close()


def test_every_room_is_called_once_before_the_truck_and_released_after_it(morning: Morning) -> None:
    """Each visit gets exactly one call, made before the arrival, and ends as served."""
    for number in range(6):
        morning.serve(number)
    morning.step(60, 5.0)
    calls = {}
    for record in morning.store.scan("call"):
        calls.setdefault(record.key, []).append(record.body)
    for planned in morning.trip.visits[:5]:
        (records,) = [rows for rows in calls.values() if rows[0]["room"] == planned.room_id]
        assert len({row["called_at"] for row in records}) == 1
        last = records[-1]
        assert last["how"] == "served"
        assert last["arrived_at"] > last["called_at"]
        assert last["lead_s"] == last["arrived_at"] - last["called_at"]
    later = [calls[key][-1] for key in calls if calls[key][0]["room"] == morning.trip.visits[5].room_id]
    assert later[0]["lead_s"] >= 10 * 60


def test_a_lane_blocked_becomes_a_second_visit_without_a_person(morning: Morning) -> None:
    """The press skips the nearest visit at once, owes it again, and the truck is told to go on."""
    morning.serve(0)
    morning.drive_to(1)
    blocked_room = morning.trip.visits[1].room_id
    incident_id = morning.press()
    order = morning.itinerary()
    assert (blocked_room, 1, "skipped") in order
    assert (blocked_room, 2, "pending") in order
    assert order.index((blocked_room, 2, "pending")) > order.index((blocked_room, 1, "skipped")) + 1
    assert morning.stage(incident_id) == "stored"
    morning.act("acknowledge", incident_id)
    assert morning.stage(incident_id) == "seen"
    morning.act("decide", incident_id, decision="return_later")
    assert morning.stage(incident_id) == "decided"


def test_the_keepers_button_frees_the_second_visit(morning: Morning) -> None:
    """lane_clear from the blocked room lifts the waiting time of the second visit."""
    morning.serve(0)
    morning.drive_to(1)
    room = morning.trip.visits[1].room_id
    morning.press()
    morning.step(300, 5.0)
    before = morning.bridge.dispatch.day.visits[(morning.run_id, room, 2)]
    assert before.not_before_at is not None
    morning.say("keeper", {"at": int(morning.now), "event": "lane_clear"}, device=room)
    morning.step(1)
    assert morning.bridge.dispatch.day.visits[(morning.run_id, room, 2)].not_before_at is None


def test_a_press_withdrawn_takes_its_skip_back(morning: Morning) -> None:
    """A withdrawn press restores the visit, clears both retained topics and stays in the record."""
    morning.serve(0)
    morning.drive_to(1)
    room = morning.trip.visits[1].room_id
    incident_id = morning.press()
    morning.press(incident_id=incident_id, withdrawn=True)
    assert morning.stage(incident_id) is None
    assert morning.bridge.dispatch.day.visits[(morning.run_id, room, 1)].owed
    assert not morning.bridge.dispatch.day.visits[(morning.run_id, room, 2)].owed
    assert morning.store.latest("workflow", f"t01/{incident_id}")[f"t01/{incident_id}"].body["workflow"] == "withdrawn"


def test_late_and_stale_positions_light_nothing(morning: Morning) -> None:
    """Positions marked late, or older than 90 s, are kept but call no lamp."""
    morning.speak = False
    morning.along = morning.trip.visits[3].distance_m
    for _ in range(10):
        morning.fix(5.0, late=True)
        morning.fix(5.0, fix_at=int(morning.now) - 91)
        morning.step(15)
    assert list(morning.store.scan("call")) == []
    assert len(list(morning.store.scan("fix"))) == 20


def test_a_silent_truck_makes_dark_lamps_say_no_data(morning: Morning) -> None:
    """A truck that fell silent before a due room leaves `scheduled` without a time, never a dark lamp that knows."""
    morning.serve(0)
    morning.speak = False
    morning.step(400)
    states = [morning.arrival(planned.room_id) for planned in morning.trip.visits[1:]]
    unknown = [body for body in states if body["state"] == "scheduled" and body["eta_at"] is None]
    assert unknown
    assert all(body["state"] in ("due", "held", "scheduled") for body in states)


def test_a_restarted_bridge_goes_on_where_it_was(tmp_path: Path) -> None:
    """After a restart the same calls stand, no visit is called twice, and the incident is as it was."""
    morning = Morning(tmp_path / "records", alone=True)
    morning.serve(0)
    morning.drive_to(1)
    incident_id = morning.press()
    morning.act("acknowledge", incident_id)
    order, arrivals = morning.itinerary(), {r: morning.arrival(r)["state"] for r in morning.plan.rooms if
        morning.waste in morning.plan.rooms[r].wastes}
    called = {record.key for record in morning.store.scan("call")}
    morning.store.close()
    morning.retained.clear()
    morning.open()
    assert morning.itinerary() == order
    assert {r: morning.arrival(r)["state"] for r in arrivals} == arrivals
    assert morning.stage(incident_id) == "seen"
    morning.step(120, 5.0)
    rows: dict[str, set[int]] = {}
    for record in morning.store.scan("call"):
        rows.setdefault(record.key, set()).add(record.body["called_at"])
    assert called <= set(rows)
    assert all(len(times) == 1 for times in rows.values())
    morning.close()


def test_a_held_lamp_is_held_after_a_restart_whether_its_truck_is_heard_or_not(tmp_path: Path) -> None:
    """Though nothing is expected at another time than before: the truck broke down before its run began."""
    morning = Morning(tmp_path / "records", alone=True)
    room = morning.trip.visits[0].room_id
    morning.along -= 600.0
    morning.step(700)
    morning.press("breakdown")
    morning.step(30)
    assert morning.arrival(room)["state"] == "held"
    morning.speak = False
    morning.step(120)
    morning.store.close()
    morning.open()
    morning.step(3)
    assert morning.arrival(room)["state"] == "held"
    morning.speak = True
    morning.step(20)
    assert morning.arrival(room)["state"] == "held"
    morning.close()


def test_when_a_lamp_came_on_and_when_it_was_held_outlive_the_bridge(tmp_path: Path) -> None:
    """The call's score needs both, though the bridge was killed before the truck came."""
    morning = Morning(tmp_path / "records", alone=True)
    room = morning.trip.visits[0].room_id
    morning.along -= 600.0
    morning.step(700)
    called = morning.arrival(room)
    lamp = {"waste": "any", "lamp": "due", "lit": True, "call_id": called["call_id"]}
    for seq in (1, 2):
        morning.say("lamp", {"seq": seq, "at": called["sent_at"] + seq, "lamps": [lamp]}, device=room)
    morning.press("breakdown")
    morning.step(30)
    kept = [record.body for record in morning.store.scan("call") if record.key == called["call_id"]]
    assert [body["lit_at"] for body in kept] == [None, *[called["sent_at"] + 1] * (len(kept) - 1)]
    assert [body["held_at"] is None for body in kept] == [True, True, False]
    morning.store.close()
    morning.open()
    key = next(visit.key for visit in morning.bridge.dispatch.day.visits.at(room) if visit.call_id == called["call_id"])
    watch = morning.bridge.dispatch.day.visits.watch(key)
    assert (watch.lit_at, watch.held_at) == (kept[-1]["lit_at"], kept[-1]["held_at"])
    morning.close()


def test_a_truck_without_a_position_that_breaks_down_holds_the_lamps_that_are_lit(morning: Morning) -> None:
    """Its driver's word needs no sky: who rolled the bins out is told."""
    room = morning.trip.visits[0].room_id
    morning.along -= 600.0
    morning.step(700)
    morning.speak = False
    morning.step(120)
    assert morning.arrival(room)["state"] == "due"
    morning.press("breakdown", lat=None, lon=None, fix_at=None)
    morning.step(10)
    assert morning.arrival(room)["state"] == "held"


def test_a_resend_is_stored_once_and_acknowledged_again(morning: Morning) -> None:
    """A duplicate changes nothing and is acknowledged; a record with the same number and other content is kept too."""
    morning.step(3)
    morning.fix(1.0)
    morning.seq -= 1
    morning.fix(1.0, late=True)
    morning.step(1)
    assert len(list(morning.store.scan("fix"))) == 1
    ack = morning.retained[wire.topic("ack", "xh", "t01", family="truck")]
    assert ack["acks"] == [{"boot": 1, "upto": 1, "also": []}]
    morning.seq -= 1
    morning.fix(9.0)
    morning.step(1)
    assert len(list(morning.store.scan("fix"))) == 2


def test_bad_messages_are_refused_and_counted(morning: Morning) -> None:
    """Whatever a device sends, the bridge counts it, names it and goes on."""
    topic = wire.topic("fix", "xh", "t01")
    for payload in (b"", b"{", b"[1]", b'{"boot":1}', b"\xff" * 10, b"x" * 1_000_000, b'{"boot":' + b"9" * 5000 + b"}"):
        morning.bridge.receive(topic, payload, morning.now)
    morning.bridge.receive("zp/v1/other/truck/t01/fix", b"{}", morning.now)
    morning.bridge.receive("zp/v1/xh/truck/t01/itinerary", b"{}", morning.now)
    assert morning.bridge.counts["refused"] == 9
    assert morning.bridge.refused["truck/t01"] == 9
    morning.step(20, 5.0)
    assert morning.bridge.counts["stored"] > 0


def test_an_old_click_is_refused(morning: Morning) -> None:
    """Two dispatchers, one screen each: the second click on an old version changes nothing."""
    morning.serve(0)
    incident_id = morning.press()
    morning.act("acknowledge", incident_id, version=1)
    with pytest.raises(ActionError, match="somebody changed"):
        morning.act("decide", incident_id, decision="wait", version=1)


def test_an_unacknowledged_alarm_repeats_and_an_idle_acknowledgement_runs_out(morning: Morning) -> None:
    """After 60 s the second person is told; 10 minutes after an acknowledgement without a decision it is open again."""
    morning.serve(0)
    incident_id = morning.press()
    morning.step(61)
    assert any("told now: second" in note.text for _, note in morning.bridge.notices)
    morning.act("acknowledge", incident_id)
    morning.step(601)
    assert morning.stage(incident_id) == "stored"


def test_a_breakdown_changes_nothing_until_a_person_agrees(morning: Morning) -> None:
    """The truck is held, the options show every changed promise; the chosen one moves the visits to the extra truck."""
    morning.serve(0)
    morning.step(30, 5.0)
    owed = [key for key in morning.itinerary() if key[2] in ("pending", "due")]
    incident_id = morning.press("breakdown")
    morning.step(3)
    assert [key for key in morning.itinerary() if key[2] in ("pending", "due")] == owed
    offers = morning.bridge.dispatch.day.incidents.offers(("t01", incident_id))[1]
    extra = next(i for i, offer in enumerate(offers) if offer["name"] == "extra_truck")
    assert {change["room"] for change in offers[extra]["changes"] if change["to_truck"] == "extra"} == {
        key[0] for key in owed
    }
    with pytest.raises(ActionError, match="name the contractor's truck"):
        morning.act("decide", incident_id, decision="extra_truck", option=extra)
    morning.act("decide", incident_id, decision="extra_truck", option=extra, truck="t99")
    assert all(state in ("served", "skipped") for _, _, state in morning.itinerary())
    told = morning.retained[wire.topic("itinerary", "xh", "t99")]["visits"]
    assert [visit["room"] for visit in told] == [key[0] for key in owed]
    assert all(visit["visit_number"] == 2 and visit["state"] in ("pending", "due") for visit in told)
    run = morning.bridge.dispatch.day.runs[morning.run_id]
    assert run.state == "finished"


def test_a_press_held_on_becomes_a_breakdown_and_gives_the_visit_back(morning: Morning) -> None:
    """The same incident id with reason breakdown undoes the blocked lane's skip."""
    morning.serve(0)
    morning.drive_to(1)
    incident_id = morning.press()
    morning.press("breakdown", incident_id=incident_id)
    incident = morning.bridge.dispatch.day.incidents[("t01", incident_id)]
    assert incident.reason == "breakdown"
    visits = morning.bridge.dispatch.day.visits
    assert visits[(morning.run_id, morning.trip.visits[1].room_id, 1)].owed
    assert len(morning.bridge.dispatch.day.incidents) == 1


def test_a_full_disk_stops_acknowledging_and_loses_nothing(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store takes nothing, nothing is published or acknowledged; afterwards everything is there once."""
    real = morning.store.append

    def full(*_: object, **__: object) -> None:
        raise Full("no space left: free some, then it goes on by itself")

    monkeypatch.setattr(morning.store, "append", full)
    morning.speak = False
    morning.fix(1.0)
    incident_id = morning.press()
    morning.step(5)
    assert morning.stage(incident_id) is None
    assert wire.topic("ack", "xh", "t01", family="truck") not in morning.retained
    assert "no space" in (morning.bridge.trouble or "")
    monkeypatch.setattr(morning.store, "append", real)
    morning.step(2)
    assert morning.stage(incident_id) == "stored"
    assert morning.bridge.trouble is None
    assert len(list(morning.store.scan("incident"))) == 1


def test_alarms_on_a_disk_that_is_full_are_stored_at_once_and_end_no_trouble(
    morning: Morning, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, and once when there is room again, also if nothing but alarms came meanwhile."""
    free = {"bytes": 1_000_000}
    monkeypatch.setattr(Files, "free_bytes", lambda *_: free["bytes"])
    morning.speak = False
    morning.fix(1.0)
    morning.step(3)
    for _ in range(3):
        assert morning.stage(morning.press()) == "stored"
        for _ in range(4):
            assert "make room" in (morning.bridge.trouble or "")
            morning.step(1)
    assert not morning.bridge.unstored
    free["bytes"] = 1 << 40
    morning.step(2)
    assert morning.bridge.trouble is None
    said = [text for text in caplog.messages if text.startswith("records can")]
    assert [text[:23] for text in said] == ["records cannot be store", "records can be stored a"]


@pytest.mark.real  # seconds of work
def test_a_run_cannot_close_while_a_visit_is_owed(morning: Morning) -> None:
    """A stop passed without a stay is asked about, and the run stays open until somebody answers."""
    last = len(morning.trip.visits) - 1
    for number in range(last):
        morning.serve(number, dwell_s=60)
    morning.drive_to(last, 8.0)
    morning.step(120, 8.0)
    run = morning.bridge.dispatch.day.runs[morning.run_id]
    room = morning.trip.visits[last].room_id
    key = (morning.run_id, room, 1)
    assert morning.bridge.dispatch.day.visits[key].owed
    assert run.state == "running"
    morning.bridge.act(Act("serve", "Li", visit=key), morning.now)
    assert run.state == "finished"


def test_a_new_card_in_a_truck_does_not_swallow_its_presses(morning: Morning) -> None:
    """A truck whose counters begin again presses under an old id: it is a new incident, stored and told anew."""
    morning.serve(0)
    first = morning.press(incident_id="t01-1-900")
    morning.act("resolve", first)
    for visit in list(morning.bridge.dispatch.day.visits.values()):
        if not visit.original and visit.owed:
            morning.bridge.act(Act("serve", "Li", visit=visit.key), morning.now)
    morning.step(2)
    assert morning.stage(first) is None
    morning.step(600)
    morning.seq -= 1
    morning.press(incident_id=first)
    assert morning.stage(first) == "stored"


def test_a_resend_that_knows_the_time_by_now_is_the_same_record(morning: Morning) -> None:
    """A record first sent without a time and again with one is stored once."""
    morning.fix(1.0, fix_at=None, sent_at=None)
    morning.seq -= 1
    morning.fix(1.0)
    morning.step(1)
    assert len(list(morning.store.scan("fix"))) == 1


def test_a_record_no_store_can_keep_holds_up_nobody(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record the store refuses for ever is counted and left out; what came with it is stored."""
    real = morning.store.append

    def picky(records: list[Record], *, urgent: bool = False) -> object:
        if any(record.kind == "bins" for record in records):
            raise Refused("a number over 64 bits")
        return real(records, urgent=urgent)

    monkeypatch.setattr(morning.store, "append", picky)
    morning.speak = False
    morning.fix(1.0)
    bins = [{"waste": "hazardous", "count": 1, "grams": None, "quality": 0}]
    morning.say("bins", {"at": None, "late": False, "bins": bins}, device="r01")
    morning.fix(2.0)
    morning.step(2)
    assert len(list(morning.store.scan("fix"))) == 2
    assert morning.bridge.counts["unstorable"] == 1
    assert morning.bridge.trouble is None
