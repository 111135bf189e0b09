"""A record as one JSON object in bytes, the same for every backend, and the checks before anything is stored."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from broker.store import Record, Refused
from broker.store.seen import counted

LONGEST_TEXT = 300
_KIND = re.compile(r"[a-z][a-z_]{0,31}")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
MAX_TIME_S = 4102444800  # 2100-01-01


def check(record: Record) -> None:
    """Raises Refused, naming record and field, if any backend could not keep this record as it is."""
    if _KIND.fullmatch(record.kind) is None:
        raise Refused(f"record {record.id!r}: kind must be a word of a-z and _, got {record.kind!r}")
    for field, text in (("id", record.id), ("key", record.key), ("area", record.area)):
        if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_TEXT or _UNPRINTABLE.search(text):
            raise Refused(f"record {record.id!r}: {field} must be 1 to {LONGEST_TEXT} printable characters")
    for field, at in (("at", record.at), ("received_at", record.received_at)):
        if type(at) is not int or not 0 <= at <= MAX_TIME_S:
            raise Refused(f"record {record.id!r}: {field} must be whole POSIX seconds, got {at!r}")


def encode(record: Record) -> bytes:
    """The record without its kind (the table says it) as JSON; raises Refused if a value is not plain JSON."""
    fields = {
        "id": record.id,
        "key": record.key,
        "at": record.at,
        "received_at": record.received_at,
        "area": record.area,
        "body": record.body,
    }
    try:
        return orjson.dumps(fields)
    except (TypeError, ValueError):
        return _dumps_mended(record, fields)


def encode_body(record: Record) -> bytes:
    """The body alone as JSON; raises Refused if a value is not plain JSON."""
    try:
        return orjson.dumps(record.body)
    except (TypeError, ValueError):
        return _dumps_mended(record, record.body)


def _dumps_mended(record: Record, value: Any) -> bytes:
    # A device can send half of a surrogate pair, which no UTF-8 file can hold. One broken letter must not keep a
    # whole batch from being stored: it becomes the replacement character.
    try:
        return orjson.dumps(_mended(value))
    except (TypeError, ValueError) as error:
        raise Refused(f"record {record.id!r}: body cannot be stored: {error}") from error


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF_CHARACTER.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_mended(name): _mended(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mended(inner) for inner in value]
    return value


def encode_with_kind(record: Record) -> bytes:
    """The record with its kind (last) as JSON: the line of a position file or of an export."""
    return with_kind(record.kind, encode(record))


def with_kind(kind: str, document: bytes) -> bytes:
    """An encoded document with its kind put in."""
    return b'%s,"kind":"%s"}' % (document[:-1], kind.encode())


_HEAD = re.compile(rb'\{"id":"([^"\\]+)","key":"([^"\\]+)","at":([0-9]+),')


def head(document: bytes) -> tuple[str, str, int]:
    """The id, key and `at` of an encoded document, without decoding the rest of it."""
    found = _HEAD.match(document)
    if found is None:
        fields = orjson.loads(document)
        return fields["id"], fields["key"], fields["at"]
    return found[1].decode(), found[2].decode(), int(found[3])


class Heads(NamedTuple):
    """Of some documents: `<device>:<boot>` and seq of the id (all of it and -1 where it does not count), key, `at`."""

    names: Sequence[str]
    numbers: Sequence[int]
    keys: Sequence[str]
    times: Sequence[int]

    def id(self, place: int) -> str:
        """The whole id of one of them."""
        name, number = self.names[place], self.numbers[place]
        return name if number < 0 else f"{name}:{number}"


_COUNTED_HEAD = re.compile(
    rb'^\{"id":"([^"\\:\x00-\x1f\x7f]{1,100}:(?:0|[1-9][0-9]{0,11})):(0|[1-9][0-9]{0,8})",'
    rb'"key":"([^"\\]+)","at":([0-9]+),.*',  # the rest of the line too: what is passed over is not searched
    re.MULTILINE,
)


def heads(documents: Sequence[bytes]) -> Heads:
    """The heads of encoded documents, without decoding the rest of them."""
    found = _COUNTED_HEAD.findall(b"\n".join(documents))
    if found and len(found) == len(documents):
        names, numbers, keys, times = zip(*found, strict=True)
        word = {raw: raw.decode() for raw in {*names, *keys}}.__getitem__
        return Heads(list(map(word, names)), list(map(int, numbers)), list(map(word, keys)), list(map(int, times)))
    slow = Heads([], [], [], [])
    for document in documents:
        record_id, key, at = head(document)
        for column, value in zip(slow, (*(counted(record_id) or (record_id, -1)), key, at), strict=True):
            column.append(value)  # type: ignore[attr-defined]
    return slow


def decode(kind: str, document: bytes) -> Record:
    """The record of an encoded document."""
    return from_fields(kind, orjson.loads(document))


def from_fields(kind: str, fields: Mapping[str, Any]) -> Record:
    """The record of a decoded document."""
    return Record(
        fields["id"], kind, fields["key"], fields["at"], fields["received_at"], fields["area"], fields["body"]
    )
