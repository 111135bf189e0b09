"""A copy of the record as it was at one moment, made while a bridge writes on."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from broker.store.record import Corrupt
from broker.store.sqlite.any_disk import database_to_read
from broker.store.sqlite.database import connected
from broker.store.sqlite.errors import failure
from broker.store.sqlite.files import Files
from broker.store.sqlite.note import NAME as NOTE
from broker.store.sqlite.note import Note, read_note
from broker.store.sqlite.past_days import WRITTEN_DAYS
from broker.store.sqlite.schema import LAST_ROW, NAME

_PAGES = 1000  # copied at once
_ABOUT = "SELECT value FROM about WHERE name = ?"


def snapshot(
    folder: Path, target: Path, progress: Callable[[int, int], None] = lambda _left, _all: None,
    before: Callable[[], object] = lambda: None,
) -> Note:  # fmt: skip
    """Have record and note of `folder` in the folder `target`, durable; the note says up to which row.

    Raises StoreError. `progress` is told how many pages are left, of how many. `before` copies the past days: files
    never have a row that the copy lacks, and days that are written meanwhile are not among those it says are written.
    """
    files, note = Files(), read_note(folder)
    if note is None:
        raise Corrupt(f"{folder / NOTE} is missing: run `python3 -m broker fsck --store {folder}`")
    files.make_folder(target)
    path, written = target / NAME, None
    try:
        with closing(database_to_read(folder / NAME)) as source, source.reading() as reading:
            with suppress(Corrupt):  # else it is copied as it is, for a repair
                written = source.rows_of(_ABOUT, [WRITTEN_DAYS])
            before()
            # A transaction that reads sees one moment to its end, and keeps nobody from writing.
            reading.execute("BEGIN")
            ((last,),) = reading.execute(LAST_ROW).fetchall()
            try:
                with closing(connected(path, "rwc")) as copy:
                    copy.execute("PRAGMA synchronous = OFF")
                    reading.backup(copy, pages=_PAGES, progress=lambda _, left, whole: progress(left, whole), sleep=0)
                    if written is not None and written != copy.execute(_ABOUT, [WRITTEN_DAYS]).fetchall():
                        copy.execute("DELETE FROM about WHERE name = ?", [WRITTEN_DAYS])
                        for (said,) in written:
                            copy.execute("INSERT INTO about VALUES (?, ?)", (WRITTEN_DAYS, str(said, "utf-8")))
                    copy.execute("PRAGMA journal_mode = DELETE")  # whoever looks into the copy leaves no file there
            finally:
                reading.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise failure(path, error) from error
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    copied = note._replace(rows=int(last), copies=0, size=0)
    files.write_whole(target / NOTE, copied.encoded())
    return copied
