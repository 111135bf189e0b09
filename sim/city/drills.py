"""What goes wrong in a city on purpose: a cell's machine dies, PostgreSQL is away, a cell is cut off from it.

Each begins and ends at a share of the run; what a drill found is a line for people.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

ENDLESS_S = 120.0  # of a run without an end: what the shares are of
STOP_FROM, STOP_UNTIL, CUT_FROM, CUT_UNTIL, KILL_AT = 0.15, 0.35, 0.2, 0.6, 0.5
STANDBY_MOST_S = 60.0


@dataclass(slots=True)
class Deed:
    """Something that is done once, when so many real seconds of the run are over."""

    after_s: float
    do: Callable[[], Iterator[str]]
    done: bool = False


@dataclass(slots=True)
class Drills:
    """What is to be done in a run that lasts so many seconds; call `look` often."""

    lasts_s: float
    deeds: list[Deed] = field(default_factory=list)

    def at(self, share: float, do: Callable[[], Iterator[str]]) -> None:
        """Do it when this share of the run is over."""
        self.deeds.append(Deed(share * self.lasts_s, do))

    def look(self, since_s: float) -> Iterator[str]:
        """Do what is due; what came of it."""
        now_s = time.monotonic() - since_s
        for deed in self.deeds:
            if not deed.done and now_s >= deed.after_s:
                deed.done = True
                yield from deed.do()
