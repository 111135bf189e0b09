"""The SQLite file under the record: its tables, how it is opened, and what its errors mean.

One connection writes (WAL, every commit synced), those who ask share some that only read.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from broker.store.record import Corrupt, Refused, Unavailable
from broker.store.sqlite import newest
from broker.store.sqlite.disk.errors import ADVICE, failure, is_damage
from broker.store.sqlite.disk.files import Files, Lock
from broker.store.sqlite.disk.log import LogCopying, pages_in, write_again

NAME = "record.sqlite"
_WAIT_S = 20.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS record (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL,
    received_at INTEGER NOT NULL, area TEXT NOT NULL, body TEXT NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS record_time ON record (kind, at, key);
CREATE TABLE IF NOT EXISTS document (name TEXT PRIMARY KEY, body TEXT NOT NULL, checksum INTEGER NOT NULL);
"""
COLUMNS = "record.id, record.kind, record.key, record.at, received_at, area, body, checksum, record.row"
INSERT = "INSERT INTO record (id, kind, key, at, received_at, area, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_ROW = INSERT.replace("(id", "(row, id", 1).replace("(?", "(?, ?", 1)


class Database:
    """One SQLite file. Raises StoreError; opens lazily, so that what is beside it can be looked at first."""

    def __init__(
        self,
        path: Path, *, lock: Lock | None = None, files: Files | None = None, immutable: bool = False,
        stands_for: Path | None = None,
    ) -> None:  # fmt: skip
        """Without a `lock` of the caller's it takes one of its own when it first writes.

        `immutable` is for a disk that nobody can write to; errors name `stands_for` where this file is a copy of that.
        """
        self.path, self.shown = path, stands_for or path
        self._lock, self._owns_lock, self._immutable = lock, lock is None, immutable
        self._files, self._write_lock = files or Files(), threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self.copying = LogCopying(self.log, self._opened_to_write, self._write_lock, self._marked)

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

    def looked_over(self, given_up: Callable[[], bool] = lambda: False) -> list[str]:
        """What SQLite finds wrong with its pages and indexes, the first few; nothing if it was given up meanwhile."""
        try:
            with self.reading() as connection:
                connection.set_progress_handler(given_up, 1000)
                try:
                    said = [str(text, "utf-8") for (text,) in connection.execute("PRAGMA integrity_check(5)")]
                    if said == ["ok"]:
                        hidden = newest.hides_records(connection)
                        said = ["the table `newest` hides the newest records of a key"] if hidden else []
                finally:
                    connection.set_progress_handler(None, 0)
        except sqlite3.Error as error:
            if given_up():
                return []
            if not is_damage(error):
                raise failure(self.shown, error) from error
            return [str(error)]
        return [] if given_up() else said

    def _close_idle(self) -> None:
        while self._idle:
            with suppress(sqlite3.Error, IndexError):
                self._idle.pop().close()

    def must_be_whole(self) -> None:
        """Raises Corrupt if pages are neither in the file nor in its log."""
        ((pages,),), ((page_bytes,),) = (self.rows_of(f"PRAGMA {what}") for what in ("page_count", "page_size"))
        if self.path.stat().st_size < pages * page_bytes:
            logged = pages_in(self.log, page_bytes)
            size = self.path.stat().st_size  # asked after the log: what has gone from that is in the file by now
            if not logged.issuperset(range(size // page_bytes + 1, pages + 1)):
                raise Corrupt(f"{self.shown} has {size} bytes of {pages * page_bytes}: its end is missing; {ADVICE}")

    def must_have(self, copies: int) -> None:
        """Raises Corrupt if less than so many whole logs went into the file: its log has only what came after them."""
        # By SQLite, whose locks would be lost with any other handle of the file; and only from its header, for without
        # its log the rest is not always a database, which `writable_schema` has it pass over.
        try:
            with closing(_connected(f"{self._uri('ro')}&immutable=1")) as connection:
                connection.execute("PRAGMA writable_schema = ON")
                ((there,),) = connection.execute("PRAGMA user_version")
        except sqlite3.Error as error:
            raise failure(self.shown, error) from error
        if there < copies:
            raise Corrupt(f"{self.shown} is an older copy than its log: put it back, or {ADVICE}")

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
                    self.copying.after_commit(connection.total_changes - before)
                except BaseException:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    if self._lock is not None and self._owns_lock:
                        self._lock.share()  # what changed records was alone
            except sqlite3.Error as error:
                raise failure(self.shown, error) from error

    def _ready_to_write(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable(f"{self.shown} is closed")
        if self._writer is None:
            self._lock = self._lock or Lock(self.path.with_suffix(".lock"))
            if self._lock.alone:
                write_again(self.log, self._files)
            connection = self._opened_to_write()
            script = f"{SCHEMA} {newest.TABLE} {newest.NOTE_BEYOND}"
            try:
                connection.executescript(f"BEGIN IMMEDIATE; {script} COMMIT;")
            except sqlite3.Error as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if not (is_damage(error) and newest.is_known(connection)):
                    raise
                # A hurt page costs its rows, not the record; what may be hidden for that is said by `looked_over`.
            self._writer = connection
            if self._owns_lock:
                self._lock.share()
        return self._writer

    def _opened_to_write(self) -> sqlite3.Connection:
        connection = _connected(self._uri("rwc"))
        # A log as long as it ever was has its blocks already: a sync within it is one write, not two.
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000;"
            "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;"
        )
        return connection

    def must_be_alone(self) -> None:
        """Raises Refused while somebody else has the record, a bridge perhaps; else nobody comes before the commit."""
        if self._lock is None or not self._owns_lock or not self._lock.be_alone():
            raise Refused(f"{self.shown} is in use: to change or remove its records stop the bridge, or use `amend`")

    def _marked(self) -> int:
        """Count in the database that a whole log goes into the file now; the count, which the file's header has."""
        with self.writing() as connection:
            ((copies,),) = connection.execute("PRAGMA user_version")
            connection.execute(f"PRAGMA user_version = {copies + 1}")
            return int(copies) + 1

    def _uri(self, mode: str) -> str:
        return f"file:{quote(str(self.path.absolute()))}?mode={mode}"

    def close(self) -> None:
        """Close all connections and let others in; a second call does nothing."""
        if self._writer is not None:
            self.copying.finish()
        with self._write_lock:
            self._closed = True
            self._close_idle()
            if self.copying.must_stay and self._writer is not None:
                # Whoever closes last empties the log, if it may write: this one may not.
                self._idle = [self._opened_to_read()]
                self._idle[0].execute("SELECT count(*) FROM about")
            if self._writer is not None:
                with suppress(sqlite3.Error):
                    self._writer.close()
                self._writer = None
            self._close_idle()
            if self._lock is not None and self._owns_lock:
                self._lock.release()


def _connected(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes
    return connection
