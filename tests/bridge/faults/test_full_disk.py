"""While nothing can be stored: alarms are heard, nothing unstored is said, and no record is lost or doubled."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from broker import process
from broker.ingest.delivery.backlog import MOST_WAITING
from broker.mqtt.link import Arrived, BridgeLink
from broker.store import Full
from firmware import wire
from tests.support.bridge.morning import Morning

ACK = wire.topic("ack", "xh", "t01", family="truck")


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    day = Morning(tmp_path / "records", alone=True)
    day.step(2)
    yield day
    assert day.bridge.counts["rule_faults"] == 0
    day.close()


def fill(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the disk is full."""

    def full(*_: object, **__: object) -> None:
        raise Full("no space left")

    monkeypatch.setattr(morning.store, "append", full)


def covered(body: dict[str, Any]) -> set[int]:
    """The numbers of boot 1 that an ack says are stored."""
    (ack,) = body["acks"]
    return {seq for first, last in [(1, ack["upto"]), *ack["also"]] for seq in range(first, last + 1)}


def test_an_alarm_is_heard_behind_any_number_of_positions(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is put off is not acknowledged, is sent again by its truck, and is then stored once."""
    morning.serve(0)
    before = morning.seq
    fill(morning, monkeypatch)
    bodies = {}
    for _ in range(MOST_WAITING + 500):
        morning.now += 1
        morning.fix(0.0)
        bodies[morning.seq] = int(morning.now)
        if morning.seq % 100 == 0:
            morning.bridge.tick(morning.now)
            morning.bridge.flush(morning.now)
    incident_id = morning.press()
    assert morning.bridge.dispatch.day.incidents["t01", incident_id].open
    assert morning.stage(incident_id) is None
    morning.bridge.tick(morning.now + 2)
    morning.bridge.flush(morning.now + 2)
    assert morning.bridge.unstored < MOST_WAITING + 100
    assert morning.bridge.counts["put_off"] >= 500
    newest, alarm = max(bodies), morning.seq
    monkeypatch.undo()
    morning.speak = False
    morning.step(5)
    assert morning.stage(incident_id) == "stored"
    stored = {record.body["seq"] for record in morning.store.scan("fix")}
    assert covered(morning.retained[ACK]) == stored | {alarm}
    assert newest not in stored
    missing = sorted(set(range(before + 1, newest + 1)) - stored)
    assert len(missing) == morning.bridge.counts["put_off"]
    visits = len(list(morning.store.scan("visit")))
    for seq in missing:
        morning.seq = seq - 1
        morning.fix(0.0, fix_at=bodies[seq], late=True)
    morning.step(5)
    assert covered(morning.retained[ACK]) == set(range(1, alarm + 1))
    assert sorted(record.body["seq"] for record in morning.store.scan("fix")) == list(range(1, newest + 1))
    assert len(list(morning.store.scan("visit"))) == visits


def test_what_was_decided_from_a_position_that_was_put_off_is_kept(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A room served while the disk is full is on record when there is room again."""
    fill(morning, monkeypatch)
    monkeypatch.setattr("broker.ingest.delivery.backlog.MOST_WAITING", 5)
    morning.serve(0)
    morning.step(60, 5.0)
    assert morning.bridge.counts["put_off"] > 0
    monkeypatch.undo()
    morning.step(3)
    key = f"{morning.run_id}/{morning.trip.visits[0].room_id}/1"
    assert morning.store.latest("visit", key)[key].body["state"] == "served"


def test_a_broker_that_is_back_is_told_nothing_that_is_not_stored(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No stage, no arrival, no heartbeat; after the commit all of it, with the acks."""
    fill(morning, monkeypatch)
    incident_id = morning.press()
    before = len(morning.sent)
    morning.bridge.link_up(morning.now)
    said = [topic for _, topic, _ in morning.sent[before:]]
    assert said == [wire.topic("life", "xh", family="bridge")]
    assert morning.stage(incident_id) is None
    monkeypatch.undo()
    morning.step(3)
    assert morning.stage(incident_id) == "stored"
    topics = {topic for _, topic, _ in morning.sent[before:]}
    arrivals = {wire.topic("arrival", "xh", room.room_id, waste)
                for room in morning.plan.rooms.values() for waste in room.wastes}  # fmt: skip
    assert arrivals <= topics
    assert {ACK, wire.topic("clock", "xh", family="bridge"), wire.topic("itinerary", "xh", "t01")} <= topics


def test_messages_are_settled_though_they_cannot_be_stored(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The MQTT broker stops bringing anything when a thousand messages are not settled."""
    fill(morning, monkeypatch)
    stop, settled = threading.Event(), []

    class Link:
        events: "queue.Queue[Arrived]" = queue.Queue()

        def settle(self, connection: int, numbers: list[int]) -> None:
            settled.append((connection, numbers))
            stop.set()

        def write_out(self) -> None:
            """Nothing is written here."""

    topic = wire.topic("keeper", "xh", "r01")
    payload = wire.pack(topic, {"boot": 1, "seq": 1, "at": int(morning.now), "event": "bins_out"})
    Link.events.put(Arrived([(topic, payload, 17)], 3))
    deadline = threading.Timer(10, stop.set)
    deadline.start()
    # The one loop of the program, without the sockets, signals and folders of `process.serve`.
    process._loop(morning.bridge, cast(BridgeLink, Link()), process.Desk(), lambda: morning.now, stop)
    deadline.cancel()
    assert settled == [(3, [17])]
    assert morning.bridge.unstored > 0
