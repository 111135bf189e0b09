"""What people do on the operations screen of a live run, beside the scenario's own dispatcher: as the record has it."""

from collections.abc import Iterable
from typing import Any

from broker.store import Record
from sim.live.dispatcher import WHO


class ScreenDeeds:
    """Show it the record's actions as often as wanted; it tells what people did that it has not told before."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def look(self, actions: Iterable[Record]) -> list[dict[str, Any]]:
        """Each new deed: when, by the bridge's clock, its action, and whom and what it was about."""
        fresh = [record for record in actions if record.id not in self._told]
        self._told |= {record.id for record in fresh}
        return [_deed(record) for record in fresh if record.body["who"] != WHO]


def _deed(record: Record) -> dict[str, Any]:
    body = record.body
    deed = {"at": record.at, "action": body["action"]}
    if body["visit"] is not None:
        run, room, number = body["visit"]
        return {**deed, "run": run, "room": room, "visit_number": number, "reason": body["reason"] or "other"}
    if body["incident"] is not None:
        deed["truck"] = body["incident"][0]
        if body["action"] == "decide":
            deed["decision"] = body["decision"]
    return deed
