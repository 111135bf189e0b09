"""A record that is not what was written: refused or told by name, never a blank start; what can be had comes back."""

import errno
import re
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tinydb import TinyDB, where

from broker.__main__ import main
from broker.store import Conflict, Corrupt, StoreError, Unavailable
from broker.store.sqlite.check import check
from broker.store.sqlite.database import Database
from broker.store.sqlite.store import SQLiteStore
from broker.store.sqlite.tables import RecordDB
from tests.support.record import sqlite_faults
from tests.support.record.samples import ZONE, visit
from tests.support.record.sqlite_faults import IOERR, IOERR_READ, OK
from tests.support.record.store_faults import NOON, FailingDisk, batch, findings, open_store, stored_batches

DAY_S = 86_400
AREA = ["--area", "xh", "--timezone", ZONE]


def filled(folder: Path, batches: int = 60, clock_at: float = NOON + 2 * DAY_S) -> SQLiteStore:
    """A store with batches of two past days and of today."""
    clock = [float(NOON)]
    store = open_store(folder, lambda: clock[0])
    for number in range(1, batches + 1):
        clock[0] = NOON + DAY_S * (3 * (number - 1) // batches)
        store.append(batch(number, int(clock[0])))
    clock[0] = clock_at
    return store


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a filled store, closed."""
    filled(tmp_path / "s").close()
    return tmp_path / "s"


def without_past_days(folder: Path) -> None:
    """Nothing is left but the record and its note."""
    shutil.rmtree(folder / "days")


def flipped(path: Path, byte: int, bit: int = 4) -> None:
    """Turn one bit of a file."""
    data = bytearray(path.read_bytes())
    data[byte % len(data)] ^= bit
    path.write_bytes(data)


# --- the whole file ---------------------------------------------------------------------------------------------------


def emptied(path: Path) -> None:
    """As a power cut leaves a file whose contents were not on the disk yet."""
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    """As some file systems do it."""
    path.write_bytes(b"\0" * path.stat().st_size)


def cut(path: Path) -> None:
    """The second half is missing."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def a_little(path: Path) -> None:
    """Less than a header is left."""
    path.write_bytes(path.read_bytes()[:60])


def another_kind(path: Path) -> None:
    """A file of something else."""
    path.write_bytes(b"hello\n" * 1000)


def older(path: Path) -> None:
    """A copy of before is put back."""
    place = path.parent.parent / "older"
    filled(place, 30).close()
    with sqlite3.connect(place / path.name) as copy, sqlite3.connect(path) as now:
        (record,) = now.execute("SELECT value FROM about WHERE name = 'record'").fetchone()
        copy.execute("UPDATE about SET value = ? WHERE name = 'record'", (record,))
    copy.close()
    shutil.copy(place / path.name, path)


def of_another_area(path: Path) -> None:
    """The file of another record."""
    filled(path.parent.parent / "other").close()
    shutil.copy(path.parent.parent / "other" / path.name, path)


def blank(path: Path) -> None:
    """A valid database without anything in it."""
    path.unlink()
    sqlite3.connect(path).execute("VACUUM")


def without_its_root(path: Path) -> None:
    """The page that leads to all rows is zeros."""
    with sqlite3.connect(path) as schema:
        (page,) = schema.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record'").fetchone()
    schema.close()
    data = path.read_bytes()
    path.write_bytes(data[: 4096 * (page - 1)] + bytes(4096) + data[4096 * page :])


def removed(path: Path) -> None:
    """The file is gone."""
    path.unlink()


WRONG = [
    (emptied, "is empty, but"), (zeroed, "damaged"), (cut, "end is missing|damaged"),
    (without_its_root, "damaged"), (a_little, "damaged|end is missing"), (another_kind, "damaged"),
    (blank, "cannot be used|damaged"),
    (older, "ends at record 150, an older copy perhaps, but"),
    (of_another_area, "is not the record that record.note was written for"), (removed, "is missing, but"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "said"), WRONG, ids=[damage.__name__ for damage, _ in WRONG])
@pytest.mark.real  # seconds of work
def test_a_file_that_is_not_the_record_is_refused_by_name_and_comes_back(folder, tmp_path, capsys, damage, said):
    """No start, no reading, the check exits 1; a repair takes what the past days' files and a copy have."""
    shutil.copytree(folder, copy := tmp_path / "copy")
    path = folder / "record.sqlite"
    damage(path)
    before = path.read_bytes() if path.exists() else None
    with pytest.raises((Corrupt, Conflict, Unavailable), match=f"{path}.*({said})"):
        open_store(folder, lambda: NOON + 2 * DAY_S)
    assert main(["stats", "--store", str(folder), "--from", "2026-11-22"]) == 1
    assert str(path) in capsys.readouterr().err
    assert main(["fsck", "--store", str(folder)]) == 1
    assert f"BAD   {path}" in capsys.readouterr().out
    assert (path.read_bytes() if path.exists() else None) == before
    shutil.copytree(folder, second := tmp_path / "second")
    assert main(["fsck", "--store", str(folder), "--repair", "--copies", str(copy)]) == 0, capsys.readouterr().out
    assert stored_batches(folder, lambda: NOON + 2 * DAY_S) == dict.fromkeys(range(1, 61), 5)
    # Without a copy the past days are all there is: what was of today is lost, and that has an exit code of its own.
    assert main(["fsck", "--store", str(second), "--repair"]) == 3
    found = re.search(r"(\d+) records were had, (\d+) are lost", capsys.readouterr().out)
    assert found is not None
    had, lost = int(found[1]), int(found[2])
    kept = stored_batches(second, lambda: NOON + 2 * DAY_S)
    assert set(range(1, 41)) <= set(kept) and (sum(kept.values()), lost) == (had, 300 - had)
    assert lost == 100 or damage in {cut, a_little, older}  # of those some pages of today may be left
    assert findings(folder) == findings(second) == []


def killed(place: Path, little: bool) -> tuple[Path, Path]:
    """A folder whose bridge was killed, with a log beside the file; and the file as it was a while before."""
    at, clock = NOON + 2 * DAY_S, lambda: NOON + 2 * DAY_S
    filled(place / "s", 30).close()
    shutil.copy(place / "s" / "record.sqlite", older := place / "older.sqlite")
    store = open_store(place / "s", clock)
    for number in range(31, 32 if little else 60):
        store.append(batch(number, at))
    store.close()
    store = open_store(place / "s", clock)
    store.append(batch(60, at))
    shutil.copytree(place / "s", place / "killed")
    store.close()
    return place / "killed", older


@pytest.mark.parametrize(
    ("damage", "little", "said"),
    [("cut", False, "end is missing"), ("older", False, "end is missing|older copy"),
     ("older", True, "older copy than its log: it was made at record 150, .* after 155")],
)  # fmt: skip
def test_a_file_that_does_not_belong_under_its_log_is_refused(tmp_path, capsys, damage, little, said):
    """The log of a killed bridge has the newest pages, so the end is there: what is missing lies before it."""
    folder, before = killed(tmp_path, little)
    path = folder / "record.sqlite"
    assert (folder / "record.sqlite-wal").stat().st_size > 0
    shutil.copytree(folder, whole := tmp_path / "whole")
    shutil.copytree(folder, copy := tmp_path / "copy")
    cut(path) if damage == "cut" else shutil.copy(before, path)
    with pytest.raises(Corrupt, match=f"{path}.*({said})"):
        open_store(folder, lambda: NOON + 2 * DAY_S)
    assert main(["fsck", "--store", str(folder)]) == 1 and f"BAD   {path}" in capsys.readouterr().out
    assert main(["fsck", "--store", str(folder), "--repair", "--copies", str(copy)]) == 0
    at = NOON + 2 * DAY_S
    assert stored_batches(folder, lambda: at) == stored_batches(whole, lambda: at)
    assert findings(folder) == []


@pytest.mark.parametrize("damage", [emptied, zeroed, cut])
def test_without_anything_to_take_it_from_nothing_is_made_anew(folder, capsys, damage):
    """A repair never ends in a blank record."""
    without_past_days(folder)
    damage(folder / "record.sqlite")
    before = (folder / "record.sqlite").read_bytes()
    code = main(["fsck", "--store", str(folder), "--repair"])
    if damage is cut:
        assert code in {1, 3}  # a half may have rows that can be read
    else:
        assert code == 1 and "no record can be had: give a copy" in capsys.readouterr().out
        assert (folder / "record.sqlite").read_bytes() == before
        with pytest.raises(Corrupt):
            open_store(folder, lambda: NOON)


def test_the_log_is_a_part_of_the_record(tmp_path):
    """A bridge was killed, and its log is lost: the note knows better."""
    store = filled(tmp_path / "s", 6)
    shutil.copytree(tmp_path / "s", tmp_path / "killed")
    store.close()
    without_past_days(tmp_path / "killed")
    (tmp_path / "killed" / "record.sqlite-wal").unlink()
    with pytest.raises(Corrupt, match="ends at record 0"):
        open_store(tmp_path / "killed", lambda: NOON)


@pytest.mark.parametrize("content", [None, b"", b"oh", b"{}", b'{"rows":"1"}'])
def test_a_note_that_is_lost_is_named_and_written_from_the_record(folder, capsys, content):
    """The record is not taken for a new one, nor for anybody's."""
    note = folder / "record.note"
    was = note.read_bytes()
    note.unlink() if content is None else note.write_bytes(content)
    assert main(["fsck", "--store", str(folder)]) == 1
    assert f"BAD   {note}" in capsys.readouterr().out
    assert main(["fsck", "--store", str(folder), "--repair"]) == 0
    assert note.read_bytes()[:30] == was[:30] and findings(folder) == []
    assert len(stored_batches(folder, lambda: NOON + 2 * DAY_S)) == 60


def test_a_folder_of_another_area_or_zone_is_refused(folder):
    """The note says whose it is."""
    for area, zone in (("other", ZONE), ("xh", "Europe/Berlin")):
        with pytest.raises(Conflict, match="the configuration says"):
            SQLiteStore(folder, area, zone, lambda: NOON)
    (folder / "record.note").unlink()
    (folder / "record.sqlite").unlink()
    with pytest.raises(Corrupt, match="something was stored here"):
        open_store(folder, lambda: NOON)  # its past days are there
    assert not (folder / "record.sqlite").exists()


def test_an_empty_file_without_a_note_is_no_beginning(tmp_path):
    """A beginning that was cut short leaves a file under another name: this one was a record."""
    (tmp_path / "record.sqlite").touch()
    with pytest.raises(Corrupt, match="something was stored here"):
        open_store(tmp_path, lambda: NOON)
    (tmp_path / "record.sqlite").rename(tmp_path / "record.new")
    open_store(tmp_path, lambda: NOON).close()


def test_a_folder_of_before_is_not_begun_anew(tmp_path):
    """What an older version stored is exported with that one."""
    (tmp_path / "store.json").write_text("{}")
    with pytest.raises(Conflict, match="older version"):
        open_store(tmp_path, lambda: NOON)


# --- bits and pages ---------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_every_turned_bit_in_a_row_is_noticed(tmp_path):
    """Each bit of each byte of a row's columns and body: that record is refused or left out, the others are there."""
    store = open_store(tmp_path, lambda: NOON)
    store.append(batch(1))
    store.close()
    path = tmp_path / "record.sqlite"
    good = path.read_bytes()
    text = b"visit:k:1:xvisitk1"  # where the columns of that row begin, one after the other
    start = good.rindex(text)
    end = good.index(b'"n":1}', start) + 6
    right = batch(1)[3]
    for place in range(start, end):
        for bit in range(8):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
            store = open_store(tmp_path, lambda: NOON)
            found = [record for kind in store.kinds() for record in store.scan(kind)]
            # An index has id, kind, time and key once more: what it still knows is right.
            assert {record.id for record in found} >= {r.id for r in batch(1)} - {right.id} and len(found) <= 5
            assert all(record in batch(1) for record in found)
            try:
                assert store.get(right.id) == right and place < good.index(b"xh{", start)
            except Corrupt as refused:
                assert "row 4 is not what was written" in str(refused)
            store.close()
        (finding,) = findings(tmp_path)
        assert "4 records can be read, 1 cannot: rows 4 (visit:k:1:x)" in finding.text
    assert end - start > 40


def test_a_bit_that_turns_in_an_index_is_told_the_next_day(tmp_path):
    """No row is hurt, but one is not found by its time any more: the bridge says so by itself, and the check does."""
    clock = [float(NOON)]
    store = open_store(tmp_path, lambda: clock[0])
    store.append(batch(1))
    store.close()
    path = tmp_path / "record.sqlite"
    with sqlite3.connect(path) as schema:
        (page,) = schema.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record_time'").fetchone()
    place = path.read_bytes().index(b"bins", 4096 * (page - 1)) + 4  # where its time begins
    flipped(path, place, 64)
    clock[0] += DAY_S
    store = open_store(tmp_path, lambda: clock[0])
    assert list(store.scan("bins", NOON)) == [] or list(store.scan("bins", NOON, NOON + 9)) == []
    assert "records may be left out" in store.health()["warnings"][0]
    store.close()
    assert [finding.path for finding in findings(tmp_path)] == [path]
    assert [finding.repaired for finding in findings(tmp_path, repair=True)] == [True]
    store = open_store(tmp_path, lambda: clock[0])
    assert list(store.scan("bins", NOON, NOON + 9)) == batch(1)[:1]
    store.close()


def test_the_look_over_the_indexes_is_given_up_by_whoever_closes(folder):
    """It takes as long as the record is: closed meanwhile it ends at once, and says nothing of what it had not seen."""
    with sqlite3.connect(folder / "record.sqlite") as schema:
        (page,) = schema.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record_time'").fetchone()
    schema.close()
    place = (folder / "record.sqlite").read_bytes().index(b"bins", 4096 * (page - 1)) + 4
    flipped(folder / "record.sqlite", place, 64)
    with closing(Database(folder / "record.sqlite")) as database:
        assert database.looked_over(lambda: False)
        asked: list[int] = []
        assert database.looked_over(lambda: len(asked.append(1) or asked) > 1) is None and len(asked) >= 3  # type: ignore[func-returns-value]
        assert database.looked_over(lambda: False)
    store = open_store(folder, lambda: NOON + 2 * DAY_S)
    assert "records may be left out" in store.health()["damage"][0]
    store.events.clear()
    store.damage.clear()
    store._closed = True  # as close() says before it waits for this work
    store._export("2026-11-24", 0.0)  # what its thread does on a new day
    assert store.health()["damage"] == []
    store._closed = False  # to close it in earnest
    store.close()


def test_a_page_that_cannot_be_read_costs_its_rows_and_no_others(folder, capsys):
    """Each page of the file in turn is zeros: what is read is right, and what is missing is said."""
    path = folder / "record.sqlite"
    good = path.read_bytes()
    store = open_store(folder, lambda: NOON + 2 * DAY_S)
    wanted = {record.id: record for kind in store.kinds() for record in store.scan(kind)}
    store.close()
    good = path.read_bytes()
    costs = []
    for page in range(1, len(good) // 4096):
        path.write_bytes(good[: 4096 * page] + bytes(4096) + good[4096 * (page + 1) :])
        try:
            store = open_store(folder, lambda: NOON + 2 * DAY_S)
        except StoreError as refused:
            assert str(path) in str(refused)
            continue
        try:
            found = {record.id: record for kind in store.kinds() for record in store.scan(kind)}
            assert found.items() <= wanted.items()
            assert len(found) == len(wanted) or store.health()["warnings"]
            costs.append(len(wanted) - len(found))
        except StoreError as refused:
            assert str(path) in str(refused)
        store.close()
        assert main(["fsck", "--store", str(folder)]) == 1
    assert any(costs) and sorted(costs)[len(costs) // 2] < 60
    assert "cannot: rows" in capsys.readouterr().out


def test_an_index_page_that_cannot_be_read_hides_no_record(folder, tmp_path, capsys):
    """Kinds, scan, export and past days go by the rows, and each says that a repair is due."""
    path = folder / "record.sqlite"
    whole = {"bins": 60, "fix": 120, "visit": 60, "workflow": 60}
    with sqlite3.connect(path) as schema:
        (page,) = schema.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record_time'").fetchone()
    schema.close()
    with path.open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(bytes(4096))
    without_past_days(folder)
    store = open_store(folder, lambda: NOON + 2 * DAY_S)
    assert store.kinds() == [*whole] and {kind: sum(1 for _ in store.scan(kind)) for kind in whole} == whole
    assert any("index of the kinds cannot be read" in event for event in store.damage)
    assert store.past_days.names() == ["2026-11-22", "2026-11-23"] and store.past_days.wrong("2026-11-22") == []
    store.close()
    assert main(["export", str(tmp_path / "x.jsonl"), "--store", str(folder)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert len((tmp_path / "x.jsonl").read_bytes().splitlines()) == 300


@pytest.mark.parametrize("since_at", [None, NOON])
def test_the_newest_of_a_key_is_the_newest_that_can_be_read(tmp_path, since_at):
    """Hurt ones are passed over for an older sound one, and told; keys that are whole are as ever."""
    store = open_store(tmp_path, lambda: NOON)
    for number in range(1, 6):
        store.append([visit(number, "due", NOON + number), visit(9 + number, "due", NOON + number, key="whole")])
    with store.database.writing() as rows:
        rows.execute("UPDATE record SET body = '{}' WHERE key != 'whole' AND at > ?", [NOON + 3])
    found = store.latest("visit", since_at=since_at)
    assert {name: record.at for name, record in found.items()} == {"run1/r01/1": NOON + 3, "whole": NOON + 5}
    assert found["run1/r01/1"] == store.latest("visit", "run1/r01/1")["run1/r01/1"]
    assert [event.split(" is not")[0].split(": ")[1] for event in store.damage] == ["row 9", "row 7"]
    assert store.latest("visit", since_at=NOON + 4).keys() == {"whole"}
    store.close()


class BadSectors(FailingDisk):
    """A disk that cannot give some pages of a file back, wherever that is moved."""

    def __init__(self) -> None:
        super().__init__(0, errno.EIO, False)
        self.inode = 0
        self.bad, self.code = set[int](), IOERR_READ

    def read(self, path: Path, offset: int) -> int:
        """SQLite reads."""
        return self.code if offset // 4096 + 1 in self.bad and path.stat().st_ino == self.inode else OK


def test_a_sector_that_cannot_be_read_costs_its_rows_and_no_others(tmp_path, capsys):
    """The disk says so with an error: the bridge reads all else, and a repair keeps what lies behind it."""
    folder, disk = tmp_path / "s", BadSectors()
    with sqlite_faults.watched(disk):
        filled(folder, 120).close()
        with sqlite3.connect(folder / "record.sqlite") as pages:
            leaves = [page for (page,) in pages.execute("SELECT rootpage FROM sqlite_master")]
        pages.close()
        size = (folder / "record.sqlite").stat().st_size // 4096
        disk.inode = (folder / "record.sqlite").stat().st_ino
        store = open_store(folder, lambda: NOON + 2 * DAY_S)
        store.close()
        costs = {}
        for page in range(2, size + 1):
            disk.bad = set() if page in leaves else {page}
            try:
                store = open_store(folder, lambda: NOON + 2 * DAY_S)
            except Corrupt:
                continue
            with closing(store), suppress(Corrupt):
                found = [record for kind in ("bins", "fix", "visit", "workflow") for record in store.scan(kind)]
                costs[page] = 600 - len(found)
                assert not costs[page] or store.health()["damage"]
        worst = max(costs, key=lambda page: costs[page])
        assert 30 < costs[worst] < 80
        without_past_days(folder)
        disk.bad = {worst}
        assert main(["fsck", "--store", str(folder)]) == 1
        assert f"{600 - costs[worst]} records can be read, {costs[worst]} cannot" in capsys.readouterr().out
        assert main(["fsck", "--store", str(folder), "--repair"]) == 3, capsys.readouterr()
        assert f"{600 - costs[worst]} records were had, {costs[worst]} are lost" in capsys.readouterr().out


def test_a_record_that_cannot_be_used_now_is_not_repaired(folder, capsys):
    """Another error of the disk says nothing about the rows: the repair stops, and all is as it was."""
    path, disk = folder / "record.sqlite", BadSectors()
    before, disk.inode, disk.code = path.read_bytes(), path.stat().st_ino, IOERR
    with sqlite_faults.watched(disk):
        for page in range(1, len(before) // 4096 + 1):
            disk.bad = {page}
            assert main(["fsck", "--store", str(folder), "--repair"]) in {0, 1}
            assert "repaired" not in capsys.readouterr().out
    assert path.read_bytes() == before and not (folder / "aside").exists() and findings(folder) == []


def test_rows_come_back_from_the_past_days_and_a_copy_and_what_is_lost_is_remembered(folder, tmp_path, capsys):
    """A repair says which rows are gone for good; a later check knows, and what comes again is stored."""
    shutil.copytree(folder, copy := tmp_path / "copy")
    with sqlite3.connect(folder / "record.sqlite") as rows:
        rows.execute("DELETE FROM record WHERE row IN (7, 8, 9, 290, 292)")
        rows.execute("UPDATE record SET body = '{}' WHERE row = 20")
    rows.close()
    assert main(["fsck", "--store", str(folder)]) == 1
    assert "294 records can be read, 6 cannot: rows 7 to 9, 20, 290, 292" in capsys.readouterr().out
    shutil.copytree(folder, second := tmp_path / "second")
    assert main(["fsck", "--store", str(folder), "--repair"]) == 3
    assert "298 records were had, 2 are lost: rows 290, 292" in capsys.readouterr().out
    assert main(["fsck", "--store", str(folder)]) == 0 and "2 were lost before" in capsys.readouterr().out
    store = open_store(folder, lambda: NOON + 2 * DAY_S)
    assert store.append(batch(58, NOON + 2 * DAY_S)).stored == 1 and store.append(batch(2)).stored == 0
    store.close()
    assert main(["fsck", "--store", str(second), "--repair", "--copies", str(copy)]) == 0
    assert stored_batches(second, lambda: NOON + 2 * DAY_S) == dict.fromkeys(range(1, 61), 5)


def test_a_record_that_a_hurt_index_let_in_twice_is_not_lost_once(tmp_path, capsys):
    """The index of the ids did not find it when it came again: a repair keeps it once, and nothing is gone."""
    store = open_store(tmp_path, lambda: NOON)
    store.append(batch(1))
    store.close()
    path = tmp_path / "record.sqlite"
    with sqlite3.connect(path) as schema:
        asked = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_record_1'"
        (page,) = schema.execute(asked).fetchone()
    schema.close()
    flipped(path, path.read_bytes().index(b"r01:1:1", 4096 * (page - 1)), 1)
    store = open_store(tmp_path, lambda: NOON)
    assert store.append(batch(1)[:1]).stored == 1  # the index says that it is new
    store.append(batch(2))
    store.close()
    assert main(["fsck", "--store", str(tmp_path), "--repair"]) == 0
    assert "10 records were had; what was damaged" in capsys.readouterr().out
    assert stored_batches(tmp_path, lambda: NOON) == {1: 5, 2: 5} and findings(tmp_path) == []


def test_a_repair_that_was_interrupted_is_named_and_finished(folder, monkeypatch):
    """Killed with the new file made and the old one in its place still: no start until it is finished."""
    flipped(folder / "record.sqlite", (folder / "record.sqlite").read_bytes().rindex(b'"n":50'), 1)
    # The kill between making the new file and putting it in place.
    monkeypatch.setattr("broker.store.sqlite.check._Check._put_in_place", lambda _: folder)
    assert findings(folder, repair=True)
    monkeypatch.undo()
    with pytest.raises(Corrupt, match="a repair was interrupted"):
        open_store(folder, lambda: NOON)
    (finding,) = findings(folder)
    assert "a repair was interrupted" in finding.text and not finding.repaired
    assert all(finding.repaired for finding in findings(folder, repair=True))
    assert findings(folder) == [] and len(list((folder / "aside").iterdir())) >= 1
    open_store(folder, lambda: NOON + 2 * DAY_S).close()


# --- past days --------------------------------------------------------------------------------------------------------


def test_a_damaged_file_of_a_past_day_is_named_and_made_again(folder):
    """Each file of a day, a bit turned or gone; the list of checksums; the whole day."""
    day = folder / "days" / "2026-11-22"
    whole = {path.name: path.read_bytes() for path in day.iterdir()}
    for name in whole:
        for damage in (lambda path: flipped(path, 70), Path.unlink, emptied):
            damage(day / name)
            (finding,) = findings(folder)
            assert finding.path.parent == day and "run with --repair" in finding.text
            assert [finding.repaired for finding in findings(folder, repair=True)] == [True]
            assert {path.name: path.read_bytes() for path in day.iterdir()} == whole and findings(folder) == []
    shutil.rmtree(day)
    assert [finding.path.parent for finding in findings(folder)] == [day]
    assert [finding.repaired for finding in findings(folder, repair=True)] == [True]
    with TinyDB(day / "bins.json") as stock:
        assert [found["id"] for found in stock][:2] == ["r01:1:1", "r01:1:2"]


@pytest.mark.parametrize("hurt", [
    "UPDATE record SET body = '{\"n\":0}' WHERE row <= 60", "DELETE FROM record WHERE kind = 'workflow' AND row <= 99",
])  # fmt: skip
def test_a_day_that_is_written_anew_keeps_what_the_record_cannot_give_any_more(folder, capsys, hurt):
    """A late record comes after rows of that day were hurt: its file, the only good copy, still brings them back."""
    with sqlite3.connect(folder / "record.sqlite") as rows:
        rows.execute(hurt)
    rows.close()
    day = folder / "days" / "2026-11-22"
    before = {path.name: len(TinyDB(path)) for path in day.glob("*.json")}
    store = open_store(folder, lambda: NOON + 2 * DAY_S)
    store.append(batch(99))
    store.close()
    open_store(folder, lambda: NOON + 3 * DAY_S).close()
    after = {path.name: len(TinyDB(path)) for path in day.glob("*.json")}
    assert after == {name: count + (2 if name == "fix.json" else 1) for name, count in before.items()}
    assert main(["fsck", "--store", str(folder), "--repair"]) == 0, capsys.readouterr().out
    assert stored_batches(folder, lambda: NOON + 3 * DAY_S) == dict.fromkeys([*range(1, 61), 99], 5)


def test_a_day_that_is_written_anew_has_each_row_once_and_as_it_is_now(folder):
    """A row that was changed or moved to another time since is not kept as it was."""
    db = RecordDB(folder / "record.sqlite")
    db.update({"at": NOON + 500, "body": {"n": 5}}, where("id") == "r01:1:3")
    db.update({"body": {"n": 6}}, where("id") == "r01:1:4")
    db.close()
    store = open_store(folder, lambda: NOON + 2 * DAY_S)
    store.append(batch(99))
    store.close()
    open_store(folder, lambda: NOON + 3 * DAY_S).close()
    path = folder / "days" / "2026-11-22" / "bins.json"
    assert path.read_bytes().count(b'"r01:1:3"') == path.read_bytes().count(b'"r01:1:4"') == 1
    assert [found["body"]["n"] for found in TinyDB(path) if "n" in found["body"]] == [6, 5]


def test_the_check_says_what_is_no_store(tmp_path):
    """A wrong path is named, and nothing is made there."""
    (finding,) = findings(tmp_path / "typo")
    assert "not the folder of a store" in finding.text and not (tmp_path / "typo").exists()


def test_a_repair_waits_for_nobody_who_writes_and_a_look_disturbs_nobody(folder):
    """While a bridge works its record can be looked at, and is not repaired."""
    store = open_store(folder, lambda: NOON + 2 * DAY_S)
    assert findings(folder) == []
    with pytest.raises(Unavailable, match="in use by process"):
        list(check(folder, repair=True))
    store.append(batch(61, NOON + 2 * DAY_S))
    store.close()
    assert findings(folder) == []
