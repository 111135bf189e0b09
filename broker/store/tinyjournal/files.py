"""Every call to the file system that durability depends on, in one small class that a test can replace."""

import errno
import fcntl
import os
import shutil
from pathlib import Path


class Files:
    """The file calls of a store; each raises OSError as the system does. A subclass may count them or let them fail."""

    def create(self, path: Path) -> int:
        """A new, empty file opened for writing; FileExistsError if the name is taken."""
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640)

    def reopen(self, path: Path) -> int:
        """An existing file opened for writing."""
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def open_to_read(self, path: Path) -> int:
        """An existing file opened for reading."""
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def open_to_lock(self, path: Path) -> int:
        """A file to lock, made if need be; on a disk that is read only the file as it is, else its folder."""
        try:
            return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        except OSError as error:
            if error.errno != errno.EROFS:
                raise
        return os.open(path if path.exists() else path.parent, os.O_RDONLY | os.O_CLOEXEC)

    def lock(self, handle: int) -> None:
        """Take the lock of an open file until it is closed; BlockingIOError if somebody else has it."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def sign(self, handle: int, data: bytes) -> None:
        """Make `data` all that a small file holds; a power cut may undo it."""
        os.ftruncate(handle, 0)
        os.pwrite(handle, data, 0)

    def read(self, handle: int, length: int, offset: int) -> bytes:
        """`length` bytes from byte `offset` on, fewer only at the end of the file."""
        data = os.pread(handle, length, offset)
        while 0 < len(data) < length:
            more = os.pread(handle, length - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def write(self, handle: int, data: bytes, offset: int) -> None:
        """All of `data` handed to the system for byte `offset` on; on OSError a part of it may be in the file."""
        done = os.pwrite(handle, data, offset)
        while done < len(data):
            done += os.pwrite(handle, memoryview(data)[done:], offset + done)

    def sync(self, handle: int) -> None:
        """What was written to this file survives a power cut."""
        os.fdatasync(handle)

    def truncate(self, handle: int, size: int) -> None:
        """Cut the file to `size` bytes."""
        os.ftruncate(handle, size)

    def close(self, handle: int) -> None:
        """Give the handle back."""
        os.close(handle)

    def replace(self, source: Path, target: Path) -> None:
        """Rename in one step, over whatever is at `target`."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Remove one file."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove a folder and all in it."""
        shutil.rmtree(path)

    def make_folder(self, path: Path) -> None:
        """Make a folder (and its parents) and have its name survive a power cut."""
        if path.is_dir():
            return
        self.make_folder(path.parent)
        path.mkdir(exist_ok=True)
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        """The names in this folder survive a power cut."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def free_bytes(self, path: Path) -> int:
        """Bytes an ordinary user may still write to the disk that holds `path`."""
        room = os.statvfs(path)
        return room.f_bavail * room.f_frsize

    def write_file(self, path: Path, data: bytes) -> None:
        """A whole new file, synced under a temporary name and renamed into place; its folder is synced too."""
        draft = path.with_name(f".{path.name}.part")
        if draft.exists():
            self.remove(draft)
        handle = self.create(draft)
        try:
            self.write(handle, data, 0)
            self.sync(handle)
        finally:
            self.close(handle)
        self.replace(draft, path)
        self.sync_folder(path.parent)
