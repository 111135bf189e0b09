"""The positions of the open day: lines in the journal beside its documents, found again by where they are.

In memory a position costs 24 bytes: when it was, where its line is, and its number among those of its device.
"""

import os
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path

from broker.store.codec import Heads
from broker.store.seen import counted
from broker.store.tinyjournal.journal import Place

_SEGMENT_SHIFT = 40  # a place is segment << 40 | byte offset


class Positions:
    """The lines of one journal that are positions and no documents, numbered as they came."""

    def __init__(self) -> None:
        self.times: array[int] = array("q")
        self._places: array[int] = array("Q")
        self._counted: dict[str, _Index] = {}  # by device and boot
        self._others: dict[str, int] = {}  # ids that do not count

    def take(self, heads: Heads, lines: Sequence[bytes], place: Place, offset: int) -> None:
        """Lines that stand one after the other, the first of them `offset` bytes behind `place`."""
        at_byte = place.segment << _SEGMENT_SHIFT | (place.offset + offset)
        pairs: defaultdict[str, list[int]] = defaultdict(list)
        for number, (name, seq) in enumerate(zip(heads.names, heads.numbers, strict=True), len(self.times)):
            if seq < 0:
                self._others[name] = number
            else:
                pairs[name].append(seq << 32 | number)
        for name, found in pairs.items():
            index = self._counted.get(name)
            if index is None:
                index = self._counted[name] = _Index()
            index.add(found)
        self.times.extend(heads.times)
        self._places.extend(islice(accumulate((len(line) + 1 for line in lines), initial=at_byte), len(lines)))

    def find(self, record_id: str) -> int | None:
        """The number of a position."""
        found = counted(record_id)
        if found is not None and found[0] in self._counted:
            return self._counted[found[0]].find(found[1])
        return self._others.get(record_id)

    def lines(self, segments: Sequence[Path]) -> "Lines":
        """A reader of these lines; to be closed."""
        return Lines(segments, self._places)

    def all_lines(self, segments: Sequence[Path]) -> Iterator[bytes]:
        """Every line, in the order they came."""
        reader = self.lines(segments)
        try:
            for number in range(len(self.times)):
                yield reader.read(number)
        finally:
            reader.close()


class _Index:
    """Where the positions of one device and boot are, eight bytes each: seq and position number in one number."""

    __slots__ = ("_pairs", "_sorted")

    def __init__(self) -> None:
        self._pairs: array[int] = array("Q")
        self._sorted = True

    def add(self, pairs: list[int]) -> None:
        """Take in some, each seq << 32 | position number."""
        row = [self._pairs[-1], *pairs] if self._pairs else pairs
        if row != sorted(row):
            self._sorted = False
        self._pairs.extend(pairs)

    def find(self, seq: int) -> int | None:
        """The position number of this seq. A late one put the pairs out of order: they are sorted when asked."""
        if not self._sorted:
            self._pairs = array("Q", sorted(self._pairs))
            self._sorted = True
        pairs = self._pairs
        place = bisect_left(pairs, seq << 32)
        if place < len(pairs) and pairs[place] >> 32 == seq:
            return pairs[place] & 0xFFFFFFFF
        return None


class Lines:
    """Reads single lines of the segments by place; its files stay open, so a later removal does not matter."""

    def __init__(self, segments: Sequence[Path], places: Sequence[int]) -> None:
        self._places = places
        self._handles = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in segments]

    def read(self, position: int) -> bytes:
        """The line of position number `position`."""
        place = self._places[position]
        handle, offset = self._handles[place >> _SEGMENT_SHIFT], place & ((1 << _SEGMENT_SHIFT) - 1)
        length = 1024
        while True:
            data = os.pread(handle, length, offset)
            end = data.find(b"\n")
            if end >= 0:
                return data[:end]
            if len(data) < length:
                raise OSError(5, "a stored position has no end; run `python -m broker fsck`")
            length *= 8

    def close(self) -> None:
        """Close the files."""
        for handle in self._handles:
            os.close(handle)
        self._handles = []
