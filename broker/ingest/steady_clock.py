"""The bridge's clock: the machine's own, until that jumps; then the seconds that passed, until trucks say who is right.

A machine whose clock is a day ahead for ten minutes would end the day's runs, call rooms for tomorrow's and lose what
is left of today. A truck's receiver knows the time better than any machine: where a fresh position agrees with the new
time it is taken, and where it agrees with ours the jump stays doubted. Without a word of any truck it is taken after
ten minutes: at night nobody is called. A step of a minute is a correction and is followed at once.
"""

import sys
import threading
import time
from collections.abc import Callable

from firmware import wire

Clock = Callable[[], float]

STEP_S = 60.0  # so much a clock may be corrected by at once
AGREES_S = float(wire.NO_DATA_S)  # so old the position may be by which a time is believed
ALONE_S = 600.0


def since_boot() -> float:
    """Seconds that no setting of a clock changes, and that a machine's sleep does not stop where it can be told."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class SteadyClock:
    """`now()` is POSIX seconds; `heard(at)` is a fresh position's own time. Safe to use from any thread."""

    def __init__(self, wall: Clock, elapsed: Clock) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._ahead_s = wall() - elapsed()
        self._doubted_s: float | None = None  # since when, in elapsed seconds, or when a truck agreed with us last

    def now(self) -> float:
        """What time it is."""
        with self._lock:
            return self._now()

    def wrong_by_s(self) -> int | None:
        """By how much the machine's clock jumped, while that is doubted."""
        with self._lock:
            self._now()
            return None if self._doubted_s is None else round(self._wall() - self._elapsed() - self._ahead_s)

    def heard(self, at: float) -> None:
        """A truck's receiver said that time just now."""
        with self._lock:
            ours_off_s = abs(self._now() - at)
            theirs_off_s = abs(self._wall() - at)
            if self._doubted_s is None or min(ours_off_s, theirs_off_s) > AGREES_S:
                return
            if theirs_off_s < ours_off_s:
                self._follow(self._wall() - self._elapsed())
            else:
                self._doubted_s = self._elapsed()

    def _now(self) -> float:
        wall_s, elapsed_s = self._wall(), self._elapsed()
        if abs(wall_s - elapsed_s - self._ahead_s) <= STEP_S:
            self._follow(wall_s - elapsed_s)
        elif self._doubted_s is None:
            self._doubted_s = elapsed_s
        elif not 0 <= elapsed_s - self._doubted_s < ALONE_S:
            self._follow(wall_s - elapsed_s)
        return elapsed_s + self._ahead_s

    def _follow(self, ahead_s: float) -> None:
        self._ahead_s, self._doubted_s = ahead_s, None
