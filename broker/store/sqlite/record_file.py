"""Making the file of a record as a whole: an empty one at the beginning, and one of what can be had in a repair."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from broker.store import codec
from broker.store.record import Record
from broker.store.sqlite.database import connected
from broker.store.sqlite.errors import failure
from broker.store.sqlite.files import Files
from broker.store.sqlite.note import Note
from broker.store.sqlite.schema import INSERT_ROW, NEWEST, SCHEMA


class Made(NamedTuple):
    """How many rows a file got, its last one, and which are lost of those that the note tells of."""

    records: int
    last: int
    lost: list[int]


def make_file(path: Path, note: Note, batches: Iterable[list[tuple[int, Record]]], files: Files) -> Made:
    """Make the file of a record with the numbered rows that are given; of each row and id the first one counts.

    It has its name when it is complete.
    """
    for left in path.parent.glob(f"{path.name}*"):
        files.remove(left)
    twice: set[int] = set()  # rows whose record another row has already: they are missing, and nothing is lost
    try:
        with closing(connected(path, "rwc")) as connection:
            connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL; BEGIN; {SCHEMA}{NEWEST}")
            for rows in batches:
                packed = codec.rows_of([record for _, record in rows])
                numbered = [(row, *values) for (row, _), values in zip(rows, packed, strict=True)]
                if connection.executemany(f"{INSERT_ROW} ON CONFLICT DO NOTHING", numbered).rowcount < len(rows):
                    there = "SELECT 1 FROM record WHERE row = ?"
                    twice.update(row for row, _ in rows if connection.execute(there, [row]).fetchone() is None)
            found = list(connection.execute("SELECT row, 0 FROM record ORDER BY row"))
            last = found[-1][0] if found else 0
            count, lost = gaps([found], note.rows)
            about = {"record": note.record, "area": note.area, "timezone": note.timezone, "format": str(note.format),
                     "lost": orjson.dumps([row for row in lost if row < last]).decode()}  # fmt: skip
            connection.executemany("INSERT INTO about VALUES (?, ?)", list(about.items()))
            connection.execute("COMMIT")
            connection.execute("PRAGMA journal_mode = WAL")  # whoever only reads may open it from its first moment
    except sqlite3.Error as error:
        raise failure(path, error) from error
    return Made(count, last, [row for row in lost if row not in twice])


def gaps(batches: Iterable[list[tuple[int, Any]]], last: int) -> tuple[int, list[int]]:
    """How many numbered rows there are, and which of 1 to `last` are not."""
    count, following = 0, 1
    missing: list[int] = []
    for batch in batches:
        for row, _ in batch:
            missing += range(following, row)
            count, following = count + 1, row + 1
    return count, [*missing, *range(following, last + 1)]
