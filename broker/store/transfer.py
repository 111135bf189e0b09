"""Moving records: JSON lines, a TinyDB file and stores into each other, resumable, the same bytes after a round trip.

A `.jsonl` file holds one record per line, by kind, then by (at, id), as first stored; amendments are records like any
other. A `.json` file is TinyDB's, one table per kind, and opens with stock `TinyDB(path)`. Importing twice, or again
after an interruption, stores nothing twice: ids are ids.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from broker.store import Conflict, Corrupt, Full, Receipt, Record, Store, StoreError, codec, where
from broker.store.sqlite.files import Files

BATCH = 1000
_AGAIN = "mend or remove it and import again: what is stored by then stays"

Progress = Callable[[int], None]  # told how many more records are done


def records_of(store: Store, after: tuple[str, str] | None = None) -> Iterator[Record]:
    """All records of a store as first stored, by kind, then (at, id); `after` (kind, id) goes on behind that one."""
    for kind in store.kinds():
        if after is not None and kind < after[0]:
            continue
        cursor = after[1] if after is not None and kind == after[0] else None
        yield from store.scan(kind, after=cursor, amended=False)


def export_lines(store: Store, target: Path, progress: Progress) -> int:
    """Write `target`, going on with `<target>.part` of an interrupted run; returns how many records it has.

    If the store took records in meanwhile that belong before the end of that part, it is written anew.
    """
    draft = target.with_name(f"{target.name}.part")
    after, count, length = _end_of(draft, store)
    progress(count)
    written = _write_lines(store, draft, after, length, progress)
    if after is not None and count + written != store.health()["records"]:
        progress(-count - written)
        count, written = 0, _write_lines(store, draft, None, 0, progress)
    _named(draft, target)
    return count + written


def _named(draft: Path, target: Path) -> None:
    Files().replace(draft, target)


@contextmanager
def _written(draft: Path, mode: str) -> Iterator[IO[bytes]]:
    """The file to write a draft with; on leaving it is on the disk. An error names it."""
    try:
        with draft.open(mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Full(f"{draft}: {error.strerror}; make room, then the same command goes on") from error
        error.filename = error.filename or str(draft)
        raise


def _write_lines(store: Store, draft: Path, after: tuple[str, str] | None, length: int, progress: Progress) -> int:
    """Write what comes behind `after` from byte `length` on; returns how many records that were."""
    count = 0
    with _written(draft, "ab") as file:
        file.truncate(length)
        file.seek(length)
        records = records_of(store, after)
        while batch := list(islice(records, BATCH)):
            file.write(b"".join(codec.encode_with_kind(record) + b"\n" for record in batch))
            count += len(batch)
            progress(len(batch))
    return count


def _end_of(draft: Path, store: Store) -> tuple[tuple[str, str] | None, int, int]:
    """The last whole record of an interrupted export, how many there are, and where they end; nothing if not ours."""
    if not draft.exists():
        return None, 0, 0
    count = length = 0
    last = b""
    with draft.open("rb") as file:
        for line in file:
            # A power cut may leave zeros where lines were: what follows them is written again.
            if not line.startswith(b'{"id":') or not line.endswith(b'"}\n') or b"\0" in line:
                break
            count += 1
            length += len(line)
            last = line
    try:
        record = _record(draft, f"line {count}", last)
    except Corrupt:
        return None, 0, 0
    here = store.scan(record.kind, record.at, record.at + 1, amended=False)
    if not any(codec.encode_with_kind(one) + b"\n" == last for one in here):
        return None, 0, 0  # the part of another store's export
    return (record.kind, record.id), count, length


def export_tinydb(store: Store, target: Path, progress: Progress) -> int:
    """Write one file that stock `TinyDB(path)` opens, a table per kind; an interrupted run starts again."""
    draft = target.with_name(f"{target.name}.part")
    count = 0
    with _written(draft, "wb") as file:
        file.write(b"{")
        for position, kind in enumerate(store.kinds()):
            file.write(b'%s\n"%s": {' % (b"," if position else b"", kind.encode()))
            for number, record in enumerate(store.scan(kind, amended=False), 1):
                file.write(b'%s\n"%d": %s' % (b"" if number == 1 else b",", number, codec.encode(record)))
                count += 1
                if count % BATCH == 0:
                    progress(BATCH)
            file.write(b"\n}")
        file.write(b"\n}\n")
    progress(count % BATCH)
    _named(draft, target)
    return count


def read_lines(source: Path) -> Iterator[Record]:
    """The records of a `.jsonl` file; raises Corrupt naming the line that is none."""
    with source.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _record(source, f"line {number}", line)


def read_tinydb(source: Path) -> Iterator[Record]:
    """The records of a TinyDB file; a table named `_default` is of the kind the file is named after."""
    try:
        tables = orjson.loads(source.read_bytes())
        for table, documents in tables.items():
            kind = source.name.split(".")[0] if table == "_default" else table
            for doc_id, document in documents.items():
                yield _from_fields(source, f"{table} {doc_id}", {**document, "kind": kind})
    except Corrupt:
        raise
    except (ValueError, AttributeError, TypeError) as error:
        raise Corrupt(f"{source} is not a TinyDB file, which has tables of documents: {error}") from error


def _record(source: Path, place: str, line: bytes) -> Record:
    try:
        fields = orjson.loads(line)
    except ValueError as error:
        raise Corrupt(f"{source}: {place} is not JSON: {error}; {_AGAIN}") from error
    return _from_fields(source, place, fields)


def _from_fields(source: Path, place: str, fields: Any) -> Record:
    try:
        if not isinstance(fields, dict):
            raise TypeError("it is no object")
        missing = [field for field in Record._fields if field not in fields]
        if missing:
            raise TypeError(f"it has no {' and no '.join(missing)}")
        record = Record(*(fields[field] for field in Record._fields))
        codec.check(record)
    except (TypeError, ValueError) as error:
        raise Corrupt(f"{source}: {place} is not a record: {error}; {_AGAIN}") from error
    return record


def import_records(records: Iterable[Record], store: Store, progress: Progress) -> Receipt:
    """Store all records in batches; what is there already is left as it is.

    Raises Conflict at the end, naming the first, if ids were taken by records with other content.
    """
    stored = duplicates = 0
    others: list[str] = []
    source = iter(records)
    while batch := list(islice(source, BATCH)):
        receipt = store.append(batch)
        stored += receipt.stored
        duplicates += receipt.duplicates
        if receipt.duplicates:
            others += _others(batch, store)
        progress(len(batch))
    if others:
        raise Conflict(
            f"{stored} records were stored, {duplicates} ids were there already, but {len(others)} of them with other "
            f"content, which was left as it is: {others[0]!r} is the first"
        )
    return Receipt(stored, duplicates)


def _others(batch: list[Record], store: Store) -> list[str]:
    """The ids of a stored batch under which the store has something else."""
    ids = list({record.id for record in batch})
    stored = {one.id: codec.encode_with_kind(one) for one in store.search(where("id").one_of(ids), amended=False)}
    return [record.id for record in batch if codec.encode_with_kind(record) != stored.get(record.id)]
