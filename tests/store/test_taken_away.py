"""What is taken away or spoiled beside a record while it is in use is made anew within a minute, or said."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from broker.store import Unavailable
from broker.store.sqlite import store as store_module
from broker.store.sqlite.files import Lock
from broker.store.sqlite.note import read_note
from broker.store.sqlite.store import SQLiteStore
from tests.support.processes import wait_until
from tests.support.record.damaged import LATER, cut, emptied, filled, flipped, removed
from tests.support.record.samples import NOON, ZONE
from tests.support.record.store_faults import batch, findings, stored_batches

Harm = Callable[[Path], None]


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


def test_it_is_looked_for_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a night in which nothing is stored."""
    monkeypatch.setattr(store_module, "_LOOK_S", 0.01)  # nobody waits for half a minute here
    store = SQLiteStore(tmp_path, "xh", ZONE, lambda: NOON, min_free_bytes=0)
    (tmp_path / "record.note").unlink()
    wait_until(lambda: store.events, "it is told")
    assert (tmp_path / "record.note").exists()
    store.close()
