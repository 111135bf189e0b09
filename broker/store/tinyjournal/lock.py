"""One process per folder: an flock that ends with its holder, however that dies."""

import os
from contextlib import suppress
from pathlib import Path

from broker.store.tinyjournal.files import Files


class FolderLocked(ConnectionError):  # noqa: N818 - the name says what is so
    """Another process works in this folder; the text names it."""


class FolderLock:
    """Holds `<folder>/lock` until `release`; raises FolderLocked at once if somebody else does, OSError as the disk."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self._files = files or Files()
        handle = self._files.open_to_lock(folder / "lock")
        try:
            self._files.lock(handle)
        except BlockingIOError as error:
            holder = self._signed(handle)
            self._files.close(handle)
            raise FolderLocked(
                f"{folder} is in use by process {holder or 'unknown'}; "
                "stop that one first, two would damage each other's work"
            ) from error
        except BaseException:
            self._files.close(handle)
            raise
        # The number is for people only: a disk that is full or read only must not keep anybody out.
        with suppress(OSError):
            self._files.sign(handle, f"{os.getpid()}\n".encode())
        self._handle: int | None = handle

    def _signed(self, handle: int) -> str:
        with suppress(OSError):
            return self._files.read(handle, 64, 0).decode(errors="replace").strip()
        return ""

    def release(self) -> None:
        """Let others in; a second call does nothing."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            self._files.close(handle)
