"""The stream on the disk: what was shown at any second, for playback.

    <folder>/2026-11-29/1795374000-1795374299.jsonl.gz    UTC day, then one file for each five minutes: its first line
                                                          holds all parts at that second, each further line one change

A file is plain while it is written (`1795374000.jsonl`) and compressed when the next begins; its name then has its
last second too. After a gap a new one begins, so that a file's name says what it holds. A line cut by a power cut ends
its file, and so does whatever else cannot be read, which is said once. The oldest days go when there are more than are
kept. The record's disk comes first: nothing is written where less than `ROOM_BYTES` is free.
"""

import functools
import gzip
import logging
import re
import shutil
import zlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO

import orjson

from broker.web.stream.changes import Parts, Row, apply, picture_of

log = logging.getLogger("zhanpai.playback")

KEYFRAME_S = 300
GAP_S = 60  # later than this after the last word nobody knows what was shown
ROOM_BYTES = 500_000_000
_NAME = re.compile(r"(\d+)(?:-(\d+))?\.jsonl(?:\.gz)?")
_LINE = re.compile(rb'^\{"at":(\d+),.*\n', re.MULTILINE)


class Recording:
    """Keeps the stream of one bridge in `folder` for `days` days; 0 keeps nothing. Never raises for a disk."""

    def __init__(self, folder: Path, days: int) -> None:
        self.trouble: str | None = None  # why nothing is kept, while it is so
        self._folder = folder
        self._days = days
        self._slot = -1
        self._last_at = 0
        self._file: IO[bytes] | None = None
        self._path = folder

    def keep(self, change: bytes, parts: Parts, at: int) -> None:
        """One change, after which the stream holds `parts`."""
        if self._days == 0:
            return
        try:
            if at // KEYFRAME_S != self._slot or not 0 <= at - self._last_at <= GAP_S:
                self._begin(parts, at)
            elif self._file is not None:
                self._file.write(change + b"\n")
                self._file.flush()
            self._last_at = at
        except OSError as why:
            self._give_up(str(why))

    def close(self) -> None:
        """End the file that is being written."""
        if self._file is not None:
            self._file.close()
            self._file = None
            _compress(self._path)

    def _begin(self, parts: Parts, at: int) -> None:
        if self._slot < 0:
            for left in self._folder.glob("*/*.jsonl"):  # of a process that was killed
                _compress(left)
        self._slot = at // KEYFRAME_S
        self.close()
        today = datetime.fromtimestamp(at, UTC).date()
        day = self._folder / today.isoformat()
        if not day.is_dir():
            day.mkdir(parents=True)
            self._forget(today)
        free = shutil.disk_usage(day).free
        if free < ROOM_BYTES:
            self._give_up(f"only {free // 1_000_000} MB are free on the disk of {self._folder}")
            return
        self._path = day / f"{at}.jsonl"
        self._file = self._path.open("wb")
        self._file.write(orjson.dumps({"at": at, "parts": parts}) + b"\n")
        self._file.flush()
        if self.trouble is not None:
            log.warning("what is shown is kept again")
            self.trouble = None

    def _forget(self, today: date) -> None:
        """Keep so many days; by their number, for the clock may be ahead for a moment, and nothing goes by a jump."""
        known = sorted(day for path in self._folder.iterdir() if (day := day_of(path.name)) is not None)
        before, ahead = [day for day in known if day < today], [day for day in known if day > today]
        jumped = bool(before) and today - before[-1] > timedelta(days=1)
        room = self._days + 1 if jumped else self._days
        for day in [*before[: max(0, len(before) - room)], *ahead[: max(0, len(ahead) - self._days - 1)]]:
            shutil.rmtree(self._folder / day.isoformat(), ignore_errors=True)

    def _give_up(self, why: str) -> None:
        if self.trouble is None:
            log.warning("what is shown is not kept for playback: %s; it is tried again every %d s", why, KEYFRAME_S)
        self.trouble = why
        if self._file is not None:
            try:
                self._file.close()
            except OSError:
                pass  # what it could not write is lost, and said
            self._file = None


def picture_at(folder: Path, at: int) -> Row | None:
    """What was shown at that second, with `at` as it said of itself; None where nothing was kept of it."""
    begun = [(begun_at(path), path) for path in _files(folder, at)]
    path = max((entry for entry in begun if entry[0] <= at), default=(0, None))[1]
    if path is None:
        return None
    parts: Parts = {}
    shown_at = lines = 0
    try:
        for line in lines_of(path):
            if line["at"] > at:
                break
            if "parts" in line:
                parts = line["parts"]
            else:
                apply(parts, line)
            shown_at, lines = line["at"], lines + 1
        return picture_of(parts, shown_at) if parts and at - shown_at <= GAP_S else None
    except (KeyError, TypeError, AttributeError) as why:  # JSON, but of no picture of ours
        tell_damage(path, lines, repr(why))
        return None


def files_of(day: Path) -> list[Path]:
    """The files of a UTC day, in the order of their first seconds."""
    return sorted((path for path in day.glob("*.jsonl*") if _NAME.fullmatch(path.name)), key=begun_at)


def begun_at(path: Path) -> int:
    """The first second that a file holds."""
    return int(path.name.partition(".")[0].partition("-")[0])


def ended_at(path: Path) -> int:
    """The last second that a file holds: by its name, or by its last whole line where that does not say it."""
    named = _NAME.fullmatch(path.name)
    return int(named[2]) if named is not None and named[2] else _last_line_at(path)


def _last_line_at(path: Path) -> int:
    try:
        with (gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            found = _LINE.findall(file.read())
    except (OSError, EOFError, zlib.error):  # (said by who plays it back)
        found = []
    return int(found[-1]) if found else begun_at(path)


def _files(folder: Path, at: int) -> Iterator[Path]:
    for moment in {f"{datetime.fromtimestamp(t, UTC):%Y-%m-%d}" for t in (at, at - KEYFRAME_S)}:
        yield from files_of(folder / moment)


def day_of(name: str) -> date | None:
    """The UTC day of a folder; None for any other folder."""
    try:
        return date.fromisoformat(name) if len(name) == 10 and name[4] == name[7] == "-" and name[5] != "W" else None
    except ValueError:
        return None


def lines_of(path: Path) -> Iterator[Row]:
    """The lines of a file, as far as it can be read."""
    line, number = b"\n", 0
    try:
        with (gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            for line in file:
                found = orjson.loads(line)
                if not (type(found.get("at")) is int and (number == 0) == ("parts" in found)):
                    raise ValueError("a line that is none of ours")
                number += 1
                yield found
    except (ValueError, AttributeError, EOFError, OSError, zlib.error) as why:
        if path.exists() and (line.endswith(b"\n") or not isinstance(why, orjson.JSONDecodeError)):
            tell_damage(path, number, str(why))
        # else its end was cut by a power cut, or is being written: what stands before it holds


@functools.lru_cache(1000)  # once for each file, as long as it is the same
def tell_damage(path: Path, lines: int, why: str) -> None:
    """Say that a file cannot be read to its end."""
    log.warning("%s is damaged after %d lines (%s): what was shown after them cannot be played back", path, lines, why)


def _compress(path: Path) -> None:
    """Put a compressed file in the place of a plain one, which stays where there is no room for it."""
    try:
        packed = path.with_name(f"{begun_at(path)}-{ended_at(path)}.jsonl.gz")
        with path.open("rb") as plain, gzip.open(packed.with_suffix(".part"), "wb", compresslevel=1) as out:
            shutil.copyfileobj(plain, out)
        packed.with_suffix(".part").replace(packed)
        path.unlink()
    except OSError as why:
        log.warning("%s stays as it is: %s", path, why)
