"""Our own Mosquitto's guard: who floods is out, with all that was kept of it, and comes in again after a while."""

import contextlib
import errno
import queue
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.config import LimitsConfig, MqttConfig
from broker.flood_control import FloodControl
from broker.mqtt import packets
from broker.mqtt.inbox import Inbox
from broker.mqtt.link import Arrived, BridgeLink, Event, Up
from broker.mqtt.own_broker.caretaker import Caretaker
from broker.mqtt.own_broker.guard import Guard
from broker.mqtt.own_broker.mosquitto import EmbeddedBroker
from firmware import wire
from tests.support.bridge.morning import Morning
from tests.support.processes import Client, mosquitto, wait_until

pytestmark = pytest.mark.real


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A Mosquitto with two trucks' accounts."""
    made = mosquitto(tmp_path / "broker", "t01", "t02")
    yield made
    made.stop()


def comes_in(broker: EmbeddedBroker, name: str, *, clean: bool = True, then: bytes = b"") -> bool:
    """Whether an account is let in now; it says something and leaves without a word."""
    with socket.create_connection(("127.0.0.1", broker.port), 10) as connection:
        connection.sendall(packets.connect(name, name, f"pw-{name}", 60, clean, (f"zp/v1/xh/truck/{name}/life", b"")))
        let_in = connection.recv(4)[3:] == b"\0"
        if let_in and then:
            connection.sendall(then + packets.PINGREQ)
            answered = b""
            while not answered.endswith(b"\xd0\x00"):  # a connection that ends with answers unread is reset
                answered += connection.recv(10_000)
        return let_in


def test_who_floods_is_out_at_once_and_nobody_else_is(broker: EmbeddedBroker) -> None:
    """Its connection ends and its account is closed; another truck's connection stays."""
    guard = Guard(broker, LimitsConfig(closed_s=600))
    with socket.create_connection(("127.0.0.1", broker.port), 10) as flooding:
        flooding.sendall(packets.connect("t01", "t01", "pw-t01", 60, True, ("zp/v1/xh/truck/t01/life", b"")))
        assert flooding.recv(4)[3:] == b"\0"
        other = Client(broker.port, "t02", "zp/v1/xh/bridge/#")
        guard.close("t01", "messages_per_s")
        guard.look()
        assert flooding.recv(100) == b""
    wait_until(lambda: not comes_in(broker, "t01"), "its account is closed")
    assert guard.closed() == {("truck", "t01"): "messages_per_s"}
    bridge = Client(broker.port, "bridge-xh")
    bridge.say("zp/v1/xh/bridge/clock", b"tick")
    wait_until(lambda: other.heard, "the other truck still hears")
    other.close()
    bridge.close()


def test_it_comes_in_again_when_the_time_is_over(broker: EmbeddedBroker) -> None:
    """Nobody needs to do anything."""
    guard = Guard(broker, LimitsConfig(closed_s=1))
    guard.close("t01", "messages_per_s")
    guard.look()

    def is_open_again() -> bool:
        guard.look()
        return not guard.closed() and comes_in(broker, "t01")

    wait_until(is_open_again, "it is let in again")


def test_its_session_is_gone(broker: EmbeddedBroker) -> None:
    """What it asked for and what waits for it would stay for a month."""
    topic = wire.topic("ack", "xh", "t01", family="truck")
    assert comes_in(broker, "t01", clean=False, then=packets.subscribe(1, [(topic, 1)]))
    guard = Guard(broker, LimitsConfig(closed_s=1))
    guard.close("t01", "connects_per_minute")
    guard.look()

    def session_present() -> bytes:
        guard.look()
        with socket.create_connection(("127.0.0.1", broker.port), 10) as again:
            again.sendall(packets.connect("t01", "t01", "pw-t01", 60, False, ("zp/v1/xh/truck/t01/life", b"")))
            answer = again.recv(4)
            return answer[2:3] if answer[3:] == b"\0" else b""

    assert wait_until(session_present, "it is let in again") == b"\0"


def test_an_account_that_nobody_has_closes_nothing(broker: EmbeddedBroker) -> None:
    """The bridge's own account, or a name that was made up."""
    guard = Guard(broker, LimitsConfig())
    for name in ("bridge-xh", "watch-xh", "nobody"):
        guard.close(name, "messages_per_s")
    guard.look()
    assert guard.closed() == {}


@pytest.mark.parametrize("deed", ["comes and goes", "asks for topics"])
def test_what_mosquitto_alone_sees_is_read_in_its_log(broker: EmbeddedBroker, deed: str) -> None:
    """Nothing of it reaches the bridge."""
    if deed == "comes and goes":
        for _ in range(40):
            comes_in(broker, "t01")
    else:
        asks = b"".join(packets.subscribe(1, [(f"zp/v1/xh/{n}/#", 1)]) for n in range(400))
        comes_in(broker, "t01", then=asks)
    guard = Guard(broker, LimitsConfig(connects_per_minute=20))

    def is_seen() -> bool:
        guard.look()
        return bool(guard.closed())

    wait_until(is_seen, "it is thrown out")
    assert guard.closed() == {("truck", "t01"): "connects_per_minute"}


def test_what_was_said_before_a_restart_is_not_said_now(broker: EmbeddedBroker) -> None:
    """The log is written on over restarts; a truck that came 40 times in the days before is let in."""
    for _ in range(40):
        comes_in(broker, "t01")
    broker.stop()
    broker.start()
    guard = Guard(broker, LimitsConfig(connects_per_minute=20))
    assert comes_in(broker, "t02", then=packets.subscribe(1, [("zp/v1/xh/truck/t02/ack", 1)]))
    for _ in range(2):
        guard.look()
    assert guard.closed() == {}


@pytest.mark.parametrize(("second_apart", "is_closed"), [(0, True), (10, False)])
def test_who_comes_is_counted_when_it_came(broker: EmbeddedBroker, second_apart: int, *, is_closed: bool) -> None:
    """The log is read late, after a pause of the bridge: forty connections in one second, or in seven minutes."""
    guard = Guard(broker, LimitsConfig(connects_per_minute=20))
    with broker.log_path.open("a") as log:
        for number in range(40):
            at = 1_800_000_000 + number * second_apart
            log.write(f"{at}: New client connected from 10.0.0.1:1 as t01 (p2, c1, k20, u't01').\n")
    for _ in range(2):
        guard.look()
    assert bool(guard.closed()) is is_closed


@pytest.mark.parametrize(("a_minute", "is_closed"), [(80, False), (4000, True)])
def test_two_units_of_one_id_that_throw_each_other_out_are_not_shut_out_for_it(
    broker: EmbeddedBroker, a_minute: int, *, is_closed: bool
) -> None:
    """That goes on for twenty minutes and is for a person to end; as fast as it goes it is a flood."""
    guard = Guard(broker, LimitsConfig())
    asks = wire.subscriptions("truck", "xh", "t01")
    with broker.log_path.open("a") as log:
        for number in range(1600):
            at = 1_800_000_000 + number * 60 // a_minute
            log.write(f"{at}: New connection from 10.0.0.1:1 on port 1883.\n")
            log.write(f"{at}: Client t01 already connected, closing old connection.\n")
            log.write(f"{at}: New client connected from 10.0.0.1:1 as t01 (p2, c1, k20, u't01').\n")
            log.writelines(f"{at}: t01 1 {asked}\n" for asked in asks)
    for _ in range(2):
        guard.look()
    assert bool(guard.closed()) is is_closed


def test_what_was_too_much_to_be_read_is_put_down_to_whoever_filled_it(broker: EmbeddedBroker) -> None:
    """Five hundred trucks come again at once after a pause of ours, and one asks and asks: that one is closed."""
    guard = Guard(broker, LimitsConfig())
    with broker.log_path.open("a") as log:
        for number in range(40_000):
            log.write(f"1800000000: New client connected from 10.0.0.1:1 as x{number} (p2, c1, k20, u'x{number}').\n")
            if number % 10_000 == 0:
                log.write("1800000000: New client connected from 10.0.0.1:1 as t02 (p2, c1, k20, u't02').\n")
    guard.look()
    guard.look()
    assert guard.closed() == {}
    with broker.log_path.open("a") as log:
        log.write("1800000001: t02 1 zp/v1/xh/truck/t02/ack\n")
        log.write("1800000001: t01 1 zp/v1/xh/truck/t01/ack\n" * 60_000)
    guard.look()
    guard.look()
    assert set(guard.closed()) == {("truck", "t01")}


def test_a_takeover_is_seen_as_one(broker: EmbeddedBroker) -> None:
    """By what this Mosquitto writes: each of these connections ends the one before."""
    guard = Guard(broker, LimitsConfig(connects_per_minute=20))
    name = wire.topic("life", "xh", "t01", family="truck")
    held = []
    for _ in range(40):
        held.append(socket.create_connection(("127.0.0.1", broker.port), 10))
        held[-1].sendall(packets.connect("t01", "t01", "pw-t01", 60, True, (name, b"")))
        assert held[-1].recv(4)[3:] == b"\0"
    for _ in range(2):
        guard.look()
    for one in held:
        one.close()
    assert guard.closed() == {}


def test_a_closed_account_stays_closed_when_the_broker_is_started_again(broker: EmbeddedBroker) -> None:
    """It died, or was killed as frozen; the others come in, and so does this one when its time is over."""
    guard = Guard(broker, LimitsConfig(closed_s=600))
    guard.close("t01", "messages_per_s")
    guard.look()
    broker.kill()
    broker.start()
    assert not comes_in(broker, "t01")
    assert comes_in(broker, "t02")
    assert guard.closed() == {("truck", "t01"): "messages_per_s"}


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_guard_whose_disk_was_full_does_its_work_later(
    broker: EmbeddedBroker, attempt: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is to be out is out, and says so only then: everybody of them, at whichever step the disk was full."""
    guard = Guard(broker, LimitsConfig())
    full_at(broker, attempt, monkeypatch)
    guard.close("t01", "messages_per_s")
    guard.close("t02", "messages_per_s")
    with pytest.raises(OSError, match="No space"):
        guard.look()
    assert guard.closed() == {}
    guard.look()
    assert not comes_in(broker, "t01") and not comes_in(broker, "t02")
    assert set(guard.closed()) == {("truck", "t01"), ("truck", "t02")}


def test_an_account_is_opened_again_although_the_disk_was_full_at_its_time(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as there is room; until then it is said to be closed, for so it is."""
    guard = Guard(broker, LimitsConfig(closed_s=1))
    guard.close("t01", "messages_per_s")
    guard.look()
    full_at(broker, 1, monkeypatch)

    def fails() -> bool:
        with contextlib.suppress(OSError):
            guard.look()
            return False
        return True

    wait_until(fails, "its time is over, and the disk full")
    assert guard.closed() and not comes_in(broker, "t01")
    guard.look()
    wait_until(lambda: comes_in(broker, "t01"), "it is let in again")
    assert guard.closed() == {}


def full_at(broker: EmbeddedBroker, attempt: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of its account file is full at one attempt, and has room from then on."""
    attempts: list[int] = []
    replace = Path.replace

    def once_full(path: Path, target: Path) -> Path:
        attempts.append(1)
        if len(attempts) == attempt:
            raise OSError(errno.ENOSPC, "No space left on device")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", once_full)
    assert broker.running


def test_a_guard_goes_on_after_any_fault(broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was not foreseen too."""
    guard = Guard(broker, LimitsConfig())
    admit, faults = broker.admit, [ValueError("unforeseen")]

    def faulty(**how: Any) -> None:
        if faults:
            raise faults.pop()
        admit(**how)

    monkeypatch.setattr(broker, "admit", faulty)
    guard.start()
    guard.close("t01", "messages_per_s")
    wait_until(lambda: not comes_in(broker, "t01"), "its account is closed")
    guard.stop()


class CountingInbox(Inbox):
    """One that says how much came."""

    came = 0

    def put(self, event: Event) -> list[int]:
        """As every inbox."""
        if isinstance(event, Arrived):
            self.came += len(event.messages)
        return super().put(event)


def test_the_bridge_hears_on_when_it_forgot_a_whole_window_of_one_that_was_thrown_out(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """Mosquitto has a thousand messages in flight to it: none of them may stay so."""
    inbox = CountingInbox(LimitsConfig(), time.time)
    link = BridgeLink(MqttConfig(host=broker.host, port=broker.port), "xh", 1, "pw-bridge-xh", inbox)
    guard = Guard(broker, LimitsConfig())
    floods = FloodControl(inbox, guard, Morning(tmp_path / "records").bridge, link)
    link.start()
    flooding, other = Client(broker.port, "t01"), Client(broker.port, "t02")
    try:
        assert isinstance(inbox.get(timeout=60), Up)
        for _ in range(1500):
            flooding.say("zp/v1/xh/truck/t01/fix", b"x")
        wait_until(lambda: inbox.came >= 1000, "a window waits", 60)
        guard.close("t01", "messages_per_s")
        guard.look()
        floods.look(int(time.time()))
        other.say("zp/v1/xh/truck/t02/incident/p1", b"x", retain=True)

        def is_heard() -> bool:
            link.write_out()
            with contextlib.suppress(queue.Empty):
                event = inbox.get(timeout=0.1)
                assert isinstance(event, Arrived)
                link.settle(event.connection, [number for _, _, number in event.messages if number])
                return any("/t02/incident/p1" in topic for topic, _, _ in event.messages)
            return False

        wait_until(is_heard, "another truck's press", 30)
    finally:
        flooding.close()
        other.close()
        link.stop()


def test_a_file_too_large_to_be_loaded_is_set_aside(broker: EmbeddedBroker) -> None:
    """The broker can always start again."""
    broker.stop()
    kept = broker.folder / "mosquitto.db"
    with kept.open("ab") as file:
        file.truncate(broker.limits.database_bytes + 1)
    broker.start()
    assert comes_in(broker, "t02")
    assert (broker.folder / "mosquitto.db.set-aside").stat().st_size > broker.limits.database_bytes


def test_a_broker_too_full_to_serve_the_bridge_is_begun_anew(broker: EmbeddedBroker) -> None:
    """Nobody but the bridge could clear what fills it, and it throws the bridge out: so it says in its log."""
    guard, caretaker = Guard(broker, LimitsConfig()), Caretaker(broker, time.monotonic)
    before = broker.pid
    caretaker.start()
    try:
        with broker.log_path.open("a") as log:
            log.write("1795374261: Client bridge-xh disconnected due to out of memory.\n")
        guard.look()
        said = "the embedded broker has no memory left for the bridge and was killed; it was started again"
        wait_until(lambda: said in caretaker.notes(), "it is begun anew", 60)
        assert comes_in(broker, "t02") and broker.pid != before and broker.choked == ""
    finally:
        caretaker.stop()


def test_presses_are_asked_for_again_after_a_flood(broker: EmbeddedBroker, tmp_path: Path) -> None:
    """What Mosquitto could not hand over it still holds, and nobody else would ask for it."""
    inbox = Inbox(LimitsConfig(), time.time)
    link = BridgeLink(MqttConfig(host=broker.host, port=broker.port), "xh", 1, "pw-bridge-xh", inbox)
    guard = Guard(broker, LimitsConfig())
    floods = FloodControl(inbox, guard, Morning(tmp_path / "records").bridge, link)
    link.start()
    truck = Client(broker.port, "t02")
    try:
        assert isinstance(inbox.get(timeout=60), Up)
        truck.say("zp/v1/xh/truck/t02/incident/p1", b"x", retain=True)
        first = inbox.get(timeout=60)
        assert isinstance(first, Arrived)
        link.settle(first.connection, [number for _, _, number in first.messages])
        with broker.log_path.open("a") as log:
            log.write("1795374261: Outgoing messages are being dropped for client bridge-xh.\n")
        guard.look()
        floods.look(int(time.time()))
        link.write_out()
        again = inbox.get(timeout=60)
        assert isinstance(again, Arrived)
        assert again.messages[0][:2] == ("zp/v1/xh/truck/t02/incident/p1", b"x")
    finally:
        truck.close()
        link.stop()


def test_what_a_broker_before_it_said_chokes_no_new_one(broker: EmbeddedBroker) -> None:
    """It was begun anew for that; once is enough."""
    guard = Guard(broker, LimitsConfig())
    line = "1795374261: Client bridge-xh disconnected due to out of memory.\n"
    with broker.log_path.open("a") as log:
        log.write(line)
    broker.said_from = broker.log_path.stat().st_size
    guard.look()
    assert broker.choked == ""
    with broker.log_path.open("a") as log:
        log.write(line)
    guard.look()
    assert broker.choked
