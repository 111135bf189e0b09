"""The SQLite file under the record: how it is opened, read and written, and how its log comes into the file.

One connection writes (WAL, every commit synced), those who ask share some that only read. A commit is durable in the
log; a thread copies the log's pages into the file, and the commits wait for the last few only. A commit that failed
costs nothing: what it left lies behind the log's end, and the next one writes over it.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from broker.store.record import Corrupt, Refused, StoreError, Unavailable
from broker.store.sqlite.errors import ADVICE, failure, is_damage
from broker.store.sqlite.files import Files, Lock
from broker.store.sqlite.schema import HAS_NEWEST, HIDDEN, LAST_ROW, NEWEST, NOTE_ALL_NEWEST, SCHEMA

_COPIES = "PRAGMA user_version"  # how many whole logs went into the file, in its header
_COPY = "PRAGMA wal_checkpoint(PASSIVE)"
_COPY_ROWS = 8000  # then the log's pages go into the file: 4 to 32 MB, by how many devices the rows are of
_COPY_BYTES = 128_000_000  # or at the latest then, however few rows that were
_WAIT_S = 20.0


class Database:
    """One SQLite file. Raises StoreError; opens lazily, so that what is beside it can be looked at first."""

    def __init__(
        self, path: Path, *, lock: Lock | None = None, files: Files | None = None, still: bool = False
    ) -> None:
        """Without a `lock` of the caller's it takes one of its own when it first writes; `still` if nobody can."""
        self.path, self.still = path, still
        self.log = path.with_name(f"{path.name}-wal")  # a part of the record until its pages are in the file
        self._lock, self._owns_lock = lock, lock is None
        self._files, self._write_lock = files or Files(), threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._paths = [*map(str, (path, self.log, path.with_name(f"{path.name}-shm")))]  # each commit asks
        self._files_open: list[tuple[int, int] | None] = []  # which of these the writer has
        self._log_bytes = 0
        self._is_saved = False  # a log that was taken away is all in the file
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._copying: threading.Thread | None = None
        self._changes = 0  # since the log was copied
        self.in_file = (0, 0)  # so many whole logs went into the file itself, which has so many bytes at least
        self.log_stays = False
        self.tell: Callable[[str], None] = lambda _: None  # what a person should know of

    def exists(self) -> bool:
        """Whether there is a file with anything in it."""
        return self.path.exists() and self.path.stat().st_size > 0

    # --- reading ---------------------------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that only reads, nobody else's meanwhile; texts come as bytes, for damaged ones are no texts."""
        if self._closed:
            raise Unavailable(f"{self.path} is closed")
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
        how = "ro"
        if self.still:  # no lock can be had where nobody can write, and none is needed
            how = "ro&vfs=unix-none" if self.log.exists() and self.log.stat().st_size > 0 else "ro&immutable=1"
        connection = connected(self.path, how)
        if self.still:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # so that the log's index needs no file
        connection.execute("PRAGMA query_only = ON")
        return connection

    def asked(self, text: str, values: Iterable[Any] = ()) -> Generator[tuple[Any, ...], None, None]:
        """The rows of a question as they are found; raises StoreError, Corrupt if a page cannot be read."""
        try:
            with self.reading() as connection, closing(connection.execute(text, [*values])) as cursor:
                yield from cursor
        except sqlite3.Error as error:
            raise failure(self.path, error) from error

    def rows_of(self, text: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        """All of them."""
        return list(self.asked(text, values))

    def looked_over(self, given_up: Callable[[], bool] = lambda: False) -> list[str]:
        """What SQLite finds wrong with its pages and indexes, the first few; nothing if it was given up meanwhile."""
        try:
            with self.reading() as connection:
                connection.set_progress_handler(given_up, 1000)
                try:
                    said = [str(text, "utf-8") for (text,) in connection.execute("PRAGMA integrity_check(5)")]
                    whole = said == ["ok"]
                    if whole and connection.execute(HAS_NEWEST).fetchone() and connection.execute(HIDDEN).fetchone():
                        whole, said = False, ["the table `newest` hides the newest records of a key"]
                finally:
                    connection.set_progress_handler(None, 0)
        except sqlite3.Error as error:
            if not given_up() and not is_damage(error):
                raise failure(self.path, error) from error
            whole, said = False, [str(error)]
        return [] if whole or given_up() else said

    def must_have(self, copies: int, size: int) -> None:
        """Raises Corrupt if the file itself lacks what had surely come into it: its log has only what came later."""
        ((pages, page_bytes),) = self.rows_of("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size")
        there, least = self.path.stat().st_size, min(size, pages * page_bytes)
        if there < least:
            raise Corrupt(f"{self.path} has {there} bytes of {least}: its end is missing; {ADVICE}")
        # By SQLite, whose locks would be lost with any other handle of the file; and only from its header, for without
        # its log the rest is not always a database, which `writable_schema` has it pass over.
        try:
            with closing(connected(self.path, "ro&immutable=1")) as alone:
                alone.execute("PRAGMA writable_schema = ON")
                ((copied,),) = alone.execute(_COPIES)
        except sqlite3.Error as error:
            raise failure(self.path, error) from error
        if copied < copies:
            raise Corrupt(f"{self.path} is an older copy than its log: put it back, or {ADVICE}")

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
                self.must_be_in_place()
                connection.execute("BEGIN IMMEDIATE")
                before = connection.total_changes
                try:
                    yield connection
                    connection.execute("COMMIT")
                    self._committed(connection.total_changes - before)
                except BaseException:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                    raise
                finally:
                    if self._lock is not None and self._owns_lock:
                        self._lock.share()  # what changed records was alone
            except sqlite3.Error as error:
                raise failure(self.path, error) from error

    def _ready_to_write(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable(f"{self.path} is closed")
        if self._writer is None:
            self._lock = self._lock or Lock(self.path.with_suffix(".lock"))
            if self._lock.alone:
                self._write_log_again()
            connection = self._opened_to_write()
            try:
                noted = "" if connection.execute(HAS_NEWEST).fetchone() else NOTE_ALL_NEWEST
                connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA}{NEWEST}{noted} COMMIT;")
            except sqlite3.Error:
                connection.close()
                raise
            self._writer, self._files_open = connection, self._found()
            if self._owns_lock:
                self._lock.share()
        return self._writer

    def _found(self) -> list[tuple[int, int] | None]:
        """Which files stand at the paths now."""
        found: list[tuple[int, int] | None] = []
        for path in self._paths:
            try:
                there = os.stat(path)  # noqa: PTH116
            except OSError:
                found.append(None)
                continue
            found.append((there.st_dev, there.st_ino))
            if path is self._paths[1]:
                self._log_bytes = there.st_size
        return found

    def must_be_in_place(self) -> None:
        """Raises Unavailable if a file was taken away: what goes into it would be gone with its last handle."""
        with self._write_lock:
            if self._writer is None or self._closed or (found := self._found()) == self._files_open:
                return
            if found[0] != self._files_open[0]:
                lost = f"{self.path} was removed or replaced while it was in use"
                raise Unavailable(f"{lost}: nothing more is stored; stop the bridge, put it back, start it again")
            self.log_stays = True  # the handles that are left can copy it, others would not find it
            if not self._is_saved and not self._writer.in_transaction:
                try:
                    _, pages, copied = self._writer.execute(_COPY).fetchone()
                except sqlite3.Error as error:
                    raise failure(self.path, error) from error
                self._is_saved = 0 <= pages == copied  # else somebody reads what was before: the next look copies on
            strange = f", remove {self.log.name}" if found[1] not in (None, self._files_open[1]) else ""
            stored = f"is in it: stop the bridge{strange} and start it again"
            if not self._is_saved:
                stored = "is being copied into it: stop the bridge only when this says that it is there"
            raise Unavailable(
                f"{self.log} or -shm was removed or replaced while {self.path.name} was in use: nothing more is "
                f"stored; what was stored {stored}"
            )

    def _opened_to_write(self) -> sqlite3.Connection:
        connection = connected(self.path, "rwc" if self._writer is None else "rw")
        # A log as long as it ever was has its blocks already: a sync within it is one write, not two.
        connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000;"
            "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864;"
        )
        return connection

    def must_be_alone(self) -> None:
        """Raises Refused while somebody else has the record, a bridge perhaps; else nobody comes before the commit."""
        if self._lock is None or not self._owns_lock or not self._lock.be_alone():
            raise Refused(f"{self.path} is in use: to change or remove its records stop the bridge, or use `amend`")

    # --- the log ---------------------------------------------------------------------------------------

    def _write_log_again(self) -> None:
        """Write a log that was left behind over itself, and sync it: what is in it may be in memory only."""
        try:
            if self.log.exists() and self.log.stat().st_size > 0:
                self._files.overwrite(self.log, self.log.read_bytes(), sync=True)
        except OSError as error:
            raise Unavailable(f"{self.log} cannot be made durable ({error.strerror}); its disk needs a look") from error

    def _committed(self, changes: int) -> None:
        """Have a long log copied in a thread."""
        self._changes += changes
        long = self._changes >= _COPY_ROWS or self._log_bytes >= _COPY_BYTES
        if long and not self.log_stays and (self._copying is None or not self._copying.is_alive()):
            self._copying = threading.Thread(target=self.copy_log, name="copy log", daemon=True)
            self._copying.start()

    def copy_log(self) -> None:
        """Have the log copied into the file, if that can be done now; then the next commit begins it anew.

        The first pass is not synced if commits overtake it, the sync of the next one covers it. If that fails nobody
        knows which pages the disk has, and SQLite would not write them again before all have closed the file: till then
        no more is copied, so that the log, which has them, stays.
        """
        if self.log_stays:
            return
        try:
            with closing(self._opened_to_write()) as beside:
                self.must_be_in_place()  # another log at its path would be copied by the index of ours
                beside.execute(_COPY).fetchall()
            with self._write_lock:
                self.must_be_in_place()
                writer = self._ready_to_write()
                self._changes = 0
                copies = writer.execute(_COPIES).fetchone()[0] + 1
                writer.execute(f"{_COPIES} = {copies}")
                _, pages, copied = writer.execute(_COPY).fetchone()
                if 0 <= pages == copied:
                    self.in_file = (copies, self.path.stat().st_size)
        except StoreError as error:
            self.tell(str(error))
        except (sqlite3.Error, OSError) as error:
            self.log_stays |= getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_FSYNC
            self.tell(f"{self.log} could not be copied into the file ({error}); its disk needs a look")

    def finish_log(self) -> None:
        """Before closing: have the rest of the log copied, if that can be done now."""
        if self._copying is not None:
            self._copying.join()
        if self._changes:
            self.copy_log()

    def close(self) -> None:
        """Close all connections and let others in; a second call does nothing."""
        self.finish_log()
        with self._write_lock:
            self._close_idle()
            with suppress(StoreError):  # those who read are gone: a log that was taken away is copied now at the latest
                self.must_be_in_place()
            self._closed = True
            if self._writer is not None:
                with suppress(sqlite3.Error):
                    if self.log_stays:  # one that only reads closes last, and copies nothing
                        self._idle = [self._opened_to_read()]
                        self._idle[0].execute(LAST_ROW)
                    self._writer.close()
                self._writer = None
            self._close_idle()
            if self._lock is not None and self._owns_lock:
                self._lock.release()

    def _close_idle(self) -> None:
        while self._idle:
            with suppress(sqlite3.Error, IndexError):
                self._idle.pop().close()


def connected(path: Path, mode: str) -> sqlite3.Connection:
    """A connection to a file; raises sqlite3.Error."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes
    return connection
