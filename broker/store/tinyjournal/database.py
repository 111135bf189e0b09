"""TinyDB over a journal: the whole TinyDB API, each change one durable frame of what changed.

A line is `["table",id,{document}]` (put), `["table",id]` (drop one), `["table"]` (drop the table), or an object: a
note, which is kept in the journal but not in any table. Id 0 is never given: dropping it makes an empty table exist.
Where this differs from stock TinyDB it refuses or keeps what stock loses: an id is never given twice, an updater that
raises changes nothing, and documents handed out are copies.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.files import Files
from broker.store.tinyjournal.journal import Journal, JournalCorrupt
from broker.store.tinyjournal.lock import FolderLock
from broker.store.tinyjournal.rows import Edit, Rows, encoded

# `["table",17,` of a line that puts a document, for names that JSON writes without escapes.
_PUT = re.compile(rb'\["([^"\\]*)",([0-9]+),(?=\{)')
_WHOLE_PUT = re.compile(rb'^\["([^"\\]*)",([0-9]+),(\{.*\})\]$', re.MULTILINE)

OnNotes = Callable[[list[bytes], int], None]
OnDocuments = Callable[[str, Sequence[bytes]], None]


class JournalStorage(Storage):
    """The tables of one folder: every change in its journal first, its place in memory then; one process per folder."""

    def __init__(
        self,
        folder: str | Path,
        files: Files | None = None,
        *,
        stamp: Callable[[], str] = lambda: "x",
        on_notes: OnNotes | None = None,
        on_documents: OnDocuments | None = None,
        segment_bytes: int | None = None,
    ) -> None:
        """What opening finds goes to `on_notes(lines, place of the first)` and `on_documents(table, documents)`."""
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
                    self._apply_puts(puts, frame.place, on_documents)
                else:
                    self._apply(frame.lines, frame.place, on_notes, on_documents)
        except BaseException:
            self._lock.release()
            raise

    def _apply_puts(
        self, puts: list[tuple[bytes, bytes, bytes]], place: int, on_documents: OnDocuments | None = None
    ) -> None:
        """Take in (table, id, document) of lines that put; ids that count up, as inserting writes them, go together."""
        for table, group in groupby(puts, key=itemgetter(0)):
            _, ids, documents = zip(*group, strict=True)
            numbers = list(map(int, ids))
            extra = len(table) + len('["",,]\n')
            lengths = [extra + len(number) + len(document) for number, document in zip(ids, documents, strict=True)]
            *places, place = accumulate(lengths, initial=place)
            rows = self._rows(table.decode())
            if numbers == list(range(rows.next_id, rows.next_id + len(numbers))):
                rows.extend(places)
            else:
                for doc_id, at in zip(numbers, places, strict=True):
                    rows.put(doc_id, at)
            if on_documents is not None:
                on_documents(table.decode(), documents)

    def _apply(
        self,
        lines: Sequence[bytes],
        place: int,
        on_notes: OnNotes | None = None,
        on_documents: OnDocuments | None = None,
    ) -> None:
        for is_note, group in groupby(lines, key=lambda line: line.startswith(b"{")):
            together = list(group)
            if is_note:
                if on_notes is not None:
                    on_notes(together, place)
                place += sum(map(len, together)) + len(together)
                continue
            for line in together:
                put = _WHOLE_PUT.fullmatch(line)
                if put is not None:
                    self._apply_puts([(put[1], put[2], put[3])], place, on_documents)
                else:
                    self._apply_line(line, place)
                place += len(line) + 1

    def _apply_line(self, line: bytes, place: int) -> None:
        words = orjson.loads(line)
        if len(words) == 1:
            self.tables.pop(words[0], None)
            return
        name, doc_id = words[:2]
        head = b"[%b,%d," % (_name(name), doc_id)
        if len(words) == 2:
            self._rows(name).drop(doc_id)
        elif isinstance(words[2], dict) and line.startswith(head + b"{") and line.endswith(b"}]"):
            self._rows(name).put(doc_id, place)
        else:
            raise JournalCorrupt(f"{self.journal.folder}: a line is not of this journal: {line[:80]!r}")

    def rows(self, name: str) -> Rows:
        """A table, live; an empty one if there is none of this name."""
        rows = self.tables.get(name)
        return Rows(name, self.journal.reader) if rows is None else rows

    def _rows(self, name: str) -> Rows:
        rows = self.tables[name] = self.rows(name)
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
            edit = Edit(self.rows(name))
            edit.clear()
            for doc_id, document in table.items():
                edit[int(doc_id)] = dict(document)
            puts, drops = edit.changes()
            lines += _change_lines(name, puts, drops, name not in self.tables)
        if lines:
            self._apply(lines, self.journal.append(lines))

    def commit(self, name: str, edit: Edit) -> None:
        """Store what an edit of one table changed, then take it into memory."""
        puts, drops = edit.changes()
        lines = _change_lines(name, puts, drops, name not in self.tables)
        if lines:
            self._apply(lines, self.journal.append(lines))

    def commit_new(self, tables: Mapping[str, list[bytes]], notes: Sequence[bytes] = ()) -> int:
        """Store new encoded documents of several tables, and notes, in one frame; the place of the notes, its first."""
        body, lines = [frames.joined(notes)], len(notes)
        for name, documents in tables.items():
            # One formatting for all: a line at a time would cost twice as much.
            values: list[Any] = [None] * (2 * len(documents))
            first = self.rows(name).next_id
            values[::2] = range(first, first + len(documents))
            values[1::2] = documents
            line = b"[%b,%%d,%%b]\n" % _name(name).replace(b"%", b"%%")
            body.append(line * len(documents) % tuple(values))
            lines += len(documents)
        place = self.journal.append_body(b"".join(body), lines)
        at = place + len(body[0])
        for name, documents in tables.items():
            rows = self._rows(name)
            *places, at = accumulate(_lengths(name, rows.next_id, documents), initial=at)
            rows.extend(places)
        return place

    def close(self) -> None:
        """Close the journal and let other processes in."""
        self.journal.close()
        self._lock.release()


def _name(name: str) -> bytes:
    return orjson.dumps(name)


def _lengths(name: str, first: int, documents: Sequence[bytes]) -> Iterable[int]:
    """How long the lines are that put these documents under the ids from `first` on."""
    last = first + len(documents) - 1
    extra = len(_name(name)) + len("[,,]\n")
    if len(str(first)) == len(str(last)):
        return map((extra + len(str(last))).__add__, map(len, documents))
    return [extra + len(str(number)) + len(document) for number, document in enumerate(documents, first)]


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
        return self._storage.rows(self.name)

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        edit = Edit(self._storage.rows(self.name))
        self._edit = edit
        try:
            updater(edit)  # type: ignore[arg-type]
            self._storage.commit(self.name, edit)
        finally:
            self._edit = None
        self.clear_cache()

    def _get_next_id(self) -> int:
        stored = self._storage.rows(self.name).next_id
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

    def insert_encoded(self, tables: Mapping[str, list[bytes]], notes: Sequence[bytes] = ()) -> int:
        """The same for documents that are JSON objects in bytes without newlines already, with notes (JSON objects)."""
        storage: JournalStorage = self.storage  # type: ignore[assignment]
        place = storage.commit_new(tables, notes)
        for name in tables:
            if name in self._tables:
                self._tables[name].clear_cache()
        return place

    def rows(self, name: str) -> Rows:
        """One table, live, its documents encoded; an empty one if there is no such table."""
        storage: JournalStorage = self.storage  # type: ignore[assignment]
        return storage.rows(name)

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
