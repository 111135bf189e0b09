"""A megabyte kept on the disk, to be given up when an alarm, or the start of the bridge, meets a full one."""

from collections.abc import Callable
from pathlib import Path

from broker.store.sqlite.disk.files import Files

RESERVE_BYTES = 1024 * 1024


class Reserve:
    """The file `reserve` of a store; what a person should know goes to `note`."""

    def __init__(self, folder: Path, files: Files, note: Callable[[str], None]) -> None:
        self._folder, self._path, self._files, self._note = folder, folder / "reserve", files, note

    def keep(self, from_bytes: int) -> None:
        """Make it if it is not there, or not whole, and the disk has more than so many bytes free."""
        try:
            whole = self._path.exists() and self._path.stat().st_size >= RESERVE_BYTES
            if not whole and self._files.free_bytes(self._folder) > from_bytes:
                self._files.write_whole(self._path, b"\0" * RESERVE_BYTES)
        except OSError as error:
            self._note(f"{self._path}: no reserve for a full disk could be made: {error}")

    def give_up(self, why: str) -> bool:
        """Make its room free; False if there is none."""
        if not self._path.exists():
            return False
        self._files.remove(self._path)
        self._note(f"{self._folder}: the disk is full; the reserve was given up for {why}")
        return True
