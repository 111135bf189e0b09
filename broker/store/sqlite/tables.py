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
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
from tinydb import Storage, TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from broker.store import Conflict, Corrupt, Refused, codec
from broker.store.pushdown import Where, where_of
from broker.store.sqlite.any_disk import database_to_read
from broker.store.sqlite.database import ADVICE, NOTE_NEWEST, Database, failure

RECORDS = "records"
COLUMNS = "record.id, record.kind, record.key, record.at, received_at, area, body, checksum, record.row"
INSERT = "INSERT INTO record (id, kind, key, at, received_at, area, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_ROW = INSERT.replace("(id", "(row, id", 1).replace("(?", "(?, ?", 1)


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
                yield Document(codec.document_of(*codec.records_of([row])), row[-1])
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

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM document")
            rows = [(name, body.decode(), crc32(body)) for name, body in others.items()]
            connection.executemany("INSERT INTO document (name, body, checksum) VALUES (?, ?, ?)", rows)

        self.change(work)

    def change(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Have something written, all or nothing, durable on return."""
        if not self._may_write:
            raise Refused(f"{self.database.shown} was opened to be read only")
        try:
            with self.database.writing() as connection:
                work(connection)
        finally:
            self.database.share()

    def close(self) -> None:
        """Close the file."""
        self.database.close()
        self._opened.close()


def put(connection: sqlite3.Connection, documents: Mapping[int, Mapping[str, Any]]) -> None:
    """Write documents under their numbers; raises Refused for what is no record, Conflict for an id that is taken."""
    rows = codec.rows_of([codec.of_document(document) for document in documents.values()])
    try:
        connection.executemany("DELETE FROM record WHERE row = ?", [(number,) for number in documents])
        connection.executemany(INSERT_ROW, [(number, *row) for number, row in zip(documents, rows, strict=True)])
        connection.executemany(NOTE_NEWEST, [(kind, key, at) for _, kind, key, at, *_ in rows])
    except sqlite3.IntegrityError as error:
        raise Conflict(f"a record with one of these ids is stored already: {error}") from error


def _change(document: Document, fields: Any) -> None:
    fields(document) if callable(fields) else document.update(fields)


class RecordTable(Table):
    """TinyDB's table of the records: same calls, same answers, but an index looks for them and nothing is cached.

    What would change or remove a record is Refused while a bridge has it: a bridge holds that neither happens.
    """

    _storage: SQLiteStorage

    def _found(self, cond: QueryLike | None) -> Iterator[Document]:
        where = where_of(cond)
        found = self._storage.rows.found(where)
        return found if cond is None or (where is not None and where.whole) else filter(cond, found)

    def search(self, cond: QueryLike) -> list[Document]:
        """All documents that a condition holds for."""
        return list(self._found(cond))

    def count(self, cond: QueryLike) -> int:
        """How many documents a condition holds for."""
        return sum(1 for _ in self._found(cond))

    def get(self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: list[int] | None = None) -> Any:
        """The first document that a condition holds for, or that of a number, or None; with `doc_ids` a list."""
        if doc_id is not None or (doc_ids is None and cond is not None):
            return next(self._found(cond) if doc_id is None else self._numbered([doc_id]), None)
        return list(self._numbered(doc_ids)) if doc_ids is not None else super().get()

    def _numbered(self, numbers: Iterable[int]) -> Iterator[Document]:
        for number in sorted(set(numbers)):
            yield from self._storage.rows.found(Where("row = ?", [number]))

    def insert(self, document: Mapping[str, Any]) -> int:
        """Insert one document; its number."""
        return self.insert_multiple([document])[0]

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Insert documents, all or none; their numbers."""
        fresh: dict[int, Mapping[str, Any]] = {}

        def work(connection: sqlite3.Connection) -> None:
            ((last,),) = connection.execute("SELECT coalesce(max(row), 0) FROM record")
            for document in documents:
                if not isinstance(document, Mapping):
                    raise ValueError("Document is not a Mapping")
                number = document.doc_id if isinstance(document, Document) else last + 1
                if number in fresh or (number <= last and any(True for _ in self._numbered([number]))):
                    raise ValueError(f"Document with ID {number} already exists")
                fresh[number], last = document, max(last, number)
            put(connection, fresh)

        self._storage.change(work)
        return list(fresh)

    def update(self, fields: Any, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Change the documents that a condition holds for, or those of these numbers, or all; their numbers."""
        changed: dict[int, Document] = {}

        def work(connection: sqlite3.Connection) -> None:
            for document in self._found(cond) if doc_ids is None else self._numbered(doc_ids):
                _change(document, fields)
                changed[document.doc_id] = document
            self._rewrite(connection, changed)

        self._storage.change(work)
        return list(changed)

    def _rewrite(self, connection: sqlite3.Connection, changed: Mapping[int, Document]) -> None:
        if changed:
            self._storage.database.must_be_alone()
            put(connection, changed)

    def update_multiple(self, updates: Iterable[tuple[Any, QueryLike]]) -> list[int]:
        """Change each document in several ways, one after the other, whose condition holds for it by then."""
        ways = list(updates)
        numbers: list[int] = []

        def work(connection: sqlite3.Connection) -> None:
            changed: dict[int, Document] = {}
            for document in self._found(None):
                for fields, cond in ways:
                    if cond(document):
                        _change(document, fields)
                        changed[document.doc_id] = document
                        numbers.append(document.doc_id)
            self._rewrite(connection, changed)

        self._storage.change(work)
        return numbers

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Remove the documents that a condition holds for, or those of these numbers; their numbers."""
        if cond is None and doc_ids is None:
            return super().remove()
        gone: list[int] = []

        def work(connection: sqlite3.Connection) -> None:
            found = self._found(cond) if doc_ids is None else self._numbered(doc_ids)
            gone.extend(document.doc_id for document in found)
            if gone:
                self._storage.database.must_be_alone()
            connection.executemany("DELETE FROM record WHERE row = ?", [(number,) for number in gone])

        self._storage.change(work)
        return gone

    def truncate(self) -> None:
        """Remove all documents."""

        def work(connection: sqlite3.Connection) -> None:
            if len(self):
                self._storage.database.must_be_alone()
            connection.execute("DELETE FROM record")

        self._storage.change(work)

    def __len__(self) -> int:
        return len(self._storage.rows)

    def __iter__(self) -> Iterator[Document]:
        return self._found(None)


class RecordDB(TinyDB):
    """The record as a TinyDB: `RecordDB(path)`; its own table is `records`, all others are as stock TinyDB has them."""

    default_storage_class = SQLiteStorage  # type: ignore[assignment]  # TinyDB says JSONStorage where it means Storage
    default_table_name = RECORDS

    def table(self, name: str, **kwargs: Any) -> Table:
        """The table of this name."""
        if name == RECORDS and name not in self._tables:
            self._tables[name] = RecordTable(self.storage, name, **kwargs)
        return super().table(name, **kwargs)

    def drop_table(self, name: str) -> None:
        """Remove a table with all that is in it."""
        if name == RECORDS:
            self.table(RECORDS).truncate()
        super().drop_table(name)

    def drop_tables(self) -> None:
        """Remove all tables."""
        self.table(RECORDS).truncate()
        super().drop_tables()
