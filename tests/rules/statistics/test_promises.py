"""Answers of those who are asked about incidents, as figures: against a morning's own rows, and against odd records."""

from typing import Any

import pytest

from broker.reports import tables
from broker.reports.day_report import period_report
from broker.rules.statistics.periods import Period
from broker.rules.statistics.promises import Answers, answers
from tests.support.bridge.asked_street import Street
from tests.support.facts import DAY, NOON, ZONE, workflow

MONDAY = "2026-11-23"


def row(name: str, **more: Any) -> dict[str, Any]:
    """An addressee's row, told and nothing else."""
    nothing = {"seen_at": None, "unanswered_at": None, "promises": 0, "kept": 0, "broken": 0, "in_vain": False}
    return {"addressee": name, "party": "", "state": "told", "asked_at": NOON, **nothing, **more}


def test_a_morning_is_counted_as_it_was() -> None:
    """One press that the estate broke its word on, one that the driver took back, one that nobody answered."""
    street = Street(alone=True)
    street.serve(0)
    first = street.press()
    street.step(30)
    street.says(first, "estate", "promise", until_at=int(street.now) + 60)
    street.step(90)
    street.says(first, "estate", "promise", until_at=int(street.now) + 600)
    street.says(first, "estate", "finish")
    second = street.press()
    street.step(4)
    street.press(incident_id=second, pressed_at=int(street.now) - 4, withdrawn=True)
    third = street.press()
    street.step(700)
    street.act("acknowledge", third)
    estate = street.row(first, "estate").party
    found = {one.addressee: one for one in answers(list(street.kept.values()), ZONE, MONDAY, MONDAY)}
    assert found["estate"] == Answers("estate", estate, 3, 1, 30, 2, 1, 1, 0, 1, 1)
    assert (found["dispatcher"].asked, found["dispatcher"].seen, found["dispatcher"].median_seen_s) == (3, 1, 700)
    street.close()


def test_a_table_and_a_report_have_a_row_for_each_who_was_asked() -> None:
    """Worst first, also where a record is of before there were answers or of somebody else's making."""
    facts = [
        workflow(1, NOON, answers=[row("dispatcher", seen_at=NOON + 40), row("estate", party="e1", broken=1)]),
        workflow(2, NOON, answers=[row("dispatcher", seen_at=NOON + 20), row("estate", party="e1", in_vain=True)]),
        workflow(3, NOON), workflow(4, NOON, answers="odd"), workflow(5, NOON, answers=[7, {"addressee": None}]),
        workflow(6, NOON + 86_400, answers=[row("dispatcher")]),
    ]  # fmt: skip
    found = tables.finding_rows("answers", facts, ZONE, DAY, DAY)
    assert [(one["addressee"], one["party"], one["asked"], one["median_seen_s"]) for one in found] == [
        ("estate", "e1", 2, None), ("", "", 1, None), ("dispatcher", "", 2, 30),
    ]  # fmt: skip
    assert tables.as_csv([], "answers").lstrip("\ufeff").startswith("addressee,party,asked,seen,median_seen_s")


@pytest.mark.parametrize(("language", "title", "who"), [
    ("en", "Who was asked, and what they answered", "estate First <b>"), ("zh", "被通知方的应答", "小区 一村 <b>"),
])  # fmt: skip
def test_the_days_report_says_it_in_both_languages(language: str, title: str, who: str) -> None:
    """Promises given, kept and broken."""
    facts = [workflow(1, NOON, answers=[row("estate", party="e1", promises=2, kept=1, broken=1)])]
    period = Period.around("day", DAY)
    report = period_report(facts, {}, "xh", period, language, ZONE, {"e1": "一村 <b> / First <b>"})
    chapter = next(one for one in report.chapters if one.title == title)
    assert chapter.table is not None
    (cells,) = chapter.table.rows
    assert cells[0] == who and list(cells)[-4:] == ["2", "1", "1", "0"]
