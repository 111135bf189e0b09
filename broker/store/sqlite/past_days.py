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
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Protocol

import orjson

from broker.store import codec
from broker.store.days import Days
from broker.store.record import Corrupt, Record
from broker.store.sqlite.disk.errors import ADVICE
from broker.store.sqlite.disk.files import Files

FOLDER = "days"
SUMS = "SHA256SUMS"
_STATE = "exported"  # in the table `about`
_PAUSE_S = 0.002  # slept after each part, so that commits go on meanwhile
_PART = 500


class Rows(Protocol):
    """The record a day is written from: its rows in the order they came, and by their time."""

    def last_row(self) -> int: ...
    def times_between(self, after: int, last: int) -> Iterator[int]: ...
    def between(self, start: int, end: int) -> Iterator[tuple[int, Record]]: ...
    def numbered(self, row: int) -> Record | None: ...
    def about(self, name: str) -> str | None: ...
    def keep_about(self, name: str, value: str) -> None: ...


class PastDays:
    """The folder `days` of a store."""

    def __init__(self, folder: Path, days: Days, files: Files) -> None:
        self.folder = folder / FOLDER
        self._days, self._files = days, files
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """The days that are there."""
        return sorted(path.name for path in self.folder.glob("[0-9]*") if path.is_dir())

    def export(self, source: Rows, today: str, pause_s: float = _PAUSE_S) -> None:
        """Write all days before `today` that have records which are not in their files.

        Raises Corrupt, once the others are written, for a day whose files have what the record cannot give any more.
        """
        with self._lock:
            done_to, waiting = self.state(source)
            last = source.last_row()
            touched = {*waiting, *(self._days.of(at) for at in source.times_between(done_to, last))}
            left, refused = {day for day in touched if day >= today}, list[Corrupt]()
            for day in sorted(touched - left):
                try:
                    self.write(source, day, pause_s)
                except Corrupt as error:
                    left.add(day)
                    refused.append(error)
            if (last, sorted(left)) != (done_to, waiting):
                self._files.make_folder(self.folder)
                source.keep_about(_STATE, orjson.dumps({"rows": last, "waiting": sorted(left)}).decode())
            if refused:
                raise refused[0]

    def state(self, source: Rows) -> tuple[int, list[str]]:
        """Up to which row the days are written, and which days are not."""
        said = source.about(_STATE)
        if said is None or not self.folder.exists():  # it was removed: all are written again
            return 0, []
        found = orjson.loads(said)
        return found["rows"], found["waiting"]

    def write(self, source: Rows, day: str, pause_s: float = 0.0) -> None:
        """Write one day anew: under a hidden name, then in the place of the old one."""
        draft, old = self.folder / f".{day}.part", self.folder / f".{day}.old"
        for left in (draft, old):
            if left.exists():
                self._files.remove(left)
        self._files.make_folder(draft)
        try:
            lacking = {row for row, _ in self.read(day)}
            sums = []
            for kind, rows in groupby(source.between(*self._days.span(day, day)), key=lambda pair: pair[1].kind):
                sums.append(f"{self._write(draft, kind, rows, lacking, pause_s)}  {kind}.json\n".encode())
            if any(source.numbered(row) is None for row in lacking):  # else it was moved to another day
                kept = "has records that the record cannot give any more, and stays as it is"
                raise Corrupt(f"{self.folder / day} {kept}; {ADVICE} --repair, which takes them from there")
            self._files.write(draft / SUMS, sums)
            self._files.sync_folder(draft)
            if (self.folder / day).exists():
                self._files.replace(self.folder / day, old)
            self._files.replace(draft, self.folder / day)
        finally:
            for left in (draft, old):
                with suppress(OSError):  # a full disk's room is for the alarms; what stays goes at the next attempt
                    if left.exists():
                        self._files.remove(left)

    def _write(
        self, folder: Path, kind: str, rows: Iterator[tuple[int, Record]], lacking: set[int], pause_s: float
    ) -> str:
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            for number, (row, record) in enumerate(rows):
                start = b"," if number else b'{"_default": {'
                yield b'%b\n"%d": %b' % (start, row, codec.encode(record))
                lacking.discard(row)
                if number % _PART == 0:
                    time.sleep(pause_s)
            yield b"\n}}\n"

        def hashed(pieces: Iterator[bytes]) -> Iterator[bytes]:
            for piece in pieces:
                digest.update(piece)
                yield piece

        self._files.write(folder / f"{kind}.json", hashed(pieces()))
        return digest.hexdigest()

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
        if self.folder / day / SUMS in wrong:
            return
        for path in sorted({*(self.folder / day).glob("*.json")}.difference(wrong)):
            with path.open("rb") as file:
                for line in file:
                    if line.startswith(b'"'):  # one document a line: a day may be longer than there is memory for
                        ((row, document),) = orjson.loads(b"{%b}" % line.rstrip(b",\n")).items()
                        yield int(row), codec.of_document(document)


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
