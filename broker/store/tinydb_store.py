"""The default store: one folder, one process, nothing but files a person can read.

    store.json  lock  reserve          format and area; the flock; a megabyte given up when an alarm meets a full disk
    open/000007_2026-11-22/            the day being written: a TinyDB over an append-only journal
    records/2026-11-21/                sealed days (see seal.py); never changed again
    index/  aside/                     made again when missing; what was moved aside, never deleted

`append` puts whatever waits into one frame and syncs once: a batch of any mixture of kinds is stored whole or not at
all. Which day a batch lands in is decided by the clock at its commit; statistics go by `at`, so late records and
batches over midnight need nothing special. When the day changes the old one is sealed in a thread beside.
"""

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from broker.store import Conflict, Corrupt, Full, Receipt, Record, StoreError, Unavailable, amendments, codec, sums
from broker.store.days import Days
from broker.store.id_index import IdIndex
from broker.store.open_day import POSITIONS, OpenDay
from broker.store.seal import id_hash, seal
from broker.store.sealed_day import SealedDay
from broker.store.seen import Seen, counted
from broker.store.tinyjournal import (
    Files,
    FolderLock,
    FolderLocked,
    JournalBroken,
    JournalCorrupt,
    JournalFull,
)

FORMAT = 1
RESERVE_BYTES = 1024 * 1024
_EVER = 1 << 62


@dataclass(slots=True)
class _Ticket:
    """One waiting `append`."""

    records: Sequence[Record]
    urgent: bool
    receipt: Receipt | None = None
    error: StoreError | None = None


class TinyDBStore:
    """A Store in `folder`; raises Unavailable if another process has it, Corrupt if it is not as it was written."""

    def __init__(
        self,
        folder: Path,
        area: str,
        timezone: str,
        now: Callable[[], float],
        *,
        files: Files | None = None,
        min_free_bytes: int = 64 * 1024 * 1024,
        seal_in_background: bool = True,
    ) -> None:
        self.folder = folder
        self._area, self._now = area, now
        self._days = Days(timezone)
        self._files = files or Files()
        self._min_free_bytes = min_free_bytes
        self._seal_in_background = seal_in_background
        self._events: list[str] = []
        self._waiting: list[_Ticket] = []
        self._waiting_lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._state_lock = threading.RLock()  # may be taken while committing, never the other way round
        self._amend_lock = threading.Lock()
        self._seal_lock = threading.Lock()
        self._sealers: list[threading.Thread] = []
        self._closing: list[OpenDay] = []
        self._last_commit_at: float | None = None
        self._closed = False
        try:
            self._files.make_folder(folder)
            self._lock = FolderLock(folder)
        except FolderLocked as error:
            raise Unavailable(str(error)) from error
        except OSError as error:
            raise Unavailable(f"{folder} cannot be used: {error}") from error
        try:
            self._open()
        except BaseException as error:
            self._release()
            if isinstance(error, StoreError):
                raise
            if isinstance(error, JournalCorrupt):
                raise Corrupt(f"{error}; run `python -m broker fsck`") from error
            if isinstance(error, OSError):
                raise Unavailable(f"{folder} cannot be opened: {error}") from error
            raise

    # --- opening and closing ---------------------------------------------------------------------------

    def _open(self) -> None:
        self._check_format()
        self._keep_reserve()
        records = self.folder / "records"
        folders = [path for path in records.glob("*") if path.is_dir() and not path.name.startswith(".")]
        self._sealed = sorted((SealedDay(path, self._days) for path in folders), key=lambda day: day.number)
        self._index = IdIndex(self.folder / "index", self._sealed, self._files)
        self._seen = self._sealed[-1].seen() if self._sealed else Seen()
        self._amendments = amendments.Amendments()
        for sealed in self._sealed:
            self._amendments.take_all(sealed.scan(amendments.KIND, 0, _EVER))
        done = {sealed.number for sealed in self._sealed}
        opened: list[OpenDay] = []
        for path in sorted((self.folder / "open").glob("*_*")):
            number, _, its_day = path.name.partition("_")
            if int(number) in done:
                self._remove_journal(path)  # sealed, but the journal's removal was interrupted
            else:
                opened.append(self._open_day(path, int(number), its_day))
        if not opened:
            opened.append(self._new_day(max(done, default=0) + 1))
        for day in opened:
            self._amendments.take_all(day.scan(amendments.KIND, 0, _EVER))
        self._today = opened.pop()
        self._closing = opened
        for day in opened:
            self._seal(day, Seen(self._seen.saved()))
        self._roll_if_due()

    def _check_format(self) -> None:
        path = self.folder / "store.json"
        wanted = {"format": FORMAT, "area": self._area, "timezone": self._days.timezone}
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
            if not path.exists() and self._files.free_bytes(self.folder) > self._min_free_bytes + RESERVE_BYTES:
                self._files.write_file(path, b"\0" * RESERVE_BYTES)
        except OSError as error:
            self._events.append(f"{path}: no reserve for a full disk could be made: {error}")

    def _open_day(self, path: Path, number: int, day: str) -> OpenDay:
        opened = OpenDay(path, number, day, self._days, self._seen, self._files, self._stamp)
        self._events += opened.events
        return opened

    def _new_day(self, number: int) -> OpenDay:
        day = self._days.of(int(self._now()))
        return self._open_day(self.folder / "open" / f"{number:06d}_{day}", number, day)

    def _stamp(self) -> str:
        return str(int(self._now()))

    def close(self) -> None:
        """Wait for sealing, close the files, let other processes in."""
        with self._commit_lock:
            if self._closed:
                return
            self._closed = True
        for thread in self._sealers:
            thread.join()
        self._release()

    def _release(self) -> None:
        for day in [*self._closing, *([self._today] if hasattr(self, "_today") else [])]:
            day.close()
        self._lock.release()

    # --- the change of the day -------------------------------------------------------------------------

    def _roll_if_due(self) -> None:
        today, opened = self._days.of(int(self._now())), self._today.day
        # A clock set back by minutes around midnight must not open yesterday again; one set back by days must not
        # leave everything in a day of the future.
        if today == opened or (today < opened and self._days.start(opened) - self._now() < 86_400):
            return
        if self._today.records() == 0:
            fresh = self._new_day(self._today.number + 1)
            old, self._today = self._today, fresh
            old.close()
            self._remove_journal(old.folder)
            return
        fresh = self._new_day(self._today.number + 1)
        seen = Seen(self._seen.saved())
        with self._state_lock:
            old, self._today = self._today, fresh
            self._closing = [*self._closing, old]
        if self._seal_in_background:
            thread = threading.Thread(target=self._seal, args=(old, seen), name=f"seal {old.day}", daemon=True)
            self._sealers = [*(other for other in self._sealers if other.is_alive()), thread]
            thread.start()
        else:
            self._seal(old, seen)

    def _seal(self, day: OpenDay, seen: Seen) -> None:
        try:
            with self._seal_lock:
                pause_s = 0.002 if self._seal_in_background else 0.0
                sealed = SealedDay(seal(day, seen, self.folder / "records", self._files, pause_s), self._days)
                with self._state_lock:
                    self._sealed = sorted([*self._sealed, sealed], key=lambda other: other.number)
                    self._index.add(sealed, self._sealed)
                    self._closing = [other for other in self._closing if other is not day]
                day.close()
                self._remove_journal(day.folder)
        except (OSError, StoreError) as error:
            # The journal is whole and stays; sealing is tried again when the store is next opened.
            self._events.append(f"sealing {day.day} failed, its journal stays: {error}")

    def _remove_journal(self, path: Path) -> None:
        aside = self.folder / "aside"
        for kept in sorted((path / "aside").glob("*")):
            self._files.make_folder(aside)
            self._files.replace(kept, aside / f"{path.name}-{kept.name}")
        self._files.remove_folder(path)

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """Store the batch durably, all or nothing; `urgent` goes first and may use the reserve of a full disk."""
        for record in records:
            codec.check(record)
        ticket = _Ticket(records, urgent)
        with self._waiting_lock:
            self._waiting.append(ticket)
        with self._commit_lock:
            # Whoever gets here first commits for all who wait: one frame, one sync.
            if ticket.receipt is None and ticket.error is None:
                with self._waiting_lock:
                    tickets, self._waiting = self._waiting, []
                self._commit(sorted(tickets, key=lambda waiting: not waiting.urgent))
        if ticket.error is not None:
            raise ticket.error
        assert ticket.receipt is not None
        return ticket.receipt

    def _commit(self, tickets: Sequence[_Ticket]) -> None:
        try:
            if self._closed:
                raise Unavailable(f"{self.folder} is closed")
            urgent = any(ticket.urgent for ticket in tickets)
            fresh: dict[str, Record] = {}
            receipts = []
            for ticket in tickets:
                before = len(fresh)
                for record in ticket.records:
                    if record.id not in fresh and not self._holds(record.id):
                        fresh[record.id] = record
                stored = len(fresh) - before
                receipts.append(Receipt(stored, len(ticket.records) - stored))
            if fresh:
                self._roll_if_due()
                self._write(list(fresh.values()), urgent)
                self._last_commit_at = self._now()
                self._amendments.take_all(record for record in fresh.values() if record.kind == amendments.KIND)
            for ticket, receipt in zip(tickets, receipts, strict=True):
                ticket.receipt = receipt
        except StoreError as error:
            for ticket in tickets:
                ticket.error = error
        except JournalFull as error:
            for ticket in tickets:
                ticket.error = Full(f"{error}; make room on the disk of {self.folder}")
        except (JournalBroken, OSError) as error:
            for ticket in tickets:
                ticket.error = Unavailable(f"{error}; the disk of {self.folder} needs a look")

    def _write(self, records: Sequence[Record], urgent: bool) -> None:
        if not urgent and self._files.free_bytes(self.folder) < self._min_free_bytes:
            raise Full(
                f"less than {self._min_free_bytes} bytes are free for {self.folder}: make room; "
                "alarms are still taken, everything else waits at its sender"
            )
        try:
            self._today.append(records)
        except JournalFull:
            reserve = self.folder / "reserve"
            if not urgent or not reserve.exists():
                raise
            self._files.remove(reserve)
            self._events.append(f"{self.folder}: the disk is full; the reserve was given up for an alarm")
            self._today.append(records)

    def _holds(self, record_id: str) -> bool:
        found = counted(record_id)
        if found is not None:
            return self._seen.holds(*found)
        if self._today.holds(record_id) or any(day.holds(record_id) for day in self._closing):
            return True
        if not self._index.holds(id_hash(record_id)):
            return False
        return any(day.get(record_id) is not None for day in self._sealed)

    def amend(
        self, record_id: str, patch: Mapping[str, Any], reason: str, who: str, at: int, seen: int | None = None
    ) -> Record:
        """Correct a record's body; see Store."""
        with self._amend_lock:
            original = self._original(record_id)
            if original is None or original.kind == amendments.KIND:
                raise Conflict(f"there is no record {record_id!r} that could be amended")
            count = self._amendments.count(record_id)
            if seen is not None and seen != count:
                raise Conflict(f"{record_id!r} has {count} amendments by now, not {seen}: look at it again")
            self.append([amendments.record(original, count + 1, patch, reason, who, at, int(self._now()))])
            return self._amendments.applied(original)

    # --- reading ---------------------------------------------------------------------------------------

    def _parts(self) -> tuple[list[SealedDay], list[OpenDay]]:
        with self._state_lock:
            return list(self._sealed), [*self._closing, self._today]

    def _original(self, record_id: str) -> Record | None:
        sealed, opened = self._parts()
        for day in reversed(opened):
            record = day.get(record_id)
            if record is not None:
                return record
        found = counted(record_id)
        if found is None and not self._index.holds(id_hash(record_id)):
            return None
        if found is not None and not self._seen.holds(*found):
            return None
        for past in reversed(sealed):
            record = past.get(record_id)
            if record is not None:
                return record
        return None

    def get(self, record_id: str) -> Record | None:
        """The record of this id, amendments applied, or None."""
        record = self._original(record_id)
        return None if record is None else self._amendments.applied(record)

    def scan(
        self,
        kind: str,
        from_at: int | None = None,
        to_at: int | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """Records of a kind ordered by (at, id); see Store. What is appended meanwhile may be missing."""
        start, end = from_at or 0, _EVER if to_at is None else to_at
        cursor: tuple[int, str] | None = None
        if after is not None:
            last = self._original(after)
            if last is None:
                raise Conflict(f"the cursor {after!r} names no record: start again without it")
            cursor = (last.at, last.id)
            start = max(start, last.at)
        sealed, opened = self._parts()
        streams = [
            *(day.scan(kind, start, end) for day in sealed),
            *(day.scan(kind, start, end) for day in opened),
        ]
        given = 0
        for record in heapq.merge(*streams, key=lambda record: (record.at, record.id)):
            if limit is not None and given >= limit:
                return
            if cursor is None or (record.at, record.id) > cursor:
                given += 1
                yield self._amendments.applied(record)

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest record per key of a kind; see Store."""
        sealed, opened = self._parts()
        newest: dict[str, Record] = {}
        with self._state_lock:
            found = [day.latest(kind) for day in opened]
        for part in [*found, *(day.latest(kind, since_at or 0) for day in sealed)]:
            for name, record in part.items():
                if key is not None and name != key:
                    continue
                if since_at is not None and record.at < since_at:
                    continue
                other = newest.get(name)
                if other is None or (record.at, record.id) > (other.at, other.id):
                    newest[name] = record
        return {name: self._amendments.applied(record) for name, record in newest.items()}

    def totals(self, kind: str, from_day: str, to_day: str, by: Sequence[str]) -> list[dict[str, Any]]:
        """Sums per event day; from the day sums where their dimensions allow, else by a recount."""
        dimensions = sums.DIMENSIONS.get(kind, ())
        if not set(by) <= set(dimensions):
            start, end = self._days.span(from_day, to_day)
            bodies = ((record.at, record.body) for record in self.scan(kind, start, end))
            return sums.rows(kind, by, sums.count(kind, by, self._days, bodies), by)
        sealed, opened = self._parts()
        whole: sums.Cube = {}
        for past in sealed:
            if past.touches_days(kind, from_day, to_day):
                sums.merge(whole, past.cube(kind))
        with self._state_lock:
            for day in opened:
                sums.merge(whole, day.cube(kind))
        for record_id in self._amendments.of_kind(kind):
            original = self._original(record_id)
            if original is not None:
                day_of = self._days.of(original.at)
                sums.add(whole, kind, dimensions, day_of, original.body, -1)
                sums.add(whole, kind, dimensions, day_of, self._amendments.applied(original).body)
        chosen = {key: row for key, row in whole.items() if from_day <= str(key[0]) <= to_day}
        return sums.rows(kind, dimensions, chosen, by)

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz: records, bytes, seconds since the last commit, free bytes, warnings."""
        sealed, opened = self._parts()
        last = self._last_commit_at
        return {
            "backend": "tinydb",
            "records": sum(day.count for day in sealed) + sum(day.records() for day in opened),
            "records_today": opened[-1].records(),
            "sealed_days": len(sealed),
            "unsealed_days": len(opened) - 1,
            "bytes": sum(day.db.journal.bytes for day in opened),
            "last_commit_s": None if last is None else max(0, int(self._now() - last)),
            "free_bytes": self._files.free_bytes(self.folder),
            "warnings": list(self._events[-20:]),
        }

    def sealed_days(self) -> list[SealedDay]:
        """The sealed days, for fsck and the statistics' check."""
        return self._parts()[0]


__all__ = ["POSITIONS", "TinyDBStore"]
