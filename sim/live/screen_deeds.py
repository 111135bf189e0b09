"""What people do to incidents on the operations screen of a live run, beside the scenario's dispatcher."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

Asked = Collection[tuple[str, str, str]]  # truck, incident, action: what the scenario's dispatcher did


class ScreenDeeds:
    """Show it each picture; it tells what was done since the one before."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}

    def look(self, picture: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Each new deed: when, by the bridge's clock, its truck, its action, and the decision where it is one."""
        found: list[dict[str, Any]] = []
        for row in picture.get("incidents", ()):
            key = row["truck"], row["incident_id"]
            before = self._known.get(key, {})
            self._known[key] = row
            for action in _steps(before, row):
                if (*key, action) not in self._asked:
                    decision = {"decision": row["decision"]} if action == "decide" else {}
                    found.append({"at": row["changed_at"], "truck": row["truck"], "action": action, **decision})
        return found


def _steps(before: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    def is_new(name: str) -> bool:
        return row.get(name) is not None and row.get(name) != before.get(name)

    if is_new("decided_at"):
        yield "decide"
    elif is_new("acknowledged_at"):
        yield "acknowledge"
    if row["workflow"] == "resolved" != before.get("workflow"):
        yield "resolve"
    is_keeper = str(row.get("who") or "").startswith("keeper")
    if is_new("cleared_at") and row["workflow"] not in ("closed", "withdrawn") and not is_keeper:
        yield "clear"
    if is_new("estate_ack_at"):
        yield "estate_ack"
