"""TinyDB over a journal: the whole TinyDB API, each change one durable frame of what changed.

A line is `["table",id,{document}]` (put), `["table",id]` (drop one), `["table"]` (drop the table), or an object: a
note, which is kept in the journal but not in any table. Id 0 is never given: dropping it makes an empty table exist.
Where this differs from stock TinyDB it refuses or keeps what stock loses: an id is never given twice, an updater that
raises changes nothing, and documents handed out are copies.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.files import Files
from broker.store.tinyjournal.journal import Journal, JournalCorrupt, Place
from broker.store.tinyjournal.lock import FolderLock
from broker.store.tinyjournal.rows import Edit, Rows, encoded

# `["table",17,` of a line that puts a document, for names that JSON writes without escapes.
_PUT = re.compile(rb'\["([^"\\]*)",([0-9]+),(?=\{)')
_WHOLE_PUT = re.compile(rb'^\["([^"\\]*)",([0-9]+),(\{.*\})\]$', re.MULTILINE)

Notes = Callable[[list[bytes], Place, int], None]


class JournalStorage(Storage):
    """The tables of one folder in memory, every change in its journal first; one process per folder."""

    def __init__(
        self,
        folder: str | Path,
        files: Files | None = None,
        *,
        stamp: Callable[[], str] = lambda: "x",
        on_notes: Notes | None = None,
        segment_bytes: int | None = None,
    ) -> None:
        """`on_notes(lines, place, byte offset in the frame)` is called for every row of notes found when opening."""
        files = files or Files()
        files.make_folder(Path(folder))
        self._lock = FolderLock(Path(folder))
        self.tables: dict[str, Rows] = {}
        try:
            options: dict[str, Any] = {} if segment_bytes is None else {"segment_bytes": segment_bytes}
            self.journal = Journal(Path(folder), files, stamp=stamp, **options)
            for frame in self.journal.replay():
                puts = _WHOLE_PUT.findall(frame.body) if frame.body.startswith(b"[") else []
                if len(puts) == frame.count:
                    self._apply_puts(puts)
                else:
                    self._apply(frame.lines, frame.place, on_notes)
        except BaseException:
            self._lock.release()
            raise

    def _apply_puts(self, puts: list[tuple[bytes, bytes, bytes]]) -> None:
        """Take in (table, id, document) of lines that put; ids that count up, as inserting writes them, go together."""
        for table, group in groupby(puts, key=itemgetter(0)):
            _, ids, documents = zip(*group, strict=True)
            numbers = list(map(int, ids))
            rows = self._rows(table.decode())
            if numbers == list(range(rows.next_id, rows.next_id + len(numbers))):
                rows.extend(list(documents))
            else:
                for doc_id, document in zip(numbers, documents, strict=True):
                    rows.put(doc_id, document)

    def _apply(self, lines: list[bytes], place: Place, on_notes: Notes | None) -> None:
        offset = 0
        for is_note, group in groupby(lines, key=lambda line: line.startswith(b"{")):
            together = list(group)
            if not is_note:
                for line in together:
                    put = _WHOLE_PUT.fullmatch(line)
                    if put is not None:
                        self._apply_puts([(put[1], put[2], put[3])])
                    else:
                        self._apply_line(line)
            elif on_notes is not None:
                on_notes(together, place, offset)
            offset += sum(map(len, together)) + len(together)

    def _apply_line(self, line: bytes) -> None:
        words = orjson.loads(line)
        if len(words) == 1:
            self.tables.pop(words[0], None)
        elif len(words) == 2:
            self._rows(words[0]).drop(words[1])
        elif isinstance(words[2], dict):
            self._rows(words[0]).put(words[1], encoded(words[2]))
        else:
            raise JournalCorrupt(f"{self.journal.folder}: a line is not of this journal: {line[:80]!r}")

    def _rows(self, name: str) -> Rows:
        rows = self.tables.get(name)
        if rows is None:
            rows = self.tables[name] = Rows()
        return rows

    def read(self) -> dict[str, dict[str, Any]] | None:
        """All tables as TinyDB wants them; the tables decode a document when it is looked at."""
        return dict(self.tables) or None  # type: ignore[arg-type]

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Make the tables equal `data` in one frame (TinyDB calls this to drop tables); O(n) for changed tables."""
        lines: list[bytes] = [_drop_table(name) for name in self.tables if name not in data]
        for name, table in data.items():
            if id(table) == id(self.tables.get(name)):
                continue
            edit = Edit(self.tables.get(name) or Rows())
            edit.clear()
            for doc_id, document in table.items():
                edit[int(doc_id)] = dict(document)
            puts, drops = edit.changes()
            lines += _change_lines(name, puts, drops, name not in self.tables)
        if lines:
            place = self.journal.append(lines)
            self._apply(lines, place, None)

    def commit(self, name: str, edit: Edit) -> None:
        """Store what an edit of one table changed, then take it into memory."""
        puts, drops = edit.changes()
        lines = _change_lines(name, puts, drops, name not in self.tables)
        if lines:
            self.journal.append(lines)
            rows = self._rows(name)
            for doc_id, document in puts:
                rows.put(doc_id, document)
            for doc_id in drops:
                rows.drop(doc_id)

    def commit_new(self, tables: Mapping[str, list[bytes]], notes: Sequence[bytes] = ()) -> Place:
        """Store new encoded documents of several tables, and notes, in one frame; the notes come first in it."""
        body, lines = [frames.joined(notes)], len(notes)
        for name, documents in tables.items():
            # One formatting for all: a line at a time would cost twice as much.
            values: list[Any] = [None] * (2 * len(documents))
            first = self.tables[name].next_id if name in self.tables else 1
            values[::2] = range(first, first + len(documents))
            values[1::2] = documents
            line = b"[%b,%%d,%%b]\n" % _name(name).replace(b"%", b"%%")
            body.append(line * len(documents) % tuple(values))
            lines += len(documents)
        place = self.journal.append_body(b"".join(body), lines)
        for name, documents in tables.items():
            self._rows(name).extend(documents)
        return place

    def close(self) -> None:
        """Close the journal and let other processes in."""
        self.journal.close()
        self._lock.release()


def _name(name: str) -> bytes:
    return orjson.dumps(name)


def _drop_table(name: str) -> bytes:
    return b"[%s]" % _name(name)


def _change_lines(name: str, puts: list[tuple[int, bytes]], drops: list[int], new: bool) -> list[bytes]:
    head = _name(name)
    lines = [b"[%s,%d]" % (head, doc_id) for doc_id in drops]
    lines += [b"[%s,%d,%s]" % (head, doc_id, document) for doc_id, document in puts]
    if new and not lines:
        lines.append(b"[%s,0]" % head)
    return lines


def document_of(line: bytes) -> tuple[str, bytes] | None:
    """The table and the encoded document of a line that puts one; None for any other line."""
    put = _PUT.match(line)
    return None if put is None else (put[1].decode(), line[put.end() : -1])


class JournalTable(Table):
    """A TinyDB table whose changes cost what changes, not what is stored."""

    _storage: JournalStorage
    _edit: Edit | None = None

    def _read_table(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]
        return self._storage.tables.get(self.name) or {}

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        edit = Edit(self._storage.tables.get(self.name) or Rows())
        self._edit = edit
        try:
            updater(edit)  # type: ignore[arg-type]
            self._storage.commit(self.name, edit)
        finally:
            self._edit = None
        self.clear_cache()

    def _get_next_id(self) -> int:
        rows = self._storage.tables.get(self.name)
        stored = rows.next_id if rows is not None else 1
        return max(stored, self._edit.next_id) if self._edit is not None else stored


class JournalDB(TinyDB):
    """`JournalDB(folder)`: TinyDB whose every change is durable when the call returns."""

    table_class = JournalTable
    default_storage_class = JournalStorage  # type: ignore[assignment]

    def insert_across(self, tables: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
        """Insert plain documents into several tables in one frame: after a crash all are there, or none."""
        self.insert_encoded(
            {name: [encoded(dict(document)) for document in documents] for name, documents in tables.items()}
        )

    def insert_encoded(self, tables: Mapping[str, list[bytes]], notes: Sequence[bytes] = ()) -> Place:
        """The same for documents that are JSON objects in bytes without newlines already, with notes (JSON objects)."""
        storage: JournalStorage = self.storage  # type: ignore[assignment]
        place = storage.commit_new(tables, notes)
        for name in tables:
            if name in self._tables:
                self._tables[name].clear_cache()
        return place

    def rows(self, name: str) -> Rows:
        """The encoded documents of one table, live; an empty one if there is no such table."""
        storage: JournalStorage = self.storage  # type: ignore[assignment]
        return storage.tables.get(name) or Rows()

    @property
    def journal(self) -> Journal:
        """The journal below."""
        storage: JournalStorage = self.storage  # type: ignore[assignment]
        return storage.journal


def export_table(documents: Iterable[tuple[int, bytes]], table: str = TinyDB.default_table_name) -> Iterable[bytes]:
    """Pieces of a JSON file that stock `TinyDB(path)` opens: one document per line, `table` its only table."""
    yield b"{" + _name(table) + b": {"
    first = True
    for doc_id, document in documents:
        yield b'%s\n"%d": %s' % (b"" if first else b",", doc_id, document)
        first = False
    yield b"\n}}\n"


__all__ = ["Document", "JournalDB", "JournalStorage", "JournalTable", "export_table"]
