"""The figures as sheets for people: what stands in them is the figures, in both languages, sums and gaps too."""

import csv
import io
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from broker.plan.demo_area import demo_plan
from broker.reports.sheets import Sheet, sheets
from broker.rules.statistics.cube import count, total
from broker.store import Record
from broker.store.sqlite.store import SQLiteStore
from broker.web.api.figures.record import record_router
from tests.support.facts import DAY, NAMES, NOON, ZONE, Fact, visit, weighing, workflow
from tests.support.people import behind_the_door

DAY_S = 86_400
FACTS = [
    visit(), visit("run1/r02/1", room="r02", waste="hazardous", estate="e2", grams_after=None),
    visit("run2/r01/1", run_id="run2", at=NOON + DAY_S, arrived_at=NOON + DAY_S, bins_after=6),
    workflow(1, NOON), workflow(2, NOON, cleared_at=None), weighing(1, 251_000),
]  # fmt: skip


def of(key: str, *, by: str = "waste", from_day: str = DAY, to_day: str = DAY, language: str = "en") -> Sheet:
    """One sheet of those facts."""
    found = sheets(FACTS, ZONE, from_day, to_day, by, language, NAMES)
    return next(one for one in found if one.key == key)


def test_a_day_is_told_group_by_group_and_a_week_day_by_day() -> None:
    """Kinds in the wire's order, what nobody knows as a gap, no zero; the sum last."""
    day = of("kilograms")
    assert day.rows == (("unit wet", 250.0), ("hazardous", None)) and day.total == ("all", 250.0)
    week = of("bins", from_day="2026-11-21", to_day="2026-11-23")
    assert week.heads == ("day", "unit wet", "hazardous", "all") and week.drawn == 2
    assert week.rows == (("2026-11-21", None, None, None), (DAY, 5, 5, 10), ("2026-11-23", 0, None, 0))
    assert week.total == ("all days", 5, 5, 10)


@pytest.mark.parametrize("by", ["waste", "estate", "route", "truck"])
def test_sums_are_those_of_the_figures_whatever_they_are_told_apart_by(by: str) -> None:
    """What is added up adds up to the recount; a share's is of its own numerator and denominator."""
    span = {"from_day": DAY, "to_day": "2026-11-23"}
    figures = total(count(FACTS, ZONE), *span.values())
    assert figures is not None
    for key, expected in (("bins", figures["bins"]), ("served", figures["served"]), ("incidents", 2)):
        sheet = of(key, by=by, **span)
        assert sheet.total is not None and sheet.total[-1] == expected
        assert expected == sum(row[-1] for row in sheet.rows) == sum(sheet.total[1:-1])  # type: ignore[misc]
    on_time = of("plan_on_time", by=by, **span).total
    assert on_time is not None and on_time[-1] == round(100 * figures["plan_on_time"] / figures["plan_known"], 2)


def test_what_is_still_going_on_has_no_minutes_and_names_are_the_readers() -> None:
    """An estate in its reader's half of the name; the chain of what is weighed."""
    assert of("incident_minutes", by="estate", language="zh").rows[-1] == ("一村 <b>", 10.0)
    chain = of("chain", by="truck")
    assert chain.rows == (("t01", None, 250.0, 250.0, 251.0, 1.0),) and chain.total == ("all", *chain.rows[0][1:])
    assert of("chain", by="estate").rows[0][4] is None  # nobody weighs an estate's alone
    booked = Fact("booking", "b", "booking:b:1", NOON, {
        "from_at": NOON, "requested_at": NOON, "estate": "e1", "state": "completed", "litres": 2000,
        "measured_litres": 2500})  # fmt: skip
    row = next(one for one in sheets([booked], ZONE, DAY, DAY, "waste", "zh", NAMES) if one.key == "bookings")
    assert row.rows == (("一村 <b>", 1, 1, 0, 0, 0, 2.0, 2.5),) and row.total == ("合计", 1, 1, 0, 0, 0, 2.0, 2.5)


def test_one_estates_and_one_trucks_figures_are_its_part_of_all() -> None:
    """The column that they have beside the others; what is nobody's in particular is left out."""
    columns = {by: of("bins", by=by, to_day="2026-11-23") for by in ("estate", "truck")}
    for by, one in (("estate", "e1"), ("estate", "e2"), ("truck", "t01")):
        every = columns[by]
        place = every.heads.index(NAMES.get(one, one).split(" / ")[-1])
        found = sheets(FACTS, ZONE, DAY, "2026-11-23", "waste", "en", NAMES, {by: one})
        mine = next(sheet for sheet in found if sheet.key == "bins")
        assert [row[-1] for row in mine.rows] == [row[place] for row in every.rows]
        keys = {sheet.key for sheet in found}
        assert not keys & {"alarms", "alarm_hours"} and ("bookings" in keys) is (by == "estate")
    nobody = next(one for one in sheets(FACTS, ZONE, DAY, DAY, "waste", "en", NAMES, {"truck": "none"}))
    assert nobody.rows == () and nobody.total == ("all", None)


def test_alarms_are_told_apart_by_the_hour_of_the_day() -> None:
    """All 24, each with its sum and the most on one day; two presses at noon are of that hour."""
    hours = of("alarm_hours", to_day="2026-11-23")
    assert len(hours.rows) == 24 and hours.total == ("all", 2, 2, None)
    (busy,) = [row for row in hours.rows if row[1]]
    assert busy == (f"{datetime.fromtimestamp(NOON, ZoneInfo(ZONE)):%H}:00", 2, 2, 2)


def test_what_is_exported_is_what_is_shown(tmp_path: Path) -> None:
    """The very cells as JSON, CSV and a workbook, in the language asked for; what is no sheet is not there."""
    store = SQLiteStore(tmp_path / "s", "xh", ZONE, lambda: NOON, min_free_bytes=0)
    store.append([Record(one.id, one.kind, one.key, one.at, NOON, "xh", one.body) for one in FACTS])
    client = behind_the_door(record_router(store, demo_plan()))
    asked = "/api/v1/stats/sheets?view=week&by=estate&language=zh"
    shown = client.get(asked).json()
    assert (shown["from_day"], shown["to_day"], shown["before"], shown["day"]) == ("2026-11-16", DAY, "2026-11-15", DAY)
    assert shown["after"] == "2026-11-23"
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"{asked}&format=xlsx").content))
    assert len(book.sheetnames) == len(shown["sheets"]) > 10
    for sheet, name in zip(shown["sheets"], book.sheetnames, strict=True):
        rows = [*sheet["rows"], *([] if sheet["total"] is None else [sheet["total"]])]
        assert [[cell.value for cell in row] for row in book[name].iter_rows(min_row=2)] == rows
        answer = client.get(f"{asked}&format=csv&sheet={sheet['key']}")
        table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert table[0] == [f"{sheet['heads'][0]} ({sheet['unit']})", *sheet["heads"][1:]]
        told = [[None if cell == "" else float(cell) for cell in row[1:]] for row in table[1:]]
        assert told == [row[1:] for row in rows]
        assert sheet["key"] in answer.headers["content-disposition"]
    assert client.get(f"{asked}&sheet=moons").status_code == 404
    assert client.get("/api/v1/stats/sheets?view=year").status_code == 422
    store.close()
