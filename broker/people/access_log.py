"""Who looked at members' data and exported what, who signed in and who changed an account: one line each, a file a
month, personal facts never in it."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.durable_file import Disk, append_line

MAX_TEXT = 200
TAIL_MONTHS, TAIL_BYTES = 3, 512 * 1024  # what is looked at for the newest entries


class AccessLog:
    """`<folder>/access/2026-11.jsonl`."""

    def __init__(self, folder: Path, *, now: Callable[[], float], day_of: Callable[[int], str]) -> None:
        self.folder = folder / "access"
        self._now, self._day_of, self._disk = now, day_of, Disk()
        self._turn = threading.Lock()

    def note(self, who: str, role: str, action: str, what: str) -> None:
        """Write one line durably; an access that cannot be written down must not happen (OSError)."""
        at = int(self._now())
        entry = {"at": at, "who": who[:MAX_TEXT], "role": role, "action": action, "what": what[:MAX_TEXT]}
        line = json.dumps(entry, ensure_ascii=False, sort_keys=True).encode() + b"\n"
        path = self.folder / f"{self._day_of(at)[:7]}.jsonl"
        with self._turn:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            append_line(self._disk, path, line)

    def lines(self) -> Iterator[dict[str, object]]:
        """All entries, oldest first; a cut-off line is passed over."""
        for path in sorted(self.folder.glob("*.jsonl")):
            yield from _entries(path.read_bytes().split(b"\n"))

    def newest(self) -> Iterator[dict[str, object]]:
        """The entries of the last months, newest first; of a month its last TAIL_BYTES only."""
        for path in sorted(self.folder.glob("*.jsonl"), reverse=True)[:TAIL_MONTHS]:
            with path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
                yield from _entries(reversed(file.read().split(b"\n")))


def _entries(lines: Iterable[bytes]) -> Iterator[dict[str, object]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and {"at", "who", "role", "action", "what"} <= set(entry):
            yield entry


def open_access_log(
    folder: Path, *, timezone: str = "Asia/Shanghai", now: Callable[[], float] = time.time
) -> AccessLog:
    """The log of the registers in `folder`; its files change with the area's months."""
    zone = ZoneInfo(timezone)
    return AccessLog(folder, now=now, day_of=lambda at: datetime.fromtimestamp(at, zone).date().isoformat())
