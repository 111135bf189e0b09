"""What people do on the operations screen of a live run, beside the scenario's own dispatcher: as the record has it."""

from collections.abc import Iterable
from typing import Any

from broker.rules.dispatch.actions import ALARM_DEEDS
from broker.rules.states.alarm import alarm_id
from broker.store import Record
from sim.live.dispatcher import WHO

_ALARM_DEEDS = {action: deed for deed, action in ALARM_DEEDS.items()}


class ScreenDeeds:
    """Show it the record's actions as often as wanted; it tells what people did that it has not told before."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def look(self, actions: Iterable[Record], alarms: Iterable[Record] = ()) -> list[dict[str, Any]]:
        """Each new deed: when, by the bridge's clock, its action, and whom and what it was about; `alarms` as they were
        stored, oldest first."""
        fresh = [record for record in actions if record.id not in self._told]
        self._told |= {record.id for record in fresh}
        known = list(alarms) if any(record.body.get("alarm") for record in fresh) else []
        return [_deed(record, known) for record in fresh if record.body["who"] != WHO]


def _deed(record: Record, alarms: Iterable[Record]) -> dict[str, Any]:
    body = record.body
    if body.get("alarm"):
        return {"at": record.at, **_alarm_deed(record, alarms)}
    deed = {"at": record.at, "action": body["action"]}
    if body["visit"] is not None:
        run, room, number = body["visit"]
        return {**deed, "run": run, "room": room, "visit_number": number, "reason": body["reason"] or "other"}
    if body["incident"] is not None:
        deed["truck"] = body["incident"][0]
        if body["action"] == "decide":
            deed["decision"] = body["decision"]
    return deed


def _alarm_deed(record: Record, alarms: Iterable[Record]) -> dict[str, Any]:
    """By the alarm's word at that time and its subject, as a scenario names it; an unknown one has no word there."""
    body = record.body
    rows = [row for row in alarms if row.at <= record.at and alarm_id(row.key) == body["alarm"]]
    if not rows:
        return {"action": body["action"]}
    shelf = {"shelf_min": body["shelf_s"] / 60} if body["shelf_s"] is not None else {}
    return {"action": _ALARM_DEEDS[body["action"]], "alarm": f"{rows[-1].body['word']} {rows[-1].key}", **shelf}
