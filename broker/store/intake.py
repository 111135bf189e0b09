"""The door of the TinyDB store: each record is checked, its id taken apart and its JSON written, once.

A batch is held as columns. What devices send in their thousands is checked column by column, which costs a fraction
of a loop over records; a batch with anything else in it (an id that does not count, a device nobody met) goes record
by record and comes out the same.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from broker.store import Record, codec
from broker.store.seen import MOST_NUMBER, Ranges, Seen

MOST_HEADS = 20_000
Column = tuple[Any, ...]


class Batch(NamedTuple):
    """Records to be stored, and of each its id and kind and time, the ranges its id counts in (None: it does not) and
    its number there, and its JSON."""

    records: Sequence[Record]
    ids: Sequence[str]
    kinds: Sequence[str]
    times: Sequence[int]
    ranges: Sequence[Ranges | None]
    numbers: Sequence[int]
    documents: list[bytes]

    def only(self, positions: Sequence[int]) -> "Batch":
        """The records at these positions."""
        return Batch._make([column[i] for i in positions] for column in self)

    def joined(self, other: "Batch") -> "Batch":
        """This batch and then the other."""
        return Batch._make([*mine, *theirs] for mine, theirs in zip(self, other, strict=True))


NOTHING = Batch([], [], [], [], [], [], [])


class Intake:
    """Remembers which records were good, by all of them that repeats, and the ranges in which their ids count."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._good: dict[tuple[str, str, str, str], Ranges] = {}  # by the id's head, kind, key and area

    def admit(self, records: Sequence[Record]) -> Batch:
        """The records ready to be stored; raises Refused for one that no backend can keep."""
        if not records:
            return NOTHING
        ids, kinds, keys, times, received, areas, _ = zip(*records, strict=True)
        found = self._known(ids, (kinds, keys, areas), (times, received)) or self._met(records)
        return Batch(records, ids, kinds, times, *found, _documents(records))

    def _known(
        self, ids: Column, names: tuple[Column, Column, Column], times: tuple[Column, Column]
    ) -> tuple[Sequence[Ranges | None], Sequence[int]] | None:
        """The columns of a batch whose ids all count, from devices that were met before; None for any other."""
        try:
            heads, _, tails = zip(*[record_id.rpartition(":") for record_id in ids], strict=True)
            numbers = orjson.loads(f"[{','.join(tails)}]")
            ranges = list(map(self._good.get, zip(heads, *names, strict=True)))
        except (AttributeError, TypeError, ValueError):
            return None
        at, received_at = times
        digits = "".join(tails)
        sound = (
            None not in ranges
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
                if len(self._good) > MOST_HEADS:
                    self._good.clear()
                self._good[(record.id.rpartition(":")[0], record.kind, record.key, record.area)] = ranges
            all_ranges.append(ranges)
            numbers.append(number)
        return all_ranges, numbers


def _documents(records: Sequence[Record]) -> list[bytes]:
    dumps = orjson.dumps
    try:
        return [
            dumps({"id": name, "key": key, "at": at, "received_at": received_at, "area": area, "body": body})
            for name, _, key, at, received_at, area, body in records
        ]
    except TypeError:
        return [codec.encode(record) for record in records]
