"""The pages of offices in a browser: a property's, the figures' and the calls', with what was asked of each before."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from broker.people.roles import Scope
from tests.support.bridge.whole_web import WholeWeb
from tests.support.screens.routed_page import HOME, routed

DAY = "2026-11-23"
CONTRACTOR = Scope(contractors=("qingyun",))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """A morning with a room served and a press in the estate of `wu`."""
    made = WholeWeb(tmp_path_factory.mktemp("street"), served=2)
    made.morning.store.now = lambda: made.morning.now  # type: ignore[method-assign]
    (incident,) = made.desk.picture["incidents"]
    made.house.account("wu", "property", scope=Scope(estates=(incident["estate"], "e01")))
    made.house.account("elsewhere", "property", scope=Scope(estates=("nowhere",)))
    made.house.account("sun", "supervisor")
    yield made
    made.morning.close()


def words_of(page: Page) -> str:
    """Everything that is read on the page; the switch to the other language speaks that one."""
    return str(page.evaluate("document.body.innerText")).replace("English", "").replace("中文", "")


def test_what_was_asked_before_and_a_firms_trucks_are_told_to_whom_they_are_of(street: WholeWeb) -> None:
    """An estate hears of its own presses, another of none; a firm of its own trucks, a dispatcher of all."""
    of: dict[str, Any] = {who: street.house.person(street.app, who) for who in ("wu", "elsewhere")}
    (row,) = of["wu"].get("/api/v1/answers/past").json()["rows"]
    assert (row["incident_id"], row["answer"]["id"], row["ended_at"]) == (street.incident_id, "estate", None)
    assert of["elsewhere"].get("/api/v1/answers/past").json()["rows"] == []
    assert of["wu"].get("/api/v1/answers/past?from_day=2026-11-24").json()["rows"] == []
    assert of["wu"].get("/api/v1/answers/trucks").status_code == 403
    with street.house.machine(street.app, "contractor", scope=CONTRACTOR) as firm:
        trucks = firm.get("/api/v1/answers/trucks").json()["trucks"]
    assert {one["contractor"] for one in trucks} == {"qingyun"}
    with street.house.machine(street.app, "dispatcher") as all_firms:
        assert len(all_firms.get("/api/v1/answers/trucks").json()["trucks"]) > len(trucks)


@pytest.mark.real
def test_a_property_promises_says_that_its_lane_is_clear_and_books_by_a_thumb(street: WholeWeb, page: Page) -> None:
    """At a phone's width: a time of its own choice, one tap, its rooms' trucks; what is over stands below."""
    odd = routed(page, street.house.person(street.app, "wu"))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{HOME}/property")
    press = street.incident_id
    answer = page.get_by_test_id(f"answer-estate-{press}")
    page.get_by_test_id(f"answer-estate-until-{press}").select_option("other")
    page.get_by_test_id(f"answer-estate-clock-{press}").fill("09:45")
    page.get_by_test_id(f"answer-estate-promise-{press}").click()
    expect(answer).to_contain_text("09:45")
    page.get_by_test_id("usual-e01").click()
    expect(page.get_by_test_id("bookings")).to_contain_text("待接受")
    expect(page.get_by_test_id("rooms")).to_contain_text("t01")
    page.get_by_test_id(f"clear-{press}").click()
    expect(answer).to_contain_text("已完成")
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("bookings")).to_contain_text("requested")
    assert not re.search("[\u3400-\u9fff]", words_of(page))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert odd == []


@pytest.mark.real
def test_figures_and_calls_are_looked_through_and_stand_in_the_address(street: WholeWeb, page: Page) -> None:
    """A chart beside each table, its sums those of the API, the day before and back; a call opened, and what it was."""
    odd = routed(page, street.house.person(street.app, "sun"))
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.goto(f"{HOME}/figures?view=day&day={DAY}&by=estate")
    page.evaluate("localStorage.setItem('language', 'en')")
    page.reload()
    sheet = page.get_by_test_id("sheet-served")
    expect(sheet.locator("canvas")).to_be_visible()
    with street.house.machine(street.app, "supervisor") as client:
        shown = client.get(f"/api/v1/stats/sheets?view=day&day={DAY}&by=estate&language=en").json()
    served = next(one for one in shown["sheets"] if one["key"] == "served")
    assert sum(row[1] for row in served["rows"]) == served["total"][1] == 1
    expect(sheet.locator("tfoot td")).to_have_text("1")
    expect(sheet.locator("tbody tr")).to_have_count(len(served["rows"]))
    page.get_by_test_id("before").click()
    expect(page.get_by_test_id("span")).to_contain_text("2026-11-22")
    assert "day=2026-11-22" in page.url and "by=estate" in page.url
    page.go_back()
    expect(page.get_by_test_id("span")).to_contain_text(DAY)
    page.get_by_test_id("view").select_option("month")
    expect(sheet.locator("tbody tr")).to_have_count(30)
    page.get_by_test_id("view").select_option("week")
    expect(sheet.locator("tbody tr")).to_have_count(7)
    expect(page.get_by_test_id("sheet-alarm_hours").locator("tbody tr")).to_have_count(24)
    visits = street.morning.bridge.dispatch.day.visits.values()
    (estate,) = {visit.estate for visit in visits if visit.state == "served"}
    page.get_by_test_id("estate").select_option(estate)
    expect(page.get_by_test_id("sheet-alarm_hours")).to_have_count(0)  # nobody's alarms are one estate's
    expect(sheet.locator("tfoot td").last).to_have_text("1")
    page.get_by_test_id("truck").select_option("t02")
    expect(sheet.locator("tfoot td").last).to_have_text("–")
    assert f"estate={estate}" in page.url and "truck=t02" in page.url
    page.get_by_test_id("truck").select_option("")
    page.get_by_test_id("language").click()
    expect(sheet).to_contain_text("完成到站")
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_test_id("view")).to_be_hidden()
    expect(sheet.locator("tbody tr").last).to_be_visible()
    page.emulate_media(media="screen", color_scheme="light")
    page.goto(f"{HOME}/scores?view=day&day={DAY}")
    expect(page.locator("#leads canvas")).to_be_visible()
    page.locator("[data-testid^=why-]").first.click()
    expect(page.get_by_test_id("call")).to_contain_text("承诺由何组成")
    assert "call=" in page.url
    page.get_by_test_id("by-kind").check()
    expect(page.get_by_test_id("scores").locator("thead")).to_contain_text("提醒类型")
    page.get_by_test_id("close").click()
    expect(page.get_by_test_id("call")).to_have_count(0)
    assert odd == []
