"""The change log beside a register: one line per change, each sealed and chained to the one before.

A line holds who, when, why, both etags and the differences (personal facts masked). `prev` is the seal of
the line before, `seal` the hash of the line itself, so a changed, lost or swapped line is noticed. A last
line without its end is a write that was cut off and never acknowledged.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from broker.durable_file import Disk, append_durably, write_durably
from broker.registers.errors import Damaged
from broker.registers.kept.canonical import etag_of
from broker.registers.kept.differences import Change

START = "0" * 16


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One change as logged; `at` is POSIX seconds."""

    n: int
    at: int
    who: str
    why: str
    action: str
    version: int
    old_etag: str | None
    new_etag: str
    changes: tuple[Change, ...]
    prev: str
    seal: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON for the API."""
        return {
            "n": self.n, "at": self.at, "who": self.who, "why": self.why, "action": self.action,
            "version": self.version, "etag": self.new_etag, "changes": [change.as_json() for change in self.changes],
        }


def log_line(
    before: LogEntry | None, at: int, who: str, why: str, action: str, version: int, old_etag: str | None,
    new_etag: str, changes: Sequence[Change],
) -> bytes:
    """The next line of the log, sealed, with its line end."""
    body = {
        "n": before.n + 1 if before else 1, "at": at, "who": who, "why": why, "action": action, "version": version,
        "old_etag": old_etag, "new_etag": new_etag, "changes": [change.as_json() for change in changes],
        "prev": before.seal if before else START,
    }
    return _dump({**body, "seal": _seal(body)}) + b"\n"


def read_log(content: bytes, name: str) -> tuple[list[LogEntry], int]:
    """All entries, and the number of bytes that hold them (less than given: a cut-off last line).

    Raises Damaged naming the line that is not what was written.
    """
    entries: list[LogEntry] = []
    good = 0
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        entry = _parse(line)
        last = entries[-1] if entries else None
        if entry is None or entry.prev != (last.seal if last else START) or entry.n != number:
            raise Damaged(
                f"{name}, line {number}: this line of the change log is not what was written; nothing was changed. "
                "Put back the log from a backup, or move it and the register away together and import the last export."
            )
        entries.append(entry)
        good += len(line) + 1
    return entries, good


class ChangeLog:
    """The log of one register on the disk; only bytes that are new are checked line by line."""

    def __init__(self, path: Path, disk: Disk, now: Callable[[], float]) -> None:
        self._path, self._disk, self._now = path, disk, now
        self._read: tuple[bytes, list[LogEntry], int] = (b"", [], 0)

    def append(self, line: bytes) -> None:
        """Have the line on the disk: from here on the change has happened."""
        append_durably(self._disk, self._path, line)

    def read(self, content: bytes | None) -> tuple[list[LogEntry], tuple[str, ...]]:
        """All entries, and warnings; a cut-off end is moved aside, unless it is of the very version on the disk."""
        raw = self._path.read_bytes() if self._path.exists() else b""
        digest = hashlib.sha256(raw).digest()
        if digest != self._read[0]:
            self._read = (digest, *read_log(raw, self._path.name))
        entries, good = list(self._read[1]), self._read[2]
        tail = raw[good:]
        if not tail:
            return entries, ()
        # The tail of a change that was made names the very version on the disk as its new one.
        if content is not None and f'"new_etag":"{etag_of(content)}"'.encode() in tail:
            raise Damaged(
                f"{self._path.name}, line {len(entries) + 1}: the last line is broken though its change was made; "
                "nothing was changed. Put back the log from a backup."
            )
        aside = self._path.with_name(f"{self._path.name}.torn-{int(self._now())}")
        write_durably(self._disk, aside, tail)
        self._disk.truncate(self._path, good)
        return entries, (f"a cut-off log line that was never acknowledged was moved to {aside.name}",)


def _parse(line: bytes) -> LogEntry | None:
    try:
        value: Mapping[str, Any] = json.loads(line)
        body = {key: item for key, item in value.items() if key != "seal"}
        if value["seal"] != _seal(body) or _dump(value) != line:
            return None
        changes = tuple(Change(change["path"], change["old"], change["new"]) for change in body.pop("changes"))
        return LogEntry(changes=changes, seal=value["seal"], **body)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _seal(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_dump(body)).hexdigest()[:16]


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
