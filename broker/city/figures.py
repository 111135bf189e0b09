"""The figures of a city: each area's are counted from its records as in its own cell, and added up.

A cube is counted again when something was corrected, at once, and when records of its days have come, not more often
than each minute (days that are over: each ten). How many there are tells, for none is ever changed or removed.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from broker.city.database import Cell, CityDatabase
from broker.reports import chain_table, tables
from broker.reports.figures import CHAIN_KINDS, chain_facts
from broker.rules.statistics.chain import chain
from broker.rules.statistics.cube import DIMENSIONS, Cube, add, count
from broker.store import Store, Unavailable
from broker.store.days import Days

AREA = "area"
IN_PLACE_OF = DIMENSIONS.index("estate") + 1  # a city compares areas, each of which has its own estates
TODAY_S, PAST_S = 60.0, 600.0
MOST_KEPT = 400  # cubes
LONG = timedelta(days=31)  # more than the page ever shows
TURN_S = {False: 20.0, True: 2.0}  # of few days, of many: no crowd of those holds up the rest


class Counted(NamedTuple):
    """The figures and the chain of some days, each key with the area in the place of the estate."""

    figures: Cube
    links: Cube


def counted(store: Store, area: str, from_day: str, to_day: str, timezone: str) -> Counted:
    """Those of one area, from its records."""
    facts = chain_facts(store, from_day, to_day, timezone)
    figures = count(facts, timezone)
    return Counted(*(_of_area(cube, area, from_day, to_day) for cube in (figures, chain(facts, timezone, figures))))


def _of_area(cube: Cube, area: str, from_day: str, to_day: str) -> Cube:
    found: Cube = {}
    for key, figures in cube.items():
        if from_day <= key[0] <= to_day:
            add(found, (*key[:IN_PLACE_OF], area, *key[IN_PLACE_OF + 1 :]), figures, tuple(figures))
    return found


def summed(parts: Sequence[Counted]) -> Counted:
    """All of them together: no key is in two, each has its area."""
    return Counted(*({key: row for part in parts for key, row in part[which].items()} for which in (0, 1)))


def rows(
    whole: Counted, table: str, period: str, by: Sequence[str], from_day: str, to_day: str
) -> list[dict[str, Any]]:  # fmt: skip
    """A table of them as in /api/v1/stats, `by` of `area`, `waste`."""
    places = ["estate" if name == AREA else name for name in by]
    if table == "chain":
        found = chain_table.rows(whole.links, period, places, from_day, to_day)
    else:
        found = tables.rows(whole.figures, period, places, from_day, to_day)
    return [{AREA if name == "estate" else name: value for name, value in row.items()} for row in found]


class CityFigures:
    """The figures of all cells, kept as long as they hold."""

    def __init__(
        self, database: CityDatabase, now: Callable[[], float], today_s: float = TODAY_S, past_s: float = PAST_S
    ) -> None:
        self._database, self._now, self._today_s, self._past_s = database, now, today_s, past_s
        self._kept: dict[tuple[str, str, str], tuple[tuple[int, ...], float, Counted]] = {}
        # Two who ask at once are answered from one count. Who asks for many days waits for nobody but their like.
        self._turns = {is_long: threading.Lock() for is_long in (False, True)}

    def of(self, cells: Sequence[Cell], from_day: str, to_day: str) -> Counted:
        """Those of these days; raises StoreError."""
        is_long = date.fromisoformat(to_day) - date.fromisoformat(from_day) > LONG
        turn = self._turns[is_long]
        if not turn.acquire(timeout=TURN_S[is_long]):
            raise Unavailable("the database cannot be used now: it counts for somebody else; ask again in a minute")
        try:
            return summed([self._one(cell.area, cell.timezone, from_day, to_day) for cell in cells])
        finally:
            turn.release()

    def _one(self, area: str, timezone: str, from_day: str, to_day: str) -> Counted:
        key, days = (area, from_day, to_day), Days(timezone)
        state, today = self._state(area, days, from_day, to_day), days.of(int(self._now()))
        if (known := self._kept.get(key)) is not None:
            over, age_s = to_day < today, time.monotonic() - known[1]
            corrected = known[0][-1] != state[-1]
            if (over and known[0] == state) or (not corrected and age_s < (self._past_s if over else self._today_s)):
                return known[2]
        store = self._database.records(area, timezone, for_figures=True)
        found = counted(store, area, from_day, to_day, timezone)
        self._kept.pop(key, None)
        self._kept[key] = (state, time.monotonic(), found)
        for old in list(self._kept)[:-MOST_KEPT]:
            self._kept.pop(old, None)
        return found

    def _state(self, area: str, days: Days, from_day: str, to_day: str) -> tuple[int, ...]:
        """How many records there are that these days can depend on, and corrections last."""
        before = max(earlier for earlier, _ in CHAIN_KINDS.values())
        after = max(later for _, later in CHAIN_KINDS.values() if later is not None)
        start = days.start((date.fromisoformat(from_day) - timedelta(days=before)).isoformat())
        end = days.start((date.fromisoformat(to_day) + timedelta(days=after + 1)).isoformat())
        late = [kind for kind, (_, later) in CHAIN_KINDS.items() if later is None]  # whenever that comes
        return self._database.count(area, [kind for kind in CHAIN_KINDS if kind not in late], late, start, end)


def names_of(cells: Sequence[Cell]) -> Mapping[str, str]:
    """What the areas are called."""
    return {cell.area: cell.name for cell in cells}
