"""HTTP: cases for enforcement 管执联动: what suggests one, opening it, handing it over, its answer, its end."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from broker.plan.model import Plan
from broker.reports.casebook import MOST_EVIDENCE, CaseBook
from broker.rules.states.case import Case, CaseError
from broker.rules.statistics.grounds import Ground
from broker.store import StoreError
from broker.web.api.paging import Paged
from broker.web.door.visitors import visitor_of
from broker.web.pages.cases import case_page

ENFORCEMENT = "enforcement"
OFFICE = frozenset({"dispatcher", "supervisor"})
Words = Annotated[str, Field(min_length=1, max_length=2000)]
Id = Annotated[str, Field(max_length=64)]
Kind = Literal["chronic_lane", "not_out", "mixed_waste", "contaminated_load", "other"]


class EvidenceRow(BaseModel):
    """One thing that happened: which record says so, when, where."""

    model_config = ConfigDict(from_attributes=True)
    record: str
    key: str
    at: int
    what: str
    room: str | None = None
    truck: str | None = None
    incident_id: str | None = None
    lat: float | None = None
    lon: float | None = None


class CaseRow(BaseModel):
    """A case as it stands."""

    model_config = ConfigDict(from_attributes=True)
    case_id: str
    version: int
    kind: str
    state: str
    estate: str | None
    room: str | None
    waste: str | None
    evidence: list[EvidenceRow]
    opened_at: int
    opened_by: str
    note: str | None
    hand_overs: int
    handed_over_at: int | None
    answer: str | None
    answered_at: int | None
    answered_by: str | None
    outcome: str | None
    closed_at: int | None


class Suggestion(BaseModel):
    """What a case could be opened for."""

    kind: str
    estate: str
    room: str
    waste: str
    times: int
    first_at: int
    last_at: int
    records: list[str]


class Opening(BaseModel):
    """A case to be opened: for a suggestion as it stands, or for `records` that a person names."""

    model_config = ConfigDict(strict=True, extra="forbid")
    kind: Kind
    estate: Id = ""
    room: Id = ""
    waste: Id = ""
    records: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MOST_EVIDENCE)] = []
    note: Words | None = None


class Deed(BaseModel):
    """A deed on a case; `version` is the one that was looked at."""

    model_config = ConfigDict(strict=True, extra="forbid")
    version: int | None = None
    text: Words | None = None


class Answered(Deed):
    """What enforcement did."""

    text: Words


def visible(case: Case, roles: frozenset[str]) -> bool:
    """Whether these roles see it: enforcement sees what was handed over, and nothing else."""
    return bool(roles & OFFICE) or (ENFORCEMENT in roles and case.is_enforcements)


def row_of(case: Case) -> CaseRow:
    """A case as the API gives it."""
    return CaseRow.model_validate(case)


def suggestion_of(ground: Ground) -> Suggestion:
    """A ground as the API gives it."""
    happened = ground.happened
    return Suggestion(
        kind=ground.kind, estate=ground.estate, room=ground.room, waste=ground.waste, times=ground.times,
        first_at=happened[0].at, last_at=happened[-1].at, records=[one.fact.id for one in happened],
    )  # fmt: skip


def case_router(book: CaseBook, plan: Plan, now: Callable[[], float]) -> APIRouter:
    """`/api/v1/cases` and the page of it."""
    router = APIRouter(tags=["cases"])
    case_page(router, book, plan, now)

    @router.get("/api/v1/cases", summary="Cases; enforcement sees those that were handed over")
    def cases(request: Request, paged: Paged) -> list[CaseRow]:
        try:
            rows = [one for one in book.cases() if visible(one, visitor_of(request).roles)]
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        return [row_of(one) for one in paged.page(rows, lambda one: (-one.changed_at, one.case_id))]

    @router.get("/api/v1/cases/suggestions", summary="What happened again and again, and is no case yet")
    def suggestions() -> list[Suggestion]:
        try:
            return [suggestion_of(one) for one in book.suggestions(int(now()))]
        except StoreError as why:
            raise HTTPException(503, str(why)) from why

    @router.post("/api/v1/cases", summary="Open a case with its evidence")
    def open_case(request: Request, opening: Opening) -> CaseRow:
        who, at = visitor_of(request).who, int(now())

        def opened() -> Case:
            place = (opening.kind, opening.estate, opening.room, opening.waste)
            records = opening.records
            ground = Ground(*place, book.told_of(records)) if records else book.suggested(*place, at)
            return book.open(ground, opening.note, who, at)

        return row_of(_done(opened))

    def on_case(request: Request, case_id: str, deed: Deed, do: Callable[[Case, str, int], Case]) -> CaseRow:
        who, at, roles = visitor_of(request).who, int(now()), visitor_of(request).roles

        def done() -> Case:
            if not visible(book.case(case_id), roles):
                raise KeyError(case_id)
            return book.change(case_id, deed.version, lambda case: do(case, who, at), at)

        return row_of(_done(done))

    @router.post("/api/v1/cases/{case_id}/hand-over", summary="It is enforcement's now")
    def hand_over(request: Request, case_id: str, deed: Deed) -> CaseRow:
        return on_case(request, case_id, deed, lambda case, who, at: case.handed_over(who, at))

    @router.post("/api/v1/cases/{case_id}/take-back", summary="It was handed over by mistake")
    def take_back(request: Request, case_id: str, deed: Deed) -> CaseRow:
        return on_case(request, case_id, deed, lambda case, _, at: case.taken_back(at))

    @router.post("/api/v1/cases/{case_id}/answer", summary="What enforcement did about it")
    def answer(request: Request, case_id: str, deed: Answered) -> CaseRow:
        return on_case(request, case_id, deed, lambda case, who, at: case.answered(deed.text, who, at))

    @router.post("/api/v1/cases/{case_id}/close", summary="Nothing is to be done any more")
    def close(request: Request, case_id: str, deed: Deed) -> CaseRow:
        return on_case(request, case_id, deed, lambda case, who, at: case.closed(deed.text, who, at))

    return router


def _done(deed: Callable[[], Case]) -> Case:
    try:
        return deed()
    except KeyError as why:
        raise HTTPException(404, "no such case") from why
    except CaseError as why:
        raise HTTPException(409, str(why)) from why
    except StoreError as why:
        raise HTTPException(507, str(why)) from why
