"""The accelerated clock that all processes of a live run share; machine-wide, because CLOCK_MONOTONIC is."""

import json
import time
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class SpedClock:
    """At real monotonic `origin_s` it is `start_at` (POSIX seconds), and time runs `speed` times as fast."""

    origin_s: float
    start_at: float
    speed: int

    def now(self) -> float:
        """POSIX seconds of the simulated day."""
        return self.start_at + (time.monotonic() - self.origin_s) * self.speed

    def monotonic(self) -> float:
        """Seconds since the origin, accelerated; what a program takes for `time.monotonic`."""
        return (time.monotonic() - self.origin_s) * self.speed

    def real_s(self, simulated_s: float) -> float:
        """How long so much simulated time takes in life."""
        return simulated_s / self.speed

    def to_text(self) -> str:
        """For a child's command line."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_text(text: str) -> "SpedClock":
        """What `to_text` wrote."""
        return SpedClock(**json.loads(text))
