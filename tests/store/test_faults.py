"""Faults met by the store on files: failing calls, power cuts, kills, full disks, clocks, two bridges, many callers."""

import errno
import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from tinydb import TinyDB, where

from broker.store import Conflict, Full, Record, StoreError, Unavailable, transfer
from broker.store.opening import reading_store
from broker.store.sqlite.check import check as fsck
from broker.store.sqlite.files import Files
from broker.store.sqlite.store import SQLiteStore
from broker.store.sqlite.tables import RecordDB
from tests.support.record import sqlite_faults, store_faults
from tests.support.record.disk import Disk
from tests.support.record.store_faults import NOON, ZONE, batch, check, open_store, stored_batches

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
DAY_S = 86_400


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["no space", "bad disk"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_store_survives_a_failure_of_any_call(code, lasting):
    """Each 5th call to the disk fails in turn, SQLite's writes and syncs and ours; each of them in `make bench`."""
    assert sum(1 for _ in store_faults.failing_calls(code, lasting=lasting, every=5)) >= 16


def test_store_survives_a_power_cut_after_any_call():
    """After each 3rd call to the disk a possible state of it has all that was acknowledged, and is not refused."""
    assert store_faults.power_cuts(seed=7, images_per_call=1, every=3) >= 40


def test_store_survives_a_power_cut_after_syncs_that_failed():
    """What a sync that fails drops is never counted on, be it of the log or of the file."""
    assert store_faults.power_cuts(seed=5, images_per_call=1, every=5, sync_fails=0.2) >= 25


def test_store_survives_kill_9():
    """A writing process is killed at random moments on one folder: 0 lost, none twice, no batch by halves."""
    kills, batches = store_faults.kills(4, seed=5, longest_s=0.3)
    assert kills == 4 and batches > 20


def test_a_batch_whose_sync_failed_is_never_taken_for_stored(tmp_path, monkeypatch):
    """The sync fails, the process dies: whoever opens the record makes all durable that is read from its log."""
    disk = Disk()
    with sqlite_faults.watched(disk):
        store = open_store(tmp_path / "s", lambda: NOON, disk)
        store.append(batch(1))
        disk.at = disk.calls + 3  # two frames or more are written, then their sync
        with pytest.raises(Unavailable):
            while True:
                store.append(batch(2))
        shutil.copytree(tmp_path / "s", tmp_path / "dead")
        assert store.append(batch(2)).stored == 5 and store.append(batch(2)).duplicates == 5
        store.close()
    written = []
    with monkeypatch.context() as watching:
        watching.setattr(os, "fsync", lambda handle: written.append(os.readlink(f"/proc/self/fd/{handle}")))
        counts = stored_batches(tmp_path / "dead", lambda: NOON)
    check([1], counts, "a failed sync")
    assert str(tmp_path / "dead" / "record.sqlite-wal") in written


def test_a_failed_sync_of_the_file_loses_nothing_that_was_copied_in_part(tmp_path, monkeypatch):
    """A reader stops a copying of the log, the sync of the next one fails: the log stays, and a new start copies it."""
    # So that the log is copied within a drill.
    monkeypatch.setattr("broker.store.sqlite.log._ROWS", 500)
    disk, folder = Disk(), tmp_path / "s"
    with sqlite_faults.watched(disk):
        store = open_store(folder, lambda: NOON, disk)

        def more(first: int, last: int) -> None:
            for number in range(first, last):
                store.append(batch(number))
            while any(thread.name == "copy log" for thread in threading.enumerate()):
                time.sleep(0.002)

        more(1, 90)
        with store.database.reading() as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM record").fetchall()
            more(90, 111)
            connection.execute("COMMIT")
        disk.failing_sync = "record.sqlite"
        more(111, 221)
        disk.failing_sync = ""
        more(221, 461)
        assert "its disk needs a look" in store.health()["warnings"][-1]
        disk.worst(folder, tmp_path / "cut")
        store.close()
        disk.worst(folder, tmp_path / "closed")
    for place in ("cut", "closed"):
        check(range(1, 461), stored_batches(tmp_path / place, lambda: NOON), place)
        assert all(finding.good for finding in fsck(tmp_path / place))
    check(range(1, 461), stored_batches(folder, lambda: NOON), "started again")


def test_a_kill_while_the_log_is_copied_refuses_nobody(tmp_path):
    """The first page of the file tells of pages that only the log has: without its log it is no database, and good."""
    open_store(tmp_path / "s", lambda: NOON).close()
    store = open_store(tmp_path / "s", lambda: NOON)
    for number in range(1, 60):
        store.append(batch(number))
    shutil.copytree(tmp_path / "s", tmp_path / "dead")
    store.close()
    with (tmp_path / "dead" / "record.sqlite").open("r+b") as file:
        file.write((tmp_path / "s" / "record.sqlite").read_bytes()[:4096])
    check(range(1, 60), stored_batches(tmp_path / "dead", lambda: NOON), "killed while copying")


def test_store_refuses_a_second_process(tmp_path):
    """A second bridge on the folder is told who has it; after the first is gone it gets in."""
    store = open_store(tmp_path / "s", lambda: NOON)
    script = "import sys; from tests.support.record.store_faults import *; open_store(Path(sys.argv[1]), lambda: NOON)"
    second = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s")], capture_output=True, text=True, cwd=ROOT, timeout=30
    )
    assert second.returncode != 0 and "in use by process" in second.stderr
    with pytest.raises(Unavailable):
        open_store(tmp_path / "s", lambda: NOON)
    store.close()
    open_store(tmp_path / "s", lambda: NOON).close()


def test_a_correction_beside_the_bridge_counts_at_once(tmp_path):
    """Another process may amend while the bridge writes: the bridge reads it so, and numbers the next one after it."""
    store = open_store(tmp_path / "s", lambda: NOON)
    store.append(batch(1))
    beside = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0, beside_bridge=True)
    beside.amend("workflow:1", {"stage": "closed"}, "seen", "ann", NOON)
    beside.close()
    found = store.get("workflow:1")
    assert found is not None and found.body["stage"] == "closed"
    with pytest.raises(Conflict, match="has 1 amendments by now"):
        store.amend("workflow:1", {}, "why", "bob", NOON, seen=0)
    store.amend("workflow:1", {"stage": "open"}, "why", "bob", NOON, seen=1)
    assert store.append(batch(2)).stored == 5
    store.close()
    assert all(finding.good for finding in fsck(tmp_path / "s"))


def test_store_full_by_a_limit_of_the_system_keeps_what_it_acknowledged(tmp_path):
    """A real write that fails halfway (the process may write no larger files) loses nothing acknowledged."""
    script = (
        "import sys, resource\n"
        "from tests.support.record.store_faults import *\n"
        "from broker.store import StoreError\n"
        "store = open_store(Path(sys.argv[1]), lambda: NOON)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150000, 150000))\n"
        "for number in range(1, 1000):\n"
        "    try: store.append(batch(number))\n"
        "    except StoreError: print('full', flush=True); break\n"
        "    print(number, flush=True)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s")], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    lines = done.stdout.split()
    assert lines[-1] == "full", done.stderr
    acknowledged = [int(line) for line in lines[:-1]]
    assert acknowledged
    check(acknowledged, stored_batches(tmp_path / "s", lambda: NOON), "file size limit")


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A real file system of 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"full-disk test on a real file system NOT RUN: mount says {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def test_store_on_a_full_disk_keeps_everything_and_goes_on_with_room(small_disk):
    """A full file system: error to the caller, an alarm gets through, all acknowledged there, goes on with room."""
    store = open_store(small_disk / "s", lambda: NOON)
    assert (small_disk / "s" / "reserve").stat().st_size == 1 << 20
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_300_000)
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


def filled_up(disk: Path) -> Path:
    """A file that takes all the room there is."""
    with (disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return disk / "ballast"


def test_an_alarm_gets_through_on_a_full_disk_with_much_in_the_log(small_disk):
    """The log holds more than the reserve: it is left as it is, and the alarm is written behind it."""
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True, timeout=20)
    store = open_store(small_disk / "s", lambda: NOON)
    long = [
        Record(f"long:{number}", "long", f"k{number % 200}", NOON + number, NOON, "xh", {"text": "y" * 800})
        for number in range(1500)
    ]
    for first in range(0, 1500, 100):
        store.append(long[first : first + 100])
    assert store.database.log.stat().st_size > 1 << 20
    ballast = filled_up(small_disk)
    assert store.append(batch(1), urgent=True).stored == 5
    assert "reserve was given up for an alarm" in store.health()["warnings"][-1]
    ballast.unlink()
    assert store.append(batch(2)).stored == 5
    store.close()
    check([1, 2], stored_batches(small_disk / "s", lambda: NOON), "much in the log")
    assert [finding.good for finding in fsck(small_disk / "s")] == [True]


def test_a_record_on_a_disk_that_is_read_only_is_read(small_disk, tmp_path):
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
        db = RecordDB(place / "record.sqlite")
        assert [one["id"] for one in db.search(where("kind") == "bins")] == ["r01:1:1"] and len(db) == 5
        with pytest.raises(StoreError, match=r"to be read only|cannot be opened"):
            db.remove(where("kind") == "bins")
        db.close()
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
    """Below the limit only urgent records are taken; with room again everything is."""
    files = Shrinking()
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, files=files, min_free_bytes=1000)
    files.free = 999
    with pytest.raises(Full, match="alarms are still taken"):
        store.append(batch(1))
    assert store.append(batch(2), urgent=True).stored == 5
    files.free = 1000
    assert store.append(batch(1)).stored == 5
    store.close()


def together(store: SQLiteStore, *appends: tuple[list[Record], bool]) -> list[int | Exception | None]:
    """Have batches share one commit; of each how many records were stored, or why they were not."""
    with ThreadPoolExecutor(len(appends)) as pool:
        with store._commit_lock:  # whoever waits shares the next commit
            waiting = [pool.submit(store.append, records, urgent=urgent) for records, urgent in appends]
            deadline = time.monotonic() + 10
            while len(store._waiting) < len(appends) and time.monotonic() < deadline:  # who waits is seen nowhere else
                time.sleep(0.002)
        return [one.exception(10) or one.result().stored for one in waiting]  # type: ignore[misc]


def test_an_alarm_does_not_fail_with_what_it_shares_a_commit_with(tmp_path):
    """Nearly full, and a batch the disk has no room for: the others are told, the alarm is stored."""
    files = Shrinking()
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, files=files, min_free_bytes=1000)
    files.free = 999
    refused, stored = together(store, (batch(1), False), (batch(2), True))
    assert stored == 5 and isinstance(refused, Full) and "alarms are still taken" in str(refused)
    files.free = 1000
    assert together(store, (batch(1), False), (batch(3), True)) == [5, 5]
    store.close()
    check([1, 2, 3], stored_batches(tmp_path / "s", lambda: NOON), "nearly full")


def test_on_a_full_disk_the_reserve_is_for_the_alarm_alone(small_disk):
    """Much more than the reserve holds waits beside an alarm: it is refused, the alarm is stored."""
    store = open_store(small_disk / "s", lambda: NOON)
    store.append(batch(1))
    ballast = filled_up(small_disk)
    much = [
        Record(f"long:{number}", "long", f"k{number % 200}", NOON + number, NOON, "xh", {"text": "y" * 1500})
        for number in range(1000)
    ]
    refused, stored = together(store, (much, False), (batch(2), True))
    assert isinstance(refused, Full) and stored == 5
    ballast.unlink()
    store.close()
    check([1, 2], stored_batches(small_disk / "s", lambda: NOON), "an alarm beside much else")


def test_a_start_on_a_full_disk_gives_the_reserve_up(tmp_path):
    """A log that was left is made durable first; without room for that the reserve goes, and without one it is said."""
    store = open_store(tmp_path / "s", lambda: NOON)
    store.append(batch(1))
    shutil.copytree(tmp_path / "s", tmp_path / "t")
    store.close()

    class Full1(Disk):
        """Full until the reserve is given up."""

        def fails(self) -> bool:
            self.calls += 1
            return (tmp_path / "t" / "reserve").exists() and not self.healed

        def remove(self, path: Path) -> None:
            path.unlink()

    disk = Full1(0, errno.ENOSPC, True)
    with sqlite_faults.watched(disk):
        disk.healed = True
        store = open_store(tmp_path / "t", lambda: NOON, disk)
        disk.healed = False
        assert store.append(batch(2), urgent=True).stored == 5
        assert "reserve was given up" in store.health()["warnings"][-1]
        store.close()
    check([1, 2], stored_batches(tmp_path / "t", lambda: NOON), "full at the start")


def test_store_follows_a_clock_that_jumps(tmp_path):
    """Forward by years, back by minutes over midnight, back by years, the same day twice: nothing is lost."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    jumps = [NOON, NOON + 10 * 365 * DAY_S, NOON + 60, NOON - 3 * DAY_S, NOON + DAY_S, NOON + 43_190, NOON + 43_210]
    for number, at in enumerate(jumps, 1):
        clock[0] = float(at)
        store.append(batch(number, at))
    for number, at in enumerate(jumps, 1):
        assert store.append(batch(number, at)).duplicates == store_faults.BATCH
    store.close()
    check(range(1, len(jumps) + 1), stored_batches(tmp_path / "s", lambda: clock[0]), "clock jumps")
    assert all(finding.good for finding in fsck(tmp_path / "s"))


def test_store_commits_for_all_who_wait(tmp_path, monkeypatch):
    """While one commit waits for the disk seven others queue: they share the next one, alarms first."""
    store = open_store(tmp_path / "s", lambda: NOON)
    really, commits = store._store, []  # the committing step itself: from outside nobody sees who shares one

    def slowly(tickets):
        commits.append([ticket.urgent for ticket in tickets])
        deadline = time.monotonic() + 10
        # Who waits shows nowhere else.
        while len(commits) == 1 and len(store._waiting) < 7 and time.monotonic() < deadline:
            time.sleep(0.002)
        return really(tickets)

    monkeypatch.setattr(store, "_store", slowly)  # see above
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda number: store.append(batch(number), urgent=number % 4 == 0), range(1, 9)))
    assert [receipt.stored for receipt in receipts] == [store_faults.BATCH] * 8
    assert len(commits) == 2 and commits[1] == sorted(commits[1], reverse=True) and any(commits[1] + commits[0])
    store.close()
    check(range(1, 9), stored_batches(tmp_path / "s", lambda: NOON), "threads")


def test_whoever_waits_for_a_commit_is_told_whatever_went_wrong(tmp_path, monkeypatch):
    """An error nobody expected ends in the store's own words, and the store goes on."""
    store = open_store(tmp_path / "s", lambda: NOON)

    def broken(_tickets) -> None:
        raise KeyError("number")

    monkeypatch.setattr(store, "_store", broken)  # an error nobody expects has no other cause
    with pytest.raises(Unavailable, match="KeyError"):
        store.append(batch(1))
    monkeypatch.undo()
    assert store.append(batch(1)).stored == 5
    store.close()


# --- past days --------------------------------------------------------------------------------------------------------


def test_each_past_day_is_written_as_stock_tinydb_has_it_late_records_too(tmp_path):
    """Every kind opens with stock TinyDB; a record that comes days late is put to its own day; sha256sum agrees."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    for number in (1, 2, 3):
        store.append(batch(number))
    day = tmp_path / "s" / "days" / "2026-11-22"
    assert not day.exists()
    clock[0] += DAY_S
    store.append(batch(4, NOON + DAY_S))
    with TinyDB(day / "bins.json") as stock:
        assert [found["id"] for found in stock] == ["r01:1:1", "r01:1:2", "r01:1:3"]
        assert stock.search(where("body")["device"] == "r01")[1].doc_id == 6
    store.append(batch(5))
    clock[0] += DAY_S
    store.append(batch(6, NOON + 2 * DAY_S))
    with TinyDB(day / "bins.json") as stock:
        assert [found["id"] for found in stock] == ["r01:1:1", "r01:1:2", "r01:1:3", "r01:1:5"]
    for name in store.past_days.names():
        done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=day.parent / name, capture_output=True, timeout=20)
        assert done.returncode == 0, done.stdout
    assert store.past_days.names() == ["2026-11-22", "2026-11-23"]
    rows = sorted(row for name in store.past_days.names() for row, _ in store.past_days.read(name))
    assert rows == list(range(1, 26))
    store.close()


def test_a_disk_that_is_full_at_midnight_refuses_no_alarm(tmp_path, monkeypatch):
    """The past day cannot be written: that is said, records are taken, and the next day it is written after all."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    store.append(batch(1))
    clock[0] += DAY_S

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as midnight:
        midnight.setattr(store.past_days._files, "write", full)  # full for the days' folder alone
        assert store.append(batch(2, NOON + DAY_S), urgent=True).stored == 5
    assert "past days could not be written" in store.health()["warnings"][-1]
    assert store.past_days.names() == [] and not list((tmp_path / "s" / "days").glob(".*"))
    clock[0] += DAY_S
    store.append(batch(3, NOON + 2 * DAY_S))
    assert store.past_days.names() == ["2026-11-22", "2026-11-23"]
    store.close()


def test_store_answers_while_a_past_day_is_written_beside(tmp_path):
    """Readers run through many changes of the day with the export in a thread: every answer is whole, none doubles."""
    clock = [float(NOON)]
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: clock[0], min_free_bytes=0)
    done, answers = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            least = len(acknowledged)
            scanned = [record.id for kind in ("bins", "fix", "visit") for record in store.scan(kind)]
            assert len(scanned) == len(set(scanned)) and len(scanned) >= 4 * least
            if least:
                assert store.get(f"t01:1:{2 * least}") is not None and len(store.latest("fix")) == 1
            answers.append(least)

    acknowledged: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(1, 25):
                clock[0] += 43_200.0
                store.append(batch(number, int(clock[0])))
                acknowledged.append(number)
                time.sleep(0.01)
        finally:
            done.set()
        for reader in readers:
            reader.result(timeout=30)
    store.close()
    assert len(answers) > 4
    check(acknowledged, stored_batches(tmp_path / "s", lambda: clock[0]), "exporting beside")


def test_threads_that_come_and_go_share_the_connections(tmp_path):
    """There are as many as ask at once, however many threads the pages have had."""
    store = open_store(tmp_path / "s", lambda: NOON)
    store.append(batch(1))

    def handles() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    assert store.get("r01:1:1") is not None
    before = handles()
    for _ in range(30):
        thread = threading.Thread(target=lambda: store.get("r01:1:1"))
        thread.start()
        thread.join()
    assert handles() <= before + 3
    store.close()
