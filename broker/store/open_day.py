"""The day that is being written: a JournalDB with an index by id, the positions beside it, and lazy day sums."""

import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import orjson

from broker.store import Record, codec, sums
from broker.store.days import Days
from broker.store.intake import Admitted
from broker.store.positions import Positions
from broker.store.seen import Seen
from broker.store.tinyjournal import Files, JournalDB
from broker.store.tinyjournal.journal import Place

POSITIONS = "fix"  # the one kind that is mass data: kept as lines, a thinned part as documents
THIN_S = 30  # one position per truck and this many seconds becomes a document


class OpenDay:
    """One partition before it is sealed. `append` is for one thread at a time, reading for any."""

    def __init__(
        self, folder: Path, number: int, day: str, days: Days, seen: Seen, files: Files, stamp: Callable[[], str]
    ) -> None:
        """Opens and replays the journal in `folder`; ids that count go into `seen`."""
        self.folder, self.number, self.day = folder, number, day
        self._days, self._seen = days, seen
        self._index: dict[str, dict[str, int]] = {}
        self._at: dict[str, array[int]] = {}
        self._positions = Positions()
        self._fix_last: dict[str, tuple[int, str, bytes]] = {}
        self._fix_kept: dict[str, int] = {}
        self._lazy_lock = threading.Lock()  # over the two below, which grow when somebody asks
        self._cubes: dict[str, tuple[int, sums.Cube]] = {}
        self._latest: dict[str, tuple[int, dict[str, tuple[int, str, int]]]] = {}
        self.db = JournalDB(folder, files, stamp=stamp, on_note=self._read_note)
        self.events = self.db.journal.events
        for kind in sorted(self.db.tables()):
            self._read_table(kind)

    def _read_note(self, line: bytes, place: Place, offset: int) -> None:
        record_id, key, at = codec.head(line)
        self._take_note(record_id, key, at, line, place, offset)
        self._seen.add(record_id)

    def _read_table(self, kind: str) -> None:
        head, see = codec.head, self._seen.add
        ids, times = [], []
        for document in self.db.rows(kind).documents():
            record_id, key, at = head(document)
            ids.append(record_id)
            times.append(at)
            see(record_id)
            if kind == POSITIONS:
                self._fix_kept[key] = at // THIN_S
                self._see_position(key, at, record_id, document)
        self._take_in(kind, ids, times, 1)

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, batch: Sequence[Admitted]) -> None:
        """Store new records in one frame; raises what the journal raises."""
        tables: dict[str, list[bytes]] = {}
        heads: dict[str, tuple[list[str], list[int]]] = {}
        positions: list[tuple[Record, bytes]] = []
        notes: list[bytes] = []
        noted: list[Record] = []
        kept_before: dict[str, int] | None = None
        last = ""
        for record, _, _, document in batch:
            kind = record.kind
            if kind == POSITIONS:
                kept_before = dict(self._fix_kept) if kept_before is None else kept_before
                positions.append((record, document))
                if not self._keep(record):
                    notes.append(codec.with_kind(kind, document))
                    noted.append(record)
                    continue
            if kind != last:
                last = kind
                documents = tables.setdefault(kind, [])
                ids, times = heads.setdefault(kind, ([], []))
            documents.append(document)
            ids.append(record.id)
            times.append(record.at)
        first = {kind: self.db.rows(kind).next_id for kind in tables}
        try:
            place = self.db.insert_encoded(tables, notes)
        except BaseException:
            self._fix_kept = self._fix_kept if kept_before is None else kept_before
            raise
        for kind, (ids, times) in heads.items():
            self._take_in(kind, ids, times, first[kind])
        for _, ranges, number, _ in batch:
            if ranges is not None:
                lasts = ranges.lasts
                if lasts and number == lasts[-1] + 1:  # what `add` would do, without the call
                    lasts[-1] = number
                else:
                    ranges.add(number)
        for record, document in positions:
            self._see_position(record.key, record.at, record.id, document)
        offset = 0
        for record, line in zip(noted, notes, strict=True):
            self._take_note(record.id, record.key, record.at, line, place, offset)
            offset += len(line) + 1

    def _keep(self, record: Record) -> bool:
        slot = record.at // THIN_S
        if self._fix_kept.get(record.key) == slot:
            return False
        self._fix_kept[record.key] = slot
        return True

    def _take_in(self, kind: str, ids: list[str], times: list[int], first: int) -> None:
        if kind not in self._at:
            self._index[kind], self._at[kind] = {}, array("q")
        self._index[kind].update(zip(ids, range(first, first + len(ids)), strict=True))
        self._at[kind].extend(times)

    def _take_note(self, record_id: str, key: str, at: int, line: bytes, place: Place, offset: int) -> None:
        self._positions.take(record_id, at, place, offset)
        self._see_position(key, at, record_id, line)

    def _see_position(self, key: str, at: int, record_id: str, document: bytes) -> None:
        last = self._fix_last.get(key)
        if last is None or (at, record_id) > last[:2]:
            self._fix_last[key] = (at, record_id, document)

    # --- reading ---------------------------------------------------------------------------------------

    def holds(self, record_id: str) -> bool:
        """Whether an id that does not count is stored here."""
        return self._positions.holds(record_id) or any(record_id in index for index in self._index.values())

    def ids(self) -> Iterator[tuple[str, str]]:
        """Every id with its kind."""
        for kind, index in self._index.items():
            for record_id in index:
                yield record_id, kind
        for line in self._positions.all_lines(self.db.journal.segments):
            yield codec.head(line)[0], POSITIONS

    def kinds(self) -> list[str]:
        """The kinds that have records here."""
        return sorted({*self._at, *([POSITIONS] if self._positions.times else [])})

    def records(self) -> int:
        """How many records are stored here."""
        return sum(len(at) for at in list(self._at.values())) + len(self._positions.times)

    def get(self, record_id: str) -> Record | None:
        """The record of this id; a position that is no document is read from disk."""
        for kind, index in list(self._index.items()):
            doc_id = index.get(record_id)
            if doc_id is not None:
                document = self.db.rows(kind).raw(doc_id)
                return None if document is None else codec.decode(kind, document)
        number = self._positions.find(record_id)
        if number is None:
            return None
        reader = self._positions.lines(self.db.journal.segments)
        try:
            return codec.decode(POSITIONS, reader.read(number))
        finally:
            reader.close()

    def scan(self, kind: str, from_at: int, to_at: int) -> Iterator[Record]:
        """Records of a kind with from_at <= at < to_at, ordered by (at, id), as of now."""
        times = self._at.get(kind, array("q"))
        rows = self.db.rows(kind)
        chosen = [(at, position + 1) for position, at in enumerate(times) if from_at <= at < to_at]
        if kind == POSITIONS:
            chosen += [(at, -position) for position, at in enumerate(self._positions.times) if from_at <= at < to_at]
        chosen.sort()
        reader = self._positions.lines(self.db.journal.segments) if kind == POSITIONS else None
        try:
            for _, group in groupby(chosen, key=lambda pair: pair[0]):
                together: list[Record] = []
                for _, reference in group:
                    document = reader.read(-reference) if reader and reference <= 0 else rows.raw(reference)
                    if document is not None:
                        together.append(codec.decode(kind, document))
                if len(together) > 1:
                    together.sort(key=lambda record: record.id)
                yield from together
        finally:
            if reader is not None:
                reader.close()

    def latest(self, kind: str) -> Mapping[str, Record]:
        """The newest record per key of a kind."""
        if kind == POSITIONS:
            return {key: codec.decode(kind, document) for key, (_, _, document) in list(self._fix_last.items())}
        with self._lazy_lock:
            done, newest = self._latest.get(kind, (0, {}))
            upto = len(self._at.get(kind, ()))
            rows = self.db.rows(kind)  # after `upto`: a table is there before its first time is
            for doc_id in range(done + 1, upto + 1):
                document = rows.raw(doc_id)
                if document is not None:
                    record_id, key, at = codec.head(document)
                    entry = (at, record_id, doc_id)
                    if key not in newest or entry > newest[key]:
                        newest[key] = entry
            self._latest[kind] = (upto, newest)
            found = {key: rows.raw(doc_id) for key, (_, _, doc_id) in newest.items()}
        return {key: codec.decode(kind, document) for key, document in found.items() if document is not None}

    def cube(self, kind: str) -> sums.Cube:
        """A copy of the day sums of what is stored by now; only what came since the last call is counted."""
        by = sums.DIMENSIONS.get(kind, ())
        if kind == POSITIONS:
            # All positions count, the thinned ones among them.
            return sums.count(
                kind, by, self._days, ((at, {}) for at in [*self._positions.times, *self._at.get(kind, ())])
            )
        with self._lazy_lock:
            done, cube = self._cubes.get(kind, (0, {}))
            upto = len(self._at.get(kind, ()))
            rows = self.db.rows(kind)  # after `upto`, as above
            for doc_id in range(done + 1, upto + 1):
                document = rows.raw(doc_id)
                if document is not None:
                    fields = orjson.loads(document)
                    sums.add(cube, kind, by, self._days.of(fields["at"]), fields["body"])
            self._cubes[kind] = (upto, cube)
            return {key: list(row) for key, row in cube.items()}

    def bounds(self, kind: str) -> tuple[int, int]:
        """The first and last `at` of a kind that has records here."""
        times = [*self._at.get(kind, ()), *(self._positions.times if kind == POSITIONS else ())]
        return min(times), max(times)

    def close(self) -> None:
        """Close the journal."""
        self.db.close()
