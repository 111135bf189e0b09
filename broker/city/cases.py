"""The cases that cells handed to enforcement, a page at a time: open ones first, then what was handed over last."""

from collections.abc import Sequence
from contextlib import suppress

from pydantic import BaseModel

from broker.city.case_pages import Place, is_askable
from broker.city.database import Cell, CityDatabase
from broker.rules.states.case import Case
from broker.store import Record
from broker.web.api.paging import Paging, strange

MOST_CASES = 200  # of a page, where no limit is asked for
OF_CASE = (
    "case_id", "kind", "estate", "room", "waste", "state", "note", "opened_at", "handed_over_at", "answer",
    "answered_at", "outcome", "closed_at",
)  # fmt: skip


class CaseRow(BaseModel):
    """A case that was handed to enforcement, without anybody's name; `times` is how much evidence it has."""

    area: str
    name: str
    place: str | None
    times: int
    case_id: str
    kind: str
    estate: str | None
    room: str | None
    waste: str | None
    state: str
    note: str | None
    opened_at: int
    handed_over_at: int | None
    answer: str | None
    answered_at: int | None
    outcome: str | None
    closed_at: int | None


def page_of(database: CityDatabase, cells: Sequence[Cell], paged: Paging) -> list[CaseRow]:
    """The page that is asked for; raises StoreError, and HTTPException for a place that is none."""
    by_area = {cell.area: cell for cell in cells}
    asked = paged.left(bool, int, str, str)
    left = None if asked is None else Place(*asked)
    if left is not None and not is_askable(left):
        raise strange()
    limit = (paged.limit or MOST_CASES) + 1  # one more tells that there is a next page
    # What cannot be read hides no other, and a page is whole all the same.
    found = [row for area, one in database.corrected_cases([*by_area]) if (row := _row(by_area[area], one)) is not None]
    while batch := database.cases([*by_area], left, limit):
        rows = [_row(by_area[place.area], record) for place, record in batch]
        found += [row for row in rows if row is not None]
        if len(batch) < limit or None not in rows:
            break
        left = batch[-1][0]
    return paged.page(found, _place, MOST_CASES)


def _place(row: CaseRow) -> tuple[bool, int, str, str]:
    return row.closed_at is not None, -(row.handed_over_at or 0), row.area, row.case_id


def _row(cell: Cell, record: Record) -> CaseRow | None:
    """The row of a case that is enforcement's; None of another, and of what somebody wrote in another way."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        case = Case.from_body(record.body)
        if case.is_enforcements:
            place = cell.names.get(case.room or case.estate or "")
            fields = {name: getattr(case, name) for name in OF_CASE}
            return CaseRow(area=cell.area, name=cell.name, place=place, times=len(case.evidence), **fields)
    return None
