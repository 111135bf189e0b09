"""One process per folder: an flock that ends with its holder, however that dies."""

import fcntl
import os
from pathlib import Path


class FolderLocked(ConnectionError):  # noqa: N818 - the name says what is so
    """Another process works in this folder; the text names it."""


class FolderLock:
    """Holds `<folder>/lock` until `release`; raises FolderLocked at once if somebody else does."""

    def __init__(self, folder: Path) -> None:
        path = folder / "lock"
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 64, 0).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise FolderLocked(
                f"{folder} is in use by process {holder}; stop that one first, two would damage each other's work"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle: int | None = handle

    def release(self) -> None:
        """Let others in; a second call does nothing."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
