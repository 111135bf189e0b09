"""Virtual time: a heap of actions, each run at its own moment, never a real clock.

Actions of the same moment run in the order they were asked for, so a run with the same seed is the same run.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any

Action = Callable[[], None]


class Appointment(list[Any]):
    """One action to come, as [when, its number, the action]; `cancel()` makes it not happen."""

    __slots__ = ()

    def cancel(self) -> None:
        """The action will not run; a second call, or one after it ran, does nothing."""
        self[2] = None


class Timeline:
    """The simulated clock (`now`, POSIX seconds) and everything that is still to happen."""

    def __init__(self, start_at: float) -> None:
        self.start_at = start_at
        self.now = start_at
        self._order = itertools.count()
        self._heap: list[Appointment] = []

    def at(self, when: float, action: Action) -> Appointment:
        """Run `action` at `when`; a moment that has passed means as soon as possible."""
        appointment = Appointment((when if when > self.now else self.now, next(self._order), action))
        heapq.heappush(self._heap, appointment)
        return appointment

    def after(self, delay_s: float, action: Action) -> Appointment:
        """Run `action` in `delay_s` seconds."""
        now = self.now  # not by `at`: nearly all come this way
        appointment = Appointment((now + delay_s if delay_s > 0 else now, next(self._order), action))
        heapq.heappush(self._heap, appointment)
        return appointment

    def every(self, period_s: float, action: Action) -> None:
        """Run `action` each `period_s` seconds from now on, for as long as the timeline runs."""

        def again() -> None:
            action()
            self.after(period_s, again)

        self.after(period_s, again)

    def next_at(self) -> float | None:
        """When the next action is due, or None if there is none."""
        while self._heap and self._heap[0][2] is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run_until(self, end_at: float) -> int:
        """Run everything due up to and including `end_at` and leave the clock there; the number of actions run."""
        count = 0
        heap, heappop = self._heap, heapq.heappop
        while heap and heap[0][0] <= end_at:
            appointment = heappop(heap)
            action: Action | None = appointment[2]
            if action is None:
                continue
            self.now = appointment[0]
            appointment[2] = None
            action()
            count += 1
        self.now = max(self.now, end_at)
        return count
