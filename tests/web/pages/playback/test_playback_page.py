"""A stored day on the operations screen: sought, played, in both languages, never taken for now, and back again."""

import random
import re
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from playwright.sync_api import Page, Route, expect

from broker.config import BrokerConfig
from broker.people.people import People
from broker.plan.demo_area import demo_plan
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.server import WebServer
from broker.web.stream.frames import Frames
from broker.web.stream.recording import GAP_S, Recording
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.screens.axe import findings

PLAN = demo_plan()
LATER_S = 1800


def kept_minutes(folder: Path) -> list[dict[str, Any]]:
    """Pictures of a truck that serves a room, presses, and drives on; what comes after them is on record only."""
    morning, pictures = Morning(folder / "records", alone=True), list[dict[str, Any]]()

    def look() -> None:
        pictures.append(orjson.loads(orjson.dumps(snapshot(morning.bridge, morning.now))))

    morning.serve(0)
    for _ in range(12):
        morning.step(5)
        look()
    pressed = morning.press()
    look()
    morning.act("acknowledge", pressed)
    look()
    morning.step(150)
    for _ in range(10):
        morning.step(1)
        look()
    for visit in (1, 2):
        morning.serve(visit)
    morning.drive_to(3)
    morning.bridge.flush(morning.now)
    morning.close()
    return pictures


class Screen:
    """The web of a bridge that shows a picture each second, half an hour after minutes that were kept."""

    def __init__(self, folder: Path) -> None:
        self.shown = kept_minutes(folder)
        frames, recording = Frames(), Recording(folder / "playback", 30)
        for picture in self.shown:
            recording.keep(frames.show(picture), frames.parts, picture["at"])
        recording.close()
        self.at = self.shown[-1]["at"] + LATER_S
        people = People(folder / "people")
        people.add("dispatcher", "Wang", ("dispatcher",))
        config = BrokerConfig.model_validate({
            "area": {"plan": "demo"}, "web": {"port": 0}, "registers": {"folder": folder / "registers"},
            "people": {"folder": folder / "people", "one_click": True}, "playback": {"folder": folder / "playback"},
        })  # fmt: skip
        self.store = open_store(folder / "records", PLAN.area_id, PLAN.timezone, lambda: float(self.at))
        self.desk, self._over = Desk(), threading.Event()
        self._show()
        self._web = WebServer(config, self.desk, self.store, PLAN, lambda: float(self.at))
        self._web.start()
        self.address = f"http://127.0.0.1:{self._web.port}"
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()

    def _show(self) -> None:
        self.desk.show({**self.shown[-1], "at": self.at})

    def _go_on(self) -> None:
        while not self._over.wait(1.0):
            self.at += 1
            self._show()

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()
        self._web.stop()
        self.store.close()


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """One for all."""
    made = Screen(tmp_path_factory.mktemp("past"))
    yield made
    made.stop()


def clock_of(page: Page) -> str:
    """What the room's own clock says: of when the picture is."""
    return page.locator("#clock").inner_text()


def half_an_hour_later(route: Route) -> None:
    """What came true, half an hour later."""
    truth = route.fetch().json()
    for visit in truth["visits"].values():
        visit["arrived_at"] = visit["arrived_at"] and visit["arrived_at"] + 1800
    route.fulfill(json=truth)


# Every value that the film has is the server's; ages are added by the server alone.
SAME = """async (moments) => {
  const { film } = await import("/static/playback/film.js"), reel = film();
  const get = async (path) => (await fetch(path)).json();
  const odd = (a, b, at) => (typeof a !== "object" || a === null ? (a === b ? [] : [`${at}: ${a} is not ${b}`])
    : Object.keys(a).flatMap((key) => odd(a[key], b?.[key], `${at}/${key}`)));
  const [from, until] = [Math.min(...moments), Math.max(...moments)];
  reel.add(await get(`/api/v1/playback/changes?from_at=${from}&until_at=${until}`));
  const found = [];
  for (const at of moments) found.push(...odd(reel.show(at).picture, await get(`/api/v1/picture?at=${at}`), at));
  return found;
}"""


@pytest.mark.real
def test_a_stored_day_is_sought_and_played_and_left_again(page: Page, screen: Screen) -> None:
    """By its address, by keys and by hand; without a deed; over a gap; with what came true; a link leads back to it."""
    outside: list[str] = []
    page.on("request", lambda request: None if "127.0.0.1" in request.url else outside.append(request.url))
    pressed = next(picture for picture in screen.shown if picture["incidents"])
    page.goto(f"{screen.address}/sign-in")
    page.get_by_test_id("as-dispatcher").click()
    page.wait_for_url(re.compile(r"/$"))
    expect(page.get_by_test_id("look-back")).to_be_visible()
    now = clock_of(page)
    page.goto(f"{screen.address}/?at={pressed['at']}&speed=60")
    banner = page.get_by_test_id("past-banner")
    expect(banner).to_contain_text("这是过去，不是现在")
    at = page.evaluate(f"new Date({pressed['at']} * 1000).toLocaleTimeString('en-GB', {{timeZone: '{PLAN.timezone}'}})")
    expect(page.locator("#clock")).to_have_text(at)
    assert at != now and page.locator(".past-frame").is_visible() and page.title().startswith("◀◀")
    expect(page.get_by_test_id("past-word")).to_have_text("")
    offered = [button.inner_text() for button in page.locator("main button").all()]
    assert set(offered) <= {"+", "−", "⤢"}  # of what is over nothing is offered but the map's own view
    assert findings(page) == []
    expect(page.get_by_test_id("until")).to_contain_text(f"截至 {at} 的到站")
    for whole_day in ("chain", "periods", "bookings-today"):
        expect(page.get_by_test_id(whole_day)).to_have_count(0)

    page.get_by_test_id("language").click()
    expect(banner).to_contain_text("This is the past, not now")
    expect(page.get_by_test_id("past-beside")).to_contain_text(re.compile(r"expected \d\d:\d\d, came \d\d:\d\d"))
    page.keyboard.press("ArrowLeft")  # a step is as far as a second of playing
    expect(page.get_by_test_id("past-at")).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))
    assert f"at={pressed['at'] - 60}" in page.url and "speed=60" in page.url

    page.route("**/api/v1/playback/truth?*", half_an_hour_later)
    page.goto(f"{screen.address}/?at={pressed['at']}&speed=60")
    expect(page.locator("svg text.outside").first).to_contain_text(  # the strip marks what came otherwise than told
        re.compile(r"◷ \+[23]\d min")
    )
    expected = next(one for run in pressed["runs"] for one in run["visits"] if one["eta_at"] and not one["arrived_at"])
    page.goto(f"{screen.address}/?at={pressed['at']}&level=stop&room={expected['room']}")  # and so does the map
    expect(page.get_by_test_id("map-said")).to_contain_text(re.compile(r"◷ \+[23]\d min"), timeout=20_000)
    page.unroute_all()

    last = screen.shown[-1]
    jump = next(one["at"] for one, other in pairwise(screen.shown) if other["at"] - one["at"] > GAP_S + 5)
    page.goto(f"{screen.address}/?at={jump + GAP_S + 2}")  # a page that has shown nothing yet goes on where it can
    expect(page.get_by_test_id("past-word")).to_contain_text("Nothing was kept")
    expect(page.get_by_test_id("veil")).to_be_hidden()
    page.evaluate(f"location.hash = '#/?at={jump + GAP_S + 2}'")
    expect(page.get_by_test_id("veil")).to_contain_text("nobody knows what was shown")
    page.get_by_test_id("past-next").click()
    expect(page.get_by_test_id("veil")).to_be_hidden()
    page.get_by_test_id("past-x60").click()
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press(" ")
    end = page.evaluate(f"new Date({last['at']} * 1000).toLocaleTimeString('en-GB', {{timeZone: '{PLAN.timezone}'}})")
    expect(page.locator("#clock")).to_have_text(end, timeout=60_000)
    assert outside == []

    moments = random.Random(3).choices(range(screen.shown[0]["at"], pressed["at"]), k=20)
    assert page.evaluate(SAME, moments) == []  # whatever second comes after whatever other one

    page.get_by_test_id("past-leave").click()
    expect(banner).to_have_count(0)
    expect(page.get_by_test_id("look-back")).to_be_visible()
    assert "at=" not in page.url and clock_of(page) > now
    expect(page.get_by_test_id("veil")).to_be_hidden()
