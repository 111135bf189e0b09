"""Rules that failed: how often, on what, and when they may be tried again.

A decision that raises costs a rebuilding of the day, so one that fails again and again must not be made again each
second: it is tried again at once the first time, then after 5, 10, 20 ... at most 600 s. That holds for one rule on one
thing (the run R1, the press t01-1-9); and for a rule as a whole once it failed on MANY things in a row. Everything
else goes on. An hour without a fault, and it is forgiven.
"""

from dataclasses import dataclass

FIRST_WAIT_S = 5
LONGEST_WAIT_S = 600
FORGIVEN_AFTER_S = 3600
MANY = 5
MOST_KEPT = 1000


@dataclass(slots=True)
class _Fault:
    count: int = 0
    failed_at: int = 0
    wait_s: int = 0

    def again(self, now: int, free: int) -> None:
        """It failed once more; the first `free` times it costs no waiting."""
        if self.forgiven(now):
            self.count = 0
        self.count, self.failed_at = self.count + 1, now
        doublings = self.count - free - 1
        self.wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S << min(doublings, 10)) if doublings >= 0 else 0

    def forgiven(self, now: int) -> bool:
        return not 0 <= now - self.failed_at < FORGIVEN_AFTER_S

    def rests(self, now: int) -> bool:
        return 0 <= now - self.failed_at < self.wait_s


class RuleFaults(dict[tuple[str, str], _Fault]):
    """What failed lately, by rule and by what it failed on; one object for the life of a bridge.

    As long as it is empty nobody need ask it anything.
    """

    def __init__(self) -> None:
        super().__init__()
        self._in_a_row: dict[str, _Fault] = {}  # by rule

    def failed(self, rule: str, about: str, now: int) -> tuple[int, int]:
        """(how often it has failed on this, for how many seconds it rests now)."""
        if len(self) >= MOST_KEPT:
            old = [key for key, fault in self.items() if not fault.rests(now)]
            for key in old or list(self):
                del self[key]
        fault = self.setdefault((rule, about), _Fault())
        row = self._in_a_row.setdefault(rule, _Fault())
        fault.again(now, free=1)
        row.again(now, free=MANY - 1)
        return fault.count, max(fault.wait_s, row.wait_s)

    def forgive(self, now: int) -> None:
        """Forget what did not fail for an hour."""
        for key in [key for key, fault in self.items() if fault.forgiven(now)]:
            del self[key]
        self._in_a_row = {rule: fault for rule, fault in self._in_a_row.items() if not fault.forgiven(now)}

    def worked(self, rule: str) -> None:
        """The rule does not fail on everything."""
        self._in_a_row.pop(rule, None)

    def rests(self, rule: str, about: str, now: int) -> bool:
        """Whether this decision failed so lately that it is not tried yet."""
        found = self.get((rule, about)), self._in_a_row.get(rule)
        return any(fault is not None and fault.rests(now) for fault in found)
