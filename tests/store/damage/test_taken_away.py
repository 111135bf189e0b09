"""What is taken away or spoiled beside a record while it is in use is made anew within a minute, or said."""

import errno
import itertools
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from broker.store import StoreError, Unavailable
from broker.store.sqlite import database as database_module
from broker.store.sqlite import store as store_module
from broker.store.sqlite.files import Lock
from broker.store.sqlite.note import read_note
from broker.store.sqlite.store import SQLiteStore
from tests.support.processes import wait_until
from tests.support.record import sqlite_faults
from tests.support.record.damaged import DAY_S, LATER, cut, emptied, filled, flipped, removed
from tests.support.record.disk import Disk
from tests.support.record.samples import NOON, ZONE
from tests.support.record.store_faults import batch, check, findings, open_store, stored_batches

pytestmark = pytest.mark.real  # tenths of a second each

Harm = Callable[[Path], None]


def removed_whole(path: Path) -> None:
    """The file, or the folder with all in it, is gone."""
    shutil.rmtree(path, ignore_errors=True)
    if path.is_file():
        path.unlink(missing_ok=True)


@pytest.fixture
def store(tmp_path: Path) -> SQLiteStore:
    """One with two past days, in use."""
    made = filled(tmp_path / "s", 6)
    made.look_after()
    assert made.events == []
    return made


@pytest.mark.parametrize("harm", [removed, emptied, cut])
@pytest.mark.parametrize("name", ["record.note", "reserve", "days/2026-11-22/bins.json", "days/2026-11-23/SHA256SUMS"])
def test_what_can_be_made_anew_is_and_it_is_told_by_name(store: SQLiteStore, name: str, harm: Harm) -> None:
    """Once; the record goes on, and at the next start nothing is wrong."""
    path = store.folder / name
    before = path.stat().st_size
    harm(path)
    store.look_after()
    (told,) = store.events
    assert (path.name in told or path.parent.name in told) and "anew" in told and path.stat().st_size == before
    store.look_after()
    assert store.events == [told]
    store.append(batch(7, LATER))
    note = read_note(store.folder)
    assert note is not None and note.rows == store.last_row() == 35
    store.close()
    assert findings(store.folder) == []


def test_a_whole_past_day_and_a_flipped_bit_are_noticed_too(store: SQLiteStore) -> None:
    """Whatever a hand can do to its files."""
    shutil.rmtree(store.folder / "days" / "2026-11-22")
    flipped(store.folder / "days" / "2026-11-23" / "fix.json")
    store.look_after()
    assert [text.partition(":")[0].rpartition("/")[2] for text in store.events] == ["2026-11-22", "2026-11-23"]
    assert store.past_days.wrong("2026-11-22") == store.past_days.wrong("2026-11-23") == []
    store.close()


def test_nobody_else_gets_in_by_a_lock_that_was_removed(store: SQLiteStore) -> None:
    """A second bridge would be alone there, and two would damage each other's work."""
    (store.folder / "record.lock").unlink()
    store.look_after()
    assert any("record.lock was removed" in text for text in store.events)
    with pytest.raises(Unavailable, match="in use"):
        Lock(store.folder / "record.lock", must_be_alone=True)
    store.close()


@pytest.mark.parametrize("name", ["record.sqlite", "record.sqlite-wal", "record.sqlite-shm"])
def test_a_part_of_the_record_itself_is_said_before_anything_is_stored(store: SQLiteStore, name: str) -> None:
    """Nothing more is acknowledged; what was is found by the next start, except in a file that is gone."""
    (store.folder / name).unlink()
    store.look_after()
    (told,) = store.events
    assert name.removesuffix("-shm") in told and "stop the bridge" in told
    with pytest.raises(Unavailable, match="removed"):
        store.append(batch(7, LATER))
    if name != "record.sqlite":
        copy = store.folder.parent / "killed"
        shutil.copytree(store.folder, copy)  # as a kill would leave it now
        assert set(stored_batches(copy, lambda: LATER)) == set(range(1, 7))
    store.close()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_record_that_was_taken_away_goes_on_when_it_is_put_back(store: SQLiteStore, replaced: bool) -> None:
    """Nothing went into its last handle meanwhile, nor into the file in its place."""
    path, other = store.folder / "record.sqlite", store.folder.parent / "other"
    filled(other, 6).close()
    path.rename(store.folder.parent / "taken")
    if replaced:
        shutil.copy(other / path.name, path)
    with pytest.raises(Unavailable, match="was removed or replaced while it was in use"):
        store.append(batch(901, LATER))
    (store.folder.parent / "taken").replace(path)
    store.append(batch(902, LATER))
    store.close()
    assert set(stored_batches(store.folder, lambda: LATER)) == {*range(1, 7), 902}


def test_whoever_is_alone_by_then_is_said_and_the_lock_is_ours_when_they_end(store: SQLiteStore) -> None:
    """A check that ran for a minute leaves nobody without a lock for good."""
    path = store.folder / "record.lock"
    path.unlink()
    other = Lock(path, must_be_alone=True)
    store.look_after()
    other.release()
    store.look_after()
    assert ["stop one of the two" in store.events[0], "made anew" in store.events[1]] == [True, True]
    with pytest.raises(Unavailable, match="in use"):
        Lock(path, must_be_alone=True)
    store.close()


@pytest.mark.parametrize("name", ["record.sqlite-wal", "record.sqlite-shm"])
@pytest.mark.parametrize("how", ["read on", "stopped"])
def test_a_log_that_was_removed_under_somebody_who_reads_is_copied_when_they_end(
    store: SQLiteStore, name: str, how: str
) -> None:
    """Nobody is told before that it is there; an end in order copies it too."""
    reader = store.database._opened_to_read()  # as one that a long question has
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM record").fetchall()
    store.append(batch(7, LATER))
    (store.folder / name).unlink()
    store.look_after()
    (told,) = store.events
    assert "being copied" in told and "start it again" not in told
    reader.close()
    if how == "read on":
        store.look_after()
        assert "start it again" in store.events[-1]
        shutil.copytree(store.folder, store.folder.parent / "copy")  # as a kill would leave it now
        assert set(stored_batches(store.folder.parent / "copy", lambda: LATER)) == set(range(1, 8))
    store.close()
    assert set(stored_batches(store.folder, lambda: LATER)) == set(range(1, 8))


@pytest.mark.parametrize("more", [1, 2, 3, 8])
def test_an_older_log_that_is_put_in_its_place_never_goes_into_the_file(tmp_path: Path, more: int) -> None:
    """A copy of the log from before, with what it held before that behind it: ours is copied, and it is said."""
    store = open_store(tmp_path / "s", lambda: LATER)
    for number in range(800):
        store.append(batch(number))
    store.database.copy_log()
    for number in range(800, 860):
        store.append(batch(number))
    log = store.database.log
    older = log.with_name("older")
    shutil.copy(log, older)
    for number in range(860, 860 + more):
        store.append(batch(number))
    older.replace(log)
    store.close()
    assert any(log.name in told for told in store.events)
    whole = dict.fromkeys(range(860 + more), 5)
    with suppress(StoreError):  # refused, where the next start would read the file by it
        assert stored_batches(tmp_path / "s", lambda: LATER) == whole
    log.unlink(missing_ok=True)
    assert stored_batches(tmp_path / "s", lambda: LATER) == whole
    assert findings(tmp_path / "s") == []


def test_a_removed_log_that_cannot_be_copied_ends_no_watch(tmp_path: Path) -> None:
    """The disk fails too: it is said, and copied when the disk is mended."""
    disk = Disk()
    with sqlite_faults.watched(disk):
        store = open_store(tmp_path, lambda: NOON, disk)
        store.append(batch(1))
        store.database.log.unlink()
        disk.at, disk.code, disk.lasting = disk.calls + 1, errno.ENOSPC, True
        store.look_after()
        disk.healed = True
        store.look_after()
        assert ["cannot be used" in store.events[0] or "make room" in store.events[0],
                "start it again" in store.events[-1]] == [True, True]  # fmt: skip
        store.close()
    check([1], stored_batches(tmp_path, lambda: NOON), "a removed log on a full disk")


@pytest.mark.parametrize("name", ["record.sqlite", "record.sqlite-wal", "record.note", "days", "."])
@pytest.mark.parametrize("thread", ["MainThread", "copy log", "export"])
def test_no_thread_ends_with_a_traceback_whatever_is_taken_away(
    tmp_path: Path, thread: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is copied, a day is written, the files are looked at while a hand removes something: it is told."""
    ended: list[object] = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    monkeypatch.setattr(store_module, "_LOOK_S", 0.01)  # nobody waits for half a minute here
    monkeypatch.setattr(database_module, "_COPY_ROWS", 1)  # nor for thousands of records
    numbers = itertools.count(1)
    clock, disk, path, gone = [float(NOON)], Disk(), tmp_path / "s" / name, threading.Event()

    def hand() -> None:
        """In the midst of that thread's work it is gone, and whatever the others do next finds it so."""
        if threading.current_thread().name.startswith(thread):
            removed_whole(path)
            gone.set()

    with sqlite_faults.watched(disk):
        store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: clock[0], files=disk, min_free_bytes=0)
        while not store.database.in_file[0]:  # a reader puts it off: the next commit tries again
            store.append(batch(next(numbers)))
            wait_until(lambda: not any(one.name.startswith("copy") for one in threading.enumerate()), "it was tried")
        # While the first day's export is at work another day's waits for the next record, and here none comes.
        wait_until(lambda: not any(one.name.startswith("export") for one in threading.enumerate()), "the first is over")
        disk.on_call = hand
        clock[0] += DAY_S
        with suppress(StoreError):
            for _ in range(3):
                store.append(batch(next(numbers)))
        wait_until(gone.is_set, "it is gone")
        disk.on_call = lambda: None
        wait_until(lambda: store.events or path.exists(), "it is told, or was there before anybody asked for it")
        store.close()
    assert ended == []


def test_it_is_looked_for_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a night in which nothing is stored."""
    monkeypatch.setattr(store_module, "_LOOK_S", 0.01)  # nobody waits for half a minute here
    store = SQLiteStore(tmp_path, "xh", ZONE, lambda: NOON, min_free_bytes=0)
    (tmp_path / "record.note").unlink()
    wait_until(lambda: store.events, "it is told")
    assert (tmp_path / "record.note").exists()
    store.close()
