"""The record in a folder, as anybody reads it: also beside the bridge that writes it, also on a disk that is read only.

A row that is not what was written is named and passed over; so is a page that cannot be read, for which the rows are
asked one by one. What was asked by its id is refused instead: nobody may take it for never stored.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Any

from tinydb import where

from broker.store import amendments, codec
from broker.store.contract import BY_TIME, KINDS, Order, Store
from broker.store.pushdown import Where
from broker.store.record import Conflict, Corrupt, Record
from broker.store.sqlite.database import Database
from broker.store.sqlite.errors import ADVICE
from broker.store.sqlite.files import Files
from broker.store.sqlite.note import FORMAT, Note, read_note
from broker.store.sqlite.note import NAME as NOTE
from broker.store.sqlite.schema import COLUMNS, LAST_ROW
from broker.store.sqlite.tables import RecordDB

log = logging.getLogger("zhanpai.store")

_NEWEST = (
    f"SELECT y, {COLUMNS} FROM (SELECT kind AS k, key AS y, max(at) AS a FROM record WHERE {{}} GROUP BY kind, key) "  # noqa: S608
    "JOIN record ON record.kind = k AND record.at = a AND record.key = y"
)
EVERYTHING = Where("1 = 1", [])
_WARNINGS = 20
STEP = _BATCH = 200


class SQLiteReader(Store):
    """The reading half of a store. Raises Corrupt or Conflict, naming the file, for what is not this record."""

    def __init__(
        self, folder: Path, area: str, timezone: str, now: Callable[[], float], database: Database, files: Files
    ) -> None:
        self.folder, self.area, self.timezone, self.now = folder, area, timezone, now
        self.database, self.files = database, files
        self.db = RecordDB(database.path, database=database)
        self.events, self.damage = list[str](), list[str]()  # damage: those that say that records are left out
        self._last_commit_at: float | None = None
        self._known, self._known_to, self._known_lock = amendments.Amendments(), 0, threading.Lock()
        database.tell = self.note

    def must_be_there(self) -> Note:
        """What the note beside the record says; raises Corrupt or Conflict if the file is not what it tells of."""
        note = read_note(self.folder)
        path = self.database.path
        if note is None:
            raise Corrupt(f"{self.folder / NOTE} is missing: put it back, or {ADVICE} --repair, which writes it anew")
        note.must_be(self.area, self.timezone, self.folder / NOTE)
        had = f"{self.folder / NOTE} says that it had {note.rows} records"
        if not self.database.exists():
            what = "empty" if self.database.path.exists() else "missing"
            raise Corrupt(f"{path} is {what}, but {had}: put a copy back, or {ADVICE}")
        if self.about("record") != note.record:
            area = self.about("area")
            raise Conflict(f"{path} is not the record that {NOTE} was written for: it is of area {area!r}")
        self.database.must_have(note.copies, note.size)
        last = self.last_row()
        if last < note.rows:
            raise Corrupt(f"{path} ends at record {last}, an older copy perhaps, but {had}: put it back, or {ADVICE}")
        return note

    def own_note(self) -> Note | None:
        """The note as the record itself would have it; None where it does not say whose it is."""
        record, area, timezone = (self.about(name) for name in ("record", "area", "timezone"))
        return Note(self.last_row(), FORMAT, record, area, timezone) if record and area and timezone else None

    def about(self, name: str) -> str | None:
        """What the file says of itself: `record`, `area`, `timezone`, `format`."""
        rows = self.rows_of("SELECT value FROM about WHERE name = ?", [name])
        return next((str(value, "utf-8") for (value,) in rows), None)

    def keep_about(self, name: str, value: str) -> None:
        """Have the file say something of itself."""
        with self.database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def rows_of(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a question to the database; raises StoreError."""
        return self.database.rows_of(text, values)

    def note(self, text: str) -> None:
        """Something a person should know of: it is logged, and kept for /healthz."""
        if text not in self.events:
            self.events.append(text)
            log.warning("%s", text)

    def _left_out(self, text: str) -> None:
        if text not in self.damage:
            self.damage.append(text)
        self.note(text)

    # --- what the backend answers ----------------------------------------------------------------------

    def batches(self, found: Where | None, order: Order) -> Iterator[list[Record]]:
        return ([record for _, record in batch] for batch in self._rows(found or EVERYTHING, order))

    def stored(self, record_id: str) -> Record | None:
        found = self.db.get(where("id") == record_id)
        return None if found is None else codec.of_document(found)

    def before(self, kind: str, key: str) -> int | None:
        if codec.is_text(kind) and codec.is_text(key):
            with suppress(Corrupt):  # a file of before has no such table, and of a hurt one all is looked through
                found = self.rows_of("SELECT before FROM newest WHERE kind = ? AND key = ?", [kind, key])
                return int(found[0][0]) if found else 0
        return None

    def newest(self, found: Where) -> Iterator[Record]:
        with suppress(Corrupt):
            rows = [row[1:] for row in self.rows_of(_NEWEST.format(found.sql), found.values)]
            if len(sound := self._sound(rows)) == len(rows):
                return (record for _, record in sound)
        # The newest of a key is hurt, or a page is: the newest that can be read is what is known.
        return chain.from_iterable(self.batches(found, BY_TIME))

    def _rows(self, found: Where, order: Order) -> Iterator[list[tuple[int, Record]]]:
        """Rows and records in an order, some at a time; those that are not what was written are named and left out."""
        last: Record | None = None
        rows = self.database.asked(f"SELECT {COLUMNS} FROM record WHERE {found.sql} {order.sql}", found.values)  # noqa: S608
        try:
            with closing(rows):
                while batch := list(islice(rows, _BATCH if last else 1)):
                    if sound := self._sound(batch):
                        yield sound
                        last = sound[-1][1]
            return
        except Corrupt:
            pass
        self._left_out(f"{self.database.path}: pages cannot be read, their records are left out; {ADVICE}")
        rest = [pair for batch in self.by_row(found) for pair in batch]
        rest.sort(key=lambda pair: order.key(pair[1]), reverse=order.reverse)
        yield [pair for pair in rest if last is None or (order.key(pair[1]) > order.key(last)) is not order.reverse]

    def by_row(self, found: Where = EVERYTHING, after: int = 0) -> Iterator[list[tuple[int, Record]]]:
        """Rows and records in the order of the rows, STEP rows at a time, but those that cannot be read."""
        text = f"SELECT {COLUMNS} FROM record NOT INDEXED WHERE row BETWEEN ? AND ? AND {found.sql}"  # noqa: S608
        last = self._last_known_row()
        for first in range(after + 1, last + 1, STEP):
            end = min(first + STEP - 1, last)
            try:
                rows = self.rows_of(text, [first, end, *found.values])
            except Corrupt:
                rows = []
                for number in range(first, end + 1):
                    with suppress(Corrupt):
                        rows += self.rows_of(text, [number, number, *found.values])
            yield self._sound(rows)

    def _sound(self, rows: Sequence[tuple[Any, ...]]) -> list[tuple[int, Record]]:
        try:
            return [(row[-1], record) for row, record in zip(rows, codec.records_of(rows), strict=True)]
        except ValueError as error:
            if len(rows) == 1:
                row = f"{self.database.path}: row {rows[0][-1]}"
                self._left_out(f"{row} is not what was written; {ADVICE} ({error}), and is left out")
                return []
            return [pair for row in rows for pair in self._sound([row])]

    def known_amendments(self, record_id: str | None = None) -> amendments.Amendments:  # noqa: ARG002 - all are known
        with self._known_lock:
            last = self._last_known_row()
            if last > self._known_to:
                # Few rows have come since; at first the index has the few of this kind.
                kind = "+kind" if self._known_to else "kind"
                new = Where(f"{kind} = ? AND row > ? AND row <= ?", [amendments.KIND, self._known_to, last])
                self._known.take(chain.from_iterable(self.batches(new, BY_TIME)))
                self._known_to = last
        return self._known

    # --- the rest of the contract ----------------------------------------------------------------------

    def kinds(self) -> list[str]:
        try:
            return [str(kind, "utf-8") for (kind,) in self.rows_of(KINDS.format("record WHERE true"))]
        except (Corrupt, UnicodeDecodeError):
            self._left_out(f"{self.database.path}: the index of the kinds cannot be read; {ADVICE}")
            return sorted({record.kind for batch in self.by_row() for _, record in batch})

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz: records, bytes, seconds since the last commit, free bytes, warnings, damage."""
        files = (self.database.path, self.database.log)
        return {
            "backend": "sqlite",
            "records": self.last_row(),
            "bytes": sum(path.stat().st_size for path in files if path.exists()),
            "last_commit_s": None if self._last_commit_at is None else max(0, int(self.now() - self._last_commit_at)),
            "free_bytes": self.files.free_bytes(self.folder),
            "warnings": self.events[-_WARNINGS:],
            "damage": self.damage[-_WARNINGS:],
        }

    def close(self) -> None:
        self.database.close()

    # --- what the past days are written from -----------------------------------------------------------

    def last_row(self) -> int:
        """The highest row; raises Corrupt where the database cannot tell."""
        return int(self.rows_of(LAST_ROW)[0][0])

    def _last_known_row(self) -> int:
        """The highest row; as the note says where the database cannot tell, so that the rest can be read."""
        try:
            return self.last_row()
        except Corrupt:
            note = read_note(self.folder)
            if note is None:
                raise
            return note.rows

    def has(self, row: int) -> bool:
        """Whether there is a record in a row, and as it was written."""
        with suppress(Corrupt):
            return self.db.get(doc_id=row) is not None
        return False

    def between(self, kind: str, start: int, end: int) -> list[tuple[int, Record]]:
        """Rows and records of a kind, as first stored, with start <= at < end, by (at, id)."""
        found = Where("kind = ? AND at >= ? AND at < ?", [kind, start, end])
        return [pair for batch in self._rows(found, BY_TIME) for pair in batch]
