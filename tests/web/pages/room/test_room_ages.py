"""The operations room while time passes: what has the keyboard keeps it, each thing says how old it is, the veil comes
after five seconds, and a wall leaves out what is quiet before what is not."""


import pytest
from playwright.sync_api import expect

from tests.support.processes import wait_until
from tests.support.screens.made_screen import HOME, Screen, clock

pytestmark = pytest.mark.real

# One of each kind of thing that takes the keyboard, by its tag and the first part of its name.
KINDS = """() => {
    const found = new Map();
    for (const one of document.querySelectorAll("a[href], button, summary, select, input, [tabindex='0']")) {
        if (!one.getClientRects().length || one.closest("[inert]")) continue;
        const of = one.dataset.testid ?? one.closest("[data-testid]")?.dataset.testid ?? "";
        const kind = `${one.tagName} ${of.split(/[-.]/)[0]}`;
        if (!found.has(kind)) found.set(kind, one);
    }
    window.kinds = [...found.values()];
    return [...found.keys()];
}"""


def test_whatever_has_the_keyboard_keeps_it_over_every_redraw(screen: Screen) -> None:
    """Links, buttons, lists to choose from, what is folded, the map: while trucks, times and a press change."""
    screen.open("en", width=1920)
    kinds = screen.page.evaluate(KINDS)
    assert len(kinds) >= 12, kinds
    run = next(one for one in screen.picture["runs"] if one["truck"] == "t01")
    for number, kind in enumerate(kinds):
        screen.page.evaluate("number => window.kinds[number].focus()", number)
        screen.picture["trucks"][0]["fix_at"] = screen.picture["at"]
        screen.picture["incidents"][0]["repeats"] += 1
        screen.picture["incidents"][0]["version"] += 1
        for visit in run["visits"]:
            visit["eta_at"] = visit["eta_at"] and visit["eta_at"] + 60
        screen.later(1)
        assert screen.page.evaluate("number => document.activeElement === window.kinds[number]", number), kind


def test_each_thing_says_how_old_it_is(screen: Screen) -> None:
    """A truck's position, a press, a room's lamps and the oldest position of all."""
    at = screen.picture["at"]
    for truck in screen.picture["trucks"]:
        truck["fix_at"] = at - 47
    screen.picture["data"]["oldest_fix_at"] = at - 52
    screen.picture["incidents"][0]["raised_at"] = at - 12
    next(one for one in screen.picture["rooms"] if one["room"] == "r03")["lamps_at"] = at - 33
    screen.open("en", width=1920)
    expect(screen.page.get_by_test_id("truck-t01")).to_contain_text("47 s")
    expect(screen.page.get_by_test_id("sources")).to_contain_text("52 s")
    expect(screen.page.locator(".incident").first).to_contain_text("12 s ago")
    screen.page.goto(f"{HOME}#/?level=stop&room=r03")
    expect(screen.page.get_by_test_id("stop-r03")).to_contain_text("33 s ago")
    screen.page.goto(HOME)


def test_the_veil_comes_after_five_seconds_without_a_word(screen: Screen) -> None:
    """Not before, whatever the machine is busy with: the page's own clock is the test's here."""
    browser = screen.page.context.browser
    assert browser is not None
    page = browser.new_page()
    page.clock.install()
    own = Screen(page, screen.picture)
    own.open("en")
    page.clock.pause_at(page.evaluate("Date.now() + 2000"))
    own.picture["at"] += 1

    def is_heard() -> bool:
        page.clock.run_for(20)  # what is drawn waits for a frame, and that for the clock
        return bool(page.locator("#clock").inner_text() == clock(own.picture["at"]))

    wait_until(is_heard, "the picture is heard in a second that stands still")
    page.unroute_all()
    page.route(f"{HOME}**", lambda route: route.abort())
    page.clock.run_for(4900)
    expect(page.get_by_test_id("veil")).to_be_hidden()
    page.clock.run_for(1000)
    expect(page.get_by_test_id("veil")).to_be_visible()
    page.close()


def test_on_a_wall_quiet_stops_lose_their_names_first(screen: Screen) -> None:
    """On the desk every stop of a strip is named; from five metres those alone that need somebody."""
    names = "all => all.map((one) => one.textContent)"
    screen.open("zh", width=1920)
    desk = screen.page.eval_on_selector_all("[data-testid='line-wet-north'] svg .name", names)
    screen.page.goto(f"{HOME}?wall=5m")
    screen.drawn()
    wall = screen.page.eval_on_selector_all("[data-testid='line-wet-north'] svg .name", names)
    screen.page.goto(HOME)
    assert len(desk) == 13 > len(wall) >= 1
    assert any("跳过" in name for name in wall)
