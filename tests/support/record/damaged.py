"""A filled store to be damaged, and ways to do that."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from broker.store.sqlite.store import SQLiteStore
from tests.support.record.store_faults import NOON, batch, open_store

DAY_S = 86_400


def filled(folder: Path, batches: int = 60, clock_at: float = NOON + 2 * DAY_S) -> SQLiteStore:
    """A store with batches of two past days and of today."""
    clock = [float(NOON)]
    store = open_store(folder, lambda: clock[0])
    for number in range(1, batches + 1):
        clock[0] = NOON + DAY_S * (3 * (number - 1) // batches)
        store.append(batch(number, int(clock[0])))
    clock[0] = clock_at
    return store


def without_past_days(folder: Path) -> None:
    """Nothing is left but the record and its note."""
    shutil.rmtree(folder / "days")


def flipped(path: Path, byte: int, bit: int = 4) -> None:
    """Turn one bit of a file."""
    data = bytearray(path.read_bytes())
    data[byte % len(data)] ^= bit
    path.write_bytes(data)


def root_page(path: Path, name: str) -> int:
    """Where a page begins that leads to all of a table or an index."""
    with closing(sqlite3.connect(path)) as schema:
        ((page,),) = schema.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [name])
    return 4096 * (page - 1)


def emptied(path: Path) -> None:
    """As a power cut leaves a file whose contents were not on the disk yet."""
    path.write_bytes(b"")
