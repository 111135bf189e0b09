"""HTTP: the city's cells as they stand, what is open in them, their figures, and what was handed to enforcement."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from broker.city.cases import CaseRow, page_of
from broker.city.database import Cell, CityDatabase
from broker.city.figures import AREA, CityFigures, Counted, names_of, rows
from broker.city.said import LEVELS
from broker.city.standing import SILENT_S, alarms, standing
from broker.config import CityConfig
from broker.reports.sheets import counted_sheets
from broker.store import StoreError, Unavailable
from broker.store.days import Days
from broker.web.api.figures.days import Day, OneOf, View, days_asked, span_of
from broker.web.api.figures.sheets import CSV, WORKBOOK, Shown, answered
from broker.web.api.paging import Paged
from broker.web.languages import language_of_answer

KEPT_S = 1.0  # however many look, the database is asked no oftener
TURN_S, REST_S = 3.0, 5.0  # one waits so long for another's question; what failed is not tried again for so long


class CellRow(BaseModel):
    """One cell: whether it is silent, and what it said last, which is of `heard_at`."""

    area: str
    name: str
    silent: bool
    heard_at: int
    said: dict[str, Any]
    records: int
    waiting: int | None
    notes: list[dict[str, Any]]


class OpenRow(BaseModel):
    """Something open in a cell: a driver's press, or an alarm with its sentence in both languages."""

    area: str
    name: str
    silent: bool
    kind: Literal["press", "alarm"]
    id: str
    since: int
    level: Literal["severe", "warning", "info"]
    text: dict[str, str] | None
    seen: bool
    press: dict[str, Any] | None


class City(BaseModel):
    """All cells and what is open in them, at this second of the database's clock."""

    name: str | None
    timezone: str
    at: int
    silent_s: int
    cells: list[CellRow]
    open: list[OpenRow]


class Cells:
    """The cells as the database has them, asked no oftener than KEPT_S."""

    def __init__(self, database: CityDatabase) -> None:
        self.database = database
        self._turn, self._read_at, self._cells = threading.Lock(), float("-inf"), list[Cell]()
        self._failed_at, self._why = float("-inf"), ""

    def read(self) -> list[Cell]:
        """All of them; raises StoreError, at once where the database was just found away."""
        failed = time.monotonic() - self._failed_at < REST_S
        # While one tries again after a failure nobody waits for what comes of it.
        if failed or not self._turn.acquire(timeout=0.0 if self._why else TURN_S):
            raise Unavailable(self._why or "the database cannot be used now: it does not answer")
        try:
            if time.monotonic() - self._read_at > KEPT_S:
                self._cells = self.database.cells()
                self._read_at, self._failed_at, self._why = time.monotonic(), float("-inf"), ""
            return self._cells
        except StoreError as why:
            self._failed_at, self._why = time.monotonic(), str(why)
            raise
        finally:
            self._turn.release()

    def now(self) -> list[Cell]:
        """All of them; raises HTTPException while the database is away."""
        try:
            return self.read()
        except StoreError as why:
            raise HTTPException(503, str(why)) from why


def city_router(config: CityConfig, cells: Cells, figures: CityFigures, now: Callable[[], float]) -> APIRouter:
    """`/api/v1/city` and what is below it."""
    router = APIRouter(tags=["city"])
    about = config.city

    @router.get("/api/v1/city", summary="All cells, silent ones too, and what is open in them")
    def city() -> City:
        found = cells.now()
        listed = [row for cell in found for row in alarms(cell)]
        listed.sort(key=lambda row: (LEVELS.index(row["level"]), row["kind"] != "press", row["since"], row["id"]))
        return City(
            name=about.name, timezone=about.timezone, at=found[0].now if found else int(now()), silent_s=SILENT_S,
            cells=[CellRow(**standing(cell)) for cell in found], open=[OpenRow(**row) for row in listed],
        )  # fmt: skip

    @router.get(
        "/api/v1/city/sheets", response_model=Shown,
        summary="The figures of all cells as tables for people, by area or waste, also as CSV or a workbook",
        responses={200: {"content": {CSV: {}, WORKBOOK: {}}}},
    )  # fmt: skip
    def shown(
        request: Request,
        view: View = "day",
        day: OneOf = None,
        by: Literal["area", "waste"] = "area",
        sheet: Annotated[str, Query(max_length=40, description="the key of one; else all, as CSV the first")] = "",
        form: Annotated[Literal["json", "csv", "xlsx"], Query(alias="format")] = "json",
        language: Annotated[Literal["zh", "en"] | None, Query(description="else as `Accept-Language` says")] = None,
    ) -> Shown | Response:
        found, span = cells.now(), span_of(view, day, Days(about.timezone).of(int(now())))
        days, words = (span.from_day, span.to_day), language or language_of_answer(request)
        whole, place = _counted(figures, found, days), "estate" if by == AREA else by
        tables = counted_sheets(whole.figures, whole.links, *days, place, words, names_of(found), by)
        return answered(tables, span, by, sheet, form)

    @router.get("/api/v1/city/stats", summary="The figures of all cells as rows; days without data are gaps, not zeros")
    def stats(
        from_day: Day,
        to_day: Day,
        period: Literal["day", "week", "month"] = "day",
        by: Literal["", "area", "waste", "area,waste"] = "",
        table: Literal["figures", "chain"] = "figures",
    ) -> list[dict[str, Any]]:
        days = days_asked(from_day, to_day)
        return rows(_counted(figures, cells.now(), days), table, period, [one for one in by.split(",") if one], *days)

    @router.get(
        "/api/v1/city/cases", summary="The cases that cells handed to enforcement: open ones first, then the newest"
    )
    def cases(paged: Paged) -> list[CaseRow]:
        found = cells.now()
        try:
            return page_of(cells.database, found, paged)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why

    return router


def health_router(cells: Cells, outside: Callable[[], list[dict[str, Any]]]) -> APIRouter:
    """`/healthz`: whether the city's page has its database, and how its platform is told."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="200 while the database answers, else 503; which cells are silent")
    def healthz() -> JSONResponse:
        try:
            found = cells.now()
        except HTTPException as why:
            return JSONResponse({"ok": False, "trouble": why.detail}, 503)
        silent = [cell.area for cell in found if standing(cell)["silent"]]
        said = {"ok": True, "trouble": None, "cells": len(found), "silent": silent, "outside": outside()}
        return JSONResponse(said)

    return router


def _counted(figures: CityFigures, cells: Sequence[Cell], days: tuple[str, str]) -> Counted:
    try:
        return figures.of(cells, *days)
    except StoreError as why:
        raise HTTPException(503, str(why)) from why
