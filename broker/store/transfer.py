"""Moving records: JSON lines, a TinyDB file and stores into each other, the same bytes after a round trip.

A `.jsonl` file holds one record per line, by kind, then by (at, id), as first stored; amendments are records like any
other. A `.json` file is TinyDB's, one table per kind, and opens with stock `TinyDB(path)`. Importing twice, or again
after an interruption, stores nothing twice: ids are ids.
"""

import errno
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from tinydb import where

from broker.store import codec
from broker.store.contract import Store
from broker.store.record import Conflict, Corrupt, Full, Receipt, Record, StoreError
from broker.store.sqlite.files import Files

BATCH, BATCH_LETTERS = 1000, 4_000_000
_AGAIN = "mend or remove it and import again: what is stored by then stays"

Progress = Callable[[int], None]  # told how many more records are done


def records_of(store: Store) -> Iterator[Record]:
    """All records of a store as first stored, by kind, then (at, id)."""
    for kind in store.kinds():
        yield from store.scan(kind, amended=False)


def export(store: Store, target: Path, progress: Progress) -> int:
    """Write a `.jsonl` or a `.json` file, which is there when it is complete; returns how many records it has."""
    draft, count = target.with_name(f"{target.name}.part"), 0

    def records(kind: str) -> Iterator[bytes]:
        nonlocal count
        for batch in _batches(store.scan(kind, amended=False)):
            yield from map(codec.encode, batch)
            count += len(batch)
            progress(len(batch))

    def lines() -> Iterator[bytes]:
        for kind in store.kinds():
            yield from (b"%b\n" % record for record in records(kind))

    def tables() -> Iterator[bytes]:
        yield b"{"
        for position, kind in enumerate(store.kinds()):
            yield b'%b\n"%b": {' % (b"," if position else b"", kind.encode())
            for number, record in enumerate(records(kind), 1):
                yield b'%b\n"%d": %b' % (b"" if number == 1 else b",", number, record)
            yield b"\n}"
        yield b"\n}\n"

    try:
        Files().write(draft, lines() if target.suffix == ".jsonl" else tables())
        Files().replace(draft, target)
    except OSError as error:
        if isinstance(error, StoreError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Full(f"{draft}: {error.strerror}; make room, then again") from error
        error.filename = error.filename or str(draft)
        raise
    return count


def read(source: Path) -> Iterator[Record]:
    """The records of a `.jsonl` or a `.json` file; raises Corrupt naming the place of one that is none."""
    return _read_lines(source) if source.suffix == ".jsonl" else _read_tinydb(source)


def _read_lines(source: Path) -> Iterator[Record]:
    with source.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    fields = orjson.loads(line)
                except ValueError as error:
                    raise Corrupt(f"{source}: line {number} is not JSON: {error}; {_AGAIN}") from error
                yield _record(source, f"line {number}", fields)


def _read_tinydb(source: Path) -> Iterator[Record]:
    # A table named `_default` is of the kind that the file is named after: so the files of a past day are read.
    try:
        tables = orjson.loads(source.read_bytes())
        for table, documents in tables.items():
            kind = source.name.split(".")[0] if table == "_default" else table
            for doc_id, document in documents.items():
                yield _record(source, f"{table} {doc_id}", {**document, "kind": kind})
    except Corrupt:
        raise
    except (ValueError, AttributeError, TypeError) as error:
        raise Corrupt(f"{source} is not a TinyDB file, which has tables of documents: {error}") from error


def _record(source: Path, place: str, fields: Any) -> Record:
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
    receipt, others = stored_of(records, store, progress)
    if others:
        raise Conflict(
            f"{receipt.stored} records were stored, {receipt.duplicates} ids were there already, but {len(others)} of "
            f"them with other content, which was left as it is: {others[0]!r} is the first"
        )
    return receipt


def stored_of(records: Iterable[Record], store: Store, progress: Progress) -> tuple[Receipt, list[str]]:
    """Store all records in batches; what became of them, and the ids that were taken by records with other content."""
    stored = duplicates = 0
    others: list[str] = []
    for batch in _batches(records):
        receipt = store.append(batch)
        stored += receipt.stored
        duplicates += receipt.duplicates
        if receipt.duplicates:
            others += others_of(batch, store)
        progress(len(batch))
    return Receipt(stored, duplicates), others


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Not too many at once, and of long ones (photos) fewer."""
    batch, letters = list[Record](), 0
    for record in records:
        batch.append(record)
        letters += letters_of(record)
        if len(batch) == BATCH or letters > BATCH_LETTERS:
            yield batch
            batch, letters = [], 0
    if batch:
        yield batch


def letters_of(record: Record) -> int:
    """About how long it is, where that matters: a photo is one long text."""
    return sum(len(one) for one in record.body.values() if isinstance(one, str))


def others_of(batch: list[Record], store: Store) -> list[str]:
    """The ids of a stored batch under which the store has something else."""
    ids = list({record.id for record in batch})
    stored = {one.id: codec.encode(one) for one in store.search(where("id").one_of(ids), amended=False)}
    return [record.id for record in batch if codec.encode(record) != stored.get(record.id)]
