"""The durable record: one small interface, TinyDB over SQLite (default) and PostgreSQL behind it.

`append` returns only when its records would survive a power cut; appending a record whose id is stored
already changes nothing (devices resend until they are acknowledged). Questions are asked in TinyDB's language.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tinydb import where
from tinydb.queries import QueryInstance

__all__ = [
    "Conflict", "Corrupt", "Full", "Receipt", "Record", "Refused", "Store", "StoreError", "Unavailable", "where",
]  # fmt: skip


class StoreError(Exception):
    """Base of everything a store raises; the text says what to do next."""


class Full(StoreError, OSError):  # noqa: N818 - the name says what is so
    """No room to write; nothing of the batch was stored, retry after making room."""


class Unavailable(StoreError, ConnectionError):  # noqa: N818 - the name says what is so
    """The backend cannot be reached or used; retry later."""


class Corrupt(StoreError, ValueError):  # noqa: N818 - the name says what is so
    """A stored file is not what was written; it was left in place or moved aside, never deleted."""


class Conflict(StoreError, ValueError):  # noqa: N818 - the name says what is so
    """The record was changed by somebody else, or an id is taken by a different record."""


class Refused(StoreError, ValueError):  # noqa: N818 - the name says what is so
    """A record no backend can keep (a broken text, a time that is none); nothing of its batch was stored."""


class Record(NamedTuple):
    """One fact. `id` is unique for ever; device records use `<device>:<boot>:<seq>`.

    `kind` is a word (fix incident bins lamp keeper life visit call workflow itinerary run leg dwell action
    booking weighing ...), `key` what `latest` looks up (a truck, a room, a visit), `at` when it happened and
    `received_at` when the bridge had it (POSIX seconds), `body` JSON of plain types.
    """

    id: str
    kind: str
    key: str
    at: int
    received_at: int
    area: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one `append` did: how many records it stored, and how many and which were there already."""

    stored: int
    duplicates: int
    again: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def of(cls, ids: Sequence[str], stored: Collection[str]) -> "Receipt":
        """Of a batch with these ids, these were stored; an id that comes twice in it was there the second time."""
        left, again = set(stored), []
        for record_id in ids:
            if record_id in left:
                left.remove(record_id)
            else:
                again.append(record_id)
        return cls(len(stored), len(again), frozenset(again))


class Store(Protocol):
    """What the bridge, the statistics and the commands know of a store. All calls may raise StoreError."""

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """Store the batch durably, all or nothing, idempotent by id; `urgent` may use a faster lane."""
        ...

    def get(self, record_id: str) -> Record | None:
        """The record of this id (with its amendments applied), or None."""
        ...

    def search(self, query: QueryInstance, amended: bool = True) -> Iterator[Record]:
        """The records a TinyDB query holds for, ordered by (at, id): `search(where("key") == "r01")`.

        A record is the document {id, kind, key, at, received_at, area, body}. Comparisons on id, kind, key and at are
        answered by an index; on anything else each record that these leave is looked at.
        """
        ...

    def scan(
        self,
        kind: str,
        from_at: int | None = None,
        to_at: int | None = None,
        after: str | None = None,
        limit: int | None = None,
        amended: bool = True,
    ) -> Iterator[Record]:
        """Records of one kind with from_at <= at < to_at, ordered by (at, id), after the cursor id if given.

        `amended=False` gives them as they were first stored.
        """
        ...

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest record (by at, then id) per key of a kind; with `key` at most that one.

        `since_at` leaves out records that happened before it: a bridge that starts asks for the last two days and
        reads two days, not all years.
        """
        ...

    def amend(
        self, record_id: str, patch: Mapping[str, Any], reason: str, who: str, at: int, seen: int | None = None
    ) -> Record:
        """Correct a record's body by an amendment that is itself a record; the original stays readable.

        The amendment has kind `amendment`, id `<record id>#<n>` (n from 1), key `<record id>` and body
        {record_id, patch, reason, who}. Raises Conflict if there is no such record, or if `seen` is given and the
        record has had another number of amendments by now: somebody else was quicker.
        """
        ...

    def kinds(self) -> list[str]:
        """The kinds that have records, sorted."""
        ...

    def health(self) -> Mapping[str, Any]:
        """Numbers for /healthz and the bench: records, bytes, last commit seconds, free bytes, warnings."""
        ...

    def close(self) -> None:
        """Flush and release; a second call does nothing."""
        ...
