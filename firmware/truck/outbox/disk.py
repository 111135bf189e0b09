"""The outbox's file as its owner meets it: each change and each question is answered, whatever the disk does.

A disk that refuses (full, read-only, worn out) is a `fault` and is tried again with the next change. A file that turns
out damaged, or empty or older than the starts that were counted, is moved aside, named, and a new one begun; where no
new one can be had the truck goes on without a disk.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.truck.outbox.boot_counter import read_boot, read_counted, sync_folder, write_boot
from firmware.truck.outbox.file import SCHEMA, is_damage, last_boot, moved_aside, must_have_counted, opened, thin

Change = Callable[[sqlite3.Connection], object]


class Disk:
    """One outbox file and the start that it has counted: `boot`. `counts` is its owner's."""

    def __init__(self, path: Path, first_boot: int, counts: Counter[str]) -> None:
        """Opens or creates the file and counts the start, from `first_boot` where there is no count at all.

        Raises OSError if the folder cannot be written.
        """
        self.fault: str | None = None
        self.damaged: Path | None = None
        self._path = path
        self._counts = counts
        self._without = False
        self._uncounted = True  # the file does not have this start's number yet
        self._rows_left: int | None = None  # how many reports are in the file; None = to be counted
        path.parent.mkdir(parents=True, exist_ok=True)
        boot_path = path.with_suffix(".boot")
        counted = read_boot(boot_path)
        in_file = 0
        try:
            if counted_by_file := read_counted(boot_path):
                must_have_counted(path, counted_by_file)
            self._db = opened(path)
            in_file = last_boot(self._db)
            counted = max(counted, in_file)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise OSError(
                    f"the outbox {path} cannot be opened: {error}; check the folder and its rights"
                ) from error
            self.damaged = moved_aside(path, counted + 1)
            self._counts["damaged"] += 1
            self._db = opened(path)
        self.boot = counted + 1 if counted else first_boot
        # In this order: a counter without its count in the file says that the file is not what it was.
        self._count_boot()
        sync_folder(path.parent)
        write_boot(boot_path, self.boot, in_file if self._uncounted else None)

    def write(self, change: Change, *, durable: bool = False) -> bool:
        """Runs `change(db)` as one transaction; False (and `fault`) if the disk refused."""
        self._rows_left = None
        try:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                if self._uncounted:
                    self._db.execute("DELETE FROM boot")
                    self._db.execute("INSERT INTO boot VALUES (?)", (self.boot,))
                change(self._db)
        except sqlite3.Error as error:
            self._faulty(error)
            return False
        self._uncounted = False
        if not self._without:
            self.fault = None
        return True

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows; none (and `fault`) if the disk does not say."""
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            self._faulty(error)
            return []

    def reports(self) -> int:
        """How many reports are in the file; cheap. If the disk does not say, something is assumed to be there."""
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
        self._db.close()

    def _faulty(self, error: sqlite3.Error) -> None:
        self._counts["faults"] += 1
        self.fault = (
            f"the outbox {self._path} failed ({error}); records are held in memory: check the card and its space"
        )
        if is_damage(error):
            # Nothing more can be had from it while running; what is in memory goes into the new file.
            self._db.close()
            self._rows_left = None
            self._counts["damaged"] += 1
            try:
                self.damaged = moved_aside(self._path, self.boot)
                self._db = opened(self._path)
            except (OSError, sqlite3.Error):
                # A truck without a disk still says where it is and when its driver presses, until it is started anew.
                self._without = True
                self._db = sqlite3.connect(":memory:", isolation_level=None)
                self._db.executescript(SCHEMA)
            self._uncounted = True
            self._count_boot()

    def _count_boot(self) -> None:
        """Has the file know of this start; if the disk refuses, the next thing that is written brings it."""
        self.write(lambda _: None, durable=True)

    def _positions(self) -> int:
        return self._number("SELECT COUNT(*) FROM position")

    def _number(self, sql: str) -> int:
        rows = self.read(sql)
        return int(rows[0][0]) if rows else 0
