"""The calls to the file system outside SQLite that durability depends on, in one class that a test can replace."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from broker.store.record import Unavailable

RESERVE_BYTES = 1024 * 1024


class Files:
    """The file calls of a store; each raises OSError as the system does."""

    def write(self, path: Path, pieces: Iterable[bytes]) -> None:
        """A new file with these in it, on the disk; its name is not yet."""
        handle = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        with os.fdopen(handle, "wb", 1 << 18) as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(handle)

    def overwrite(self, path: Path, data: bytes, *, sync: bool) -> None:
        """The first bytes of a file that is there anew, in place; on the disk only with `sync`."""
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(handle, data, 0)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)

    def replace(self, source: Path, target: Path) -> None:
        """Rename in one step, over whatever is at `target`, and have the name survive a power cut."""
        source.replace(target)
        self.sync_folder(target.parent)

    def write_whole(self, path: Path, data: bytes) -> None:
        """A whole file in one step: written and synced under a hidden name, then renamed."""
        draft = path.with_name(f".{path.name}.part")
        self.write(draft, [data])
        self.replace(draft, path)

    def remove(self, path: Path) -> None:
        """Remove a file, or a folder and all in it."""
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

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


class Lock:
    """The flock of those who write to a record: alone while it is opened or repaired, shared while they work.

    Taken alone if nobody else has it. Else Unavailable with `must_be_alone`, and otherwise it is shared from the
    beginning: whoever is at work there has opened the record. It ends with its holder, however that dies.
    """

    def __init__(self, path: Path, *, must_be_alone: bool = False) -> None:
        try:
            self._handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise Unavailable(f"{path} cannot be opened ({error.strerror}), which writing here needs") from error
        self.alone = self._take(fcntl.LOCK_EX)
        if self.alone:
            # The number is for people only: a full disk must not keep anybody out.
            with suppress(OSError):
                os.ftruncate(self._handle, 0)
                os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)
        elif must_be_alone or not self._take(fcntl.LOCK_SH):
            holder = os.pread(self._handle, 64, 0).decode(errors="replace").strip() or "unknown"
            self.release()
            raise Unavailable(
                f"{path.parent} is in use by process {holder}; stop that one first, two would damage each other's work"
            )

    def _take(self, how: int) -> bool:
        try:
            fcntl.flock(self._handle, how | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def share(self) -> None:
        """Let others write as well, one commit after the other; nobody can be alone there meanwhile."""
        if self.alone:
            self._take(fcntl.LOCK_SH)
            self.alone = False

    def be_alone(self) -> bool:
        """Whether nobody else is at work here; then nobody comes until `share`."""
        if not self.alone:
            self.alone = self._take(fcntl.LOCK_EX)
            if not self.alone and not self._take(fcntl.LOCK_SH):  # to ask for more has cost what we had
                self.release()
                raise Unavailable("somebody is opening or repairing this record at this moment: open it again soon")
        return self.alone

    def have_again(self, path: Path) -> bool:
        """Whether the file was taken away, and is there and ours again: by it nobody would know that we are here."""
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._handle), path.stat()):
                return False
        before, self._handle = self._handle, os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o640)
        if not self._take(fcntl.LOCK_SH):
            os.close(self._handle)
            self._handle = before  # so that the next look tries again
            raise Unavailable(f"{path} was removed, and another process has this record alone now: stop one of the two")
        os.close(before)
        return True

    def release(self) -> None:
        """Give it back; a second call does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


class Reserve:
    """A megabyte kept on the disk for an alarm, or a start, that meets a full one; a person is told by `tell`."""

    def __init__(self, folder: Path, files: Files, tell: Callable[[str], None]) -> None:
        self._path, self._files, self._tell = folder / "reserve", files, tell

    def keep(self, from_bytes: int) -> bool:
        """Make it if it is not there, or not whole, and the disk has more than so many bytes free; whether it did."""
        try:
            whole = self._path.exists() and self._path.stat().st_size >= RESERVE_BYTES
            if not whole and self._files.free_bytes(self._path.parent) > from_bytes:
                self._files.write_whole(self._path, b"\0" * RESERVE_BYTES)
                return True
        except OSError as error:
            self._tell(f"{self._path}: no reserve for a full disk could be made: {error}")
        return False

    def give_up(self, why: str) -> bool:
        """Make its room free; False if there is none."""
        if not self._path.exists():
            return False
        self._files.remove(self._path)
        self._tell(f"{self._path.parent}: the disk is full; the reserve was given up for {why}")
        return True
