"""The journal below TinyDB: the whole TinyDB API on it, and what damaged files do."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tinydb import Query, TinyDB, where
from tinydb.operations import delete, increment
from tinydb.storages import MemoryStorage
from tinydb.table import Document

from broker.store.tinyjournal import (
    Files,
    FolderLock,
    FolderLocked,
    Journal,
    JournalBroken,
    JournalClosed,
    JournalCorrupt,
    JournalDB,
    JournalStorage,
    export_table,
    frames,
)


class QuickFiles(Files):
    """Without waiting for the disk."""

    def sync(self, handle: int) -> None:
        """Nothing."""

    def sync_folder(self, path: Path) -> None:
        """Nothing."""


def reopened(db: JournalDB, folder: Path) -> JournalDB:
    """Close and open again."""
    db.close()
    return JournalDB(folder)


@pytest.fixture
def db(tmp_path):
    """An open JournalDB in an empty folder."""
    opened = JournalDB(tmp_path / "db")
    yield opened
    opened.close()


def test_journal_db_inserts_and_finds(db, tmp_path):
    """Insert, query, get by id and condition, count and iterate, before and after reopening."""
    assert db.insert({"room": "r01", "count": 3}) == 1
    assert db.insert_multiple({"room": f"r{n:02}", "count": n} for n in range(2, 5)) == [2, 3, 4]
    for again in range(2):
        assert [d["room"] for d in db.search(where("count") >= 3)] == ["r01", "r03", "r04"], again
        found = db.get(doc_id=3)
        assert isinstance(found, Document) and found == {"room": "r03", "count": 3} and found.doc_id == 3
        assert [d.doc_id for d in db.get(doc_ids=[4, 1])] == [1, 4]
        assert db.contains(Query().room.matches("r0[34]")) and not db.contains(doc_id=9)
        assert db.count(where("count") == 3) == 2 and len(db) == 4 and [d.doc_id for d in db] == [1, 2, 3, 4]
        db = reopened(db, tmp_path / "db")
    db.close()


def test_journal_db_changes_and_removes(db, tmp_path):
    """Update by mapping, operation, condition and id; upsert; remove; truncate: the same after reopening."""
    db.insert_multiple({"n": n} for n in range(1, 6))
    assert db.update({"seen": True}, where("n") > 3) == [4, 5]
    assert db.update(increment("n"), doc_ids=[1, 77]) == [1]
    assert db.update_multiple([({"x": 1}, where("n") == 2), (delete("seen"), where("n") == 5)]) == [1, 2, 5]
    assert db.upsert({"n": 3, "y": 2}, where("n") == 3) == [3]
    assert db.upsert(Document({"n": 40}, doc_id=40)) == [40]
    assert db.remove(where("n") == 4) == [4] and db.remove(doc_ids=[99]) == []
    expected = [{"n": 2, "x": 1}, {"n": 2, "x": 1}, {"n": 3, "y": 2}, {"n": 5}, {"n": 40}]
    assert db.all() == expected
    db = reopened(db, tmp_path / "db")
    assert db.all() == expected
    db.truncate()
    assert reopened(db, tmp_path / "db").all() == []


def test_journal_db_keeps_tables_apart(db, tmp_path):
    """Tables have their own ids; one or all can be dropped; an empty one can be made."""
    db.table("a").insert({"x": 1})
    db.table("b").insert_multiple([{"x": 2}, {"x": 3}])
    db.table("e", persist_empty=True)
    assert db.tables() == {"a", "b", "e"}
    db.drop_table("a")
    db = reopened(db, tmp_path / "db")
    assert db.tables() == {"b", "e"} and db.table("b").all() == [{"x": 2}, {"x": 3}]
    db.drop_tables()
    assert reopened(db, tmp_path / "db").tables() == set()


def test_journal_db_never_gives_an_id_twice(db, tmp_path):
    """Not after removing the newest, not after an explicit id, not in the middle of one insert_multiple."""
    db.insert_multiple([{"n": 1}, {"n": 2}])
    db.remove(doc_ids=[2])
    db = reopened(db, tmp_path / "db")
    assert db.insert({"n": 3}) == 3
    assert db.insert_multiple([Document({"n": 10}, doc_id=10), {"n": 11}, {"n": 12}]) == [10, 11, 12]
    with pytest.raises(ValueError, match="already exists"):
        db.insert(Document({"n": 0}, doc_id=11))
    assert db.get(doc_id=11) == {"n": 11}
    db.close()


def test_journal_db_is_untouched_by_an_update_that_fails(db):
    """An updater that raises halfway changes nothing, in memory and on disk."""
    db.insert_multiple([{"n": 1}, {"n": "x"}])
    size = db.journal.bytes
    with pytest.raises(TypeError):
        db.update(increment("n"))
    assert db.all() == [{"n": 1}, {"n": "x"}] and db.journal.bytes == size


def test_journal_db_hands_out_copies(db):
    """Changing a result changes nothing stored, nested lists included."""
    db.insert({"list": [1]})
    db.all()[0]["list"].append(2)
    db.search(where("list").exists())[0]["list"].append(2)
    assert db.get(doc_id=1) == {"list": [1]}


def test_journal_db_forgets_cached_queries_when_it_changes(db):
    """A query asked again after any kind of change sees the change."""
    query = where("n") > 0
    assert db.search(query) == []
    db.insert({"n": 1})
    assert len(db.search(query)) == 1
    db.insert_across({"_default": [{"n": 2}], "other": [{"n": 3}]})
    assert len(db.search(query)) == 2


def test_journal_db_writes_only_what_changes(db):
    """Changing one of a thousand documents appends one line; changing nothing appends nothing."""
    db.insert_multiple({"n": n} for n in range(1000))
    before = db.journal.bytes
    db.update({"n": -1}, doc_ids=[500])
    assert db.journal.bytes - before < 150
    before = db.journal.bytes
    db.update({"n": -1}, doc_ids=[500])
    assert db.journal.bytes == before


def test_journal_storage_works_below_a_stock_table(tmp_path):
    """Stock TinyDB with our storage, by its documented contract of reading and writing all, loses nothing either."""

    class Stock(TinyDB):
        pass

    db = Stock(tmp_path / "db", storage=JournalStorage)
    db.insert_multiple([{"n": 1}, {"n": 2}])
    db.update({"n": 5}, where("n") == 2)
    db.remove(where("n") == 1)
    db.close()
    db = JournalDB(tmp_path / "db")
    assert db.all() == [{"n": 5}]
    db.close()


def test_journal_db_reads_names_with_quotes_and_colours_of_text(db, tmp_path):
    """Table names and texts with quotes, line breaks, backslashes and Chinese survive."""
    texts = ['a"b', "c\\", "中文\n{\u2028}", '","', "]"]
    for text in texts:
        db.table(text).insert({text: text})
    db = reopened(db, tmp_path / "db")
    assert db.tables() == set(texts)
    assert all(db.table(text).all() == [{text: text}] for text in texts)
    db.close()


def test_journal_is_json_lines_a_person_can_read(db):
    """Each line of a segment is JSON by itself."""
    db.insert({"room": "r01"})
    db.insert_across({"a": [{"x": 1}], "b": [{"y": 2}]})
    lines = [json.loads(line) for line in db.journal.segments[0].read_text().splitlines() if line]
    assert lines[0]["frame"] == 1 and lines[1] == ["_default", 1, {"room": "r01"}]
    assert lines[2]["lines"] == 2 and lines[3:] == [["a", {"x": 1}], ["b", {"y": 2}]]


def test_export_opens_with_stock_tinydb(db, tmp_path):
    """What export_table writes is what stock TinyDB reads, all documents equal."""
    db.insert_multiple([{"n": n, "名": ["箱房", None, 1.5]} for n in range(50)])
    db.remove(doc_ids=[7])
    (tmp_path / "stock.json").write_bytes(b"".join(export_table(db.rows("_default").raw_items())))
    with TinyDB(tmp_path / "stock.json") as stock:
        assert stock.all() == db.all() and [d.doc_id for d in stock] == [d.doc_id for d in db]
        assert stock.search(where("n") == 9) == db.search(where("n") == 9)


def test_journal_lets_one_process_in(db, tmp_path):
    """The same folder a second time is refused with the holder's number, and free again after closing."""
    with pytest.raises(FolderLocked, match="in use by process"):
        JournalDB(tmp_path / "db")
    db.close()
    JournalDB(tmp_path / "db").close()


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.integers(0, 4)),
        st.tuples(st.just("insert_multiple"), st.lists(st.integers(0, 4), max_size=3)),
        st.tuples(st.just("update"), st.integers(0, 4)),
        st.tuples(st.just("remove"), st.integers(0, 4)),
        st.tuples(st.just("upsert"), st.integers(0, 4)),
        st.tuples(st.just("truncate"), st.none()),
        st.tuples(st.just("drop"), st.none()),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=14,
)


def do(db: TinyDB, step: tuple[str, Any]) -> object:
    """One step on a table; what it gives back, without document numbers."""
    name, value = step
    table = db.table("t")
    if name == "insert":
        table.insert({"n": value, "more": [value]})
    elif name == "insert_multiple":
        return len(table.insert_multiple({"n": n} for n in value))
    elif name == "update":
        return len(table.update(increment("n"), where("n") == value))
    elif name == "remove":
        return len(table.remove(where("n") == value))
    elif name == "upsert":
        return len(table.upsert({"n": value, "up": True}, where("n") == value))
    elif name == "truncate":
        table.truncate()
    elif name == "drop":
        db.drop_table("t")
    return None


@settings(max_examples=60, deadline=None, database=None)
@given(steps=_steps)
def test_journal_db_behaves_like_stock_tinydb(steps):
    """Any sequence of operations gives the same documents in the same order as TinyDB in memory, reopened or not."""
    with tempfile.TemporaryDirectory() as folder:
        ours, stock = JournalDB(folder, QuickFiles()), TinyDB(storage=MemoryStorage)
        for step in steps:
            if step[0] == "reopen":
                ours.close()
                ours = JournalDB(folder, QuickFiles())
            assert do(ours, step) == do(stock, step)
            assert ours.table("t").all() == stock.table("t").all()
            assert ours.table("t").search(where("n") > 1) == stock.table("t").search(where("n") > 1)
            assert len(ours.table("t")) == len(stock.table("t"))
        ours.close()


# --- damaged files ------------------------------------------------------------------------------------------


def journal_of(folder: Path, batches: int, lines: int = 2, **options) -> tuple[bytes, list[int]]:
    """A journal's only segment, and where its frames end."""
    journal = Journal(folder, QuickFiles(), **options)
    list(journal.replay())
    for number in range(batches):
        journal.append([b'["t",%d,{"n":%d}]' % (number, n) for n in range(lines)])
    journal.close()
    data = b"".join(path.read_bytes() for path in journal.segments)
    ends = [0, *(frame.end for frame in frames.frames_from(data, 0))]
    return data, ends


def read_again(folder: Path) -> tuple[int, list[str]]:
    """How many frames a fresh opening finds, and its events."""
    journal = Journal(folder, QuickFiles())
    try:
        return sum(1 for _ in journal.replay()), journal.events
    finally:
        journal.close()


def test_journal_cut_at_every_byte_is_the_exact_prefix(tmp_path):
    """Whatever byte the file ends at, all whole frames are there, the rest is kept aside, and writing goes on."""
    data, ends = journal_of(tmp_path / "a", 6)
    path = tmp_path / "a" / "000000000001.jsonl"
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = sum(1 for end in ends[1:] if end <= cut)
        found, events = read_again(tmp_path / "a")
        assert found == whole
        if cut in ends:
            assert not events
        else:
            kept = sorted((tmp_path / "a" / "aside").iterdir())
            assert len(events) == 1 and b"".join(p.read_bytes() for p in kept) == data[
                max(e for e in ends if e <= cut) : cut
            ].rstrip(b"\n")
            for p in kept:
                p.unlink()
    journal = Journal(tmp_path / "a", QuickFiles())
    list(journal.replay())
    journal.append([b'["t",1]'])
    journal.close()
    assert read_again(tmp_path / "a") == (7, [])


def test_journal_with_any_flipped_bit_is_refused_or_set_aside(tmp_path):
    """Every single flipped bit: in the newest frame it is set aside and said, anywhere else it refuses to open."""
    data, ends = journal_of(tmp_path / "a", 3, lines=1)
    path = tmp_path / "a" / "000000000001.jsonl"
    refused = aside = 0
    for position in range(len(data)):
        for bit in range(8):
            hurt = bytearray(data)
            hurt[position] ^= 1 << bit
            with path.open("r+b") as file:  # truncating first would wait for the disk each time
                file.write(hurt)
            try:
                found, events = read_again(tmp_path / "a")
            except JournalCorrupt as error:
                refused += 1
                assert path.read_bytes() == hurt and str(path) in str(error)
                assert position < ends[-2], "only damage before the newest frame is certain"
            else:
                aside += 1
                assert found == 2 and len(events) == 1 and position >= ends[-2]
    assert refused == 8 * ends[-2] and aside == 8 * (len(data) - ends[-2])


def test_journal_takes_a_tail_of_zeros_as_a_torn_write(tmp_path):
    """A file system that grew the file but lost its pages leaves zeros: set aside, nothing lost."""
    data, _ = journal_of(tmp_path / "a", 3)
    (tmp_path / "a" / "000000000001.jsonl").write_bytes(data + b"\0" * 4096)
    found, events = read_again(tmp_path / "a")
    assert found == 3 and len(events) == 1


def test_journal_misses_a_lost_segment(tmp_path):
    """A file missing in the middle, or a frame moved or repeated, is refused."""
    journal_of(tmp_path / "a", 6, segment_bytes=150)
    segments = sorted((tmp_path / "a").glob("*.jsonl"))
    assert len(segments) >= 3
    middle = segments[1].read_bytes()
    segments[1].unlink()
    with pytest.raises(JournalCorrupt, match="damaged or missing"):
        read_again(tmp_path / "a")
    segments[1].write_bytes(segments[0].read_bytes() + middle)
    with pytest.raises(JournalCorrupt):
        read_again(tmp_path / "a")
    segments[1].write_bytes(middle)
    assert read_again(tmp_path / "a") == (6, [])


@pytest.mark.parametrize("removable", [True, False])
def test_journal_never_writes_again_to_a_file_whose_sync_failed(tmp_path, removable):
    """The next frame goes to a new file, what was not promised is passed over, and no empty files pile up."""

    class Failing(QuickFiles):
        broken = False

        def sync(self, handle: int) -> None:
            if self.broken:
                raise OSError(5, "Input/output error")

        def truncate(self, handle: int, size: int) -> None:
            raise OSError(5, "Input/output error")

        def remove(self, path: Path) -> None:
            if self.broken and not removable:
                raise OSError(5, "Input/output error")
            super().remove(path)

    files = Failing()
    journal = Journal(tmp_path / "a", files)
    list(journal.replay())
    journal.append([b'["t",1,{"n":"first"}]'])
    files.broken = True
    for _ in range(10):
        with pytest.raises(JournalBroken):
            journal.append([b'["t",2,{"n":"never promised"}]'])
    files.broken = False
    journal.append([b'["t",2,{"n":"second"}]'])
    journal.close()
    assert sorted((tmp_path / "a").glob("*.jsonl")) == sorted(journal.segments)
    assert len(journal.segments) == (2 if removable else 11)
    again = Journal(tmp_path / "a", QuickFiles())
    assert [frame.lines for frame in again.replay()] == [[b'["t",1,{"n":"first"}]'], [b'["t",2,{"n":"second"}]']]
    again.close()


def test_journal_misses_its_newest_segment(tmp_path):
    """The last file is lost, among others or alone: refused by name; one that was begun and not named is no loss."""
    journal_of(tmp_path / "a", 6, segment_bytes=150)
    newest = sorted((tmp_path / "a").glob("*.jsonl"))[-1]
    kept = newest.read_bytes()
    newest.unlink()
    with pytest.raises(JournalCorrupt, match=newest.name):
        read_again(tmp_path / "a")
    newest.write_bytes(kept)
    (tmp_path / "a" / "000000000007.jsonl").touch()  # the power went before it was named
    assert read_again(tmp_path / "a") == (6, [])
    (tmp_path / "a" / "000000000007.jsonl").unlink()
    with pytest.raises(JournalCorrupt, match="000000000007"):  # opening named it, for frames might have come
        read_again(tmp_path / "a")
    journal_of(tmp_path / "b", 1)
    (tmp_path / "b" / "000000000001.jsonl").unlink()
    with pytest.raises(JournalCorrupt, match="is not there"):
        read_again(tmp_path / "b")


def test_journal_of_before_segments_were_named_opens_and_names_its_newest(tmp_path):
    """No name, or one that is not legible, refuses nothing; from then on the file is missed."""
    journal_of(tmp_path / "a", 3)
    for hurt in (None, b"", b"\0" * 20, b"0000"):
        (tmp_path / "a" / "newest").unlink()
        if hurt is not None:
            (tmp_path / "a" / "newest").write_bytes(hurt)
        assert read_again(tmp_path / "a") == (3, [])
        assert (tmp_path / "a" / "newest").read_text() == "000000000001.jsonl\n"


@pytest.mark.parametrize("call", ["create", "sync", "replace", "sync_folder", "write"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_journal_whose_beginning_of_a_segment_failed_opens_again(tmp_path, call, at):
    """Whichever call fails while a segment is begun, the journal opens with what it acknowledged, and goes on."""

    class Failing(QuickFiles):
        left = 0

    def failing(self, *args):
        Failing.left -= 1
        if Failing.left == 0:
            raise OSError(5, "Input/output error")
        return getattr(QuickFiles, call)(self, *args)

    setattr(Failing, call, failing)
    journal = Journal(tmp_path / "a", Failing(), segment_bytes=1)
    list(journal.replay())
    journal.append([b'["t",{"n":1}]'])
    Failing.left, stored = at, 1
    try:
        journal.append([b'["t",{"n":2}]'])
        stored = 2
    except JournalBroken:
        assert read_again(tmp_path / "a")[0] in (1, 2)
        journal.append([b'["t",{"n":2}]'])
        stored = 2
    journal.close()
    assert read_again(tmp_path / "a") == (stored, [])


def test_journal_db_writes_nothing_after_closing(tmp_path):
    """Whoever has the folder now would lose what a closed one still writes: every change raises, nothing is changed."""
    db = JournalDB(tmp_path / "db", segment_bytes=1)
    db.insert({"n": 1})
    db.insert({"n": 2})
    db.close()
    db.close()
    other = JournalDB(tmp_path / "db")
    changes = [
        lambda: db.insert({"n": 3}),
        lambda: db.update({"n": 4}),
        lambda: db.remove(doc_ids=[1]),
        db.truncate,
        db.drop_tables,
        lambda: db.insert_across({"t": [{"n": 5}]}),
    ]
    for change in changes:
        with pytest.raises(JournalClosed, match="open it again"):
            change()
    assert db.all() == [{"n": 1}, {"n": 2}]
    other.insert({"n": 3})
    assert [document["n"] for document in reopened(other, tmp_path / "db")] == [1, 2, 3]


def test_folder_lock_needs_no_room_and_leaves_nothing_behind(tmp_path):
    """On a full disk the folder can still be locked; an error of the disk leaves no lock that nobody holds."""

    class Bad(Files):
        refused = ""

        def sign(self, handle: int, data: bytes) -> None:
            if self.refused == "sign":
                raise OSError(28, "No space left on device")
            super().sign(handle, data)

        def lock(self, handle: int) -> None:
            super().lock(handle)
            if self.refused == "lock":
                raise OSError(37, "No locks available")

    files = Bad()
    files.refused = "sign"
    held = FolderLock(tmp_path, files)
    with pytest.raises(FolderLocked, match="by process unknown"):
        FolderLock(tmp_path)
    held.release()
    files.refused = "lock"
    with pytest.raises(OSError, match="No locks"):
        FolderLock(tmp_path, files)
    FolderLock(tmp_path).release()


@pytest.mark.parametrize("there", [True, False], ids=["with lock file", "without"])
def test_folder_lock_works_on_a_disk_that_is_read_only(tmp_path, monkeypatch, there):
    """What cannot be written can be looked over: the file is locked as it is, or its folder."""
    if there:
        FolderLock(tmp_path).release()
    really = os.open

    def read_only(path: Any, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(30, "Read-only file system")
        return really(path, flags, mode)

    monkeypatch.setattr(os, "open", read_only)
    held = FolderLock(tmp_path)
    with pytest.raises(FolderLocked):
        FolderLock(tmp_path)
    held.release()
    FolderLock(tmp_path).release()
