"""The door of the TinyDB store: each record is checked and its id taken apart once, quickly for known devices."""

from collections.abc import Iterable

from broker.store import Record, codec
from broker.store.seen import Ranges, Seen

# A record, the ranges its id counts in and its number there; (record, None, 0) where the id does not count.
Admitted = tuple[Record, Ranges | None, int]


class Intake:
    """Remembers which kinds, keys and areas were good, and whose ids count: records repeat all of these."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._good: set[tuple[str, str, str]] = set()

    def admit(self, records: Iterable[Record]) -> list[Admitted]:
        """The records ready to be stored; raises Refused for one that no backend can keep."""
        heads, good, latest = self._seen.heads, self._good, codec.MAX_TIME_S
        admitted: list[Admitted] = []
        for record in records:
            head, _, tail = record.id.rpartition(":")
            ranges = heads.get(head)
            # A known head was matched by the pattern of counting ids once: then only the tail is to be looked at.
            if (
                ranges is not None
                and tail.isdigit()
                and tail.isascii()
                and tail[0] != "0"
                and len(tail) <= 9
                and (record.kind, record.key, record.area) in good
                and type(record.at) is int
                and type(record.received_at) is int
                and 0 <= record.at <= latest
                and 0 <= record.received_at <= latest
            ):
                admitted.append((record, ranges, int(tail)))
            else:
                admitted.append(self._admit_stranger(record))
        return admitted

    def _admit_stranger(self, record: Record) -> Admitted:
        codec.check(record)
        if len(self._good) > 10_000:
            self._good.clear()
        self._good.add((record.kind, record.key, record.area))
        return (record, *self._seen.find(record.id))
