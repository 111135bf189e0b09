"""Corrections people make: found by a record's id or as the newest of a key, checked, and kept as an amendment."""

import re
from collections.abc import Mapping
from typing import Any

from broker.store import Conflict, Record, Refused, Store, codec

_WHOLE_NUMBER = re.compile(r".*_(at|s)|(bins|grams)_(before|after)|grams|count")
_PLAIN = (bool, int, float, str)


def named(store: Store, name: str) -> Record:
    """The record of this id, else the newest of a KIND:KEY such as `visit:A1.20261122/r07/1`; raises Conflict."""
    record = store.get(name)
    if record is None:
        kind, _, key = name.partition(":")
        record = store.latest(kind, key).get(key)
    if record is None:
        raise Conflict(f"there is no record {name!r}, and none of that kind and key")
    return record


def correct(store: Store, record: Record, patch: Mapping[str, Any], reason: str, who: str, at: int) -> Record:
    """The record as corrected; raises Refused for a value that what reads it later could not understand."""
    for field, value in patch.items():
        if field not in record.body:
            raise Refused(f"{record.id} has no {field}; it has {' '.join(sorted(record.body))}")
        before = record.body[field]
        if value is None:
            continue
        most = codec.MAX_TIME_S
        if _WHOLE_NUMBER.fullmatch(field) and (type(value) is not int or not 0 <= value <= most):
            raise Refused(f"{record.id}: {field} is a whole number from 0 to {most}, or null; got {value!r}")
        if before is not None and (type(before) is not type(value) or type(value) not in _PLAIN):
            raise Refused(f"{record.id}: {field} is {before!r} and cannot become {value!r}")
    return store.amend(record.id, patch, reason, who, at)
