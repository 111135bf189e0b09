"""The whole truck program on a real broker, a real pty and gpiozero's mock pins; and through a kill -9."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from gpiozero.pins.mock import MockFactory
from paho.mqtt.enums import CallbackAPIVersion

from firmware.truck.config import TruckConfig, parse
from firmware.truck.program import run

pytestmark = pytest.mark.real

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
BASE = "zp/v1/xh/truck/t01/"
DEADLINE_S = 15.0


def wait_for(condition, what: str, seconds: float = DEADLINE_S):
    """Waits until `condition()` is true and returns its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


@pytest.fixture(scope="module")
def broker_port(tmp_path_factory) -> Iterator[int]:
    """A real Mosquitto on a free port."""
    if MOSQUITTO is None:
        pytest.skip("no mosquitto on this machine: apt-get install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path_factory.mktemp("broker") / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n")
    process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_for(answers, "the broker")
        yield port
    finally:
        process.kill()
        process.wait(5)


class StrangerBridge:
    """The far side of the wire, written from DESIGN section 4 alone."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bridge-xh")
        self.client.on_message = lambda _c, _d, m: self.heard.append((m.topic, m.payload, m.retain))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe("zp/v1/xh/truck/#", qos=1)

    def tell(self, topic: str, body: dict | None, retain: bool = True) -> None:
        payload = b"" if body is None else json.dumps(body).encode()
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def clock(self) -> None:
        self.tell("zp/v1/xh/bridge/clock", {"at": int(time.time())}, retain=False)

    def bodies(self, channel: str) -> list[dict]:
        return [json.loads(p) for t, p, _ in list(self.heard) if t.startswith(BASE + channel) and p]

    def close(self) -> None:
        for name in {t for t, _, _ in self.heard}:
            self.client.publish(name, b"", qos=1, retain=True).wait_for_publish(5)
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def bridge(broker_port) -> Iterator[StrangerBridge]:
    stranger = StrangerBridge(broker_port)
    yield stranger
    stranger.close()


class PtyReceiver:
    """A GPS receiver at the other end of a real pty."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave, termios.TCSANOW)
        self.path = os.ttyname(self.slave)

    def say(self, second: int, lat_minutes: float = 12.0) -> None:
        stamp = time.strftime("%H%M%S", time.gmtime(1795374261 + second))
        place = f"31{lat_minutes:07.4f},N,12124.0000,E"
        for body in (
            f"GPRMC,{stamp}.00,A,{place},10.0,90.0,221126,,,A",
            f"GPGGA,{stamp}.00,{place},1,08,1.0,5,M,0,M,,",
        ):
            checksum = reduce(lambda x, c: x ^ ord(c), body, 0)
            os.write(self.master, f"${body}*{checksum:02X}\r\n".encode())

    def close(self) -> None:
        os.close(self.slave)
        os.close(self.master)


@pytest.fixture
def receiver() -> Iterator[PtyReceiver]:
    pty = PtyReceiver()
    yield pty
    pty.close()


def settings(port: int, serial_path: str, folder: Path) -> str:
    return f"""
[truck]
id = "t01"
area = "xh"
itinerary_file = "{folder}/itinerary.json"
[mqtt]
host = "127.0.0.1"
port = {port}
[gps]
port = "{serial_path}"
[outbox]
path = "{folder}/outbox.db"
"""


class Running:
    """The program in a thread of this process, its pins in our hands."""

    def __init__(self, config: TruckConfig, pins: MockFactory | None = None) -> None:
        self.pins = pins or MockFactory()
        self.stop = threading.Event()
        if pins is None:
            self.pins.pin(config.button_pin)
        self.thread = threading.Thread(
            target=run, args=(config,), kwargs={"pin_factory": self.pins, "stop": self.stop}, daemon=True
        )
        self.thread.start()
        if pins is None:
            self.button = self.pins.pin(config.button_pin)
            self.light = self.pins.pin(config.light_pin)
        self.light_pin = config.light_pin

    def hold(self, seconds: float) -> None:
        self.button.drive_low()
        time.sleep(seconds)
        self.button.drive_high()

    def changes_of_light(self, seconds: float) -> int:
        before, changes, end = self.light.state, 0, time.monotonic() + seconds
        while time.monotonic() < end:
            if self.light.state != before:
                before, changes = self.light.state, changes + 1
            time.sleep(0.01)
        return changes

    def end(self) -> None:
        self.stop.set()
        self.thread.join(8)
        assert not self.thread.is_alive()


def test_press_travels_and_the_light_tells_every_stage(broker_port, bridge, receiver, tmp_path):
    """A real press on mock pins becomes a retained incident with its place, and the light follows the bridge."""
    config = parse(settings(broker_port, receiver.path, tmp_path), "test")
    truck = Running(config)
    try:
        wait_for(lambda: bridge.bodies("life"), "life")
        assert bridge.bodies("life")[-1]["life"] == "ready"
        bridge.clock()
        for second in range(4):
            receiver.say(second)
            time.sleep(0.1)
        wait_for(lambda: bridge.bodies("fix"), "a fix")
        assert bridge.bodies("fix")[0]["lat"] == pytest.approx(31.2)
        bridge.tell(
            BASE + "itinerary",
            {"itinerary_id": "i1", "version": 1, "run_id": "r", "issued_at": 1795374261, "visits": []},
        )
        wait_for(lambda: (tmp_path / "itinerary.json").exists(), "the itinerary")
        truck.hold(1.7)
        incident = wait_for(lambda: bridge.bodies("incident/"), "the incident")[0]
        assert incident["incident_id"] == f"t01-{incident['boot']}-{incident['seq']}"
        assert (incident["reason"], incident["withdrawn"]) == ("lane_blocked", False)
        assert incident["lat"] == pytest.approx(31.2)
        assert truck.changes_of_light(1.0) >= 6  # fast: pressed, not stored
        ack = BASE + "incident_ack/" + incident["incident_id"]
        bridge.tell(BASE + "ack", {"acks": [{"boot": incident["boot"], "upto": incident["seq"], "also": []}]})
        bridge.tell(ack, {"incident_id": incident["incident_id"], "stage": "stored", "decision": None, "at": 1})
        time.sleep(0.2)
        assert 1 <= truck.changes_of_light(1.6) <= 3  # slow: stored
        bridge.tell(ack, {"incident_id": incident["incident_id"], "stage": "seen", "decision": None, "at": 2})
        time.sleep(0.2)
        assert truck.changes_of_light(0.4) == 0
        assert truck.light.state
        bridge.tell(ack, {"incident_id": incident["incident_id"], "stage": "decided", "decision": "wait", "at": 3})
        time.sleep(0.2)
        assert 3 <= truck.changes_of_light(1.8) <= 5  # two flashes, then a pause
        bridge.tell(ack, None)
        wait_for(lambda: not truck.light.state and truck.changes_of_light(0.4) == 0, "a dark light")
        assert any(t.startswith(BASE + "incident/") and r for t, _, r in _late_listener(broker_port))
    finally:
        truck.end()
    assert bridge.bodies("life")[-1]["life"] == "disconnected"


class BusyPins(MockFactory):
    """Every pin is held by another program."""

    def pin(self, *_: object, **__: object) -> None:
        raise RuntimeError("GPIO busy")


def test_positions_go_on_without_any_pin(broker_port, bridge, receiver, tmp_path):
    """With button and light dead the truck still says where it is, and its life says what is dead."""
    truck = Running(parse(settings(broker_port, receiver.path, tmp_path), "test"), BusyPins())
    try:
        life = wait_for(lambda: [b for b in bridge.bodies("life") if "faults" in b], "life")[-1]
        assert (life["life"], life["faults"]) == ("ready", [{"part": "button"}, {"part": "light"}])
        bridge.clock()
        for second in range(4):
            receiver.say(second)
            time.sleep(0.1)
        assert wait_for(lambda: bridge.bodies("fix"), "a fix")[0]["lat"] == pytest.approx(31.2)
    finally:
        truck.end()


def _late_listener(port: int) -> list[tuple[str, bytes, bool]]:
    """What somebody who connects only now is told: the retained messages."""
    late = StrangerBridge.__new__(StrangerBridge)
    late.heard = []
    late.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="late")
    late.client.on_message = lambda _c, _d, m: late.heard.append((m.topic, m.payload, m.retain))
    late.client.connect("127.0.0.1", port)
    late.client.loop_start()
    late.client.subscribe("zp/v1/xh/truck/#", qos=1)
    wait_for(lambda: any(retained for _, _, retained in late.heard), "what is retained")
    time.sleep(0.2)  # and the rest of it, which comes at once
    late.client.disconnect()
    late.client.loop_stop()
    return late.heard


CHILD = """
import sys, threading, time
from pathlib import Path
from gpiozero.pins.mock import MockFactory
from firmware.truck.config import load
from firmware.truck.program import run

config = load(Path(sys.argv[1]))
pins = MockFactory()

def listen():
    for line in sys.stdin:
        pin = pins.pin(config.button_pin)
        pin.drive_low() if line.strip() == "down" else pin.drive_high()

threading.Thread(target=listen, daemon=True).start()
run(config, pin_factory=pins, stop=threading.Event())
"""


def start_child(config_file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(config_file)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_press_survives_kill_and_comes_again_with_the_same_id(broker_port, bridge, receiver, tmp_path):
    """A press nobody acknowledged is sent again by the next start, same incident, and the broker tells of the death."""
    config_file = tmp_path / "truck.toml"
    config_file.write_text(settings(broker_port, receiver.path, tmp_path))
    child = start_child(config_file)
    try:
        wait_for(lambda: bridge.bodies("life"), "life")
        child.stdin.write("down\n")
        child.stdin.flush()
        first = wait_for(lambda: bridge.bodies("incident/"), "the incident")[0]
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(5)
    wait_for(lambda: bridge.bodies("life")[-1]["life"] == "lost", "the will")
    bridge.heard.clear()
    child = start_child(config_file)
    try:
        again = wait_for(lambda: list(bridge.bodies("incident/")), "the incident again")[0]
        assert again == first
        ready = wait_for(lambda: [b for b in bridge.bodies("life") if b["life"] == "ready"], "life")[-1]
        assert ready["boot"] == first["boot"] + 1
    finally:
        child.kill()
        child.wait(5)


def test_press_without_any_broker_is_on_disk_before_the_light_blinks(receiver, tmp_path):
    """With no broker at all a press is durable: a kill -9 right after the light starts loses nothing."""
    config = parse(settings(1, receiver.path, tmp_path), "test")
    truck = Running(config)
    try:
        time.sleep(0.3)
        truck.button.drive_low()
        wait_for(lambda: truck.light.state, "the light", 4)
        import sqlite3

        reader = sqlite3.connect(f"file:{tmp_path}/outbox.db?mode=ro", uri=True)
        assert reader.execute("SELECT COUNT(*) FROM incident_record").fetchone()[0] == 1
        reader.close()
    finally:
        truck.end()


def test_new_card_in_an_old_truck_is_not_taken_for_the_old_one(broker_port, bridge, receiver, tmp_path):
    """The bridge's retained ack of the truck's former card settles nothing of the new one."""
    former = {"acks": [{"boot": boot, "upto": 1000, "also": []} for boot in range(1, 500)]}
    truck = Running(parse(settings(broker_port, receiver.path, tmp_path), "test"))
    try:
        wait_for(lambda: bridge.bodies("life"), "life")
        truck.hold(1.7)
        wait_for(lambda: bridge.bodies("incident/"), "the incident")
        bridge.tell(BASE + "ack", former)  # as a retained ack comes again with every connection
        time.sleep(0.3)
        assert truck.changes_of_light(0.6) >= 3  # still fast: not stored
    finally:
        truck.end()


def test_second_agent_on_the_same_outbox_is_refused(receiver, tmp_path):
    """Two agents on one outbox would give one number to two records: the second does not start and says why."""
    config = parse(settings(1, receiver.path, tmp_path), "test")
    truck = Running(config)
    try:
        wait_for(lambda: (tmp_path / "outbox.db").exists(), "the outbox")
        with pytest.raises(OSError, match="another truck agent"):
            run(config, pin_factory=MockFactory(), stop=threading.Event())
    finally:
        truck.end()
