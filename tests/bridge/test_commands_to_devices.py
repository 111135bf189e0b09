"""`python3 -m broker command`: a technician tells a device what to do; it hears it by way of the bridge."""

import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from fastapi.testclient import TestClient

from broker.__main__ import main
from broker.commands import command
from broker.commands.running_bridge import RunningBridge
from broker.rules.dispatch.actions import COMMANDS, Act, ActionError
from broker.store import where
from broker.web.desk import Desk
from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.morning import Morning
from tests.support.people import screen_of
from tests.support.processes import REPO, BridgeProcess, Client, mosquitto, wait_until
from tests.support.settings.broker import HERE

pytestmark = pytest.mark.real  # tenths of a second each

ROOM = "zp/v1/xh/room/r01/"
TRUCK = "zp/v1/xh/truck/t01/"


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    """A bridge that has heard a room's unit say that it is ready."""
    found = Morning(tmp_path / "records")
    found.bridge.receive(ROOM + "life", wire.pack(ROOM + "life", {"life": "ready", "boot": 3}), found.now)
    found.bridge.receive(TRUCK + "life", wire.pack(TRUCK + "life", {"life": "ready", "boot": 5}), found.now)
    return found


def sent(morning: Morning, act: Act) -> dict[str, object]:
    """The command that left for the device."""
    family, device = act.device or ("", "")
    topic = f"zp/v1/xh/{family}/{device}/command"
    before = len(morning.sent)
    morning.bridge.act(act, morning.now)
    heard = [body for _, name, body in morning.sent[before:] if name == topic]
    assert len(heard) == 1
    return dict(heard[0])


@pytest.mark.parametrize("name", COMMANDS["room"])
def test_each_command_reaches_the_room_and_stays_on_record(name: str, morning: Morning) -> None:
    """It leaves with an id of its own, twice with two, and the record says who sent it."""
    more = {"waste": "residential_wet", "grams": 20_000} if name == "calibrate" else {}
    act = Act("command", "Li", device=("room", "r01"), command=name, **more)  # type: ignore[arg-type]
    first, again = sent(morning, act), sent(morning, act)
    assert first["command"] == name and {key: first[key] for key in more} == more
    assert first["id"] != again["id"]
    kept = morning.store.search(where("kind") == "action")
    assert [(record.body["who"], record.body["command"]) for record in kept] == [("Li", name)] * 2
    morning.close()


@pytest.mark.parametrize(
    ("device", "command", "more", "reason"),
    [
        (("room", "r99"), "identify", {}, "ever heard"),
        (("truck", "t01"), "calibrate", {"waste": "residential_wet", "grams": 1}, "a truck knows rebirth identify"),
        (("room", "r01"), "calibrate", {"waste": "renovation", "grams": 1}, "waste kind"),
        (("room", "r01"), "calibrate", {"waste": "residential_wet"}, "grams"),
        (("room", "r01"), "dance", {}, "not 'dance'"),
    ],
)
def test_what_no_device_would_do_is_refused_and_leaves_nothing(
    device: tuple[str, str], command: str, more: dict[str, object], reason: str, morning: Morning
) -> None:
    """The reason says what can be done, and no record is kept of it."""
    act = Act("command", "Li", device=device, command=command, **more)  # type: ignore[arg-type]
    with pytest.raises(ActionError, match=reason):
        morning.bridge.act(act, morning.now)
    assert list(morning.store.search(where("kind") == "action")) == []
    morning.close()


def test_a_device_that_is_away_is_not_told_into_the_void(morning: Morning) -> None:
    """A command is not retained: to send it to a lost device would look like success."""
    morning.bridge.receive(ROOM + "life", wire.pack(ROOM + "life", {"life": "lost", "boot": 3}), morning.now)
    with pytest.raises(ActionError, match="r01 is lost"):
        morning.bridge.act(Act("command", "Li", device=("room", "r01"), command="identify"), morning.now)
    morning.close()


class OwnDesk(Desk):
    """A desk without a loop: the action is carried out where it is asked for."""

    def __init__(self, morning: Morning) -> None:
        super().__init__()
        self.morning = morning

    def ask(self, act: Act, timeout_s: float = 5.0) -> dict[str, Any]:
        """As the loop does it."""
        self.morning.bridge.act(act, self.morning.now)
        return snapshot(self.morning.bridge, self.morning.now)


def web(morning: Morning) -> TestClient:
    """The API of this bridge."""
    return screen_of(OwnDesk(morning), morning.store)


def test_a_bridge_without_a_broker_sends_nothing_and_says_so(morning: Morning) -> None:
    """503, and the record names nobody who sent something; when the broker is back it is sent."""
    http, order = web(morning), {"command": "identify"}
    morning.bridge.link_down(morning.now)
    for path in ("/api/v1/rooms/r01/command", "/api/v1/trucks/t01/command"):
        answer = http.post(path, json=order)
        assert answer.status_code == 503 and "no connection to the broker, nothing was sent" in answer.json()["detail"]
    assert list(morning.store.search(where("kind") == "action")) == []
    morning.bridge.link_up(morning.now)
    assert http.post("/api/v1/rooms/r01/command", json=order).status_code == 200
    morning.close()


@pytest.mark.parametrize("answers", [True, False])
def test_only_what_a_device_says_after_the_command_is_shown_as_its_answer(
    answers: bool, morning: Morning, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its word of the very second in which it is told, but before, is not."""
    http = web(morning)

    def asked(_: RunningBridge, path: str, body: dict[str, Any] | None = None) -> Any:
        if body is not None:
            return http.post(f"/api/v1{path}", json=body).json()
        return {"rows": snapshot(morning.bridge, morning.now)[path.strip("/")]}

    def wait(_: float) -> None:
        morning.now += 1
        if answers:
            morning.bridge.receive(ROOM + "life", wire.pack(ROOM + "life", {"life": "ready", "boot": 4}), morning.now)

    config = tmp_path / "broker.toml"
    config.write_text('[area]\nplan = "demo"\n[web]\nport = 8080\n')
    monkeypatch.setattr(RunningBridge, "asked", asked)  # no bridge of its own listens here
    passing = SimpleNamespace(monotonic=lambda: morning.now, sleep=wait)
    monkeypatch.setattr(command, "time", passing)
    assert main(["command", "r01", "rebirth", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert ('"boot": 4' in out) == answers and ("nothing new was heard" in out) != answers
    morning.close()


@pytest.mark.parametrize(
    ("done", "said", "code"),
    [(False, "calibrate: no load cell for residential_wet; there is one for: no waste kind here", 1),
     (True, "calibrate residential_wet: 0 g is raw 5000; now put another known mass on", 0)],
)  # fmt: skip
def test_what_a_device_answers_is_shown_and_what_it_cannot_do_is_a_failure(
    done: bool, said: str, code: int, morning: Morning, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Bins that it reports before it answers are not its answer, nor is what it answered the last time."""
    http = web(morning)

    def life(**answer: Any) -> None:
        morning.bridge.receive(ROOM + "life", wire.pack(ROOM + "life", {"life": "ready", "boot": 3, **answer}),
                               morning.now)  # fmt: skip

    life(answers="c0", done=not done, said="an old answer")
    looks = iter(range(9))

    def wait(_: float) -> None:
        morning.now += 1
        life() if next(looks) == 0 else life(answers="c1", done=done, said=said)

    def asked(_: RunningBridge, path: str, body: dict[str, Any] | None = None) -> Any:
        if body is not None:
            return http.post(f"/api/v1{path}", json=body).json()
        return {"rows": snapshot(morning.bridge, morning.now)[path.strip("/")]}

    (tmp_path / "broker.toml").write_text('[area]\nplan = "demo"\n[web]\nport = 8080\n')
    monkeypatch.setattr(RunningBridge, "asked", asked)
    monkeypatch.setattr(command, "time", SimpleNamespace(monotonic=lambda: morning.now, sleep=wait))
    order = ["command", "r01", "calibrate", "--waste", "residential_wet", "--grams", "0"]
    assert main([*order, "--config", str(tmp_path / "broker.toml")]) == code
    told = capsys.readouterr()
    assert said in (told.out if done else told.err) and "old answer" not in told.out + told.err
    morning.close()


def test_a_unit_in_safe_mode_is_told_the_one_thing_that_it_obeys(morning: Morning) -> None:
    """It says `init`; whatever else it is told would be lost."""
    morning.bridge.receive(ROOM + "life", wire.pack(ROOM + "life", {"life": "init", "boot": 4}), morning.now)
    assert sent(morning, Act("command", "Li", device=("room", "r01"), command="reset"))["command"] == "reset"
    with pytest.raises(ActionError, match="r01 is init"):
        morning.bridge.act(Act("command", "Li", device=("room", "r01"), command="identify"), morning.now)
    morning.close()


class FailingBridge(BaseHTTPRequestHandler):
    """Answers as a bridge does until a command was taken, and then as one that stops, or that cannot read."""

    told = False
    afterwards = b""  # the raw answer to whatever is asked then
    before = b"[]"  # the answer to what is asked before, for trucks

    def do_GET(self) -> None:
        if type(self).told:
            self.wfile.write(self.afterwards)
            self.close_connection = True
        else:
            self._say(b'[{"room": "r01", "heard_at": 0}]' if "rooms" in self.path else self.before)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        type(self).told = True
        self._say(b'{"at": 1795374261}')

    def _say(self, content: bytes) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content))

    def log_message(self, *_: object) -> None:
        """Nothing."""


def typed_to(folder: Path, **answers: bytes) -> int:
    """The exit code of `command r01 identify` at a bridge that fails so."""
    handler = type("Handler", (FailingBridge,), answers)
    with ThreadingHTTPServer((HERE, 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        web = f'host = "{HERE}"\nport = {server.server_port}\n'
        (folder / "b.toml").write_text(f'[area]\nplan = "demo"\n[web]\n{web}')
        try:
            with patch("broker.commands.command.LOOK_S", 0.01):
                return main(["command", "r01", "rebirth", "--config", str(folder / "b.toml")])
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "afterwards",
    [b"", b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n[", b"nonsense\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n<p>",
     b'HTTP/1.0 200 OK\r\n\r\n{"rooms": 1}', b"HTTP/1.0 200 OK\r\n\r\n[1]", b"HTTP/1.0 200 OK\r\n\r\n\xff",
     b"HTTP/1.0 503 Busy\r\n\r\n<p>", b'HTTP/1.0 503 Busy\r\n\r\n["x"]', b"HTTP/1.0 401 No\r\n\r\n",
     b"HTTP/1.0 503 Busy\r\nContent-Length: 9\r\n\r\n",
     b'HTTP/1.0 503 Busy\r\n\r\n{"detail": "the record cannot be read"}'],
)  # fmt: skip
def test_a_bridge_that_stops_after_a_command_was_sent_hides_not_that_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], afterwards: bytes
) -> None:
    """It was sent, and that is said; what the device answers could not be read, and why."""
    assert typed_to(tmp_path, afterwards=afterwards) == 0
    said = capsys.readouterr().out
    assert "r01: rebirth sent" in said
    assert "it was sent; the device's answer could not be read: " in said
    assert ("the record cannot be read" in said) == (b"record" in afterwards)


@pytest.mark.parametrize("before", [b"{}", b"[1]", b"<p>", b"null", b'"x"', b"\xff"])
def test_what_is_no_bridge_is_told_no_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: bytes
) -> None:
    """Another program at the configured port is named as such, without a traceback."""
    assert typed_to(tmp_path, before=before) == 1
    assert "is no bridge; name its --config" in capsys.readouterr().err


def test_a_technician_sends_a_command_and_sees_what_the_device_says_next(tmp_path: Path) -> None:
    """With a broker, a bridge and a unit that answers; an unknown device and a bridge that is not there are said."""

    def begun(*words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "broker", "command", *words, "--config", str(tmp_path / "bridge/broker.toml")]
        return subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def typed(*words: str) -> tuple[int, str]:
        child = begun(*words)
        _, complaint = child.communicate(timeout=60)
        return child.returncode, complaint

    broker = mosquitto(tmp_path / "mosquitto", "r01")
    bridge = BridgeProcess(tmp_path / "bridge", broker.port)
    unit = None
    try:
        code, complaint = typed("r01", "identify")
        assert code == 1 and "no bridge answers" in complaint
        bridge.start()
        unit = Client(broker.port, "r01", ROOM + "command")
        unit.say(ROOM + "life", {"life": "ready", "boot": 3}, retain=True)
        wait_until(lambda: any(row["life"] == "ready" for row in bridge.get("/api/v1/rooms")), "the unit is known")
        told = begun("r01", "rebirth", "--who", "Li")
        assert wait_until(lambda: unit.last(ROOM + "command"), "the unit hears it")["command"] == "rebirth"
        while told.poll() is None:  # it reports everything anew, and goes on speaking
            unit.say(ROOM + "life", {"life": "ready", "boot": 4}, retain=True)
            time.sleep(0.3)
        said, complaint = told.communicate(timeout=60)
        assert told.returncode == 0, complaint
        assert "r01: rebirth sent" in said and '"boot": 4' in said
        code, complaint = typed("r77", "rebirth")
        assert code == 1 and "no device 'r77'" in complaint
        assert typed("r01", "calibrate")[0] == 2
        code, complaint = typed("r01", "calibrate", "--waste", "residential_wet", "--grams", "-5")
        assert code == 1 and "grams: " in complaint and "[{" not in complaint
        code, complaint = typed("room/../x", "identify")
        assert code == 1 and "no device's id" in complaint
    finally:
        if unit is not None:
            unit.close()
        bridge.stop()
        broker.stop()
