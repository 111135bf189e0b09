"""The moments of the day: how far time has come, and the numbers by which records are told apart."""

from datetime import date


class DayClock:
    """`now` is the newest moment the dispatch was told of; it never goes back.

    Written by: dispatch, effects, ingest/restored.
    """

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._number = 0
        self._looked_at = 0
        self._date: date | None = None

    @property
    def now(self) -> int:
        """The newest moment."""
        return self._now

    @property
    def number(self) -> int:
        """The newest number taken."""
        return self._number

    def reach(self, now: int) -> None:
        """It is at least this late."""
        if now > self._now:
            self._now = now

    def count_from(self, number: int) -> None:
        """Numbers up to this one are taken."""
        self._number = max(self._number, number)

    def next_number(self) -> str:
        """A number that grows from record to record, also over restarts: ids of one key sort as they were made."""
        self._number += 1
        return f"{self._number:014d}"

    def is_on(self, day: date) -> bool:
        """Whether this local day has dawned already."""
        return day == self._date

    def dawns(self, day: date) -> bool:
        """Whether this local day is another than the one before; true once for each."""
        if day == self._date:
            return False
        self._date = day
        return True

    def would_look(self, now: int, every_s: int) -> bool:
        """Whether `looks_again` would say so."""
        return now >= self._looked_at + every_s

    def looks_again(self, now: int, every_s: int) -> bool:
        """Whether it is time to search the plan for runs to open; the next time comes `every_s` later."""
        if not self.would_look(now, every_s):
            return False
        self._looked_at = now
        return True
