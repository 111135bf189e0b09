"""The pictures of one bridge, one after the other; one that cannot be made hides nothing and passes nothing off as new.

If a picture fails, what was seen last of trucks, rooms and runs stays on the screen, said to be old (`old_since_at`):
no position is fresh, no lamp is known, every expected time is stale. Presses, what a person should look at and the way
to the broker are of now, each as far as it can be made, and a severe entry tells of the fault. Damage of the record,
which only whoever watches /healthz would see, is on the same list.
"""

import logging
from collections.abc import Callable
from typing import Any

from broker.bridge import Bridge
from broker.rules.states.incident import Incident
from broker.store import Corrupt, StoreError
from broker.web.stream.visit_rows import VisitRows
from broker.web.view import picture
from broker.web.view.health import Way, store_trouble
from broker.web.view.picture import Picture

log = logging.getLogger("zhanpai.bridge")

LOOK_EVERY_S = 10  # at the store's own word for its damage
MOST_LOGGED = 100


class Pictures:
    """What the bridge's loop shows."""

    def __init__(self, bridge: Bridge, way: Callable[[], Way] = Way) -> None:
        self._bridge, self._way = bridge, way
        self._last: Picture | None = None
        self._visits = VisitRows()
        self._failed = 0
        self._failed_at = 0
        self._damage: tuple[str, int] | None = None  # in words, and since when it is known
        self._unasked: str | None = None  # why the record could not be asked for its damage
        self._looked_at = float("-inf")

    def newest(self, now: float) -> Picture:
        """The picture at `now`, or the last one as far as it is true."""
        try:
            found = self._last = picture.snapshot(self._bridge, now, self._way(), self._visits)
            self._failed = 0
        except Exception:
            self._failed += 1
            if self._failed == 1:
                self._failed_at = int(now)
            if self._failed <= MOST_LOGGED:
                log.exception("the picture cannot be made; please report this with the lines below")
            found = self._old(int(now))
        damage = self._damage_known(now)
        if damage is not None:
            found = {**found, "attention": _in_order([*found["attention"], damage])}
        if self._unasked is not None and self._bridge.trouble is None:
            found = {**found, "health": [*found["health"], store_trouble(self._unasked)]}
        return found

    def _old(self, now: int) -> Picture:
        last = self._last or picture.blank(self._bridge, now)
        failed = picture.severe("fault", "picture", self._failed_at, "picture_failed", {"count": self._failed})
        return {
            **last,
            **picture.of_now(self._bridge, now, self._way()),
            "old_since_at": last["at"],
            "trucks": [{**_old(row), "fresh": False} for row in last["trucks"]],
            "rooms": [{**row, "lamps": []} for row in last["rooms"]],
            "runs": [{**run, "visits": [_old(row) for row in run["visits"]]} for run in last["runs"]],
            "incidents": [self._incident(one) for one in picture.in_order(self._bridge)],
            "attention": _in_order([*self._attention(last), failed]),
            "alarms": self._alarms(last),
        }

    def _incident(self, incident: Incident) -> dict[str, Any]:
        """A press as well as it can be shown."""
        try:
            return picture.incident_row(self._bridge, incident)
        except Exception:  # noqa: BLE001  (logged with the picture)
            nothing = ("room_name", "estate_name", "second_visit", "second_visit_number")
            return {**picture.plain_incident(incident), **dict.fromkeys(nothing), "offers": []}

    def _attention(self, last: Picture) -> list[dict[str, Any]]:
        try:
            return picture.attention(self._bridge)
        except Exception:  # noqa: BLE001  (logged with the picture)
            return [row for row in last["attention"] if row["subject"] != "picture"]

    def _alarms(self, last: Picture) -> list[dict[str, Any]]:
        try:
            return picture.alarms(self._bridge)
        except Exception:  # noqa: BLE001  (logged with the picture)
            found: list[dict[str, Any]] = last["alarms"]
            return found

    def _damage_known(self, now: float) -> dict[str, Any] | None:
        """What the store says of itself; not while it takes nothing, which is said already and may last long to ask."""
        if not 0 <= now - self._looked_at < LOOK_EVERY_S and self._bridge.trouble is None:
            self._looked_at = now
            since = self._damage[1] if self._damage else int(now)
            self._unasked = None
            try:
                damage = self._bridge.store.health().get("damage")
                self._damage = (damage[-1], since) if damage else None
            except Corrupt as why:
                self._damage = (str(why), since)
            except StoreError as why:
                self._unasked = str(why)  # that says nothing of damage, neither that there is some nor that it is gone
        if self._damage is None:
            return None
        words, since = self._damage
        return picture.severe("record", "", since, "record_damaged", {"why": words})


def _old(row: dict[str, Any]) -> dict[str, Any]:
    """A row with a time that is expected no more, if it has one."""
    return {**row, "label": "stale" if row["label"] else None}


def _in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row["id"]))
