"""The bridge under systemd: it says when it is ready and that it lives."""

import socket
from pathlib import Path

import pytest

from tests.support.processes import BridgeProcess, mosquitto


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
