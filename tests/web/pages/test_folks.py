"""The pages of a keeper, of whoever scans a sign and of a technician, in a real browser."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from broker.people.people import People
from broker.people.roles import EVERYWHERE, Scope
from broker.plan.demo_area import demo_plan
from broker.store.opening import reading_store
from broker.web.signs.codes import SignCodes
from tests.support.people import PASSWORD, QUICK
from tests.support.processes import BridgeProcess, Client, mosquitto, offset_to, wait_until
from tests.support.screens.axe import findings
from tests.support.screens.browser import chromium_page

pytestmark = pytest.mark.real

ROOT = "zp/v1/xh"


class Street:
    """A bridge a quarter of an hour before its first room; the truck is under way, so that the room is called."""

    def __init__(self, folder: Path) -> None:
        plan = demo_plan()
        trips = (run for run in plan.runs.values() if run.truck_id == "t01")
        trip = min(trips, key=lambda run: run.visits[0].arrive_day_s)
        self.room = trip.visits[0].room_id
        self.lat, self.lon = plan.routes[trip.route_id].line[0]
        self.broker = mosquitto(folder / "mosquitto", "t01", self.room)
        hour = (trip.visits[0].arrive_day_s - 900) / 3600
        self.bridge = BridgeProcess(folder / "bridge", self.broker.port, offset_s=offset_to(hour))
        self.people_folder = self.bridge.folder / "data" / "people"
        self.people = People(self.people_folder, passwords=QUICK)
        estate = Scope(estates=(plan.rooms[self.room].estate_id,))
        for account, role, scope in (("kim", "keeper", estate), ("zhao", "technician", EVERYWHERE)):
            self.people.use_link(self.people.add(account, account, (role,), scope), "", "", PASSWORD)
        self.bridge.start()
        self.code = SignCodes(self.people_folder, plan.rooms).codes()[self.room]
        self.truck = Client(self.broker.port, "t01", f"{ROOT}/truck/t01/ack")
        self.unit = Client(self.broker.port, self.room, f"{ROOT}/room/{self.room}/+")
        self.truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
        self.unit.say(f"{ROOT}/room/{self.room}/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)

    def fix(self, seq: int) -> None:
        """The truck stands at the beginning of its line."""
        now = int(time.time()) + self.bridge.offset_s
        body: dict[str, Any] = {
            "boot": 1, "seq": seq, "fix_at": now, "sent_at": now, "lat": self.lat, "lon": self.lon, "speed_mps": 3.0,
            "bearing_deg": None, "hdop": 1.0, "sats": 9, "mode": 3, "late": False,
        }  # fmt: skip
        self.truck.say(f"{ROOT}/truck/t01/fix", body)

    def page(self, path: str) -> str:
        """An address of the bridge."""
        return f"http://127.0.0.1:{self.bridge.port}{path}"

    def close(self) -> None:
        """End what was started."""
        self.truck.close()
        self.unit.close()
        self.bridge.stop()
        self.broker.stop()


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """One for all: each test looks at another page of it."""
    made = Street(tmp_path_factory.mktemp("folks"))
    yield made
    made.close()


def sign_in(page: Page, street: Street, account: str) -> None:
    """From no page in particular."""
    page.goto(street.page("/sign-in"))
    page.fill("input[name=account]", account)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button.main")


def is_fit(page: Page, width: int) -> None:
    """Nothing hangs over the edge of a phone, and everybody can read and reach everything, light and dark."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        assert findings(page) == []


def test_a_keeper_is_rung_for_and_says_that_the_bins_are_out(street: Street) -> None:
    """On a phone, by keyboard: they land on their page, the call comes, rings once it may, and their word is kept."""
    with chromium_page() as page:
        page.set_viewport_size({"width": 390, "height": 844})
        page.add_init_script("""window.rung = 0; const start = OscillatorNode.prototype.start;
            OscillatorNode.prototype.start = function (...at) { window.rung += 1; return start.apply(this, at); };""")
        sign_in(page, street, "kim")
        page.wait_for_url("**/keeper")
        for seq in range(1, 5):
            street.fix(seq)
            time.sleep(1.1)  # the call is made on two updates that follow each other
        called = page.get_by_test_id(f"next-{street.room}")
        expect(called).to_contain_text("请出桶")
        assert page.evaluate("window.rung") == 0
        page.get_by_test_id("sound").focus()
        page.keyboard.press("Enter")
        wait_until(lambda: page.evaluate("window.rung") > 0, "it rings")
        is_fit(page, 390)
        page.get_by_test_id("language").click()
        expect(page.get_by_test_id(f"room-{street.room}")).to_contain_text("on time")
        out = page.get_by_test_id(f"out-{street.room}")
        out.focus()
        page.keyboard.press("Enter")
        expect(out).to_contain_text("Bins are out · ")
        expect(page.get_by_test_id(f"heard-{street.room}")).to_have_count(0)
    with reading_store(street.bridge.folder / "records", "xh", "Asia/Shanghai", time.time) as store:
        said = [(row.key, row.body["event"], row.body["who"]) for row in store.scan("keeper")]
    assert said == [(street.room, "bins_out", "kim")]


def test_a_sign_is_read_by_anybody_with_and_without_a_script(street: Street) -> None:
    """On a phone that is not signed in; nothing is asked of another machine."""
    outside: list[str] = []
    with chromium_page() as page:
        page.on("request", lambda request: None if "127.0.0.1" in request.url else outside.append(request.url))
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(street.page(f"/sign/{street.code}"))
        expect(page.get_by_test_id("as-of")).to_contain_text("秒前")
        expect(page.get_by_test_id("kind-0")).to_contain_text("居民湿垃圾")
        is_fit(page, 390)
        browser = page.context.browser
        assert browser is not None
        plain = browser.new_context(java_script_enabled=False, locale="en-GB").new_page()
        plain.goto(street.page(f"/sign/{street.code}"))
        expect(plain.get_by_test_id("kind-0")).to_contain_text("residential wet")
        assert "refresh" in plain.content()
        assert plain.goto(street.page("/sign/nothing")).status == 404  # type: ignore[union-attr]
        expect(plain.get_by_test_id("unknown")).to_contain_text("Scan the sign that hangs at the bin room now")
    assert outside == []


def test_a_technician_sees_what_is_wrong_first_and_what_a_device_answers(street: Street) -> None:
    """A message that is refused brings its unit to the top; its page shows it, the command and the answer."""
    topic = f"{ROOT}/room/{street.room}"
    street.unit.say(f"{topic}/bins", {"boot": "x", "seq": 1})
    with chromium_page() as page:
        page.set_viewport_size({"width": 390, "height": 844})
        sign_in(page, street, "zhao")
        page.wait_for_url("**/devices")
        row = page.get_by_test_id("devices").locator("tbody tr").first
        expect(row).to_contain_text(street.room)
        is_fit(page, 390)
        told = [
            {"day": "2026-11-21", "room": room, "truck": "t01", "waste": "residential_wet", "words": ["count_rose"]}
            for room in (street.room, "another")
        ]
        page.route("**/api/v1/stats?*table=disagreements", lambda route: route.fulfill(json=told))
        row.get_by_role("link").click()
        page.wait_for_url(f"**/devices/room/{street.room}")
        expect(page.get_by_test_id("disagreements").locator("li")).to_have_text(
            "2026-11-21 · t01 · 居民湿 · 已清运但桶数增加"
        )  # its own alone
        expect(page.get_by_test_id("messages")).to_contain_text("boot: must be an integer")
        page.get_by_test_id("command-identify").click()
        told = wait_until(lambda: street.unit.last(f"{topic}/command"), "the unit is told")
        answer = {"answers": told["id"], "done": False, "said": "no light here"}
        street.unit.say(f"{topic}/life", {"life": "ready", "boot": 1, "fw": "1.0.0", **answer}, retain=True)
        expect(page.get_by_test_id("answer")).to_contain_text("no light here")
        lamps = [{"waste": "any", "lamp": "off", "lit": False, "call_id": None}]
        street.unit.say(f"{topic}/lamp", {"boot": 1, "seq": 77, "at": None, "lamps": lamps})
        expect(page.get_by_test_id("messages")).to_contain_text('"seq": 77')  # as it comes, nothing was loaded again
        page.get_by_test_id("command-rebirth").click()
        wait_until(lambda: (street.unit.last(f"{topic}/command") or {}).get("command") == "rebirth", "the unit is told")
        is_fit(page, 390)
