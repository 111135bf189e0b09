"""The day that is being written: a JournalDB, the positions beside it; index and day sums are made when asked for."""

import errno
import threading
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import orjson

from broker.store import Corrupt, Record, StoreError, Unavailable, codec, sums
from broker.store.days import Days
from broker.store.intake import Batch
from broker.store.numbered import Numbered
from broker.store.positions import Positions
from broker.store.seen import Seen, add_each
from broker.store.tinyjournal import Files, JournalDB, ReadError

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
        self._get_lock = threading.Lock()  # over the readers of single records: what is asked for is often side by side
        self._getting: dict[str, Callable[[int], bytes | None]] = {}
        self._lazy_lock = threading.Lock()  # over the three below, which grow when somebody asks
        self._index: dict[str, tuple[int, Numbered]] = {}
        self._cubes: dict[str, tuple[int, sums.Cube]] = {}
        self._latest: dict[str, tuple[int, dict[str, tuple[int, str, int]]]] = {}
        self.db = JournalDB(
            folder, files, stamp=stamp, on_notes=self._read_notes, on_documents=self._read_documents
        )
        self.events = self.db.journal.events

    def _read_notes(self, lines: list[bytes], place: int) -> None:
        self._see(self._take_notes(lines, place))

    def _read_documents(self, kind: str, documents: Sequence[bytes]) -> None:
        heads = codec.heads(documents)
        self._see(heads)
        self._take_in(kind, heads.times)
        if kind == POSITIONS:
            self._see_positions(heads, documents)
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
        if POSITIONS in batch.kinds:
            self._append_with_positions(batch)
        else:
            self._append_documents(batch.lines, batch.kinds, batch.times)
        add_each(batch.ranges, batch.numbers)
        if None in batch.ranges:
            self._others.update(
                record_id for record_id, ranges in zip(batch.ids, batch.ranges, strict=True) if ranges is None
            )

    def _append_documents(
        self, lines: bytes, kinds: Sequence[str], times: Sequence[int], notes: Sequence[bytes] = ()
    ) -> int:
        """One frame of notes and then of documents, kind by kind; the place of the first line."""
        if kinds and kinds.count(kinds[0]) == len(kinds):
            runs = [(kinds[0], len(kinds))]
        else:
            order = sorted(range(len(kinds)), key=kinds.__getitem__)
            each = lines.splitlines(keepends=True)
            lines, times = b"".join([each[i] for i in order]), [times[i] for i in order]
            runs = [(kind, len(list(group))) for kind, group in groupby(sorted(kinds))]
        if notes:
            place = self.db.insert_lines(b"".join(notes) + lines, [(None, len(notes)), *runs])
        else:
            place = self.db.insert_lines(lines, runs)
        done = 0
        for kind, count in runs:
            self._take_in(kind, times[done : done + count])
            done += count
        return place

    def _append_with_positions(self, batch: Batch) -> None:
        documents: list[tuple[bytes, str, int]] = []
        positions: list[bytes] = []  # those that become documents
        notes: list[bytes] = []  # those that do not
        kept_before = dict(self._fix_kept)
        for record, line in zip(batch.records, batch.each_line(), strict=True):
            if record.kind == POSITIONS:
                position = line[len(POSITIONS) + len('["",') : -len("]\n")]
                if not self._keep(record):
                    notes.append(codec.with_kind(POSITIONS, position))
                    continue
                positions.append(position)
            documents.append((line, record.kind, record.at))
        lines, kinds, times = zip(*documents, strict=True) if documents else ((), (), ())
        try:
            place = self._append_documents(b"".join(lines), kinds, times, [note + b"\n" for note in notes])
        except BaseException:
            self._fix_kept = kept_before
            raise
        if positions:
            self._see_positions(codec.heads(positions), positions)
        if notes:
            self._take_notes(notes, place)

    def _keep(self, record: Record) -> bool:
        slot = record.at // THIN_S
        if self._fix_kept.get(record.key) == slot:
            return False
        self._fix_kept[record.key] = slot
        return True

    def _take_in(self, kind: str, times: Sequence[int]) -> None:
        if kind not in self._at:
            self._at[kind] = array("q")
        self._at[kind].extend(array("q", times))  # made at once: half the time of one by one

    def _take_notes(self, lines: list[bytes], place: int) -> codec.Heads:
        heads = codec.heads(lines)
        self._positions.take(heads, lines, place)
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
        with _told():
            for kind in self._at:
                for _, document in self.db.rows(kind).raw_items():
                    yield codec.head(document)[0], kind
            read = self._positions.reading(self.db.journal)
            for number in range(len(self._positions.times)):
                yield codec.head(read(number))[0], POSITIONS

    def kinds(self) -> list[str]:
        """The kinds that have records here."""
        return sorted({*self._at, *([POSITIONS] if self._positions.times else [])})

    def records(self) -> int:
        """How many records are stored here."""
        return sum(len(at) for at in list(self._at.values())) + len(self._positions.times)

    def get(self, record_id: str) -> Record | None:
        """The record of this id; a position that is no document is read from disk."""
        with _told():
            for kind in list(self._at):
                doc_id = self._index_of(kind).find(record_id)
                if doc_id is not None:
                    with self._get_lock:
                        read = self._getting.get(kind) or self._getting.setdefault(kind, self.db.rows(kind).reading())
                        document = read(doc_id)
                    return None if document is None else codec.decode(kind, document)
            number = self._positions.find(record_id)
            if number is None:
                return None
            return codec.decode(POSITIONS, self._positions.reading(self.db.journal)(number))

    def _index_of(self, kind: str) -> Numbered:
        """The documents of a kind by id; only what came since the last call is looked at."""
        with self._lazy_lock:
            done, index = self._index.get(kind, (0, Numbered()))
            for first, documents in self._since(kind, done):
                index.take(codec.heads(documents), first)
                self._index[kind] = (first + len(documents) - 1, index)
            return index

    def _since(self, kind: str, done: int) -> Iterator[tuple[int, list[bytes]]]:
        """The documents after number `done`, some at a time, with the number of the first."""
        upto = len(self._at.get(kind, ()))
        read = self.db.rows(kind).reading()  # after `upto`: what it counts is stored
        for first in range(done + 1, upto + 1, READ_AT_ONCE):
            found = [read(doc_id) for doc_id in range(first, min(first + READ_AT_ONCE, upto + 1))]
            yield first, [document for document in found if document is not None]

    def scan(self, kind: str, from_at: int, to_at: int) -> Iterator[Record]:
        """Records of a kind with from_at <= at < to_at, ordered by (at, id), as of now."""
        times = self._at.get(kind, array("q"))
        chosen = [(at, position + 1) for position, at in enumerate(times) if from_at <= at < to_at]
        if kind == POSITIONS:
            chosen += [(at, -position) for position, at in enumerate(self._positions.times) if from_at <= at < to_at]
        chosen.sort()
        with _told():
            read, read_position = self.db.rows(kind).reading(), self._positions.reading(self.db.journal)
            for _, group in groupby(chosen, key=lambda pair: pair[0]):
                together: list[Record] = []
                for _, reference in group:
                    document = read(reference) if reference > 0 else read_position(-reference)
                    if document is not None:
                        together.append(codec.decode(kind, document))
                if len(together) > 1:
                    together.sort(key=lambda record: record.id)
                yield from together

    def latest(self, kind: str) -> Mapping[str, Record]:
        """The newest record per key of a kind."""
        if kind == POSITIONS:
            return {key: codec.decode(kind, document) for key, (_, _, document) in list(self._fix_last.items())}
        with self._lazy_lock, _told():
            done, newest = self._latest.get(kind, (0, {}))
            for first, documents in self._since(kind, done):
                for doc_id, document in enumerate(documents, first):
                    record_id, key, at = codec.head(document)
                    entry = (at, record_id, doc_id)
                    if key not in newest or entry > newest[key]:
                        newest[key] = entry
                self._latest[kind] = (first + len(documents) - 1, newest)
            read = self.db.rows(kind).reading()
            # In the order they lie on the disk: a frame is read and proved once.
            found = [(key, read(entry[2])) for key, entry in sorted(newest.items(), key=lambda item: item[1][2])]
        return {key: codec.decode(kind, document) for key, document in found if document is not None}

    def cube(self, kind: str) -> sums.Cube:
        """A copy of the day sums of what is stored by now; only what came since the last call is counted."""
        by = sums.DIMENSIONS.get(kind, ())
        if kind == POSITIONS:
            # All positions count, the thinned ones among them.
            return sums.count(
                kind, by, self._days, ((at, {}) for at in [*self._positions.times, *self._at.get(kind, ())])
            )
        with self._lazy_lock, _told():
            done, cube = self._cubes.get(kind, (0, {}))
            for first, documents in self._since(kind, done):
                for document in documents:
                    fields = orjson.loads(document)
                    sums.add(cube, kind, by, self._days.of(fields["at"]), fields["body"])
                self._cubes[kind] = (first + len(documents) - 1, cube)
            return {key: list(row) for key, row in cube.items()}

    def bounds(self, kind: str) -> tuple[int, int]:
        """The first and last `at` of a kind that has records here."""
        times = [*self._at.get(kind, ()), *(self._positions.times if kind == POSITIONS else ())]
        return min(times), max(times)

    def close(self) -> None:
        """Close the journal."""
        self.db.close()


@contextmanager
def _told() -> Iterator[None]:
    """A disk that does not give back what was stored is told in the store's own words."""
    try:
        yield
    except ReadError as error:
        raise Corrupt(f"{error}; run `python -m broker fsck`") from error
    except StoreError:
        raise
    except OSError as error:
        if error.errno == errno.EIO:  # a bad place of the disk: asking again will not mend it, and nothing may wait
            raise Corrupt(f"the open day cannot be read: {error}; run `python -m broker fsck`") from error
        raise Unavailable(f"the open day cannot be read: {error}; the disk needs a look") from error
