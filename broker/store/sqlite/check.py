"""Looking a record over without trusting it, and putting right what can be put right without guessing.

Every row is read and proved by its checksum, a missing row is known by its number. A repair makes a new file of what
can be read, and takes what cannot from a copy, from what was set aside and from the past days' files; the damaged file
is kept in `aside/`. What is lost for good is said by row, and remembered. Nothing is deleted.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import orjson

from broker.store.contract import Store
from broker.store.opening import must_be_store
from broker.store.pushdown import Where
from broker.store.record import Conflict, Corrupt, Record, StoreError, Unavailable
from broker.store.sqlite.any_disk import database_to_read
from broker.store.sqlite.files import Files, Lock
from broker.store.sqlite.note import NAME as NOTE
from broker.store.sqlite.note import Note, read_note
from broker.store.sqlite.past_days import PastDays, names_of
from broker.store.sqlite.reader import SQLiteReader
from broker.store.sqlite.record_file import gaps, make_file
from broker.store.sqlite.schema import NAME

_REPAIRED = "record.repaired"  # a whole file that is not in its place yet
_SHOWN = 5
_NEWEST_ROWS = 2000  # of which each is read by whoever looks in a moment


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
    lock = Lock(folder / "record.lock", must_be_alone=True) if repair else None
    try:
        yield from _Check(folder, copies, repair, stamp, files or Files()).run()
    finally:
        if lock is not None:
            lock.release()


class _Check:
    def __init__(self, folder: Path, copies: Path | None, repair: bool, stamp: str, files: Files) -> None:
        self._folder, self._copies, self._repair, self._stamp = folder, copies, repair, stamp
        self._path, self._files = folder / NAME, files

    def run(self) -> Iterator[Finding]:
        note, finding = self._noted()
        if finding is not None:
            yield finding
        if note is None or (finding is not None and not self._repair):
            return
        with _reader(self._path, note, self._files) as reader:
            found = self._record(reader)
            if not found.good and self._repair:
                found = self._made_anew(reader, note, found)
        yield found if found.good or self._repair else self._bad(found.path, found.text)
        if found.good or found.repaired:
            with _reader(self._path, note, self._files) as reader:
                yield from self._past_days(reader)
        for path in sorted((self._folder / "aside").glob("*")):
            yield Finding(True, path, "was set aside earlier; look at it, then keep or remove it")

    def _bad(self, path: Path, text: str) -> Finding:
        return Finding(False, path, f"{text}; run with --repair")

    def _noted(self) -> tuple[Note | None, Finding | None]:
        """The note; one that is lost or spoiled as the record itself, or the copy of it, has it."""
        path, wrong = self._folder / NOTE, f"is missing; {NAME} may be another's, or an older copy"
        try:
            if (note := read_note(self._folder)) is not None:
                return note, None
        except Corrupt:
            wrong = "does not say whose the record is"
        note = None
        with suppress(StoreError), _reader(self._path, None, self._files) as reader:
            note = reader.own_note()
        if note is None and self._copies is not None:
            with suppress(Corrupt):
                note = read_note(self._copies)
        if note is None:
            return None, Finding(False, path, f"{wrong}, nor does the record; give a copy of this store with --copies")
        if not self._repair:
            return note, self._bad(path, wrong)
        self._files.write_whole(path, note.encoded())
        return note, Finding(False, path, f"{wrong}; written anew, up to row {note.rows}", repaired=True)

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

    def _made_anew(self, reader: SQLiteReader, note: Note, found: Finding) -> Finding:
        """Have a whole file, of what can be had and proved, in the place of this one, which is set aside with its log.

        Killed in between there may be no file: the next repair takes the rows from the one that was made.
        """
        draft, aside = self._folder / "record.new", self._folder / "aside"
        count, last, lost = make_file(draft, note, self._sources(reader, note), self._files)
        if not count:
            self._files.remove(draft)
            hint = "give a copy of this store with --copies" if self._copies is None else "the copy has none either"
            return Finding(False, found.path, f"{found.text}; no record can be had: {hint}")
        self._files.replace(draft, self._folder / _REPAIRED)
        self._files.write_whole(self._folder / NOTE, note._replace(rows=last, copies=0, size=0).encoded())
        place = next(path for n in range(1000) if not (path := aside / f"{self._stamp}.{n}").exists())
        self._files.make_folder(place)
        for path in (self._path, *(self._folder / f"{NAME}{end}" for end in ("-wal", "-shm"))):
            if path.exists():
                self._files.replace(path, place / path.name)
        self._files.replace(self._folder / _REPAIRED, self._path)
        text = f"{found.text}; {count} records were had" + (f", {len(lost)} are lost: {_ranges(lost)}" if lost else "")
        text += f"; what was damaged is kept in {aside}"
        return Finding(False, found.path, text, repaired=True, lost=bool(lost))

    def _sources(self, reader: SQLiteReader, note: Note) -> Iterator[list[tuple[int, Record]]]:
        """Rows of the record itself, of a copy, of what was set aside, of the past days; of a row the first counts.

        Raises Unavailable, for then nobody knows what could be had a little later.
        """
        copies = () if self._copies is None else (self._copies / NAME,)
        aside = sorted((self._folder / "aside").glob(f"*/{NAME}"), reverse=True)
        for path in (self._path, self._folder / _REPAIRED, *copies, *aside):
            with _reader(path, note, self._files) as other, suppress(Corrupt):  # not even its last row is known
                if other.database.exists() and other.about("record") == note.record:
                    yield from other.by_row()
        past = PastDays(reader)
        for day in past.names():
            yield list(past.read(day))

    # --- the past days ---------------------------------------------------------------------------------

    def _past_days(self, reader: SQLiteReader) -> Iterator[Finding]:
        past = PastDays(reader)
        written_to, waiting = past.state()
        for day in sorted({*past.of_rows(0, written_to).difference(waiting), *past.names()}):
            wrong = past.wrong(day)
            if not wrong:
                yield Finding(True, past.folder / day, "as it was written")
                continue
            text = f"{names_of(wrong)} is not as it was written, or missing"
            if self._repair:
                past.write(day, careful=False)  # what its files had is in the record by now
                yield Finding(False, wrong[0], f"{text}; written anew from the record", repaired=True)
            else:
                yield self._bad(wrong[0], text)


def quick_look(store: Store) -> int | None:
    """When its newest record was received, None for an empty one; raises StoreError for what is not as written.

    `check` reads each row; this the newest only, and sees that none is missing.
    """
    if not isinstance(store, SQLiteReader):
        return None
    last = store.last_row()
    ((there,),) = store.rows_of("SELECT count(*) FROM record")
    lost = len(orjson.loads(store.about("lost") or "[]"))
    if there + lost < last:
        raise Corrupt(f"{store.database.path}: {last - there - lost} of {last} rows are missing")
    rows = [pair for batch in store.by_row(Where("row > ?", [last - _NEWEST_ROWS])) for pair in batch]
    return max((record.received_at for _, record in rows), default=None)


@contextmanager
def _reader(path: Path, note: Note | None, files: Files) -> Iterator[SQLiteReader]:
    area, timezone = ("", "UTC") if note is None else (note.area, note.timezone)
    with closing(database_to_read(path)) as database:
        yield SQLiteReader(path.parent, area, timezone, lambda: 0.0, database, files)


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
