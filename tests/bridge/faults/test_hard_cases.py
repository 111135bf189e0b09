"""Hard cases of the bridge: presses that come late or twice, odd clicks, brokers that were away, faults of our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.rules.day.attention.asked import Topic
from broker.rules.dispatch.actions import Act, ActionError
from broker.store import Corrupt, Full, StoreError
from broker.store.sqlite.store import SQLiteStore
from firmware import wire
from tests.support.bridge.morning import Morning

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records", alone=True)
    yield day
    assert day.bridge.counts["rule_faults"] == 0
    day.close()


def test_a_press_withdrawn_after_it_was_resolved_is_over(morning: Morning) -> None:
    """The driver takes back what the dispatcher had resolved already."""
    morning.serve(0)
    incident_id = morning.press()
    morning.act("resolve", incident_id)
    morning.press(incident_id=incident_id, withdrawn=True)
    assert morning.stage(incident_id) is None


def test_a_truck_that_is_no_device_id_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    """A licence plate, the broken truck itself, a truck of another waste: each refused, the visits stay."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    morning.step(900)  # t03's run has opened
    incident_id = morning.press("breakdown")
    morning.step(2)
    other = morning.bridge.dispatch.day.run_of("t03")
    assert other is not None
    assert other.waste != morning.waste
    owed = morning.itinerary()
    offers = morning.bridge.dispatch.day.incidents.offers(("t01", incident_id))[1]
    extra = next(i for i, offer in enumerate(offers) if offer["name"] == "extra_truck")
    for name in ("沪A12345", "a b/#", "t01", "t03"):
        with pytest.raises(ActionError, match=r"no device id|cannot go on|must not be mixed"):
            morning.act("decide", incident_id, decision="extra_truck", option=extra, truck=name)
    assert morning.itinerary() == owed
    assert morning.stage(incident_id) == "stored"
    morning.close()


def test_four_hundred_presses_do_not_silence_the_bridge(morning: Morning) -> None:
    """A driver stuck for hours may press on and on: every message stays short enough for its receivers."""
    morning.serve(0)
    for _ in range(400):
        morning.press()
        morning.now += 1
    assert morning.bridge.counts["unsayable"] == 0
    assert len(morning.itinerary()) < 2 * len(morning.trip.visits) + 2


def test_while_nothing_can_be_stored_there_is_no_heartbeat(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lamps must not believe an old word: without a heartbeat they say no data by themselves."""

    def full(*_: object, **__: object) -> None:
        raise Full("no space left")

    monkeypatch.setattr(morning.store, "append", full)
    morning.fix(1.0)
    morning.step(12)
    before = len(morning.sent)
    morning.speak = False
    morning.step(60)
    clocks = [topic for _, topic, _ in morning.sent[before:] if topic.endswith("bridge/clock")]
    assert clocks == []
    monkeypatch.undo()
    morning.step(15)
    assert any(topic.endswith("bridge/clock") for _, topic, _ in morning.sent[before:])


def test_a_clock_set_back_by_an_hour_holds_up_neither_heartbeat_nor_ack(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lamps live on the heartbeat, the devices on their acks: neither waits for the old hour to come again."""
    morning.fix(1.0)
    morning.step(12)
    monkeypatch.setattr(morning.store, "append", lambda *_, **__: (_ for _ in ()).throw(Full("no space left")))
    morning.fix(1.0)
    morning.step(1)  # a commit that is tried again in a second
    monkeypatch.undo()
    morning.now -= 3600
    before = len(morning.sent)
    morning.fix(1.0)
    newest = morning.seq
    morning.speak = False
    morning.step(11)
    said = morning.sent[before:]
    assert any(topic.endswith("bridge/clock") for _, topic, _ in said)
    acks = [body for _, topic, body in said if topic == wire.topic("ack", "xh", "t01", family="truck")]
    assert acks
    assert acks[-1]["acks"][-1]["upto"] == newest


def test_a_resend_while_the_store_is_away_stops_nothing(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """A duplicate that cannot be looked up is sorted out at the commit."""
    morning.fix(1.0)
    morning.step(1)

    def away(_: str) -> None:
        raise StoreError("away")

    monkeypatch.setattr(morning.store, "get", away)
    morning.seq -= 1
    morning.fix(1.0)
    monkeypatch.undo()
    morning.step(2)
    assert len(list(morning.store.scan("fix"))) == 1


def test_a_resend_of_a_record_that_the_disk_hurt_holds_up_nobody(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept under a name of its own, and everybody is acknowledged."""
    morning.fix(1.0)
    morning.step(1)
    morning.close()
    morning.open()  # a bridge that has heard nothing yet asks the store

    def hurt(_: str) -> None:
        raise Corrupt("byte 17 is not the frame that was stored")

    monkeypatch.setattr(morning.store, "get", hurt)
    morning.seq -= 1
    morning.fix(1.0)
    before = len(morning.sent)
    morning.step(2)
    monkeypatch.undo()
    assert morning.bridge.unstored == 0
    assert any(topic.endswith("t01/ack") for _, topic, _ in morning.sent[before:])
    assert len(list(morning.store.scan("fix"))) == 2


def test_a_bad_place_of_the_disk_neither_stops_the_bridge_nor_stores_what_is_new_twice(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resend beside a new record, and no record can be looked up: the resend is kept as well, the new one once."""
    morning.fix(1.0)
    morning.step(1)
    morning.close()
    morning.open()

    def unreadable(*_: object) -> None:
        raise Corrupt("row 1 is not what was written")

    monkeypatch.setattr(SQLiteStore, "get", unreadable)
    morning.seq -= 1
    morning.fix(1.0)
    morning.fix(2.0)
    morning.step(2)
    monkeypatch.undo()
    assert morning.bridge.unstored == 0
    assert len(list(morning.store.scan("fix"))) == 3


def test_a_lit_lamp_stays_lit_when_its_visit_moves_to_another_truck(morning: Morning) -> None:
    """A breakdown moves called visits: their lamps go to held and stay so until the other truck's own call."""
    morning.serve(0)
    morning.step(30, 5.0)
    called = [key[1] for key, visit in morning.bridge.dispatch.day.visits.items() if visit.state == "due"]
    assert called
    incident_id = morning.press("breakdown")
    morning.step(2)
    offers = morning.bridge.dispatch.day.incidents.offers(("t01", incident_id))[1]
    extra = next(i for i, offer in enumerate(offers) if offer["name"] == "extra_truck")
    morning.act("decide", incident_id, decision="extra_truck", option=extra, truck="t99")
    for _ in range(20):
        morning.step(60)
        assert {morning.arrival(room)["state"] for room in called} <= {"held", "due"}


def test_a_skipped_rooms_lamp_does_not_come_on_again_without_a_call(morning: Morning) -> None:
    """Once off until the second visit, it stays off until that visit's own call."""
    morning.serve(0)
    morning.drive_to(1)
    room = morning.trip.visits[1].room_id
    morning.press()
    morning.step(10, 5.0)
    assert morning.arrival(room)["state"] == "scheduled"  # the truck is back much later than in 30 minutes
    seen = []
    for number in range(2, len(morning.trip.visits)):
        morning.serve(number, dwell_s=60)
        seen.append(morning.arrival(room)["state"])
    assert "due" in seen
    assert "held" not in seen[: seen.index("due")]


def test_positions_of_a_new_card_are_used(morning: Morning) -> None:
    """A truck whose boot counter went back says so in its life; its positions count from then on."""
    morning.fix(1.0)
    life = wire.topic("life", "xh", "t01", family="truck")
    morning.bridge.receive(life, wire.pack(life, {"life": "ready", "boot": 500_000, "fw": "1"}), morning.now)
    place = {"sent_at": None, "lon": 121.4, "speed_mps": 0.0, "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3}
    morning.say("fix", {**place, "lat": 31.0, "fix_at": int(morning.now), "late": False}, boot=500_000)
    morning.now += 30
    morning.bridge.receive(life, wire.pack(life, {"life": "ready", "boot": 40, "fw": "1"}), morning.now)
    morning.say("fix", {**place, "lat": 31.2, "fix_at": int(morning.now), "late": False}, boot=40)
    fix = morning.bridge.dispatch.day.devices.trucks["t01"].fix
    assert fix is not None
    assert fix.lat == 31.2


def test_what_was_closed_while_the_broker_was_away_is_told_when_it_is_back(morning: Morning) -> None:
    """The clearing publishes were lost with the connection; link_up sends them again."""
    morning.serve(0)
    incident_id = morning.press()
    morning.press(incident_id=incident_id, withdrawn=True)
    topic = wire.topic("incident_ack", "xh", "t01", incident_id)
    morning.retained[topic] = {"stage": "stored"}
    morning.bridge.link_up(morning.now)
    assert topic not in morning.retained


def test_an_old_press_is_kept_and_replans_nothing(morning: Morning) -> None:
    """A press of hours ago says nothing about the lane before the truck now."""
    morning.serve(0)
    order = morning.itinerary()
    morning.press(pressed_at=int(morning.now) - 7200, incident_id="old")
    assert morning.stage("old") == "stored"
    assert [row[:2] for row in morning.itinerary()] == [row[:2] for row in order]


def test_the_itinerarys_version_grows_over_a_restart(morning: Morning) -> None:
    """A truck ignores a lower version, so a restarted bridge must not begin below."""
    topic = wire.topic("itinerary", "xh", "t01")
    for number in range(2):
        morning.serve(number)
    before = morning.retained[topic]["version"]
    morning.store.close()
    morning.open()
    morning.step(2)
    morning.press()
    assert morning.retained[topic]["version"] > before


def test_lane_clear_frees_a_second_visit_that_was_called_already(morning: Morning) -> None:
    """The second visit's waiting time ends although its lamp is lit."""
    last = len(morning.trip.visits) - 1
    for number in range(last):
        morning.serve(number, dwell_s=40)
    while morning.along < morning.trip.visits[last].distance_m - 200:  # the lorry stands well before the gate
        morning.step(1, 5.0)
    morning.step(20)
    incident_id = morning.press()
    key = (morning.run_id, morning.trip.visits[last].room_id, 2)
    morning.step(400, 0.35)  # it creeps along; a truck that stands is held, and nobody is called for it
    visit = morning.bridge.dispatch.day.visits[key]
    assert visit.state == "due"
    assert visit.not_before_at is not None
    morning.act("clear", incident_id)
    assert morning.bridge.dispatch.day.visits[key].not_before_at is None


def test_a_second_visit_served_by_hand_ends_its_incident(morning: Morning) -> None:
    """The dispatcher's word counts like the truck's."""
    morning.serve(0)
    morning.drive_to(1)
    incident_id = morning.press()
    morning.step(5)
    key = (morning.run_id, morning.trip.visits[1].room_id, 2)
    morning.bridge.act(Act("serve", "Li", visit=key), morning.now)
    assert morning.stage(incident_id) is None


def test_finished_days_are_forgotten_and_stay_in_the_record(morning: Morning) -> None:
    """Two days later the runs of today are out of memory and in the store."""
    morning.serve(0)
    for key in [key for key in morning.bridge.dispatch.day.visits if key[0] == morning.run_id]:
        try:
            morning.bridge.act(Act("serve", "Li", visit=key), morning.now)
        except ActionError:
            continue
    assert morning.bridge.dispatch.day.runs[morning.run_id].state == "finished"
    morning.speak = False
    morning.hours(48)
    assert morning.run_id not in morning.bridge.dispatch.day.runs
    assert any(record.key == morning.run_id for record in morning.store.scan("run"))


def test_a_run_that_nobody_settles_is_forgotten_after_two_weeks(morning: Morning) -> None:
    """Its visits are settled within the days that their figures look for, or not at all; no question stays."""
    morning.drive_to(1, 9.0)
    morning.speak = False
    day = morning.bridge.dispatch.day
    morning.hours(13 * 24, tick_s=3600)
    assert day.runs[morning.run_id].state != "finished"
    assert {about.topic for about, _ in day.attention if morning.run_id in about.id} == {Topic.PASSED, Topic.OWES}
    morning.hours(48, tick_s=3600)
    assert morning.run_id not in day.runs and not any(morning.run_id in about.id for about, _ in day.attention)
    assert not any(key[0] == morning.run_id for key in day.visits)


def test_a_fault_in_a_rule_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is kept and acknowledged, the fault counted, the bridge goes on."""
    morning = Morning(tmp_path / "records", alone=True)

    def broken(*_: object) -> None:
        raise KeyError("a fault of our own")

    monkeypatch.setattr(morning.bridge.dispatch, "on_message", broken)
    morning.fix(1.0)
    morning.step(1)
    assert morning.bridge.counts["rule_faults"] == 1
    assert len(list(morning.store.scan("fix"))) == 1
    morning.close()


def test_what_was_moved_cannot_be_moved_again(morning: Morning) -> None:
    """A second decision for another truck finds nothing left, and says so."""
    morning.serve(0)
    incident_id = morning.press("breakdown")
    morning.step(2)
    offers = morning.bridge.dispatch.day.incidents.offers(("t01", incident_id))[1]
    extra = next(i for i, offer in enumerate(offers) if offer["name"] == "extra_truck")
    morning.act("decide", incident_id, decision="extra_truck", option=extra, truck="t99")
    with pytest.raises(ActionError, match="nothing is left"):
        morning.act("decide", incident_id, decision="extra_truck", option=extra, truck="t98")


def test_an_option_that_is_no_longer_what_was_shown_is_refused(morning: Morning) -> None:
    """Somebody settled a visit while the dispatcher looked: look again; the new options are there at once."""
    morning.serve(0)
    morning.step(30, 5.0)
    incident_id = morning.press("breakdown")
    morning.step(2)
    shown = morning.bridge.dispatch.day.incidents.offers
    index, seen = next((i, o) for i, o in enumerate(shown(("t01", incident_id))[1]) if o["name"] == "extra_truck")
    last = morning.trip.visits[-1].room_id
    morning.bridge.act(Act("serve", "Li", visit=(morning.run_id, last, 1)), morning.now)
    owed = morning.itinerary()
    for chosen in ({"option": index}, {"offer": seen["id"]}):
        with pytest.raises(ActionError, match="look again"):
            morning.act("decide", incident_id, decision="extra_truck", truck="t99", **chosen)
    assert morning.itinerary() == owed
    assert morning.stage(incident_id) == "stored"
    fresh = next(offer for offer in shown(("t01", incident_id))[1] if offer["name"] == "extra_truck")
    assert last not in {change["room"] for change in fresh["changes"] if change["to_truck"] == "extra"}
    morning.act("decide", incident_id, decision="extra_truck", truck="t99", offer=fresh["id"])
    assert morning.stage(incident_id) == "decided"


def test_an_option_is_carried_out_as_it_was_seen_though_others_are_shown_by_then(morning: Morning) -> None:
    """The click names what was looked at, not its place in a list that has been made anew meanwhile."""
    morning.serve(0)
    incident_id = morning.press("breakdown")
    morning.step(2)
    day = morning.bridge.dispatch.day
    seen = next(offer for offer in day.incidents.offers(("t01", incident_id))[1] if offer["name"] == "extra_truck")
    morning.step(45)
    made_at, shown = day.incidents.offers(("t01", incident_id))
    day.incidents.show_offers(("t01", incident_id), made_at, shown[::-1])
    morning.act("decide", incident_id, decision="extra_truck", truck="t99", offer=seen["id"])
    told = morning.retained[wire.topic("itinerary", "xh", "t99")]["visits"]
    assert {visit["room"] for visit in told} == {c["room"] for c in seen["changes"] if c["to_truck"] == "extra"}
