"""A filled store to be damaged, and ways to do that."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from broker.store.sqlite.store import SQLiteStore
from tests.support.record.store_faults import NOON, batch, open_store

DAY_S = 86_400
LATER = NOON + 2 * DAY_S  # the third day of a filled store


def filled(folder: Path, batches: int = 60) -> SQLiteStore:
    """A store with batches of two past days and of today."""
    clock = [float(NOON)]
    store = open_store(folder, lambda: clock[0])
    for number in range(1, batches + 1):
        clock[0] = NOON + DAY_S * (3 * (number - 1) // batches)
        store.append(batch(number, int(clock[0])))
    clock[0] = LATER
    return store


def without_past_days(folder: Path) -> None:
    """Nothing is left but the record and its note."""
    shutil.rmtree(folder / "days")


def flipped(path: Path, byte: int = -1, bit: int = 4) -> None:
    """Turn one bit of a file, in its middle if nothing else is asked for."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if byte < 0 else byte % len(data)] ^= bit
    path.write_bytes(data)


def root_page(path: Path, name: str) -> int:
    """Where a page begins that leads to all of a table or an index."""
    with closing(sqlite3.connect(path)) as schema:
        ((page,),) = schema.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [name])
    return 4096 * (page - 1)


def changed(folder: Path, *statements: str) -> None:
    """Somebody's hands in the database, past everything of ours."""
    with closing(sqlite3.connect(folder / "record.sqlite", isolation_level=None)) as rows:
        for statement in statements:
            rows.execute(statement)


def emptied(path: Path) -> None:
    """As a power cut leaves a file whose contents were not on the disk yet."""
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    """As some file systems do it."""
    path.write_bytes(bytes(path.stat().st_size))


def cut(path: Path) -> None:
    """The second half is missing."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def removed(path: Path) -> None:
    """The file is gone."""
    path.unlink()


def folder_instead(path: Path) -> None:
    """Somebody's hands."""
    path.unlink()
    path.mkdir()
