"""A Mosquitto apart from the bridge, as `broker-files` writes it: certificates for all, and who is out is out."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.commands.upkeep import broker_files
from broker.mqtt.own_broker.child import die_with_parent, free_port
from broker.mqtt.own_broker.mosquitto import find_mosquitto
from tests.support.identity.street import Street
from tests.support.processes import REPO, wait_until


@pytest.mark.real
def test_a_mosquitto_apart_lets_in_bridge_and_devices_and_shuts_out_who_is_stolen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written, run as it is, tried by `--check-config`; after `revoke`, by this command and SIGHUP, it is out."""
    here = Street(tmp_path)
    assert here.flash("ca", "--host", "127.0.0.1", "--host", "localhost")[1]["made"] == ["bridge.key", "bridge.pem"]
    monkeypatch.setattr(broker_files, "PORT", free_port())
    pair = f'cert_file = "{here.keys}/NAME.pem"\nkey_file = "{here.keys}/NAME.key"\nca_file = "{here.keys}/ca.pem"\n'
    config = tmp_path / "broker.toml"
    config.write_text(
        f'[area]\nplan = "demo"\n[mqtt]\nport = {here.port}\n{pair.replace("NAME", "bridge")}'
        f'[embedded]\nfolder = "own"\n{pair.replace("NAME", "broker")}[web]\nenabled = false\n'
    )
    assert main(["broker-files", "--config", str(config)]) == 0
    program = find_mosquitto()
    with (tmp_path / "said").open("wb") as log:
        command = [str(program), "-c", str(tmp_path / "own" / "mosquitto.conf")]
        child = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_parent)
    try:
        proof = here.certified("t01")
        wait_until(lambda: here.lets_in("t01", proof), "it runs and lets a truck in")
        assert main(["--check-config", "--config", str(config)]) == 0
        assert "lets the bridge in" in capsys.readouterr().out
        truck, reload = here.come("t01", proof), tmp_path / "reload"
        again = f"{sys.executable} -m broker broker-files --config {config}"
        reload.write_text(f"#!/bin/sh\ncd {REPO} && {again} && kill -HUP {child.pid}\n")
        reload.chmod(0o755)
        here.settings_file.write_text(f'{here.settings_file.read_text()}[door]\nreload = "{reload}"\n')
        code, _, told = here.flash("revoke", "--id", "t01")
        assert code == 0, told
        assert not here.lets_in("t01", proof) and not truck.is_answered()
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(10)
