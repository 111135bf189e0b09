"""How a cell stands, as its city shows it: silent or not, what it said last, what did not go as it should. Pure."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from broker.city.database import Cell
from broker.city.said import opened, said
from broker.store import Record

Read = TypeVar("Read")

SILENT_S = 75  # without a beat; a page that looks each few seconds shows it within 90
BEHIND = 5000  # records that a cell which is heard has still to push: the figures are of before


def standing(cell: Cell) -> dict[str, Any]:
    """A cell as a row of the city's page; what a silent one said is of `heard_at`."""
    own = next((one for one in cell.pushed if one.record == cell.record), None)
    return {
        "area": cell.area,
        "name": cell.name,
        "silent": cell.now - cell.heard_at > SILENT_S,
        "heard_at": cell.heard_at,
        "said": said(cell),
        "records": cell.records,
        "waiting": None if own is None else max(0, own.rows - own.row),
        "notes": notes(cell),
    }


def notes(cell: Cell) -> list[dict[str, Any]]:
    """What a person of the city should know of a cell's records: a word, and its figures."""
    own = next((one for one in cell.pushed if one.record == cell.record), None)
    found = []
    if not said(cell) or not opened(cell)[1]:
        found.append(_note("unreadable"))
    if own is not None and own.rows - own.row > BEHIND:
        found.append(_note("behind", count=own.rows - own.row))
    if own is not None and own.row == own.rows and cell.records > own.rows:
        found.append(_note("surplus", count=cell.records - own.rows))
    for one in cell.pushed:
        if one.others:
            found.append(_note("others", count=one.others, id=one.other_id))
        if one.went_back_at is not None:
            found.append(_note("went_back", at=one.went_back_at, from_row=one.went_back_from, to_row=one.went_back_to))
        if one.record != cell.record and one.row < one.rows:
            found.append(_note("not_pushed", first=one.row + 1, last=one.rows, at=one.heard_at))
        if one.record != cell.record and cell.now - one.heard_at <= SILENT_S:
            found.append(_note("two_at_once", at=one.heard_at))
    return found


def _note(word: str, **values: int | str | None) -> dict[str, Any]:
    return {"word": word, "values": values}


def readable(records: Mapping[str, Record], read: Callable[[Mapping[str, Any]], Read]) -> list[Read]:
    """What the newest records say; one that somebody else wrote in another way hides no other."""
    found = []
    for record in records.values():
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            found.append(read(record.body))
    return found


def alarms(cell: Cell) -> list[dict[str, Any]]:
    """What is open in a cell as it said last: presses, and alarms with their sentences."""
    about = {"area": cell.area, "name": cell.name, "silent": cell.now - cell.heard_at > SILENT_S}
    return [{**about, **row} for row in opened(cell)[0]]
