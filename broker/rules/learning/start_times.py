"""How long after its time a run begins: learned per route, so that its first rooms are told the truth.

A truck at its start says nothing of when it will leave; the timetable says when it should. What is learned is how late
the run really was there. Asked of a run that is late already, only those count that were later still, so the answer
never says "now" of a truck that is known to be slow, and grows the longer it keeps one waiting. A route begins with
what the whole area does, the area with its timetable.
"""

from bisect import bisect_right, insort
from collections import deque
from dataclasses import dataclass

from broker.rules.learning.leg_times import MEMORY

AREA = ""


@dataclass(frozen=True, slots=True)
class StartSettings:
    """How many starts the guess before them weighs, and from where on a start was no late one but something else."""

    memory: int = MEMORY
    weight: float = 4.0
    most_s: float = 3600.0


class _Starts:
    """The last ones, sorted."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._recent: deque[float] = deque()
        self._late_s: list[float] = []

    def add(self, late_s: float) -> None:
        """Take in one more."""
        if len(self._recent) == self._memory:
            self._late_s.remove(self._recent.popleft())
        self._recent.append(late_s)
        insort(self._late_s, late_s)

    def middle_s(self, late_s: float) -> tuple[float, int]:
        """(the median of those later than this, how many those are)."""
        begin = bisect_right(self._late_s, late_s)
        count = len(self._late_s) - begin
        if not count:
            return 0.0, 0
        return (self._late_s[begin + (count - 1) // 2] + self._late_s[begin + count // 2]) / 2, count


class StartTimes:
    """The learned starts of one area."""

    def __init__(self, settings: StartSettings) -> None:
        self._settings = settings
        self._starts: dict[str, _Starts] = {}

    def learn(self, route_id: str, late_s: float) -> None:
        """Take in a start so much after its time (before it: negative)."""
        if abs(late_s) > self._settings.most_s:
            return
        for route in (AREA, route_id):
            self._starts.setdefault(route, _Starts(self._settings.memory)).add(late_s)

    def late_s(self, route_id: str, late_s: float) -> float:
        """How late a run will be that is `late_s` after its time now (before it: negative) and has not begun."""
        expected_s = max(0.0, late_s)
        for route in (AREA, route_id):
            starts = self._starts.get(route)
            if starts is not None:
                middle_s, count = starts.middle_s(late_s)
                expected_s = (count * middle_s + self._settings.weight * expected_s) / (count + self._settings.weight)
        return expected_s
