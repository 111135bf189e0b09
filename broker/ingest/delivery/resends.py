"""One number, one record or two: what a resend may change (docs/decisions/0003)."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from broker.ingest.sources import id_of
from broker.rules.states.incident import FINAL, SAME_TIME_S
from broker.store import Record, Store, StoreError
from firmware import wire

_TIMES = ("fix_at", "pressed_at", "at")  # null until the device knows the time; a resend may know it by then
_RESENT_DIFFERS_IN = ("late", "sent_at", *_TIMES)


def is_another(stored: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether two records of one number are two records: other content, or times that both knew and lie apart."""
    if _essence(stored) != _essence(body):
        return True
    if body.get("lat") is not None:
        return False  # no other has that place to the digit; a truck that was told another time dates it anew
    for name in _TIMES:
        one, other = stored.get(name), body.get(name)
        if one is not None and other is not None and abs(one - other) > SAME_TIME_S:
            return True
    return False


def renamed(record: Record) -> Record:
    """The record under its number plus a digest of its content."""
    digest = blake2b(repr(sorted(record.body.items())).encode(), digest_size=6).hexdigest()
    return record._replace(id=f"{record.id}:{digest}")


def _essence(body: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A record's content without what a resend may change."""
    return sorted((name, value) for name, value in body.items() if name not in _RESENT_DIFFERS_IN)


class Resends:
    """What comes under a known number, beside what is stored or (`unstored`) waits to be."""

    def __init__(self, store: Store, unstored: Callable[[], Sequence[Record]]) -> None:
        self._store = store
        self._unstored = unstored

    def are_another(self, address: wire.Address, body: Mapping[str, Any]) -> bool:
        """Whether a known (boot, seq) comes with other content: a boot counter that went back (a new SD card)."""
        record_id = id_of(address, body)
        found = next((record for record in self._unstored() if record.id == record_id), None)
        try:
            found = found or self._store.get(record_id)
        except StoreError:
            return True  # it cannot be told now; the commit sorts it out
        return found is not None and is_another(found.body, {**body, "device": address.device})

    def are_long_over(self, address: wire.Address, body: Mapping[str, Any]) -> bool:
        """Whether this is a press that is on record already, and its incident closed there."""
        try:
            stored = self._store.get(id_of(address, body))
            if stored is None or is_another(stored.body, {**body, "device": address.device}):
                return False
            came = self._store.latest("workflow", stored.key).get(stored.key)
        except StoreError:
            return False
        return came is not None and came.body.get("workflow") in FINAL
