"""The SQLite file as TinyDB's Storage: the records by number, and other tables, each kept as one JSON text."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
from tinydb import Storage
from tinydb.table import Document

from broker.store import codec
from broker.store.pushdown import Where
from broker.store.record import Corrupt, Refused
from broker.store.sqlite.any_disk import database_to_read
from broker.store.sqlite.database import COLUMNS, Database
from broker.store.sqlite.disk.errors import ADVICE, failure

RECORDS = "records"


class Rows(Mapping[str, dict[str, Any]]):
    """The records by number, as TinyDB has a table; read when they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asked(self, text: str, values: Iterable[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a question; an empty file has none."""
        if not self._database.exists():
            return
        try:
            with self._database.reading() as connection, closing(connection.execute(text, [*values])) as cursor:
                yield from cursor
        except sqlite3.Error as error:
            raise failure(self._database.shown, error) from error

    def found(self, where: Where | None) -> Iterator[Document]:
        """The documents that a condition finds, in their order; raises Corrupt for one that is not what was written."""
        # The plus keeps the database from reading all rows in order where an index has the few that are meant.
        rest = "ORDER BY row" if where is None else f"WHERE {where.sql} ORDER BY +row"
        for row in self.asked(f"SELECT {COLUMNS} FROM record {rest}", where.values if where else ()):  # noqa: S608
            try:
                yield Document(codec.records_of([row])[0]._asdict(), row[-1])
            except ValueError as error:
                text = f"{self._database.shown}: row {row[-1]} is not what was written ({error}); {ADVICE}"
                raise Corrupt(text) from error

    def __getitem__(self, number: str) -> dict[str, Any]:
        for document in self.found(Where("row = ?", [int(number)])):
            return document
        raise KeyError(number)

    def __iter__(self) -> Iterator[str]:
        return (str(row) for (row,) in self.asked("SELECT row FROM record ORDER BY row"))

    def __len__(self) -> int:
        return sum(count for (count,) in self.asked("SELECT count(*) FROM record"))

    def last(self) -> int:
        """The highest number; 0 where there is none."""
        return sum(row for (row,) in self.asked("SELECT coalesce(max(row), 0) FROM record"))


class SQLiteStorage(Storage):
    """What `TinyDB(path, storage=SQLiteStorage)` reads and writes; `access_mode` "r" refuses to write.

    On a disk that takes nothing it reads, also what a bridge that was killed there left in its log.
    """

    def __init__(self, path: str | Path, access_mode: str = "r+", database: Database | None = None) -> None:
        self._opened = ExitStack()
        self.database = database or self._opened.enter_context(database_to_read(Path(path)))
        self.rows = Rows(self.database)
        # What a copy is read for, as its disk takes nothing, takes nothing either.
        self._may_write = access_mode != "r" and self.database.shown == self.database.path
        if not self._may_write and not self.database.exists():
            raise FileNotFoundError(path)

    def read(self) -> dict[str, Any] | None:
        """All tables; None for a file that is not there."""
        if not self.database.exists():
            return None
        tables: dict[str, Any] = {RECORDS: self.rows} if self.rows else {}
        for name, body, checksum in self.rows.asked("SELECT name, body, checksum FROM document"):
            if crc32(body) != checksum:
                raise Corrupt(f"{self.database.shown}: the table {name.decode()} is not what was written")
            tables[name.decode()] = orjson.loads(body)
        return tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make these all tables but that of the records, as TinyDB's own Table and `drop_table` ask.

        Raises Refused for records that are not those it read: others may have been stored since.
        """
        others = {name: orjson.dumps(table) for name, table in data.items() if name != RECORDS}
        records: Mapping[str, Any] | None = data.get(RECORDS)
        if self._may_write and records is not self.rows and (records or self.rows):
            raise Refused(f"the table {RECORDS!r} of {self.database.shown} is changed by RecordDB only, use that")

        with self.changing() as connection:
            connection.execute("DELETE FROM document")
            rows = [(name, body.decode(), crc32(body)) for name, body in others.items()]
            connection.executemany("INSERT INTO document (name, body, checksum) VALUES (?, ?, ?)", rows)

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """A connection to write something with, all or nothing, durable at the end."""
        if not self._may_write:
            raise Refused(f"{self.database.shown} was opened to be read only")
        with self.database.writing() as connection:
            yield connection

    def close(self) -> None:
        """Close the file."""
        self.database.close()
        self._opened.close()
