"""The positions of the open day: lines in the journal beside its documents, found again by where they are.

In memory a position costs 24 bytes: when it was, where its line is, and its number among those of its device.
"""

from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate

from broker.store.codec import Heads
from broker.store.numbered import Numbered
from broker.store.tinyjournal import Journal


class Positions:
    """The lines of one journal that are positions and no documents, numbered as they came."""

    def __init__(self) -> None:
        self.times: array[int] = array("q")
        self._places: array[int] = array("Q")
        self._ids = Numbered()

    def take(self, heads: Heads, lines: Sequence[bytes], place: int) -> None:
        """Lines that stand one after the other, the first of them at `place`."""
        self._ids.take(heads, len(self.times))
        *places, _ = accumulate([len(line) + 1 for line in lines], initial=place)
        self._places.extend(places)
        self.times.extend(heads.times)  # last, for readers look at its length

    def find(self, record_id: str) -> int | None:
        """The number of a position."""
        return self._ids.find(record_id)

    def reading(self, journal: Journal) -> Callable[[int], bytes]:
        """A function from a position's number to its line, for those that are here by now."""
        reader = journal.reader()
        return lambda number: reader.line(self._places[number])
