"""HTTP: the figures as sheets for people, and the same as CSV or as a workbook."""

from collections.abc import Sequence
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from broker.plan.model import Plan
from broker.registers.exchange.sheets import write_csv, write_xlsx
from broker.reports.figures import CHAIN_KINDS, facts_of
from broker.reports.sheets import Sheet, sheets
from broker.store import Store, StoreError
from broker.store.days import Days
from broker.web.api.figures.days import OneOf, Span, View, span_of
from broker.web.languages import language_of_answer

Cell = str | int | float | None
CSV, WORKBOOK = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST_NAME = 31  # of a sheet in a workbook
NOT_IN_A_NAME = str.maketrans(dict.fromkeys("[]:*?/\\", " "))


class SheetRow(BaseModel):
    """One measure as a table: `chart` says how its first `drawn` columns after the names are drawn."""

    model_config = ConfigDict(from_attributes=True)
    key: str
    title: str
    unit: str
    chart: Literal["bars", "stacked", "lines"]
    heads: list[str]
    rows: list[list[Cell]]
    total: list[Cell] | None
    drawn: int


class Shown(Span):
    """The sheets of these days."""

    by: str
    estate: str = Field("", description="the one of which the figures are; empty: of all")
    truck: str = Field("", description="the one of which the figures are; empty: of all")
    estates: dict[str, str] = Field({}, description="those to choose from, by id")
    trucks: list[str] = Field([], description="those to choose from")
    sheets: list[SheetRow]


def sheet_routes(router: APIRouter, store: Store, plan: Plan) -> None:
    """`/api/v1/stats/sheets`."""

    @router.get(
        "/api/v1/stats/sheets", response_model=Shown,
        summary="Each figure day by day as a table for people, also as CSV or a workbook",
        description="In the reader's language (`Accept-Language` or `language`), in kilograms, minutes and percent; "
        "of one day group by group. What is exported are the very cells.",
        responses={200: {"content": {CSV: {}, WORKBOOK: {}}}},
    )  # fmt: skip
    def shown(
        request: Request,
        view: View = "week",
        day: OneOf = None,
        by: Literal["waste", "estate", "route", "truck"] = "waste",
        estate: Annotated[str, Query(max_length=100, description="the id of one: its figures alone")] = "",
        truck: Annotated[str, Query(max_length=100, description="the id of one: its figures alone")] = "",
        sheet: Annotated[str, Query(max_length=40, description="the key of one; else all, as CSV the first")] = "",
        form: Annotated[Literal["json", "csv", "xlsx"], Query(alias="format")] = "json",
        language: Annotated[Literal["zh", "en"] | None, Query(description="else as `Accept-Language` says")] = None,
    ) -> Shown | Response:
        span = span_of(view, day, Days(plan.timezone).of(int(store.now())))
        days = span.from_day, span.to_day
        try:
            facts = facts_of(store, *days, plan.timezone, CHAIN_KINDS)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        words = language or language_of_answer(request)
        only = {name: wanted for name, wanted in (("estate", estate), ("truck", truck)) if wanted}
        every = sheets(facts, plan.timezone, *days, by, words, plan.names(), only)
        found = answered(every, span, by, sheet, form, list(only.values()))
        if isinstance(found, Response):
            return found
        estates = {one.estate_id: one.name for one in plan.estates.values()}
        return found.model_copy(
            update={"estate": estate, "truck": truck, "estates": estates, "trucks": sorted(plan.trucks())}
        )


def answered(
    all_sheets: Sequence[Sheet], span: Span, by: str, sheet: str, form: Literal["json", "csv", "xlsx"],
    only: Sequence[str] = (),
) -> Shown | Response:  # fmt: skip
    """The sheets, or the one that is asked for, as they are asked for; refused where there is none of this key. `only`
    is what else stands in a file's name."""
    found = [one for one in all_sheets if sheet in ("", one.key)]
    if not found:
        raise HTTPException(404, "there is no such sheet: ask without `sheet` for all of them")
    days = dict.fromkeys((span.from_day, span.to_day))
    name = quote("-".join(["zhanpai", *days, by, *only, *([sheet] if sheet else [])]), safe="")
    if form == "csv":
        return _file(write_csv(_heads(found[0]), found[0].lines), CSV + "; charset=utf-8", f"{name}.csv")
    if form == "xlsx":
        return _file(write_xlsx([(_name(one), _heads(one), one.lines) for one in found]), WORKBOOK, f"{name}.xlsx")
    rows = [SheetRow.model_validate(one) for one in found]
    return Shown(**span.model_dump(), by=by, sheets=rows)


def _heads(sheet: Sheet) -> list[str]:
    """The heads of an exported sheet; the first column says what the others are measured in."""
    return [f"{sheet.heads[0]} ({sheet.unit})", *sheet.heads[1:]]


def _name(sheet: Sheet) -> str:
    return sheet.title.translate(NOT_IN_A_NAME)[:LONGEST_NAME].strip()


def _file(content: bytes, media: str, name: str) -> Response:
    return Response(content, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})
