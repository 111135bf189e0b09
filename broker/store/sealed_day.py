"""A sealed day, read only: a file is checked against SHA256SUMS when it is read, and refused if it differs.

Proved once, it is taken as it is while the system says that it is the same file, of the same size, unchanged since:
the hash of each year's ids would otherwise cost more than the looking up.
"""

import calendar
import hashlib
import os
import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from broker.store import Corrupt, Record, codec, sums
from broker.store.days import Days
from broker.store.open_day import POSITIONS
from broker.store.seal import FORMAT, IDS, LAST_CODE, MANIFEST, SEEN, SUMS, id_hash
from broker.store.seen import Seen, counted
from broker.store.tinyjournal import frames

_LISTED = re.compile(r"([0-9a-f]{64})  ([a-z0-9_.-]+)", re.ASCII)


class SealedDay:
    """One folder below `records/`; opening reads the manifest only. Raises Corrupt for what is not as it was sealed."""

    def __init__(self, folder: Path, days: Days) -> None:
        self.folder = folder
        self._days = days
        self.hashes = self._hashes()
        self._proved: dict[str, tuple[int, ...]] = {}  # by name, what the file was when its hash was right
        self.disk_bytes = sum(path.stat().st_size for path in folder.iterdir())
        manifest = self._json(MANIFEST)
        if manifest.get("format") != FORMAT:
            raise Corrupt(f"{folder / MANIFEST}: format {manifest.get('format')!r}, this program reads {FORMAT}")
        try:
            self.number: int = manifest["number"]
            self.day: str = manifest["day"]
            self.count: int = manifest["records"]
            self.last_frame = (manifest["frames"], int(manifest["crc"], 16))
            self._kinds: dict[str, dict[str, Any]] = manifest["kinds"]
            self.counted = Seen(manifest["counted"])
        except (LookupError, TypeError, ValueError) as error:
            raise Corrupt(f"{folder / MANIFEST} is no manifest ({error!r}); run `python -m broker fsck`") from error
        self._cubes: dict[str, sums.Cube] = {}

    def _hashes(self) -> dict[str, str]:
        path = self.folder / SUMS
        try:
            return dict(_listed(path.read_bytes().decode()))
        except (OSError, ValueError) as error:
            raise Corrupt(f"{path} cannot be read ({error}); run `python -m broker fsck`") from error

    def read(self, name: str) -> bytes:
        """The bytes of one file of this day, checked."""
        path = self.folder / name
        try:
            with path.open("rb") as file:
                is_now = _identity(file.fileno())
                data = file.read()
        except OSError as error:
            raise Corrupt(f"{path} cannot be read ({error.strerror}); run `python -m broker fsck`") from error
        if self._proved.get(name) != is_now or len(data) != is_now[0]:
            if hashlib.sha256(data).hexdigest() != self.hashes.get(name):
                raise Corrupt(f"{path} is not what was sealed; run `python -m broker fsck`")
            self._proved[name] = is_now
        return data

    def _json(self, name: str) -> Any:
        try:
            return orjson.loads(self.read(name))
        except orjson.JSONDecodeError as error:
            raise Corrupt(f"{self.folder / name} is not JSON ({error}); run `python -m broker fsck`") from error

    def kinds(self) -> list[str]:
        """The kinds that have records here."""
        return sorted(self._kinds)

    def seen(self) -> Seen:
        """The ids that count, of the whole store up to and including this day."""
        return Seen(self._json(SEEN))

    def ids(self) -> "tuple[array[int], bytes]":
        """The sorted hashes of ids that do not count, and for each the position of its kind in `kinds()`."""
        data = self.read(IDS)
        count = len(data) // 9
        hashes: array[int] = array("Q")
        hashes.frombytes(data[: 8 * count])
        return hashes, data[8 * count :]

    def get(self, record_id: str) -> Record | None:
        """The record of this id."""
        found = counted(record_id)
        if found is not None:
            if not self.counted.holds(*found):
                return None
            candidates = self.kinds()
        else:
            hashes, codes = self.ids()
            wanted = id_hash(record_id)
            position = bisect_left(hashes, wanted)
            kinds = set()
            while position < len(hashes) and hashes[position] == wanted:
                code = codes[position]
                kinds.update(self.kinds()[code:] if code == LAST_CODE else [self.kinds()[code]])
                position += 1
            candidates = sorted(kinds)
        for kind in candidates:
            for name in self._files(kind):
                record = _find(kind, self.read(name), record_id)
                if record is not None:
                    return record
        return None

    def _files(self, kind: str, from_at: int = 0, to_at: int = 1 << 62) -> list[str]:
        if kind not in self._kinds:
            return []
        if kind != POSITIONS:
            return [f"{kind}.json"]
        return [f"{POSITIONS}-{hour}.jsonl" for hour in sorted(self._kinds[POSITIONS]["hours"])
                if _touches(hour, from_at, to_at)]  # fmt: skip

    def scan(self, kind: str, from_at: int, to_at: int) -> Iterator[Record]:
        """Records of a kind with from_at <= at < to_at, ordered by (at, id)."""
        about = self._kinds.get(kind)
        if about is None or about["last_at"] < from_at or about["first_at"] >= to_at:
            return
        if kind == POSITIONS:
            for name in self._files(kind, from_at, to_at):
                for frame in self._frames(name):
                    for line in frame:
                        record = codec.decode(kind, line)
                        if from_at <= record.at < to_at:
                            yield record
            return
        documents = [document for document in self.documents(kind).values() if from_at <= document["at"] < to_at]
        documents.sort(key=lambda document: (document["at"], document["id"]))
        for document in documents:
            yield codec.from_fields(kind, document)

    def documents(self, kind: str) -> dict[str, dict[str, Any]]:
        """The table of a kind as stock TinyDB sees it."""
        table: dict[str, dict[str, Any]] = self._json(f"{kind}.json")["_default"]
        return table

    def _frames(self, name: str) -> Iterator[list[bytes]]:
        data = self.read(name)
        end = 0
        for frame in frames.frames_from(data, 0):
            end = frame.end
            yield data[frame.body : frame.end].split(b"\n")[:-1]
        if end != len(data):
            raise Corrupt(f"{self.folder / name}: byte {end} begins no whole frame; run `python -m broker fsck`")

    def latest(self, kind: str, since_at: int) -> Mapping[str, Record]:
        """The newest record per key of a kind, of those with at >= since_at."""
        about = self._kinds.get(kind)
        if about is None or about["last_at"] < since_at:
            return {}
        if "latest" in about:
            found = {key: codec.from_fields(kind, fields) for key, fields in about["latest"].items()}
            # A key whose newest is older than asked for has nothing newer here.
            return {key: record for key, record in found.items() if record.at >= since_at}
        newest: dict[str, Record] = {}
        for record in self.scan(kind, since_at, 1 << 62):
            newest[record.key] = record
        return newest

    def touches_days(self, kind: str, from_day: str, to_day: str) -> bool:
        """Whether records of a kind with event days in this span may be here."""
        about = self._kinds.get(kind)
        return about is not None and about["first_day"] <= to_day and about["last_day"] >= from_day

    def cube(self, kind: str) -> sums.Cube:
        """The day sums of a kind, not to be changed; recounted if they were sealed with other dimensions."""
        cube = self._cubes.get(kind)
        if cube is None:
            cube = sums.loaded(kind, self._json(f"{kind}.sum.json"))
            self._cubes[kind] = cube = self.recount(kind) if cube is None else cube
        return cube

    def recount(self, kind: str) -> sums.Cube:
        """The day sums of a kind, counted again from the records."""
        records = self.scan(kind, 0, 1 << 62)
        return sums.count(
            kind, sums.DIMENSIONS.get(kind, ()), self._days, ((record.at, record.body) for record in records)
        )


def _listed(text: str) -> Iterator[tuple[str, str]]:
    """Names and hashes of a SHA256SUMS; ValueError for one that is cut or has a strange line."""
    # Not splitlines, which takes other characters for ends too: a damaged end is such a one.
    *lines, rest = text.split("\n")
    for line in lines:
        found = _LISTED.fullmatch(line)
        if found is None:
            raise ValueError(f"{line!r} is no line of it")
        yield found[2], found[1]
    if rest:
        raise ValueError("it ends within a line")


def _identity(handle: int) -> tuple[int, ...]:
    """Size, which file, and its times; the last one no program can set back."""
    found = os.fstat(handle)
    return found.st_size, found.st_ino, found.st_dev, found.st_mtime_ns, found.st_ctime_ns


def _touches(hour: str, from_at: int, to_at: int) -> bool:
    start = calendar.timegm(time.strptime(hour, "%Y%m%d%H"))
    return start < to_at and start + 3600 > from_at


def _find(kind: str, data: bytes, record_id: str) -> Record | None:
    # One document per line, and `"id"` comes first in it: the line is found without parsing the others.
    needle = b'"id":' + orjson.dumps(record_id) + b',"key":'
    position = data.find(needle)
    while position >= 0:
        start = data.rfind(b"\n", 0, position) + 1
        end = data.find(b"\n", position)
        line = data[start:end].removesuffix(b",")
        document = line[line.index(b"{") :]
        try:
            fields = orjson.loads(document)
        except ValueError:
            fields = {}
        if fields.get("id") == record_id:
            return codec.from_fields(kind, fields)
        position = data.find(needle, position + 1)
    return None
