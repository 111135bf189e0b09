"""The SQLite file under the record: its tables, how it is opened, and what its errors mean.

One connection writes (WAL, every commit synced), those who ask share some that only read; a third one copies the
log into the file beside the commits, which wait for its last few pages only. After a commit that failed nothing is
written until all that was acknowledged has been copied from the log into the file and synced: a second sync of a log
that could not be synced says nothing about what was in it.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from broker.store import Corrupt, Full, Refused, StoreError, Unavailable
from broker.store.sqlite.files import Lock

NAME = "record.sqlite"
ADVICE = "run `python3 -m broker fsck`"
_WAIT_S = 20.0
_ROWS_OF_LOG = 8000  # then its pages go into the file: 4 to 32 MB, by how many devices the rows are of
_LOG_BYTES = 128_000_000  # or at the latest then, however few rows that were
_PASSES, _FEW_PAGES = 6, 200
_NO_SPACE = {sqlite3.SQLITE_FULL}
_NO_SPACE_BESIDE = sqlite3.SQLITE_IOERR_SHMSIZE  # for the file of the log's index, which opening makes
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# A disk that cannot give a page back has lost it, as far as anybody who reads can know.
_UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}
SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL,
    received_at INTEGER NOT NULL, area TEXT NOT NULL, body TEXT NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS record_time ON record (kind, at, key);
CREATE TABLE IF NOT EXISTS newest (kind TEXT, key TEXT, before INTEGER NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS document (name TEXT PRIMARY KEY, body TEXT NOT NULL, checksum INTEGER NOT NULL);
"""
# All records of a key are of before a time, which is written in steps, so that it costs a commit next to nothing: from
# there its newest one is looked for, and a key that has no such time has no record.
STEP_S = 900
NOTE_NEWEST = """
INSERT INTO newest VALUES (?, ?, (? / 900 + 1) * 900)
ON CONFLICT (kind, key) DO UPDATE SET before = max(before, excluded.before)
""".replace("900", str(STEP_S))
NOTE_ALL_NEWEST = "INSERT OR REPLACE INTO newest SELECT kind, key, max(at) + 1 FROM record GROUP BY kind, key"
_BEHIND_NEWEST = """
SELECT EXISTS (SELECT 1 FROM record LEFT JOIN newest USING (kind, key) WHERE before IS NULL OR at >= before)
"""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that what is in the file is not what was written."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGED or code in _UNREADABLE or str(error).startswith("no such table")


def problems(connection: sqlite3.Connection, most: int) -> list[str]:
    """What SQLite finds wrong with its pages and indexes, or that a newest record would be looked for too early."""
    said = [str(text, "utf-8") for (text,) in connection.execute(f"PRAGMA integrity_check({most})")]
    if said != ["ok"]:
        return said
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'newest'").fetchone()  # an older file's is not
    if known and connection.execute(_BEHIND_NEWEST).fetchone()[0]:
        return ["the table `newest` hides the newest records of a key"]
    return []


def failure(path: Path, error: sqlite3.Error) -> StoreError:
    """What an error of SQLite means to the caller: make room, repair, or try again later."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code & 0xFF in _NO_SPACE or code == _NO_SPACE_BESIDE:
        return Full(f"{path}: {error}; make room on its disk")
    if is_damage(error):
        return Corrupt(f"{path} is damaged ({error}); {ADVICE}")
    return Unavailable(f"{path} cannot be used now ({error}, {getattr(error, 'sqlite_errorname', 'no code')})")


class Database:
    """One SQLite file. Raises StoreError; opens lazily, so that what is beside it can be looked at first."""

    def __init__(
        self,
        path: Path,
        *,
        lock: Lock | None = None,
        immutable: bool = False,
        stands_for: Path | None = None,
        copy_log: bool = True,
    ) -> None:
        """Without a `lock` of the caller's it takes one of its own when it first writes.

        `immutable` is for a disk that nobody can write to; errors name `stands_for` where this file is a copy of that;
        without `copy_log` the log goes into the file by `empty_log` alone.
        """
        self.path, self.shown = path, stands_for or path
        self._lock, self._owns_lock, self._immutable = lock, lock is None, immutable
        self._may_copy, self._write_lock = copy_log, threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._in_doubt = self._unmarked = self._partly_copied = self._log_must_stay = False
        self.tell: Callable[[str], None] = lambda _: None  # what a person should know of
        self._changes = 0  # that the log holds, about
        self._copying: threading.Thread | None = None
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self.copied = 0  # up to this row all is surely in the file itself, which says so

    @property
    def log(self) -> Path:
        """The write-ahead log: a part of the record until its pages are in the file."""
        return self.path.with_name(f"{self.path.name}-wal")

    def exists(self) -> bool:
        """Whether there is a file with anything in it."""
        return self.path.exists() and self.path.stat().st_size > 0

    # --- reading ---------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that only reads, nobody else's meanwhile; texts come as bytes, for damaged ones are no texts."""
        if self._closed:
            raise Unavailable(f"{self.shown} is closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._opened_to_read()
        try:
            yield connection
        finally:
            self._idle.append(connection)
            if self._closed:
                self._close_idle()

    def _opened_to_read(self) -> sqlite3.Connection:
        try:
            connection = _connected(self._uri("ro") + ("&immutable=1" if self._immutable else ""))
            connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            raise failure(self.shown, error) from error
        return connection

    def rows_of(self, text: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a question; raises StoreError."""
        try:
            with self.reading() as connection:
                return connection.execute(text, [*values]).fetchall()
        except sqlite3.Error as error:
            raise failure(self.shown, error) from error

    def looked_over(self, given_up: Callable[[], bool]) -> str | None:
        """What SQLite finds wrong with its pages and indexes; None for nothing, or if it was given up meanwhile."""
        if given_up():
            return None
        try:
            with self.reading() as connection:
                connection.set_progress_handler(given_up, 1000)
                try:
                    said = problems(connection, 1)
                finally:
                    connection.set_progress_handler(None, 0)
        except sqlite3.Error as error:
            if given_up():
                return None
            raise failure(self.shown, error) from error
        return said[0] if said else None

    def problems(self) -> list[str]:
        """The first few things that are wrong with its pages and indexes; raises StoreError."""
        try:
            with self.reading() as connection:
                return problems(connection, 5)
        except sqlite3.Error as error:
            raise failure(self.shown, error) from error

    def _close_idle(self) -> None:
        while self._idle:
            with suppress(sqlite3.Error, IndexError):
                self._idle.pop().close()

    def must_be_whole(self) -> None:
        """Raises Corrupt if pages are neither in the file nor in its log."""
        ((pages,),), ((page_bytes,),) = (self.rows_of(f"PRAGMA {what}") for what in ("page_count", "page_size"))
        if self.path.stat().st_size < pages * page_bytes:
            logged = _pages_of(self.log, page_bytes)
            size = self.path.stat().st_size  # asked after the log: what has gone from that is in the file by now
            if not logged.issuperset(range(size // page_bytes + 1, pages + 1)):
                raise Corrupt(f"{self.shown} has {size} bytes of {pages * page_bytes}: its end is missing; {ADVICE}")

    def must_have(self, copied: int) -> None:
        """Raises Corrupt if the file is of before row `copied`: its log has only what came after that."""
        if copied and (mark := self._mark()) < copied:
            raise Corrupt(
                f"{self.shown} is an older copy than its log: it was made at record {mark}, and the log has only what "
                f"came after {copied}: put it back, or {ADVICE}"
            )

    def _mark(self) -> int:
        """Up to which row the file itself, without its log, says that it has everything."""
        try:
            with closing(_connected(f"{self._uri('ro')}&immutable=1")) as connection:
                found = connection.execute("SELECT value FROM about WHERE name = 'copied'").fetchall()
        except sqlite3.Error as error:
            raise failure(self.shown, error) from error
        return int(found[0][0]) if found else 0

    # --- writing ---------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable when this ends without an error, undone otherwise; within another a part of it."""
        with self._write_lock:
            try:
                connection = self._ready_to_write()
                if connection.in_transaction:
                    yield connection
                    return
                connection.execute("BEGIN IMMEDIATE")
                before = connection.total_changes
                try:
                    yield connection
                    connection.execute("COMMIT")
                    self._copy_log_if_due(connection.total_changes - before)
                except BaseException as error:
                    # Without room nothing was synced; what was written lies behind the log's end and is written over.
                    self._in_doubt = (
                        isinstance(error, sqlite3.Error)
                        and not isinstance(error, sqlite3.IntegrityError)
                        and getattr(error, "sqlite_errorcode", 0) & 0xFF not in _NO_SPACE
                    )
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise failure(self.shown, error) from error

    def _ready_to_write(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable(f"{self.shown} is closed")
        if self._writer is None:
            self._lock = self._lock or Lock(self.path.with_suffix(".lock"))
            if self._lock.alone:
                self._write_log_again()
            connection = _connected(self._uri("rwc"))
            known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'newest'").fetchone()
            # A log as long as it ever was has its blocks already: a sync within it is one write, not two.
            connection.executescript(
                f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000;"
                f"PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;"
                f"BEGIN IMMEDIATE; {SCHEMA} {'' if known else NOTE_ALL_NEWEST}; COMMIT;"
            )
            self._writer = connection
            if self._owns_lock:
                self._lock.share()
        if self._in_doubt:
            # What the failed commit left in the log is beyond its end: it goes, and what counts is written anew.
            self._empty_log(self._writer)
            self._in_doubt = False
        return self._writer

    def must_be_alone(self) -> None:
        """Raises Refused while somebody else has the record, a bridge perhaps; else nobody comes until `share`."""
        if self._lock is None or not self._owns_lock or not self._lock.be_alone():
            raise Refused(f"{self.shown} is in use: to change or remove its records stop the bridge, or use `amend`")

    def share(self) -> None:
        """Let others write again, after `must_be_alone`."""
        if self._lock is not None and self._owns_lock:
            self._lock.share()

    def empty_log(self) -> None:
        """Have all that the log holds copied into the file and synced; raises StoreError if that could not be done."""
        with self._write_lock:
            rows = self._marked()
            try:
                self._empty_log(self._ready_to_write())
            except sqlite3.Error as error:
                raise failure(self.shown, error) from error
            self.copied = rows

    def settle(self) -> None:
        """Before closing: have all that was written copied into the file and marked there, if that can be done now."""
        if self._copying is not None:
            self._copying.join()
        with self._write_lock, suppress(sqlite3.Error, StoreError):
            if self._writer is not None and self._unmarked and not self._in_doubt:
                self._copy_rest(self._writer)

    def _marked(self) -> int:
        """Write into the database up to which row it goes, before all of it is copied into the file; that row."""
        with self.writing() as connection:
            ((rows,),) = connection.execute("SELECT coalesce(max(row), 0) FROM record")
            connection.execute("INSERT OR REPLACE INTO about VALUES ('copied', printf('%015d', ?))", (rows,))
        self._unmarked = False
        return int(rows)

    def _copy_rest(self, connection: sqlite3.Connection) -> None:
        """With the write lock: the mark and what is left of the log into the file."""
        rows = self._marked()
        (_, pages, copied) = self._checkpoint(connection, "PASSIVE")
        if pages == copied >= 0:
            self.copied = rows

    def _empty_log(self, writer: sqlite3.Connection) -> None:
        until = time.monotonic() + _WAIT_S
        while self._checkpoint(writer, "TRUNCATE")[0]:
            if time.monotonic() >= until:
                raise Unavailable(f"{self.shown}: its log must be emptied, and somebody still reads it: again soon")
            # Readers were waited for; whoever copies the log is not, and ours needs the lock for the last pages.
            self._write_lock.release()
            try:
                if self._copying is not None:
                    self._copying.join(_WAIT_S)
                time.sleep(0.01)
            finally:
                self._write_lock.acquire()

    def _checkpoint(self, connection: sqlite3.Connection, mode: str, overtaken: bool = False) -> tuple[int, int, int]:
        """Have SQLite copy pages from the log into the file: whether others were in the way, pages there, and copied.

        A pass that readers stop, or that commits overtake, is not synced: the sync of the next one covers it, and if
        that fails nobody knows which of its pages the disk has. SQLite would not write them again before all have
        closed the file: till then no more is copied, so that the log, which has them, is not begun anew.
        """
        if self._log_must_stay:
            raise Unavailable(f"{self.shown} could not be synced: its log stays until the bridge is started again")
        try:
            busy, pages, copied = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        except sqlite3.Error as error:
            if self._partly_copied and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
                self._log_must_stay = True
            self.tell(f"{self.shown}: its log could not be copied into it ({error}); its disk needs a look")
            raise
        if pages >= 0:
            self._partly_copied = overtaken or copied < pages
        return busy, pages, copied

    def _copy_log_if_due(self, changes: int) -> None:
        self._changes += changes
        self._unmarked = self._unmarked or changes > 0
        if (
            not self._may_copy
            or self._log_must_stay
            or (self._changes < _ROWS_OF_LOG and self.log.stat().st_size < _LOG_BYTES)
        ):
            return
        if self._copying is None or not self._copying.is_alive():
            self._changes = 0
            self._copying = threading.Thread(target=self._copy_log, name="copy log", daemon=True)
            self._copying.start()

    def _copy_log(self) -> None:
        """Copy the log's pages into the file, so that the next commit begins the log anew."""
        # What cannot be copied now stays in the log; a disk that fails is said by the commits.
        with suppress(sqlite3.Error, StoreError), closing(_connected(self._uri("rw"))) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            before = 0
            for _ in range(_PASSES):
                # What came while the last pass copied is copied by the next, until the commits need not wait for long.
                (_, pages, copied) = self._checkpoint(connection, "PASSIVE", overtaken=True)
                if pages - before <= _FEW_PAGES:
                    break
                before = copied
            with self._write_lock:
                if not self._in_doubt:  # else the log is about to be emptied
                    self._copy_rest(connection)

    def _uri(self, mode: str) -> str:
        return f"file:{quote(str(self.path.absolute()))}?mode={mode}"

    def _write_log_again(self) -> None:
        """Write a log that was left behind over itself, and sync it: what is in it may be in memory only."""
        if not self.log.exists() or self.log.stat().st_size == 0:
            return
        try:
            with self.log.open("r+b") as file:
                data = file.read()
                file.seek(0)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise Unavailable(f"{self.log} cannot be made durable ({error.strerror}); its disk needs a look") from error

    def close(self) -> None:
        """Close all connections and let others in; a second call does nothing."""
        with self._write_lock:
            self._closed = True
        if self._copying is not None:
            self._copying.join()
        if self._log_must_stay and self._writer is not None:
            # Whoever closes last empties the log, if it may write: this one may not.
            self._idle.append(self._opened_to_read())
            self._idle[-1].execute("SELECT count(*) FROM about")
        with self._write_lock:
            if not self._log_must_stay:
                self._close_idle()
            if self._writer is not None:
                with suppress(sqlite3.Error):
                    self._writer.close()
                self._writer = None
            self._close_idle()
            if self._lock is not None and self._owns_lock:
                self._lock.release()


def _pages_of(log: Path, page_bytes: int) -> set[int]:
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


def _connected(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes
    return connection
