"""A truck's computer: the card's files, the wheels, the install script run for real in a folder, the systemd units."""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path

import pytest

from firmware.truck.config import load as load_truck
from tests.support.checkout import a_checkout, make_wheel
from tests.support.flashing import AREA, PASSWORDS, REPO, Workshop, write_secret
from tools.flashing.errors import FlashError
from tools.flashing.settings import load_settings
from tools.flashing.truck.boot_settings import apply, edited_cmdline, edited_config
from tools.flashing.truck.files import as_tar, make_payload
from tools.flashing.truck.wheels import choose_wheels, locked

CONFIG_TXT = "# For more options see the documentation\ndtparam=audio=on\n[pi4]\narm_boost=1\n"
CMDLINE_TXT = "console=serial0,115200 console=tty1 root=PARTUUID=1234-02 rootfstype=ext4 fsck.repair=yes rootwait\n"
def pip_wheel() -> Path | None:
    """The wheel of pip that Python or Debian brings along."""
    import ensurepip

    places = [str(Path(ensurepip.__file__).parent / "_bundled"), "/usr/share/python-wheels"]
    found = [path for place in places for path in glob.glob(f"{place}/pip-*.whl")]
    return Path(found[0]) if found else None


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop with wheels and a card."""
    workshop = Workshop(tmp_path, truck={"wheels": "wheels", "ssh_keys": "technician.pub"})
    (tmp_path / "technician.pub").write_text("ssh-ed25519 AAAA technician\n")
    bundled = pip_wheel()
    (tmp_path / "wheels").mkdir()
    if bundled is None:
        make_wheel(tmp_path / "wheels", "pip", "1.0")
    else:
        shutil.copy(bundled, tmp_path / "wheels")
    card = tmp_path / "card"
    card.mkdir()
    (card / "config.txt").write_text(CONFIG_TXT)
    (card / "cmdline.txt").write_text(CMDLINE_TXT)
    yield workshop
    workshop.close()


@pytest.fixture
def checkout(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkout that the tool packs."""
    repo = a_checkout(workshop.folder, workshop.folder / "wheels")
    monkeypatch.setattr("tools.flashing.commands.main.REPO", repo)
    return repo


# --- the card ---------------------------------------------------------------------------------------------


def test_a_card_gets_everything_for_its_first_start(workshop: Workshop, checkout: Path) -> None:
    """Host name, agent, wheels, settings the truck's own reader takes, secrets in files of their own."""
    card = workshop.folder / "card"
    code, told, text = workshop.flash("truck", "--id", "t01", "--card", str(card))
    assert code == 0, text
    user_data = (card / "user-data").read_text()
    assert user_data.startswith("#cloud-config")
    assert f"hostname: zp-{AREA}-t01" in user_data
    assert "ssh-ed25519 AAAA technician" in user_data
    config = load_truck(card / "zhanpai/truck.toml")
    assert (config.truck_id, config.area, config.mqtt.host) == ("t01", AREA, "127.0.0.1")
    assert str(config.mqtt.password_file) == "/etc/zhanpai/keys/mqtt-password"
    secret = card / "zhanpai/secret/mqtt-password"
    assert secret.read_text() == PASSWORDS["t01"]
    assert secret.stat().st_mode & 0o077 == 0
    assert {path.name for path in (card / "zhanpai/wheels").iterdir()} >= {"pyserial-3.5-py3-none-any.whl"}
    with tarfile.open(card / "zhanpai/agent.tar") as tar:
        names = tar.getnames()
    assert "firmware/wire.py" in names
    assert "firmware/truck/__main__.py" in names
    assert not [name for name in names if "binroom" in name or "broker" in name]
    assert PASSWORDS["t01"] not in text + (workshop.folder / "ledger.jsonl").read_text()
    assert told["units"][0]["release"] == (card / "zhanpai/RELEASE").read_text().strip()


def test_a_card_written_twice_is_the_same(workshop: Workshop, checkout: Path) -> None:
    """A second run changes no byte; a file of another release does not stay."""
    card = workshop.folder / "card"
    assert workshop.flash("truck", "--id", "t01", "--card", str(card))[0] == 0
    first = {path: path.read_bytes() for path in card.rglob("*") if path.is_file()}
    (card / "zhanpai/wheels/old-1.0-py3-none-any.whl").write_bytes(b"old")
    assert workshop.flash("truck", "--id", "t01", "--card", str(card))[0] == 0
    assert {path: path.read_bytes() for path in card.rglob("*") if path.is_file()} == first


@pytest.mark.real
def test_an_image_without_cloud_init_gets_a_first_run_script(workshop: Workshop, checkout: Path) -> None:
    """The script is named on the kernel's command line and is good sh."""
    card = workshop.folder / "card"
    assert workshop.flash("truck", "--id", "t01", "--card", str(card), "--first-boot", "firstrun")[0] == 0
    assert "systemd.run=/boot/firmware/firstrun.sh" in (card / "cmdline.txt").read_text()
    assert not (card / "user-data").exists()
    assert subprocess.run(["sh", "-n", str(card / "firstrun.sh")], timeout=10).returncode == 0
    assert subprocess.run(["sh", "-n", str(card / "zhanpai/install.sh")], timeout=10).returncode == 0


def test_a_folder_that_is_no_card_is_refused(workshop: Workshop, checkout: Path) -> None:
    """Nothing is written to a folder that is not a boot partition."""
    (workshop.folder / "card/cmdline.txt").unlink()
    code, told, _ = workshop.flash("truck", "--id", "t01", "--card", str(workshop.folder / "card"))
    assert (code, told["units"][0]["error"]["problem"]) == (60, "not_a_card")
    assert not (workshop.folder / "card/zhanpai").exists()


def test_a_dry_run_lists_the_files(workshop: Workshop, checkout: Path) -> None:
    """--dry-run names every file and writes none."""
    card = workshop.folder / "card"
    code, told, _ = workshop.flash("truck", "--id", "t01", "--card", str(card), "--dry-run")
    assert code == 0
    assert "zhanpai/install.sh" in told["units"][0]["files"]
    assert sorted(path.name for path in card.iterdir()) == ["cmdline.txt", "config.txt"]


def test_serial_port_and_watchdog_settings_are_edited_once() -> None:
    """The receiver gets the UART; the kernel's console leaves it; a second edit changes nothing."""
    config = edited_config(CONFIG_TXT)
    assert config.startswith(CONFIG_TXT.rstrip())
    assert "enable_uart=1" in config
    assert edited_config(config) == config
    line = edited_cmdline(CMDLINE_TXT)
    assert "serial0" not in line
    assert "root=PARTUUID=1234-02" in line
    assert line.count("\n") == 1
    assert edited_cmdline(line) == line
    assert edited_cmdline(edited_cmdline(CMDLINE_TXT, firstrun=True)) == line


@pytest.mark.real
def test_the_same_edits_on_the_pi_itself(tmp_path: Path) -> None:
    """boot_settings.py runs alone with the system's Python."""
    (tmp_path / "config.txt").write_text(CONFIG_TXT)
    (tmp_path / "cmdline.txt").write_text(CMDLINE_TXT)
    script = REPO / "tools/flashing/truck/boot_settings.py"
    subprocess.run([sys.executable, "-I", str(script), str(tmp_path)], check=True, timeout=20)
    assert (tmp_path / "config.txt").read_text() == edited_config(CONFIG_TXT)
    apply(str(tmp_path))
    assert (tmp_path / "cmdline.txt").read_text() == edited_cmdline(CMDLINE_TXT)


# --- wheels -----------------------------------------------------------------------------------------------


def test_the_real_lock_file_is_understood() -> None:
    """requirements/truck.txt names the truck's packages, each with hashes, no server library, none that is compiled."""
    pins = locked((REPO / "requirements/truck.txt").read_text())
    assert {"paho-mqtt", "pyserial", "pynmea2", "gpiozero"} <= set(pins)
    assert all(hashes for _, hashes in pins.values())
    assert not {"fastapi", "tinydb", "pydantic"} & set(pins)
    tags = {name: distribution(name).read_text("WHEEL") or "" for name in pins}
    assert [name for name, text in tags.items() if not re.search(r"^Tag: py3-none-any$", text, re.MULTILINE)] == []


def test_missing_and_changed_wheels_are_named(tmp_path: Path) -> None:
    """A wheel that is not there and one with another content than the lock file's stop the command."""
    wheels = tmp_path / "wheels"
    repo = a_checkout(tmp_path, wheels)
    make_wheel(wheels, "pip", "1.0")
    lock = repo / "requirements/truck.txt"
    assert {wheel.name for wheel in choose_wheels(lock, wheels)} == {"paho-mqtt", "pyserial", "pip"}
    (wheels / "pyserial-3.5-py3-none-any.whl").write_bytes(b"another")
    (wheels / "paho_mqtt-2.2.0-py3-none-any.whl").unlink()
    with pytest.raises(FlashError) as caught:
        choose_wheels(lock, wheels)
    assert caught.value.problem == "wheels"
    assert "paho-mqtt 2.2.0" in caught.value.sentence
    assert "pyserial 3.5 has another content" in caught.value.sentence
    assert "pip download" in caught.value.action
    (wheels / "pyserial-3.5-py3-none-any.whl").unlink()
    make_wheel(wheels, "pyserial", "3.5", "cp311-cp311-manylinux_2_34_aarch64")
    with pytest.raises(FlashError, match=r"pyserial 3\.5\. With"):
        choose_wheels(lock, wheels)


def test_the_payload_is_the_same_for_the_same_content(workshop: Workshop, checkout: Path) -> None:
    """Two makes give the same release name and the same tar; another truck shares the release."""
    from tools.flashing.settings import load_settings

    settings = load_settings(workshop.settings)
    write_secret(workshop.folder / "keys/t02.password", "truck two secret")
    first, again, other = (make_payload(settings, device, checkout, None) for device in ("t01", "t01", "t02"))
    assert (first.release, as_tar(first)) == (again.release, as_tar(again))
    assert other.release == first.release
    assert as_tar(other) != as_tar(first)
    with tarfile.open(fileobj=BytesIO(as_tar(first))) as tar:
        assert tar.getmember("zhanpai/secret/mqtt-password").mode == 0o600


# --- over ssh, with a stand-in that runs here -------------------------------------------------------------

FAKE_SSH = """#!/bin/sh
# Stands in for ssh: runs the command here, below a folder, without sudo.
host=$1
shift
[ "$host" = unreachable ] && {{ echo "ssh: connect to host unreachable port 22: No route to host" >&2; exit 255; }}
printf '%s\\n' "$*" >>'{root}/commands'
export ZP_ROOT='{root}/target' ZP_PYTHON='{root}/python' PYTHONPATH='{root}/dist-packages'
exec sh -c "$(printf '%s' "$*" | sed 's/sudo -n //g')"
"""


@pytest.fixture
def fake_ssh(workshop: Workshop) -> str:
    """A program that behaves as ssh, with the target's root in workshop/target."""
    if pip_wheel() is None:
        pytest.skip("NO PIP WHEEL on this machine (ensurepip or /usr/share/python-wheels): install.sh cannot be run")
    # -S: nothing that is installed here; the system's lgpio is in a folder of its own.
    base = getattr(sys, "_base_executable", sys.executable)
    programs = {"fake-ssh": FAKE_SSH.format(root=workshop.folder), "python": f'#!/bin/sh\nexec {base} -S "$@"\n'}
    for name, text in programs.items():
        (workshop.folder / name).write_text(text)
        (workshop.folder / name).chmod(0o755)
    (workshop.folder / "dist-packages").mkdir()
    for module in ("lgpio", "_lgpio", "stranger"):
        (workshop.folder / f"dist-packages/{module}.py").write_text("")
    return str(workshop.folder / "fake-ssh")


@pytest.mark.real
def test_the_install_script_does_its_work_and_does_it_again(workshop: Workshop, checkout: Path, fake_ssh: str) -> None:
    """Over ssh: environment from locked wheels, settings, units, switch; a broken release is left aside."""
    arguments = ("truck", "--id", "t01", "--ssh", "pi@truck", "--ssh-command", fake_ssh, "--no-hello")
    code, told, text = workshop.flash(*arguments)
    assert code == 0, text
    base = workshop.folder / "target/opt/zhanpai"
    release = told["units"][0]["release"]
    assert os.readlink(base / "current") == f"releases/{release}"
    python = base / "current/venv/bin/python"
    shown = subprocess.run(
        [str(python), "-c", "import paho_mqtt, firmware.wire; print('here')"],
        cwd=base / "current",
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert shown.stdout.strip() == "here", shown.stderr
    script = "import lgpio, _lgpio, importlib.util; print(importlib.util.find_spec('stranger'))"
    shown = subprocess.run([str(python), "-c", script], capture_output=True, text=True, timeout=30)
    assert shown.stdout.strip() == "None", "the system's lgpio, and nothing else of the system's" + shown.stderr
    secret = workshop.folder / "target/etc/zhanpai/keys/mqtt-password"
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (PASSWORDS["t01"], 0o600)
    assert (workshop.folder / "target/etc/systemd/system/zhanpai-truck.service").is_file()
    assert not (base / "former").exists()
    assert PASSWORDS["t01"] not in (workshop.folder / "commands").read_text() + text

    wire = checkout / "firmware/wire.py"
    wire.write_text(wire.read_text() + "\n# a newer one\n")
    code, told, text = workshop.flash(*arguments)
    assert code == 0, text
    newer = told["units"][0]["release"]
    assert (os.readlink(base / "current"), os.readlink(base / "former")) == (f"releases/{newer}", f"releases/{release}")

    (checkout / "firmware/truck/__main__.py").write_text("raise SystemExit('this release is broken')\n")
    code, told, _ = workshop.flash(*arguments)
    assert (code, told["units"][0]["error"]["problem"]) == (62, "ssh")
    assert "this release is broken" in told["units"][0]["error"]["sentence"]
    assert os.readlink(base / "current") == f"releases/{newer}"


@pytest.mark.real
def test_a_system_without_lgpio_is_told_what_to_install(workshop: Workshop, checkout: Path, fake_ssh: str) -> None:
    """Without what drives the button's pins nothing is switched."""
    shutil.rmtree(workshop.folder / "dist-packages")
    arguments = ("truck", "--id", "t01", "--ssh", "pi@truck", "--ssh-command", fake_ssh, "--no-hello")
    code, told, _ = workshop.flash(*arguments)
    assert (code, told["units"][0]["error"]["problem"]) == (62, "ssh")
    assert "apt-get install python3-lgpio" in told["units"][0]["error"]["sentence"]
    assert not (workshop.folder / "target/opt/zhanpai/current").exists()


@pytest.mark.real
def test_a_truck_that_cannot_be_reached_is_named(workshop: Workshop, checkout: Path, fake_ssh: str) -> None:
    """ssh's own last line is in the sentence."""
    arguments = ("truck", "--id", "t01", "--ssh", "unreachable", "--ssh-command", fake_ssh, "--no-hello")
    code, told, _ = workshop.flash(*arguments)
    assert (code, told["units"][0]["error"]["problem"]) == (62, "ssh")
    assert "No route to host" in told["units"][0]["error"]["sentence"]


# --- systemd ----------------------------------------------------------------------------------------------


@pytest.mark.real
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing to say about the service and the mount."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("NO systemd-analyze on this machine: the units were not verified")
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    python = tmp_path / "opt/zhanpai/current/venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    for source in sorted((REPO / "packaging/truck/units").iterdir()):
        text = (
            source.read_text()
            .replace("@LABEL@", "zpstate")
            .replace("/opt/zhanpai/current/venv", f"{python.parents[1]}")
        )
        (units / source.name).write_text(text)
    names = [str(units / path.name) for path in sorted(units.iterdir())]
    shown = subprocess.run([program, "verify", "--man=no", *names], capture_output=True, text=True, timeout=60)
    said = [line for line in (shown.stdout + shown.stderr).splitlines() if "zhanpai" in line]
    assert said == []


def test_the_service_is_watched_restarted_and_shut_in() -> None:
    """Watchdog, endless restarts, and a system the agent cannot write to outside its state."""
    text = (REPO / "packaging/truck/units/zhanpai-truck.service").read_text()
    for line in (
        "Type=notify",
        "WatchdogSec=30",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "StateDirectory=zhanpai",
        "RequiresMountsFor=/var/lib/zhanpai",
        "CapabilityBoundingSet=",
    ):
        assert line in text.splitlines()


def test_cloud_init_files_are_good_yaml_and_json(workshop: Workshop, checkout: Path) -> None:
    """network-config is JSON (which is YAML) with the truck's Wi-Fi when it has one, quoted."""
    write_secret(workshop.folder / "keys/wifi.key", 'a "quoted": key')
    truck = {"wheels": "wheels", "wifi_ssid": "depot", "wifi_key_file": "keys/wifi.key"}
    workshop.write_settings(truck=truck)
    card = workshop.folder / "card"
    assert workshop.flash("truck", "--id", "t01", "--card", str(card))[0] == 0
    network = json.loads((card / "network-config").read_text())
    assert network["wifis"]["wlan0"]["access-points"]["depot"]["password"] == 'a "quoted": key'
    assert "@" not in (card / "user-data").read_text().replace("@truck", "")


def test_a_truck_with_tls_gets_the_authority_and_is_refused_without_one(tmp_path: Path) -> None:
    """Without it the truck would speak in the clear, to a port that listens for TLS only."""
    authority = Path(__file__).resolve().parents[1] / "fixtures/authorities/one.der"
    broker = {"host": "broker.example", "port": 8883, "tls": True}
    workshop = Workshop(tmp_path, broker={**broker, "ca_file": str(authority)}, truck={"wheels": "wheels"})
    make_wheel(tmp_path / "wheels", "pip", "1.0")
    checkout = a_checkout(tmp_path, tmp_path / "wheels")
    payload = make_payload(load_settings(workshop.settings), "t01", checkout, None)
    pem = payload.files["zhanpai/secret/ca.pem"].data.decode()
    assert ssl.PEM_cert_to_DER_cert(pem) == authority.read_bytes()
    assert 'ca_file = "/etc/zhanpai/keys/ca.pem"' in payload.files["zhanpai/truck.toml"].data.decode()
    workshop.write_settings(broker=broker, truck={"wheels": "wheels"})
    with pytest.raises(FlashError, match="ca_file, the authority that the devices trust"):
        make_payload(load_settings(workshop.settings), "t01", checkout, None)
