"""The ledger: one JSON line for each unit written, never changed afterwards. Who, when, which board, which release.

A line is appended in one write under a lock and reaches the disk before the tool says OK.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tools.flashing.errors import FlashError

SECRET_WORDS = ("password", "key", "secret", "token")


def signed(action: str, area: str, family: str, line: dict[str, Any], at_s: float) -> dict[str, Any]:
    """A whole line: what was done to which device, by whom and when (Unix seconds)."""
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
    return {"at": at, "who": getpass.getuser(), "action": action, "area": area, "family": family, **line}


def append(file: Path, line: dict[str, Any]) -> None:
    """Adds one line; raises FlashError("ledger")."""
    for name in line:
        assert not any(word in name for word in SECRET_WORDS), f"{name} does not belong in a ledger"
    text = json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as target:
            fcntl.flock(target, fcntl.LOCK_EX)
            target.seek(0, os.SEEK_END)
            if target.tell() and not _ends_whole(target):
                target.write(b"\n")  # a power cut left half a line: keep it, begin a new one
            target.write(text.encode())
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        raise FlashError("ledger", file=file, what=error.strerror or str(error)) from error


def _ends_whole(target: Any) -> bool:
    target.seek(-1, os.SEEK_END)
    return bool(target.read(1) == b"\n")


def read(file: Path) -> tuple[list[dict[str, Any]], int]:
    """All lines, oldest first, and how many could not be read; an absent ledger is empty."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise FlashError("ledger", file=file, what=error.strerror or str(error)) from error
    lines, bad = [], 0
    for text in raw.splitlines():
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, dict):
            lines.append(value)
        elif text.strip():
            bad += 1
    return lines, bad


def last_of(lines: list[dict[str, Any]], device: str) -> dict[str, Any] | None:
    """The newest line about a device, or None."""
    return next((line for line in reversed(lines) if line.get("id") == device), None)
