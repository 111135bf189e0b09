"""SQLite's write-ahead log: how its pages come into the file beside the commits, and what is left of it after a kill.

A commit is durable in the log. A thread copies the pages into the file, and the commits wait for the last few only; so
the log begins anew before it is long. A commit that failed costs nothing: what it left lies behind the log's end, and
the next one writes over it.
"""

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path

from broker.store.record import StoreError, Unavailable
from broker.store.sqlite.disk.files import Files

_ROWS = 8000  # then its pages go into the file: 4 to 32 MB, by how many devices the rows are of
_BYTES = 128_000_000  # or at the latest then, however few rows that were
_PASSES, _FEW_PAGES = 6, 200


class LogCopying:
    """Copies the log into the file when it has become long; `mark` counts in the database that it is copied whole."""

    def __init__(
        self, log: Path, connect: Callable[[], sqlite3.Connection], lock: AbstractContextManager[object],
        mark: Callable[[], int],
    ) -> None:  # fmt: skip
        self._log, self._connect, self._lock, self._mark = log, connect, lock, mark
        self._changes = 0  # since the last copying began
        self._whole = True  # all of it was copied
        self._partly = False
        self._thread: threading.Thread | None = None
        self.copies = 0  # so many whole logs are surely in the file, which says so itself
        self.must_stay = False
        self.tell: Callable[[str], None] = lambda _: None  # what a person should know of

    def after_commit(self, changes: int) -> None:
        """Have a long log copied in a thread."""
        self._changes += changes
        self._whole = self._whole and not changes
        long = self._changes >= _ROWS or self._log.stat().st_size >= _BYTES
        if long and not self.must_stay and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self.copy, name="copy log", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Before closing: have the rest copied, if that can be done now."""
        if self._thread is not None:
            self._thread.join()
        if not self._whole:
            self.copy()

    def copy_all(self) -> None:
        """Have all of it copied now; raises StoreError if that cannot be done."""
        if self._thread is not None:
            self._thread.join()
        try:
            self._copy()
        except sqlite3.Error as error:
            raise Unavailable(f"{self._log} could not be copied into the file ({error})") from error

    def copy(self) -> None:
        """Have it copied if that can be done now; else it stays, and is a part of the record as before."""
        with suppress(sqlite3.Error, StoreError):
            self._copy()

    def _copy(self) -> None:
        # So that the next commit begins the log anew.
        self._changes = before = 0
        with closing(self._connect()) as connection:
            for _ in range(_PASSES):
                # What came while the last pass copied is copied by the next, until the commits need not wait for long.
                pages, copied = self._pass(connection, overtaken=True)
                if pages - before <= _FEW_PAGES:
                    break
                before = copied
            with self._lock:
                copies = self._mark()
                self._changes = 0
                pages, copied = self._pass(connection)
                self._whole = 0 <= pages == copied
        if not self._whole:
            raise Unavailable(f"{self._log}: somebody reads it, and it is not copied into the file yet")
        self.copies = copies

    def _pass(self, connection: sqlite3.Connection, *, overtaken: bool = False) -> tuple[int, int]:
        """Have SQLite copy what it can; how many pages there are, and how many of them are copied.

        A pass that readers stop, or that commits overtake, is not synced: the sync of the next one covers it, and if
        that fails nobody knows which of its pages the disk has. SQLite would not write them again before all have
        closed the file: till then no more is copied, so that the log, which has them, is not begun anew.
        """
        if self.must_stay:
            raise Unavailable(f"{self._log} stays, as the file could not be synced, until the bridge is started again")
        try:
            _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            if self._partly and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
                self.must_stay = True
            self.tell(f"{self._log} could not be copied into the file ({error}); its disk needs a look")
            raise
        if pages >= 0:  # else somebody else copies
            self._partly = overtaken or copied < pages
        return pages, copied


def write_again(log: Path, files: Files) -> None:
    """Write a log that was left behind over itself, and sync it: what is in it may be in memory only."""
    try:
        if log.exists() and log.stat().st_size > 0:
            files.overwrite(log, log.read_bytes(), sync=True)
    except OSError as error:
        raise Unavailable(f"{log} cannot be made durable ({error.strerror}); its disk needs a look") from error


def pages_in(log: Path, page_bytes: int) -> set[int]:
    """The numbers of the pages that a log has: those of its frames up to the last commit."""
    pages, pending = set[int](), set[int]()
    with suppress(OSError), log.open("rb") as file:
        salts = file.read(32)[16:24]
        while (frame := file.read(24))[8:16] == salts and len(salts) == 8:  # what follows is of an earlier round
            pending.add(int.from_bytes(frame[:4], "big"))
            if frame[4:8] != bytes(4):  # a commit
                pages |= pending
                pending.clear()
            file.seek(page_bytes, os.SEEK_CUR)
    return pages
