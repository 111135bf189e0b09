"""A disk that is full, nearly full, or read only: an alarm gets through, and all that was acknowledged stays."""

import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tinydb import where

from broker.store import Full, Record, StoreError, Unavailable, transfer, waiting
from broker.store.opening import reading_store
from broker.store.sqlite.check import check as fsck
from broker.store.sqlite.files import Files
from broker.store.sqlite.store import SQLiteStore
from broker.store.sqlite.tables import RecordDB
from tests.support.record import sqlite_faults
from tests.support.record.disk import Disk
from tests.support.record.store_faults import NOON, ZONE, batch, check, open_store, stored_batches, together

pytestmark = pytest.mark.real


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A real file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"full-disk test on a real file system NOT RUN: mount says {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def filled_up(disk: Path) -> Path:
    """A file that takes all the room there is."""
    with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return disk / "ballast"


def long(first: int, count: int) -> list[Record]:
    """Records of about a kilobyte."""
    return [
        Record(f"long:{number}", "long", f"k{number % 200}", NOON + number, NOON, "xh", {"text": "y" * 1000})
        for number in range(first, first + count)
    ]


def test_store_full_by_a_limit_of_the_system_keeps_what_it_acknowledged(tmp_path):
    """A real write that fails halfway (the process may write no larger files) loses nothing acknowledged."""
    script = (
        "import sys, resource\n"
        "from tests.support.record.store_faults import *\n"
        "store = open_store(Path(sys.argv[1]), lambda: NOON)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150000, 150000))\n"
        "for number in range(1, 1000):\n"
        "    try: store.append(batch(number))\n"
        "    except StoreError: print('full', flush=True); break\n"
        "    print(number, flush=True)\n"
    )
    root, argv = Path(__file__).parents[3], [sys.executable, "-c", script, str(tmp_path / "s")]
    *acknowledged, last = subprocess.run(argv, stdout=subprocess.PIPE, text=True, cwd=root, timeout=60).stdout.split()
    assert last == "full" and acknowledged
    check([int(line) for line in acknowledged], stored_batches(tmp_path / "s", lambda: NOON), "file size limit")


def test_store_on_a_full_disk_keeps_everything_and_goes_on_with_room(small_disk):
    """A full file system: error to the caller, an alarm gets through, all acknowledged there, goes on with room."""
    store = open_store(small_disk / "s", lambda: NOON)
    assert (small_disk / "s" / "reserve").stat().st_size == 1 << 20
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 2_300_000)
    acknowledged = []
    with pytest.raises(Full, match="make room"):
        for number in range(1, 5000):
            store.append(batch(number))
            acknowledged.append(number)
    refused = acknowledged[-1] + 1
    store.append(batch(refused), urgent=True)
    assert "reserve was given up for an alarm" in store.health()["warnings"][-1]
    ballast.unlink()
    store.append(batch(refused + 1))
    store.close()
    check([*acknowledged, refused, refused + 1], stored_batches(small_disk / "s", lambda: NOON), "full disk")


def test_on_a_full_disk_the_reserve_is_for_the_alarm_alone(small_disk):
    """The log holds more than the reserve, and so does what waits beside the alarm: it is written behind the log."""
    store = open_store(small_disk / "s", lambda: NOON)
    for first in range(0, 1200, 100):
        store.append(long(first, 100))
    assert store.database.log.stat().st_size > 1 << 20
    ballast = filled_up(small_disk)
    refused, stored = together(store, (long(2000, 1200), False), (batch(2), True))
    assert isinstance(refused, Full) and stored == 5
    assert "reserve was given up for an alarm" in store.health()["warnings"][-1]
    ballast.unlink()
    assert store.append(batch(3)).stored == 5
    store.close()
    check([2, 3], stored_batches(small_disk / "s", lambda: NOON), "an alarm beside much else")
    assert [finding.good for finding in fsck(small_disk / "s")] == [True]


def test_a_record_on_a_disk_that_is_read_only_is_read(small_disk):
    """Closed in peace, or with a log that a killed bridge left: everything is read, nothing is written there."""
    store = open_store(small_disk / "peace", lambda: NOON)
    store.append(batch(1))
    killed = shutil.copytree(small_disk / "peace", small_disk / "killed", ignore=shutil.ignore_patterns("reserve"))
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True, timeout=20)
    before = {path: path.stat().st_mtime_ns for path in small_disk.rglob("*")}
    for place in (small_disk / "peace", killed):
        with reading_store(place, "xh", ZONE, lambda: NOON) as found:
            assert len(list(transfer.records_of(found))) == 5
        with closing(RecordDB(place / "record.sqlite")) as db:
            assert [one["id"] for one in db.search(where("kind") == "bins")] == ["r01:1:1"] and len(db) == 5
            with pytest.raises(StoreError, match=r"to be read only|cannot be opened"):
                db.remove(where("kind") == "bins")
        assert [finding.good for finding in fsck(place)] == [True]
        with pytest.raises(Unavailable, match=r"cannot be opened|in use"):
            list(fsck(place, repair=True))
    assert {path: path.stat().st_mtime_ns for path in small_disk.rglob("*")} == before


class Shrinking(Files):
    """A disk with as many bytes free as a test says."""

    free = 1 << 40

    def free_bytes(self, path: Path) -> int:
        return self.free


def test_store_takes_alarms_when_nearly_full(tmp_path):
    """Below the limit only urgent records are taken, whoever shares their commit; with room again everything is."""
    files = Shrinking()
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, files=files, min_free_bytes=1000)
    files.free = 999
    with pytest.raises(Full, match="alarms are still taken"):
        store.append(batch(1))
    with pytest.raises(Full, match="alarms are still taken"):
        store.append([])
    refused, stored = together(store, (batch(1), False), (batch(2), True))
    assert stored == 5 and isinstance(refused, Full) and "alarms are still taken" in str(refused)
    files.free = 1000
    assert together(store, (batch(1), False), (batch(3), True)) == [5, 5]
    store.close()
    check([1, 2, 3], stored_batches(tmp_path / "s", lambda: NOON), "nearly full")


class FullUntilGivenUp(Disk):
    """Full as long as there is a reserve."""

    def __init__(self, reserve: Path) -> None:
        super().__init__(code=errno.ENOSPC)
        self.reserve, self.healed = reserve, True

    def fails(self) -> bool:
        return self.reserve.exists() and not self.healed

    def remove(self, path: Path) -> None:
        path.unlink()


def test_a_start_on_a_full_disk_gives_the_reserve_up(tmp_path):
    """A log that was left is made durable first; without room for that the reserve goes, and without one it is said."""
    store = open_store(tmp_path / "s", lambda: NOON)
    store.append(batch(1))
    shutil.copytree(tmp_path / "s", tmp_path / "t")
    store.close()
    disk = FullUntilGivenUp(tmp_path / "t" / "reserve")
    with sqlite_faults.watched(disk):
        store = open_store(tmp_path / "t", lambda: NOON, disk)
        disk.healed = False
        assert store.append(batch(2), urgent=True).stored == 5
        assert "reserve was given up" in store.health()["warnings"][-1]
        store.close()
    check([1, 2], stored_batches(tmp_path / "t", lambda: NOON), "full at the start")


def test_why_a_record_cannot_be_opened_is_said_as_it_is_now(tmp_path, monkeypatch):
    """Room was made, and now the disk is read only: whoever looks is told that, not what was before."""
    open_store(tmp_path, lambda: NOON).close()
    reasons = ["the disk is full"]

    def refused(*_: object) -> None:
        raise Full(reasons[0])

    monkeypatch.setattr(waiting, "open_store", refused)
    monkeypatch.setattr(waiting, "AGAIN_S", 0)
    with closing(waiting.open_as_it_can(tmp_path, "xh", ZONE, lambda: NOON)) as store:
        for reason in ("the disk is full", "the disk is read only"):
            reasons[0] = reason
            with pytest.raises(Unavailable, match=reason):
                store.append([])
