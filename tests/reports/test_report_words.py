"""What the report and its tables say: nouns that fit their numbers, nothing unsaid, no formula for a spreadsheet."""

import pytest

from broker.reports import day_report as reports
from broker.reports import tables, words
from broker.reports.sentences import sentences
from broker.rules.statistics.cube import count
from broker.rules.statistics.periods import Period
from broker.web.pages import day_report
from tests.support.facts import DAY, NAMES, NOON, ZONE, Fact, day_total, visit, weighing, workflow


def said(*facts: Fact, language: str = "en") -> list[str]:
    """The sentences of the day."""
    return sentences(day_total(*facts), DAY, language)


def test_one_is_not_said_as_many() -> None:
    """English nouns follow their numbers."""
    call = Fact("call", "c", "call:c:1", NOON, {"called_at": NOON, "lead_s": 960})
    one = said(visit(bins_after=5), workflow(1, NOON), weighing(1, 1000), call)
    assert one[0].startswith("1 visit: 1 served") and "1 bin was collected, counted at 1 visit." in one
    assert "1 incident of 10 minutes in all; 0 still open." in one
    for begin in ("1 call, 1 of them scored", "1 weigh-in at the"):
        assert any(text.startswith(begin) for text in one)
    two = said(visit(), visit("run1/r02/1", room="r02"), workflow(1, NOON), workflow(2, NOON))
    assert two[0].startswith("2 visits: 2 served") and "10 bins were collected, counted at 2 visits." in two
    assert "2 incidents of 20 minutes in all; 0 still open." in two


def test_visits_that_are_not_settled_are_said() -> None:
    """What adds up to less than the visits is named; a visit is not said to be planned, for second ones were not."""
    facts = [visit(), visit("run1/r02/1", room="r02", state="pending", arrived_at=None, left_at=None)]
    assert "1 visit is not yet settled." in said(*facts)
    assert "其中 1 次尚无结果。" in said(*facts, language="zh")
    assert said(*facts, language="zh")[0].startswith("到站 2 次，完成 1 次")
    assert not any("settled" in text for text in said(visit()))


def test_presses_taken_back_and_those_not_over_are_said_as_such() -> None:
    """No minutes for what has not ended; a withdrawn press is named beside "no incidents"."""
    withdrawn = said(visit(), workflow(1, NOON, workflow="withdrawn"))
    assert "No incidents." in withdrawn and "1 press was withdrawn and not counted." in withdrawn
    lasting = said(visit(), workflow(1, NOON, cleared_at=None))
    assert "1 incident, none of them over yet." in lasting and not any("minutes in all; 1" in text for text in lasting)
    (row,) = tables.rows(count([workflow(1, NOON, cleared_at=None)], ZONE), "day", [], DAY, DAY)
    assert (row["incidents"], row["incident_s"]) == (1, None)
    (row,) = tables.rows(count([visit()], ZONE), "day", [], DAY, DAY)
    assert (row["incidents"], row["incident_s"]) == (0, 0)


@pytest.mark.parametrize(
    ("language", "unknown", "lasting"), [("zh", "未知", "未解除"), ("en", "not known", "not over")]
)
def test_lanes_that_are_all_still_blocked_have_no_minutes(language: str, unknown: str, lasting: str) -> None:
    """The number of those that last is in the table; their minutes are not known yet."""
    facts = [visit(), *(workflow(n, NOON - n * 86_400, cleared_at=None) for n in range(3))]
    page = day_report.day_report(facts, count(facts, ZONE), "xh", DAY, language, ZONE, NAMES)
    row = page[page.index('data-head="' + words.word(language, "estate")) :]
    assert f">{unknown}</td>" in row and f'data-head="{lasting}">3</td>' in row


@pytest.mark.parametrize("value", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(value: str) -> None:
    """Also behind a tab or an end of line, which some spreadsheets drop."""
    assert f"'{value}" in tables.as_csv([{"a": value}])


def test_a_question_names_dimensions_with_blanks_and_once() -> None:
    """`waste, estate` is what people write; a wrong word is named."""
    assert tables.dimensions(" waste, estate ,,waste") == ["waste", "estate"]
    with pytest.raises(ValueError, match="no such dimension moon; there are waste estate room route truck"):
        tables.dimensions("waste,moon")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("odd", ["garden", "wet<b>", ""])
def test_a_kind_that_nobody_knows_is_in_the_table_as_it_is_in_the_sentences(language: str, odd: str) -> None:
    """What the rows say were served adds up to what the first sentence says; such a kind comes last, as recorded."""
    facts = [visit(), visit("run1/r02/1", room="r02", waste=odd), visit("run1/r03/1", room="r03", waste=odd)]
    report = reports.period_report(facts, count(facts, ZONE), "xh", Period.around("day", DAY), language, ZONE, NAMES)
    table = report.chapters[0].table
    assert table is not None and sum(int(row[1]) for row in table.rows) == 3
    last = next(row for row in table.rows if row[1] == "2")
    assert last[0] == words.waste_word(language, odd) and (not odd or last == table.rows[-1])
    assert "3" in report.sentences[0]
    page = day_report.day_report(facts, count(facts, ZONE), "xh", DAY, language, ZONE, NAMES)
    assert "wet<b>" not in page
