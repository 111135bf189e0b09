"""A Mosquitto of one's own runs with the configuration that the command writes, and shuts out whom the lists name."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.mqtt.own_broker.child import die_with_parent, free_port
from broker.mqtt.own_broker.mosquitto import find_mosquitto
from tests.support.identity.street import Street
from tests.support.processes import REPO, Client, wait_until


@pytest.mark.real
def test_the_printed_configuration_lets_in_devices_and_the_reload_shuts_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Written, run as it is; after `revoke`, whose door is this command and a SIGHUP, the device is out."""
    here, port = Street(tmp_path), free_port()
    (tmp_path / "broker.toml").write_text(f'[area]\nplan = "demo"\n[mqtt]\nport = {port}\n')
    written = [
        "mosquitto", "--config", str(tmp_path / "broker.toml"), "--folder", str(tmp_path / "own"), "--devices",
        f"127.0.0.1:{here.port}", "--cert", str(here.keys / "broker.pem"), "--key", str(here.keys / "broker.key"),
        "--ca", str(here.keys / "ca.pem"),
    ]  # fmt: skip
    assert main(written) == 0
    said = capsys.readouterr()
    assert "require_certificate true\nuse_identity_as_username true" in said.out and "passwords" in said.err
    program = find_mosquitto()
    assert program is not None
    lines = dict(line.split(":", 1) for line in (tmp_path / "own" / "passwords").read_text().splitlines())
    command = [str(program), "-c", str(tmp_path / "own" / "mosquitto.conf")]
    with (tmp_path / "said").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_parent)
    try:
        proof = here.certified("t01")
        wait_until(lambda: here.lets_in("t01", proof), "it runs and lets a truck in")
        bridge = Client(port, "bridge-xh", "zp/v1/xh/#", password=lines["bridge-xh"])
        truck = here.come("t01", proof)
        truck.say("fix", b"mine")
        wait_until(lambda: bridge.heard.get("zp/v1/xh/truck/t01/fix"), "the bridge hears it")
        reload = tmp_path / "reload"
        again = f'{sys.executable} -m broker {" ".join(written)}'
        reload.write_text(f"#!/bin/sh\ncd {REPO} && {again} && kill -HUP {child.pid}\n")
        reload.chmod(0o755)
        settings = here.settings_file.read_text()
        here.settings_file.write_text(f'{settings}[door]\nreload = "{reload}"\n')
        code, _, told = here.flash("revoke", "--id", "t01")
        assert code == 0, told
        assert not here.lets_in("t01", proof) and not truck.is_answered()
        bridge.close()
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(10)


@pytest.mark.parametrize(
    ("mqtt", "devices", "said"),
    [
        ('host = "192.0.2.7"', "0.0.0.0:8883", "[mqtt] host: 192.0.2.7 is another machine"),
        ('host = "127.0.0.1"', "8883", "is no HOST:PORT"),
    ],
)
def test_what_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mqtt: str, devices: str, said: str
) -> None:
    """In one sentence."""
    (tmp_path / "broker.toml").write_text(f'[area]\nplan = "demo"\n[mqtt]\n{mqtt}\n')
    folder, cert = str(tmp_path / "own"), str(tmp_path / "none")
    arguments = ["mosquitto", "--config", str(tmp_path / "broker.toml"), "--folder", folder, "--devices", devices]
    assert main([*arguments, "--cert", cert, "--key", cert]) == 2
    assert said in capsys.readouterr().err
