"""The city's own platform, told of what all cells have: alarms, totals of each day, cases; one outbox for each cell.

What is told is found as in a cell itself, from the records that it pushed, and has the ids that the cell's own
messages have. A cell that is silent, or still has records to push, is not looked at until it has caught up: what
happened meanwhile is told then, and the totals of a day wait for all of it.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.city.database import Cell, CityDatabase
from broker.city.standing import readable, standing
from broker.config import OutsideConfig
from broker.feeds.outside.receivers import Receivers, of_area
from broker.rules.states.case import Case
from broker.rules.states.incident import Incident
from broker.store import StoreError, Unavailable
from broker.web.view.picture import plain_incident

log = logging.getLogger("zhanpai.city")

LOOK_S = 5.0
BACK_S = 3 * 86_400  # presses of so long ago are followed


@dataclass(slots=True)
class _Told:
    """What is told of one cell: its newest picture, its cases, and who is told."""

    picture: Mapping[str, Any] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    receivers: Receivers | None = None


class Platform:
    """Tells the receivers of `outside` of each cell, as soon as that is heard of."""

    def __init__(self, outside: OutsideConfig, database: CityDatabase, cells: Callable[[], list[Cell]]) -> None:
        self._outside, self._database, self._cells = outside, database, cells
        self._of: dict[str, _Told] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="platform", daemon=True)

    def start(self) -> None:
        """Begin, where somebody is to be told."""
        if self._outside.receiver:
            self._thread.start()

    def stop(self) -> None:
        """End; what is not delivered waits."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5)
        for told in self._of.values():
            if told.receivers is not None:
                told.receivers.stop()

    def state(self) -> list[dict[str, Any]]:
        """How each receiver stands with each cell's messages, the cell's area before its name."""
        return [
            {**row, "name": f"{area}/{row['name']}"}
            for area, told in list(self._of.items()) if told.receivers is not None for row in told.receivers.state()
        ]  # fmt: skip

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            wait_s = LOOK_S
            try:
                self.look()
            except StoreError as why:
                log.warning("nobody can be told of the cells: %s; it is tried again", why)
            except Exception:
                log.exception("what is to be told of the cells cannot be found; it is tried again")

    def look(self) -> None:
        """Look at each cell that is heard and has pushed what it has; raises StoreError."""
        for cell in self._cells():
            try:
                self._look_at(cell)
            except Unavailable:
                raise  # no other cell can be looked at either
            except Exception:
                log.exception("what is to be told of %s cannot be found; it is tried again", cell.area)

    def _look_at(self, cell: Cell) -> None:
        stands = standing(cell)
        if not stands["said"] or stands["silent"] or stands["waiting"] or cell.beat["old_since_at"] is not None:
            return
        told = self._of.setdefault(cell.area, _Told())
        store = self._database.records(cell.area, cell.timezone)
        told.cases = readable(store.latest("case"), Case.from_body)
        told.picture = self._picture(cell)
        if told.receivers is None:
            told.receivers = Receivers(
                of_area(self._outside, cell.area), cell.area, cell.timezone, store,
                lambda: told.picture, cases=lambda: told.cases,
            )  # fmt: skip
            told.receivers.start()

    def _picture(self, cell: Cell) -> dict[str, Any]:
        """What messages are found in: presses as they are on record, alarms as the cell said them."""
        at = int(cell.beat["at"])
        records = self._database.records(cell.area, cell.timezone).latest("workflow", since_at=at - BACK_S)
        incidents = readable(records, lambda body: plain_incident(Incident.from_body(dict(body))))
        named = [
            {**row, "room_name": cell.names.get(row["room"]), "estate_name": cell.names.get(row["estate"])}
            for row in incidents
        ]
        return {
            "at": at, "old_since_at": None, "data": {"unstored": 0}, "rooms": [], "runs": [], "incidents": named,
            "alarms": list(cell.beat["alarms"]),
        }  # fmt: skip
