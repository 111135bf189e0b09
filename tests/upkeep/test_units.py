"""The office's systemd units: systemd itself finds nothing wrong with them, and little that they could do harm with."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from broker.config import read_config
from broker.upkeep.backup.places import places

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "packaging" / "office" / "units"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
EXPOSURE = 1.5  # of 10, as `systemd-analyze security` counts; an ordinary service has 9.6


def need_systemd() -> None:
    """Skip loudly where there is no systemd-analyze; `make test` installs it where it may."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed: run apt-get install systemd (make test does where it may)")


def lines_of(name: str) -> list[str]:
    """A unit's settings."""
    return [line for line in (UNITS / name).read_text().splitlines() if line and not line.startswith("#")]


@pytest.mark.real
def test_systemd_understands_each_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing, once the programs are where they are after an installation."""
    need_systemd()
    for path in UNITS.iterdir():
        text = path.read_text().replace("/usr/lib/zhanpai/venv/bin/python", sys.executable)
        (tmp_path / path.name).write_text(text.replace("/usr/sbin/mosquitto", sys.executable))
    units = sorted(str(path) for path in tmp_path.iterdir())
    argv = ["systemd-analyze", "verify", "--man=no", *units]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "zhanpai" in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.real
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_exposed_to_little(name: str) -> None:
    """By `systemd-analyze security`: no homes, devices, kernel, privileges; what is left is the network it serves."""
    need_systemd()
    argv = ["systemd-analyze", "security", "--offline=true", f"--threshold={int(EXPOSURE * 10)}", str(UNITS / name)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level is not None and float(level[1]) <= EXPOSURE


@pytest.mark.real
def test_a_service_without_hardening_would_be_found(tmp_path: Path) -> None:
    """The figure means something: the same bridge with nothing but its command is far above it."""
    need_systemd()
    (tmp_path / "bare.service").write_text(f"[Service]\nExecStart={sys.executable}\n")
    argv = ["systemd-analyze", "security", "--offline=true", f"--threshold={int(EXPOSURE * 10)}"]
    assert subprocess.run([*argv, str(tmp_path / "bare.service")], capture_output=True, timeout=60).returncode != 0


@pytest.mark.parametrize("name", ["zhanpai-bridge.service", "zhanpai-broker.service"])
def test_what_must_run_is_always_started_again(name: str) -> None:
    """However often it fails; with a bound on its memory, so that it cannot take the machine along."""
    lines = lines_of(name)
    for wanted in ("Restart=always", "StartLimitIntervalSec=0", "ProtectSystem=strict", "User=zhanpai"):
        assert wanted in lines
    assert any(line.startswith("MemoryMax=") for line in lines)


def test_the_bridge_is_watched() -> None:
    """By systemd's watchdog, which its loop tells each turn."""
    assert {"Type=notify", "WatchdogSec=60"} <= set(lines_of("zhanpai-bridge.service"))


def test_units_start_what_every_debian_has() -> None:
    """Our Python, Mosquitto, a shell: a small machine has not even a /bin/kill."""
    lines = [line for name in SERVICES for line in lines_of(name) if line.startswith("Exec")]
    started = {line.split("=", 1)[1].split()[0] for line in lines}
    assert started == {"/usr/lib/zhanpai/venv/bin/python", "/usr/sbin/mosquitto", "/bin/sh"}


def test_the_broker_apart_sees_of_its_users_files_its_own_alone() -> None:
    """What Mosquitto could be made to read is its folder and the certificates it shows: no record, people, backups."""
    settings: dict[str, list[str]] = {}
    for name, _, value in (line.partition("=") for line in lines_of("zhanpai-broker.service") if "=" in line):
        settings.setdefault(name, []).extend(value.split())
    assert settings["TemporaryFileSystem"] == ["/var/lib/zhanpai:ro", "/etc/zhanpai/secrets:ro"]
    assert settings["InaccessiblePaths"] == ["-/var/backups/zhanpai"]
    assert settings["BindPaths"] == ["/var/lib/zhanpai/mosquitto"]
    assert settings["StateDirectory"] == ["zhanpai/mosquitto"]
    shown = {Path(path.removeprefix("-")) for path in settings["BindReadOnlyPaths"]}
    assert {path.parent for path in shown} == {Path("/etc/zhanpai/secrets")}
    assert {path.name for path in shown} == {"broker.pem", "broker.key", "accounts", "ca.pem", "crl.pem", "out.txt"}
    config = read_config(UNITS.parent / "broker.toml")
    hidden = [config.backup.folder, Path(config.store.url), *(place.path for place in places(config))]
    own = [path for path in hidden if path.is_relative_to(config.embedded.folder)]
    covers = ("/var/lib/zhanpai", "/var/backups/zhanpai")
    assert own and all(any(path.is_relative_to(cover) for cover in covers) for path in hidden)
