"""The day that is being written: a JournalDB, the positions beside it; index and day sums are made when asked for."""

import threading
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import orjson

from broker.store import Record, codec, sums
from broker.store.days import Days
from broker.store.intake import Batch
from broker.store.positions import Positions
from broker.store.seen import Seen, add_each
from broker.store.tinyjournal import Files, JournalDB
from broker.store.tinyjournal.journal import Place

POSITIONS = "fix"  # the one kind that is mass data: kept as lines, a thinned part as documents
READ_AT_ONCE = 1000  # lines; more at once would only cost memory
THIN_S = 30  # one position per truck and this many seconds becomes a document


class OpenDay:
    """One partition before it is sealed. `append` is for one thread at a time, reading for any."""

    def __init__(
        self, folder: Path, number: int, day: str, days: Days, seen: Seen, files: Files, stamp: Callable[[], str]
    ) -> None:
        """Opens and replays the journal in `folder`; ids that count go into `seen`."""
        self.folder, self.number, self.day = folder, number, day
        self._days, self._seen = days, seen
        self._others: set[str] = set()  # ids that do not count; of the others `seen` knows which are stored
        self._at: dict[str, array[int]] = {}
        self._positions = Positions()
        self._fix_last: dict[str, tuple[int, str, bytes]] = {}
        self._fix_kept: dict[str, int] = {}
        self._lazy_lock = threading.Lock()  # over the three below, which grow when somebody asks
        self._index: dict[str, dict[str, int]] = {}
        self._cubes: dict[str, tuple[int, sums.Cube]] = {}
        self._latest: dict[str, tuple[int, dict[str, tuple[int, str, int]]]] = {}
        self.db = JournalDB(folder, files, stamp=stamp, on_notes=self._read_notes)
        self.events = self.db.journal.events
        for kind in sorted(self.db.tables()):
            self._read_table(kind)

    def _read_notes(self, lines: list[bytes], place: Place, offset: int) -> None:
        for together in _some(lines):
            self._see(self._take_notes(together, place, offset))
            offset += sum(map(len, together)) + len(together)

    def _read_table(self, kind: str) -> None:
        times = self._at[kind] = array("q")
        for together in _some(self.db.rows(kind).documents()):
            heads = codec.heads(together)
            self._see(heads)
            times.extend(heads.times)
            if kind == POSITIONS:
                self._see_positions(heads, together)
                self._fix_kept.update((key, at // THIN_S) for key, at in zip(heads.keys, heads.times, strict=True))

    def _see(self, heads: codec.Heads) -> None:
        """These ids are stored."""
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for name, number in zip(heads.names, heads.numbers, strict=True):
            numbers[name].append(number)
        for name, found in numbers.items():
            if found[0] < 0:
                self._others.add(name)
            else:
                self._seen.take(name, found)

    # --- writing ---------------------------------------------------------------------------------------

    def append(self, batch: Batch) -> None:
        """Store new records in one frame; raises what the journal raises."""
        kind = batch.kinds[0]
        if kind != POSITIONS and batch.kinds.count(kind) == len(batch.kinds):
            self.db.insert_encoded({kind: batch.documents})
            self._take_in(kind, batch.times)
        else:
            self._append_mixed(batch)
        add_each(batch.ranges, batch.numbers)
        if None in batch.ranges:
            self._others.update(
                record_id for record_id, ranges in zip(batch.ids, batch.ranges, strict=True) if ranges is None
            )

    def _append_mixed(self, batch: Batch) -> None:
        tables: dict[str, list[bytes]] = {}
        times: dict[str, list[int]] = {}
        positions: list[bytes] = []  # those that become documents
        notes: list[bytes] = []  # those that do not
        kept_before = dict(self._fix_kept)
        for record, document in zip(batch.records, batch.documents, strict=True):
            kind = record.kind
            if kind == POSITIONS:
                if not self._keep(record):
                    notes.append(codec.with_kind(kind, document))
                    continue
                positions.append(document)
            tables.setdefault(kind, []).append(document)
            times.setdefault(kind, []).append(record.at)
        try:
            place = self.db.insert_encoded(tables, notes)
        except BaseException:
            self._fix_kept = kept_before
            raise
        for kind, found in times.items():
            self._take_in(kind, found)
        if positions:
            self._see_positions(codec.heads(positions), positions)
        if notes:
            self._take_notes(notes, place, 0)

    def _keep(self, record: Record) -> bool:
        slot = record.at // THIN_S
        if self._fix_kept.get(record.key) == slot:
            return False
        self._fix_kept[record.key] = slot
        return True

    def _take_in(self, kind: str, times: Sequence[int]) -> None:
        if kind not in self._at:
            self._at[kind] = array("q")
        self._at[kind].extend(times)

    def _take_notes(self, lines: list[bytes], place: Place, offset: int) -> codec.Heads:
        heads = codec.heads(lines)
        self._positions.take(heads, lines, place, offset)
        self._see_positions(heads, lines)
        return heads

    def _see_positions(self, heads: codec.Heads, documents: Sequence[bytes]) -> None:
        """Keep the newest position of each truck, of two of one second the one with the greater id."""
        newest: dict[str, int] = {}
        for place, (key, at) in enumerate(zip(heads.keys, heads.times, strict=True)):
            other = newest.get(key, place)
            if at > heads.times[other] or (at == heads.times[other] and heads.id(place) >= heads.id(other)):
                newest[key] = place
        for key, place in newest.items():
            found = (heads.times[place], heads.id(place))
            if key not in self._fix_last or found > self._fix_last[key][:2]:
                self._fix_last[key] = (*found, documents[place])

    # --- reading ---------------------------------------------------------------------------------------

    def holds(self, record_id: str) -> bool:
        """Whether an id that does not count is stored here."""
        return record_id in self._others

    def ids(self) -> Iterator[tuple[str, str]]:
        """Every id with its kind."""
        for kind in self._at:
            for document in self.db.rows(kind).documents():
                yield codec.head(document)[0], kind
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
        for kind in list(self._at):
            doc_id = self._index_of(kind).get(record_id)
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

    def _index_of(self, kind: str) -> dict[str, int]:
        """The documents of a kind by id; only what came since the last call is looked at."""
        with self._lazy_lock:
            index = self._index.setdefault(kind, {})
            upto = len(self._at.get(kind, ()))
            rows = self.db.rows(kind)  # after `upto`: a table is there before its first time is
            for doc_id in range(len(index) + 1, upto + 1):
                document = rows.raw(doc_id)
                if document is not None:
                    index[codec.head(document)[0]] = doc_id
            return index

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


def _some(lines: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(lines), READ_AT_ONCE):
        yield lines[start : start + READ_AT_ONCE]
