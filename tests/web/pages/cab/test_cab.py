"""The cab in a real browser beside a real bridge: what a driver sees, and that no kill of it loses anything."""

import json
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect, sync_playwright

from broker.people.people import People
from broker.people.roles import Scope
from broker.plan.demo_area import demo_plan
from broker.store.opening import reading_store
from tests.support.people import PASSWORD, QUICK
from tests.support.processes import BridgeProcess, Client, mosquitto, offset_to, processes_in, wait_until
from tests.support.screens.axe import findings
from tests.support.screens.browser import CHROMIUM, CHROMIUM_ARGS, chromium_page

pytestmark = pytest.mark.real

ROOT = "zp/v1/xh"
OFF_S = 600  # the tablet's clock is so much ahead
WRONG_CLOCK = f"(() => {{ const now = Date.now; Date.now = () => now() + {OFF_S * 1000}; }})()"


class Street:
    """A bridge at the hour of t01's first run, with its crew, and the truck itself."""

    def __init__(self, folder: Path) -> None:
        trips = [run for run in demo_plan().runs.values() if run.truck_id == "t01"]
        self.trip = min(trips, key=lambda run: run.visits[0].arrive_day_s)
        self.rooms = [demo_plan().rooms[visit.room_id] for visit in self.trip.visits]
        self.folder = folder
        self.broker = mosquitto(folder / "mosquitto", "t01", self.rooms[0].room_id)
        hour = (self.trip.visits[0].arrive_day_s - 300) / 3600
        self.bridge = BridgeProcess(folder / "bridge", self.broker.port, offset_s=offset_to(hour))
        people = People(self.bridge.folder / "data" / "people", passwords=QUICK)
        people.use_link(people.add("chen", "chen", ("crew",), Scope(trucks=("t01", "t97"))), "", "", PASSWORD)
        self.bridge.start()
        self.truck = Client(self.broker.port, "t01")
        self.truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
        self.seq = 0

    def say(self, channel: str, **body: Any) -> None:
        """The truck speaks of its first room."""
        self.seq += 1
        said = {"boot": 1, "seq": self.seq, "lat": self.rooms[0].lat, "lon": self.rooms[0].lon, "fix_at": self.now()}
        self.truck.say(f"{ROOT}/truck/t01/{channel}", {**said, **body})

    def now(self) -> int:
        """The bridge's time."""
        return int(time.time()) + self.bridge.offset_s

    def signed_in(self, page: Page) -> None:
        """The crew at its page."""
        page.goto(f"http://127.0.0.1:{self.bridge.port}/cab")
        page.fill("input[name=account]", "chen")
        page.fill("input[name=password]", PASSWORD)
        page.click("main button.main")
        page.wait_for_url("**/cab")

    def ask(self, path: str) -> Any:
        """What the bridge answers to a command of its machine."""
        token = (self.bridge.folder / "data" / "people" / "shell.token").read_text().strip()
        url = f"http://127.0.0.1:{self.bridge.port}/api/v1{path}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def visits(self) -> list[dict[str, Any]]:
        """The truck's first run, as the bridge has it."""
        return next(run["visits"] for run in self.ask("/runs") if run["run_id"].startswith(self.trip.trip_id))

    def acts(self) -> list[dict[str, Any]]:
        """What was done, as it is on record."""
        with reading_store(self.bridge.folder / "records", "xh", "Asia/Shanghai", self.now) as store:
            return [{**row.body, "at": row.at} for row in store.scan("action")]

    def booked(self) -> str:
        """A booking that asks for t97: one cubic metre."""
        found = self.ask("/bookings/windows?pile=p01&litres=1000")
        window = next(row for row in found if row["truck"] == "t97")
        asked = {"pile": "p01", "truck": "t97", "from_at": window["from_at"], "litres": 1_000}
        named = f"/api/v1/bookings/{self.bridge.post('/api/v1/bookings/holds', asked)['booking_id']}"
        return str(self.bridge.post(f"{named}/book", {"note": "3rd floor"})["booking_id"])

    def close(self) -> None:
        """End what was started."""
        self.truck.close()
        self.bridge.stop()
        self.broker.stop()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """The street of one test."""
    made = Street(tmp_path)
    yield made
    made.close()


class Tablet:
    """A browser that keeps its profile, and can be killed as a tablet is whose battery ends."""

    def __init__(self, playwright: Playwright, folder: Path) -> None:
        self.playwright, self.folder = playwright, folder
        self.context: BrowserContext | None = None

    def open(self, *, offline: bool = False) -> BrowserContext:
        """Switch it on."""
        self.context = self.playwright.chromium.launch_persistent_context(
            self.folder, executable_path=CHROMIUM, args=CHROMIUM_ARGS, locale="en-GB",
            viewport={"width": 390, "height": 844},
        )  # fmt: skip
        self.context.add_init_script(WRONG_CLOCK)
        self.context.set_offline(offline)
        return self.context

    def kill(self) -> None:
        """kill -9 of all of it."""
        for pid in processes_in(self.folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not processes_in(self.folder), "the browser is gone")
        with suppress(Exception):
            self.context.close()


def cab(context: BrowserContext, street: Street) -> Page:
    """A tab with the cab's page."""
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{street.bridge.port}/cab")
    expect(page.get_by_test_id("next-name")).to_be_visible()
    return page


def test_three_kills_two_tabs_and_a_wrong_clock_lose_nothing_and_do_nothing_twice(street: Street) -> None:
    """Pressed without a network, in two tabs, under kills of the page and of the bridge: each done once, by the
    bridge's clock, and what could not be done is told until it was read."""
    with sync_playwright() as playwright:
        tablet = Tablet(playwright, street.folder / "profile")
        context = tablet.open()
        street.signed_in(context.new_page())
        context.close()  # (a browser keeps a new cookie half a minute in memory)
        context = tablet.open()
        page = cab(context, street)
        expect(page.locator("html[data-stays=yes]")).to_be_attached()
        expect(page.get_by_test_id("network")).to_contain_text("connected")
        page.get_by_test_id("serve").dblclick()  # (a nervous finger means one room, not the next one too)
        page.get_by_test_id("take-back").click()
        expect(page.get_by_test_id("act")).to_have_count(0)

        context.set_offline(True)
        street.bridge.kill()
        expect(page.get_by_test_id("network")).to_contain_text("No network")
        pressed_at = street.now()
        page.get_by_test_id("serve").click()
        expect(page.get_by_test_id("act")).to_have_count(1)
        other = cab(context, street)
        expect(other.get_by_test_id("act")).to_have_count(1)
        other.get_by_test_id("skip").click()
        other.get_by_test_id("reason-not_out").click()
        expect(page.get_by_test_id("act")).to_have_count(2)
        tablet.kill()

        page = cab(tablet.open(offline=True), street)
        expect(page.get_by_test_id("act")).to_have_count(2)
        page.get_by_test_id("serve").click()
        page.get_by_test_id("full").click()
        expect(page.get_by_test_id("act")).to_have_count(4)
        pressed = range(pressed_at - 2, street.now() + 2)
        tablet.kill()

        street.bridge.start()
        third = street.trip.visits[2].room_id
        street.bridge.post(f"/api/v1/runs/{street.visits()[0]['run_id']}/visits/{third}/1/serve", {})
        context = tablet.open()
        page, _ = cab(context, street), cab(context, street)
        wait_until(lambda: any(row["who"] == "chen" for row in street.acts()), "the first one is on record")
        tablet.kill()

        page = cab(tablet.open(), street)
        expect(page.get_by_test_id("refused")).to_contain_text("It is recorded as served already")
        expect(page.get_by_test_id("act")).to_have_count(0)
        page.reload()
        page.get_by_test_id("understood").click()
        expect(page.get_by_test_id("refused")).to_have_count(0)
        tablet.kill()

    mine = [row for row in street.acts() if row["who"] == "chen"]
    assert [row["action"] for row in mine] == ["serve", "skip", "full"]
    for row in mine:
        assert -OFF_S - 3 <= row["clock_off_s"] - street.bridge.offset_s <= -OFF_S + 3
        assert row["acted_at"] in pressed and row["acted_at"] < row["at"]
    states = [(visit["room"], visit["visit_number"], visit["state"]) for visit in street.visits()]
    rooms = [room.room_id for room in street.rooms]
    assert (rooms[0], 1, "served") in states and (rooms[1], 1, "skipped") in states
    assert [visit for visit in states if visit[0] == rooms[1]] == [(rooms[1], 1, "skipped"), (rooms[1], 2, "pending")]


def test_a_driver_sees_what_comes_next_what_changed_and_who_has_answered(street: Street) -> None:
    """Bins, times, the button's light and the answers; a booking accepted and measured; large, in one language."""
    room, outside = street.rooms[0], list[str]()
    unit = Client(street.broker.port, room.room_id)
    unit.say(f"{ROOT}/room/{room.room_id}/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
    waste = demo_plan().routes[street.trip.route_id].waste
    bins = [{"waste": waste, "count": 3, "grams": 62_000, "quality": 0}]
    unit.say(f"{ROOT}/room/{room.room_id}/bins", {"boot": 1, "seq": 1, "at": street.now(), "late": False, "bins": bins})
    with chromium_page() as page:
        page.on("request", lambda request: None if "127.0.0.1" in request.url else outside.append(request.url))
        page.set_viewport_size({"width": 390, "height": 844})
        street.signed_in(page)
        expect(page.get_by_test_id("next-name")).to_have_text(room.name.split(" / ")[0])
        expect(page.get_by_test_id("next")).to_contain_text("3 桶 居民湿 · 62 kg")
        expect(page.get_by_test_id("light")).to_contain_text("按钮灯熄灭")

        street.say("incident/p1", incident_id="p1", reason="lane_blocked", pressed_at=street.now(), withdrawn=False)
        alarm = page.get_by_test_id("alarm-p1")
        expect(alarm).to_contain_text("尚无人查看")
        first = room.name.split(" / ")[0]
        expect(page.get_by_test_id("changed")).to_contain_text(re.compile(f"{first}：改为稍后.*通道堵塞"))
        expect(page.get_by_test_id("next-name")).to_have_text(street.rooms[1].name.split(" / ")[0])
        street.bridge.post("/api/v1/incidents/p1/answers/estate/promise", {"until_at": street.now() + 1200})
        expect(alarm).to_contain_text(re.compile(r"小区: 已承诺 至 \d\d:\d\d"))
        assert findings(page) == []
        page.get_by_test_id("looked").click()
        expect(page.get_by_test_id("changed")).to_have_count(0)

        page.get_by_test_id("language").click()
        expect(page.get_by_test_id("network")).to_have_text("connected")
        assert not re.search("[\u3400-\u9fff]", page.locator(".cab").inner_text())
        page.emulate_media(color_scheme="dark")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert min(page.locator(".cab button").evaluate_all("(all) => all.map((one) => one.offsetHeight)")) >= 64

        page.get_by_test_id("teach").locator("summary").click()
        for _ in range(3):
            page.get_by_test_id("mark").click()
        page.get_by_test_id("unmark").click()
        expect(page.get_by_test_id("marks")).to_contain_text("2 stops marked")
        with page.expect_download() as saved:
            page.get_by_test_id("marks-file").click()
        head, *marks = saved.value.path().read_text().split()
        assert head == "acted_at,clock_off_s,truck" and len(marks) == 2
        assert all(abs(int(mark.split(",")[0]) - street.now()) < 60 and mark.endswith(",t01") for mark in marks)

        booking = street.booked()
        page.locator("select[data-testid=truck]").select_option("t97")
        page.get_by_test_id(f"accept-{booking}").click(timeout=20_000)
        expect(page.get_by_test_id("act")).to_contain_text("Accepted")
        page.get_by_test_id(f"loaded-{booking}").click(timeout=30_000)
        page.get_by_test_id("more").click()
        expect(page.get_by_test_id("sheet")).to_contain_text("1.5 m³")
        expect(page.get_by_test_id("sheet")).to_contain_text("more than was announced")
        assert findings(page) == []
        page.get_by_test_id("measured-so").click()
        wait_until(lambda: street.ask("/bookings")[0]["measured_litres"] == 1_500, "it is measured")
    assert outside == []
    unit.close()
