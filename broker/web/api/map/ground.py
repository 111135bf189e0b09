"""Where trucks drove in the last weeks, as counts in cells of some twenty metres: the faint ground of the map.

The record is read day by day in a thread of its own, with breaths, at most so many positions; a day that is over is
counted once. Who asks meanwhile is told what is counted so far, and never waits.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from broker.plan.calendar import day_start_at, local_date
from broker.plan.model import Plan
from broker.store import Store, StoreError

log = logging.getLogger("zhanpai.web")

DAYS = 14
MOST_POSITIONS = 300_000
MOST_CELLS = 20_000  # the busiest
CELL_DEG = 0.0002
DRIVES_MPS = 1.0  # who stands says nothing of streets
BATCH, BREATH_S = 200, 0.02  # the bridge's loop is on the same processor
AGAIN_S = 600.0  # after a store that could not be read
Cell = tuple[int, int]


class GroundCells(BaseModel):
    """Where trucks drove: of each cell its row, its column (degrees through `cell_deg`) and how many positions."""

    from_day: date | None
    to_day: date | None
    whole: bool = Field(description="false while the record is read still: ask again in a minute")
    cell_deg: float
    cells: list[Annotated[list[int], Field(min_length=3, max_length=3)]]


class Ground:
    """The counted days of one record."""

    def __init__(self, store: Store, plan: Plan, now: Callable[[], float] = time.time) -> None:
        self._store, self._plan, self._now = store, plan, now
        self._days: dict[date, Counter[Cell]] = {}
        self._lock = threading.Lock()
        self._made: tuple[date | None, float] = None, float("-inf")  # for which day it is whole, when reading failed
        self._cells: tuple[int, list[list[int]]] = 0, []

    def cells(self) -> GroundCells:
        """What is counted; begins to read what is missing."""
        today = local_date(self._plan, int(self._now()))
        made, tried_at = self._made
        if made != today and time.monotonic() - tried_at > AGAIN_S and self._lock.acquire(blocking=False):
            threading.Thread(target=self._read, args=[today], name="ground", daemon=True).start()
        days = dict(self._days)
        if self._cells[0] != len(days) or made != today:
            whole = sum(days.values(), Counter[Cell]())
            self._cells = len(days), [[*cell, count] for cell, count in whole.most_common(MOST_CELLS)]
        return GroundCells(
            from_day=min(days, default=None), to_day=max(days, default=None), whole=made == today,
            cell_deg=CELL_DEG, cells=self._cells[1],
        )  # fmt: skip

    def _read(self, today: date) -> None:
        """Count the days before today that are not counted yet, the newest first; the lock is ours."""
        try:
            self._days = {day: cells for day, cells in self._days.items() if day >= today - timedelta(DAYS)}
            for back in range(1, DAYS + 1):
                day = today - timedelta(back)
                if day not in self._days and sum(cells.total() for cells in self._days.values()) < MOST_POSITIONS:
                    self._days = {**self._days, day: self._counted(day)}
            self._made = today, float("-inf")
        except StoreError as why:
            log.warning("the ground of the map is not counted: %s", why)
            self._made = None, time.monotonic()
        finally:
            self._lock.release()

    def _counted(self, day: date) -> Counter[Cell]:
        from_at, to_at = (day_start_at(self._plan, day + timedelta(more)) for more in (0, 1))
        found = Counter[Cell]()
        for number, record in enumerate(self._store.scan("fix", from_at, to_at, limit=MOST_POSITIONS, amended=False)):
            body = record.body
            if body.get("lat") is not None and (body.get("speed_mps") or 0) >= DRIVES_MPS:
                found[round(body["lat"] / CELL_DEG), round(body["lon"] / CELL_DEG)] += 1
            if number % BATCH == 0:
                time.sleep(BREATH_S)
        return found
