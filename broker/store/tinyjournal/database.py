"""TinyDB over a journal: the whole TinyDB API, each change one durable frame of what changed.

A line is `["table",{document}]` (insert, under the table's next free id), `["table",id,{document}]` (put),
`["table",id]` (drop one), `["table"]` (drop the table), or an object: a note, which is kept in the journal but not in
any table. Id 0 is never given: dropping it makes an empty table exist.
Where this differs from stock TinyDB it refuses or keeps what stock loses: an id is never given twice, an updater that
raises changes nothing, and documents handed out are copies.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import orjson
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document, Table

from broker.store.tinyjournal import frames
from broker.store.tinyjournal.errors import JournalCorrupt
from broker.store.tinyjournal.files import Files
from broker.store.tinyjournal.journal import Journal
from broker.store.tinyjournal.lock import FolderLock
from broker.store.tinyjournal.rows import Edit, Rows, encoded

# A line that inserts or puts a document, for names that JSON writes without escapes.
_DOCUMENT = re.compile(rb'^\["([^"\\]*)",(?:([0-9]+),)?(\{.*\})\]$', re.MULTILINE)

OnNotes = Callable[[list[bytes], int], None]
OnDocuments = Callable[[str, Sequence[bytes]], None]
Run = tuple[str | None, int]


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
        self._lock = FolderLock(Path(folder), files)
        self.tables: dict[str, Rows] = {}
        try:
            options: dict[str, Any] = {} if segment_bytes is None else {"segment_bytes": segment_bytes}
            self.journal = Journal(Path(folder), files, stamp=stamp, **options)
            for frame in self.journal.replay():
                found = _DOCUMENT.findall(frame.body) if frame.body.startswith(b"[") else []
                if len(found) == frame.count:
                    self._apply_documents(found, frame.place, on_documents)
                else:
                    self._apply(frame.lines, frame.place, on_notes, on_documents)
        except BaseException:
            self._lock.release()
            raise

    def _apply_documents(
        self, found: list[tuple[bytes, bytes, bytes]], place: int, on_documents: OnDocuments | None = None
    ) -> None:
        """Take in (table, id or nothing, document) of lines; those that count up in one table go together."""
        for table, group in groupby(found, key=itemgetter(0)):
            _, ids, documents = zip(*group, strict=True)
            rows = self._rows(table.decode())
            around = len(table) + len('["",]\n')
            if not any(ids) or list(ids) == [b"%d" % number for number in range(rows.next_id, rows.next_id + len(ids))]:
                rows.extend(place, len(documents))
                place += sum(map(len, documents)) + around * len(documents) + sum(len(each) + 1 for each in ids if each)
            else:
                for doc_id, document in zip(ids, documents, strict=True):
                    rows.put(int(doc_id or rows.next_id), place)
                    place += len(document) + around + (len(doc_id) + 1 if doc_id else 0)
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
            found = [] if is_note else _DOCUMENT.findall(frames.joined(together))
            if len(found) == len(together):
                self._apply_documents(found, place, on_documents)
            elif not is_note:
                self._apply_each(together, place, on_documents)
            elif on_notes is not None:
                on_notes(together, place)
            place += sum(map(len, together)) + len(together)

    def _apply_each(self, lines: Sequence[bytes], place: int, on_documents: OnDocuments | None) -> None:
        for line in lines:
            found = _DOCUMENT.findall(line)
            if found:
                self._apply_documents(found, place, on_documents)
            else:
                self._apply_line(line, place)
            place += len(line) + 1

    def _apply_line(self, line: bytes, place: int) -> None:
        words = orjson.loads(line)
        if len(words) == 1:
            self.tables.pop(words[0], None)
            return
        name, doc_id, document = words[0], words[1], words[-1]
        head = b"[%b," % _name(name)
        if len(words) == 2 and isinstance(doc_id, int):
            self._rows(name).drop(doc_id)
        elif isinstance(document, dict) and line.startswith(head + b"{"):
            self._rows(name).extend(place, 1)
        elif isinstance(document, dict) and line.startswith(b"%b%d,{" % (head, doc_id)):
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

    def insert(self, lines: bytes, runs: Sequence[Run]) -> int:
        """Store lines that insert, and notes, each with its end, in one frame; the place of the first.

        `runs` says how many of which table follow each other; of no table (None) are notes.
        """
        place = self.journal.append_body(lines, sum(count for _, count in runs))
        places = [place]
        if len(runs) > 1:
            lengths = iter([len(line) + 1 for line in lines.split(b"\n")])
            places = list(accumulate((sum(islice(lengths, count)) for _, count in runs), initial=place))
        for (name, count), at in zip(runs, places, strict=False):
            if name is not None:
                self._rows(name).extend(at, count)
        return place

    def close(self) -> None:
        """Close the journal and let other processes in."""
        self.journal.close()
        self._lock.release()


def _name(name: str) -> bytes:
    return orjson.dumps(name)


def inserting(name: str, document: bytes) -> bytes:
    """The line that inserts an encoded document, without its end."""
    return b"[%b,%b]" % (_name(name), document)


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
    """The table and the encoded document of a line that inserts or puts one; None for any other line."""
    found = _DOCUMENT.fullmatch(line)
    return None if found is None else (found[1].decode(), found[3])


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
        lines, runs = [], []
        for name, documents in tables.items():
            found = [inserting(name, encoded(dict(document))) for document in documents]
            if found:
                lines += found
                runs.append((name, len(found)))
        if runs:
            self.insert_lines(frames.joined(lines), runs)

    def insert_lines(self, lines: bytes, runs: Sequence[Run]) -> int:
        """The same for lines as a frame has them; `runs` and what is returned are those of JournalStorage.insert."""
        storage: JournalStorage = self.storage  # type: ignore[assignment]
        place = storage.insert(lines, runs)
        for name, _ in runs:
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
