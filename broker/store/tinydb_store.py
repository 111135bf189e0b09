"""The default store: one folder, one process, nothing but files a person can read (their layout is in shelf.py).

`append` puts whatever waits into one frame and syncs once: a batch of any mixture of kinds is stored whole or not at
all. Which day a batch lands in is decided by the clock at its commit; statistics go by `at`, so late records and
batches over midnight need nothing special.
"""

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import gt
from pathlib import Path
from typing import Any

from broker.store import Conflict, Full, Receipt, Record, StoreError, Unavailable, amendments, sums
from broker.store.days import Days
from broker.store.intake import NOTHING, Batch, Intake
from broker.store.open_day import OpenDay
from broker.store.reserve import RESERVE_BYTES
from broker.store.sealed_day import SealedDay
from broker.store.shelf import Shelf
from broker.store.tinyjournal import Files, JournalFull

_EVER = 1 << 62


@dataclass(slots=True)
class _Ticket:
    """One waiting `append`."""

    batch: Batch
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
        """Below `min_free_bytes` of free disk only urgent batches are taken."""
        self.folder = folder
        self._now = now
        self._days = Days(timezone)
        self._files = files or Files()
        self._min_free_bytes = min_free_bytes
        self._waiting: list[_Ticket] = []
        self._waiting_lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._amend_lock = threading.Lock()
        self._last_commit_at: float | None = None
        self._closed = False
        self._shelf = Shelf(
            folder, area, self._days, now, self._files, min_free_bytes + RESERVE_BYTES, seal_in_background
        )
        self._intake = Intake(self._shelf.seen)
        self._amendments = amendments.Amendments()
        sealed, opened = self._shelf.parts()
        try:
            days: list[SealedDay | OpenDay] = [*sealed, *opened]
            for day in days:
                self._take_amendments(day.scan(amendments.KIND, 0, _EVER))
        except BaseException:
            self._shelf.close()
            raise

    def close(self) -> None:
        """Wait for sealing, close the files, let other processes in."""
        with self._commit_lock:
            if self._closed:
                return
            self._closed = True
        self._shelf.close()

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """Store the batch durably, all or nothing; `urgent` goes first and may use the reserve of a full disk."""
        ticket = _Ticket(self._intake.admit(records), urgent)
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
            batch = NOTHING
            receipts = []
            for ticket in tickets:
                fresh = self._fresh(ticket.batch, batch)
                receipts.append(
                    Receipt(len(fresh.records), 0) if fresh is ticket.batch else Receipt.of(ticket.batch.ids, fresh.ids)
                )
                batch = batch.joined(fresh) if batch.records else fresh
            if batch.records:
                self._shelf.roll_if_due()
                self._write(batch, any(ticket.urgent for ticket in tickets))
                self._last_commit_at = self._now()
            for ticket, receipt in zip(tickets, receipts, strict=True):
                ticket.receipt = receipt
            if None in batch.ranges:
                self._take_amendments(record for record in batch.records if record.kind == amendments.KIND)
        except BaseException as error:
            # Whatever it was, everybody whose batch was in this frame waits to be told.
            for ticket in tickets:
                ticket.error = self._told(error)
            if not isinstance(error, Exception):
                raise

    def _told(self, error: BaseException) -> StoreError:
        """What went wrong with a commit, in the store's words."""
        if isinstance(error, StoreError):
            return error
        if isinstance(error, JournalFull):
            return Full(f"{error}; make room on the disk of {self.folder}")
        if isinstance(error, OSError):
            return Unavailable(f"{error}; the disk of {self.folder} needs a look")
        return Unavailable(f"{self.folder} did not take this batch, and says why in no better words: {error!r}")

    def _take_amendments(self, found: Iterable[Record]) -> None:
        for record_id in self._amendments.take_all(found):
            self._shelf.note(f"{record_id!r} is an amendment that does not say what it amends: it changes nothing")

    def _fresh(self, batch: Batch, before: Batch) -> Batch:
        """What of a batch is neither stored nor in the one that goes with it, nor twice in itself."""
        if (
            not before.records
            and len(set(batch.ids)) == len(batch.ids)
            and None not in batch.ranges
            and all(map(gt, batch.numbers, [ranges.most for ranges in batch.ranges if ranges is not None]))
        ):
            return batch
        taken = set(before.ids)
        fresh = []
        for position, record_id in enumerate(batch.ids):
            ranges = batch.ranges[position]
            stored = self._shelf.holds(record_id) if ranges is None else batch.numbers[position] in ranges
            if not stored and record_id not in taken:
                taken.add(record_id)
                fresh.append(position)
        return batch.only(fresh)

    def _write(self, batch: Batch, urgent: bool) -> None:
        if not urgent and self._files.free_bytes(self.folder) < self._min_free_bytes:
            raise Full(
                f"less than {self._min_free_bytes} bytes are free for {self.folder}: make room; "
                "alarms are still taken, everything else waits at its sender"
            )
        try:
            self._shelf.today.append(batch)
        except JournalFull:
            if not urgent or not self._shelf.reserve.give_up("an alarm"):
                raise
            self._shelf.today.append(batch)

    def amend(
        self, record_id: str, patch: Mapping[str, Any], reason: str, who: str, at: int, seen: int | None = None
    ) -> Record:
        """Correct a record's body; see Store."""
        with self._amend_lock:
            original = self._shelf.get(record_id)
            if original is None or original.kind == amendments.KIND:
                raise Conflict(f"there is no record {record_id!r} that could be amended")
            count = self._amendments.count(record_id)
            if seen is not None and seen != count:
                raise Conflict(f"{record_id!r} has {count} amendments by now, not {seen}: look at it again")
            number = self._amendments.next_number(record_id)
            while self._shelf.get(amendments.id_of(record_id, number)) is not None:
                number += 1  # some other record has this id
            amendment = amendments.record(original, number, patch, reason, who, at, int(self._now()))
            if self.append([amendment]).stored == 0:
                raise Conflict(f"{record_id!r} was amended by somebody else at this moment: look at it again")
            return self._amendments.applied(original)

    # --- reading ---------------------------------------------------------------------------------------

    def get(self, record_id: str) -> Record | None:
        """The record of this id, amendments applied, or None."""
        record = self._shelf.get(record_id)
        return None if record is None else self._amendments.applied(record)

    def scan(
        self,
        kind: str,
        from_at: int | None = None,
        to_at: int | None = None,
        after: str | None = None,
        limit: int | None = None,
        amended: bool = True,
    ) -> Iterator[Record]:
        """Records of a kind ordered by (at, id); see Store. What is appended meanwhile may be missing."""
        start, end = from_at or 0, _EVER if to_at is None else to_at
        cursor: tuple[int, str] | None = None
        if after is not None:
            last = self._shelf.get(after)
            if last is None:
                raise Conflict(f"the cursor {after!r} names no record: start again without it")
            cursor = (last.at, last.id)
            start = max(start, last.at)
        sealed, opened = self._shelf.parts()
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
                yield self._amendments.applied(record) if amended else record

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest record per key of a kind; see Store."""
        sealed, opened = self._shelf.parts()
        newest: dict[str, Record] = {}
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
            return sums.rows(kind, by, sums.count(kind, by, self._days, bodies))
        sealed, opened = self._shelf.parts()
        picked = sums.picked(dimensions, by)
        folded: sums.Cube = {}
        for past in sealed:
            if past.touches_days(kind, from_day, to_day):
                sums.fold(folded, past.cube(kind), picked, from_day, to_day)
        for day in opened:
            sums.fold(folded, day.cube(kind), picked, from_day, to_day)
        sums.fold(folded, self._corrections(kind), picked, from_day, to_day)
        return sums.rows(kind, by, folded)

    def _corrections(self, kind: str) -> sums.Cube:
        """What amendments add to and take from the sums of a kind."""
        cube: sums.Cube = {}
        by = sums.DIMENSIONS.get(kind, ())
        for record_id in self._amendments.of_kind(kind):
            original = self._shelf.get(record_id)
            if original is not None:
                day = self._days.of(original.at)
                sums.add(cube, kind, by, day, original.body, -1)
                sums.add(cube, kind, by, day, self._amendments.applied(original).body)
        return cube

    def kinds(self) -> list[str]:
        """The kinds that have records, sorted."""
        sealed, opened = self._shelf.parts()
        found = {kind for day in sealed for kind in day.kinds()}
        return sorted(found.union(*(day.kinds() for day in opened)))

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz: records, bytes, seconds since the last commit, free bytes, warnings."""
        sealed, opened = self._shelf.parts()
        last = self._last_commit_at
        return {
            "backend": "tinydb",
            "records": sum(day.count for day in sealed) + sum(day.records() for day in opened),
            "records_today": opened[-1].records(),
            "sealed_days": len(sealed),
            "unsealed_days": len(opened) - 1,
            "bytes": sum(day.disk_bytes for day in sealed) + sum(day.db.journal.bytes for day in opened),
            "last_commit_s": None if last is None else max(0, int(self._now() - last)),
            "free_bytes": self._files.free_bytes(self.folder),
            "warnings": list(self._shelf.events[-20:]),
        }

    def sealed_days(self) -> list[SealedDay]:
        """The sealed days, for fsck and the statistics' check."""
        return self._shelf.parts()[0]
