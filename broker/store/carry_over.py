"""Each sealed day says which counting ids were stored by then: a day that is lost leaves a hole in that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from broker.store.sealed_day import SealedDay
from broker.store.seen import counted, joined

_Pairs = list[list[int]]


@dataclass(frozen=True, slots=True)
class Lost:
    """Ids that a day's carry-over says were stored, and that are in no day."""

    day: SealedDay
    text: str


def lost(sealed: Sequence[SealedDay], open_ids: Iterable[str]) -> Lost | None:
    """The first such ids; None if every carried id is in a sealed day or among those of the open ones."""
    held: dict[str, _Pairs] = {}
    for record_id in open_ids:
        found = counted(record_id)
        if found is not None:
            held.setdefault(found[0], []).append([found[1], found[1]])
    for day in sealed:
        for head, pairs in day.counted.saved().items():
            held.setdefault(head, []).extend(pairs)
    whole = {head: joined(pairs) for head, pairs in held.items()}
    for day in sorted(sealed, key=lambda one: one.number):
        for head, pairs in day.seen().saved().items():
            for first, last in pairs:
                if not any(one <= first and last <= other for one, other in whole.get(head, ())):
                    return Lost(day, f"{head}:{first} to {last} were stored, and no day has them all")
    return None
