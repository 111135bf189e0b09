"""The newest record of one key is found without looking through the others, and is never hidden by that."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from broker.__main__ import main
from broker.store import Record, Unavailable, codec
from broker.store.opening import reading_store
from broker.store.sqlite.database import INSERT
from broker.store.sqlite.store import SQLiteStore
from broker.store.sqlite.tables import RecordDB
from tests.support.record.samples import NOON, ZONE

MANY = 3000
ROOMS = 40


def report(number: int, room: str, at: int) -> Record:
    """One report of a room."""
    return Record(f"{room}:1:{number}", "bins", room, at, at, "xh", {"device": room, "seq": number})


def opened(folder: Path) -> SQLiteStore:
    """The store in a folder."""
    return SQLiteStore(folder, "xh", ZONE, lambda: NOON, min_free_bytes=0, export_in_background=False)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A store with a room that spoke once, long ago, and many reports of others since."""
    with closing(opened(tmp_path / "s")) as store:
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

    with closing(opened(folder)) as store:
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


def test_a_commit_that_failed_hides_nothing_of_the_next(folder, monkeypatch):
    """What was noted with it was undone with it."""
    with closing(opened(folder)) as store:
        real = store.database.writing

        @contextmanager
        def failing() -> Iterator[sqlite3.Connection]:
            with real() as connection:
                yield connection
                raise Unavailable("not now")

        with monkeypatch.context() as patch:
            patch.setattr(store.database, "writing", failing)
            with pytest.raises(Unavailable):
                store.append([report(1, "late", NOON)])
        assert store.latest("bins", "late") == {}
        store.append([report(1, "late", NOON), report(2, "late", NOON - 1)])
        store.append([report(3, "late", NOON + 1)])
    assert newest(folder, "late") == 3


def test_whoever_inserts_is_found(folder):
    """Somebody with TinyDB's own words puts a record in; a later one and an earlier one do not hide it."""
    with closing(RecordDB(folder / "record.sqlite")) as db:
        db.insert(report(7, "guest", NOON + 90_000)._asdict())
    with closing(opened(folder)) as store:
        store.append([report(8, "guest", NOON)])
    assert newest(folder, "guest") == 7


def test_a_file_of_before_knows_its_keys_once_it_is_opened(folder, capsys):
    """Until then all is looked through; nothing is wrong with it."""
    with closing(sqlite3.connect(folder / "record.sqlite")) as db:
        db.execute("DROP TABLE newest")
    assert newest(folder, "silent") == 1 and newest(folder, "nobody") is None
    assert main(["fsck", "--store", str(folder)]) == 0
    opened(folder).close()
    with closing(sqlite3.connect(folder / "record.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM newest").fetchone() == (ROOMS + 1,)
    assert newest(folder, "silent") == 1 and newest(folder, "nobody") is None
    assert main(["fsck", "--store", str(folder)]) == 0
    capsys.readouterr()


@pytest.mark.parametrize("hurt", ["DELETE FROM newest WHERE key = 'r07'", "UPDATE newest SET before = 5"])
def test_keys_that_are_hidden_are_said_and_repaired(folder, hurt, capsys):
    """No row tells of it: it is looked for, as a hurt index is."""
    with closing(sqlite3.connect(folder / "record.sqlite", isolation_level=None)) as db:
        db.execute(hurt)
    with closing(opened(folder)) as store:
        assert any("newest" in text for text in store.health()["damage"])
    assert main(["fsck", "--store", str(folder)]) == 1
    assert "hides the newest records" in capsys.readouterr().out
    main(["fsck", "--store", str(folder), "--repair"])
    assert main(["fsck", "--store", str(folder)]) == 0
    assert newest(folder, "r07") is not None


def test_what_an_older_version_wrote_in_between_is_not_hidden(folder):
    """It knows nothing of the table; the next that does notes its rows, and looks at no others for that."""
    rows = codec.rows_of([report(1, "guest", NOON + 90_000), report(MANY, "silent", NOON + 90_000)])
    with closing(sqlite3.connect(folder / "record.sqlite")) as db, db:
        db.executemany(INSERT, rows)
    with closing(opened(folder)) as store:
        assert store.latest("bins", "guest")["guest"].body["seq"] == 1
        assert store.latest("bins", "silent")["silent"].body["seq"] == MANY
        assert store.latest("bins", "r07")["r07"].body["seq"] == MANY - ROOMS + 7
        assert store.health()["damage"] == []
    assert newest(folder, "guest") == 1 and main(["fsck", "--store", str(folder)]) == 0
