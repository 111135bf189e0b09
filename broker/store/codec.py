"""A record as one JSON object in bytes, the same for every backend, and the checks before anything is stored."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import orjson

from broker.store import amendments
from broker.store.record import Record, Refused
from firmware import wire

LONGEST_TEXT = 300
DEEPEST = 200  # levels of a body; a past day's files put a few around it, and JSON parsers end at 250 or so
MOST_NUMBER = (1 << 53) - 1  # what a browser and every JSON parser read exactly
_KIND = re.compile(r"[a-z][a-z_]{0,31}")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
MAX_TIME_S = wire.LATEST_AT


def check(record: Record) -> None:
    """Raises Refused, naming record and field, if any backend could not keep this record as it is."""
    if not isinstance(record.kind, str) or _KIND.fullmatch(record.kind) is None:
        raise Refused(f"record {record.id!r}: kind must be a word of a-z and _; got {record.kind!r}")
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
    """A record of a store, or of an export, as JSON, its kind last: the line of an export."""
    fields = record._asdict()
    fields["kind"] = fields.pop("kind")
    return orjson.dumps(fields)


def encode_body(record: Record) -> bytes:
    """The body alone as JSON; raises Refused if a value is not plain JSON."""
    try:
        return orjson.dumps(record.body)
    except (TypeError, ValueError):
        # A device can send half of a surrogate pair, which no UTF-8 file can hold. One broken letter must not keep a
        # whole batch from being stored: it becomes the replacement character.
        try:
            return orjson.dumps(_mended(record.body))
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


def is_text(text: str) -> bool:
    """Whether some record could have this as its id or key."""
    return _UNPRINTABLE.search(text) is None


# --- rows of the database: the columns of a record, its body as text, and a checksum over all of them -----------------

Row = tuple[str, str, str, int, int, str, str, int]
_ROW = b"%b\0%b\0%b\0%d\0%d\0%b\0%b"


def rows_of(records: Sequence[Record]) -> list[Row]:
    """The records as rows, each checked; raises Refused for one that no backend can keep."""
    if not records:
        return []
    columns = tuple(zip(*records, strict=True))
    bodies = _encoded_quickly(columns)
    if bodies is None:
        for record in records:
            check(record)
        bodies = [encode_body(record).decode() for record in records]
    return [
        (one, kind, key, at, received_at, area, text,
         crc32(f"{one}\0{kind}\0{key}\0{at}\0{received_at}\0{area}\0{text}".encode()))
        for one, kind, key, at, received_at, area, _, text in zip(*columns, bodies, strict=True)
    ]  # fmt: skip


def _encoded_quickly(columns: Sequence[Sequence[Any]]) -> list[str] | None:
    """The bodies of records that are plainly good, seen column by column; None where `check` has to look at each."""
    ids, kinds, keys, at, received_at, areas, bodies = columns
    try:
        texts = [*ids, *{*keys}, *{*areas}]
        if (
            not "".join(texts).isprintable()
            or not all(texts)
            or max(map(len, texts)) > LONGEST_TEXT
            or amendments.KIND in (words := {*kinds})
            or not all(map(_KIND.fullmatch, words))
            or {*map(type, at), *map(type, received_at)} != {int}
            or not 0 <= min(moments := {*at, *received_at}) <= max(moments) <= MAX_TIME_S
            or {*map(type, bodies)} != {dict}
        ):
            return None
        # Each as text at once: its bytes, of which orjson takes a kilobyte, are free for the next one.
        found = [orjson.dumps(body, option=orjson.OPT_STRICT_INTEGER).decode() for body in bodies]
    except (TypeError, ValueError):
        return None
    # Each level of nesting takes two characters at least.
    return found if max(map(len, found)) < 2 * DEEPEST or all(map(_is_flat, found)) else None


def _is_flat(body: str) -> bool:
    return body.count("{") + body.count("[") < DEEPEST


def records_of(rows: Sequence[Sequence[Any]]) -> list[Record]:
    """The records of rows whose texts are bytes; raises ValueError if one is not what was written."""
    try:
        for row in rows:
            if crc32(_ROW % row[:7]) != row[7]:
                raise ValueError("its checksum is another")
    except TypeError as error:
        raise ValueError("a column of it holds another type") from error
    # Not by Record(...), which takes twice as long to call: a month of figures makes some 100,000.
    make, loads = tuple.__new__, orjson.loads
    return [
        make(Record, (one.decode(), kind.decode(), key.decode(), at, received_at, area.decode(), loads(body)))
        for one, kind, key, at, received_at, area, body, *_ in rows
    ]


def of_document(document: Mapping[str, Any]) -> Record:
    """The record of a document; raises Refused for one that has other fields."""
    if document.keys() != set(Record._fields):
        raise Refused(f"a record has the fields {' '.join(Record._fields)}; got {' '.join(map(str, document))}")
    return Record(**document)
