"""Hands on the page: keys, mouse and a page that vanishes hold a button as long as they do; strangers hold nothing."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.processes import REPO, wait_until
from tests.support.screens.browser import chromium_page
from tests.support.sim.live_run import SLOW_S, LiveRun, two_rooms

pytestmark = pytest.mark.real

SCENARIO = two_rooms(
    "two trucks that wait for their runs, and a tester's hands", "08:00",
    {"wet-north-1": "07:50", "dry-west-1": "07:50"},
)  # fmt: skip
LAPTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
NAMELESS = """() => [...document.querySelectorAll("button, input, a, summary")].filter((each) =>
  !(each.getAttribute("aria-label") || each.textContent.trim() || each.closest("label"))).length"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRun]:
    """A run of two hours, in which nothing happens by itself."""
    with LiveRun(tmp_path_factory.mktemp("touch"), SCENARIO) as run:
        wait_until(
            lambda: sum(row["lat"] is not None for row in run.picture()["trucks"]) == 2, "both trucks are known", SLOW_S
        )
        yield run


@pytest.fixture(scope="module")
def page(live: LiveRun) -> Iterator[Page]:
    """The panel in a browser."""
    with chromium_page() as made:
        made.set_viewport_size(LAPTOP)
        made.goto(live.panel)
        made.get_by_test_id("truck-t01").wait_for()
        yield made


def test_the_space_bar_holds_and_a_short_press_takes_it_back(page: Page, live: LiveRun) -> None:
    """As the driver's finger would; the key repeats meanwhile, as keys do."""
    button = page.get_by_test_id("button-t01")
    button.focus()
    for _ in range(8):
        page.keyboard.down(" ")
        page.wait_for_timeout(250)  # the finger's own time
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.up(" ")
    wait_until(lambda: live.incidents() == [("lane_blocked", "raised")], "a hold is a blocked lane", SLOW_S)
    page.wait_for_timeout(600)  # a finger that is away for less than 0.3 s has not gone
    page.keyboard.down(" ")
    page.wait_for_timeout(300)
    page.keyboard.up(" ")
    wait_until(lambda: live.incidents() == [("lane_blocked", "withdrawn")], "a short press takes it back", SLOW_S)


def test_a_chattering_wire_makes_the_same_breakdown(page: Page, live: LiveRun) -> None:
    """The option is ticked and the button held with the mouse for more than four seconds."""
    page.get_by_test_id("chatters-t03").check()
    button = page.get_by_test_id("button-t03")
    button.scroll_into_view_if_needed()
    where = button.bounding_box()
    assert where is not None
    page.mouse.move(where["x"] + 50, where["y"] + 50)
    page.mouse.down()
    page.wait_for_timeout(4600)
    page.mouse.up()
    breakdown = ("breakdown", "raised")
    wait_until(lambda: [row for row in live.incidents() if row == breakdown], "a long hold is a breakdown", SLOW_S)
    assert len([row for row in live.incidents() if row[1] == "raised"]) == 1, "one hold is one incident"


def test_a_page_that_vanishes_in_a_hold_lets_go(page: Page, live: LiveRun) -> None:
    """Nobody's button stays down because a browser was closed."""
    browser = page.context.browser
    assert browser is not None
    other = browser.new_page()
    other.goto(live.panel)
    button = other.get_by_test_id("button-t01")
    button.wait_for()
    button.focus()
    other.keyboard.down(" ")
    wait_until(lambda: live.now()["trucks"][0]["pressed"], "the contact is closed", SLOW_S)
    other.close()
    wait_until(lambda: not live.now()["trucks"][0]["pressed"], "the contact is open again", SLOW_S)


def test_everything_has_a_name_and_is_reached_by_keys_with_a_visible_focus(page: Page) -> None:
    """Tab goes from the head to a room's last switch."""
    assert page.evaluate(NAMELESS) == 0
    for part in page.locator("details").all():
        part.evaluate("each => each.open = true")
    page.get_by_role("heading", level=1).click()
    reached: list[str] = []
    for _ in range(300):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.dataset.testid ?? ''"))
        if reached[-1] == "lane_blocked-r03":
            break
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none" or page.evaluate("document.activeElement instanceof SVGElement"), reached[-1]
    wanted = {"save", "speed-10", "button-t01", "chatters-t01", "gps_gap-t01", "in-r01-unit_wet", "kg-r01-unit_wet"}
    assert wanted | {"bins_out-r03", "broker_kill-office", "lane_blocked-r03"} <= set(reached)


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_speaks_both_languages(page: Page, size: dict[str, int], scheme: str) -> None:
    """Nothing is wider than the page; a picture of each is kept to be looked at."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(size)  # type: ignore[arg-type]
    for heading, foreign in (("箱房", "would have had"), ("Bin rooms", "本应")):
        page.get_by_role("heading", name=heading, exact=True).wait_for()
        assert foreign not in page.locator(".expectations").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        pictures = REPO / ".demo"
        pictures.mkdir(exist_ok=True)
        page.screenshot(path=str(Path(pictures) / f"panel-{scheme}-{size['width']}.png"), full_page=True)
        page.get_by_test_id("language").click()
    page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "elsewhere.example"}, 421),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_another_sites_page_holds_no_button(live: LiveRun, headers: dict[str, str], status: int) -> None:
    """However it asks: the panel is this machine's alone."""
    body = b'{"page": "x", "device": "t01", "button": "alarm", "down": true}'
    request = urllib.request.Request(live.panel + "/finger", body, {"Content-Type": "application/json", **headers})
    assert live.status(request) == status
    assert not live.now()["trucks"][0]["pressed"]


def test_every_answer_forbids_what_is_not_its_own(live: LiveRun) -> None:
    """Strict on the page, its modules and its data alike."""
    for path in ("/", "/static/page.js", "/scene", "/nothing"):
        request = urllib.request.Request(live.panel + path)
        try:
            headers = urllib.request.urlopen(request, timeout=10).headers
        except urllib.error.HTTPError as why:
            headers = why.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
