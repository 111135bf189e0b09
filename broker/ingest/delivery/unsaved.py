"""The record as it will be: what is stored, and what was decided and is not stored yet."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from broker.store import Record


class Records(Protocol):
    """What a day is rebuilt from (see broker.store.Store); both may raise StoreError."""

    def scan(self, kind: str, from_at: int | None = None) -> Iterator[Record]:
        """Records of one kind, ordered by (at, id)."""
        ...

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest record (by at, then id) per key of a kind."""
        ...


class WithUnsaved:
    """Records of a store, and those that wait for its next commit."""

    def __init__(self, stored: Records, unsaved: Sequence[Record]) -> None:
        self._stored = stored
        self._unsaved = unsaved

    def scan(self, kind: str, from_at: int | None = None) -> Iterator[Record]:
        """As of a store."""
        return heapq.merge(self._stored.scan(kind, from_at), sorted(self._of(kind, from_at), key=_place), key=_place)

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """As of a store."""
        newest = dict(self._stored.latest(kind, key, since_at))
        for record in self._of(kind, since_at):
            known = newest.get(record.key)
            if key in (None, record.key) and (known is None or _place(record) > _place(known)):
                newest[record.key] = record
        return newest

    def _of(self, kind: str, from_at: int | None) -> Iterable[Record]:
        return (one for one in self._unsaved if one.kind == kind and (from_at is None or one.at >= from_at))


def _place(record: Record) -> tuple[int, str]:
    return record.at, record.id
