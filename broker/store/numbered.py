"""Where the records of the open day are, by id: eight bytes for an id that counts, a dictionary for the others."""

import threading
from array import array
from bisect import bisect_left
from collections import defaultdict

from broker.store.codec import Heads
from broker.store.seen import counted


class Numbered:
    """The numbers that some records have in their row, found again by their ids; any thread may ask and add."""

    def __init__(self) -> None:
        self._counted: dict[str, _Index] = {}  # by device and boot
        self._others: dict[str, int] = {}  # ids that do not count
        self._lock = threading.Lock()  # finding may sort: what another thread adds meanwhile would be lost

    def take(self, heads: Heads, first: int) -> None:
        """Records numbered `first`, `first + 1` ..."""
        pairs: defaultdict[str, list[int]] = defaultdict(list)
        for number, (name, seq) in enumerate(zip(heads.names, heads.numbers, strict=True), first):
            if seq < 0:
                self._others[name] = number
            else:
                pairs[name].append(seq << 32 | number)
        with self._lock:
            for name, found in pairs.items():
                index = self._counted.get(name)
                if index is None:
                    index = self._counted[name] = _Index()
                index.add(found)

    def find(self, record_id: str) -> int | None:
        """The number of a record."""
        found = counted(record_id)
        if found is not None and found[0] in self._counted:
            with self._lock:
                return self._counted[found[0]].find(found[1])
        return self._others.get(record_id)


class _Index:
    """The records of one device and boot, eight bytes each: seq and number in one."""

    __slots__ = ("_pairs", "_sorted")

    def __init__(self) -> None:
        self._pairs: array[int] = array("Q")
        self._sorted = True

    def add(self, pairs: list[int]) -> None:
        """Take in some, each seq << 32 | number."""
        row = [self._pairs[-1], *pairs] if self._pairs else pairs
        if row != sorted(row):
            self._sorted = False
        self._pairs.extend(pairs)

    def find(self, seq: int) -> int | None:
        """The number of this seq. A late one put the pairs out of order: they are sorted when asked."""
        if not self._sorted:
            self._pairs = array("Q", sorted(self._pairs))
            self._sorted = True
        pairs = self._pairs
        place = bisect_left(pairs, seq << 32)
        if place < len(pairs) and pairs[place] >> 32 == seq:
            return pairs[place] & 0xFFFFFFFF
        return None
