"""One number, one record or two: what a resend may change (docs/decisions/0003)."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from broker.rules.states.incident import SAME_TIME_S
from broker.store import Record

_TIMES = ("fix_at", "pressed_at", "at")  # null until the device knows the time; a resend may know it by then
_RESENT_DIFFERS_IN = ("late", "sent_at", *_TIMES)


def is_another(stored: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Whether two records of one number are two records: other content, or times that both knew and lie apart."""
    if _essence(stored) != _essence(body):
        return True
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
