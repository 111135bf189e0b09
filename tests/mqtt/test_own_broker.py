"""A broker of the bridge's own: it needs nothing but `enabled = true`, and is looked after."""

import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.config import AreaConfig, BrokerConfig, ConfigError, MqttConfig, read_config
from broker.mqtt.own_broker import caretaker
from broker.mqtt.own_broker.accounts import all_accounts
from broker.mqtt.own_broker.caretaker import Caretaker
from broker.mqtt.own_broker.child import NOTED_S, EmbeddedBrokerError, free_port
from broker.mqtt.own_broker.mosquitto import DeskBroker, EmbeddedBroker
from broker.mqtt.own_broker.trial import ask
from broker.plan.demo_area import demo_plan
from broker.plan.model import Vehicle
from broker.process import embedded_broker
from broker.settings import configured_plan
from firmware import wire
from tests.support.bridge.own_bridge import SLOW_S, OwnBridge, stored
from tests.support.processes import Client, mosquitto, need_mosquitto, wait_until
from tests.support.settings.broker import certificate

pytestmark = pytest.mark.real

@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[OwnBridge]:
    """One that runs and is connected."""
    need_mosquitto()
    made = OwnBridge(tmp_path)
    made.start()
    wait_until(lambda: made.health()[0] == 200 and made.get("/api/v1/picture")["link"]["up"], "it is well", SLOW_S)
    yield made
    made.stop()


def test_enabled_alone_is_a_working_system(bridge: OwnBridge) -> None:
    """Accounts are made for everybody of the plan, into a file for its user only, and a press is answered."""
    truck = bridge.truck("zp/v1/xh/truck/t01/incident_ack/+")
    stored(truck, 1)
    truck.close()
    assert bridge.passwords.stat().st_mode & 0o777 == 0o600
    names = [line.split(":")[0] for line in bridge.passwords.read_text().splitlines()]
    assert {"bridge-xh", "watch-xh", "technician-xh", "t01", "r01"} <= set(names)
    kept = bridge.passwords.read_text()
    bridge.stop()
    bridge.start()
    assert bridge.passwords.read_text() == kept


def test_a_broker_that_is_killed_is_started_again_and_presses_and_lamps_go_on(bridge: OwnBridge) -> None:
    """kill -9: within moments it is back, what was retained is told again, and the next press is stored."""
    truck = bridge.truck("zp/v1/xh/truck/t01/incident_ack/+")
    stored(truck, 1)
    killed = bridge.broker_pid()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: bridge.broker_pid() not in (0, killed), "another broker runs", SLOW_S)
    wait_until(lambda: bridge.get("/api/v1/picture")["link"]["up"], "the bridge is in", SLOW_S)
    truck.close()
    truck = bridge.truck("zp/v1/xh/truck/t01/incident_ack/+", "zp/v1/xh/bridge/clock", "zp/v1/xh/bridge/life")
    stored(truck, 2)
    wait_until(lambda: truck.last("zp/v1/xh/bridge/clock"), "the heartbeat that keeps lamps from `no data`", SLOW_S)
    assert truck.last("zp/v1/xh/bridge/life")["life"] == "ready"
    wait_until(lambda: truck.last("zp/v1/xh/truck/t01/incident_ack/t01-1-1"), "the first press is answered again")
    truck.close()
    notes = [row["why"] for row in bridge.health()[1]["reasons"] if row["word"] == "broker_note"]
    assert any("by SIGKILL" in note and "started again" in note for note in notes)
    assert bridge.health()[0] == 200


def test_a_frozen_broker_is_said_before_the_connection_is_given_up(bridge: OwnBridge) -> None:
    """SIGSTOP: seconds later the reason is on the screen and /healthz is 503; it is well again when it goes on."""
    pid = bridge.broker_pid()
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: "broker_silent" in bridge.words(), "it is said", wire.KEEPALIVE_S * 1.5)
    code, body = bridge.health()
    assert (code, body["ok"]) == (503, False)
    (row,) = (row for row in body["reasons"] if row["word"] == "broker_silent")
    assert "has not answered" in row["en"] and "没有应答" in row["zh"]
    assert bridge.get("/api/v1/picture")["health"]
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: bridge.health()[0] == 200, "it is well again", SLOW_S)


def test_a_broker_that_refuses_is_said_with_its_reason(tmp_path: Path) -> None:
    """A wrong password: /healthz and the screen's picture say what it answered."""
    broker = mosquitto(tmp_path / "mosquitto")
    bridge = OwnBridge(tmp_path / "bridge")
    (tmp_path / "bridge" / "secret").write_text("wrong")
    (tmp_path / "bridge" / "secret").chmod(0o600)
    mqtt, web = f'[mqtt]\nport = {broker.port}\npassword_file = "secret"', f"[web]\nport = {bridge.port}"
    (tmp_path / "bridge" / "broker.toml").write_text(f'[area]\nplan = "demo"\n{mqtt}\n{web}\n')
    bridge.start()
    try:
        wait_until(lambda: "link_lost" in bridge.words(), "it is said", SLOW_S)
        (row,) = (row for row in bridge.health()[1]["reasons"] if row["word"] == "link_lost")
        assert "it refuses us (code 5)" in row["why"] and "password_file" in row["zh"]
    finally:
        bridge.stop()
        broker.stop()


def grown(broker: EmbeddedBroker) -> bytes:
    """The file of a broker that held something."""
    broker.start()
    client = Client(broker.port, "bridge-xh")
    for number in range(50):
        client.say(f"zp/v1/xh/truck/t{number:02}/itinerary", b"x" * 100, retain=True)
    client.close()
    broker.stop()
    return (broker.folder / "mosquitto.db").read_bytes()


WHOLLY_SPOILED = ["nul", "empty", "head only", "garbage", "folder", "dead link"]


@pytest.mark.parametrize("kind", [*WHOLLY_SPOILED, "cut", "spoiled inside"])
def test_a_spoiled_file_of_the_broker_is_set_aside(kind: str, tmp_path: Path) -> None:
    """It starts, says so in a note, keeps the spoiled file, and holds things again over the next restart."""
    need_mosquitto()
    broker = EmbeddedBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    good = grown(broker)
    path = broker.folder / "mosquitto.db"
    path.unlink()
    spoiled = {
        "nul": bytes(len(good)), "empty": b"", "cut": good[: len(good) // 2], "head only": good[:10],
        "garbage": bytes((7 * i * i + 13) % 256 for i in range(len(good))),
        "spoiled inside": good[:200] + bytes((7 * i * i + 13) % 256 for i in range(len(good) - 200)),
    }  # fmt: skip
    if kind == "folder":
        path.mkdir()
        (path / "inside").touch()
    elif kind == "dead link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(spoiled[kind])
    broker.start()
    try:
        if kind in WHOLLY_SPOILED:  # of the others Mosquitto may still read a part
            assert any("kept as" in note for note in broker.notes)
            aside = path.with_name("mosquitto.db.set-aside")
            assert aside.is_symlink() or aside.is_dir() or aside.read_bytes() == spoiled[kind]
        client = Client(broker.port, "bridge-xh")
        client.say("zp/v1/xh/truck/t01/itinerary", b"again", retain=True)
        client.close()
        broker.stop()
        broker.start()
        client = Client(broker.port, "bridge-xh", "zp/v1/xh/truck/t01/itinerary")
        wait_until(lambda: client.heard, "what it held last")
        client.close()
    finally:
        broker.stop()


def test_a_broker_that_starts_for_no_file_keeps_its_file(tmp_path: Path) -> None:
    """If it does not start for another reason, what it said is quoted, and its file stays where it was."""
    need_mosquitto()
    broker = EmbeddedBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    good = grown(broker)

    class Misled(EmbeddedBroker):
        def write_files(self) -> None:
            super().write_files()
            with (self.folder / "mosquitto.conf").open("a") as conf:
                conf.write("no_such_option 1\n")

    misled = Misled(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    with pytest.raises(EmbeddedBrokerError, match=r"(?s)did not start.*no_such_option"):
        misled.start()
    assert (broker.folder / "mosquitto.db").read_bytes() == good and misled.notes == []


def test_a_folder_that_takes_nothing_is_no_reason_to_have_no_broker(tmp_path: Path) -> None:
    """Read only or full: it runs from a folder of its own, which goes with it, and says so."""
    need_mosquitto()
    (tmp_path / "file").touch()
    broker = EmbeddedBroker(tmp_path / "file" / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.start()
    client = Client(broker.port, "bridge-xh")
    client.close()
    stead = broker.folder
    broker.stop()
    assert "cannot be written" in broker.notes[0] and not stead.exists()


def test_what_happens_again_is_noted_once(tmp_path: Path) -> None:
    """Its file is spoiled at each of four starts; and whatever else is told, a screen can show it."""
    broker = DeskBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.folder.mkdir()
    for _ in range(4):
        (broker.folder / broker.KEPT).write_bytes(b"")
        broker.start()
        broker.kill()
    assert len(broker.notes) == 1 and "cannot read" in broker.notes[0]
    for number in range(100):
        broker.tell(f"fault {number}")
    assert len(broker.notes) <= 10 and broker.notes[-1] == "fault 99"


def test_a_file_that_was_not_to_blame_is_put_back_and_nothing_is_noted_of_it(tmp_path: Path) -> None:
    """The broker does not start with it nor without it; what was noted before stays."""
    broker = Unstartable(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.folder.mkdir()
    broker.tell("worth knowing")
    kept = broker.folder / broker.KEPT
    kept.write_bytes(b"what it kept")
    with pytest.raises(EmbeddedBrokerError, match="did not start"):
        broker.start()
    assert kept.read_bytes() == b"what it kept"
    assert broker.notes == ["worth knowing"]


class Unstartable(DeskBroker):
    """One whose program ends at once."""

    def command(self) -> list[str]:
        """A program that does nothing."""
        return ["false"]


def test_a_broker_that_dies_again_and_again_is_tried_at_growing_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its port is another's, the waits grow and the reason is told; when it is free, it runs."""
    monkeypatch.setattr(caretaker, "LOOK_S", 0.02)
    monkeypatch.setattr(caretaker, "AGAIN_FIRST_S", 0.05)
    monkeypatch.setattr("broker.mqtt.own_broker.child.PORT_FREE_S", 0.0)
    broker = DeskBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.start()
    keeper = Caretaker(broker, time.monotonic)
    tried: list[float] = []
    began = broker.start

    def start() -> None:
        tried.append(time.monotonic())
        began()

    monkeypatch.setattr(broker, "start", start)
    broker.kill()
    with socket.create_server(("127.0.0.1", broker.port)):
        keeper.start()
        wait_until(lambda: len(tried) > 3, "four attempts", SLOW_S)
        assert "cannot be used" in keeper.notes()[-1]
    wait_until(lambda: broker.running and "started again" in keeper.notes()[-1], "it runs", SLOW_S)
    gaps = [later - sooner for sooner, later in itertools.pairwise(tried[:4])]
    assert gaps == sorted(gaps) and gaps[0] >= 0.1
    keeper.stop()
    assert not broker.running


def test_a_broker_that_stays_frozen_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that says nothing to the bridge for long is not waited for."""
    monkeypatch.setattr(caretaker, "FROZEN_S", 0.5)
    monkeypatch.setattr(caretaker, "AGAIN_FIRST_S", 0.05)
    broker = DeskBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.start()
    frozen = broker.pid
    broker.signal(signal.SIGSTOP)
    heard = threading.Event()
    keeper = Caretaker(broker, lambda: time.monotonic() if heard.is_set() else 0.0)
    keeper.start()
    wait_until(lambda: broker.running and broker.pid != frozen, "another one", SLOW_S)
    heard.set()
    wait_until(lambda: any("said nothing" in note for note in keeper.notes()), "it is told", SLOW_S)
    keeper.stop()


class Unending:
    """A child that not even SIGKILL ends at once: its disk hangs."""

    pid = 1
    ended = False

    def poll(self) -> int | None:
        """None while it is there."""
        return -signal.SIGKILL if self.ended else None

    def kill(self) -> None:
        """Nothing happens."""

    send_signal = terminate = lambda *_: None

    def wait(self, timeout_s: float) -> int:
        """Not within any time."""
        if not self.ended:
            raise subprocess.TimeoutExpired("mosquitto", timeout_s)
        return -signal.SIGKILL


def test_a_frozen_broker_that_cannot_be_killed_is_looked_after_until_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, once; when it is gone at last, another one runs and nothing more is said of it."""
    monkeypatch.setattr(caretaker, "FROZEN_S", 0.5)
    monkeypatch.setattr(caretaker, "LOOK_S", 0.02)
    broker = DeskBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    heard, child = threading.Event(), Unending()
    monkeypatch.setattr(broker, "_child", child)  # no child of ours does as this one
    keeper = Caretaker(broker, lambda: time.monotonic() if heard.is_set() else 0.0)
    keeper.start()
    wait_until(lambda: any("does not end" in note for note in keeper.notes()), "it is told", SLOW_S)
    tries = itertools.count()
    monkeypatch.setattr(child, "kill", lambda: next(tries))
    wait_until(lambda: next(tries) > 10, "it is tried again and again", SLOW_S)
    assert sum("does not end" in one.getMessage() for one in caplog.records) == 1
    child.ended = True
    wait_until(lambda: broker.running and broker.pid != child.pid, "another one", SLOW_S)
    heard.set()
    wait_until(lambda: "started again" in keeper.notes()[-1], "it is well again", SLOW_S)
    keeper.stop()


def test_a_caretaker_goes_on_after_any_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is noted while it lasts, and the next look is taken."""
    monkeypatch.setattr(caretaker, "LOOK_S", 0.02)
    broker = DeskBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.start()
    faulty = threading.Event()
    faulty.set()

    def heard_at() -> float:
        if faulty.is_set():
            raise ValueError("unforeseen")
        return time.monotonic()

    keeper = Caretaker(broker, heard_at)
    keeper.start()
    wait_until(lambda: any("unforeseen" in note for note in keeper.notes()), "it is told", SLOW_S)
    faulty.clear()
    wait_until(lambda: keeper.notes() == [], "it is over", SLOW_S)
    broker.kill()
    wait_until(lambda: broker.running, "it is started again", SLOW_S)
    keeper.stop()


def test_a_bridge_that_was_stopped_itself_blames_no_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a pause of our own nothing was heard for long, and the broker is as well as before."""
    monkeypatch.setattr(caretaker, "FROZEN_S", 0.5)
    monkeypatch.setattr(caretaker, "PAUSED_S", 0.0)  # each look comes after a pause
    broker = DeskBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.start()
    looks: list[int] = []
    keeper = Caretaker(broker, lambda: float(looks.append(1) or 0))
    keeper.start()
    wait_until(lambda: len(looks) > 5, "it looked for long enough", SLOW_S)
    assert keeper.notes() == [] and broker.running
    keeper.stop()


def checked(folder: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """What --check-config says of a configuration, and its exit code."""
    (folder / "broker.toml").write_text(f'[area]\nplan = "demo"\n[web]\nenabled = false\n{text}')
    code = main(["--config", str(folder / "broker.toml"), "--check-config"])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_check_starts_and_asks_the_broker_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would work is said to work; no file, password or process stays."""
    need_mosquitto()
    port = free_port()
    code, said = checked(tmp_path, f"[embedded]\nenabled = true\n[mqtt]\nport = {port}\n", capsys)
    assert code == 0 and f"a broker of its own starts on 127.0.0.1:{port}" in said
    assert [path.name for path in tmp_path.iterdir()] == ["broker.toml"]
    socket.create_server(("127.0.0.1", port)).close()


def test_a_check_fails_on_a_broker_that_cannot_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of TLS, no or a wrong password, a port that is another's, nobody there: each is one sentence and code 1."""
    broker = mosquitto(tmp_path / "mosquitto")
    nobody = free_port()
    (tmp_path / "wrong").write_text("nonsense")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "right").write_text("pw-bridge-xh")
    (tmp_path / "lines").write_text("pw-bridge-xh\nand more")
    trusted = certificate(tmp_path, "broker").name
    for name in ("wrong", "empty", "right", "lines"):
        (tmp_path / name).chmod(0o600)
    own = "[embedded]\nenabled = true\n[mqtt]\n"
    asked = f'[mqtt]\nport = {broker.port}\npassword_file = "right"\n'
    deaf = broker.folder / "acl"
    heard = deaf.read_text()
    try:
        for text, part in (
            (f"[mqtt]\nport = {broker.port}\n", "it refuses us"),
            (f'[mqtt]\nport = {broker.port}\npassword_file = "wrong"\n', "check [mqtt] user and password_file"),
            (f"[mqtt]\nport = {nobody}\n", "cannot be reached"),
            ("[mqtt]\nport = 8883\n", "[mqtt] port: 8883 is for TLS"),
            (f'[mqtt]\nport = {broker.port}\ncert_file = "wrong"\n', "[mqtt] cert_file: needs key_file"),
            (f"{own}port = {broker.port}\n", "cannot be used"),
            (f'{own}port = {nobody}\npassword_file = "empty"\n', "[mqtt] password_file: is empty"),
            (f'{own}port = {nobody}\nuser = "somebody"\n', "[mqtt] user: "),
            (f"[mqtt]\nport = {broker.port}\n", "there is no password"),
            (f'[mqtt]\nport = {broker.port}\npassword_file = "empty"\n', "[mqtt] password_file: is empty"),
            (f'[mqtt]\nport = {broker.port}\npassword_file = "lines"\n', "more than one line"),
            (f'{asked}ca_file = "{trusted}"\n', "leave ca_file out if it speaks no TLS"),
            (f'[embedded]\nenabled = true\ncert_file = "{trusted}"\n', "[embedded] cert_file: needs key_file"),
            (f'{asked}[store]\nurl = "right"\n', "[store] url: "),
        ):
            code, said = checked(tmp_path, text, capsys)
            assert code == 1 and part in said and "Traceback" not in said, (text, said)
        code, said = checked(tmp_path, f'[mqtt]\nport = {broker.port}\npassword_file = "right"\n', capsys)
        assert code == 0 and "lets the bridge in" in said
        deaf.write_text(heard.replace("topic readwrite zp/v1/xh/#", "topic write zp/v1/xh/#"))
        broker.signal(signal.SIGHUP)
        wait_until(lambda: "does not come back" in checked(tmp_path, asked, capsys)[1], "a deaf account is found out")
    finally:
        broker.stop()


@pytest.mark.parametrize("own", [False, True])
def test_a_check_fails_on_a_screen_that_has_no_port(
    own: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is another program's, or the embedded broker's."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        more = f"[embedded]\nenabled = true\n[mqtt]\nport = {port}\n" if own else ""
        (tmp_path / "broker.toml").write_text(f'[area]\nplan = "demo"\n[web]\nport = {port}\n{more}')
        assert main(["--config", str(tmp_path / "broker.toml"), "--check-config"]) == 1
        assert "[web] port: " in capsys.readouterr().err


def test_a_check_throws_off_no_bridge_that_runs(bridge: OwnBridge, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside a bridge of this very configuration nothing is asked of its broker."""
    since_at = bridge.get("/api/v1/picture")["link"]["since_at"]
    assert main(["--config", str(bridge.folder / "broker.toml"), "--check-config"]) == 0
    assert "the bridge that runs here has its broker" in capsys.readouterr().out
    assert bridge.get("/api/v1/picture")["link"] == {"up": True, "since_at": since_at}


@pytest.mark.parametrize(("host", "called"), [("::1", "[::1]"), ("::", "[::1]"), ("0.0.0.0", "127.0.0.1")])
def test_a_check_finds_the_bridge_wherever_its_screen_is(
    host: str, called: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An IPv6 address, or all addresses of the machine; a screen answers to no other name."""
    picture = json.dumps({"at": 1, "area": {"id": "xh"}, "link": {"up": True}}).encode()

    class Screen(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers["Host"].rpartition(":")[0] == called else 400)
            self.end_headers()
            self.wfile.write(picture)

    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in called else socket.AF_INET

    with Server((called.strip("[]"), 0), Screen) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        web = f'[web]\nhost = "{host}"\nport = {port}\nopen_without_tls = true\n'
        (tmp_path / "broker.toml").write_text(f'[area]\nplan = "demo"\n{web}')
        code = main(["--config", str(tmp_path / "broker.toml"), "--check-config"])
        server.shutdown()
    said = capsys.readouterr()
    assert code == 0 and "the bridge that runs here has its broker" in said.out, said


@pytest.mark.parametrize("text", [b"", b"t01\n", bytes(40), b"t01:\xff\xfe\n"])
def test_a_damaged_file_of_passwords_is_named_and_left_as_it_is(
    text: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The devices have these passwords: nobody makes new ones over them."""
    need_mosquitto()
    path = tmp_path / "data" / "mosquitto" / "passwords"
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    code, said = checked(tmp_path, f"[embedded]\nenabled = true\n[mqtt]\nport = {free_port()}\n", capsys)
    assert code == 1 and str(path) in said and "put it back from a copy" in said
    assert path.read_bytes() == text


def test_devices_meet_it_under_tls_and_the_bridge_on_this_machine(tmp_path: Path) -> None:
    """A certificate and its key are enough; a truck that trusts it is let in, one that speaks in clear is not."""
    need_mosquitto()
    trusted = certificate(tmp_path, "broker")
    bridge = OwnBridge(tmp_path)
    config = tmp_path / "broker.toml"
    files = 'enabled = true\ncert_file = "broker.pem"\nkey_file = "broker.key"'
    config.write_text(config.read_text().replace("enabled = true", files))
    bridge.start()
    try:
        wait_until(lambda: bridge.get("/api/v1/picture")["link"]["up"], "the bridge is in", SLOW_S)
        lines = dict(line.split(":", 1) for line in bridge.passwords.read_text().splitlines())
        truck = MqttConfig(host="localhost", port=bridge.mqtt_port, user="t01", ca_file=trusted)
        ask(truck, "xh", lines["t01"])
        with pytest.raises(ConfigError):
            ask(truck.model_copy(update={"ca_file": None}), "xh", lines["t01"])
    finally:
        bridge.stop()


def test_an_address_of_the_new_kind_is_listened_on(tmp_path: Path) -> None:
    """`::1` as every other."""
    need_mosquitto()
    broker = EmbeddedBroker(tmp_path, "xh", {"bridge-xh": "pw"}, host="::1")
    broker.start()
    try:
        ask(MqttConfig(host="::1", port=broker.port), "xh", "pw")
    finally:
        broker.stop()


@pytest.mark.parametrize(("host", "said"), [("127.0.0.1", False), ("::1", False), ("localhost", False),
                                            ("0.0.0.0", True), ("::", True), ("192.0.2.7", True)])  # fmt: skip
def test_an_open_address_without_tls_is_refused_and_said_where_it_is_wanted(
    host: str, said: bool, tmp_path: Path
) -> None:
    """Passwords would go over the street in clear: only who says so in the configuration has it so."""
    need_mosquitto()
    text = f'[area]\nplan = "demo"\n[mqtt]\nhost = "{host}"\n[embedded]\nenabled = true\n'
    (tmp_path / "broker.toml").write_text(text)
    config = read_config(tmp_path / "broker.toml")
    if said:
        with pytest.raises(ConfigError, match=r"\[mqtt\] host: .* without TLS: .*open_without_tls = true"):
            embedded_broker(config, configured_plan(config), tmp_path)
    (tmp_path / "broker.toml").write_text(text + "open_without_tls = true\n")
    config = read_config(tmp_path / "broker.toml")
    broker, _ = embedded_broker(config, configured_plan(config), tmp_path)
    assert any("without TLS" in note for note in broker.notes) is said


def test_what_happened_to_its_file_is_not_told_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged file is a note of an hour, a missing folder one until it is there."""
    broker = EmbeddedBroker(tmp_path, "xh", {"bridge-xh": "pw"})
    (tmp_path / "mosquitto.db").write_bytes(b"spoiled")
    broker.set_aside(tmp_path / "mosquitto.db")
    broker.tell("until it is mended")
    assert len(broker.notes) == 2
    later = time.monotonic() + NOTED_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert broker.notes == ["until it is mended"]


@pytest.mark.parametrize("damage", ["flipped", "emptied", "gone", "a folder"])
@pytest.mark.parametrize("name", ["accounts", "acl", "mosquitto.conf", "passwords"])
def test_a_generated_file_that_is_damaged_while_the_broker_runs_is_written_anew(
    tmp_path: Path, name: str, damage: str
) -> None:
    """It says which one. A SIGHUP would read it, and after the next start nobody could sign in."""
    folder = tmp_path / "broker"
    accounts, _ = all_accounts({}, ["bridge-xh", "t01"], folder)
    broker = DeskBroker(folder, "xh", accounts)
    broker.write_files()
    path = folder / name
    was = path.read_bytes()
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "gone":
        path.write_bytes(was[:20] + b"#" + was[21:] if damage == "flipped" else b"")
    broker.keep_files()
    if (name, damage) == ("passwords", "flipped"):  # whoever writes other passwords there means it
        assert broker.notes == []
        return
    assert path.read_bytes() == was
    assert path.stat().st_mode & 0o077 == (0o044 if name == "mosquitto.conf" else 0)
    assert broker.notes == [f"{path} was missing or not as it was written: written anew"]
    broker.keep_files()
    assert len(broker.notes) == 1


@pytest.mark.real
def test_its_files_are_looked_at_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks after it sees that one is gone."""
    monkeypatch.setattr(caretaker, "FILES_S", 0.1)
    broker = DeskBroker(tmp_path / "broker", "xh", {"bridge-xh": "pw-bridge-xh"})
    broker.start()
    keeper = Caretaker(broker, time.monotonic)
    keeper.start()
    (broker.folder / "acl").unlink()
    wait_until(lambda: (broker.folder / "acl").exists(), "the access list is there again", SLOW_S)
    assert "acl was missing" in keeper.notes()[-1]
    keeper.stop()


def test_passwords_that_are_gone_are_said_where_devices_have_them_already(tmp_path: Path) -> None:
    """A first start makes them without a word; later every device would stand before a closed door."""
    assert all_accounts({}, ["t01"], tmp_path)[1] is None
    (tmp_path / "accounts").write_text("t01:$7$", encoding="utf-8")
    assert all_accounts({}, ["t01", "t02"], tmp_path)[1] is None
    (tmp_path / "passwords").unlink()
    note = all_accounts({}, ["t01"], tmp_path)[1]
    assert note is not None
    assert "passwords is gone, so the passwords were made anew: every device needs its own again" in note


@pytest.mark.parametrize("name", ["bridge-xh", "technician-xh", "watch-xh"])
def test_a_truck_or_room_of_the_plan_has_no_account_of_the_brokers_own(tmp_path: Path, name: str) -> None:
    """Whoever were flashed as such a one could say everything of the area, or be kept from its own topics."""
    plan = demo_plan()
    config = BrokerConfig(area=AreaConfig(plan="demo"))
    for changed in (replace(plan, vehicles={name: Vehicle(name, ("renovation",))}),
                    replace(plan, rooms={**plan.rooms, name: replace(plan.rooms["r01"], room_id=name)})):  # fmt: skip
        with pytest.raises(ConfigError, match=f"plan: {name} is an account of the broker's own"):
            embedded_broker(config, changed, tmp_path)
