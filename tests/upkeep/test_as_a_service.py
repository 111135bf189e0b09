"""The bridge as a service: it says to systemd that it is ready and lives, and to the doctor what is wrong with it."""

import json
import socket
from pathlib import Path

import pytest

from broker.__main__ import main
from tests.support.processes import BridgeProcess, mosquitto, wait_until


@pytest.mark.real
def test_the_bridge_tells_systemd_and_the_doctor_how_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """READY=1 once its loop turns, then WATCHDOG=1 within the unit's limit; its own reasons, in both languages, when
    its broker goes away, and nothing of bridge or broker before."""
    broker = mosquitto(tmp_path / "broker")
    bridge = BridgeProcess(tmp_path / "office", broker.port)

    def found() -> dict[str, dict[str, str]]:
        main(["doctor", "--json", "--config", str(bridge.folder / "broker.toml")])
        return {row["word"]: row["what"] for row in json.loads(capsys.readouterr().out)["findings"]}

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1500000")
        try:
            bridge.start()
            assert [systemd.recv(99) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            wait_until(lambda: not {"bridge_ill", "bridge_away", "broker_wrong"} & set(found()), "all is well with it")
            broker.stop()
            said = wait_until(lambda: found().get("bridge_ill"), "its broker is missed")
            assert "link_lost" in said["zh"] and "（" in said["zh"] and "broker" in said["en"]
        finally:
            bridge.stop()
            broker.stop()


def test_a_bridge_with_its_own_broker_needs_no_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two that write the same files would damage each other's work."""
    config = tmp_path / "broker.toml"
    config.write_text('[area]\nplan = "demo"\n[embedded]\nenabled = true\n')
    assert main(["broker-files", "--config", str(config)]) == 2
    assert "[embedded] enabled" in capsys.readouterr().err
