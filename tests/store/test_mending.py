"""What only repeats the record keeps no bridge from starting: it is written anew, and told; what is data stays."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broker.store import Corrupt
from broker.store.sqlite.store import RESERVE_BYTES, SQLiteStore
from tests.support.record.store_faults import NOON, batch, findings, open_store, stored_batches

DAY_S = 86_400
LATER = NOON + 2 * DAY_S


def nul(path: Path) -> None:
    """As some file systems leave a file after a power cut."""
    path.write_bytes(bytes(path.stat().st_size))


def empty(path: Path) -> None:
    """As others do."""
    path.write_bytes(b"")


def cut(path: Path) -> None:
    """The second half is missing."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def bit(path: Path) -> None:
    """One bit in its middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def folder_instead(path: Path) -> None:
    """Somebody's hands."""
    path.unlink()
    path.mkdir()


HARMS = [nul, empty, cut, bit, folder_instead, Path.unlink]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A closed store of three days."""
    store = open_store(tmp_path / "s", lambda: LATER)
    for number in range(30):
        store.append(batch(number, NOON + DAY_S * (number // 10)))
    store.close()
    open_store(tmp_path / "s", lambda: LATER).close()
    return tmp_path / "s"


def opened(folder: Path) -> list[str]:
    """What a bridge that starts tells of the record; all of it is there, and it takes more."""
    with closing(open_store(folder, lambda: LATER)) as store:
        store.append(batch(1000, LATER))
        told = [*store.health()["warnings"]]
    assert len(stored_batches(folder, lambda: LATER)) == 31
    return told


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["SHA256SUMS", "bins.json"])
def test_a_spoiled_file_of_a_past_day_is_named_and_written_anew(folder: Path, name: str, harm) -> None:
    """A flipped bit in the list of checksums, or in what it lists: the bridge starts, and the day is whole again."""
    day = folder / "days" / "2026-11-22"
    whole = {path.name: path.read_bytes() for path in day.iterdir()}
    harm(day / name)
    (told,) = opened(folder)
    assert str(day) in told and "written anew from the record" in told
    assert {path.name: path.read_bytes() for path in day.iterdir()} == whole
    assert findings(folder) == [] and opened(folder) == []


def test_a_day_whose_files_have_what_the_record_lost_is_left_as_it_is(folder: Path) -> None:
    """Its list is spoiled, and its files are the only good copy of a row: nobody writes over them."""
    day = folder / "days" / "2026-11-22"
    before = {path.name: path.read_bytes() for path in day.glob("*.json")}
    with closing(sqlite3.connect(folder / "record.sqlite")) as rows, rows:
        rows.execute("DELETE FROM record WHERE row = 3")
    nul(day / "SHA256SUMS")
    with closing(open_store(folder, lambda: LATER)) as store:
        assert any(str(day) in text and "not written anew" in text for text in store.health()["warnings"])
    assert {path.name: path.read_bytes() for path in day.glob("*.json")} == before


@pytest.mark.parametrize("harm", [nul, empty, cut, bit, Path.unlink])
def test_a_spoiled_note_is_written_anew_from_the_record(folder: Path, harm) -> None:
    """The record says whose it is: the bridge starts, and tells that it cannot know whether more had been stored."""
    was = (folder / "record.note").read_bytes()
    harm(folder / "record.note")
    told = [text for text in opened(folder) if "record.note" in text]
    assert len(told) == 1 and "up to row" in told[0]
    assert len((folder / "record.note").read_bytes()) == len(was) and findings(folder) == []


def test_a_note_is_not_made_up_for_an_older_copy(folder: Path, tmp_path: Path) -> None:
    """Without its note a record that ends before its past days is refused by name, and nothing is written."""
    store = open_store(tmp_path / "older", lambda: NOON)
    store.append(batch(1, NOON - DAY_S))
    store.close()
    shutil.copy(tmp_path / "older" / "record.sqlite", folder / "record.sqlite")
    (folder / "record.note").unlink()
    with pytest.raises(Corrupt, match="older than its past days"):
        open_store(folder, lambda: LATER)
    assert not (folder / "record.note").exists()


@pytest.mark.parametrize("ends", ["record_time"])
def test_a_missing_index_is_made_again(folder: Path, ends: str) -> None:
    """The bridge starts with all of it found."""
    with closing(sqlite3.connect(folder / "record.sqlite")) as rows, rows:
        rows.execute(f"DROP INDEX {ends}")
    assert opened(folder) == []
    with closing(sqlite3.connect(folder / "record.sqlite")) as rows:
        assert rows.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", [ends]).fetchone() == (1,)


@pytest.mark.parametrize("harm", [empty, cut, Path.unlink])
def test_a_reserve_that_is_none_is_made_again(folder: Path, harm) -> None:
    """A megabyte that is not there could not be given up for an alarm."""
    (folder / "reserve").exists() or (folder / "reserve").write_bytes(bytes(RESERVE_BYTES))
    harm(folder / "reserve")
    SQLiteStore(folder, "xh", "Asia/Shanghai", lambda: LATER, min_free_bytes=0, export_in_background=False).close()
    assert (folder / "reserve").stat().st_size == RESERVE_BYTES
