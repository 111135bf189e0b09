"""The accelerated clock that all processes of a live run share; machine-wide, because CLOCK_MONOTONIC is.

It stands still until everything is up: the starting signal is a small file. Each of its lines says from which real
monotonic time on, beginning with which moment of the simulated day, time runs how many times as fast as life; a
change of speed is one more line.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

NOTICE_S = 0.02  # real: a change is said so long before it counts, so that nobody has gone past it at the old speed


class Stretch(NamedTuple):
    """From `real_s` on, where it was `at`, time runs `speed` times as fast as life."""

    real_s: float
    at: float
    speed: int


class SpedClock:
    """It stands at `start_at` (POSIX seconds) until `go`, and then runs `speed` times as fast as life."""

    def __init__(self, start_at: float, speed: int, signal: Path) -> None:
        self.start_at = start_at
        self.first_speed = speed
        self._signal = signal
        self._stretches: tuple[Stretch, ...] = ()
        self._read: tuple[int, int] | None = None  # which file was read
        self._lock = threading.Lock()

    def go(self) -> None:
        """Give the starting signal to every process that shares this clock."""
        self._write((Stretch(time.monotonic(), self.start_at, self.first_speed),))

    def run_at(self, speed: int) -> None:
        """Run so many times as fast as life, in every process that shares this clock; returns when they do."""
        with self._lock:
            stretches = self._known()
            real_s = time.monotonic() + NOTICE_S
            if not stretches:
                self.first_speed = speed
            elif stretches[-1].speed != speed:
                real_s = max(real_s, stretches[-1].real_s)
                self._write((*stretches, Stretch(real_s, self.at(real_s), speed)))
                time.sleep(max(0.0, real_s - time.monotonic()))

    @property
    def speed(self) -> int:
        """How many times as fast as life it runs now, or is about to."""
        stretches = self._known()
        return stretches[-1].speed if stretches else self.first_speed

    @property
    def fastest(self) -> int:
        """The highest speed that it ran at so far."""
        return max((stretch.speed for stretch in self._known()), default=self.first_speed)

    def now(self) -> float:
        """POSIX seconds of the simulated day."""
        return self.at(time.monotonic())

    def monotonic(self) -> float:
        """Accelerated seconds since the starting signal; what a program takes for `time.monotonic`."""
        return self.at(time.monotonic()) - self.start_at

    def at(self, real_s: float) -> float:
        """POSIX seconds of the simulated day at a real monotonic time."""
        for stretch in reversed(self._known()):
            if real_s >= stretch.real_s:
                return stretch.at + (real_s - stretch.real_s) * stretch.speed
        return self.start_at

    def real_s(self, simulated_s: float) -> float:
        """How long so much simulated time takes in life, at the present speed."""
        return simulated_s / self.speed

    def to_text(self) -> str:
        """For a child's command line."""
        return json.dumps([self.start_at, self.first_speed, str(self._signal)])

    @staticmethod
    def from_text(text: str) -> "SpedClock":
        """What `to_text` wrote."""
        start_at, speed, signal = json.loads(text)
        return SpedClock(start_at, speed, Path(signal))

    def _known(self) -> tuple[Stretch, ...]:
        """The stretches, read again where somebody wrote more; the file is replaced, never changed."""
        try:
            file = os.stat(self._signal)  # noqa: PTH116 - asked with each look at the time, and this is quicker
        except FileNotFoundError:
            return self._stretches
        if (file.st_ino, file.st_mtime_ns) != self._read:
            self._stretches = tuple(Stretch(*each) for each in json.loads(self._signal.read_text(encoding="ascii")))
            self._read = file.st_ino, file.st_mtime_ns
        return self._stretches

    def _write(self, stretches: tuple[Stretch, ...]) -> None:
        fresh = self._signal.with_name(self._signal.name + ".new")
        fresh.write_text(json.dumps(stretches), encoding="ascii")
        fresh.replace(self._signal)
