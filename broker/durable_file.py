"""Never half, never blank: the few system calls a register needs, and the one safe way to write a file.

Every call goes through `Disk`, so that the tests can make each one fail, or kill the process at each one.
"""

import os
from contextlib import suppress
from pathlib import Path

PRIVATE_MODE = 0o600
TEMP_SUFFIX = ".tmp"


class Disk:
    """The real system calls, one method each; all raise OSError."""

    def create(self, path: Path) -> int:
        """Open a new file for writing, readable by its owner only; refuses an existing one."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_MODE)

    def open_append(self, path: Path) -> int:
        """Open for appending, making the file if need be."""
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE)

    def write(self, descriptor: int, content: bytes) -> int:
        """Write some of the bytes; returns how many."""
        return os.write(descriptor, content)

    def fsync(self, descriptor: int) -> None:
        """Return when the file is on the disk."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close."""
        os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Rename over."""
        source.replace(target)

    def unlink(self, path: Path) -> None:
        """Remove a name."""
        path.unlink()

    def truncate(self, path: Path, length: int) -> None:
        """Cut a file."""
        os.truncate(path, length)

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in the folder are on the disk."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_all(disk: Disk, descriptor: int, content: bytes) -> None:
    """Write every byte, however few each call takes."""
    view = memoryview(content)
    while view:
        view = view[disk.write(descriptor, bytes(view)) :]


def write_durably(disk: Disk, path: Path, content: bytes) -> None:
    """Give `path` this content or leave it as it was; on return it would survive a power cut."""
    temp = path.with_name(f".{path.name}{TEMP_SUFFIX}")
    if temp.exists():  # left by a process that was killed; the caller holds the lock
        disk.unlink(temp)
    descriptor = disk.create(temp)
    try:
        try:
            write_all(disk, descriptor, content)
            disk.fsync(descriptor)
        finally:
            disk.close(descriptor)
        disk.replace(temp, path)
    except OSError:
        with suppress(OSError):
            disk.unlink(temp)
        raise
    disk.sync_folder(path.parent)


def append_durably(disk: Disk, path: Path, content: bytes) -> None:
    """Append or leave the file as it was; on return the bytes would survive a power cut.

    If even the cutting-back fails, the half line stays; a reader recognises it by its missing end.
    """
    fresh = not path.exists()
    length = 0 if fresh else path.stat().st_size
    descriptor = disk.open_append(path)
    try:
        try:
            write_all(disk, descriptor, content)
            disk.fsync(descriptor)
        finally:
            disk.close(descriptor)
    except OSError:
        with suppress(OSError):
            disk.truncate(path, length)
        raise
    if fresh:
        disk.sync_folder(path.parent)


def append_line(disk: Disk, path: Path, line: bytes) -> None:
    """Append a line as `append_durably` does; half a line that a power cut left there must not swallow it."""
    append_durably(disk, path, b"\n" + line if _cut_off(path) else line)


def _cut_off(path: Path) -> bool:
    """Whether the file's last line has no end."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
