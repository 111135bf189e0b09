"""The next version of a register, staged beside it until its file is renamed over the register's."""

from collections.abc import Callable, Collection
from pathlib import Path

from broker.durable_file import Disk, write_durably
from broker.registers.kept.canonical import etag_of


class Staging:
    """The staged file of one register, `.<name>.json.next`; a crash leaves it, and the next access decides on it."""

    def __init__(self, path: Path, disk: Disk, now: Callable[[], float]) -> None:
        self._path, self._disk, self._now = path, disk, now
        self._next = path.with_name(f".{path.name}.next")

    def stage(self, content: bytes) -> None:
        """Have the bytes on the disk, not yet as the register."""
        write_durably(self._disk, self._next, content)

    def forget(self) -> None:
        """Remove what was staged and never agreed on."""
        if self._next.exists():
            self._disk.unlink(self._next)

    def finish_or_forget(self, old_etag: str | None, new_etag: str) -> tuple[str, ...]:
        """Put what is staged in place if it is the version that the log ends with; returns warnings."""
        if not self._next.exists():
            return ()
        if etag_of(self._next.read_bytes()) != new_etag:
            self._disk.unlink(self._next)
            return ()
        return self.put_in_place({old_etag, new_etag})

    def put_in_place(self, expected: Collection[str | None]) -> tuple[str, ...]:
        """Rename the staged file over the register; what other hands put there meanwhile is moved aside first."""
        there = etag_of(self._path.read_bytes()) if self._path.exists() else None
        aside = self.move_aside() if there is not None and there not in expected else None
        self._disk.replace(self._next, self._path)
        self._disk.sync_folder(self._path.parent)
        return (f"an edit made by other hands during the save was moved to {aside.name}",) if aside else ()

    def move_aside(self) -> Path:
        """Give the register's file, as other hands left it, another name: its new path."""
        aside = self._path.with_name(f"{self._path.name}.edited-{int(self._now())}")
        self._disk.replace(self._path, aside)
        return aside
