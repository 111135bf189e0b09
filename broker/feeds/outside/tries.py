"""When what is tried again: pure, `now` is a monotonic clock.

A receiver that is away is left alone for FIRST_S, then twice as long after each further try, at most LONGEST_S; a
message that it refuses waits in the same way by itself, and holds no other up. So a receiver that comes back has
everything within LONGEST_S, however long it was away.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST_S = 5.0
LONGEST_S = 300.0


def pause_s(tries: int) -> float:
    """How long to wait after so many tries in vain."""
    return min(LONGEST_S, FIRST_S * 2.0 ** min(tries - 1, 10))


@dataclass(slots=True)
class Tries:
    """The messages of one receiver by name, the oldest first, and when the receiver may be asked again."""

    waiting: dict[str, tuple[int, float]] = field(default_factory=dict)  # name: tries in vain, not before
    away: int = 0  # tries in vain, one after the other
    not_before: float = 0.0

    def know(self, names: Iterable[str]) -> None:
        """These are waiting and no others."""
        self.waiting = {name: self.waiting.get(name, (0, 0.0)) for name in names}

    def next(self, now: float) -> str | None:
        """What is to be tried now."""
        if now < self.not_before:
            return None
        return next((name for name, (_, at) in self.waiting.items() if at <= now), None)

    def settled(self, name: str) -> None:
        """It waits no more."""
        self.waiting.pop(name, None)

    def delivered(self, name: str) -> None:
        """It arrived: the receiver is there."""
        self.settled(name)
        self.away, self.not_before = 0, 0.0

    def refused(self, name: str, now: float) -> None:
        """The receiver is there and does not take this one."""
        tries = self.waiting[name][0] + 1
        self.waiting[name] = (tries, now + pause_s(tries))
        self.away, self.not_before = 0, 0.0

    def in_vain(self, name: str, now: float, wait_s: float = 0.0) -> None:
        """Nobody took it, and nobody may take another; `wait_s` is what the receiver asked for."""
        tries = self.waiting[name][0] + 1
        self.away += 1
        pause = max(pause_s(self.away), min(wait_s, LONGEST_S))
        self.waiting[name] = (tries, now + max(pause, pause_s(tries)))
        self.not_before = now + pause

    def at_once(self) -> None:
        """Somebody says that it will work now."""
        self.waiting = dict.fromkeys(self.waiting, (0, 0.0))
        self.away, self.not_before = 0, 0.0
