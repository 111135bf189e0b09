"""The default store: TinyDB over one SQLite file in a folder, a note beside it, and the past days as plain files.

    record.sqlite (-wal, -shm)   the record; its rows are numbered from 1 without a gap and never removed
    record.note                  whose it is and how far it had come
    record.lock, reserve         who writes here; a megabyte for the alarms of a full disk
    days/2026-11-22/             that day as TinyDB files

`append` stores whatever waits in one transaction and one sync: a batch of any mixture of kinds is stored whole or not
at all, and no batch that was acknowledged is lost by a kill, a power cut or a disk that fails.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from broker.store import codec
from broker.store.days import Days
from broker.store.record import Conflict, Corrupt, Full, Receipt, Record, StoreError, Unavailable
from broker.store.sqlite.database import INSERT, NAME, Database
from broker.store.sqlite.disk.errors import ADVICE
from broker.store.sqlite.disk.files import Files, Lock
from broker.store.sqlite.disk.note import FORMAT, Note, write_note
from broker.store.sqlite.disk.note import NAME as NOTE
from broker.store.sqlite.disk.reserve import RESERVE_BYTES, Reserve
from broker.store.sqlite.mending import has_note, mend_past_days
from broker.store.sqlite.newest import COVERED, NOTE_NEWEST, NotedNewest
from broker.store.sqlite.reader import SQLiteReader
from broker.store.sqlite.record_file import REPAIRED, make_database

_INSERT = f"{INSERT} ON CONFLICT (id) DO NOTHING"
_OLDER = "store.json"  # what a folder held before there was an SQLite file in it


class _Ticket(NamedTuple):
    """One waiting `append`."""

    rows: list[codec.Row]
    urgent: bool
    told: Future[Receipt]

    def refuse(self, error: StoreError) -> None:
        """Have whoever waits still know that it was not stored."""
        if not self.told.done():
            self.told.set_exception(error)


class SQLiteStore(SQLiteReader):
    """A Store in `folder`; raises Unavailable if it is in use, Corrupt or Conflict if it is not as it was written."""

    def __init__(
        self,
        folder: Path,
        area: str,
        timezone: str,
        now: Callable[[], float],
        *,
        files: Files | None = None,
        min_free_bytes: int = 64 * 1024 * 1024,
        export_in_background: bool = True,
        beside_bridge: bool = False,
    ) -> None:
        """Below `min_free_bytes` of free disk only urgent batches are taken; `beside_bridge` may be one of several."""
        files = files or Files()
        try:
            files.make_folder(folder)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be made ({error.strerror})") from error
        self._lock = Lock(folder / "record.lock", must_be_alone=not beside_bridge)
        super().__init__(folder, area, timezone, now, Database(folder / NAME, lock=self._lock, files=files), files)
        self._days, self._min_free_bytes = Days(timezone), min_free_bytes
        self._reserve = Reserve(folder, files, self.note)
        self._noted_newest = NotedNewest()
        self._waiting: list[_Ticket] = []
        self._waiting_lock, self._commit_lock = threading.Lock(), threading.Lock()
        self._exporter: threading.Thread | None = None
        self._export_in_background, self._exported_on, self._closed = export_in_background, "", False
        try:
            self._note = self._opened()
            self._lock.share()
        except BaseException as error:
            self.database.close()
            self._lock.release()
            if isinstance(error, OSError) and not isinstance(error, StoreError):
                raise Unavailable(f"{folder} cannot be opened ({error.strerror}): {error}") from error
            raise
        self._export_if_due()

    def _opened(self) -> Note:
        if (self.folder / REPAIRED).exists():
            raise Corrupt(f"{self.folder / REPAIRED}: a repair was interrupted; {ADVICE} --repair, which finishes it")
        if self._lock.alone:
            self._reserve.keep(self._min_free_bytes + RESERVE_BYTES)
            if not has_note(self, self.folder, self._files):
                return self._made()
        try:
            return self._ready()
        except Full:
            if not self._reserve.give_up("the start"):
                raise
            return self._ready()

    def _ready(self) -> Note:
        note = self.must_be_there()
        with self.database.writing():
            pass
        return note

    def _made(self) -> Note:
        """The note of a record that begins now, or whose beginning was cut short before anything was stored."""
        if (self.folder / _OLDER).exists():
            raise Conflict(f"{self.folder / _OLDER} is of an older version: export with that, then import elsewhere")
        there = self.database.path.exists() and (not self.database.exists() or self.last_row() > 0)
        if there or self.past_days.names() or (self.database.log.exists() and not self.database.exists()):
            raise Corrupt(
                f"{self.folder / NOTE} is missing and something was stored here: put it back, or {ADVICE} --repair"
            )
        note = Note(0, FORMAT, uuid4().hex, self.area, self.timezone)
        make_database(self.database.path, self._lock, note, [], self._files)
        write_note(self.folder, note, self._files)
        return note

    def close(self) -> None:
        """Wait for the export of a day, close the file, let others in."""
        with self._commit_lock:
            if self._closed:
                return
            self._closed = True
        if self._exporter is not None:
            self._exporter.join()
        self.database.copying.finish()
        self._noted(self._note.rows, sync=True)
        super().close()
        self._lock.release()

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz; below `least_free_bytes` only alarms are taken."""
        return {**super().health(), "least_free_bytes": self._min_free_bytes}

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """Store the batch durably, all or nothing; `urgent` goes first and may use the reserve of a full disk."""
        ticket = _Ticket(codec.rows_of(records), urgent, Future())
        with self._waiting_lock:
            self._waiting.append(ticket)
        with self._commit_lock:
            # Whoever gets here first commits for all who wait: one transaction, one sync.
            if not ticket.told.done():
                with self._waiting_lock:
                    tickets, self._waiting = self._waiting, []
                self._commit(sorted(tickets, key=lambda waiting: not waiting.urgent))
        return ticket.told.result()

    def _commit(self, tickets: Sequence[_Ticket]) -> None:
        """Store what there is room for: all, or the alarms alone; everybody is told."""
        urgent = [ticket for ticket in tickets if ticket.urgent]
        others = [ticket for ticket in tickets if not ticket.urgent]
        try:
            if self._closed:
                raise Unavailable(f"{self.folder} is closed")
            try:
                if any(ticket.rows for ticket in others) and self._files.free_bytes(self.folder) < self._min_free_bytes:
                    raise Full(
                        f"less than {self._min_free_bytes} bytes are free for {self.folder}: make room; "
                        "alarms are still taken, everything else waits at its sender"
                    )
                self._store(tickets)
            except Full as full:
                for ticket in others:
                    ticket.refuse(full)
                try:
                    self._store(urgent)
                except Full:
                    if not self._reserve.give_up("an alarm"):
                        raise
                    self._store(urgent)
        except BaseException as error:
            # Whatever it was, everybody whose batch was in this transaction waits to be told.
            unknown = Unavailable(f"{self.folder} did not store it: {error!r}")
            for ticket in tickets:
                ticket.refuse(error if isinstance(error, StoreError) else unknown)
            if not isinstance(error, Exception):
                raise

    def _store(self, tickets: Sequence[_Ticket]) -> None:
        """Store the batches in one transaction, and give everybody a receipt."""
        some = any(ticket.rows for ticket in tickets)
        receipts = self._stored_together(tickets) if some else [Receipt(0, 0)] * len(tickets)
        for ticket, receipt in zip(tickets, receipts, strict=True):
            ticket.told.set_result(receipt)

    def _stored_together(self, tickets: Sequence[_Ticket]) -> list[Receipt]:
        receipts = []
        with self.database.writing() as connection:
            ((last,),) = connection.execute("SELECT coalesce(max(row), 0) FROM record")
            for ticket in tickets:
                stored = connection.executemany(_INSERT, ticket.rows).rowcount if ticket.rows else 0
                if stored == len(ticket.rows):
                    receipts.append(Receipt(stored, 0))
                else:
                    new = connection.execute("SELECT id FROM record WHERE row > ?", (last,))
                    receipts.append(Receipt.of([row[0] for row in ticket.rows], {found.decode() for (found,) in new}))
                last += stored
            newest = self._noted_newest.still_to_note(row for ticket in tickets for row in ticket.rows)
            connection.executemany(NOTE_NEWEST, [(*key, at) for key, at in newest.items()])
            if newest:  # that what it covers is said late costs the next start a little, and hides nothing
                connection.execute(COVERED)
        self._noted_newest.was_noted(newest)
        self._noted(last, sync=self._last_commit_at is None)
        self._last_commit_at = self.now()
        self._export_if_due()
        return receipts

    def _noted(self, rows: int, *, sync: bool) -> None:
        """Write the note over; what it says is on the disk already, so it may be late."""
        self._note = replace(self._note, rows=rows, copies=max(self._note.copies, self.database.copying.copies))
        try:
            self._files.overwrite(self.folder / NOTE, self._note.encoded(), sync=sync)
        except OSError as error:
            self.note(f"{self.folder / NOTE} cannot be written: {error}")

    # --- past days -------------------------------------------------------------------------------------

    def _export_if_due(self) -> None:
        """On a new day have the past ones written as files."""
        today = self._days.of(int(self.now()))
        if today == self._exported_on or (self._exporter is not None and self._exporter.is_alive()):
            return
        self._exported_on = today
        if self._export_in_background:
            self._exporter = threading.Thread(target=self._export, args=(today,), name=f"export {today}", daemon=True)
            self._exporter.start()
        else:
            self._export(today, 0.0)

    def _export(self, today: str, pause_s: float = 0.002) -> None:
        try:
            self.past_days.export(self, today, pause_s)
        except Exception as error:  # noqa: BLE001 - a thread that dies says nothing
            # The record is whole without them; it is tried again on the next day and at the next start.
            self.note(f"{self.past_days.folder}: past days could not be written: {error!r}")
        # A hurt index hides records without a word, and no checksum of a row tells: once a day it is looked for.
        mend_past_days(self.past_days, self, lambda: self._closed, self.note, pause_s)
        with suppress(Unavailable):  # tomorrow again
            # Whoever closes the store does not wait for it: it takes as long as the record is.
            for wrong in self.database.looked_over(given_up=lambda: self._closed)[:1]:
                self._left_out(f"{self.database.shown}: {wrong}; records may be left out; {ADVICE}")
