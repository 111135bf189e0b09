"""People at the operations screen, in a real browser: who signs in does what they may, and the record names them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from broker.people.people import People
from broker.plan.demo_area import demo_plan
from broker.store.opening import reading_store
from tests.support.browser import chromium_page
from tests.support.people import PASSWORD, QUICK
from tests.support.processes import BridgeProcess, Client, mosquitto, offset_to, wait_until

pytestmark = pytest.mark.real

ROOT = "zp/v1/xh"
STILL_S = 20.0


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BridgeProcess, Client]]:
    """A bridge with a dispatcher and a viewer; its first truck's driver presses."""
    folder = tmp_path_factory.mktemp("people")
    trips = (run for run in demo_plan().runs.values() if run.truck_id == "t01")
    trip = min(trips, key=lambda run: run.visits[0].arrive_day_s)
    broker = mosquitto(folder / "mosquitto", "t01")
    hour = (trip.visits[0].arrive_day_s - 300) / 3600
    bridge = BridgeProcess(folder / "bridge", broker.port, offset_s=offset_to(hour))
    move_in(bridge.folder / "data" / "people")
    bridge.start()
    truck = Client(broker.port, "t01", f"{ROOT}/truck/t01/incident_ack/+")
    truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
    truck.say(f"{ROOT}/truck/t01/incident/p1", press(bridge))
    yield bridge, truck
    truck.close()
    bridge.stop()
    broker.stop()


def move_in(folder: Path) -> None:
    """Two people with a password."""
    people = People(folder, passwords=QUICK)
    people.use_link(people.add("wang", "Wang", ("dispatcher",)), "", "", PASSWORD)
    people.use_link(people.add("li", "Li", ("viewer",)), "", "", PASSWORD)


def press(bridge: BridgeProcess) -> dict[str, Any]:
    """A lane that is blocked at the first room."""
    now, room = int(time.time()) + bridge.offset_s, next(iter(demo_plan().rooms.values()))
    return {
        "boot": 1, "seq": 1, "incident_id": "p1", "reason": "lane_blocked", "pressed_at": now, "lat": room.lat,
        "lon": room.lon, "fix_at": now, "withdrawn": False,
    }  # fmt: skip


def sign_in(page: Page, bridge: BridgeProcess, account: str, password: str = PASSWORD) -> None:
    """As a person does it: open the screen, be asked who they are."""
    page.goto(f"http://127.0.0.1:{bridge.port}/")
    page.wait_for_url("**/sign-in?next=/")
    page.fill("input[name=account]", account)
    page.fill("input[name=password]", password)
    page.click("main button.main")


def test_the_record_names_who_acknowledged_and_a_viewer_cannot(street: tuple[BridgeProcess, Client]) -> None:
    """A viewer sees the press and no button for it; the dispatcher presses one; after the sign-out nothing is heard."""
    bridge, truck = street
    with chromium_page() as page:
        sign_in(page, bridge, "li", "a wrong password")
        expect(page.get_by_test_id("told")).to_contain_text("账号或密码不对")
        sign_in(page, bridge, "li")
        expect(page.get_by_test_id("who")).to_contain_text("Li · 查看者")
        incident = page.get_by_test_id("incident-p1")
        incident.wait_for()
        assert incident.locator("button").count() == 0
        refused = page.evaluate("""() => fetch("/api/v1/incidents/p1/acknowledge", {method: "POST",
            headers: {"Content-Type": "application/json"}, body: "{}"}).then((answer) => answer.status)""")
        assert refused == 403
        page.get_by_test_id("sign-out").click()
        sign_in(page, bridge, "wang")
        expect(page.get_by_test_id("who")).to_contain_text("Wang · 调度员")
        page.get_by_test_id("acknowledge-p1").click()
        wait_until(lambda: (truck.last(f"{ROOT}/truck/t01/incident_ack/p1") or {}).get("stage") == "seen", "it is seen")
        with page.expect_popup() as opened:
            page.evaluate("() => void window.open('/')")
        other = opened.value
        other.get_by_test_id("incident-p1").wait_for()
        page.get_by_test_id("sign-out").click()
        page.wait_for_url("**/sign-in")
        other.wait_for_url("**/sign-in?next=*", timeout=STILL_S * 1000)  # its stream has ended for good
    with reading_store(bridge.folder / "records", "xh", "Asia/Shanghai", time.time) as store:
        assert [(row.body["action"], row.body["who"]) for row in store.scan("action")] == [("acknowledge", "wang")]
