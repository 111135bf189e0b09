"""The days of a store on disk: which are sealed, which is open, and the change from one to the next.

    store.json  lock  reserve          format and area; the flock; a megabyte given up when an alarm meets a full disk
    open/000007_2026-11-22/            the day being written: a TinyDB over an append-only journal
    records/2026-11-21/                sealed days (see seal.py); never changed again
    index/                             made again when missing
    aside/                             what was moved aside, never deleted; a journal there is a store of its own

Days have a running number, so that a clock set back by days, or to a day that is sealed already, loses nothing.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from broker.store import Corrupt, InUse, Record, StoreError, Unavailable, about, carry_over, day_folders
from broker.store.days import Days
from broker.store.id_index import IdIndex
from broker.store.open_day import OpenDay
from broker.store.reserve import Reserve
from broker.store.seal import id_hash, seal
from broker.store.sealed_day import SealedDay
from broker.store.seen import Seen, counted
from broker.store.tinyjournal import NO_ROOM, Files, FolderLock, FolderLocked, JournalCorrupt
from broker.store.tinyjournal.segments import last_frame

log = logging.getLogger("zhanpai.store")

SEALING_PAUSE_S = 0.002  # slept after each chunk, so that commits go on while a day is sealed


class Shelf:
    """All days of one folder. Raises InUse if another process has it, Corrupt if it is not as it was written."""

    def __init__(
        self,
        folder: Path,
        area: str,
        days: Days,
        now: Callable[[], float],
        files: Files,
        reserve_from_bytes: int,
        seal_in_background: bool,
    ) -> None:
        self.folder, self.days, self.seen = folder, days, Seen()
        self.events: list[str] = []
        self._area, self._now, self._files = area, now, files
        self.reserve = Reserve(folder, files, self.note)
        self._reserve_from_bytes = reserve_from_bytes
        self._seal_in_background = seal_in_background
        self._state_lock = threading.Lock()
        self._seal_lock = threading.Lock()
        self._sealers: list[threading.Thread] = []
        self._leftovers: list[Path] = []  # journals of sealed days
        self._opened: list[OpenDay] = []  # the last is today, those before are being sealed
        self._sealed: list[SealedDay] = []
        self._not_begun = ""  # the day that could not be begun, and was noted
        try:
            self._files.make_folder(folder)
            self._lock = FolderLock(folder, files)
        except FolderLocked as error:
            raise InUse(str(error)) from error
        except OSError as error:
            raise Unavailable(f"{folder} cannot be used: {error}") from error
        try:
            self._open()
        except BaseException as error:
            self.close()
            if isinstance(error, JournalCorrupt):
                raise Corrupt(f"{error}; run `python -m broker fsck`") from error
            if isinstance(error, OSError) and not isinstance(error, StoreError):
                raise Unavailable(f"{folder} cannot be opened: {error}") from error
            raise

    # --- opening and closing ---------------------------------------------------------------------------

    def _open(self) -> None:
        about.check(self.folder, self._area, self.days.timezone, self._files)
        self.reserve.keep(self._reserve_from_bytes)
        try:
            self._open_days()
        except OSError as error:
            if error.errno not in NO_ROOM or not self.reserve.give_up("the start"):
                raise
            while self._opened:
                self._opened.pop().close()
            self._open_days()

    def _open_days(self) -> None:
        folders = day_folders.sealed_days(self.folder / "records")
        self._sealed = day_folders.in_order(SealedDay(path, self.days) for path in folders)
        self._index = IdIndex(self.folder / "index", self._sealed, self._files)
        # What is stored is what the days have. A carry-over would know ids of a day that is lost, too: its records
        # could not be taken in again.
        self.seen = Seen.union(day.counted for day in self._sealed)
        sealed = {day.number: day for day in self._sealed}
        seen_by_then: list[Seen] = []
        for path in day_folders.half_removed(self.folder / "open"):
            self._remove(path)
        for path in day_folders.sound_open_days(self.folder / "open"):
            number, day = day_folders.numbered(path)
            if number in sealed:
                self._settle(path, sealed[number])
            else:
                self._opened.append(self._open_day(path, number, day))
                seen_by_then.append(self.seen.copy())
        self._note_lost_ids()
        if not self._opened:
            if sealed:
                self.note(
                    f"{self.folder / 'open'} holds no day: what was stored after {self._sealed[-1].day} was sealed, "
                    "if anything was, is not here; put it back from a copy before more is stored"
                )
            self._opened.append(self._new_day())
        for opened, seen in zip(self._opened[:-1], seen_by_then, strict=False):
            self._seal(opened, seen)
        self.roll_if_due()

    def _settle(self, path: Path, sealed: SealedDay) -> None:
        """A journal whose number is sealed: its removal was interrupted, or it was put back when another had begun."""
        if last_frame(path) == sealed.last_frame:
            self._remove(path)
            return
        target = day_folders.set_journal_aside(path, self.folder, self._files)
        self.note(
            f"{path} is not the journal of {sealed.folder}, which has its number, but of another day; it is kept in "
            f"{target}: `python -m broker import {target}` takes in what is stored nowhere else"
        )

    def _note_lost_ids(self) -> None:
        """Where the index is lost too, only the carry-over of the newest sealed day can tell of a lost day."""
        if not self._sealed:
            return
        newest = self._sealed[-1]
        try:
            text = carry_over.missing(newest, self.seen)
        except Corrupt as error:
            text = str(error)
        if text is not None:
            self.note(
                f"{newest.folder}: {text}; is a sealed day missing? Put it back into {newest.folder.parent}, or import "
                "an export: what is sent again is stored again"
            )

    def note(self, text: str) -> None:
        """Something a person should know of: it is logged, and kept for /healthz."""
        self.events.append(text)
        log.warning("%s", text)

    def _open_day(self, path: Path, number: int, day: str) -> OpenDay:
        opened = OpenDay(path, number, day, self.days, self.seen, self._files, lambda: str(int(self._now())))
        for text in opened.events:
            self.note(text)
        return opened

    def _new_day(self) -> OpenDay:
        day = self.days.of(int(self._now()))
        sealed, opened = self.parts()
        numbers = [*(past.number for past in sealed), *(other.number for other in opened)]
        number = day_folders.next_number(self.folder / "open", numbers, day)
        return self._open_day(self.folder / "open" / f"{number:06d}_{day}", number, day)

    def close(self) -> None:
        """Wait for sealing, close the files, let other processes in; a second call does nothing."""
        for thread in self._sealers:
            thread.join()
        for day in self._opened:
            day.close()
        self._remove_leftovers()
        self._lock.release()

    # --- the days --------------------------------------------------------------------------------------

    @property
    def today(self) -> OpenDay:
        """The day being written."""
        return self._opened[-1]

    def parts(self) -> tuple[list[SealedDay], list[OpenDay]]:
        """All days as of now: sealed ones by number, open ones with today last."""
        with self._state_lock:
            return list(self._sealed), list(self._opened)

    def holds(self, record_id: str) -> bool:
        """Whether an id that does not count is stored in any day."""
        sealed, opened = self.parts()
        if any(day.holds(record_id) for day in opened):
            return True
        try:
            return self._index.holds(id_hash(record_id)) and any(day.get(record_id) is not None for day in sealed)
        except Corrupt:
            return True  # its hash is stored and where it should be is hurt: a resend must not hold up its batch

    def get(self, record_id: str) -> Record | None:
        """The record of this id as it was stored."""
        sealed, opened = self.parts()
        for day in reversed(opened):
            record = day.get(record_id)
            if record is not None:
                return record
        found = counted(record_id)
        # Not `seen`, which the committing thread changes while others ask: what is sealed never changes.
        if found is not None:
            having = [past for past in sealed if past.counted.holds(*found)]
        else:
            having = sealed if self._index.holds(id_hash(record_id)) else []
        for past in reversed(having):
            record = past.get(record_id)
            if record is not None:
                return record
        return None

    def roll_if_due(self) -> None:
        """Begin a new day if the clock says so, and have the old one sealed. For the thread that commits."""
        day, opened = self.days.of(int(self._now())), self.today
        # A clock set back by minutes around midnight must not open yesterday again; one set back by days must not
        # leave everything in a day of the future.
        if day == opened.day or (day < opened.day and self.days.start(opened.day) - self._now() < 86_400):
            return
        try:
            fresh = self._new_day()
        except Exception as error:  # noqa: BLE001 - whatever it is, the old day is still good
            # A full disk at midnight refuses no alarm: which day a record lies in means nothing.
            if self._not_begun != day:
                self._not_begun = day
                self.note(f"{day} cannot be begun, {opened.day} goes on instead: {error}")
            return
        if opened.records() == 0:
            with self._state_lock:
                self._opened[-1] = fresh
            opened.close()
            self._remove(opened.folder)
            return
        seen = self.seen.copy()
        with self._state_lock:
            self._opened.append(fresh)
        if self._seal_in_background:
            thread = threading.Thread(target=self._seal, args=(opened, seen), name=f"seal {opened.day}", daemon=True)
            self._sealers = [*(other for other in self._sealers if other.is_alive()), thread]
            thread.start()
        else:
            self._seal(opened, seen)

    def _seal(self, day: OpenDay, seen: Seen) -> None:
        try:
            with self._seal_lock:
                pause_s = SEALING_PAUSE_S if self._seal_in_background else 0.0
                sealed = SealedDay(seal(day, seen, self.folder / "records", self._files, pause_s), self.days)
                days = day_folders.in_order([*self._sealed, sealed])
                # The index first: at no moment may `holds` miss an id.
                self._index.add(sealed, days)
                with self._state_lock:
                    self._sealed = days
                    self._opened = [other for other in self._opened if other is not day]
                day.close()
                # Whoever began to read this day still reads its positions from the journal: it goes a day later.
                self._remove_leftovers()
                self._leftovers.append(day.folder)
        except Exception as error:  # noqa: BLE001 - a thread that dies says nothing
            # The journal is whole and stays; sealing is tried again when the store is next opened.
            self.note(f"sealing {day.day} failed, its journal stays: {error!r}")

    def _remove_leftovers(self) -> None:
        while self._leftovers:
            self._remove(self._leftovers.pop())

    def _remove(self, path: Path) -> None:
        try:
            day_folders.remove_journal(path, self.folder / "aside", self._files)
        except OSError as error:
            self.note(f"{path}: the journal of a sealed day stays until the next start: {error}")
