"""The outbox's file as its owner meets it: each change and each question is answered, whatever the disk does.

A disk that refuses (full, read-only, worn out, not there) is a `fault`, at the start as later: what cannot be written
is its owner's to hold, what can still be read is read, and `try_again` finds out when it takes again. A file that turns
out damaged, or empty or older than the starts that were counted, is moved aside, named, and a new one begun.
"""

import contextlib
import errno
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from firmware.truck.outbox.boot_counter import read_boot, read_counted, sync_folder, write_boot
from firmware.truck.outbox.file import (
    is_damage,
    last_boot,
    moved_aside,
    must_have_counted,
    opened,
    opened_to_read,
    thin,
)

UNCOUNTED_BOOTS = 100_000
Change = Callable[[sqlite3.Connection], object]


class Disk:
    """One outbox file and the start that it has counted: `boot`. `counts` is its owner's."""

    def __init__(self, path: Path, first_boot: int, counts: Counter[str], system: str | None = None) -> None:
        """Opens or creates the file and counts the start, from `first_boot` where there is no count at all.

        `system` names the start of the computer: the monotonic clock runs on from one start of the program to the
        next of the same. Raises OSError if the path cannot be one: something on the way to it is a file.
        """
        self.fault: str | None = None
        self.damaged: Path | None = None
        self.same_clock: frozenset[int] = frozenset()  # the starts whose monotonic clock is ours
        self._path = path
        self._boot_path = path.with_suffix(".boot")
        self._counts = counts
        self._system = system
        self._db: sqlite3.Connection | None = None
        self._takes = False  # it was opened for writing
        self._is_full = False  # what it refused last was for want of space: to open it anew is of no use
        self._uncounted = True  # the file does not have this start's number yet
        self._rows_left: int | None = None  # how many reports are in the file; None = to be counted
        counted = read_boot(self._boot_path)
        in_file = 0
        try:
            in_file = self._begin(counted + 1)
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, NotADirectoryError | FileExistsError):
                raise OSError(f"the outbox {path} cannot be: {error}; correct [outbox] path") from error
            self._refused(error)
            self._db = opened_to_read(path)
            in_file = 0 if self._db is None else last_boot(self._db)
        counted = max(counted, in_file)
        self.boot = counted + 1 if counted else first_boot
        # In this order: a counter without its count in the file says that the file is not what it was.
        self._count_boot()
        if not self._number_kept(in_file if self._uncounted else None) and self._uncounted:
            # Nobody will know of this start: the next one must not take its number for its own.
            self.boot += secrets.randbelow(UNCOUNTED_BOOTS)

    def try_again(self) -> None:
        """Finds out whether the disk takes again: if it does, `fault` is None and the file knows of this start."""
        if self._takes:
            self._count_boot()
        if self.fault is None or (self._takes and self._is_full):
            return
        former = self._db
        try:
            self._begin(self.boot)
        except (OSError, sqlite3.Error) as error:
            self._refused(error)
            return
        if former is not None and former is not self._db:
            with contextlib.suppress(sqlite3.Error):
                former.close()
        self._count_boot()
        if not self._uncounted:
            self._number_kept(None)

    def write(self, change: Change, *, durable: bool = False) -> bool:
        """Runs `change(db)` as one transaction; False (and `fault`) if the disk refused."""
        if self._db is None or not self._takes:
            return False
        self._rows_left = None
        try:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                if self._uncounted:
                    self._write_boot(self._db)
                change(self._db)
        except sqlite3.Error as error:
            self._faulty(error)
            return False
        self._uncounted = False
        self.fault = None
        return True

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows; none (and `fault`) if the disk does not say."""
        return list(self.each(sql, *values))

    def each(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """The rows one by one, as far as the disk says them."""
        if self._db is None:
            return
        try:
            yield from self._db.execute(sql, values)
        except sqlite3.Error as error:
            self._faulty(error)

    def reports(self) -> int:
        """How many reports are in the file; cheap. If the disk does not say, something is assumed to be there."""
        if self._db is None:
            return 0
        if self._rows_left is None:
            rows = self.read("SELECT (SELECT COUNT(*) FROM incident_record) + (SELECT COUNT(*) FROM position)")
            self._rows_left = int(rows[0][0]) if rows else None
        return 1 if self._rows_left is None else self._rows_left

    def size_bytes(self) -> int:
        """Bytes of the file in use, without what has been freed inside it."""
        pages = self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")
        return pages * self._number("PRAGMA page_size")

    def bound(self, limit_bytes: int) -> None:
        """Above the limit old positions are thinned, then the oldest are dropped; both are counted."""
        if self.size_bytes() <= limit_bytes:
            return
        before = self._positions()
        self.write(thin)
        self._counts["positions_thinned"] += before - self._positions()
        while self.size_bytes() > limit_bytes and (left := self._positions()):
            quarter = max(1, left // 4)
            self.write(
                lambda db, n=quarter: db.execute(  # type: ignore[misc]
                    "DELETE FROM position WHERE (boot, seq) IN"
                    " (SELECT boot, seq FROM position ORDER BY boot, seq LIMIT ?)",
                    (n,),
                )
            )
            dropped = left - self._positions()
            self._counts["positions_dropped"] += dropped
            if not dropped:
                return

    def close(self) -> None:
        """Closes the file."""
        if self._db is not None:
            self._db.close()

    def _begin(self, boot: int) -> int:
        """Opens or creates the file for writing, a damaged one moved aside; returns the last start that it counted."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if counted_by_file := read_counted(self._boot_path):
                must_have_counted(self._path, counted_by_file)
            db = opened(self._path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            db = self._begun_anew(boot)
        self._db, self._takes, self._rows_left = db, True, None
        starts = db.execute("SELECT boot FROM start WHERE system = ?", (self._system,)).fetchall()
        self.same_clock = frozenset(row[0] for row in starts)
        self._uncounted = True
        return last_boot(db)

    def _begun_anew(self, boot: int) -> sqlite3.Connection:
        self._counts["damaged"] += 1
        self._rows_left = None
        self.damaged = moved_aside(self._path, boot)
        return opened(self._path)

    def _faulty(self, error: sqlite3.Error) -> None:
        self._refused(error)
        self._is_full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        if is_damage(error) and self._db is not None:
            # Nothing more can be had from it while running; what is in memory goes into the new file.
            self._db.close()
            self._db, self._takes = None, False
            try:
                self._db = self._begun_anew(self.boot)
            except (OSError, sqlite3.Error):
                return  # a truck without a disk still says where it is and when its driver presses
            self._takes = self._uncounted = True
            self._count_boot()

    def _refused(self, error: Exception) -> None:
        self._counts["faults"] += 1
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        self.fault = (
            f"the outbox {self._path} failed ({said}); records are held in memory: check the card and its space"
        )

    def _count_boot(self) -> None:
        """Has the file know of this start; if the disk refuses, the next thing that is written brings it."""
        self._uncounted = True
        self.write(lambda _: None, durable=True)

    def _write_boot(self, db: sqlite3.Connection) -> None:
        highest = max(self.boot, last_boot(db))
        db.execute("DELETE FROM boot")
        db.execute("INSERT INTO boot VALUES (?)", (highest,))
        db.execute("DELETE FROM start WHERE system IS NOT ?", (self._system,))
        if self._system is not None:
            db.execute("INSERT OR REPLACE INTO start VALUES (?, ?)", (self.boot, self._system))

    def _number_kept(self, counted: int | None) -> bool:
        """Whether this start's number is in the file beside the outbox."""
        try:
            sync_folder(self._path.parent)
            write_boot(self._boot_path, max(self.boot, read_boot(self._boot_path)), counted)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                self._refused(error)  # but a full disk with a good file is a fault only when that refuses
            return False
        return True

    def _positions(self) -> int:
        return self._number("SELECT COUNT(*) FROM position")

    def _number(self, sql: str) -> int:
        rows = self.read(sql)
        return int(rows[0][0]) if rows else 0
