"""The door of the TinyDB store: each record is checked, its id taken apart and its JSON written, once.

A batch is held as columns and as the lines that the journal will have. What devices send in their thousands is checked
and written column by column, which costs a fraction of a loop over records; a batch with anything else in it (an id
that does not count, a device nobody met) goes record by record and comes out the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson

from broker.store import Record, codec
from broker.store.seen import MOST_NUMBER, Ranges, Seen

MOST_REMEMBERED = 40_000
Column = tuple[Any, ...]


class Batch(NamedTuple):
    """Records to be stored, and of each its id and kind and time, the ranges its id counts in (None: it does not) and
    its number there; and all as lines `["kind",{document}]`."""

    records: Sequence[Record]
    ids: Sequence[str]
    kinds: Sequence[str]
    times: Sequence[int]
    ranges: Sequence[Ranges | None]
    numbers: Sequence[int]
    lines: bytes

    def each_line(self) -> list[bytes]:
        """The lines one by one, with their ends; no JSON has a line break of its own."""
        return self.lines.splitlines(keepends=True)

    def only(self, positions: Sequence[int]) -> "Batch":
        """The records at these positions."""
        lines = self.each_line()
        columns = [[column[i] for i in positions] for column in self[:-1]]
        return Batch._make([*columns, b"".join([lines[i] for i in positions])])

    def joined(self, other: "Batch") -> "Batch":
        """This batch and then the other."""
        columns = [[*mine, *theirs] for mine, theirs in zip(self[:-1], other[:-1], strict=True)]
        return Batch._make([*columns, self.lines + other.lines])


NOTHING = Batch([], [], [], [], [], [], b"")


class _Document(msgspec.Struct, gc=False):
    """A record as the store's files have it; codec.encode writes the same."""

    id: str
    key: str
    at: int
    received_at: int
    area: str
    body: Mapping[str, Any]


_ENCODER = msgspec.json.Encoder()


class Intake:
    """Remembers what was good, by all of it that repeats, and the ranges in which ids count."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._heads: dict[str, Ranges] = {}  # by `<device>:<boot>`
        self._kinds: set[str] = set()
        self._texts: set[str] = set()  # keys and areas

    def admit(self, records: Sequence[Record]) -> Batch:
        """The records ready to be stored; raises Refused for one that no backend can keep."""
        if not records:
            return NOTHING
        columns = tuple(zip(*records, strict=True))
        ids, kinds, _, times, _, _, _ = columns
        found = self._known(columns)
        lines = None if found is None else _quick_lines(columns)
        if found is None or lines is None:
            found = self._met(records)
            lines = b"".join([b'["%b",%b]\n' % (record.kind.encode(), codec.encode(record)) for record in records])
        return Batch(records, ids, kinds, times, *found, lines)

    def _known(self, columns: Sequence[Column]) -> tuple[Sequence[Ranges | None], Sequence[int]] | None:
        """Ranges and numbers of a batch whose ids all count, from devices that were met before; None for any other."""
        ids, kinds, keys, at, received_at, areas, _ = columns
        try:
            heads, _, tails = zip(*[record_id.rpartition(":") for record_id in ids], strict=True)
            numbers = orjson.loads(f"[{','.join(tails)}]")
            ranges = list(map(self._heads.get, heads))
            met = self._kinds.issuperset(kinds) and self._texts.issuperset(keys) and self._texts.issuperset(areas)
        except (AttributeError, TypeError, ValueError):
            return None
        digits = "".join(tails)
        sound = (
            met
            and None not in ranges
            and digits.isdigit()  # as the pattern of counting ids has it: no sign; JSON has no leading zero either
            and digits.isascii()
            and max(numbers) <= MOST_NUMBER
            and {*map(type, at), *map(type, received_at)} == {int}
            and min(moments := {*at, *received_at}) >= 0
            and max(moments) <= codec.MAX_TIME_S
        )
        return (ranges, numbers) if sound else None

    def _met(self, records: Sequence[Record]) -> tuple[Sequence[Ranges | None], Sequence[int]]:
        all_ranges: list[Ranges | None] = []
        numbers: list[int] = []
        for record in records:
            codec.check(record)
            ranges, number = self._seen.find(record.id)
            if ranges is not None:
                if len(self._heads) + len(self._texts) > MOST_REMEMBERED:
                    self._heads.clear()
                    self._texts.clear()
                self._heads[record.id.rpartition(":")[0]] = ranges
                self._kinds.add(record.kind)
                self._texts.update((record.key, record.area))
            all_ranges.append(ranges)
            numbers.append(number)
        return all_ranges, numbers


def _quick_lines(columns: Sequence[Column]) -> bytes | None:
    """All lines in one call; None where the slow way has to look: a text that is no UTF-8, a body that is no object.

    What is in the bodies of devices was checked by the wire when it came in.
    """
    ids, kinds, *rest = columns
    if {*map(type, rest[-1])} != {dict}:
        return None
    try:
        # A list, for msgspec 0.22 never gives back an iterator that it was handed.
        return _ENCODER.encode_lines(list(zip(kinds, map(_Document, ids, *rest), strict=True)))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
