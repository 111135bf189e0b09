"""Nothing acknowledged is lost: failing disks, power cuts, kill -9, damaged files, moving clocks. Long in bench/."""

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
from pathlib import Path

import pytest
from tinydb import TinyDB, where

from bench import store_faults
from bench.segment_faults import segment_power_cuts
from bench.store_faults import NOON, QuickFiles, batch, check, open_store, stored_batches
from broker.store import Conflict, Corrupt, Full, Unavailable
from broker.store.tinydb_store import TinyDBStore

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["disk full", "disk error"])
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_store_survives_a_failure_of_any_call(code, lasting):
    """Each 5th call to the disk fails in turn, through a day change and sealing; every one of them in bench/."""
    assert sum(1 for _ in store_faults.failing_calls(code, lasting=lasting, every=5)) >= 16


def test_store_survives_a_power_cut_after_any_call():
    """After each 3rd call to the disk a possible state of it has all that was acknowledged; every call in bench/."""
    assert store_faults.power_cuts(seed=7, images_per_call=1, every=3) >= 40


def test_journal_survives_a_power_cut_while_it_begins_a_segment():
    """Whichever call fails and whenever the power goes: the journal opens, and its newest file is not missed."""
    assert segment_power_cuts(seed=3, every=3) >= 300


def test_store_survives_kill_9():
    """A writing process is killed at random moments on one folder: 0 lost, none twice, no batch by halves."""
    kills, batches = store_faults.kills(4, seed=5, longest_s=0.3)
    assert kills == 4 and batches > 20


def test_store_refuses_a_second_process(tmp_path):
    """A second bridge on the folder is told who has it; after the first is gone it gets in."""
    store = open_store(tmp_path / "s", lambda: NOON)
    script = "import sys; from bench.store_faults import *; open_store(Path(sys.argv[1]), lambda: NOON)"
    second = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s")], capture_output=True, text=True, cwd=ROOT, timeout=30
    )
    assert second.returncode != 0 and "InUse" in second.stderr and "in use by process" in second.stderr
    with pytest.raises(Unavailable):
        open_store(tmp_path / "s", lambda: NOON)
    store.close()
    open_store(tmp_path / "s", lambda: NOON).close()


def test_store_full_by_a_limit_of_the_system_keeps_what_it_acknowledged(tmp_path):
    """A real write that fails halfway (the process may write no larger files) loses nothing acknowledged."""
    script = (
        "import sys, resource\n"
        "from bench.store_faults import *\n"
        "from broker.store import Full\n"
        "store = open_store(Path(sys.argv[1]), lambda: NOON)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "for number in range(1, 100):\n"
        "    try: store.append(batch(number))\n"
        "    except Full: print('full', flush=True); break\n"
        "    print(number, flush=True)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s")], capture_output=True, text=True, cwd=ROOT, timeout=30
    )
    lines = done.stdout.split()
    assert lines[-1] == "full", done.stderr
    acknowledged = [int(line) for line in lines[:-1]]
    assert acknowledged
    check(acknowledged, stored_batches(tmp_path / "s", lambda: NOON), "file size limit")


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A real file system of 400 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"full-disk test on a real file system NOT RUN: mount says {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


def test_store_on_a_full_disk_keeps_everything_and_goes_on_with_room(small_disk):
    """A full file system: error to the caller, all acknowledged batches there, and writing again after making room."""
    store = open_store(small_disk / "s", lambda: NOON)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 200_000)
    acknowledged = []
    with pytest.raises(Full, match="make room"):
        for number in range(1, 1000):
            store.append(batch(number))
            acknowledged.append(number)
    refused = acknowledged[-1] + 1
    ballast.unlink()
    store.append(batch(refused))
    store.close()
    check([*acknowledged, refused], stored_batches(small_disk / "s", lambda: NOON), "full disk")


class Shrinking(QuickFiles):
    """A disk with as many bytes free as a test says."""

    def __init__(self) -> None:
        self.free = 1 << 40
        self.room = 1 << 40

    def free_bytes(self, path: Path) -> int:
        return self.free

    def write(self, handle: int, data: bytes, offset: int) -> None:
        longer = max(0, offset + len(data) - os.fstat(handle).st_size)
        if longer > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= longer
        super().write(handle, data, offset)

    def truncate(self, handle: int, size: int) -> None:
        self.room += os.fstat(handle).st_size - size
        super().truncate(handle, size)

    def remove(self, path: Path) -> None:
        self.room += path.stat().st_size
        super().remove(path)


def test_store_takes_alarms_when_nearly_full(tmp_path):
    """Below the limit only urgent records are taken; on a disk that is really full the reserve is given up for them."""
    files = Shrinking()
    store = TinyDBStore(tmp_path / "s", "xh", "Asia/Shanghai", lambda: NOON, files=files, min_free_bytes=1000)
    files.free = 999
    with pytest.raises(Full, match="alarms are still taken"):
        store.append(batch(1))
    store.append(batch(2), urgent=True)
    files.room = 0
    number = 2
    while (tmp_path / "s" / "reserve").exists():
        number += 1
        store.append(batch(number), urgent=True)
    assert "reserve was given up" in store.health()["warnings"][-1]
    with pytest.raises(Full):
        while True:
            files.room = 0
            store.append(batch(number + 1), urgent=True)
            number += 1
    store.close()
    check(range(2, number + 1), stored_batches(tmp_path / "s", lambda: NOON), "nearly full")


def test_store_follows_a_clock_that_jumps(tmp_path):
    """Forward by years, back by minutes over midnight, back by years, the same day twice: nothing is lost."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    jumps = [NOON, NOON + 10 * 365 * 86_400, NOON + 60, NOON - 3 * 86_400, NOON + 86_400, NOON + 43_190, NOON + 43_210]
    for number, at in enumerate(jumps, 1):
        clock[0] = float(at)
        store.append(batch(number))
    for number in range(1, len(jumps) + 1):
        assert store.append(batch(number)).duplicates == store_faults.BATCH
    store.close()
    check(range(1, len(jumps) + 1), stored_batches(tmp_path / "s", lambda: clock[0]), "clock jumps")
    names = sorted(path.name for path in (tmp_path / "s" / "records").iterdir())
    assert "2026-11-22" in names and "2026-11-22.2" in names and "2036-11-19" in names


def test_store_commits_for_all_who_wait(tmp_path):
    """While one commit waits for the disk seven others queue: they share the next frame, each with its own receipt."""

    class Slow(QuickFiles):
        queued = staticmethod(lambda: True)

        def sync(self, handle: int) -> None:
            deadline = time.monotonic() + 10
            while not self.queued() and time.monotonic() < deadline:
                time.sleep(0.002)

    files = Slow()
    store = open_store(tmp_path / "s", lambda: NOON, files)
    files.queued = lambda: store._shelf.today.db.journal.frame > 0 or len(store._waiting) == 7
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda number: store.append(batch(number)), range(1, 9)))
    assert [receipt.stored for receipt in receipts] == [store_faults.BATCH] * 8
    frames = store._shelf.today.db.journal.frame
    store.close()
    assert frames == 2
    check(range(1, 9), stored_batches(tmp_path / "s", lambda: NOON), "threads")


def two_days(folder: Path) -> Path:
    """A store with one sealed day (batches 1-3) and an open one (batch 4); the sealed folder."""
    clock = [float(NOON)]
    store = open_store(folder, lambda: clock[0], QuickFiles())
    for number in (1, 2, 3):
        store.append(batch(number))
    clock[0] += 86_400
    store.append(batch(4))
    store.close()
    return folder / "records" / "2026-11-22"


def test_store_seals_what_stock_tinydb_opens(tmp_path):
    """Every sealed kind opens with stock TinyDB, all documents equal, queries included; hashes are sha256sum's."""
    sealed = two_days(tmp_path / "s")
    with TinyDB(sealed / "bins.json") as stock:
        assert [d["id"] for d in stock] == ["r01:1:1", "r01:1:2", "r01:1:3"]
        assert stock.search(where("body")["device"] == "r01")[1].doc_id == 2
    checked = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=sealed, capture_output=True, timeout=20)
    assert checked.returncode == 0, checked.stdout


def test_store_refuses_a_sealed_file_with_any_damage(tmp_path):
    """Each file of a sealed day with one flipped bit is refused by name when it is read, and never changed."""
    sealed = two_days(tmp_path / "s")
    days_off = NOON + 86_400
    for path in sorted(sealed.iterdir()):
        data = path.read_bytes()
        path.write_bytes(data[:-5] + bytes([data[-5] ^ 4]) + data[-4:])
        hurt = path.read_bytes()
        with pytest.raises(Corrupt) as refused:
            (tmp_path / "s" / "index" / "ids-2026.json").unlink()
            store = open_store(tmp_path / "s", lambda: days_off, QuickFiles())
            try:
                for kind in ("bins", "visit", "workflow", "fix", "keeper"):
                    list(store.scan(kind))
                    store.totals(kind, "2026-11-01", "2026-12-01", [])
                list(TinyDBScan(store))
            finally:
                store.close()
        assert sealed.name in str(refused.value) and "fsck" in str(refused.value)
        assert path.read_bytes() == hurt
        path.write_bytes(data)
        open_store(tmp_path / "s", lambda: days_off, QuickFiles()).close()


class TinyDBScan:
    """What of sealed days only others read: the thinned positions, and the ids by then, which are for fsck."""

    def __init__(self, store: TinyDBStore) -> None:
        self._store = store

    def __iter__(self):
        for day in self._store.sealed_days():
            yield day.documents("fix")
            yield day.seen()


def test_store_refuses_damage_in_the_middle_of_the_open_day(tmp_path):
    """A flipped bit before the newest frame: Corrupt with file, byte and command; nothing changed."""
    store = open_store(tmp_path / "s", lambda: NOON)
    for number in (1, 2, 3):
        store.append(batch(number))
    store.close()
    (path,) = (tmp_path / "s" / "open").glob("*/*.jsonl")
    data = bytearray(path.read_bytes())
    data[300] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt, match=r"frame 2 .* is whole.*python -m broker fsck"):
        open_store(tmp_path / "s", lambda: NOON)
    assert path.read_bytes() == data


def test_store_sets_a_torn_end_aside_and_says_so(tmp_path):
    """A cut last frame is kept in aside/, named in health, and moves to the store's aside/ when the day is sealed."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    store.append(batch(1))
    store.append(batch(2))
    store.close()
    (path,) = (tmp_path / "s" / "open").glob("*/*.jsonl")
    path.write_bytes(path.read_bytes()[:-7])
    store = open_store(tmp_path / "s", lambda: clock[0])
    assert "interrupted write" in store.health()["warnings"][0]
    assert store.append(batch(2)).stored == store_faults.BATCH
    clock[0] += 86_400
    store.append(batch(3))
    store.close()
    assert len(list((tmp_path / "s" / "aside").iterdir())) == 1
    check([1, 2, 3], stored_batches(tmp_path / "s", lambda: clock[0]), "torn end")


def test_store_never_starts_blank_over_something(tmp_path):
    """Without store.json but with days, with another area or zone: refused, nothing made new."""
    two_days(tmp_path / "s")
    with pytest.raises(Conflict, match="the configuration says"):
        TinyDBStore(tmp_path / "s", "other", "Asia/Shanghai", lambda: NOON)
    (tmp_path / "s" / "store.json").unlink()
    with pytest.raises(Corrupt, match=r"store\.json is missing"):
        open_store(tmp_path / "s", lambda: NOON)
    assert not (tmp_path / "s" / "store.json").exists()


def test_store_seals_again_what_was_interrupted(tmp_path):
    """A half-written sealed day is made again from its journal; a journal left behind after sealing is removed."""
    clock = [float(NOON)]
    store = open_store(tmp_path / "s", lambda: clock[0])
    store.append(batch(1))
    store.close()
    journal = shutil.copytree(tmp_path / "s" / "open" / "000001_2026-11-22", tmp_path / "journal")
    draft = tmp_path / "s" / "records" / ".000001_2026-11-22.sealing"
    draft.mkdir(parents=True)
    (draft / "bins.json").write_text("half")
    clock[0] += 86_400
    open_store(tmp_path / "s", lambda: clock[0]).close()
    assert not draft.exists() and (tmp_path / "s" / "records" / "2026-11-22" / "bins.json").exists()
    left = tmp_path / "s" / "open" / "000001_2026-11-22"
    shutil.copytree(journal, left)
    half = tmp_path / "s" / "open" / ".000001_2026-11-22.removing"
    half.mkdir()
    check([1], stored_batches(tmp_path / "s", lambda: clock[0]), "sealing interrupted")
    assert not left.exists() and not half.exists() and not (tmp_path / "s" / "aside").exists()


def test_store_answers_while_a_day_is_sealed_beside(tmp_path):
    """Readers run through many changes of the day with sealing in a thread: every answer is whole, none doubles."""
    clock = [float(NOON)]
    store = TinyDBStore(tmp_path / "s", "xh", "Asia/Shanghai", lambda: clock[0], files=QuickFiles(), min_free_bytes=0)
    done, answers = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            least = len(acknowledged)
            scanned = [record.id for kind in ("bins", "fix", "visit") for record in store.scan(kind)]
            assert len(scanned) == len(set(scanned)) and len(scanned) >= 4 * least
            rows = store.totals("visit", "2026-01-01", "2027-12-31", [])
            assert least <= sum(row["records"] for row in rows) <= len(acknowledged) + 1
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
                time.sleep(0.02)
        finally:
            done.set()
        for reader in readers:
            reader.result(timeout=30)
    store.close()
    assert len(answers) > 4
    check(acknowledged, stored_batches(tmp_path / "s", lambda: clock[0]), "sealing beside")
