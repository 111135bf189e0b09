"""The accelerated clock that all processes of a live run share; machine-wide, because CLOCK_MONOTONIC is.

It stands still until everything is up: the starting signal is a small file that holds the real monotonic time from
which on time runs.
"""

import json
import time
from pathlib import Path


class SpedClock:
    """It stands at `start_at` (POSIX seconds) until `go`, and then runs `speed` times as fast as life."""

    def __init__(self, start_at: float, speed: int, signal: Path) -> None:
        self.start_at = start_at
        self.speed = speed
        self._signal = signal
        self._origin_s: float | None = None

    def go(self) -> None:
        """Give the starting signal to every process that shares this clock."""
        fresh = self._signal.with_name(self._signal.name + ".new")
        fresh.write_text(repr(time.monotonic()), encoding="ascii")
        fresh.replace(self._signal)

    def now(self) -> float:
        """POSIX seconds of the simulated day."""
        return self.at(time.monotonic())

    def monotonic(self) -> float:
        """Accelerated seconds since the starting signal; what a program takes for `time.monotonic`."""
        return self.at(time.monotonic()) - self.start_at

    def at(self, real_s: float) -> float:
        """POSIX seconds of the simulated day at a real monotonic time."""
        if self._origin_s is None:
            try:
                self._origin_s = float(self._signal.read_text(encoding="ascii"))
            except FileNotFoundError:
                return self.start_at
        return self.start_at + max(0.0, real_s - self._origin_s) * self.speed

    def real_s(self, simulated_s: float) -> float:
        """How long so much simulated time takes in life."""
        return simulated_s / self.speed

    def to_text(self) -> str:
        """For a child's command line."""
        return json.dumps([self.start_at, self.speed, str(self._signal)])

    @staticmethod
    def from_text(text: str) -> "SpedClock":
        """What `to_text` wrote."""
        start_at, speed, signal = json.loads(text)
        return SpedClock(start_at, speed, Path(signal))
