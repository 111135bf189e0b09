"""Sealing: a day that is over becomes plain files that never change again.

    records/2026-11-22/
      bins.json ...        one file per kind; stock `TinyDB(path)` opens it, one document per line
      fix-2026112207.jsonl all positions of one UTC hour of event time, in frames, ordered by (at, id)
      <kind>.sum.json      day sums by event day
      ids.bin              64-bit hashes of the ids that do not count, sorted, then one byte each for the kind: its
                           place among the sorted kinds, 255 for that place and all that follow
      seen.json            the ids that count, of the whole store up to this day (the carry-over)
      manifest.json        what is here; `number` orders the days
      SHA256SUMS           of all of the above; `sha256sum -c` checks it

Everything is written under a hidden name, synced, and renamed in one step; only then does the journal go.
"""

import hashlib
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from broker.store import Record, codec, sums
from broker.store.open_day import POSITIONS, OpenDay
from broker.store.seen import Seen, counted
from broker.store.tinyjournal import Files, export_table, frames

FORMAT = 1
MANIFEST, SUMS, IDS, SEEN = "manifest.json", "SHA256SUMS", "ids.bin", "seen.json"
LAST_CODE = 255
_CHUNK_BYTES = 256 * 1024
_FRAME_LINES = 1000
LATEST_KEYS = 1000  # the newest record per key goes into the manifest of kinds that have few keys


def id_hash(record_id: str) -> int:
    """The 64 bits under which an id is indexed; equal hashes are always checked against the record itself."""
    return int.from_bytes(hashlib.blake2b(record_id.encode(), digest_size=8).digest(), "little")


def seal(day: OpenDay, seen: Seen, records_folder: Path, files: Files, pause_s: float = 0.0) -> Path:
    """Write the sealed form of a day and return its folder; the journal stays for the caller to remove.

    `pause_s` is slept after each chunk, to leave the processor to the thread that commits.
    """
    files.make_folder(records_folder)
    draft = records_folder / f".{day.folder.name}.sealing"
    if draft.exists():
        files.remove_folder(draft)
    files.make_folder(draft)
    try:
        _fill(draft, day, seen, files, pause_s)
        target = sealed_name(records_folder, day.day)
        files.replace(draft, target)
    except BaseException:
        # On a full disk its room is for the alarms. What cannot be removed is, at the next attempt.
        with suppress(OSError):
            files.remove_folder(draft)
        raise
    files.sync_folder(records_folder)
    return target


def _fill(draft: Path, day: OpenDay, seen: Seen, files: Files, pause_s: float) -> None:
    """Write all files of a sealed day, and have them survive a power cut."""
    hashes: list[bytes] = []

    def put(name: str, pieces: Iterable[bytes]) -> None:
        digest = _write(draft / name, pieces, files, pause_s)
        hashes.append(f"{digest}  {name}\n".encode())

    kinds: dict[str, Any] = {}
    for kind in day.kinds():
        rows = day.db.rows(kind)
        put(f"{kind}.json", export_table(rows.raw_items()))
        cube = day.cube(kind)
        put(f"{kind}.sum.json", [_json(sums.saved(kind, cube))])
        first_at, last_at = day.bounds(kind)
        event_days = [str(key[0]) for key in cube] or [day.day]
        kinds[kind] = {
            "documents": len(rows),
            "first_at": first_at,
            "last_at": last_at,
            "first_day": min(event_days),
            "last_day": max(event_days),
        }
        latest = day.latest(kind)
        if len(latest) <= LATEST_KEYS:
            kinds[kind]["latest"] = {key: orjson.loads(codec.encode(record)) for key, record in latest.items()}
    if POSITIONS in kinds:
        hours: dict[str, int] = {}
        # The hour is asked of the event time, in UTC: no hour exists twice.
        positions = day.scan(POSITIONS, 0, 1 << 62)
        for hour, group in groupby(positions, key=lambda record: _hour(record.at)):
            count = _Counter(group)
            put(f"{POSITIONS}-{hour}.jsonl", _framed(count))
            hours[hour] = count.count
        kinds[POSITIONS]["hours"] = hours
    here, others = Seen(), []
    codes = {kind: min(place, LAST_CODE) for place, kind in enumerate(sorted(kinds))}
    for record_id, kind in day.ids():
        found = counted(record_id)
        if found is None:
            others.append((id_hash(record_id), codes[kind]))
        else:
            here.take(found[0], [found[1]])
    put(IDS, [_ids(others)])
    put(SEEN, [_json(seen.saved())])
    manifest = {
        "format": FORMAT,
        "number": day.number,
        "day": day.day,
        "frames": day.db.journal.frame,
        "crc": f"{day.db.journal.crc:08x}",
        "records": day.records(),
        "kinds": kinds,
        "counted": here.saved(),
    }
    put(MANIFEST, [_json(manifest)])
    _write(draft / SUMS, hashes, files, pause_s)
    files.sync_folder(draft)


def sealed_name(records_folder: Path, day: str) -> Path:
    """A free folder name for a day; a clock that was set back may need the same day twice."""
    target, count = records_folder / day, 1
    while target.exists():
        count += 1
        target = records_folder / f"{day}.{count}"
    return target


def _write(path: Path, pieces: Iterable[bytes], files: Files, pause_s: float) -> str:
    digest = hashlib.sha256()
    handle, offset = files.create(path), 0
    try:
        for chunk in _chunks(pieces):
            digest.update(chunk)
            files.write(handle, chunk, offset)
            offset += len(chunk)
            if pause_s:
                time.sleep(pause_s)
        files.sync(handle)
    finally:
        files.close(handle)
    return digest.hexdigest()


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting: list[bytes] = []
    length = 0
    for piece in pieces:
        waiting.append(piece)
        length += len(piece)
        if length >= _CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, length = [], 0
    if waiting:
        yield b"".join(waiting)


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


def _hour(at: int) -> str:
    return time.strftime("%Y%m%d%H", time.gmtime(at))


class _Counter:
    """Passes records on and knows how many there were."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = records
        self.count = 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            yield record


def _framed(records: Iterable[Record]) -> Iterator[bytes]:
    number, crc = 0, 0
    lines: list[bytes] = []
    for record in records:
        lines.append(codec.encode_with_kind(record))
        if len(lines) == _FRAME_LINES:
            number += 1
            data, crc, _ = frames.encode(number, crc, lines)
            lines = []
            yield data
    if lines:
        yield frames.encode(number + 1, crc, lines)[0]


def _ids(pairs: list[tuple[int, int]]) -> bytes:
    pairs.sort()
    hashes = array("Q", [number for number, _ in pairs])
    return hashes.tobytes() + bytes(kind for _, kind in pairs)
