"""The default store: TinyDB over one SQLite file in a folder, a note beside it, and the past days as plain files.

    record.sqlite (-wal, -shm)   the record; its rows are numbered from 1 without a gap and never removed
    record.note                  whose it is and how far it had come
    record.lock, reserve         who writes here; a megabyte for the alarms of a full disk
    days/2026-11-22/             that day as TinyDB files

`append` stores whatever waits in one transaction and one sync: a batch of any mixture of kinds is stored whole or not
at all, and no batch that was acknowledged is lost by a kill, a power cut or a disk that fails.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

from broker.store import codec
from broker.store.record import Conflict, Corrupt, Full, Receipt, Record, StoreError, Unavailable
from broker.store.sqlite.database import Database
from broker.store.sqlite.errors import ADVICE
from broker.store.sqlite.files import RESERVE_BYTES, Files, Lock, Reserve
from broker.store.sqlite.note import FORMAT, Note, read_note
from broker.store.sqlite.note import NAME as NOTE
from broker.store.sqlite.past_days import PastDays
from broker.store.sqlite.reader import SQLiteReader
from broker.store.sqlite.record_file import make_file
from broker.store.sqlite.schema import AT_ONCE, INSERT_MANY, INSERT_NEW, LAST_ROW, NAME

_OLDER = "store.json"  # what a folder held before there was an SQLite file in it
_LOOK_S = 20.0  # how often what stands beside the record is looked for
_PAUSE_S = 0.002  # an export in the background rests so long after each part


@dataclass(slots=True)
class _Ticket:
    """One waiting `append`; whoever commits tells it what became of that."""

    rows: list[codec.Row]
    urgent: bool
    told: Receipt | BaseException | None = None


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
        self.past_days = PastDays(self, _PAUSE_S if export_in_background else 0.0)
        self._days, self._min_free_bytes = self.past_days.days, min_free_bytes
        self._reserve = Reserve(folder, files, self.note)
        self._note_path = folder / NOTE
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
        self.past_days.touched()
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._look_on, name="beside the record", daemon=True)
        if export_in_background:
            self._watch.start()

    def _opened(self) -> Note:
        if self._lock.alone:
            self._reserve.keep(self._min_free_bytes + RESERVE_BYTES)
            self._have_note()
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

    def _have_note(self) -> None:
        """Begin a record where there is none; write its note anew where that is lost or spoiled, and tell of it.

        Raises Corrupt where the record cannot say whose it is, or is older than the past days beside it.
        """
        path, wrong, days = self.folder / NOTE, "is missing", self.past_days.names()
        try:
            if read_note(self.folder) is not None:
                return
        except Corrupt:
            wrong = "is not as it was written"
        if self.database.exists():
            note = self.own_note()
            ((newest,),) = self.rows_of("SELECT max(at) FROM record")
            if note is None or (newest is None and wrong != "is missing"):
                raise Corrupt(f"{path} {wrong}, and the record does not say whose it is: put it back, or {ADVICE}")
            if days[-1:] > [self._days.of(newest or 0)]:
                raise Corrupt(f"{path} {wrong}, and the record is older than its past days: put it back, or {ADVICE}")
            note.must_be(self.area, self.timezone, path)
            if newest is not None:
                self.note(
                    f"{path} was missing or not as it was written: written anew from the record, up to row {note.rows};"
                    " that more had been stored it could not say any more"
                )
        elif (self.folder / _OLDER).exists():
            raise Conflict(f"{self.folder / _OLDER} is of an older version: export with that, then import elsewhere")
        elif wrong != "is missing" or self.database.path.exists() or self.database.log.exists() or days:
            raise Corrupt(f"{path} {wrong} and something was stored here: put it back, or {ADVICE} --repair")
        else:
            note, draft = Note(0, FORMAT, uuid4().hex, self.area, self.timezone), self.folder / "record.new"
            make_file(draft, note, [], self.files)
            self.files.replace(draft, self.database.path)
        self.files.write_whole(path, note.encoded())

    def close(self) -> None:
        """Wait for the export of a day, close the file, let others in."""
        with self._commit_lock:
            if self._closed:
                return
            self._closed = True
        self._ending.set()
        for thread in (self._exporter, self._watch):
            if thread is not None and thread.is_alive():
                thread.join()
        self.database.finish_log()
        self._noted(self._note.rows, sync=True)
        super().close()
        self._lock.release()

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz; below `least_free_bytes` only alarms are taken."""
        return {**super().health(), "least_free_bytes": self._min_free_bytes}

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """Store the batch durably, all or nothing; `urgent` goes first and may use the reserve of a full disk."""
        ticket = _Ticket(codec.rows_of(records), urgent)
        with self._waiting_lock:
            self._waiting.append(ticket)
        with self._commit_lock:
            # Whoever gets here first commits for all who wait: one transaction, one sync.
            if ticket.told is None:
                with self._waiting_lock:
                    tickets, self._waiting = self._waiting, []
                self._commit(sorted(tickets, key=lambda waiting: not waiting.urgent))
        if isinstance(ticket.told, Receipt):
            return ticket.told
        assert ticket.told is not None
        raise ticket.told

    def _commit(self, tickets: Sequence[_Ticket]) -> None:
        """Store what there is room for: all, or the alarms alone; everybody is told."""
        urgent = [ticket for ticket in tickets if ticket.urgent]
        others = tickets[len(urgent) :]
        try:
            if self._closed:
                raise Unavailable(f"{self.folder} is closed")
            try:
                if others and self.files.free_bytes(self.folder) < self._min_free_bytes:  # an empty batch asks
                    raise Full(
                        f"less than {self._min_free_bytes} bytes are free for {self.folder}: make room; "
                        "alarms are still taken, everything else waits at its sender"
                    )
                self._store(tickets)
            except Full as full:
                for ticket in others:
                    ticket.told = full
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
                ticket.told = ticket.told or (error if isinstance(error, StoreError) else unknown)
            if not isinstance(error, Exception):
                raise

    def _store(self, tickets: Sequence[_Ticket]) -> None:
        """Store the batches in one transaction, and give everybody a receipt."""
        receipts = [Receipt(0, 0)] * len(tickets)
        if any(ticket.rows for ticket in tickets):
            with self.database.writing() as connection:
                ((last,),) = connection.execute(LAST_ROW)
                for number, rows in enumerate(ticket.rows for ticket in tickets):
                    stored = _inserted(connection, rows)
                    receipts[number] = Receipt(stored, 0)
                    if stored < len(rows):
                        new = connection.execute("SELECT id FROM record WHERE row > ?", (last,))
                        receipts[number] = Receipt.of([row[0] for row in rows], {found.decode() for (found,) in new})
                    last += stored
            self._noted(last, sync=self._last_commit_at is None)
            self._last_commit_at = self.now()
            self._export_if_due()
        for ticket, receipt in zip(tickets, receipts, strict=True):
            ticket.told = receipt

    def _noted(self, rows: int, *, sync: bool) -> None:
        """Write the note over; what it says is on the disk already, so it may be late."""
        copies, size = max((self._note.copies, self._note.size), self.database.in_file)
        self._note = self._note._replace(rows=rows, copies=copies, size=size)
        try:
            self.files.overwrite(self._note_path, self._note.encoded(), sync=sync)
        except OSError as error:
            self.note(f"{self._note_path} cannot be written: {error}")

    # --- what stands beside the record -----------------------------------------------------------------

    def _look_on(self) -> None:
        while not self._ending.wait(_LOOK_S):
            self.look_after()

    def look_after(self) -> None:
        """Make anew what was taken away or spoiled while it is in use, and tell of it; also of what cannot be made."""
        try:
            with self._commit_lock:
                if self._closed:
                    return
                self.database.must_be_in_place()
                if not self._note_is_ours():
                    self.files.write_whole(self.folder / NOTE, self._note.encoded())
                    self.note(f"{self.folder / NOTE} was removed or spoiled while it was in use: written anew")
                if self._lock.have_again(self.folder / "record.lock"):
                    self.note(f"{self.folder / 'record.lock'} was removed while it was in use: made anew")
                if self._reserve.keep(self._min_free_bytes + RESERVE_BYTES):
                    self.note(f"{self.folder / 'reserve'} for a full disk was missing or cut short: made anew")
            self._mend(self.past_days.touched())
        except (StoreError, OSError) as why:
            self.note(str(why))

    def _note_is_ours(self) -> bool:
        try:
            found = read_note(self.folder)
        except Corrupt:
            return False
        return found is not None and found.record == self._note.record

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
            self._export(today)

    def _export(self, today: str) -> None:
        for work in (partial(self.past_days.export, today), self._mend_all, self._look_over):
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a thread that dies says nothing
                # The record is whole without them; it is tried again on the next day and at the next start.
                self.note(f"{self.past_days.folder}: past days could not be written: {error!r}")

    def _mend_all(self) -> None:
        self._mend(reversed(self.past_days.names()))

    def _mend(self, days: Iterable[str]) -> None:
        for day in days:
            if not self._closed and (told := self.past_days.mended(day)):
                self.note(told)

    def _look_over(self) -> None:
        """A hurt index hides records without a word, and no checksum of a row tells: once a day it is looked for."""
        with suppress(Unavailable):  # tomorrow again
            # Whoever closes the store does not wait for it: it takes as long as the record is.
            for wrong in self.database.looked_over(given_up=lambda: self._closed)[:1]:
                self._left_out(f"{self.database.path}: {wrong}; records may be left out; {ADVICE}")


def _inserted(connection: sqlite3.Connection, rows: list[codec.Row]) -> int:
    """Insert those whose ids are new; how many they were."""
    alone = len(rows) % AT_ONCE
    stored = connection.executemany(INSERT_NEW, rows[:alone]).rowcount if alone else 0
    for first in range(alone, len(rows), AT_ONCE):
        values = [*chain.from_iterable(rows[first : first + AT_ONCE])]
        stored += connection.execute(INSERT_MANY, values).rowcount
    return stored
