"""Who looked at members' data and exported what, who signed in and who changed an account: one line each, a file a
month, personal facts never in it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.durable_file import Disk, append_line

MAX_TEXT = 200


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
            for line in path.read_bytes().split(b"\n"):
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict):
                    yield entry


def open_access_log(
    folder: Path, *, timezone: str = "Asia/Shanghai", now: Callable[[], float] = time.time
) -> AccessLog:
    """The log of the registers in `folder`; its files change with the area's months."""
    zone = ZoneInfo(timezone)
    return AccessLog(folder, now=now, day_of=lambda at: datetime.fromtimestamp(at, zone).date().isoformat())
