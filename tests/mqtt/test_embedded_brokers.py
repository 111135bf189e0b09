"""The embedded brokers: Mosquitto as we configure it, and the desk's fall-back where there is none."""

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.mqtt import packets
from broker.mqtt.broker_version import unsafe_because
from broker.mqtt.own_broker.child import EmbeddedBrokerError, free_port
from broker.mqtt.own_broker.mosquitto import DeskBroker, EmbeddedBroker, choose_broker, find_mosquitto
from tests.support.processes import Client, need_mosquitto, wait_until

pytestmark = pytest.mark.real

ACCOUNTS = {name: f"pw-{name}" for name in ("bridge-xh", "watch-xh", "t01", "t02", "r01")}


@pytest.fixture(params=["mosquitto", "desk"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A running broker of either kind."""
    if request.param == "mosquitto":
        need_mosquitto()
        made: EmbeddedBroker = EmbeddedBroker(tmp_path / "broker", "xh", ACCOUNTS, rooms=("r01",))
    else:
        made = DeskBroker(tmp_path / "broker", "xh", ACCOUNTS, rooms=("r01",))
    made.start()
    yield made
    made.stop()


def test_a_device_speaks_only_for_itself(broker: EmbeddedBroker) -> None:
    """What t01 says as t02 or as a room never reaches the bridge; what it says as itself does."""
    bridge = Client(broker.port, "bridge-xh", "zp/v1/xh/#")
    truck = Client(broker.port, "t01")
    for topic in ("truck/t02/fix", "room/r01/keeper", "bridge/clock", "truck/t01/ack", "truck/t01/fix"):
        truck.say(f"zp/v1/xh/{topic}", b"x")
    wait_until(lambda: "zp/v1/xh/truck/t01/fix" in bridge.heard, "its own position arrives")
    assert list(bridge.heard) == ["zp/v1/xh/truck/t01/fix"]
    truck.close()
    bridge.close()


def test_a_device_hears_only_its_own(broker: EmbeddedBroker) -> None:
    """t01 gets its own ack and the heartbeat; t02's stay away however it asks."""
    bridge = Client(broker.port, "bridge-xh")
    truck = Client(broker.port, "t01", "zp/v1/xh/truck/t01/ack", "zp/v1/xh/truck/t02/ack", "zp/v1/xh/bridge/#")
    bridge.say("zp/v1/xh/truck/t02/ack", b"secret", retain=True)

    def both_are_heard() -> bool:
        """Said again and again, as a bridge does: a client is connected before it has subscribed."""
        bridge.say("zp/v1/xh/truck/t01/ack", b"mine", retain=True)
        bridge.say("zp/v1/xh/bridge/clock", b"tick")
        return len(truck.heard) == 2

    wait_until(both_are_heard, "ack and clock arrive")
    assert set(truck.heard) == {"zp/v1/xh/truck/t01/ack", "zp/v1/xh/bridge/clock"}
    truck.close()
    bridge.close()


def test_retained_state_waits_for_a_late_listener(broker: EmbeddedBroker) -> None:
    """A retained message reaches who subscribes later."""
    bridge = Client(broker.port, "bridge-xh")
    bridge.say("zp/v1/xh/truck/t01/itinerary", b"plan", retain=True)
    truck = Client(broker.port, "t01", "zp/v1/xh/truck/t01/itinerary")
    wait_until(lambda: truck.heard.get("zp/v1/xh/truck/t01/itinerary") == [b"plan"], "the retained message")
    truck.close()
    bridge.close()


def test_a_last_will_comes_when_a_line_breaks_and_after_silence(broker: EmbeddedBroker) -> None:
    """A truck whose connection is reset is told as lost, and one that is silent for one and a half keepalives too."""
    bridge = Client(broker.port, "bridge-xh", "zp/v1/xh/#")
    for name, keepalive_s, breaks in (("t01", 20, True), ("t02", 1, False)):
        topic = f"zp/v1/xh/truck/{name}/life"
        with socket.create_connection(("127.0.0.1", broker.port)) as truck:
            truck.sendall(packets.connect(name, name, f"pw-{name}", keepalive_s, clean=True, will=(topic, b"lost")))
            assert truck.recv(4) == bytes((0x20, 2, 0, 0))
            if not breaks:
                wait_until(lambda t=topic: bridge.heard.get(t) == [b"lost"], "the will of a silent one")
        wait_until(lambda t=topic: bridge.heard.get(t) == [b"lost"], "the will of a broken line")
    bridge.close()


def test_what_is_said_while_the_bridge_is_away_waits_for_it_in_order(broker: EmbeddedBroker) -> None:
    """A persistent session keeps what was published meanwhile, each once and in its order."""
    asked = packets.subscribe(1, [("zp/v1/xh/#", 1)])

    def session() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", broker.port))
        will = ("zp/v1/xh/bridge/life", b"lost")
        connection.sendall(packets.connect("bridge-xh", "bridge-xh", "pw-bridge-xh", 20, clean=False, will=will))
        connection.settimeout(10)
        return connection

    with session() as first:
        first.sendall(asked)
        reader, kinds = packets.PacketReader(), []
        while packets.SUBACK not in kinds:
            kinds += [reply.kind for reply in reader.feed(first.recv(4096))[1]]
        first.sendall(packets.DISCONNECT)
    truck = Client(broker.port, "t01")
    for number in range(300):
        truck.say("zp/v1/xh/truck/t01/fix", b"%d" % number)
    truck.close()
    came: list[bytes] = []
    with session() as second:
        reader = packets.PacketReader()
        while len(came) < 300:
            messages, _ = reader.feed(second.recv(65536))
            came += [payload for _, payload, _ in messages]
            second.sendall(packets.pubacks(number for _, _, number in messages))
    assert came == [b"%d" % number for number in range(300)]


def test_a_second_connection_of_a_name_ends_the_first(broker: EmbeddedBroker) -> None:
    """Whoever comes as t01 while t01 is there takes its place, whatever client id it names."""
    with socket.create_connection(("127.0.0.1", broker.port)) as first:
        for connection in (first, socket.create_connection(("127.0.0.1", broker.port))):
            will = ("zp/v1/xh/truck/t01/life", b"lost")
            connection.sendall(packets.connect("x", "t01", "pw-t01", 20, clean=True, will=will))
            connection.settimeout(10)
            assert connection.recv(4) == bytes((0x20, 2, 0, 0))
        assert first.recv(1) == b""
        connection.close()


@pytest.mark.parametrize(
    "rubbish", [b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\x7f", b"\x10\x02\x00", b"\x30\x05\x00\x09abc"]
)
def test_rubbish_ends_a_connection_and_nothing_else(broker: EmbeddedBroker, rubbish: bytes) -> None:
    """A stranger's bytes cost nobody anything."""
    truck = Client(broker.port, "t01")
    with socket.create_connection(("127.0.0.1", broker.port)) as stranger:
        stranger.sendall(rubbish)
        stranger.settimeout(30)
        with contextlib.suppress(OSError):  # the broker may have ended it before we do
            stranger.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert stranger.recv(100) == b""
    bridge = Client(broker.port, "bridge-xh", "zp/v1/xh/#")
    wait_until(lambda: (truck.say("zp/v1/xh/truck/t01/fix", b"x"), bridge.heard)[1], "the truck is heard")
    truck.close()
    bridge.close()


def test_a_wrong_password_is_refused(broker: EmbeddedBroker) -> None:
    """Nobody comes in without its own key."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    codes: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="t01")
    client.username_pw_set("t01", "wrong")
    client.on_connect = lambda _c, _u, _f, code, _p: codes.append(code.is_failure)
    client.connect("127.0.0.1", broker.port)
    deadline = time.monotonic() + 5
    while not codes and time.monotonic() < deadline:
        client.loop(0.1)
    assert codes in ([True], [])  # refused with a code, or cut off without one
    assert not client.is_connected()


def test_the_child_is_gone_after_stop(broker: EmbeddedBroker) -> None:
    """stop() leaves no process and no listener, and may be called twice."""
    pid = broker.pid
    broker.stop()
    broker.stop()
    assert not Path(f"/proc/{pid}").exists()


def test_secrets_are_readable_by_their_owner_only(broker: EmbeddedBroker) -> None:
    """The account file holds hashes, mode 600."""
    path = broker.folder / "accounts"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "pw-t01" not in path.read_text()


def test_mosquitto_is_taken_where_there_is_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The fall-back is chosen only without Mosquitto, and says what it cannot do."""
    chosen = choose_broker(tmp_path, "xh", ACCOUNTS)
    assert isinstance(chosen, DeskBroker) == (find_mosquitto() is None)
    assert bool(caplog.records) == (find_mosquitto() is None)


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """A second broker on the same port is refused with what to do."""
    need_mosquitto()
    port = free_port()
    first = EmbeddedBroker(tmp_path / "a", "xh", ACCOUNTS, port=port)
    first.start()
    second = EmbeddedBroker(tmp_path / "b", "xh", ACCOUNTS, port=port)
    try:
        with pytest.raises(EmbeddedBrokerError, match=r"cannot be used.*another port"):
            second.start()
    finally:
        second.stop()
        first.stop()


@pytest.mark.parametrize(
    ("version", "bad"),
    [
        ("mosquitto version 2.0.11", False), ("mosquitto version 2.0.15", True), ("mosquitto version 2.0.20", False),
        ("mosquitto version 1.6.12", True), ("", True), ("AMQTT version 0.12.1", True),
    ],
)
def test_known_trouble_of_a_broker_is_named(version: str, bad: bool) -> None:
    """The bridge names what is unsafe in a broker's version."""
    assert bool(unsafe_because(version)) is bad
