"""A desk for bin-room tests: a real Mosquitto on a free port, and a bridge's hand to speak and listen with."""

import getpass
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from firmware import wire

AREA, ROOM = "xh", "r01"
WET, DRY = "residential_wet", "residential_dry"


def free_port() -> int:
    """A port of the loopback that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], within_s: float, what: str) -> Any:
    """The condition's first true value; fails the test after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    return pytest.fail(f"not within {within_s} s: {what}")


class Mosquitto:
    """A real broker as a child process."""

    def __init__(self, folder: Path, more: str = "") -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.skip("needs mosquitto (apt-get install mosquitto)")
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(
            # Started by root it would become the user mosquitto, who may not read a test's folder.
            f"user {getpass.getuser()}\nlistener {self.port} localhost\nallow_anonymous true\npersistence false\n"
            "log_dest none\n"
            "max_queued_messages 1000\n" + more
        )
        self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._listens, 5, "mosquitto listens")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=5)
            self._process = None


def _joined(seqs: set[int]) -> list[list[int]]:
    """The numbers as [first, last] ranges, at most the 60 newest."""
    ranges: list[list[int]] = []
    for seq in sorted(seqs):
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1][1] = seq
        else:
            ranges.append([seq, seq])
    return ranges[-60:]


class Hand:
    """The bridge's side, played by the test: a clock, calls, acks; and everything the unit said."""

    def __init__(self, port: int, room: str = ROOM) -> None:
        self.room = room
        self.heard: list[tuple[str, Any, bool]] = []
        self._lock = threading.Lock()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="bridge-xh")
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda c, *_: c.subscribe("zp/v1/xh/room/#", qos=1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port, keepalive=10)
        self._client.loop_start()
        wait_for(self._client.is_connected, 5, "the hand is connected")
        self.clock_at: int | None = 1795374261
        self._started = time.monotonic()
        self.speed = 1

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            body = json.loads(message.payload) if message.payload else None
        except (ValueError, RecursionError):  # the test's own garbage
            return
        with self._lock:
            self.heard.append((message.topic, body, bool(message.retain)))

    def bodies(self, channel: str) -> list[Any]:
        """What the unit published on one of its channels, oldest first."""
        name = f"zp/v1/{AREA}/room/{self.room}/{channel}"
        with self._lock:
            return [body for topic, body, _ in self.heard if topic == name]

    def last(self, channel: str) -> Any:
        """The newest body of a channel by its own numbers (a resent old report is not news), or None."""
        bodies = self.bodies(channel)
        return max(bodies, key=lambda b: (b["boot"], b.get("seq", 0))) if bodies else None

    def life(self) -> str | None:
        """The last word of the life topic."""
        bodies = self.bodies("life")
        return str(bodies[-1]["life"]) if bodies else None

    def lamp(self, waste: str = WET) -> Any:
        """The newest lamp entry the unit reported for a kind, or None."""
        report = self.last("lamp")
        return next((e for e in report["lamps"] if e["waste"] == waste), None) if report else None

    def now_s(self) -> int:
        """The bridge's time on the accelerated clock."""
        assert self.clock_at is not None
        return self.clock_at + int((time.monotonic() - self._started) * self.speed)

    def tick(self) -> None:
        """The heartbeat."""
        self.publish("bridge/clock", {"at": self.now_s()}, retain=False)

    def publish(self, below: str, body: Any, retain: bool = True) -> None:
        """Publish below the area; bytes go out as they are."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._client.publish(f"zp/v1/{AREA}/{below}", payload, qos=1, retain=retain)

    def call(self, state: str, waste: str = WET, call_id: str | None = "c1", late_in_s: int = 1200) -> None:
        """A retained arrival for a waste kind."""
        now = self.now_s()
        name = wire.topic("arrival", AREA, self.room, waste)
        body = {
            "call_id": call_id, "waste": waste, "state": state, "truck": "t01", "run_id": "t01-1", "visit_number": 1,
            "eta_at": now + 900, "early_at": now + 800, "late_at": now + late_in_s, "sent_at": now,
        }
        self._client.publish(name, wire.pack(name, body), qos=1, retain=True)

    def ack_all(self) -> None:
        """Acknowledge every record heard so far, as the bridge does after its commit."""
        seen: dict[int, set[int]] = {}
        for channel in ("bins", "lamp", "keeper"):
            for body in self.bodies(channel):
                seen.setdefault(body["boot"], set()).add(body["seq"])
        acks = [{"boot": boot, "upto": 0, "also": _joined(pairs)} for boot, pairs in seen.items()]
        self.publish(f"room/{self.room}/ack", {"acks": acks})

    def is_connected(self) -> bool:
        """Whether the hand has its link and its subscription again."""
        return self._client.is_connected()

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()
