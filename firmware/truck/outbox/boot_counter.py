"""The boot counter: a small file beside the outbox, replaced whole and fsynced: no two starts share a number."""

import os
from pathlib import Path


def read_boot(path: Path) -> int:
    """The number in the file; 0 where there is no file or no number in it."""
    try:
        return max(0, int(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError):
        return 0


def write_boot(path: Path, boot: int) -> None:
    """Replaces the file by `boot`; when this returns the number is on the disk. Raises OSError if it cannot be."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="ascii") as file:
        file.write(f"{boot}\n")
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
