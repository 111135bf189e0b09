"""The newest record of one key is found without looking through the others, and is never hidden by that."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.store import Record
from broker.store.opening import reading_store
from broker.store.sqlite.tables import RecordDB
from tests.support.record.samples import NOON, ZONE
from tests.support.record.store_faults import open_store

MANY, ROOMS = 3000, 40


def report(number: int, room: str, at: int) -> Record:
    """One report of a room."""
    return Record(f"{room}:1:{number}", "bins", room, at, at, "xh", {"device": room, "seq": number})


@pytest.fixture
def folder(tmp_path) -> Path:
    """A store with a room that spoke once, long ago, and many reports of others since."""
    with closing(open_store(tmp_path / "s", lambda: NOON)) as store:
        store.append([report(1, "silent", NOON - 90_000)])
        store.append([report(n, f"r{n % ROOMS:02d}", NOON + 5 * n) for n in range(MANY)])
    return tmp_path / "s"


def newest(folder: Path, key: str) -> int | None:
    """The number of the newest report of a key, as somebody reads it who does not write."""
    with reading_store(folder, "xh", ZONE, lambda: NOON) as store:
        found = store.latest("bins", key).get(key)
    return None if found is None else found.body["seq"]


def test_of_one_key_few_rows_are_looked_at(folder):
    """Also of one that has no record, and of one that was silent for long; all rows cost fifty times as much."""
    steps = [0]

    def count() -> int:
        steps[0] += 1
        return 0

    with closing(open_store(folder, lambda: NOON)) as store:
        store.latest("bins", "r00")
        with store.database.reading() as connection:
            connection.set_progress_handler(count, 10)
        cost = {}
        for key in ("nobody", "silent", "r07"):
            steps[0] = 0
            assert len(store.latest("bins", key)) == (key != "nobody")
            cost[key] = steps[0]
        steps[0] = 0
        assert len(list(store.scan("bins"))) == MANY + 1
    assert max(cost.values()) < steps[0] / 50, (cost, steps[0])


def test_whoever_inserts_is_found(folder):
    """Somebody with TinyDB's own words, or a version that knows nothing of it: an earlier one does not hide it."""
    with closing(RecordDB(folder / "record.sqlite")) as db:
        db.insert(report(7, "guest", NOON + 90_000)._asdict())
    with closing(open_store(folder, lambda: NOON)) as store:
        store.append([report(8, "guest", NOON), report(9, "silent", NOON), report(8, "silent", NOON - 1)])
    assert newest(folder, "guest") == 7 and newest(folder, "silent") == 9


def test_a_file_of_before_knows_its_keys_once_it_is_opened(folder, capsys):
    """Until then all is looked through; nothing is wrong with it."""
    with closing(sqlite3.connect(folder / "record.sqlite")) as db:
        db.executescript("DROP TRIGGER noted_newest; DROP TABLE newest")
    for opens in (True, False):
        assert newest(folder, "silent") == 1 and newest(folder, "nobody") is None
        assert main(["fsck", "--store", str(folder)]) == 0
        if opens:
            open_store(folder, lambda: NOON).close()
    with closing(sqlite3.connect(folder / "record.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM newest").fetchone() == (ROOMS + 1,)


@pytest.mark.parametrize("hurt", ["DELETE FROM newest WHERE key = 'r07'", "UPDATE newest SET before = 5"])
def test_keys_that_are_hidden_are_said_and_repaired(folder, hurt, capsys):
    """No row tells of it: it is looked for, as a hurt index is."""
    with closing(sqlite3.connect(folder / "record.sqlite", isolation_level=None)) as db:
        db.execute(hurt)
    with closing(open_store(folder, lambda: NOON)) as store:
        assert any("newest" in text for text in store.health()["damage"])
    assert main(["fsck", "--store", str(folder)]) == 1
    assert "hides the newest records" in capsys.readouterr().out
    main(["fsck", "--store", str(folder), "--repair"])
    assert main(["fsck", "--store", str(folder)]) == 0 and newest(folder, "r07") is not None
