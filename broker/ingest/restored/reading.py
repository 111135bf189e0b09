"""Reading the record for a day that is rebuilt: one record after the other, and what cannot be understood is named.

At a start whatever fails on one record or run costs that one alone: it is named on the screen, nothing is begun anew
for it, and a press is shown as its device said it. A bridge that goes on has a day to go on with: there only a record
that nobody can understand is left out, and any other fault lets the rebuilding be tried again (`decisions.py`).
"""

import logging
from collections.abc import Callable, Iterable
from itertools import islice

from broker.ingest.delivery.newest_records import NewestRecords
from broker.ingest.delivery.unsaved import Records
from broker.rules.day.attention.about_area import LeftOut
from broker.rules.day.day import Day
from broker.store import Record, StoreError

log = logging.getLogger("zhanpai.bridge")

ODD = (LookupError, TypeError, ValueError, AttributeError)  # what reading a record that is none of ours ends with
MOST_NAMED = 5


class Reading:
    """What is read into which day, and what of it had to be left out."""

    def __init__(self, store: Records, day: Day, now: int, *, at_start: bool) -> None:
        self.store, self.day, self.now, self.at_start = store, day, now, at_start
        self._left_out: list[str] = []
        self.newest = NewestRecords(store, now)

    def finished(self) -> Day:
        """The day, with how much of the record could not be understood."""
        if self._left_out:
            names = ", ".join([*islice(self._left_out, MOST_NAMED), *("…" for _ in self._left_out[MOST_NAMED:][:1])])
            self.day.attention.ask("", LeftOut(len(self._left_out), names), self.now)
        return self.day

    def step(self, what: str, take: Callable[["Reading"], None]) -> None:
        """One part of the day: a fault of ours in it is named and costs the others nothing."""
        try:
            take(self)
        except Exception as why:  # noqa: BLE001  (at a start there is no other day to go on with)
            self.leave_out(what, why)

    def leave_out(self, what: str, why: Exception) -> None:
        """Go on without it, if this may be; else it is raised again."""
        if isinstance(why, StoreError) or not (self.at_start or isinstance(why, ODD)):
            raise why
        if what not in self._left_out:  # what is read for two reasons is one record
            self._left_out.append(what)
            log.error("record %s cannot be understood and is left out: %r", what, why)

    def each(
        self, records: Iterable[Record], take: Callable[[Record], None], *, until_one: bool = False
    ) -> bool:
        """Have all of them taken, or only the first that can be understood; whether the last one could."""
        taken = False
        for record in records:
            taken = False
            try:
                take(record)
                taken = True
                if until_one:
                    break
            except Exception as why:  # noqa: BLE001  (judged there)
                self.leave_out(record.id, why)
        return taken
