"""TinyDB over the SQLite file, within TinyDB's own extension points: a Storage, a Table class, a TinyDB with both.

    from tinydb import where
    from broker.store.sqlite.tables import RecordDB
    RecordDB("data/record.sqlite").search((where("kind") == "bins") & (where("at") >= 1795320000))

The table `records` holds records only (id kind key at received_at area body, each id once): comparisons on columns are
answered by an index; whatever else is asked looks at each document that these leave. Nothing is cached, for another
process may write. Other tables are TinyDB's own, each kept as one JSON text.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
from tinydb import Storage, TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from broker.store import codec
from broker.store.pushdown import Where, where_of
from broker.store.record import Conflict, Corrupt, Refused
from broker.store.sqlite.any_disk import database_to_read
from broker.store.sqlite.database import Database
from broker.store.sqlite.errors import ADVICE
from broker.store.sqlite.schema import COLUMNS, INSERT_ROW, LAST_ROW

RECORDS = "records"


class Rows(Mapping[str, dict[str, Any]]):
    """The records by number, as TinyDB has a table; read when they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asked(self, text: str, values: Iterable[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a question; an empty file has none."""
        return self._database.asked(text, values) if self._database.exists() else iter(())

    def found(self, where: Where | None) -> Iterator[Document]:
        """The documents that a condition finds, in their order; raises Corrupt for one that is not what was written."""
        # The plus keeps the database from reading all rows in order where an index has the few that are meant.
        rest = "ORDER BY row" if where is None else f"WHERE {where.sql} ORDER BY +row"
        for row in self.asked(f"SELECT {COLUMNS} FROM record {rest}", where.values if where else ()):  # noqa: S608
            try:
                yield Document(codec.records_of([row])[0]._asdict(), row[-1])
            except ValueError as error:
                text = f"{self._database.path}: row {row[-1]} is not what was written ({error}); {ADVICE}"
                raise Corrupt(text) from error

    def __getitem__(self, number: str) -> dict[str, Any]:
        for document in self.found(Where("row = ?", [int(number)])):
            return document
        raise KeyError(number)

    def __iter__(self) -> Iterator[str]:
        return (str(row) for (row,) in self.asked("SELECT row FROM record ORDER BY row"))

    def __len__(self) -> int:
        return sum(count for (count,) in self.asked("SELECT count(*) FROM record"))


class SQLiteStorage(Storage):
    """What `TinyDB(path, storage=SQLiteStorage)` reads and writes; `access_mode` "r" refuses to write.

    On a disk that takes nothing it reads, also what a bridge that was killed there left in its log.
    """

    def __init__(self, path: str | Path, access_mode: str = "r+", database: Database | None = None) -> None:
        self.database = database or database_to_read(Path(path))
        self.rows = Rows(self.database)
        self._may_write = access_mode != "r" and not self.database.still
        if not self._may_write and not self.database.exists():
            raise FileNotFoundError(path)

    def read(self) -> dict[str, Any] | None:
        """All tables; None for a file that is not there."""
        if not self.database.exists():
            return None
        tables: dict[str, Any] = {RECORDS: self.rows} if self.rows else {}
        for name, body, checksum in self.rows.asked("SELECT name, body, checksum FROM document"):
            if crc32(body) != checksum:
                raise Corrupt(f"{self.database.path}: the table {name.decode()} is not what was written")
            tables[name.decode()] = orjson.loads(body)
        return tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make these all tables but that of the records, as TinyDB's own Table and `drop_table` ask.

        Raises Refused for records that are not those it read: others may have been stored since.
        """
        others = {name: orjson.dumps(table) for name, table in data.items() if name != RECORDS}
        records: Mapping[str, Any] | None = data.get(RECORDS)
        if self._may_write and records is not self.rows and (records or self.rows):
            raise Refused(f"the table {RECORDS!r} of {self.database.path} is changed by RecordDB only, use that")
        with self.changing() as connection:
            connection.execute("DELETE FROM document")
            rows = [(name, body.decode(), crc32(body)) for name, body in others.items()]
            connection.executemany("INSERT INTO document (name, body, checksum) VALUES (?, ?, ?)", rows)

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """A connection to write something with, all or nothing, durable at the end."""
        if not self._may_write:
            raise Refused(f"{self.database.path} was opened to be read only")
        with self.database.writing() as connection:
            yield connection

    def close(self) -> None:
        self.database.close()


class RecordTable(Table):
    """TinyDB's table of the records: same calls, same answers, but an index looks for them and nothing is cached.

    What would change or remove a record is Refused while a bridge has it: a bridge holds that neither happens.
    """

    _storage: SQLiteStorage
    _numbers: list[int] | None = None  # of the records that a change is about; None for all

    def _read_table(self) -> Any:
        return self._storage.rows

    def _update_table(self, updater: Callable[[Any], object]) -> None:
        with self._storage.changing() as connection:
            before, after = self._table(), self._table()
            self._next_id = None
            updater(after)
            gone = before.keys() - after.keys()
            put = {number: found for number, found in after.items() if before.get(number) != found}
            if gone or before.keys() & put.keys():
                self._storage.database.must_be_alone()
            rows = codec.rows_of([codec.of_document(document) for document in put.values()])
            try:
                connection.executemany("DELETE FROM record WHERE row = ?", [(number,) for number in (*gone, *put)])
                connection.executemany(INSERT_ROW, [(number, *row) for number, row in zip(put, rows, strict=True)])
            except sqlite3.IntegrityError as error:
                raise Conflict(f"a record with one of these ids is stored already: {error}") from error

    def _table(self) -> dict[int, Any]:
        meant = None if self._numbers is None else Where(
            "row IN (SELECT value FROM json_each(?))", [orjson.dumps(self._numbers).decode()]
        )  # fmt: skip
        return {found.doc_id: found for found in self._storage.rows.found(meant)}

    def _get_next_id(self) -> int:
        number: int = self._next_id or 1 + sum(last for (last,) in self._storage.rows.asked(LAST_ROW))
        self._next_id = number + 1  # type: ignore[assignment]  # TinyDB says None where it means a number too
        return number

    def _found(self, cond: QueryLike | None) -> Iterator[Document]:
        where = where_of(cond)
        found = self._storage.rows.found(where)
        return found if cond is None or (where is not None and where.whole) else filter(cond, found)

    @contextmanager
    def _changing(self, cond: QueryLike | None, doc_ids: Iterable[int] | None) -> Iterator[list[int] | None]:
        """A change of the documents that a condition holds for, or of those of these numbers, or of all."""
        with self._storage.changing():
            found = doc_ids if cond is None or doc_ids is not None else (one.doc_id for one in self._found(cond))
            self._numbers = None if found is None else list(found)
            try:
                yield self._numbers
            finally:
                self._numbers = None

    def search(self, cond: QueryLike) -> list[Document]:
        return list(self._found(cond))

    def get(self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: list[int] | None = None) -> Any:
        if cond is not None and doc_id is None and doc_ids is None:
            return next(self._found(cond), None)
        return super().get(cond, doc_id, doc_ids)  # type: ignore[arg-type]  # it checks them itself

    def insert(self, document: Mapping[str, Any]) -> int:
        return self.insert_multiple([document])[0]

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        documents = list(documents)
        with self._changing(None, [one.doc_id for one in documents if isinstance(one, Document)]):
            return super().insert_multiple(documents)

    def update(self, fields: Any, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        with self._changing(cond, doc_ids) as numbers:
            return super().update(fields, doc_ids=numbers)

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        with self._changing(cond, doc_ids) as numbers:
            return super().remove(doc_ids=numbers)

    def truncate(self) -> None:
        """Remove all, hurt ones too."""
        with self._storage.changing() as connection:
            if self._storage.rows:
                self._storage.database.must_be_alone()
            connection.execute("DELETE FROM record")

    def __iter__(self) -> Iterator[Document]:
        return self._found(None)


class RecordDB(TinyDB):
    """The record as a TinyDB: `RecordDB(path)`; its own table is `records`, all others are as stock TinyDB has them."""

    default_storage_class = SQLiteStorage  # type: ignore[assignment]  # TinyDB says JSONStorage where it means Storage
    default_table_name = RECORDS

    def table(self, name: str, **kwargs: Any) -> Table:
        if name == RECORDS and name not in self._tables:
            self._tables[name] = RecordTable(self.storage, name, **kwargs)
        return super().table(name, **kwargs)

    def drop_table(self, name: str) -> None:
        if name == RECORDS:
            self.table(RECORDS).truncate()
        super().drop_table(name)

    def drop_tables(self) -> None:
        self.table(RECORDS).truncate()
        super().drop_tables()
