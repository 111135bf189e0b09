"""The broker's lists are brought through a real SSH server to the computer of the broker."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.mqtt.own_broker.child import die_with_parent, free_port
from tests.support.identity.street import Street, street
from tests.support.processes import wait_until

pytestmark = [pytest.mark.real, pytest.mark.long]  # OpenSSH's server is a listener: `make test` installs none


def key(path: Path) -> Path:
    """A new key pair of OpenSSH."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def ssh_server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """OpenSSH's on this machine with a key of its own; `ssh broker` then comes in by one, `ssh stranger` does not."""
    program = shutil.which("sshd", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        pytest.skip("NOT RUN: no sshd: apt-get install openssh-server")
    port, host, office, stranger = free_port(), key(folder / "host"), key(folder / "office"), key(folder / "stranger")
    shutil.copy(office.with_suffix(".pub"), folder / "allowed")
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {folder / 'allowed'}\n"
        "PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host.with_suffix('.pub').read_text()}")
    (folder / "config").write_text("".join(
        f"Host {name}\n HostName 127.0.0.1\n Port {port}\n User {getpass.getuser()}\n IdentityFile {identity}\n"
        f" IdentitiesOnly yes\n UserKnownHostsFile {folder / 'known'}\n"
        for name, identity in (("broker", office), ("stranger", stranger))
    ))  # fmt: skip
    (folder / "bin").mkdir()
    wrapper = folder / "bin" / "ssh"  # the technician's own settings of ssh, in place of those in the home
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder / "config"} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # of a server that systemd starts it is made by that
    with (folder / "said").open("wb") as said:
        command = [program, "-D", "-e", "-f", folder / "sshd_config"]
        child = subprocess.Popen(command, stderr=said, preexec_fn=die_with_parent)
    try:
        wait_until(lambda: listens(port), "the SSH server listens")
        yield port
    finally:
        child.terminate()
        child.wait(10)


def technician(here: Street, folder: Path, ssh: str, reload: str) -> None:
    """A computer with the authority of its own folder, whose broker reads elsewhere."""
    shutil.copytree(here.keys, folder / "office" / "keys")
    door = f'[door]\nssh = "{ssh}"\nfolder = "{here.keys}"\nreload = "{reload}"\n'
    text = here.settings_file.read_text()
    here.settings_file = folder / "office" / "flash.toml"
    here.settings_file.write_text(text + door)


def test_a_device_is_out_at_a_broker_of_another_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `[door] ssh`: the lists are there, may be read, the command was run there, and the device is out."""
    (tmp_path / "ssh").mkdir()
    with ssh_server(tmp_path / "ssh", monkeypatch), street(tmp_path / "there", "t01") as here:
        proof = here.certified("t01")
        technician(here, tmp_path, "broker", f"touch {tmp_path}/reloaded")
        truck = here.come("t01", proof)
        code, told, said = here.flash("revoke", "--id", "t01")
        assert code == 0 and told["seconds"] <= 10, said
        assert not here.lets_in("t01", proof) and not truck.is_answered()
        assert (tmp_path / "reloaded").exists() and (here.keys / "out.txt").read_text() == "t01\n"
        assert (here.keys / "crl.pem").stat().st_mode & 0o777 == 0o644
        assert here.flash("readmit", "--id", "t01")[0] == 0
        assert (here.keys / "out.txt").read_text() == "t01 password\n"


def test_a_server_that_lets_nobody_in_is_said_and_nobody_is_said_to_be_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the wrong key, or a folder that is not there: the sentence of the server, and exit code of its own."""
    (tmp_path / "ssh").mkdir()
    with ssh_server(tmp_path / "ssh", monkeypatch), street(tmp_path / "there", "t01") as here:
        proof, text = here.certified("t01"), here.settings_file.read_text()
        technician(here, tmp_path, "stranger", "true")
        code, _, said = here.flash("revoke", "--id", "t01")
        assert code != 0 and "Permission denied" in said and "OUT" not in said and here.lets_in("t01", proof)
        here.settings_file.write_text(f'{text}[door]\nssh = "broker"\nfolder = "{tmp_path}/nowhere"\n')
        code, _, said = here.flash("revoke", "--id", "t01")
        assert code != 0 and "nowhere" in said and here.lets_in("t01", proof)
