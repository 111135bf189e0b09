"""Each page that people are led to, as somebody who may open it: read and reached by everybody, at each width, in one
language at a time, in light and in dark, and nothing asked of another machine."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from broker.web.languages import LANG_COOKIE
from broker.web.pages.screens import SCREENS
from broker.words import LANGUAGES
from tests.support.bridge.whole_web import WholeWeb
from tests.support.screens.axe import findings
from tests.support.screens.every_page import BOUND, PAGES, WIDTHS, street_of
from tests.support.screens.routed_page import HOME, routed

pytestmark = pytest.mark.real

FITS_MS = 10_000  # charts are painted anew for another width
# A service worker is not asked for by its page; a sign that there is none of is not found.
EXPECTED = ("error occurred when fetching the script", "404 (Not Found)")
SIGHTS = tuple((language, scheme) for language in LANGUAGES for scheme in ("light", "dark"))
# Each page of modules once whenever tests are run, in one sight or another; all four of each page with the long tests.
MODULES = [path for path in PAGES if path == "/" or path in SCREENS]
SAMPLES = [(path, SIGHTS[number % len(SIGHTS)]) for number, path in enumerate(MODULES)]
CASES = [
    pytest.param(path, *sight, marks=() if (path, sight) in SAMPLES else pytest.mark.long)
    for path in PAGES for sight in SIGHTS
]  # fmt: skip
# What somebody typed is kept in the language that it was typed in, the programmers' page is in theirs, and what is
# printed for a door speaks to everybody who comes by.
AS_TYPED = re.compile(r"^/(registers/|docs|report/|signs$)")
SHOWN = """() => {
    const all = document.body.cloneNode(true);
    for (const part of all.querySelectorAll("script, style")) part.remove();
    return all.textContent.replaceAll("中文", ""); // the way to the other language is written in it
}"""


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """A morning with a room served and a press, and people for each page of it."""
    made = street_of(tmp_path_factory.mktemp("street"))
    yield made
    made.morning.close()


@pytest.mark.parametrize(("path", "language", "scheme"), CASES)
def test_everybody_can_read_and_reach_it(street: WholeWeb, page: Page, path: str, language: str, scheme: Any) -> None:
    """axe-core finds nothing, no width cuts it off, English has no Chinese on it, and all of it comes from here."""
    client = street.house.person(street.app, BOUND[path][0] if path in BOUND else "area")
    odd = routed(page, client)
    client.cookies.set(LANG_COOKIE, language)
    page.context.add_cookies([{"name": LANG_COOKIE, "value": language, "url": HOME}])
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{HOME}{path}?language={language}", wait_until="load")
    expect(page.locator("main")).to_be_visible()
    page.wait_for_function("() => !document.querySelector('main:empty')")
    assert findings(page) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width, timeout=FITS_MS)
    if not AS_TYPED.match(path):
        assert page.evaluate("document.documentElement.lang").startswith(language)
        assert language == "zh" or re.findall(r"[\u4e00-\u9fff]+", page.evaluate(SHOWN)) == []
    page.goto("about:blank")
    assert [one for one in odd if not any(word in one for word in EXPECTED)] == []


def test_the_browsers_language_is_spoken_until_another_is_chosen(street: WholeWeb, page: Page) -> None:
    """A browser that asks for English is answered in it at first; what was chosen stays, and no page is in two."""
    browser = page.context.browser
    assert browser is not None
    english = browser.new_page(locale="en-GB")
    odd = routed(english, street.house.person(street.app, "area"))
    english.goto(f"{HOME}/devices")
    expect(english.locator("h1")).to_have_text("Devices")
    english.get_by_test_id("language").click()
    expect(english.locator("h1")).to_have_text("设备")
    english.goto(f"{HOME}/figures")
    expect(english.locator("h1")).to_have_text("统计")
    assert english.evaluate("document.documentElement.lang") == "zh" and odd == []
    english.close()


# How much brighter one colour is than another, as WCAG has it; both as CSS writes them.
CONTRAST = """([one, other]) => {
    const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map((x) => x / 255)
            .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}"""
STYLE = "(part, name) => getComputedStyle(part)[name]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_cab_is_read_in_the_sun_and_worked_by_a_thumb(street: WholeWeb, page: Page, scheme: Any) -> None:
    """On a phone: where to and when in large letters of the strongest contrast, each deed as wide as a hand."""
    routed(page, street.house.person(street.app, "crew"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{HOME}/cab?language=zh")
    name = page.locator(".next .name")
    for part, least_px in ((".name", 26), (".when b", 38)):  # drawn anew when what waits on the tablet was looked up
        large = f"parseFloat(getComputedStyle(document.querySelector('.next {part}')).fontSize) >= {least_px}"
        expect(page.locator(f".next {part}")).to_be_visible()
        page.wait_for_function(f"document.querySelector('.next {part}') && {large}", timeout=10_000)
    expect(name).to_have_css("font-weight", "800")
    paper = page.locator(".next").evaluate(STYLE, "backgroundColor")
    assert page.evaluate(CONTRAST, [name.evaluate(STYLE, "color"), paper]) >= 15
    sizes = [button.bounding_box() for button in page.locator("main .next button, main .load button").all()]
    assert len(sizes) >= 3
    assert all(box is not None and box["height"] >= 64 and box["width"] >= 300 for box in sizes)
    page.goto("about:blank")


def test_a_sign_is_printed_without_the_page_around_it(street: WholeWeb, page: Page) -> None:
    """Of the page of signs the faces with their codes are left: no ways, no buttons, black on white."""
    routed(page, street.house.person(street.app, "area"))
    page.goto(f"{HOME}/signs?language=zh")
    page.emulate_media(media="print", color_scheme="dark")
    face = page.locator(".sign .face").first
    expect(face.locator(".code svg")).to_be_visible()
    expect(face).to_have_css("background-color", "rgb(255, 255, 255)")
    expect(face).to_have_css("color", "rgb(0, 0, 0)")
    assert page.locator("nav:visible, button:visible, .sign details:visible").count() == 0
    page.emulate_media(media="screen", color_scheme="light")
    page.goto("about:blank")
