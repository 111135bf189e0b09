"""What a cell said of itself, as far as it can be read: an odd one takes nothing away from the others. Pure."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker.city.database import Cell

LEVELS = ("severe", "warning", "info")  # the worst first
Count = Annotated[int, Field(ge=0, lt=2**53)]
Moment = Annotated[int, Field(ge=0, lt=253_402_300_800)]  # up to the year 9999, as far as calendars go


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)  # what a newer release says beside it is let through


class _Sentence(_Part):
    zh: str
    en: str


class _Trouble(_Part):
    text: _Sentence


class _Link(_Part):
    up: bool
    since_at: Moment


class _Plan(_Part):
    state: str
    last_day: str | None


class _Progress(_Part):
    served: Count
    skipped: Count
    owed: Count
    trucks: Count
    trucks_ready: Count
    rooms: Count
    rooms_ready: Count
    rooms_waiting: Count
    bins_waiting: Count


class _Said(_Part):
    at: Moment
    version: str
    screen: str | None
    old_since_at: Moment | None
    link: _Link
    plan: _Plan
    health: list[_Trouble]
    progress: _Progress
    open: Count
    alarm_count: Count


class _Open(_Part):
    id: str
    since: Moment
    text: _Sentence | None


def said(cell: Cell) -> dict[str, Any]:
    """What a cell said of itself, without what is open; nothing where it cannot be read."""
    with suppress(ValidationError):
        _Said.model_validate(dict(cell.beat))
        found = {name: value for name, value in cell.beat.items() if name not in ("incidents", "alarms")}
        leads_to_a_page = (found["screen"] or "").startswith(("http://", "https://"))  # it becomes a link
        return found if leads_to_a_page else {**found, "screen": None}
    return {}


def opened(cell: Cell) -> tuple[list[dict[str, Any]], bool]:
    """What is open in a cell, and whether all that it said of it could be read."""
    found: list[dict[str, Any]] = []
    whole = _rows(cell.beat.get("incidents", []), _press, found) & _rows(cell.beat.get("alarms", []), _alarm, found)
    return found, whole


def _rows(rows: Any, read: Callable[[Any], dict[str, Any] | None], found: list[dict[str, Any]]) -> bool:
    whole = isinstance(rows, list)
    for row in rows if whole else ():
        try:
            if (one := read(row)) is not None:
                _Open.model_validate(one)
                found.append(one)
        except (ValueError, KeyError, TypeError, AttributeError):
            whole = False
    return whole


def _press(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if not row["open"]:
        return None
    names = ("truck", "reason", "room_name", "estate_name", "decision")
    press = {name: row[name] for name in names}
    if not all(value is None or isinstance(value, str) for value in press.values()):
        raise ValueError("a press has something else than words")
    return {
        "kind": "press", "id": row["incident_id"], "since": row["pressed_at"] or row["raised_at"], "level": LEVELS[0],
        "text": None, "seen": row["acknowledged_at"] is not None, "press": press,
    }  # fmt: skip


def _alarm(row: Mapping[str, Any]) -> dict[str, Any]:
    level = row["level"] if row["level"] in LEVELS else LEVELS[0]  # one that is not known may be the worst
    return {
        "kind": "alarm", "id": row["about"], "since": row["since"], "level": level, "text": dict(row["text"]),
        "seen": row["state"] == "seen_active", "press": None,
    }  # fmt: skip
