"""The picture in parts by key, what changed between two of them, and the picture from its parts again.

Parts are `{section: {key: row}}`. A change is `{"at": seconds, "set": {section: {key: {field: value}}}, "gone":
{section: [key]}}`: of a row only its changed fields, of a new row all of them; rows have a fixed set of fields.
"""

from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Parts = dict[str, dict[str, Row]]

SECTIONS = ("about", "trucks", "rooms", "runs", "visits", "incidents", "attention", "alarms")
ABOUT = ("area", "link", "health", "limits", "plan", "data", "notices", "closures", "old_since_at")
# A prediction moves by a second each second: who shows minutes is told when it moved by more than this.
ETA_SLACK_S = 10
ETA_FIELDS = frozenset({"eta_at", "early_at", "late_at", "next_eta_at"})


def parts_of(picture: Row) -> Parts:
    """The rows of a picture by section and key; a run's visits are rows of their own, named in its `visits`."""
    return {
        "about": {name: {"is": picture[name]} for name in ABOUT if name in picture},
        "trucks": {row["truck"]: row for row in picture["trucks"]},
        "rooms": {row["room"]: row for row in picture["rooms"]},
        "runs": {row["run_id"]: {**row, "visits": [visit["id"] for visit in row["visits"]]} for row in picture["runs"]},
        "visits": {visit["id"]: visit for row in picture["runs"] for visit in row["visits"]},
        "incidents": {f"{row['truck']}/{row['incident_id']}": row for row in picture["incidents"]},
        "attention": {row["id"]: row for row in picture["attention"]},
        "alarms": {row["about"]: row for row in picture.get("alarms", ())},
    }


def picture_of(parts: Parts, at: int) -> Row:
    """The picture whose parts these are, its lists in their order."""
    visits = parts["visits"]
    runs = [{**row, "visits": [visits[key] for key in row["visits"]]} for row in parts["runs"].values()]
    return {
        **{name: row["is"] for name, row in parts["about"].items()},
        "at": at,
        "trucks": [row for _, row in sorted(parts["trucks"].items())],
        "rooms": [row for _, row in sorted(parts["rooms"].items())],
        "runs": sorted(runs, key=lambda row: (row["planned_start_at"], row["run_id"])),
        "incidents": sorted(
            parts["incidents"].values(), key=lambda row: (not row["open"], -row["raised_at"], row["incident_id"])
        ),
        "attention": [row for _, row in sorted(parts["attention"].items())],
        "alarms": [row for _, row in sorted(parts.get("alarms", {}).items())],  # what was kept before has none
    }


def change(told: Parts, newest: Parts, at: int, slack_s: int = ETA_SLACK_S, shown: Parts | None = None) -> Row:
    """What whoever holds `told` must hear to hold `newest`, but for the slack of predictions.

    A row that is the very one of the parts `shown` before, by which `told` came to be, was compared then.
    """
    fresh: Parts = {}
    gone: dict[str, list[str]] = {}
    for section, rows in newest.items():
        before = told.get(section, {})
        if before is rows:
            continue
        same = (shown or {}).get(section, {})
        moved = {
            key: fields for key, row in rows.items()
            if same.get(key) is not row and (fields := _moved(before.get(key), row, slack_s))
        }  # fmt: skip
        if moved:
            fresh[section] = moved
        left = [key for key in before if key not in rows]
        if left:
            gone[section] = left
    return {"at": at, "set": fresh, "gone": gone}


def _moved(before: Row | None, row: Row, slack_s: int) -> Row:
    if before is None:
        return row
    if before is row or before == row:
        return {}
    fields = {name: value for name, value in row.items() if name not in before or before[name] != value}
    return {} if all(_slight(name, before.get(name), value, slack_s) for name, value in fields.items()) else fields


def _slight(name: str, before: Any, after: Any, slack_s: int) -> bool:
    return name in ETA_FIELDS and isinstance(before, int) and isinstance(after, int) and (
        abs(after - before) < slack_s
    )


def applied(parts: Parts, told: Row) -> Parts:
    """The parts after a change; those given stay as they are."""
    after = dict(parts)
    for section in {*told["set"], *told["gone"]}:
        after[section] = dict(after.get(section, {}))
    apply(after, told, row_of=dict)
    return after


def apply(parts: Parts, told: Row, row_of: Callable[[Row], Row] = lambda row: row) -> None:
    """Put a change into parts that are nobody else's; `row_of` is for rows that are."""
    for section, rows in told["set"].items():
        held = parts.setdefault(section, {})
        for key, fields in rows.items():
            held[key] = row = row_of(held.get(key, {}))
            row.update(fields)
    for section, keys in told["gone"].items():
        for key in keys:
            parts[section].pop(key, None)
