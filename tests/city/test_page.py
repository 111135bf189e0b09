"""The district's page in a browser: seen, read and reached by everybody, in both languages, light and dark."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from broker.city.api import Cells
from broker.city.database import CityDatabase
from broker.city.figures import CityFigures
from broker.city.server import build_city
from broker.config import CityConfig
from tests.support.city.district import NAMES, cases_of, district, records_of, share, stay_heard
from tests.support.facts import DAY, NOON
from tests.support.people import House
from tests.support.screens.axe import findings
from tests.support.screens.browser import chromium_page
from tests.support.screens.routed_page import HOME, routed

pytestmark = pytest.mark.real
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def page(database_of_figures: str) -> Iterator[tuple[Page, list[str]]]:
    """The page as a supervisor has it, and what went wrong on it."""
    district(database_of_figures)
    stay_heard(database_of_figures)
    city, house = CityDatabase(database_of_figures, None, lambda: NOON), House()
    config = CityConfig.model_validate({"city": {"url": database_of_figures, "name": "静安区 / Jing'an District"}})
    app = build_city(config, Cells(city), house.gate, lambda: NOON, CityFigures(city, lambda: NOON, 600, 600))
    with chromium_page() as made:
        odd = routed(made, house.machine(app, "supervisor"))
        made.goto(f"{HOME}/city")
        expect(made.get_by_test_id("sheet-chain")).to_be_visible()
        yield made, odd
    city.close()


def test_the_page_shows_every_cell_and_what_is_open(page) -> None:
    """A silent one by shape, colour and word, with since when; each leads to the cell's own screen."""
    made, odd = page
    expect(made.locator("h1")).to_have_text("静安区")
    assert made.locator(".cell").count() == len(NAMES)
    expect(made.get_by_test_id("silent-beizhan")).to_contain_text("▲ 自")
    expect(made.get_by_test_id("whole-cells_heard")).to_contain_text("9 / 10")
    expect(made.get_by_test_id("open").locator("li")).to_have_count(6)
    assert made.get_by_test_id("cell-jingan").locator("a").get_attribute("href") == "http://127.0.0.1:9000/"
    expect(made.get_by_test_id("cases").locator("tbody tr")).to_have_count(2)
    assert odd == []


def test_the_figures_compare_areas_and_go_from_day_to_day(page) -> None:
    """By area as charts beside tables, by waste too; the address opens the same view."""
    made, odd = page
    expect(made.get_by_test_id("span")).to_contain_text(DAY)
    expect(made.get_by_test_id("sheet-bins").locator("tbody tr")).to_have_count(len(NAMES))
    expect(made.get_by_test_id("kinds").locator("tbody tr")).to_have_count(4)
    in_all = made.get_by_test_id("sheet-bins").locator("tfoot td").inner_text()
    expect(made.get_by_test_id("kinds").locator("tfoot td").first).to_have_text(in_all)
    made.get_by_test_id("by").select_option("waste")
    expect(made.get_by_test_id("sheet-bins").locator("tbody tr")).to_have_count(3)
    made.get_by_test_id("before").click()
    expect(made.get_by_test_id("span")).to_contain_text("2026-11-21")
    assert "by=waste" in made.url and "day=2026-11-21" in made.url
    made.go_back()
    made.go_back()
    expect(made.get_by_test_id("sheet-bins").locator("tbody tr")).to_have_count(len(NAMES))
    assert odd == []


def test_the_page_is_for_everybody(page) -> None:
    """Nothing for axe-core to find, light and dark, narrow and wide; no Chinese on the English page."""
    made, odd = page
    for scheme, language in (("light", "zh"), ("dark", "en")):
        made.emulate_media(color_scheme=scheme)
        if made.evaluate("document.documentElement.lang") != language:
            made.get_by_test_id("language").click()
            expect(made.locator("h1")).to_have_text("Jing'an District")
        expect(made.get_by_test_id("sheet-chain")).to_be_visible()
        assert findings(made) == []
    expect(made.locator("main")).not_to_contain_text(CHINESE)
    for width, height in ((390, 844), (3840, 2160)):
        made.set_viewport_size({"width": width, "height": height})
        # Charts take their new width a moment after the window has it.
        made.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
        assert findings(made) == []
    assert odd == []


def test_cases_are_shown_to_who_may_see_them_in_a_cell_and_an_odd_beat_takes_no_cell_away(
    page, database_of_figures: str
) -> None:  # fmt: skip
    """A viewer has no table of cases; a cell that cannot be read stands there with a note, beside all others."""
    with closing(share(database_of_figures, "daning")) as one:
        one.beat({"link": 7}, NAMES["daning"], {})
    city, house = CityDatabase(database_of_figures, None, lambda: NOON), House()
    config = CityConfig.model_validate({"city": {"url": database_of_figures}})
    app = build_city(config, Cells(city), house.gate, lambda: NOON, CityFigures(city, lambda: NOON, 600, 600))
    made = page[0].context.browser.new_page(locale="zh-CN")
    odd = routed(made, house.machine(app, "viewer"))
    made.goto(f"{HOME}/city")
    expect(made.locator(".cell")).to_have_count(len(NAMES))
    expect(made.get_by_test_id("cell-daning")).to_contain_text("无法读取")
    expect(made.get_by_test_id("sheet-chain")).to_be_visible()
    assert made.locator("#cases").count() == 0 and findings(made) == []
    assert made.locator('link[rel="modulepreload"]').count() > 5
    made.close()
    assert odd == []
    city.close()


def test_older_cases_are_shown_when_they_are_asked_for(page, database_of_figures: str) -> None:
    """Twenty first, what is open before what is closed; the button is gone when all of them are there."""
    with closing(share(database_of_figures, "jingan", "cases")) as one:
        one.push(records_of(cases_of("jingan", NOON, 120, closed=110), "jingan"), 120, "", 120)
    made, odd = page
    made.reload()
    rows = made.get_by_test_id("cases").locator("tbody tr")
    expect(rows).to_have_count(20)
    assert findings(made) == []
    for count in (120, 122):
        made.get_by_test_id("more-cases").click()
        expect(rows).to_have_count(count)
    expect(made.get_by_test_id("more-cases")).to_have_count(0)
    assert odd == []
