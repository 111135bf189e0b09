"""Corrections people make: found by a record's id or as the newest of a key, checked, and kept as an amendment.

A corrected field stays as corrected, also when the bridge writes its visit, call or incident again, until somebody
corrects it again: the figures lay what was amended in the records of a key over the newest of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from broker.reports.correctable import EARLIER_S, FIELDS, LATER_S, seconds
from broker.store import Conflict, Record, Refused, Store, codec

STATES = ("visit", "call", "workflow")  # kinds whose newest record of a key is how it stands


def named(store: Store, name: str) -> Record:
    """The record of this id, else the newest of a KIND:KEY such as `visit:A1.20261122/r07/1`; raises Conflict."""
    record = store.get(name)
    if record is None:
        kind, _, key = name.partition(":")
        record = store.latest(kind, key).get(key)
    if record is None:
        raise Conflict(f"there is no record {name!r}, and none of that kind and key")
    return record


def correct(
    store: Store, record: Record, patch: Mapping[str, Any], reason: str, who: str, at: int, timezone: str
) -> Record:
    """The record as corrected; raises Refused for what may not be corrected, and for a value that it cannot be.

    A time may be given as text in `timezone`.
    """
    if record.kind not in FIELDS:
        raise Refused(f"{record.id}: records of {record.kind} are not corrected; those of {' '.join(FIELDS)} are")
    checked = {field: _checked(record, field, value, timezone) for field, value in patch.items()}
    return store.amend(record.id, checked, reason, who, at)


def _checked(record: Record, name: str, value: Any, timezone: str) -> Any:
    fields = FIELDS[record.kind]
    if name not in record.body:
        raise Refused(f"{record.id} has no {name}; it has {' '.join(sorted(record.body))}")
    if name not in fields:
        there = " ".join(field for field in fields if field in record.body)
        raise Refused(f"{record.id}: {name} says what the record is about or what followed from it; correct {there}")
    field = fields[name]
    if value is None and field.unknown:
        return None
    meant = value
    if field.is_time and isinstance(value, str):
        try:
            meant = seconds(value, ZoneInfo(timezone))
        except (ValueError, OverflowError) as why:
            raise Refused(f"{record.id}: {name} is {field.what}; got {value!r}: {why}") from why
    if not field.fits(meant) or (field.is_time and not _near(record, meant)):
        either = f"{field.what}, or null" if field.unknown else field.what
        raise Refused(f"{record.id}: {name} is {either}; got {value!r}")
    return meant


def _near(record: Record, at: int) -> bool:
    return record.at - EARLIER_S[record.kind] <= at <= min(record.at + LATER_S, codec.MAX_TIME_S)


def laid_over(records: Sequence[Record], amendments: Iterable[Record]) -> list[Record]:
    """The records, the newest of each key with all that was corrected in earlier ones of its key; the last one wins."""
    found = {record.id: record for record in records if record.kind in STATES}
    newest: dict[tuple[str, str], Record] = {}
    for record in found.values():
        other = newest.get((record.kind, record.key))
        if other is None or (record.at, record.id) > (other.at, other.id):
            newest[record.kind, record.key] = record
    made = [(found[one.key], one) for one in amendments if one.key in found]
    patches: dict[str, dict[str, Any]] = {}
    for record, amendment in sorted(made, key=_made):
        patches.setdefault(newest[record.kind, record.key].id, {}).update(amendment.body["patch"])
    return [
        record._replace(body={**record.body, **patches[record.id]}) if record.id in patches else record
        for record in records
    ]


def _made(pair: tuple[Record, Record]) -> tuple[int, int, str, int]:
    record, amendment = pair
    return (amendment.at, record.at, record.id, amendment.body["number"])
