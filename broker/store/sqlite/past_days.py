"""Each past day as plain files that stock TinyDB opens, written anew when late records of it have come.

    days/2026-11-22/bins.json ...   one file per kind: `TinyDB(path)` opens it; a document's number is the record's row
    days/2026-11-22/SHA256SUMS      of all of them; `sha256sum -c` checks it

A day is the event's, in the area's time zone. The files repeat what is in the database, which says up to which row they
do: a damaged row comes back from them, a damaged file is written anew from it. A day whose files have what the database
cannot give any more is not written anew before a repair has taken it from them: they may be the only good copy.
"""

import hashlib
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path

import orjson

from broker.store import codec
from broker.store.days import Days
from broker.store.record import Corrupt, Record
from broker.store.sqlite.errors import ADVICE
from broker.store.sqlite.reader import SQLiteReader

FOLDER = "days"
SUMS = "SHA256SUMS"
WRITTEN_DAYS = "exported"  # in the table `about`: which they are
_PART = 500  # after so many there is a pause, so that commits go on meanwhile
_SHOWN = 3


class PastDays:
    """The folder `days` of a record."""

    def __init__(self, source: SQLiteReader, pause_s: float = 0.0) -> None:
        self.folder = source.folder / FOLDER
        self._source, self._files, self._pause_s = source, source.files, pause_s
        self.days = Days(source.timezone)
        self._lock = threading.RLock()
        self._seen: dict[str, set[tuple[str, int, int]]] = {}

    def names(self) -> list[str]:
        """The days that are there."""
        return sorted(path.name for path in self.folder.glob("[0-9]*") if path.is_dir())

    def export(self, today: str) -> None:
        """Write all days before `today` that have records which are not in their files.

        Raises Corrupt, once the others are written, for a day whose files have what the record cannot give any more.
        """
        with self._lock:
            done_to, waiting = self.state()
            last = self._source.last_row()
            touched = {*waiting, *self.of_rows(done_to, last)}
            left, refused = {day for day in touched if day >= today}, list[Corrupt]()
            for day in sorted(touched - left):
                try:
                    self.write(day)
                except Corrupt as error:
                    left.add(day)
                    refused.append(error)
            if (last, sorted(left)) != (done_to, waiting):
                self._files.make_folder(self.folder)
                self._source.keep_about(WRITTEN_DAYS, orjson.dumps({"rows": last, "waiting": sorted(left)}).decode())
            if refused:
                raise refused[0]

    def state(self) -> tuple[int, list[str]]:
        """Up to which row the days are written, and which days are not."""
        said = self._source.about(WRITTEN_DAYS)
        if said is None or not self.folder.exists():  # it was removed: all are written again
            return 0, []
        found = orjson.loads(said)
        return found["rows"], found["waiting"]

    def of_rows(self, after: int, last: int) -> set[str]:
        """The days of the rows above `after`, up to `last`."""
        asked = "SELECT DISTINCT at FROM record WHERE row > ? AND row <= ?"
        return {self.days.of(at) for (at,) in self._source.rows_of(asked, [after, last])}

    def touched(self) -> list[str]:
        """The days of which a file was written, taken away or added since this was asked last."""
        with self._lock:
            before, self._seen = self._seen, {
                day: {(path.name, (found := path.stat()).st_mtime_ns, found.st_size)
                      for path in (self.folder / day).iterdir()}
                for day in self.names()
            }  # fmt: skip
            return sorted(day for day in {*before, *self._seen} if before.get(day) != self._seen.get(day))

    def mended(self, day: str) -> str | None:
        """Write a day anew whose files are not as they were written; what a person should know of it."""
        if not (wrong := self.wrong(day)):
            return None
        text = f"{self.folder / day}: {names_of(wrong)} not as it was written, or missing"
        try:
            with self._lock:
                self.write(day)
        except (Corrupt, OSError) as why:
            return f"{text}, and not written anew: {why}"
        return f"{text}; written anew from the record"

    def write(self, day: str, *, careful: bool = True) -> None:
        """Write one day anew: under a hidden name, then in the place of the old one.

        Raises Corrupt, if `careful`, where the files have a row that the record cannot give.
        """
        draft, old = self.folder / f".{day}.part", self.folder / f".{day}.old"
        for left in (draft, old):
            if left.exists():
                self._files.remove(left)
        self._files.make_folder(draft)
        try:
            lacking = set(self._rows(day)) if careful else set[int]()
            sums = []
            for kind, rows in groupby(self._records(day), key=lambda pair: pair[1].kind):
                self._files.write(draft / f"{kind}.json", self._pieces(rows, lacking))
                sums.append(f"{_digest(draft / f'{kind}.json')}  {kind}.json\n".encode())
            if any(not self._source.has(row) for row in lacking):  # else it was moved to another day
                kept = "has records that the record cannot give any more, and stays as it is"
                raise Corrupt(f"{self.folder / day} {kept}; {ADVICE} --repair, which takes them from there")
            self._files.write(draft / SUMS, sums)
            self._files.sync_folder(draft)
            if (self.folder / day).exists():
                self._files.replace(self.folder / day, old)
            self._files.replace(draft, self.folder / day)
            self._seen.setdefault(day, set())  # one that is gone before anybody looked is missed all the same
        finally:
            for left in (draft, old):
                with suppress(OSError):  # a full disk's room is for the alarms; what stays goes at the next attempt
                    if left.exists():
                        self._files.remove(left)

    def _records(self, day: str) -> Iterator[tuple[int, Record]]:
        """Rows and records of a day as first stored, by kind, then (at, id)."""
        start, end = self.days.span(day, day)
        for kind in self._source.kinds():
            for hour in range(start, end, 3600):  # the log cannot begin anew while somebody reads
                yield from self._source.between(kind, hour, min(hour + 3600, end))

    def _pieces(self, rows: Iterator[tuple[int, Record]], lacking: set[int]) -> Iterator[bytes]:
        for number, (row, record) in enumerate(rows):
            lacking.discard(row)
            if number % _PART == 0:
                time.sleep(self._pause_s)
            yield b'%b\n"%d": %b' % (b"," if number else b'{"_default": {', row, codec.encode(record))
        yield b"\n}}\n"

    def wrong(self, day: str) -> list[Path]:
        """The files of a day that are not as they were written, or missing, or nobody's."""
        folder = self.folder / day
        try:
            listed = dict(line.split("  ")[::-1] for line in (folder / SUMS).read_text("ascii").split("\n")[:-1])
        except (OSError, ValueError):
            return [folder / SUMS]
        names = {path.name for path in folder.iterdir()} - {SUMS}
        return sorted(folder / name for name in {*listed, *names} if _digest(folder / name) != listed.get(name, "none"))

    def read(self, day: str) -> Iterator[tuple[int, Record]]:
        """Rows and records of those files of a day that are as they were written."""
        wrong = self.wrong(day)
        if self.folder / day / SUMS not in wrong:
            for line in self._lines(day, but=wrong):
                ((row, document),) = orjson.loads(b"{%b}" % line.rstrip(b",\n")).items()
                yield int(row), codec.of_document(document)

    def _rows(self, day: str) -> Iterator[int]:
        """The rows that the files of a day have, whole or not."""
        for line in self._lines(day):
            row = line[1 : line.find(b'"', 1)]
            if row.isdigit():
                yield int(row)

    def _lines(self, day: str, but: Iterable[Path] = ()) -> Iterator[bytes]:
        """The lines of a day's files that have a document: a day may be longer than there is memory for."""
        for path in sorted({*(self.folder / day).glob("*.json")}.difference(but)):
            if path.is_file():
                with path.open("rb") as file:
                    yield from (line for line in file if line.startswith(b'"'))


def names_of(paths: list[Path]) -> str:
    """Some of them, as a person reads it."""
    return ", ".join(path.name for path in paths[:_SHOWN])


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
