"""The bridge under systemd: it says when it is ready and that it lives; and beside a broker of its own unit."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.mqtt.own_broker.child import die_with_parent, free_port
from broker.mqtt.own_broker.mosquitto import find_mosquitto
from tests.support.processes import BridgeProcess, mosquitto, need_mosquitto, wait_until

APART = '[embedded]\nfolder = "mosquitto"\n'


@pytest.mark.real
def test_the_bridge_tells_systemd_that_it_is_ready_and_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """READY=1 once its loop turns, then WATCHDOG=1 again and again, within the limit that the unit sets."""
    broker = mosquitto(tmp_path / "broker")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1500000")
        bridge = BridgeProcess(tmp_path / "office", broker.port)
        try:
            bridge.start()
            assert [systemd.recv(99) for _ in range(4)] == [b"READY=1"] + [b"WATCHDOG=1"] * 3
        finally:
            bridge.stop()
            broker.stop()


@contextmanager
def running_mosquitto(folder: Path, port: int) -> Iterator[None]:
    """Mosquitto with the files in a folder, as the broker's unit starts it."""
    program = find_mosquitto()
    assert program is not None
    child = subprocess.Popen([str(program), "-c", str(folder / "mosquitto.conf")], preexec_fn=die_with_parent,
                             stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        wait_until(lambda: _listens(port), "Mosquitto listens")
        yield
    finally:
        child.terminate()
        child.wait(15)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.real
def test_a_broker_apart_has_the_areas_accounts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`broker-files` writes all that Mosquitto and the bridge need, and passwords that are there stay."""
    need_mosquitto()
    port = free_port()
    config = tmp_path / "broker.toml"
    config.write_text(
        f'[area]\nplan = "demo"\n[mqtt]\nport = {port}\npassword_file = "mosquitto/bridge.password"\n{APART}'
        "[web]\nenabled = false\n"
    )
    assert main(["broker-files", "--config", str(config)]) == 0
    before = (tmp_path / "mosquitto" / "passwords").read_text()
    assert main(["broker-files", "--config", str(config)]) == 0
    assert (tmp_path / "mosquitto" / "passwords").read_text() == before and "t01:" in before
    assert (tmp_path / "mosquitto" / "bridge.password").stat().st_mode & 0o777 == 0o600
    with running_mosquitto(tmp_path / "mosquitto", port):
        assert main(["--check-config", "--config", str(config)]) == 0
    assert "lets the bridge in" in capsys.readouterr().out


def test_a_bridge_with_its_own_broker_needs_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two that write the same files would damage each other's work."""
    config = tmp_path / "broker.toml"
    config.write_text('[area]\nplan = "demo"\n[embedded]\nenabled = true\n')
    assert main(["broker-files", "--config", str(config)]) == 2
    assert "[embedded] enabled" in capsys.readouterr().err
