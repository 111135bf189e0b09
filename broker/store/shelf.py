"""The days of a store on disk: which are sealed, which is open, and the change from one to the next.

    store.json  lock  reserve          format and area; the flock; a megabyte given up when an alarm meets a full disk
    open/000007_2026-11-22/            the day being written: a TinyDB over an append-only journal
    records/2026-11-21/                sealed days (see seal.py); never changed again
    index/  aside/                     made again when missing; what was moved aside, never deleted

Days have a running number, so that a clock set back by days, or to a day that is sealed already, loses nothing.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import orjson

from broker.store import Conflict, Corrupt, InUse, Record, StoreError, Unavailable
from broker.store.days import Days
from broker.store.id_index import IdIndex
from broker.store.open_day import OpenDay
from broker.store.seal import id_hash, seal
from broker.store.sealed_day import SealedDay
from broker.store.seen import Seen
from broker.store.tinyjournal import Files, FolderLock, FolderLocked, JournalCorrupt

log = logging.getLogger("zhanpai.store")

FORMAT = 1
RESERVE_BYTES = 1024 * 1024
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
        self._reserve_from_bytes = reserve_from_bytes
        self._seal_in_background = seal_in_background
        self._state_lock = threading.Lock()
        self._seal_lock = threading.Lock()
        self._sealers: list[threading.Thread] = []
        self._leftovers: list[Path] = []  # journals of sealed days
        self._opened: list[OpenDay] = []  # the last is today, those before are being sealed
        self._sealed: list[SealedDay] = []
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
        self._check_format()
        self._keep_reserve()
        records = self.folder / "records"
        folders = [path for path in records.glob("*") if path.is_dir() and not path.name.startswith(".")]
        self._sealed = sorted((SealedDay(path, self.days) for path in folders), key=lambda day: day.number)
        self._index = IdIndex(self.folder / "index", self._sealed, self._files)
        if self._sealed:
            self.seen = self._sealed[-1].seen()
        done = {sealed.number for sealed in self._sealed}
        for path in sorted((self.folder / "open").glob("*_*")):
            number, _, day = path.name.partition("_")
            if int(number) in done:
                self._remove_journal(path)  # sealed, but the journal's removal was interrupted
            else:
                self._opened.append(self._open_day(path, int(number), day))
        if not self._opened:
            if done:
                self.note(
                    f"{self.folder / 'open'} holds no day: what was stored after {self._sealed[-1].day} was sealed, "
                    "if anything was, is not here; put it back from a copy before more is stored"
                )
            self._opened.append(self._new_day(max(done, default=0) + 1))
        for opened in self._opened[:-1]:
            self._seal(opened, Seen(self.seen.saved()))
        self.roll_if_due()

    def note(self, text: str) -> None:
        """Something a person should know of: it is logged, and kept for /healthz."""
        self.events.append(text)
        log.warning("%s", text)

    def _check_format(self) -> None:
        path = self.folder / "store.json"
        wanted = {"format": FORMAT, "area": self._area, "timezone": self.days.timezone}
        if not path.exists():
            for part in ("open", "records"):
                if (self.folder / part).exists() and any((self.folder / part).iterdir()):
                    raise Corrupt(f"{path} is missing but {part}/ is not empty; put it back: {orjson.dumps(wanted)!r}")
            self._files.write_file(path, orjson.dumps(wanted, option=orjson.OPT_INDENT_2) + b"\n")
            return
        try:
            found = orjson.loads(path.read_bytes())
        except ValueError as error:
            raise Corrupt(f"{path} is not JSON ({error}); it should be {orjson.dumps(wanted)!r}") from error
        if found != wanted:
            raise Conflict(f"{path} says {found}, the configuration says {wanted}: use the folder of this area")

    def _keep_reserve(self) -> None:
        path = self.folder / "reserve"
        try:
            if not path.exists() and self._files.free_bytes(self.folder) > self._reserve_from_bytes:
                self._files.write_file(path, b"\0" * RESERVE_BYTES)
        except OSError as error:
            self.note(f"{path}: no reserve for a full disk could be made: {error}")

    def _open_day(self, path: Path, number: int, day: str) -> OpenDay:
        opened = OpenDay(path, number, day, self.days, self.seen, self._files, lambda: str(int(self._now())))
        for text in opened.events:
            self.note(text)
        return opened

    def _new_day(self, number: int) -> OpenDay:
        day = self.days.of(int(self._now()))
        return self._open_day(self.folder / "open" / f"{number:06d}_{day}", number, day)

    def close(self) -> None:
        """Wait for sealing, close the files, let other processes in; a second call does nothing."""
        for thread in self._sealers:
            thread.join()
        for day in self._opened:
            day.close()
        try:
            self._remove_leftovers()
        except OSError as error:
            self.note(f"{self.folder}: journals of sealed days stay until the next start: {error}")
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
        if self.seen.holds(record_id) or self._index.holds(id_hash(record_id)):
            for past in reversed(sealed):
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
        fresh = self._new_day(opened.number + 1)
        if opened.records() == 0:
            with self._state_lock:
                self._opened[-1] = fresh
            opened.close()
            self._remove_journal(opened.folder)
            return
        seen = Seen(self.seen.saved())
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
                days = sorted([*self._sealed, sealed], key=lambda other: other.number)
                # The index first: at no moment may `holds` miss an id.
                self._index.add(sealed, days)
                with self._state_lock:
                    self._sealed = days
                    self._opened = [other for other in self._opened if other is not day]
                day.close()
                # Whoever began to read this day still reads its positions from the journal: it goes a day later.
                self._remove_leftovers()
                self._leftovers.append(day.folder)
        except (OSError, StoreError) as error:
            # The journal is whole and stays; sealing is tried again when the store is next opened.
            self.note(f"sealing {day.day} failed, its journal stays: {error}")

    def _remove_leftovers(self) -> None:
        while self._leftovers:
            self._remove_journal(self._leftovers.pop())

    def _remove_journal(self, path: Path) -> None:
        aside = self.folder / "aside"
        for kept in sorted((path / "aside").glob("*")):
            self._files.make_folder(aside)
            self._files.replace(kept, aside / f"{path.name}-{kept.name}")
        self._files.remove_folder(path)
