"""How long an account waits for the next guess from a place where it never signed in: longer with each wrong one."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

FREE = 10  # wrong ones before anybody waits: who mistypes is not kept
FIRST_S, LONGEST_S = 30.0, 900.0  # doubled each time up to the longest: some hundred guesses a day
QUIET_S = 3600.0  # without a wrong one all is forgotten
MOST = 10_000  # names, also those of no account: what is known of the oldest goes first


@dataclass(slots=True)
class Guessed:
    """How often guesses at an account were wrong, when last, and until when the next one waits."""

    wrong: int = 0
    last_at: float = 0.0
    until_at: float = 0.0


class Delays:
    """Counted in memory; `kept.py` brings it over a restart."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._guessed: OrderedDict[str, Guessed] = OrderedDict()

    def wait_s(self, account: str) -> int:
        """For how long a guess at this account is not looked at; 0 when the next one is."""
        known = self._guessed.get(account)
        if known is None:
            return 0
        return max(0, int(min(known.until_at - self._now(), LONGEST_S) + 0.999))  # a clock may go back

    def counted(self) -> dict[str, Guessed]:
        """By name, also those of no account."""
        return dict(self._guessed)

    def takes(self, guessed: Mapping[str, Guessed]) -> None:
        """What was counted before a restart."""
        self._guessed.update(guessed)

    def was_wrong(self, account: str) -> None:
        """Once more."""
        now = self._now()
        known = self._guessed.setdefault(account, Guessed())
        if now - known.last_at > QUIET_S:
            known.wrong = 0
        known.wrong, known.last_at = known.wrong + 1, now
        if known.wrong >= FREE:
            known.until_at = now + min(LONGEST_S, FIRST_S * 2.0 ** min(known.wrong - FREE, 10))
        self._guessed.move_to_end(account)
        while len(self._guessed) > MOST:
            self._guessed.popitem(last=False)
