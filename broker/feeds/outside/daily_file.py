"""Messages as lines of JSON in a file a day, for whoever fetches files instead of being called."""

import json
import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.durable_file import Disk, append_durably
from broker.feeds.outside.outbox import Waiting
from broker.feeds.outside.webhook import Outcome


class FileSink:
    """A folder with `2026-11-30.jsonl` for each day of the area, by when things happened."""

    def __init__(self, folder: Path, timezone: str, disk: Disk | None = None) -> None:
        self.folder, self._zone, self._disk = folder, ZoneInfo(timezone), disk or Disk()

    def deliver(self, message: Waiting) -> Outcome:
        """Append a line {id, type, timestamp, data}; on the disk when it is delivered."""
        line = {"id": message.id, **json.loads(message.body)}
        path = self.folder / f"{datetime.fromtimestamp(message.at, self._zone):%Y-%m-%d}.jsonl"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _cut_half_line(path)
            append_durably(self._disk, path, json.dumps(line, ensure_ascii=False).encode() + b"\n")
        except OSError as why:
            return Outcome("in_vain", f"{path.name} cannot be written ({why.strerror or why})")
        return Outcome("delivered")


def _cut_half_line(path: Path) -> None:
    """What a kill left half written is cut: its message still waits, and is written whole."""
    try:
        content = path.open("rb+")
    except FileNotFoundError:
        return
    with content:
        size = content.seek(0, os.SEEK_END)
        if size == 0:
            return
        content.seek(max(0, size - (1 << 16)))
        tail = content.read()
        if not tail.endswith(b"\n"):
            content.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
