"""TinyDB over the SQLite file, within TinyDB's own extension points: a Storage, a Table class, a TinyDB with both.

    from tinydb import where
    from broker.store.sqlite.tables import RecordDB
    RecordDB("data/record.sqlite").search((where("kind") == "bins") & (where("at") >= 1795320000))

The table `records` holds records only (id kind key at received_at area body, each id once): comparisons on columns are
answered by an index; whatever else is asked looks at each document that these leave. Nothing is cached, for another
process may write. Other tables are TinyDB's own, each kept as one JSON text.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from tinydb import TinyDB
from tinydb.queries import QueryLike
from tinydb.table import Document, Table

from broker.store import codec
from broker.store.pushdown import where_of
from broker.store.record import Conflict
from broker.store.sqlite.database import INSERT_ROW
from broker.store.sqlite.newest import NOTE_NEWEST
from broker.store.sqlite.storage import RECORDS, Rows, SQLiteStorage


class _Draft(MutableMapping[int, Any]):
    """The records by number as TinyDB's own methods change them: each is read when it is asked for."""

    def __init__(self, rows: Rows) -> None:
        self._rows, self.last = rows, rows.last()
        self._seen: dict[int, Any] = {}  # None where it was removed

    def __getitem__(self, number: int) -> Any:
        if number not in self._seen:
            self._seen[number] = self._rows[str(number)]
        if self._seen[number] is None:
            raise KeyError(number)
        return self._seen[number]

    def __setitem__(self, number: int, document: Mapping[str, Any]) -> None:
        self._seen[number] = document
        self.last = max(self.last, number)

    def __delitem__(self, number: int) -> None:
        self._seen[number] = None

    def __iter__(self) -> Iterator[int]:
        numbers = {*map(int, self._rows), *self._seen}
        return (number for number in sorted(numbers) if self._seen.get(number, ()) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Remove all, hurt ones too: none of them is read."""
        self._seen = dict.fromkeys(map(int, self._rows))

    def write(self, connection: sqlite3.Connection, must_be_alone: Callable[[], None]) -> None:
        """Write what has changed; raises Refused for what is no record, Conflict for an id that is taken."""
        before = {number: self._rows.get(str(number)) for number, found in self._seen.items() if found is not None}
        gone = self._seen.keys() - before.keys()
        put = {number: self._seen[number] for number, found in before.items() if found != self._seen[number]}
        if gone or any(before[number] is not None for number in put):
            must_be_alone()
        rows = codec.rows_of([codec.of_document(document) for document in put.values()])
        try:
            connection.executemany("DELETE FROM record WHERE row = ?", [(number,) for number in (*gone, *put)])
            connection.executemany(INSERT_ROW, [(number, *row) for number, row in zip(put, rows, strict=True)])
            connection.executemany(NOTE_NEWEST, [(kind, key, at) for _, kind, key, at, *_ in rows])
        except sqlite3.IntegrityError as error:
            raise Conflict(f"a record with one of these ids is stored already: {error}") from error


class RecordTable(Table):
    """TinyDB's table of the records: same calls, same answers, but an index looks for them and nothing is cached.

    What would change or remove a record is Refused while a bridge has it: a bridge holds that neither happens.
    """

    _storage: SQLiteStorage

    def _read_table(self) -> Any:
        return self._storage.rows

    def _update_table(self, updater: Callable[[Any], object]) -> None:
        with self._storage.changing() as connection:
            self._draft = _Draft(self._storage.rows)
            updater(self._draft)
            self._draft.write(connection, self._storage.database.must_be_alone)

    def _get_next_id(self) -> int:
        return self._draft.last + 1

    def _found(self, cond: QueryLike | None) -> Iterator[Document]:
        where = where_of(cond)
        found = self._storage.rows.found(where)
        return found if cond is None or (where is not None and where.whole) else filter(cond, found)

    def _numbers(self, cond: QueryLike | None, doc_ids: Iterable[int] | None) -> Iterable[int] | None:
        return doc_ids if doc_ids is not None or cond is None else [found.doc_id for found in self._found(cond)]

    def search(self, cond: QueryLike) -> list[Document]:
        """All documents that a condition holds for."""
        return list(self._found(cond))

    def get(self, cond: QueryLike | None = None, doc_id: int | None = None, doc_ids: list[int] | None = None) -> Any:
        """The first document that a condition holds for, or that of a number, or None; with `doc_ids` a list."""
        if cond is not None and doc_id is None and doc_ids is None:
            return next(self._found(cond), None)
        return super().get(cond, doc_id, doc_ids)  # type: ignore[arg-type]  # it checks them itself

    def insert(self, document: Mapping[str, Any]) -> int:
        """Insert one document; its number."""
        return self.insert_multiple([document])[0]

    def update(self, fields: Any, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Change the documents that a condition holds for, or those of these numbers, or all; their numbers."""
        with self._storage.changing():
            return super().update(fields, doc_ids=self._numbers(cond, doc_ids))

    def remove(self, cond: QueryLike | None = None, doc_ids: Iterable[int] | None = None) -> list[int]:
        """Remove the documents that a condition holds for, or those of these numbers; their numbers."""
        with self._storage.changing():
            return super().remove(doc_ids=self._numbers(cond, doc_ids))

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
