"""Looking a record over without trusting it, and putting right what can be put right without guessing.

Every row is read and proved by its checksum, a missing row is known by its number. A repair makes a new file of what
can be read, and takes what cannot from a copy and from the past days' files; the damaged file is kept in `aside/`.
What is lost for good is said by row, and remembered. Nothing is deleted.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import orjson

from broker.store.days import Days
from broker.store.opening import must_be_store
from broker.store.record import Conflict, Corrupt, Record, StoreError, Unavailable
from broker.store.sqlite.any_disk import database_to_read
from broker.store.sqlite.database import NAME
from broker.store.sqlite.disk.files import Files, Lock
from broker.store.sqlite.disk.note import FORMAT, Note, read_note, write_note
from broker.store.sqlite.disk.note import NAME as NOTE
from broker.store.sqlite.reader import SQLiteReader
from broker.store.sqlite.record_file import REPAIRED, Made, gaps, make_database

_SHOWN = 5
_WHOSE = ("record", "area", "timezone")  # what a note says of a record besides its rows


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is good, and else what is wrong and what was or can be done."""

    good: bool
    path: Path
    text: str
    repaired: bool = False
    lost: bool = False  # repaired as far as possible, and records are gone


def check(
    folder: Path, copies: Path | None = None, repair: bool = False, stamp: str = "fsck", files: Files | None = None
) -> Iterator[Finding]:
    """Look over a store's folder, also beside a bridge; `repair` with what is there and in the folder `copies`.

    Raises Unavailable for a repair while somebody writes there.
    """
    try:
        must_be_store(folder)
    except Conflict:
        yield Finding(False, folder, f"no {NAME}, no {NOTE}: this is not the folder of a store")
        return
    if not repair:
        yield from _Check(folder, copies, None, stamp, files or Files()).run()
        return
    lock = Lock(folder / "record.lock", must_be_alone=True)
    try:
        yield from _Check(folder, copies, lock, stamp, files or Files()).run()
    finally:
        lock.release()


class _Check:
    def __init__(self, folder: Path, copies: Path | None, lock: Lock | None, stamp: str, files: Files) -> None:
        self._folder, self._copies, self._stamp, self._files = folder, copies, stamp, files
        self._lock, self._repair = lock, lock is not None
        self._path = folder / NAME

    def run(self) -> Iterator[Finding]:
        if (self._folder / REPAIRED).exists():
            if not self._repair:
                yield self._bad(self._folder / REPAIRED, "a repair was interrupted")
                return
            self._put_in_place()
            yield Finding(False, self._folder / REPAIRED, "a repair was interrupted; it is finished", repaired=True)
        note, finding = self._noted()
        if finding is not None:
            yield finding
        if note is None:
            return
        if finding is not None and not self._repair:
            return
        with self._reader(self._folder, note) as reader:
            found = self._record(reader)
            kept = self._made_anew(reader, note) if self._repair and not found.good else None
        if not found.good:
            found = self._replaced(found, note, kept)
        yield found
        if found.good or found.repaired:
            with self._reader(self._folder, note) as reader:
                yield from self._past_days(reader)
        for path in sorted((self._folder / "aside").glob("*")):
            yield Finding(True, path, "was set aside earlier; look at it, then keep or remove it")

    @contextmanager
    def _reader(self, folder: Path, note: Note) -> Iterator[SQLiteReader]:
        with database_to_read(folder / NAME) as database:
            yield SQLiteReader(folder, note.area, note.timezone, lambda: 0.0, database, self._files)

    def _bad(self, path: Path, text: str) -> Finding:
        return Finding(False, path, text if self._repair else f"{text}; run with --repair")

    # --- the note --------------------------------------------------------------------------------------

    def _noted(self) -> tuple[Note | None, Finding | None]:
        try:
            note = read_note(self._folder)
            wrong = f"is missing; {NAME} may be another's, or an older copy"
        except Corrupt:
            note, wrong = None, "does not say whose the record is"
        if note is not None:
            return note, None
        path = self._folder / NOTE
        note = self._note_of(self._folder)
        if note is None and self._copies is not None:
            with suppress(Corrupt):
                note = read_note(self._copies)
        if note is None:
            return None, Finding(False, path, f"{wrong}, nor does the record; give a copy of this store with --copies")
        if not self._repair:
            return note, self._bad(path, wrong)
        write_note(self._folder, note, self._files)
        return note, Finding(False, path, f"{wrong}; written anew, up to row {note.rows}", repaired=True)

    def _note_of(self, folder: Path) -> Note | None:
        """What the note would say, as the record itself has it."""
        with suppress(StoreError, sqlite3.Error, TypeError), database_to_read(folder / NAME) as database:
            reader = SQLiteReader(folder, "", "UTC", lambda: 0.0, database, self._files)
            about = {name: str(found) for name in _WHOSE if (found := reader.about(name)) is not None}
            if len(about) == len(_WHOSE):
                return Note(reader.last_row(), FORMAT, about["record"], about["area"], about["timezone"])
        return None

    # --- the record ------------------------------------------------------------------------------------

    def _record(self, reader: SQLiteReader) -> Finding:
        """Whether the file is this record and each of its rows as it was written."""
        try:
            note = reader.must_be_there()
            problems = reader.database.looked_over()
            lost_before = set(orjson.loads(reader.about("lost") or "[]"))
        except Unavailable:
            raise  # it may be whole: nobody can say so now, and nothing is repaired
        except StoreError as error:
            return Finding(False, self._path, str(error).removeprefix(str(self._path)).lstrip(": "))
        count, missing = gaps(reader.by_row(), max(note.rows, reader.last_row()))
        missing = [row for row in missing if row not in lost_before]
        if not missing and not problems:
            rest = f", {len(lost_before)} were lost before" if lost_before else ""
            return Finding(True, self._path, f"{count} records, each as it was written{rest}")
        text = f"{count} records can be read"
        if missing:
            text += f", {len(missing)} cannot: {_ranges(missing)}{_ids_of(reader, missing)}"
        return Finding(False, self._path, "; ".join([text, *problems[:2]]))

    def _made_anew(self, reader: SQLiteReader, note: Note) -> Made:
        """A whole file under another name, of what can be had and proved."""
        assert self._lock is not None
        return make_database(self._folder / REPAIRED, self._lock, note, self._sources(reader, note), self._files)

    def _sources(self, reader: SQLiteReader, note: Note) -> Iterator[list[tuple[int, Record]]]:
        """Rows of the record itself, then of the copy, then of the past days' files: of each row the first counts."""
        if reader.database.exists() and _record_of(reader) == note.record:
            yield from _readable(reader)
        if self._copies is not None and (self._copies / NAME).exists():
            with self._reader(self._copies, note) as copy:
                if _record_of(copy) == note.record:
                    yield from _readable(copy)
        for day in reader.past_days.names():
            yield list(reader.past_days.read(day))

    def _replaced(self, found: Finding, note: Note, made: Made | None) -> Finding:
        """The finding, with what a repair made of it."""
        if made is None:
            return self._bad(found.path, found.text)
        count, last, lost = made
        if not count:
            self._files.remove(self._folder / REPAIRED)
            hint = "give a copy of this store with --copies" if self._copies is None else "the copy has none either"
            return Finding(False, found.path, f"{found.text}; no record can be had: {hint}")
        write_note(self._folder, replace(note, rows=last, copies=0), self._files)
        aside = self._put_in_place()
        text = f"{found.text}; {count} records were had" + (f", {len(lost)} are lost: {_ranges(lost)}" if lost else "")
        text += f"; what was damaged is kept in {aside}"
        return Finding(False, found.path, text, repaired=True, lost=bool(lost))

    def _put_in_place(self) -> Path:
        """Move the damaged file aside, its log with it, and the repaired one into its place."""
        aside = self._folder / "aside"
        self._files.make_folder(aside)
        for path in (self._path, *(self._folder / f"{NAME}{end}" for end in ("-wal", "-shm"))):
            if path.exists():
                self._files.replace(path, aside / f"{path.name}.{self._stamp}")
        self._files.replace(self._folder / REPAIRED, self._path)
        return aside

    # --- the past days ---------------------------------------------------------------------------------

    def _past_days(self, reader: SQLiteReader) -> Iterator[Finding]:
        days, past = Days(reader.timezone), reader.past_days
        written_to, waiting = past.state(reader)
        there = {days.of(at) for at in reader.times_between(0, written_to)} - set(waiting)
        for day in sorted({*there, *past.names()}):
            wrong = past.wrong(day)
            if not wrong:
                yield Finding(True, past.folder / day, "as it was written")
                continue
            if self._repair:
                past.write(reader, day)
            text = f"{', '.join(path.name for path in wrong[:_SHOWN])} is not as it was written, or missing"
            done = "; written anew from the record"
            yield Finding(False, wrong[0], text + done if self._repair else f"{text}; run with --repair", self._repair)


def _record_of(reader: SQLiteReader) -> str | None:
    with suppress(Corrupt):
        return reader.about("record")
    return None


def _readable(reader: SQLiteReader) -> Iterator[list[tuple[int, Record]]]:
    """What can be read of a record; raises Unavailable, for then nobody knows what could be had a little later."""
    with suppress(Corrupt):  # not even its last row is known
        yield from reader.by_row()


def _ranges(rows: Iterable[int]) -> str:
    """Rows as people read them: `rows 3 to 9, 12`."""
    found = []
    for _, group in groupby(enumerate(sorted(rows)), key=lambda pair: pair[1] - pair[0]):
        numbers = [row for _, row in group]
        found.append(str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}")
    return f"rows {', '.join(found[:_SHOWN])}{' ...' if len(found) > _SHOWN else ''}"


def _ids_of(reader: SQLiteReader, rows: list[int]) -> str:
    """Which records were in these rows, as far as the index of the ids still knows."""
    with suppress(StoreError):
        wanted = set(rows)
        found = [name.decode(errors="replace") for row, name in reader.rows_of("SELECT row, id FROM record ORDER BY id")
                 if row in wanted]  # fmt: skip
        if found:
            return f" ({', '.join(found[:_SHOWN])}{' ...' if len(found) > _SHOWN else ''})"
    return ""
