"""A file that is not the record: refused or told by name, never a blank start; what can be had comes back."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.store import Conflict, Corrupt, Unavailable
from broker.store.sqlite.check import check
from broker.store.sqlite.files import RESERVE_BYTES
from broker.store.sqlite.note import read_note
from broker.store.sqlite.store import SQLiteStore
from tests.support.record.damaged import (
    DAY_S,
    LATER,
    changed,
    cut,
    emptied,
    filled,
    flipped,
    removed,
    root_page,
    without_past_days,
    zeroed,
)
from tests.support.record.samples import ZONE
from tests.support.record.store_faults import NOON, batch, findings, open_store, stored_batches

pytestmark = pytest.mark.real  # tenths of a second each


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
    data, start = path.read_bytes(), root_page(path, "record")
    path.write_bytes(data[:start] + bytes(4096) + data[start + 4096 :])


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
        open_store(folder, lambda: LATER)
    assert main(["stats", "--store", str(folder), "--from", "2026-11-22"]) == 1
    assert str(path) in capsys.readouterr().err
    assert main(["fsck", "--store", str(folder)]) == 1
    assert f"BAD   {path}" in capsys.readouterr().out
    assert (path.read_bytes() if path.exists() else None) == before
    shutil.copytree(folder, second := tmp_path / "second")
    assert main(["fsck", "--store", str(folder), "--repair", "--copies", str(copy)]) == 0, capsys.readouterr().out
    assert stored_batches(folder, lambda: LATER) == dict.fromkeys(range(1, 61), 5)
    # Without a copy the past days are all there is: what was of today is lost, and that has an exit code of its own.
    assert main(["fsck", "--store", str(second), "--repair"]) == 3
    found = re.search(r"(\d+) records were had, (\d+) are lost", capsys.readouterr().out)
    assert found is not None
    had, lost = int(found[1]), int(found[2])
    kept = stored_batches(second, lambda: LATER)
    assert set(range(1, 41)) <= set(kept) and (sum(kept.values()), lost) == (had, 300 - had)
    assert lost == 100 or damage in {cut, a_little, older}  # of those some pages of today may be left
    assert findings(folder) == findings(second) == []


def killed(place: Path, little: bool) -> tuple[Path, Path]:
    """A folder whose bridge was killed, with a log beside the file; and the file as it was a while before."""
    at, clock = LATER, lambda: LATER
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
     ("older", True, "older copy than its log")],
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
        open_store(folder, lambda: LATER)
    assert main(["fsck", "--store", str(folder)]) == 1 and f"BAD   {path}" in capsys.readouterr().out
    assert main(["fsck", "--store", str(folder), "--repair", "--copies", str(copy)]) == 0
    at = LATER
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


def no_number(path):
    """The note as 0.2.0 wrote it, without a checksum, with a text where a number was."""
    path.write_text(json.dumps({**read_note(path.parent)._asdict(), "copies": "x"}))


@pytest.mark.parametrize("mend", ["repair", "start"])
@pytest.mark.parametrize("content", [None, b"", b"oh", b"{}", b'{"rows":"1"}', zeroed, cut, flipped, no_number])
def test_a_note_that_is_lost_or_spoiled_is_named_and_written_from_the_record(folder, content, mend):
    """The record is not taken for a new one, nor for anybody's; a bridge starts, and says what it cannot know now."""
    note, was = folder / "record.note", read_note(folder)
    note.unlink() if content is None else content(note) if callable(content) else note.write_bytes(content)
    assert [finding.path for finding in findings(folder)] == [note]
    if mend == "repair":
        assert [finding.repaired for finding in findings(folder, repair=True)] == [True]
    else:
        with closing(open_store(folder, lambda: LATER)) as store:
            (told,) = store.health()["warnings"]
        assert f"{note} was missing or not as it was written" in told and "up to row 300" in told
    now = read_note(folder)
    assert was and now and (now.record, now.rows) == (was.record, was.rows) and findings(folder) == []
    assert len(stored_batches(folder, lambda: LATER)) == 60


def test_a_note_is_not_made_up_for_an_older_copy(folder, tmp_path):
    """Without its note a record that ends before its past days is refused by name, and nothing is written."""
    with closing(open_store(tmp_path / "older", lambda: NOON)) as store:
        store.append(batch(1, NOON - DAY_S))
    shutil.copy(tmp_path / "older" / "record.sqlite", folder / "record.sqlite")
    (folder / "record.note").unlink()
    with pytest.raises(Corrupt, match="older than its past days"):
        open_store(folder, lambda: LATER)
    assert not (folder / "record.note").exists()


def test_a_missing_index_is_made_again(folder):
    """The bridge starts with all of it found."""
    changed(folder, "DROP INDEX record_time")
    assert len(stored_batches(folder, lambda: LATER)) == 60 and findings(folder) == []


@pytest.mark.parametrize("harm", [emptied, cut, removed])
def test_a_reserve_that_is_none_is_made_again(folder, harm):
    """A megabyte that is not there could not be given up for an alarm."""
    harm(folder / "reserve")
    open_store(folder, lambda: LATER).close()
    assert (folder / "reserve").stat().st_size == RESERVE_BYTES


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


def test_the_check_says_what_is_no_store(tmp_path):
    """A wrong path is named, and nothing is made there."""
    (finding,) = findings(tmp_path / "typo")
    assert "not the folder of a store" in finding.text and not (tmp_path / "typo").exists()


def test_a_repair_waits_for_nobody_who_writes_and_a_look_disturbs_nobody(folder):
    """While a bridge works its record can be looked at, and is not repaired."""
    store = open_store(folder, lambda: LATER)
    assert findings(folder) == []
    with pytest.raises(Unavailable, match="in use by process"):
        list(check(folder, repair=True))
    store.append(batch(61, LATER))
    store.close()
    assert findings(folder) == []
