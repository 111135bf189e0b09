"""A record as one JSON object in bytes, the same for every backend, and the checks before anything is stored."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from broker.store import Record, Refused, amendments
from broker.store.seen import counted
from firmware import wire

LONGEST_TEXT = 300
DEEPEST = 200  # levels of a body; a sealed day's files put a few around it, and JSON parsers end at 250 or so
MOST_NUMBER = (1 << 53) - 1  # what a browser and every JSON parser read exactly
_KIND = re.compile(r"[a-z][a-z_]{0,31}")
_FILES_OF_A_DAY = frozenset({"manifest", "seen"})  # as <kind>.json they would be in the place of the day's own files
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
MAX_TIME_S = wire.LATEST_AT


def check(record: Record) -> None:
    """Raises Refused, naming record and field, if any backend could not keep this record as it is."""
    if not isinstance(record.kind, str) or _KIND.fullmatch(record.kind) is None or record.kind in _FILES_OF_A_DAY:
        raise Refused(
            f"record {record.id!r}: kind must be a word of a-z and _, not seen or manifest; got {record.kind!r}"
        )
    for field, text in (("id", record.id), ("key", record.key), ("area", record.area)):
        if not isinstance(text, str) or not 1 <= len(text) <= LONGEST_TEXT or _UNPRINTABLE.search(text):
            raise Refused(f"record {record.id!r}: {field} must be 1 to {LONGEST_TEXT} printable characters")
    for field, at in (("at", record.at), ("received_at", record.received_at)):
        if type(at) is not int or not 0 <= at <= MAX_TIME_S:
            raise Refused(f"record {record.id!r}: {field} must be whole POSIX seconds, got {at!r}")
    _check_body(record)
    if record.kind == amendments.KIND:
        _check_amendment(record)


def _check_body(record: Record) -> None:
    if not isinstance(record.body, Mapping):
        raise Refused(f"record {record.id!r}: its body must be an object")
    level: list[Any] = [record.body]
    depth = 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise Refused(f"record {record.id!r}: its body is nested deeper than {DEEPEST} levels")
        below: list[Any] = []
        for holder in level:
            for value in holder.values() if isinstance(holder, Mapping) else holder:
                if isinstance(value, int):
                    if not -MOST_NUMBER <= value <= MOST_NUMBER:
                        raise Refused(f"record {record.id!r}: a whole number is beyond +-{MOST_NUMBER}")
                elif isinstance(value, Mapping | list | tuple):
                    below.append(value)
        level = below


def _check_amendment(record: Record) -> None:
    """Raises Refused for one that could not be laid over its record, or would be by one backend only."""
    body = record.body
    for field in ("record_id", "record_kind", "reason", "who"):
        if not isinstance(body.get(field), str):
            raise Refused(f"amendment {record.id!r}: its {field} must be a text, got {body.get(field)!r}")
    if not isinstance(body.get("patch"), Mapping):
        raise Refused(f"amendment {record.id!r}: its patch must be an object, got {body.get('patch')!r}")
    number = body.get("number")
    if type(number) is not int or number < 1:
        raise Refused(f"amendment {record.id!r}: its number must be 1 or more, got {number!r}")
    if record.key != body["record_id"] or record.id != amendments.id_of(record.key, number):
        raise Refused(f"amendment {record.id!r}: its key must be its record_id, its id <record_id>#<number>")


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


def as_read(record: Record) -> Record:
    """The record as whoever reads it will have it: of plain JSON, broken letters replaced."""
    return record._replace(body=orjson.loads(encode_body(record)))


def is_text(text: str) -> bool:
    """Whether some record could have this as its id or key."""
    return _UNPRINTABLE.search(text) is None


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
