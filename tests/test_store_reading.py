"""The open day is read from the disk: what is read was stored, or it is refused; readers outlive files and growth."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.store import Corrupt, Record
from broker.store.tinydb_store import TinyDBStore
from broker.store.tinyjournal import JournalDB, ReadError

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
