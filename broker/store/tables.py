"""TinyDB over the SQLite file, within TinyDB's own extension points: a Storage, a Table class, a TinyDB with both.

    from tinydb import where
    from broker.store.tables import RecordDB
    RecordDB("data/record.sqlite").search((where("kind") == "bins") & (where("at") >= 1795320000))

The table `records` holds records only (id kind key at received_at area body, each id once); comparisons on its columns
are answered by the index, whatever else is asked (a field of the body, a test of one's own) looks at each document that
is left. Other tables hold any document. Nothing is cached: another process may write.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson
from tinydb import Storage, TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from broker.store import Conflict, Corrupt, Record, Refused, codec
from broker.store.database import Database, failure
from broker.store.files import Files, Lock
from broker.store.note import Note
from broker.store.pushdown import where_of

RECORDS = "records"
_COLUMNS = "id, kind, key, at, received_at, area, body, checksum, row"
INSERT = "INSERT INTO record (id, kind, key, at, received_at, area, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_ROW = INSERT.replace("(id", "(row, id", 1).replace("(?", "(?, ?", 1)
_Found = Iterator[tuple[int, dict[str, Any]]]
_Values = tuple[Any, ...] | list[Any]


class Rows(MutableMapping[Any, dict[str, Any]]):
    """The documents of a table by number, read one by one; what is changed in them is written by `save`.

    A number may be an int or, as TinyDB's own Table has it, a text.
    """

    def __init__(self, database: Database, name: str, connection: sqlite3.Connection | None) -> None:
        self._database, self._name, self._connection = database, name, connection
        self._is_record = name == RECORDS
        self._taken: dict[int, tuple[dict[str, Any], dict[str, Any] | None]] = {}  # each with what it was
        self._last: int | None = None

    def found(self, sql: str = "", values: _Values = (), order: str = "ORDER BY row") -> _Found:
        """Numbers and documents that an SQL condition finds; raises Corrupt for one that is not as it was written."""
        if self._connection is None:
            return
        if self._is_record:
            text = f"SELECT {_COLUMNS} FROM record {'WHERE ' + sql if sql else ''} {order}"  # noqa: S608
        else:
            text = f"SELECT body, checksum, row FROM document WHERE name = ? {'AND ' + sql if sql else ''} {order}"  # noqa: S608
            values = (self._name, *values)
        try:
            for row in self._connection.execute(text, values):
                yield row[-1], self._document(row)
        except sqlite3.Error as error:
            raise failure(self._database.shown, error) from error

    def _document(self, row: tuple[Any, ...]) -> dict[str, Any]:
        try:
            if self._is_record:
                return codec.document_of(*codec.records_of([row]))
            if crc32(row[0]) != row[1]:
                raise ValueError("its checksum is another")
            found: dict[str, Any] = orjson.loads(row[0])
            return found
        except ValueError as error:
            raise Corrupt(f"{self._database.shown}, {self._name}, row {row[-1]} is not what was written: {error}") from error

    def __getitem__(self, number: Any) -> dict[str, Any]:
        row = int(number)
        if row not in self._taken:
            found = next(self.found("row = ?", (row,)), None)
            if found is None:
                raise KeyError(number)
            self._taken[row] = (found[1], orjson.loads(orjson.dumps(found[1])))
        return self._taken[row][0]

    def __setitem__(self, number: Any, document: Mapping[str, Any]) -> None:
        row, was = int(number), None
        if row in self._taken:
            was = self._taken[row][1]
        elif row <= self.last():
            was = next((there for _, there in self.found("row = ?", (row,))), None)
        self._taken[row] = (dict(document), was)
        self._last = max(row, self.last())

    def __delitem__(self, number: Any) -> None:
        row = int(number)
        self._execute("DELETE FROM {} WHERE {}row = ?", (row,))
        self._taken.pop(row, None)

    def clear(self) -> None:
        """Remove all documents."""
        self._execute("DELETE FROM {} WHERE {}1 = 1", ())
        self._taken.clear()
        self._last = 0

    def __iter__(self) -> Iterator[Any]:
        if self._connection is None:
            return iter(())
        return (row for (row,) in self._execute("SELECT row FROM {} WHERE {}1 = 1 ORDER BY row", ()).fetchall())

    def __len__(self) -> int:
        return 0 if self._connection is None else int(self._count("count(*)"))

    def last(self) -> int:
        """The highest number, also of what is not saved yet; 0 if there is none."""
        if self._last is None:
            self._last = 0 if self._connection is None else self._count("coalesce(max(row), 0)")
        return self._last

    def _count(self, what: str) -> int:
        return int(self._execute(f"SELECT {what} FROM {{}} WHERE {{}}1 = 1", ()).fetchone()[0])

    def _execute(self, text: str, values: _Values) -> sqlite3.Cursor:
        assert self._connection is not None
        if self._is_record:
            return self._connection.execute(text.format("record", ""), values)
        return self._connection.execute(text.format("document", "name = ? AND "), (self._name, *values))

    def save(self) -> None:
        """Write what was changed, in the transaction that is open; raises Refused, or Conflict for an id that is taken."""
        assert self._connection is not None
        changed = [(row, now) for row, (now, was) in self._taken.items() if now != was]
        self._taken.clear()
        try:
            if self._is_record:
                rows = codec.rows_of([codec.of_document(document) for _, document in changed])
                pairs = [(row, *values) for (row, _), values in zip(changed, rows, strict=True)]
                self._connection.executemany("DELETE FROM record WHERE row = ?", [(row,) for row, _ in changed])
                self._connection.executemany(INSERT_ROW, pairs)
            else:
                bodies = [(self._name, row, orjson.dumps(document)) for row, document in changed]
                text = "INSERT OR REPLACE INTO document (name, row, body, checksum) VALUES (?, ?, ?, ?)"
                self._connection.executemany(text, [(*head, body.decode(), crc32(body)) for *head, body in bodies])
        except sqlite3.IntegrityError as error:
            raise Conflict(f"a record with one of these ids is stored already: {error}") from error
        except TypeError as error:
            raise Refused(f"a document of plain JSON is needed: {error}") from error


class SQLiteStorage(Storage):
    """What `TinyDB(path, storage=SQLiteStorage)` reads and writes; `access_mode` "r" refuses to write."""

    def __init__(self, path: str | Path, access_mode: str = "r+", database: Database | None = None) -> None:
        self.database = database or Database(Path(path))
        self._may_write = access_mode != "r"
        if not self._may_write and not self.database.exists():
            raise FileNotFoundError(path)

    def rows(self, name: str) -> Rows:
        """The documents of a table, to be read."""
        there = self.database.exists()
        return Rows(self.database, name, self.database.reader() if there else None)

    def change(self, name: str, work: Callable[[Rows], None]) -> None:
        """Have a table's documents changed, all or nothing, durable on return."""
        if not self._may_write:
            raise Refused(f"{self.database.shown} was opened to be read only")
        with self.database.writing() as connection:
            rows = Rows(self.database, name, connection)
            work(rows)
            rows.save()

    def read(self) -> dict[str, dict[str, Any]] | None:
        """All tables, their documents read when they are asked for; None for a file that is not there."""
        if not self.database.exists():
            return None
        found = [str(name, "utf-8") for (name,) in self.database.reader().execute("SELECT DISTINCT name FROM document")]
        if self.rows(RECORDS).last():
            found.append(RECORDS)
        tables: dict[str, Any] = {name: self.rows(name) for name in found}
        return tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make these all tables, as TinyDB's own Table and `drop_table` ask; what is equal is left alone."""
        with self.database.writing():
            for name in {*(self.read() or {}), *data}:
                self.change(name, lambda rows, wanted=data.get(name, {}): _make_equal(rows, wanted))  # type: ignore[misc]

    def close(self) -> None:
        """Close the file."""
        self.database.close()


def _make_equal(rows: Rows, wanted: Mapping[Any, Mapping[str, Any]]) -> None:
    if isinstance(wanted, Rows):
        return  # as it was read
    numbers = {int(number): document for number, document in wanted.items()}
    for number in rows:
        if number not in numbers:
            del rows[number]
    for number, document in numbers.items():
        rows[number] = document


class SQLiteTable(Table):
    """A TinyDB table that asks SQLite: same calls, same answers, in the order of the numbers."""

    _storage: SQLiteStorage
    _changing: Rows

    def _found(self, cond: QueryLike | None) -> _Found:
        rows, where = self._storage.rows(self.name), where_of(cond) if self.name == RECORDS else None
        # The plus keeps the database from reading all rows in their order where an index has the few that are meant.
        found = rows.found() if where is None else rows.found(where.sql, where.values, "ORDER BY +row")
        return found if cond is None else ((row, document) for row, document in found if cond(document))

    def search(self, cond: QueryLike) -> list[Document]:
        """All documents that a condition holds for."""
        return [self.document_class(document, row) for row, document in self._found(cond)]

    def count(self, cond: QueryLike) -> int:
        """How many documents a condition holds for."""
        return sum(1 for _ in self._found(cond))

    def get(self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: list[int] | None = None) -> Any:
        """The first document that a condition holds for, or that of a number, or None; with `doc_ids` a list."""
        if doc_id is None and doc_ids is None and cond is not None:
            return next((self.document_class(document, row) for row, document in self._found(cond)), None)
        numbers = [doc_id] if doc_id is not None else sorted(set(doc_ids)) if doc_ids is not None else []
        rows = self._storage.rows(self.name)
        found = [self.document_class(d, row) for number in numbers for row, d in rows.found("row = ?", (number,))]
        if doc_id is not None:
            return found[0] if found else None
        return found if doc_ids is not None else super().get()  # type: ignore[call-overload]

    def insert(self, document: Mapping[str, Any]) -> int:
        """Insert one document; its number."""
        return self.insert_multiple([document])[0]

    def update(self, fields: Any, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Change the documents that a condition holds for, or those of these numbers, or all."""
        with self._storage.database.writing():
            return super().update(fields, doc_ids=self._numbers(cond, doc_ids))

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Remove the documents that a condition holds for, or those of these numbers."""
        if cond is None and doc_ids is None:
            return super().remove()
        with self._storage.database.writing():
            return super().remove(doc_ids=self._numbers(cond, doc_ids))

    def _numbers(self, cond: QueryLike | None, doc_ids: Iterable[int] | None) -> list[int]:
        return list(doc_ids) if doc_ids is not None else [row for row, _ in self._found(cond)]

    def __len__(self) -> int:
        return len(self._storage.rows(self.name))

    def __iter__(self) -> Iterator[Document]:
        return (self.document_class(document, row) for row, document in self._found(None))

    def _read_table(self) -> Any:
        return self._storage.rows(self.name)

    def _get_next_id(self) -> int:
        return self._changing.last() + 1

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        def work(rows: Rows) -> None:
            self._changing = rows
            updater(rows)

        self._storage.change(self.name, work)


class RecordDB(TinyDB):
    """The record as a TinyDB: `RecordDB(path)`; its own table is `records`."""

    table_class = SQLiteTable
    default_storage_class = SQLiteStorage
    default_table_name = RECORDS


def make_database(
    path: Path, lock: Lock, note: Note, batches: Iterable[list[tuple[int, Record]]], files: Files
) -> tuple[int, list[int]]:
    """Make the file of a record as a whole, with the rows that are given; how many it has, and which are missing.

    Of each row and id the first one counts. Until the file is complete it has another name.
    """
    draft = path.with_name("record.new")
    for left in path.parent.glob(f"{draft.name}*"):
        files.remove(left)
    with closing(Database(draft, lock=lock)) as database:
        with database.writing() as connection:
            for rows in batches:
                packed = codec.rows_of([record for _, record in rows])
                numbered = [(row, *values) for (row, _), values in zip(rows, packed, strict=True)]
                connection.executemany(f"{INSERT_ROW} ON CONFLICT DO NOTHING", numbered)
            count, lost = gaps([list(connection.execute("SELECT row, 0 FROM record ORDER BY row"))], note.rows)
            about = {"record": note.record, "area": note.area, "timezone": note.timezone, "format": str(note.format),
                     "lost": orjson.dumps(lost).decode()}  # fmt: skip
            connection.executemany("INSERT INTO about VALUES (?, ?)", list(about.items()))
        database.empty_log()  # closing would not say if it failed
    files.replace(draft, path)
    for left in path.parent.glob(f"{draft.name}*"):
        files.remove(left)
    return count, lost


def gaps(batches: Iterable[list[tuple[int, Any]]], last: int) -> tuple[int, list[int]]:
    """How many numbered rows there are, and which of 1 to `last` are not."""
    count, following, missing = 0, 1, []
    for batch in batches:
        for row, _ in batch:
            missing += range(following, row)
            count, following = count + 1, row + 1
    return count, [*missing, *range(following, last + 1)]
