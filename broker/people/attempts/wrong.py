"""Wrong sign-ins as whoever looks after the people sees them: counted by account, a line at 1, 10, 100 in the log."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from broker.people.access_log import AccessLog

log = logging.getLogger("zhanpai.web")

SHOWN_S = 24 * 3600  # after the last one
MOST_LINES = 200  # a day, whoever tries how many names
NOBODY = "-"  # names that no account has: what was typed may be a password, and is kept nowhere


@dataclass(frozen=True, slots=True)
class Wrong:
    """How many there were since when, and the last one's time and address."""

    count: int
    since_at: int
    last_at: int
    address: str


class WrongSignIns:
    """Counted in memory; `kept.py` brings it over a restart."""

    def __init__(self, access: AccessLog, now: Callable[[], float] = time.time) -> None:
        self._access, self._now = access, now
        self._turn = threading.Lock()
        self._of: dict[str, Wrong] = {}
        self._day, self._lines = -1, 0

    def note(self, account: str | None, address: str) -> None:
        """Once more; None where no account has the name that was typed."""
        name, at = account or NOBODY, int(self._now())
        with self._turn:
            before = self._of.get(name)
            if before is None or at - before.last_at > SHOWN_S:
                before = Wrong(0, at, at, address)
            self._of[name] = made = Wrong(before.count + 1, before.since_at, at, address)
            if at // SHOWN_S != self._day:
                self._day, self._lines = at // SHOWN_S, 0
            written = str(made.count).rstrip("0") == "1" and self._lines < MOST_LINES
            self._lines += written
        if written:
            try:
                self._access.note(name, "", "wrong sign-ins", f"{made.count}, the last from {address}")
            except OSError as why:
                log.warning("wrong sign-ins could not be noted down (%s)", why)

    def lately(self) -> dict[str, Wrong]:
        """By account, and NOBODY's, those of the last day."""
        now = self._now()
        with self._turn:
            return {name: one for name, one in self._of.items() if now - one.last_at <= SHOWN_S}

    def takes(self, wrong: Mapping[str, Wrong]) -> None:
        """What was counted before a restart."""
        with self._turn:
            self._of |= wrong
