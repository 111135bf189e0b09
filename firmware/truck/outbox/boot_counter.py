"""The boot counter: a small file beside the outbox, replaced whole and fsynced: no two starts share a number.

A second number follows where the outbox itself could not count the start: the last one that it did count.
"""

import os
from pathlib import Path


def read_boot(path: Path) -> int:
    """The number in the file; 0 where there is no file or no number in it."""
    return _numbers(path)[0]


def read_counted(path: Path) -> int:
    """The last start that the outbox has counted; 0 where it has none, or nothing tells."""
    return _numbers(path)[-1]


def _numbers(path: Path) -> list[int]:
    try:
        return [max(0, int(word)) for word in path.read_text(encoding="ascii").split()] or [0]
    except (OSError, ValueError):
        return [0]


def write_boot(path: Path, boot: int, counted: int | None = None) -> None:
    """Replaces the file by `boot`; when this returns the number is on the disk. Raises OSError if it cannot be.

    `counted` is the last start that the outbox has counted, where that is not this one.
    """
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(f"{boot}\n" if counted is None else f"{boot} {counted}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes renames and new files in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
