"""A disk under the record that fails when it is told to, and that knows what a power cut would leave of it."""

import errno
import os
import random
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from broker.store.sqlite.files import Files
from tests.support.record.sqlite_faults import FULL, IOERR_FSYNC, IOERR_WRITE, OK

BLOCK_BYTES = 512


class _File:
    """What is on the disk for sure, and what was written since; of that nothing, all or some blocks may be there."""

    def __init__(self) -> None:
        self.synced = b""
        self._since: list[tuple[int, bytes | None]] = []
        self._lock = threading.RLock()  # while one thread copies a log another one writes it

    def add(self, place: int, data: bytes | None) -> None:
        """Bytes are written from a place on, or it is cut there."""
        with self._lock:
            self._since.append((place, data))

    def sync(self, *, fails: bool = False) -> None:
        """Have what was written on the disk; or, if that fails, dropped."""
        with self._lock:
            self.synced = self.synced if fails else self.now()
            self._since.clear()

    def now(self) -> bytes:
        """The content as a program reads it."""
        content = bytearray(self.synced)
        for place, data in self._since:
            if data is None:
                del content[place:]
            else:
                content.extend(bytes(max(0, place - len(content))))
                content[place : place + len(data)] = data
        return bytes(content)

    def some(self, chance: random.Random) -> bytes:
        """Old or new length, each block old or new, or zeros where none was."""
        synced, now = self.synced, self.now()
        if now == synced or chance.random() < 0.3:
            return synced
        length = len(now) if chance.random() < 0.7 else len(synced)
        blocks = []
        for start in range(0, length, BLOCK_BYTES):
            end = min(start + BLOCK_BYTES, length)
            blocks.append((now if chance.random() < 0.6 else synced)[start:end].ljust(end - start, b"\0"))
        return b"".join(blocks)


class Disk(Files):
    """The calls that change the disk, SQLite's and ours. Call number `at` fails, `lasting` or once, until `healed`.

    A sync that fails drops what was written since the last one, as Linux does: it is read, and never written.
    """

    def __init__(self, at: int = 0, code: int = errno.EIO, lasting: bool = False) -> None:
        self.at, self.code, self.lasting = at, code, lasting
        self.calls, self.healed = 0, False
        self.failing_sync = ""  # the name of a file whose syncs fail
        self.on_call: Callable[[], None] = lambda: None  # before each call
        self._live: dict[Path, _File] = {}  # the names as the running program sees them
        self._safe: dict[Path, _File] = {}  # the names that survive

    def fails(self) -> bool:
        """Whether this call is to fail."""
        self.on_call()
        self.calls += 1
        return not self.healed and self.at > 0 and (self.calls == self.at or (self.lasting and self.calls > self.at))

    def is_good(self) -> bool:
        """Whether no call fails from now on."""
        return self.healed or not self.at or (not self.lasting and self.calls >= self.at)

    def adopt(self, folder: Path) -> None:
        """What lies in a folder was there before, and is on the disk for sure."""
        for path in folder.rglob("*"):
            if path.is_file():
                self._live[path] = self._safe[path] = _File()
                self._live[path].synced = path.read_bytes()

    def _sqlite(self, code: int) -> int:
        return (FULL if self.code == errno.ENOSPC and code != IOERR_FSYNC else code) if self.fails() else OK

    def _check(self) -> None:
        if self.fails():
            raise OSError(self.code, os.strerror(self.code))

    def _file(self, path: Path) -> _File:
        return self._live.setdefault(path, _File())

    # SQLite's calls and those of Files have their own names, but for `write`.

    def write(self, path: Path, data: Iterable[bytes] | int, content: bytes = b"") -> int:  # type: ignore[override]
        """A file of ours as a whole and synced, or a part of one of SQLite's."""
        if isinstance(data, int):
            failed = self._sqlite(IOERR_WRITE)
            self._file(path).add(data, content[: len(content) // 2] if failed else content)
            return failed
        self._check()
        self._live[path] = _File()
        self._live[path].synced = b"".join(data)
        path.write_bytes(self._live[path].synced)
        return OK

    def read(self, path: Path, offset: int) -> int:
        """SQLite reads."""
        return OK

    def sync(self, path: Path) -> int:
        """SQLite's sync; the first one of a log makes its name safe too."""
        failed, file = self._sqlite(IOERR_FSYNC), self._file(path)
        failed = failed or (IOERR_FSYNC if path.name == self.failing_sync else OK)
        file.sync(fails=bool(failed))
        if not failed and self._safe.get(path) is not file and path.name.endswith(("-wal", "-journal")):
            self._names_are_safe(path.parent)
        return failed

    def truncate(self, path: Path, size: int) -> int:
        """SQLite's cut."""
        if failed := self._sqlite(IOERR_WRITE):
            return failed
        self._file(path).add(size, None)
        return OK

    def delete(self, path: Path) -> int:
        """SQLite removes a log."""
        if failed := self._sqlite(IOERR_WRITE):
            return failed
        self._live.pop(path, None)
        return OK

    def overwrite(self, path: Path, data: bytes, *, sync: bool) -> None:
        self._check()
        super().overwrite(path, data, sync=False)
        file = self._file(path)
        file.add(0, data)
        if sync:
            file.sync()

    def replace(self, source: Path, target: Path) -> None:
        self._check()
        source.replace(target)
        for path in [path for path in self._live if source in (path, *path.parents)]:
            self._live[target / path.relative_to(source) if path != source else target] = self._live.pop(path)
        self.sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        self._check()
        super().remove(path)
        for inner in [inner for inner in self._live if path in (inner, *inner.parents)]:
            del self._live[inner]

    def sync_folder(self, path: Path) -> None:
        self._check()
        self._names_are_safe(path)

    def _names_are_safe(self, folder: Path) -> None:
        for name in {*self._live, *self._safe}:
            if folder in name.parents:  # what lies in a renamed folder goes with it
                if name in self._live:
                    self._safe[name] = self._live[name]
                else:
                    self._safe.pop(name, None)

    def image(self, root: Path, target: Path, chance: random.Random) -> None:
        """Build one possible state of what lies in `root` after a power cut now."""
        for name in sorted({*self._live, *self._safe}):
            either = [names[name] for names in (self._live, self._safe) if name in names]
            if len(either) == 1 and chance.random() < 0.5:
                continue  # its name did not survive, or its removal did
            path = target / name.relative_to(root)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chance.choice(either).some(chance))

    def worst(self, folder: Path, target: Path) -> None:
        """Build the state of a folder after a power cut that left nothing but what was synced."""
        target.mkdir()
        for path, file in self._live.items():
            if path.parent == folder:
                (target / path.name).write_bytes(file.synced)
