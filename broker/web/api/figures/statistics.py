"""HTTP: figures of days, weeks and months, and the report of a day, counted from what is on record."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from broker.plan.model import Plan
from broker.reports import figures, tables
from broker.rules.statistics.cube import DIMENSIONS
from broker.store import Store, StoreError
from broker.web.api.described import told
from broker.web.api.described.record import StatsRow
from broker.web.api.figures.days import FIRST_DAY, LAST_DAY, Day, days_asked
from broker.web.pages.day_report import stored_report
from broker.web.problems import PAGE_REFUSALS


def figure_routes(router: APIRouter, store: Store, timezone: str) -> None:
    """`/api/v1/stats`."""

    @router.get(
        "/api/v1/stats", summary="Figures per day, week or month; days without data are gaps, not zeros",
        **told(list[StatsRow], **{"text/csv": {}}),
    )
    def stats(
        from_day: Day,
        to_day: Day,
        period: Literal["day", "week", "month"] = "day",
        by: Annotated[str, Query(description=f"comma separated, of {' '.join(DIMENSIONS)}; calls: day kind too")] = "",
        table: Annotated[
            Literal[
                "figures", "chain", "lanes", "weigh_ins", "disagreements", "calls", "answers", "alarms", "bookings",
                "cases",
            ],
            Query(description="the figures, or what they hide: period is for figures and chain, by for calls too"),
        ] = "figures",
        form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    ) -> Response:
        days = days_asked(from_day, to_day)
        try:
            dimensions = tables.dimensions(by, table)
        except ValueError as why:
            raise HTTPException(422, str(why)) from why
        try:
            text = figures.answer(store, table, form, timezone, *days, period, dimensions)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        if form == "csv":
            return PlainTextResponse(text, media_type="text/csv; charset=utf-8")
        return Response(text, media_type="application/json")


def report_routes(router: APIRouter, store: Store, plan: Plan) -> None:
    """`/report/{day}`."""

    @router.get(
        "/report/{day}", summary="The day in plain words, one page", response_class=HTMLResponse,
        responses=PAGE_REFUSALS,
    )
    def report(
        day: Annotated[date, PathParameter(ge=FIRST_DAY, le=LAST_DAY)], language: Literal["zh", "en"] = "zh"
    ) -> HTMLResponse:
        try:
            page = stored_report(store, plan.area_id, day.isoformat(), language, plan.timezone, plan.names())
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        return HTMLResponse(page)
