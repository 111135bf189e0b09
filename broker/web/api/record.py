"""HTTP over what is on record: scored calls, statistics, corrections, the day's report, the plan as a GTFS feed."""

import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as PathParameter
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from broker.plan.gtfs.feed import write_gtfs
from broker.plan.model import Plan
from broker.registers.fields import ONE_LINE
from broker.reports import corrections, figures, tables
from broker.reports.tables import MAX_DAYS
from broker.rules.statistics.cube import DIMENSIONS, count
from broker.store import Conflict, Refused, Store, StoreError
from broker.web.pages import day_report
from firmware import wire

MAX_CALLS = 5000
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
LONGEST_TEXT = 300
LARGEST = wire.LATEST_AT  # no weight or count is larger
Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT, pattern=ONE_LINE)]
Value = Text | Annotated[int, Field(ge=0, le=LARGEST)] | Annotated[float, Field(ge=-LARGEST, le=LARGEST)] | bool | None
Day = Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY, description="YYYY-MM-DD, the area's day")]


class Correction(BaseModel):
    """What is to be corrected in which record, why, and who says so."""

    model_config = ConfigDict(extra="forbid")
    record: Text = Field(description="its id, or KIND:KEY for the newest of a key")
    patch: dict[str, Value] = Field(
        min_length=1, description="field and new value; a time as Unix seconds or as 2026-11-22T06:00, the area's time"
    )
    reason: Text
    who: Text


def record_router(store: Store, plan: Plan) -> APIRouter:
    """The routes that read the store and the plan."""
    router = APIRouter(tags=["record"])

    @router.get("/api/v1/calls", summary="Lamp calls, scored against true arrivals")
    def calls(from_at: int | None = None, to_at: int | None = None) -> list[dict[str, Any]]:
        newest: dict[str, dict[str, Any]] = {}
        try:
            for record in store.scan("call", from_at, to_at):
                newest[record.key] = dict(record.body)
                if len(newest) > MAX_CALLS:
                    raise HTTPException(413, f"more than {MAX_CALLS} calls: ask for a shorter time with from_at, to_at")
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        return list(newest.values())

    @router.get("/api/v1/stats", summary="Figures per day, week or month; days without data are gaps, not zeros")
    def stats(
        from_day: Day,
        to_day: Day,
        period: Literal["day", "week", "month"] = "day",
        by: Annotated[str, Query(description=f"comma separated, of {' '.join(DIMENSIONS)}")] = "",
        table: Annotated[
            Literal["figures", "lanes", "weigh_ins", "disagreements"],
            Query(description="the figures, or what they hide: period and by are for the figures"),
        ] = "figures",
        form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    ) -> Response:
        if not from_day <= to_day <= from_day + timedelta(days=MAX_DAYS):
            raise HTTPException(422, f"to_day must be 0 to {MAX_DAYS} days after from_day")
        try:
            names = tables.dimensions(by)
        except ValueError as why:
            raise HTTPException(422, str(why)) from why
        first, last = from_day.isoformat(), to_day.isoformat()
        try:
            facts = figures.facts_of(store, first, last, plan.timezone)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        if table == "figures":
            rows = tables.rows(count(facts, plan.timezone), period, names, first, last)
        else:
            rows = tables.finding_rows(table, facts, plan.timezone, first, last)
        if form == "csv":
            return PlainTextResponse(tables.as_csv(rows, table), media_type="text/csv; charset=utf-8")
        return Response(tables.as_json(rows), media_type="application/json")

    @router.post(
        "/api/v1/amendments",
        summary="Correct a record for the figures; the original stays readable",
        description="A corrected field stays as corrected until it is corrected again, whatever the bridge writes.",
    )
    def amend(correction: Correction) -> dict[str, Any]:
        try:
            record = corrections.named(store, correction.record)
            amended = corrections.correct(
                store, record, correction.patch, correction.reason, correction.who, int(time.time()), plan.timezone
            )
        except Conflict as why:
            raise HTTPException(404, str(why)) from why
        except Refused as why:
            raise HTTPException(422, str(why)) from why
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        was = {field: record.body[field] for field in correction.patch}
        return {"record": amended.id, "was": was, "body": dict(amended.body)}

    @router.get("/report/{day}", summary="The day in plain words, one page", response_class=HTMLResponse)
    def report(
        day: Annotated[date, PathParameter(ge=FIRST_DAY, le=LAST_DAY)], language: Literal["zh", "en"] = "zh"
    ) -> HTMLResponse:
        first = (day - timedelta(days=day_report.DAYS_SHOWN - 1)).isoformat()
        try:
            facts = figures.facts_of(store, first, day.isoformat(), plan.timezone)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        cube = count(facts, plan.timezone)
        return HTMLResponse(
            day_report.day_report(
                facts, cube, plan.area_id, day.isoformat(), language, plan.timezone, plan.names()
            )
        )

    @router.get("/gtfs.zip", summary="The plan as a GTFS feed")
    def gtfs() -> Response:
        with tempfile.TemporaryDirectory(prefix="zhanpai-gtfs-") as folder:
            target = Path(folder) / "gtfs.zip"
            write_gtfs(plan, target)
            return Response(target.read_bytes(), media_type="application/zip")

    return router
