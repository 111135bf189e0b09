"""How much longer something takes than was expected: seconds over seconds, which evidence moves by what it weighs."""

from collections import deque


class Ratio:
    """Actual over expected seconds, with the last `memory` observations only."""

    __slots__ = ("_memory", "_recent", "actual_s", "expected_s")

    def __init__(self, memory: int | None = None) -> None:
        self._recent: deque[tuple[float, float]] | None = None if memory is None else deque()
        self._memory = memory
        self.actual_s = 0.0
        self.expected_s = 0.0

    def add(self, actual_s: float, expected_s: float) -> None:
        """Take in one observation."""
        self.actual_s += actual_s
        self.expected_s += expected_s
        if self._recent is None:
            return
        self._recent.append((actual_s, expected_s))
        if len(self._recent) > (self._memory or 0):
            actual_s, expected_s = self._recent.popleft()
            self.actual_s -= actual_s
            self.expected_s -= expected_s

    def forget_beyond(self, most_s: float) -> None:
        """Halve what was seen once it is more than `most_s` expected seconds: a street may change."""
        if self.expected_s > most_s:
            self.actual_s, self.expected_s = self.actual_s / 2, self.expected_s / 2

    def value(self, prior: float, weight_s: float) -> float:
        """The ratio when `prior` counts as much as `weight_s` seconds of evidence."""
        return (prior * weight_s + self.actual_s) / (weight_s + self.expected_s)


class OtherDays(Ratio):
    """A ratio of what was seen until the newest day began: the newest is what `Today` tells, of all hours alike."""

    __slots__ = ("_day", "_of_day")

    def __init__(self) -> None:
        super().__init__()
        self._day = -1
        self._of_day = (0.0, 0.0)

    def add_on(self, day: int, actual_s: float, expected_s: float) -> None:
        """Take in one observation of a day."""
        if day != self._day:
            self.add(*self._of_day)
            self._day, self._of_day = day, (0.0, 0.0)
        self._of_day = self._of_day[0] + actual_s, self._of_day[1] + expected_s
