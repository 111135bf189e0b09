"""The machines of a street whose clocks can be set while their programs run: libfaketime, an offset in a file for each.

A clock that is set moves the time of day and nothing else: the monotonic clock of a machine does not jump, here too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRELOADED = Path(__file__).parent / "clocks"
LIBRARIES = ("libfaketimeMT.so.1", "libfaketime.so.1")


def faketime() -> Path | None:
    """The library (Debian's package `faketime`), or None where it is not installed."""
    found = [path for name in LIBRARIES for path in sorted(Path("/usr/lib").glob(f"*/faketime/{name}"))]
    return found[0] if found else None


class MachineClock:
    """One machine's clock; programs that are started within `running` go by it."""

    def __init__(self, file: Path, ahead_s: int, library: Path) -> None:
        self._file = file
        self._library = library
        self._usual_s = ahead_s
        self.set_wrong(0)

    def set_wrong(self, by_s: int) -> None:
        """From now on (within a second) its clock is so many seconds ahead of the world's."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{self._usual_s + by_s:+d}\n", encoding="ascii")
        fresh.replace(self._file)

    @contextmanager
    def running(self) -> Iterator[None]:
        """What is started here runs on this machine."""
        before = dict(os.environ)
        os.environ.update(
            LD_PRELOAD=str(self._library), FAKETIME_TIMESTAMP_FILE=str(self._file), FAKETIME_CACHE_DURATION="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1", DONT_FAKE_MONOTONIC="1", PYTHONPATH=str(PRELOADED),
        )  # fmt: skip
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
