"""A run as a page: everything that happened, when each expectation was decided, and what differs between two runs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from rich.console import Console

from broker.words import LANGUAGES
from sim.__main__ import main
from sim.judging.judge import JUDGES, judge
from sim.judging.outcome import Outcome
from sim.judging.sentence import Term, said
from sim.report import difference
from sim.report.facts import facts_of
from sim.report.page import WORDS, ReportError, page_of, read_report, write_report
from sim.report.printed import as_json, show
from sim.scenario.scenario import Demand, load
from sim.scenario.scenes.choice import scene_of
from sim.virtual.run import play
from tests.support.screens.browser import chromium_page

pytestmark = pytest.mark.real  # tenths of a second each

NEVER = Demand("second_visit", {"room": "r03", "within_min": 60.0})


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """A lane is blocked: one press, one second visit; and one expectation that cannot hold."""
    scenario = load("blocked_lane")
    scenario = replace(scenario, demands=(*scenario.demands, NEVER))
    return play(scenario)


@pytest.fixture(scope="module")
def facts(outcome: Outcome) -> dict[str, Any]:
    """What its page shows."""
    return facts_of(outcome, scene_of(outcome.scenario).plan)


def test_each_visit_has_its_call_and_what_was_predicted_then(facts: dict[str, Any]) -> None:
    """The lead that the page shows is the true one."""
    first = facts["visits"][0]
    assert (first["truck"], first["room"]) == ("t01", "r01")
    assert 13 * 60 <= first["arrived_s"] - first["called_s"] <= 20 * 60
    assert abs(first["predicted_s"] - first["arrived_s"]) < 180


def test_what_the_street_was_like_is_told(outcome: Outcome, facts: dict[str, Any]) -> None:
    """On the page, and in what the command prints and gives to programs."""
    assert 5 < facts["street"]["outside_min"] < 60 and facts["street"]["visits"] >= 3
    told = as_json(outcome)["street"]
    assert (round(told["outside_min"]), told["waited_visits"]) == (
        facts["street"]["outside_min"], facts["street"]["waited"],
    )
    show(outcome, Console(file=(said_of := StringIO()), width=200))
    assert f"bins stood outside {facts['street']['outside_min']} min for each of" in said_of.getvalue()


def test_what_happened_to_a_press_is_told_in_order(facts: dict[str, Any]) -> None:
    """From the button to the end of the incident, each step once."""
    steps = [deed["did"] for deed in facts["deeds"]]
    assert steps == ["raised", "acknowledged", "return_later", "cleared", "lane_clear", "closed"]


def test_an_expectation_is_decided_when_what_it_asks_for_has_happened(
    outcome: Outcome, facts: dict[str, Any]
) -> None:
    """Asked of what had happened by that moment, its judge says what it says in the end, and not a little earlier."""
    decided = {one["kind"]: outcome.evidence.start_at + one["decided_s"] for one in facts["expectations"]}
    for demand in outcome.scenario.demands[:4]:
        at = decided[demand.kind]
        assert judge(outcome.evidence.until(at + 1), [demand])[0].held, demand.kind
        assert not judge(outcome.evidence.until(at - 2), [demand])[0].held, demand.kind


def test_what_never_came_was_missing_until_the_end(facts: dict[str, Any]) -> None:
    """An expectation that fails because something is missing is decided at the end of the run."""
    failed = facts["expectations"][-1]
    assert not failed["held"]
    assert failed["decided_s"] == facts["length_s"]
    assert failed["faults"][0]["en"].startswith("r03 would have had to be blocked and then visited a second time by ")
    assert failed["faults"][0]["zh"].startswith("r03 本应先堵塞")


def test_a_note_is_said_in_both_languages(outcome: Outcome) -> None:
    """That the screen refused something, with the screen's own word why; a line of a log stands as it is."""
    refused = said("notes", "refused", did=Term("acts", "skip"), why="no such visit")
    noted = replace(outcome, evidence=replace(outcome.evidence, notes=[refused, "a line"]))
    shown = facts_of(noted, scene_of(outcome.scenario).plan)["notes"]
    assert [note["en"] for note in shown] == ["skip was refused: no such visit", "a line"]
    assert shown[1]["zh"] == "a line" and shown[0]["zh"] == refused.zh != refused


def test_every_expectation_can_be_said_in_both_languages() -> None:
    """Each judge has its sentence, with no gap that its file does not fill."""
    for language in LANGUAGES:
        assert WORDS.groups(language)["expectations"].keys() == JUDGES.keys()


def test_no_name_can_end_the_page_it_stands_in(facts: dict[str, Any], tmp_path: Path) -> None:
    """What a scenario is called is shown, never run; and it is read back as it was."""
    evil = facts | {"scenario": "</script><script>alert(1)</script>", "about": "{{ facts }}"}
    path = tmp_path / "report.html"
    path.write_text(page_of(evil), encoding="utf-8")
    assert path.read_text().count("<script>") == 1
    assert read_report(path) == json.loads(json.dumps(evil))


def test_a_report_is_whole_or_not_there(outcome: Outcome, tmp_path: Path) -> None:
    """A folder that takes nothing is named."""
    with pytest.raises(ReportError, match="cannot be written"):
        write_report(outcome, tmp_path / "nowhere" / "report.html")


def test_two_runs_of_one_seed_differ_in_nothing(facts: dict[str, Any]) -> None:
    """And a later truck, a lost call and a failed expectation are each named."""
    assert list(difference.differences(facts, facts)) == []
    other = json.loads(json.dumps(facts))
    other["visits"][0]["arrived_s"] += 60
    other["visits"][1]["called_s"] = None
    other["expectations"][0] |= {"held": False, "faults": [{"en": "2 incidents", "zh": "2 起"}]}
    del other["visits"][-1]
    found = "\n".join(difference.differences(facts, other))
    assert "press_stored_once truck=t01 presses=1 reason=lane_blocked: held before, failed now: 2 incidents" in found
    assert "r01 residential_wet visit 1: came 06:13:52 before, 06:14:52 now" in found
    assert "r03 residential_wet visit 1: lamp lit" in found
    assert "r05 residential_wet visit 1: made before, not now" in found


def test_diff_says_of_a_file_that_it_is_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and one sentence."""
    (tmp_path / "a.html").write_text("<html></html>")
    assert main(["diff", str(tmp_path / "a.html"), str(tmp_path / "b.html")]) == 2
    assert "a.html: is no report of a run" in capsys.readouterr().err


@pytest.fixture
def page(outcome: Outcome, tmp_path: Path) -> Iterator[Page]:
    """The report in a browser; it may ask nobody for anything and make no error."""
    path = tmp_path / "report.html"
    write_report(outcome, path)
    wrong: list[str] = []
    with chromium_page() as page:
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
        page.goto(path.as_uri())
        yield page
    assert wrong == []


def test_a_person_sees_why_an_expectation_failed_and_what_was_so_then(page: Page) -> None:
    """In the browser's language first; the failed one says what should have happened, a click leads to a moment."""
    assert page.locator("#verdict").inner_text() == WORDS.say("zh", "page", "some_failed", failed=1, all=10)
    in_chinese = page.locator("#expectations").inner_text()
    assert "r03 本应先堵塞" in in_chinese and "would have had" not in in_chinese and "made" not in in_chinese
    page.locator("#language").click()
    assert page.locator("#verdict").inner_text() == "1 of 10 expectations failed"
    failed = page.locator("#expectations tbody tr").last
    assert "What should have happened: r03 gets a second visit within 60 min of the press" in failed.inner_text()
    assert "r03 would have had to be blocked and then visited a second time by " in failed.inner_text()
    page.locator("#expectations tbody tr").nth(1).click()
    assert page.locator("#clock").inner_text() == "06:24:59"
    assert "slow: stored" in page.locator("#now").inner_text()
    assert page.locator("#map .blocked").count() == 1


def test_the_page_is_led_by_the_keyboard(page: Page) -> None:
    """A visit's row opens how its prediction went, and the buttons go from event to event."""
    page.locator("#calls tbody tr").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#prediction path.predicted").count() == 1
    assert page.locator("#clock").inner_text() == "06:13:52"
    page.locator("#forth").press("Enter")
    assert page.locator("#clock").inner_text() > "06:13:52"
