"""A bridge that starts while its disk takes nothing: what can still work works, and each cause is one sentence."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.bridge.own_bridge import SLOW_S, OwnBridge, press, stored
from tests.support.processes import need_mosquitto, wait_until

pytestmark = pytest.mark.real


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 100 MiB."""
    need_mosquitto()
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "none", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"full and read-only disks at the start NOT RUN: mount says {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


@pytest.fixture
def bridge(disk: Path, tmp_path: Path) -> Iterator[OwnBridge]:
    """One that has stored a press, and is stopped; everything it writes but its log is on the disk."""
    made = OwnBridge(tmp_path / "bridge")
    text = (made.folder / "broker.toml").read_text()
    data = f'folder = "{disk}/mosquitto"\n[store]\nurl = "{disk}/records"\n[registers]\nfolder = "{disk}/registers"\n'
    (made.folder / "broker.toml").write_text(text.replace("enabled = true\n", f"enabled = true\n{data}"))
    (made.folder / "data").mkdir()
    (made.folder / "data" / "mosquitto").symlink_to(disk / "mosquitto")  # where a test looks for the passwords
    made.start()
    truck = made.truck("zp/v1/xh/truck/t01/incident_ack/+")
    stored(truck, 1)
    truck.close()
    made.stop()
    yield made
    made.stop()


def test_a_read_only_disk_at_the_start_leaves_a_screen_and_what_was_stored(bridge: OwnBridge, disk: Path) -> None:
    """The press of before is there, a new one is shown and not acknowledged; writable again, it is stored."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=20)
    bridge.start()
    wait_until(lambda: bridge.get("/api/v1/picture")["link"]["up"], "the broker runs, from elsewhere", SLOW_S)
    assert bridge.words() == {"store_trouble", "broker_note"} and bridge.health()[0] == 503
    assert [row["incident_id"] for row in bridge.get("/api/v1/incidents")] == ["t01-1-1"]
    truck = bridge.truck("zp/v1/xh/truck/t01/incident_ack/+")
    incident, body = press(2)
    truck.say(f"zp/v1/xh/truck/t01/incident/{incident}", body, retain=True)
    shown = lambda: {row["incident_id"] for row in bridge.get("/api/v1/incidents")}  # noqa: E731
    wait_until(lambda: incident in shown(), "the new press is shown", SLOW_S)
    assert truck.last(f"zp/v1/xh/truck/t01/incident_ack/{incident}") is None
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True, timeout=20)
    wait_until(lambda: truck.last(f"zp/v1/xh/truck/t01/incident_ack/{incident}"), "it is stored", SLOW_S)
    wait_until(lambda: "store_trouble" not in bridge.words(), "it is well", SLOW_S)
    truck.close()
    log = bridge.log()
    assert "Traceback" not in log and log.count("nothing new is kept") == 1


def test_a_full_disk_without_a_reserve_shows_a_press_and_stores_it_when_there_is_room(
    bridge: OwnBridge, disk: Path
) -> None:
    """Nothing can be stored at all: the bridge is there, says so, and stores what was pressed once it can."""
    (disk / "records" / "reserve").unlink()
    (disk / "records" / "record.sqlite-wal").unlink(missing_ok=True)
    with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    bridge.start()
    wait_until(lambda: bridge.get("/api/v1/picture")["link"]["up"], "the broker runs", SLOW_S)
    assert "store_trouble" in bridge.words()
    truck = bridge.truck("zp/v1/xh/truck/t01/incident_ack/+")
    incident, body = press(2)
    truck.say(f"zp/v1/xh/truck/t01/incident/{incident}", body, retain=True)
    wait_until(lambda: len(bridge.get("/api/v1/incidents")) == 2, "it is shown", SLOW_S)
    (disk / "ballast").unlink()
    wait_until(lambda: truck.last(f"zp/v1/xh/truck/t01/incident_ack/{incident}"), "it is stored", SLOW_S)
    truck.close()
    assert "Traceback" not in bridge.log()


def test_a_full_disk_at_the_start_takes_alarms_and_is_said(bridge: OwnBridge, disk: Path) -> None:
    """The broker runs, a press is stored out of the reserve, /healthz says that the disk is full."""
    with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    bridge.start()
    wait_until(lambda: bridge.get("/api/v1/picture")["link"]["up"], "the broker runs", SLOW_S)
    assert "store_trouble" in bridge.words() and bridge.health()[0] == 503
    truck = bridge.truck("zp/v1/xh/truck/t01/incident_ack/+")
    stored(truck, 2)
    truck.close()
    (disk / "ballast").unlink()
    wait_until(lambda: "store_trouble" not in bridge.words(), "it is well", SLOW_S)
    assert "Traceback" not in bridge.log()
