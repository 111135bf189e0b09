"""Faults met by the store on files: failing calls, power cuts, kills, clocks, two bridges, many callers."""

import errno
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from broker.store import Conflict, Unavailable
from broker.store.sqlite.check import check as fsck
from broker.store.sqlite.store import SQLiteStore
from tests.support.record import sqlite_faults, store_faults
from tests.support.record.damaged import changed
from tests.support.record.disk import Disk
from tests.support.record.store_faults import NOON, ZONE, batch, check, open_store, stored_batches, together

pytestmark = pytest.mark.real


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
    assert store_faults.power_cuts(seed=5, images_per_call=1, every=5, sync_fails=0.2) >= 20


@pytest.fixture
def damaged(folder) -> Path:
    """A record with a hurt row of a past day, which that day's files have."""
    changed(folder, "UPDATE record SET body = '{}' WHERE row = 20")
    return folder


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["no space", "bad disk"])
def test_a_repair_survives_a_failure_of_any_call(damaged, code):
    """Whatever was done of it by then, the next one ends with all there."""
    calls = store_faults.failing_calls(code, lasting=True, every=4, scenario=store_faults.repair_of(damaged))
    assert sum(1 for _ in calls) >= 5


def test_a_repair_survives_a_power_cut_after_any_call(damaged):
    """Also with the old file moved and the new one not in its place: the next repair ends with all there."""

    def again(place: Path) -> None:
        assert not [finding for finding in fsck(place, repair=True) if not (finding.good or finding.repaired)]

    scenario = store_faults.repair_of(damaged)
    assert store_faults.power_cuts(seed=3, images_per_call=1, every=2, scenario=scenario, after=again) >= 10


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
    monkeypatch.setattr("broker.store.sqlite.database._COPY_ROWS", 500)
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
    argv = [sys.executable, "-c", script, str(tmp_path / "s")]
    second = subprocess.run(argv, capture_output=True, text=True, cwd=Path(__file__).parents[3], timeout=30)
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


def test_store_commits_for_all_who_wait(tmp_path, monkeypatch):
    """While one commit waits for the disk eight others queue: they share the next one, alarms first."""
    store, commits = open_store(tmp_path / "s", lambda: NOON), []
    committed = store.database._committed  # from outside nobody sees who shares one
    # See above.
    monkeypatch.setattr(store.database, "_committed", lambda changes: (commits.append(changes), committed(changes)))
    assert together(store, *((batch(number), number % 4 == 0) for number in range(1, 9))) == [store_faults.BATCH] * 8
    first = store.database.rows_of("SELECT id FROM record WHERE kind = 'bins' ORDER BY row LIMIT 2")
    assert len(commits) == 1 and {one for (one,) in first} == {b"r01:1:4", b"r01:1:8"}
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
