"""Real processes for tests: a Mosquitto of its own, the bridge as a child, plain MQTT clients."""

import datetime
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from broker.mqtt.own_broker.child import die_with_parent, free_port
from broker.mqtt.own_broker.mosquitto import EmbeddedBroker, find_mosquitto

REPO = Path(__file__).resolve().parents[2]
DEADLINE_S = 20.0
OFTEN_S, SELDOM_S = 0.02, 0.15  # between two looks at what is waited for
# The bridge with a clock of its own, so that a test finds the same hour of the area's day whenever it runs.
SHIFTED = """
import signal, sys, threading, time
from pathlib import Path
from broker.config import read_config
from broker.process import serve
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
serve(read_config(Path(sys.argv[1])), now=lambda: time.time() + int(sys.argv[2]), stop=stop)
"""


def need_mosquitto() -> None:
    """Skip loudly where there is no Mosquitto; `make test` installs it where it may."""
    if find_mosquitto() is None:
        pytest.skip("Mosquitto is not installed: run apt-get install mosquitto (make test does where it may)")


def wait_until(what: Callable[[], Any], why: str, timeout_s: float = DEADLINE_S) -> Any:
    """What `what` returns once it is true; fails with `why` after `timeout_s`.

    Who has waited for long asks less often: a screen that is asked 50 times a second has nothing left for its work.
    """
    began = time.monotonic()
    while True:
        found = what()
        if found:
            return found
        waited_s = time.monotonic() - began
        if waited_s > timeout_s:
            raise AssertionError(f"not within {timeout_s:g} s: {why}")
        time.sleep(min(max(OFTEN_S, waited_s / 10), SELDOM_S))


def processes_in(folder: Path) -> dict[int, str]:
    """The command lines of all other processes that run in or from this folder, by their id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        if str(folder) in command or where.startswith(str(folder)):
            found[int(entry.name)] = command
    return found


def offset_to(hour: float, day: str = "2026-11-23") -> int:
    """Seconds to add to the clock so that the area's time is `hour` of `day` now."""
    start = datetime.datetime.fromisoformat(day).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    return int(start.timestamp() + hour * 3600 - time.time())


def mosquitto(folder: Path, *devices: str, area: str = "xh", port: int = 0) -> EmbeddedBroker:
    """A running Mosquitto with accounts for the bridge, `watch` and `devices`; every password is `pw-<name>`."""
    need_mosquitto()
    names = [f"bridge-{area}", f"watch-{area}", *devices]
    rooms = [name for name in devices if name.startswith("r")]
    broker = EmbeddedBroker(folder, area, {name: f"pw-{name}" for name in names}, rooms=rooms, port=port)
    broker.start()
    return broker


class BridgeProcess:
    """`python3 -m broker` as a child process on its own ports."""

    def __init__(
        self, folder: Path, mqtt_port: int, extra: str = "", offset_s: int = 0, plan: str = "demo"
    ) -> None:
        self.offset_s = offset_s
        self.repo = REPO  # whose code runs
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        (folder / "secret").write_text("pw-bridge-xh")
        (folder / "secret").chmod(0o600)
        (folder / "broker.toml").write_text(
            f'[area]\nplan = "{plan}"\n[mqtt]\nport = {mqtt_port}\npassword_file = "secret"\n'
            f'[store]\nurl = "records"\n[web]\nport = {self.port}\n[registers]\nfolder = "registers"\n{extra}'
        )
        self.child: subprocess.Popen[bytes] | None = None

    def start(self, patience_s: float = 3 * DEADLINE_S) -> None:
        """Start the child and wait until its screen answers."""
        argv = [sys.executable, "-m", "broker", "--config", str(self.folder / "broker.toml")]
        if self.offset_s:
            argv = [sys.executable, "-c", SHIFTED, str(self.folder / "broker.toml"), str(self.offset_s)]
        with (self.folder / "log").open("ab") as log:
            self.child = subprocess.Popen(
                argv, cwd=self.repo, stdout=log, stderr=log, preexec_fn=die_with_parent, env={**os.environ}
            )
        wait_until(self.answers, f"the bridge answers; its log: {self.log()}", patience_s)

    def answers(self) -> bool:
        """Whether the screen is up."""
        assert self.child is not None
        if self.child.poll() is not None:
            raise AssertionError(f"the bridge ended with {self.child.returncode}: {self.log()}")
        try:
            self.get("/healthz")
        except urllib.error.HTTPError:
            return True  # it says that it is not well
        except OSError:
            return False
        return True

    def log(self) -> str:
        """The end of what the child said."""
        try:
            return (self.folder / "log").read_text()[-3000:]
        except OSError:
            return ""

    def get(self, path: str) -> Any:
        """The JSON answer of a GET."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any], who: str = "Wang") -> Any:
        """The JSON answer of a POST, as a command of this machine sends it."""
        token = (self.folder / "data" / "people" / "shell.token").read_text().strip()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", "Zhanpai-Who": who}
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """kill -9."""
        assert self.child is not None
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.child is None or self.child.poll() is not None:
            return -1
        self.child.terminate()
        try:
            return self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            raise


class Client:
    """A plain MQTT client that remembers what it heard: `heard[topic]` is the list of payloads."""

    def __init__(
        self, port: int, name: str, *topics: str, will: tuple[str, bytes] | None = None, password: str = ""
    ) -> None:
        self.heard: dict[str, list[bytes]] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True)
        self._client.username_pw_set(name, password or f"pw-{name}")
        if will:
            self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: [client.subscribe(topic, 1) for topic in topics]
        self._client.reconnect_delay_set(1, 2)
        self._client.connect("127.0.0.1", port, 20)
        self._client.loop_start()
        wait_until(self._client.is_connected, f"{name} connects")

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self.heard.setdefault(message.topic, []).append(bytes(message.payload))

    def say(self, topic: str, body: dict[str, Any] | bytes, *, retain: bool = False, qos: int = 1) -> None:
        """Publish, at QoS 1 if nothing else is said, and wait until it is sent or the broker has it."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(10)

    def last(self, topic: str) -> Any:
        """The newest JSON heard on a topic; None for nothing or a cleared one."""
        payloads = self.heard.get(topic)
        return json.loads(payloads[-1]) if payloads and payloads[-1] else None

    def close(self) -> None:
        """Leave in order."""
        self._client.disconnect()
        self._client.loop_stop()
