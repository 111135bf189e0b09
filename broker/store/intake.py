"""The door of the TinyDB store: each record is checked, its id taken apart and its JSON written, once."""

from collections.abc import Iterable

import orjson

from broker.store import Record, codec
from broker.store.seen import Ranges, Seen

# A record, the ranges its id counts in and its number there (None, 0 where the id does not count), and its JSON.
Admitted = tuple[Record, Ranges | None, int, bytes]


class Intake:
    """Remembers which kinds, keys and areas were good, and whose ids count: records repeat all of these."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._good: set[tuple[str, str, str]] = set()

    def admit(self, records: Iterable[Record]) -> list[Admitted]:
        """The records ready to be stored; raises Refused for one that no backend can keep."""
        heads, good, latest, dumps = self._seen.heads, self._good, codec.MAX_TIME_S, orjson.dumps
        admitted: list[Admitted] = []
        # One long loop: this is where a record's time goes while the bridge takes thousands a second.
        for record in records:
            record_id, key, area, at, received_at = record.id, record.key, record.area, record.at, record.received_at
            head, _, tail = record_id.rpartition(":")
            ranges = heads.get(head)
            # A known head was matched by the pattern of counting ids once: then only the tail is to be looked at.
            if (
                ranges is not None
                and tail.isdigit()
                and tail.isascii()
                and tail[0] != "0"
                and len(tail) <= 9
                and (record.kind, key, area) in good
                and type(at) is int
                and type(received_at) is int
                and 0 <= at <= latest
                and 0 <= received_at <= latest
            ):
                number = int(tail)
            else:
                ranges, number = self._meet(record)
            try:
                document = dumps(
                    {"id": record_id, "key": key, "at": at, "received_at": received_at, "area": area,
                     "body": record.body}
                )  # fmt: skip
            except TypeError:
                document = codec.encode(record)
            admitted.append((record, ranges, number, document))
        return admitted

    def _meet(self, record: Record) -> tuple[Ranges | None, int]:
        codec.check(record)
        if len(self._good) > 10_000:
            self._good.clear()
        self._good.add((record.kind, record.key, record.area))
        return self._seen.find(record.id)
