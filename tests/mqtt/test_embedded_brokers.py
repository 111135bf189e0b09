"""The embedded brokers: Mosquitto as we configure it, and the desk's fall-back where there is none."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.mqtt.amqtt_broker import DeskBroker, choose_broker
from broker.mqtt.mosquitto import EmbeddedBroker, EmbeddedBrokerError, find_mosquitto, free_port, unsafe_because
from tests.support.processes import Client, need_mosquitto, wait_until

pytestmark = pytest.mark.real

ACCOUNTS = {name: f"pw-{name}" for name in ("bridge-xh", "watch-xh", "t01", "t02", "r01")}


@pytest.fixture(params=["mosquitto", "amqtt"])
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
        """Said again and again, as a bridge does: amqtt may grant a subscription before it serves it."""
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
