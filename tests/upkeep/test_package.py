"""The Debian package of the office: what is in it, and its life on a clean machine without a network."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from broker.config import read_config
from broker.upkeep.backup.places import places
from tests.support.upkeep.clean_root import SUITES, CleanRoot, NoCleanRootError

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "tests" / "fixtures" / "export-0.1.0.jsonl"
NAME = "zhanpai-office"


def built(out: Path, *options: str) -> Path:
    """The package as the one command builds it."""
    done = subprocess.run([ROOT / "scripts" / "deb", *options, out], cwd=ROOT, capture_output=True, text=True,
                          timeout=900)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (package,) = out.glob("*.deb")
    return package


def built_with_stubs(out: Path, *options: str) -> Path:
    """The same with an empty wheel: what stands around the wheels."""
    wheels = out / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    (wheels / "pip-0-py3-none-any.whl").write_bytes(b"")
    return built(out, "--wheels", str(wheels), *options)


def field(package: Path, name: str) -> str:
    """A field of its control file."""
    argv = ["dpkg-deb", "--field", package, name]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def unpacked(package: Path, folder: Path) -> Path:
    """All of it, with DEBIAN/, in a folder."""
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder], check=True)
    return folder


def test_the_package_holds_the_office_and_nothing_else(tmp_path: Path) -> None:
    """Program, units, configuration and documents; of the devices what both speak; nothing of tests or secrets."""
    package = built_with_stubs(tmp_path / "out", "--version", "9.8.7", "--architecture", "amd64")
    assert package.name == f"{NAME}_9.8.7_amd64.deb"
    assert (field(package, "Version"), field(package, "Architecture")) == ("9.8.7", "amd64")
    assert "mosquitto" in field(package, "Depends") and "python3 (>= 3.11)" in field(package, "Depends")
    root = unpacked(package, tmp_path / "root")
    assert (root / "DEBIAN/conffiles").read_text() == "/etc/zhanpai/broker.toml\n"
    units = {path.name for path in (ROOT / "packaging/office/units").iterdir()}
    assert {path.name for path in (root / "usr/lib/systemd/system").iterdir()} == units
    assert {path.name for path in (root / "usr/lib/zhanpai").iterdir()} == {"broker", "firmware"}
    assert {path.name for path in (root / "usr/lib/zhanpai/firmware").iterdir()} == {
        "__init__.py", "environment.py", "watchdog.py", "wire.py"
    }  # fmt: skip
    committed = subprocess.run(["git", "ls-files", "broker"], cwd=ROOT, capture_output=True, text=True, check=True)
    packed = {str(path.relative_to(root / "usr/lib/zhanpai")) for path in (root / "usr/lib/zhanpai").rglob("*")}
    assert set(committed.stdout.split()) <= packed
    for line in (root / "DEBIAN/md5sums").read_text().splitlines():
        known, _, name = line.partition("  ")
        assert hashlib.md5((root / name).read_bytes()).hexdigest() == known
    strange = [path for path in root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert strange == []
    again = built_with_stubs(tmp_path / "again", "--version", "9.8.7", "--architecture", "amd64")
    assert again.read_bytes() == package.read_bytes(), "the same commit gives the same package"


def test_its_scripts_are_plain_sh_and_touch_records_on_purge_alone() -> None:
    """Read by the shell that will run them; only one branch of one of them removes what a person would miss."""
    folder = ROOT / "packaging" / "office" / "debian"
    for name in ("postinst", "prerm", "postrm"):
        subprocess.run(["sh", "-n", folder / name], check=True)
        assert (folder / name).read_text().startswith("#!/bin/sh\n") and "set -e" in (folder / name).read_text()
    removing = re.compile(r"rm -rf[^\n]*/var/lib/zhanpai")
    assert not removing.search((folder / "postinst").read_text() + (folder / "prerm").read_text())
    before, _, purging = (folder / "postrm").read_text().partition("purge)")
    assert removing.search(purging) and not removing.search(before)


def test_the_configuration_that_is_installed_is_read() -> None:
    """With every folder where the units let the bridge write."""
    config = read_config(ROOT / "packaging" / "office" / "broker.toml")
    folders = [Path(config.store.url), *(place.path for place in places(config))]
    assert all(str(folder).startswith("/var/lib/zhanpai/") for folder in folders)
    assert str(config.backup.folder) == "/var/backups/zhanpai" and config.embedded.enabled


def test_the_way_back_is_written_for_the_package_in_the_order_in_which_it_works() -> None:
    """The newer program writes the file before it goes, in a folder of the bridge's own, removed at the end."""
    way = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8").partition("**Back**")[2].partition("**Another")[0]
    typed = [line for block in way.split("```")[1::2] for line in block.strip().splitlines()]
    words = ("stop zhanpai", "install -d", "zhanpai export", "--allow-downgrades", "mv ", "zhanpai import", "rm -r")
    places = [next(number for number, line in enumerate(typed) if word in line) for word in words]
    assert places == sorted(places) and all(line.startswith("sudo ") for line in typed)
    assert not any("/tmp" in line for line in typed)


def changed(package: Path, folder: Path, version: str) -> Path:
    """The next version of a package, with another service file."""
    root = unpacked(package, folder / "next")
    control = root / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    unit = root / "usr/lib/systemd/system/zhanpai-bridge.service"
    unit.write_text(unit.read_text().replace("WatchdogSec=60", "WatchdogSec=90"))
    target = folder / f"{NAME}_{version}_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, target], check=True, capture_output=True)
    return target


def records_in(root: CleanRoot) -> int:
    """How many records there are, each as it was written."""
    found = re.search(r"(\d+) records, each as it was written", root.types("zhanpai fsck"))
    assert found is not None
    return int(found[1])


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("suite", SUITES)
def test_it_is_installed_upgraded_and_removed_on_a_clean_machine(tmp_path: Path, suite: str) -> None:
    """Without a network; records and settings outlive upgrade and removal, purging alone takes them, never backups."""
    try:
        root = CleanRoot(tmp_path / "root", suite)
    except NoCleanRootError as why:
        pytest.skip(f"life of the Debian package on {suite} NOT RUN: {why}")
    package = built(tmp_path / "out")
    said = root.installs(package)
    assert "making the Python environment" in said
    assert "zhanpai 0" in root.types("zhanpai --version")
    assert "22 rooms" in root.types("zhanpai --check-config")
    shutil.copy(RECORDS, root.path("/tmp/records.jsonl"))
    assert "16 records stored" in root.types("zhanpai import /tmp/records.jsonl")
    owner = root.types("stat -c '%U %a' /var/lib/zhanpai /var/lib/zhanpai/records /var/backups/zhanpai")
    assert owner.split() == ["zhanpai", "700", "zhanpai", "700", "zhanpai", "700"]
    config = root.path("/etc/zhanpai/broker.toml")
    config.write_text(config.read_text() + '\n[log]\nlevel = "warning"\n')
    # The bridge itself, as its unit starts it, beside which the other commands are typed.
    answers = "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8080/healthz\")' 2>/dev/null"
    beside = (
        "cd /usr/lib/zhanpai && setpriv --reuid zhanpai --regid zhanpai --init-groups "
        "venv/bin/python -m broker --config /etc/zhanpai/broker.toml >/tmp/log 2>&1 & bridge=$!; "
        f"for i in $(seq 300); do {answers} && break; sleep 0.2; done; {answers} || {{ cat /tmp/log; exit 9; }}; "
        # A machine that was busy for a while is told apart from a bridge that is ill by asking once more.
        "zhanpai backup && for i in $(seq 60); do zhanpai doctor --json >/tmp/said; "
        "grep -q bridge_ill /tmp/said || break; sleep 1; done; cat /tmp/said; kill $bridge; wait $bridge"
    )
    said = root.types(beside)
    assert '"bridge_away"' not in said and '"bridge_ill"' not in said
    stored = records_in(root)
    assert stored > 16, "those that were imported, and what the bridge decided at its start"

    root.installs(changed(package, tmp_path, "9.0"))
    assert "WatchdogSec=90" in root.path("/usr/lib/systemd/system/zhanpai-bridge.service").read_text()
    assert 'level = "warning"' in config.read_text()
    assert records_in(root) == stored

    root.types(f"dpkg --remove {NAME}")
    assert root.path("/var/lib/zhanpai/records/record.sqlite").exists() and config.exists()
    assert not root.path("/usr/lib/zhanpai").exists() and not root.path("/usr/bin/zhanpai").exists()
    root.installs(package)
    assert records_in(root) == stored
    root.types("rm -rf /var/lib/zhanpai/records && zhanpai restore /var/backups/zhanpai --only store.url")
    assert 16 < records_in(root) <= stored

    said = root.types(f"dpkg --purge {NAME}")
    assert "the backups stay in /var/backups/zhanpai" in said
    for name in ("/var/lib/zhanpai", "/etc/zhanpai", "/usr/lib/zhanpai", "/usr/share/zhanpai-office"):
        assert not root.path(name).exists(), name
    assert list(root.path("/var/backups/zhanpai").glob("zhanpai-xh-*"))
