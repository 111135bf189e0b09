"""The open day is read from the disk: what is read was stored, or it is refused; readers outlive files and growth."""

import gc
import os
import resource
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.store import Corrupt, Record, Unavailable
from broker.store.codec import Heads
from broker.store.numbered import Numbered
from broker.store.tinydb_store import TinyDBStore
from broker.store.tinyjournal import Files, JournalDB, ReadError

NOON = 1795320000


def report(n: int, kind: str = "bins") -> Record:
    """A small record; every third id does not count."""
    record_id = f"r01:1:{n}" if n % 3 else f"other:{n}"
    return Record(record_id, kind, "r01", NOON + n, NOON, "xh", {"n": n, "text": "x" * (n % 50)})


def opened(folder: Path, clock: list[int]) -> TinyDBStore:
    """A store that seals while it commits."""
    return TinyDBStore(
        folder, "xh", "Asia/Shanghai", lambda: clock[0], min_free_bytes=0, seal_in_background=False
    )


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.sampled_from(["bins", "fix", "keeper"]))
@settings(deadline=None, max_examples=30)
def test_whatever_the_batches_were_each_record_is_read_back(tmp_path_factory, sizes: list[int], kind: str) -> None:
    """By id and in a row, while the day grows and after it is opened again."""
    folder, clock, n = tmp_path_factory.mktemp("s"), [NOON], 0
    store = opened(folder, clock)
    stored: list[Record] = []
    for size in sizes:
        batch = [report(number, kind) for number in range(n + 1, n + size + 1)]
        store.append(batch)
        stored += batch
        n += size
        assert store.get(batch[0].id) == batch[0]
        assert store.get(batch[-1].id) == batch[-1]
    for _ in range(2):
        assert list(store.scan(kind)) == stored
        assert [store.get(record.id) for record in stored] == stored
        store.close()
        store = opened(folder, clock)
    store.close()


def test_mixed_batches_are_read_by_time_across_frames(tmp_path: Path) -> None:
    """Frames of three kinds whose times overlap: each record in its order, by scan, by id and after opening again."""
    clock, records, kinds = [NOON], [], ("bins", "keeper", "visit")
    store = opened(tmp_path, clock)
    for frame in range(12):
        batch = [
            Record(f"r01:1:{40 * frame + n}", kinds[n // 2 % 3], "r01", NOON + 12 * n + frame, NOON, "xh", {"n": n})
            for n in range(40)
        ]
        store.append(batch)
        records += batch
    for _ in range(2):
        for kind in kinds:
            wanted = sorted((r for r in records if r.kind == kind), key=lambda r: (r.at, r.id))
            assert list(store.scan(kind)) == wanted
        assert [store.get(r.id) for r in records] == records
        assert len(store._shelf.today.db.rows("bins")._firsts) == 12, "one run for each frame"
        store.close()
        store = opened(tmp_path, clock)
    store.close()


def test_a_byte_that_changed_on_the_disk_is_never_read_as_a_record(tmp_path: Path) -> None:
    """Each byte of the journal in turn, below an open store: the record as it was stored, or Corrupt."""
    clock = [NOON]
    store = opened(tmp_path, clock)
    records = [report(n) for n in range(1, 7)]
    store.append(records[:3])
    store.append(records[3:])
    (journal,) = (tmp_path / "open").glob("*/*.jsonl")
    good = journal.read_bytes().rstrip(b"\n") + b"\n"
    refused = 0
    for place in range(0, len(good), 3):
        with journal.open("r+b") as file:
            file.seek(place)
            file.write(bytes([good[place] ^ 1]))
        try:
            assert list(store.scan("bins")) == records
        except Corrupt as why:
            assert "fsck" in str(why)
            refused += 1
        with journal.open("r+b") as file:
            file.seek(place)
            file.write(good[place : place + 1])
    assert refused == len(range(0, len(good), 3))
    assert list(store.scan("bins")) == records
    store.close()


def test_a_day_with_a_hurt_journal_is_not_sealed(tmp_path: Path) -> None:
    """A sealed file would prove the damage to be right: the journal stays, and the store says why."""
    clock = [NOON]
    store = opened(tmp_path, clock)
    store.append([report(n) for n in range(1, 7)])
    (journal,) = (tmp_path / "open").glob("*/*.jsonl")
    whole = journal.read_bytes()
    journal.write_bytes(whole.replace(b'"n":4', b'"n":5', 1))
    clock[0] += 86_400
    store.append([report(8)])
    assert not list((tmp_path / "records").glob("2*"))
    assert any("sealing 2026-11-22 failed" in warning for warning in store.health()["warnings"])
    with pytest.raises(Corrupt):
        store.get("r01:1:4")
    journal.write_bytes(whole)
    assert store.get("r01:1:4") == report(4)
    store.close()
    again = opened(tmp_path, clock)
    assert [record.body["n"] for record in again.scan("bins")] == [1, 2, 3, 4, 5, 6, 8]
    assert (tmp_path / "records" / "2026-11-22").is_dir()
    again.close()


def test_who_began_to_read_a_day_ends_it_when_it_is_sealed_and_gone(tmp_path: Path) -> None:
    """A report that is being written does not break at midnight, nor at the next."""
    clock = [NOON]
    store = opened(tmp_path, clock)
    store.append([report(n) for n in range(1, 50)])
    reading = store.scan("bins")
    assert next(reading) == report(1)
    for _ in range(3):
        clock[0] += 86_400
        store.append([report(clock[0] % 1000 + 100)])
    assert [record.body["n"] for record in reading][:48] == list(range(2, 50))
    store.close()


def test_files_that_were_read_are_closed_when_nobody_reads(tmp_path: Path) -> None:
    """A bridge that runs for a year does not run out of file numbers."""
    clock = [NOON]
    store = opened(tmp_path, clock)
    counts = []
    for day in range(6):
        store.append([report(100 * day + n) for n in range(1, 20)])
        assert store.get(f"r01:1:{100 * day + 1}") or store.get(f"other:{100 * day + 1}")
        assert list(store.scan("bins"))
        clock[0] += 86_400
        gc.collect()
        counts.append(len(os.listdir("/proc/self/fd")))
    assert counts[-1] - counts[1] <= 1, counts
    store.close()


def test_a_journal_db_reads_across_segments_and_refuses_what_changed(tmp_path: Path) -> None:
    """TinyDB's own calls on many small files; a hurt one is an error, not another document."""
    db = JournalDB(tmp_path / "db", segment_bytes=300)
    db.insert_multiple({"n": n} for n in range(5))
    for n in range(5, 40):
        db.insert({"n": n, "more": "y" * n})
    assert len(db.journal.segments) > 3
    assert [document["n"] for document in db.all()] == list(range(40))
    assert db.get(doc_id=30) == {"n": 29, "more": "y" * 29}
    hurt = db.journal.segments[1]
    hurt.write_bytes(hurt.read_bytes().replace(b'"n":', b'"m":', 1))
    with pytest.raises(ReadError, match=hurt.name):
        db.all()
    db.close()


def test_a_record_before_a_hurt_one_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look at the hurt one leaves nothing behind that is taken for the other's frame."""
    monkeypatch.setattr("broker.store.tinyjournal.reading.FRAMES_KEPT", 1)  # what is kept was proved before
    store = opened(tmp_path, [NOON])
    store.append([report(1), report(2)])
    store.append([report(4), report(5)])
    assert store.get("r01:1:5") == report(5)  # all are in the index
    store.append([report(n) for n in range(1000, 3000)])  # far beyond what is read at once
    assert store.get("r01:1:2999") == report(2999)
    (journal,) = (tmp_path / "open").glob("*/*.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"n":4', b'"n":5', 1))
    assert store.get("r01:1:1") == report(1)
    with pytest.raises(Corrupt):
        store.get("r01:1:4")
    assert store.get("r01:1:1") == report(1)
    store.close()


class FailingSync(Files):
    """A disk that takes writes and fails each sync and each removal while it is told to."""

    failing = False

    def remove(self, path: Path) -> None:
        if self.failing:
            raise OSError(5, "it failed")
        super().remove(path)

    def sync(self, handle: int) -> None:
        if self.failing:
            raise OSError(5, "it failed")
        super().sync(handle)


def test_a_disk_that_failed_for_an_hour_leaves_a_store_that_can_be_read(tmp_path: Path) -> None:
    """Each failed sync leaves a file without a frame: none of them costs a file number."""
    files = FailingSync()
    store = TinyDBStore(
        tmp_path, "xh", "Asia/Shanghai", lambda: NOON, files=files, min_free_bytes=0, seal_in_background=False
    )
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 60, before[1]))
    try:
        store.append([report(1)])
        files.failing = True
        for _ in range(100):
            with pytest.raises(Unavailable):
                store.append([report(2)])
        files.failing = False
        store.append([report(2)])
        assert list(store.scan("bins")) == [report(1), report(2)]
        store.close()
        again = opened(tmp_path, [NOON])
        again.append([report(4)])
        assert list(again.scan("bins")) == [report(1), report(2), report(4)]
        again.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_an_id_is_found_though_others_ask_while_late_ones_come() -> None:
    """Finding sorts what came late; what is added meanwhile is not lost."""
    numbered, seqs, done = Numbered(), [n ^ 1 for n in range(10, 4000)], threading.Event()
    numbered.take(Heads(["r01:1"], [5], ["r01"], [NOON]), 1)

    def ask() -> None:
        while not done.is_set():
            numbered.find("r01:1:5")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    asking = [threading.Thread(target=ask) for _ in range(2)]
    try:
        for thread in asking:
            thread.start()
        for number, seq in enumerate(seqs, 2):
            numbered.take(Heads(["r01:1"], [seq], ["r01"], [NOON]), number)
    finally:
        done.set()
        sys.setswitchinterval(before)
        for thread in asking:
            thread.join()
    assert [numbered.find(f"r01:1:{seq}") for seq in seqs] == list(range(2, 2 + len(seqs)))


def test_a_resend_of_what_a_hurt_sealed_day_has_holds_up_nobody(tmp_path: Path) -> None:
    """An id that does not count is looked for in the day itself: a hurt one must not refuse the batch for ever."""
    clock = [NOON]
    store = opened(tmp_path, clock)
    store.append([report(3), report(4)])
    clock[0] += 86_400
    store.append([report(5)])
    (sealed,) = (tmp_path / "records").glob("*/bins.json")
    sealed.write_bytes(sealed.read_bytes().replace(b'"n":3', b'"n":7'))
    receipt = store.append([report(3), report(7)])
    assert (receipt.stored, receipt.again) == (1, {"other:3"})
    assert store.get("r01:1:7") == report(7)
    store.close()
