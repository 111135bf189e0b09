"""A record, what storing it says, and what can go wrong."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


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
    booking weighing closure case ...), `key` what `latest` looks up (a truck, a room, a visit), `at` when it happened
    and `received_at` when the bridge had it (POSIX seconds), `body` JSON of plain types.
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
