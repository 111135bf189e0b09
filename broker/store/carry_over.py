"""Each sealed day says which counting ids were stored by then: a day that is lost leaves a hole in that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from broker.store.sealed_day import SealedDay
from broker.store.seen import Seen, counted


@dataclass(frozen=True, slots=True)
class Lost:
    """Ids that a day's carry-over says were stored, and that are in no day."""

    day: SealedDay
    text: str


def lost(sealed: Sequence[SealedDay], open_ids: Iterable[str]) -> Lost | None:
    """The first such ids; None if every carried id is in a sealed day or among those of the open ones."""
    there = Seen.union(day.counted for day in sealed)
    for record_id in open_ids:
        found = counted(record_id)
        if found is not None:
            there.take(found[0], [found[1]])
    for day in sorted(sealed, key=lambda one: one.number):
        text = missing(day, there)
        if text is not None:
            return Lost(day, text)
    return None


def missing(day: SealedDay, there: Seen) -> str | None:
    """The first ids that were stored when this day was sealed and are not among those that are there."""
    for head, pairs in day.seen().saved().items():
        for first, last in pairs:
            if not there.has_all(head, first, last):
                return f"{head}:{first} to {last} were stored, and no day has them all"
    return None
