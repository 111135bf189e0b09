"""How fast the run goes: as chosen, but at life's own speed while somebody presses, and a while after.

    chosen  -> by hand   a finger comes to a button
    by hand -> by hand   another one comes, or one goes: the while begins anew
    by hand -> chosen    the while is over: a press that withdraws would have come by then; or another speed is chosen
"""

import threading
from collections.abc import Callable

from firmware.truck.button.presses import AT_HAND_S

LIFE = 1
AFTER_S = AT_HAND_S + 2.0  # real seconds from the last finger's going


class Pace:
    """Call `look` often; `run_at` is told each change of speed, one after the other."""

    def __init__(self, chosen: int, fastest: int, run_at: Callable[[int], None]) -> None:
        self.chosen = chosen
        self.fastest = fastest
        self._run_at = run_at
        self._fingers: set[str] = set()
        self._until_s: float | None = None  # real; None: nobody has pressed lately
        self._lock = threading.Lock()  # fingers come from the page's threads

    def choose(self, speed: int) -> None:
        """Run at this speed, whoever presses; bounded by the fastest."""
        with self._lock:
            self.chosen = max(LIFE, min(self.fastest, speed))
            self._until_s = None
            self._fingers.clear()
            self._run_at(self.chosen)

    def finger(self, where: str, down: bool, real_s: float) -> None:
        """A finger comes to a button, or goes."""
        with self._lock:
            if down:
                self._fingers.add(where)
                self._run_at(LIFE)
            else:
                self._fingers.discard(where)
            self._until_s = real_s + AFTER_S

    def look(self, real_s: float) -> None:
        """Go back to the chosen speed when it is time."""
        with self._lock:
            if self._until_s is not None and not self._fingers and real_s >= self._until_s:
                self._until_s = None
                self._run_at(self.chosen)

    def back_in_s(self, real_s: float) -> float | None:
        """In how many seconds the chosen speed comes back; None if it is not waited for."""
        with self._lock:
            if self._until_s is None or self.chosen == LIFE:
                return None
            return AFTER_S if self._fingers else max(0.0, self._until_s - real_s)
