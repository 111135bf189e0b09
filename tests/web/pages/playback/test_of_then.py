"""Nothing old is shown as new to whoever is not in the office: keeper, property, who is asked, the crew's bookings."""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from broker.people.roles import Reach, Scope
from broker.people.rosters import Rosters, shift_of
from broker.web.stream.changes import parts_of
from broker.web.stream.share import Index, share
from tests.support.bridge.whole_web import WholeWeb
from tests.support.screens.axe import findings
from tests.support.screens.browser import chromium_page
from tests.support.screens.routed_page import HOME, routed

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """A morning with a press in the estate of `wu`, one of whose rooms is kept by `kim` now."""
    made = WholeWeb(tmp_path_factory.mktemp("street"), served=2)
    made.morning.store.now = lambda: made.morning.now  # type: ignore[method-assign]
    (incident,) = made.desk.picture["incidents"]
    for account, role in (("kim", "keeper"), ("wu", "property")):
        made.house.account(account, role, scope=Scope(estates=(incident["estate"],)))  # type: ignore[arg-type]
    made.house.account("firm", "contractor", scope=Scope(contractors=("qingyun",)))
    made.house.account("li", "crew", scope=Scope(trucks=("t97",)))
    made.house.account("zhou", "dispatcher")
    now, plan = datetime.fromtimestamp(made.morning.now, UTC), made.morning.plan
    rosters = Rosters(made.house.people, plan.rooms, plan.trucks(), lambda: made.morning.now)
    end = now + timedelta(hours=8)
    rosters.add(shift_of(account="kim", duty="keeper", start=now, end=end, rooms=[incident["room"]], by="zhou"))
    yield made
    made.morning.close()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A phone."""
    with chromium_page() as made:
        made.set_viewport_size({"width": 390, "height": 844})
        yield made


def show(street: WholeWeb, *, since_s: int | None = None, old_s: int | None = None) -> None:
    """Put up the picture, with the way to the broker gone since then, or as old as that."""
    picture, at = street.desk.picture, street.desk.picture["at"]
    old_since_at = None if old_s is None else at - old_s
    link = {"up": since_s is None, "since_at": at - (since_s or 0)}
    street.desk.show({**picture, "link": link, "old_since_at": old_since_at})


def test_a_keepers_page_greys_and_says_of_when_it_is(street: WholeWeb, page: Page) -> None:
    """Their own room by the roster, the others by a tap; no lamp is known once no device is heard."""
    show(street)
    odd = routed(page, street.house.person(street.app, "kim"))
    page.goto(f"{HOME}/keeper")
    rooms = page.get_by_test_id("rooms")
    expect(rooms.locator("section.room")).to_have_count(1)
    page.get_by_test_id("whose").click()
    expect(rooms.locator("section.room")).to_have_count(2)
    assert "all=true" in page.url
    page.get_by_test_id("whose").click()
    expect(rooms.locator("section.room")).to_have_count(1)
    expect(page.get_by_test_id("old")).to_have_count(0)
    show(street, since_s=90)
    expect(page.get_by_test_id("old")).to_contain_text("请按时刻表作业")
    expect(rooms).to_have_class(re.compile("of-then"))
    assert rooms.evaluate("element => getComputedStyle(element).filter") == "grayscale(1)"
    expect(rooms.locator(".lamps li:not(.no_data)")).to_have_count(0)
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("old")).to_contain_text("No truck and no room is heard since 11-23 ")
    assert findings(page) == [] and odd == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("who", "path"), [("wu", "/property"), ("firm", "/asked")])
def test_property_and_who_is_asked_are_told_too(street: WholeWeb, page: Page, who: str, path: str) -> None:
    """What is asked is of now and stays as it is; trucks and rooms grey."""
    show(street)
    odd = routed(page, street.house.person(street.app, who))
    page.goto(f"{HOME}{path}")
    expect(page.locator(".columns")).to_be_visible()
    expect(page.get_by_test_id("old")).to_have_count(0)
    show(street, old_s=120)
    expect(page.get_by_test_id("old")).to_be_visible()
    expect(page.locator(".of-then")).to_have_count(1)
    assert page.locator(".of-then [data-testid^=asked-]").count() == 0
    assert findings(page) == [] and odd == []


def test_what_nobody_has_seen_sounds_after_fifteen_seconds(street: WholeWeb, page: Page) -> None:
    """On the page of who is asked, once its reader has switched that on; not before, and not when it was seen."""
    show(street)
    page.add_init_script("""window.rung = 0; const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...at) { window.rung += 1; return start.apply(this, at); };""")
    routed(page, street.house.person(street.app, "wu"))
    picture = street.desk.picture
    (told_at,) = {row["told_at"] for row in picture["incidents"][0]["answers"] if row["id"] == "estate"}

    def shown_after(seconds: int) -> None:
        street.desk.show({**picture, "at": told_at + seconds})
        expect(page.locator("#clock")).to_have_text(re.compile(f":{(told_at + seconds) % 60:02}$"))

    page.goto(f"{HOME}/asked")
    page.get_by_test_id("sound").click()
    shown_after(picture["limits"]["sound_s"] - 1)
    assert page.evaluate("window.rung") == 0
    shown_after(picture["limits"]["sound_s"])
    page.wait_for_function("window.rung > 0")
    street.desk.show(picture)


def test_a_crew_answers_no_booking_that_it_sees_of_long_ago(street: WholeWeb, page: Page) -> None:
    """Without a network for some minutes the list says of when it is, and yes and no wait; a load is noted on."""
    show(street)
    office = street.house.machine(street.app)
    assert office.post(f"/api/v1/bookings/{street.booking}/book", json={"litres": 1_000}).status_code == 200
    routed(page, street.house.person(street.app, "li"))
    parts = share(Index(parts_of(street.desk.picture)), Reach(False, trucks=frozenset({"t97"})))
    snapshot = json.dumps({"parts": parts, "at": int(time.time())})

    def stream(route: Route) -> None:
        route.fulfill(body=f"event: snapshot\ndata: {snapshot}\n\n", headers={"Content-Type": "text/event-stream"})

    page.route("**/api/v1/events", stream)
    page.clock.install()
    page.goto(f"{HOME}/cab")
    accept = page.get_by_test_id(f"accept-{street.booking}")
    expect(accept).to_be_visible()
    expect(page.get_by_test_id("booked-at")).to_have_count(0)
    page.route("**/api/v1/bookings", lambda route: route.abort())
    page.clock.fast_forward(130_000)
    expect(page.get_by_test_id("booked-at")).to_be_visible()
    expect(accept).to_have_count(0)
    page.unroute("**/api/v1/bookings")
    page.clock.run_for(11_000)
    expect(accept).to_be_visible()


def test_a_printed_sign_is_renewed_by_a_tick_and_a_button(street: WholeWeb, page: Page) -> None:
    """Without the tick the browser sends nothing; with it the card has another code, and says who did it."""
    odd = routed(page, street.house.person(street.app, "zhou"))
    page.goto(f"{HOME}/signs?lang=en")
    card = page.get_by_test_id("sign-r01")
    before = card.locator(".url").inner_text()
    card.locator("summary").click()
    card.get_by_role("button", name="New code").click()
    assert card.locator(".url").inner_text() == before and page.url.endswith("lang=en")
    card.get_by_role("checkbox").check()
    assert findings(page) == []
    card.get_by_role("button", name="New code").click()
    page.wait_for_url("**#sign-r01")
    expect(card.locator(".url")).not_to_have_text(before)
    expect(card).to_contain_text("zhou")
    assert odd == []
