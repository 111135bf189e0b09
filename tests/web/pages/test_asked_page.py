"""The page of who is asked, in a real browser: a contractor, an estate and its residents' committee see their own rows
only, and answer by a button; people are shown by their names."""

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from broker.people.people import People
from broker.people.roles import Scope
from broker.plan.demo_area import demo_plan
from tests.support.people import PASSWORD, QUICK
from tests.support.processes import BridgeProcess, Client, mosquitto, offset_to, wait_until
from tests.support.screens.browser import chromium_page

NAMES = {"qing": "王青 / Wang Qing", "ju": "居阿姨 / Aunt Ju"}

pytestmark = pytest.mark.real

ROOT = "zp/v1/xh"
ADDRESSEES = "".join(
    f'[[answers.addressee]]\nname = "{name}"\nreasons = {reasons}\nchain = {chain}\n'
    for name, reasons, chain in (
        ("dispatcher", ["lane_blocked", "breakdown"], ["dispatcher"]), ("estate", ["lane_blocked"], ["property"]),
        ("contractor", [], ["contractor"]), ("committee", ["lane_blocked"], ["committee", "dispatcher"]),
    )
)  # fmt: skip
ACK = f"{ROOT}/truck/t01/incident_ack/p1"


@pytest.fixture
def street(tmp_path: Path) -> Iterator[tuple[BridgeProcess, Client, str]]:
    """A bridge with a firm's and another firm's person, an estate's, and a machine that decides."""
    trips = (run for run in demo_plan().runs.values() if run.truck_id == "t01")
    hour = (min(run.visits[0].arrive_day_s for run in trips) - 300) / 3600
    broker = mosquitto(tmp_path / "mosquitto", "t01")
    bridge = BridgeProcess(tmp_path / "bridge", broker.port, ADDRESSEES, offset_s=offset_to(hour))
    people = People(bridge.folder / "data" / "people", passwords=QUICK)
    for account, role, scope in (
        ("qing", "contractor", Scope(contractors=("qingyun",))), ("lv", "contractor", Scope(contractors=("lvzhou",))),
        ("wu", "property", Scope(estates=("e01",))), ("ju", "committee", Scope(estates=("e01",))),
    ):  # fmt: skip
        people.use_link(people.add(account, NAMES.get(account, account), (role,), scope), "", "", PASSWORD)
    token = people.add_token("desk", ("dispatcher",))
    bridge.start()
    truck = Client(broker.port, "t01", f"{ROOT}/truck/t01/incident_ack/+")
    truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
    truck.say(f"{ROOT}/truck/t01/incident/p1", press(bridge))
    yield bridge, truck, token
    truck.close()
    bridge.stop()
    broker.stop()


def press(bridge: BridgeProcess) -> dict[str, Any]:
    """A lane that is blocked at the first room."""
    now, room = int(time.time()) + bridge.offset_s, next(iter(demo_plan().rooms.values()))
    return {
        "boot": 1, "seq": 1, "incident_id": "p1", "reason": "lane_blocked", "pressed_at": now, "lat": room.lat,
        "lon": room.lon, "fix_at": now, "withdrawn": False,
    }  # fmt: skip


def decide(bridge: BridgeProcess, token: str, **body: Any) -> None:
    """The dispatcher decides."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    url = f"http://127.0.0.1:{bridge.port}/api/v1/incidents"
    asked = urllib.request.Request(url, headers=headers)
    wait_until(lambda: json.load(urllib.request.urlopen(asked)), "the press is on the screen")
    request = urllib.request.Request(f"{url}/p1/decide", json.dumps(body).encode(), headers, method="POST")
    urllib.request.urlopen(request).close()


def sign_in(page: Page, bridge: BridgeProcess, account: str) -> None:
    """Come to the page, be asked who it is, and be there."""
    page.context.clear_cookies()
    page.goto(f"http://127.0.0.1:{bridge.port}/asked")
    page.wait_for_url("**/sign-in?next=/asked")
    page.fill("input[name=account]", account)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button.main")
    page.wait_for_url("**/asked")


def test_a_firm_promises_an_estate_sees_and_another_firm_is_asked_nothing(
    street: tuple[BridgeProcess, Client, str],
) -> None:
    """What they click is in the truck's acknowledgement; the page speaks both languages and asks nobody else."""
    bridge, truck, token = street
    wait_until(lambda: truck.last(ACK) is not None, "the press is stored")
    decide(bridge, token, decision="extra_truck", truck="t99")
    outside: list[str] = []
    with chromium_page() as page:
        page.on("request", lambda request: None if "127.0.0.1" in request.url else outside.append(request.url))
        page.set_viewport_size({"width": 360, "height": 740})
        sign_in(page, bridge, "lv")
        expect(page.get_by_test_id("asked")).to_contain_text("目前没有需要您处理的事项")
        page.context.clear_cookies()  # whoever comes from nowhere begins on the one page that is theirs
        page.goto(f"http://127.0.0.1:{bridge.port}/sign-in")
        page.fill("input[name=account]", "qing")
        page.fill("input[name=password]", PASSWORD)
        page.click("main button.main")
        page.wait_for_url("**/asked")
        row = page.get_by_test_id("answer-contractor.qingyun-p1")
        expect(row).to_contain_text("清运公司 · qingyun · t99")
        assert page.locator("[data-testid^=asked-]").count() == 1
        page.get_by_test_id("answer-contractor.qingyun-until-p1").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(row).to_contain_text("已承诺")
        expect(row).to_contain_text("王青")
        page.get_by_test_id("answer-contractor.qingyun-on-the-way-p1").click()
        expect(row).to_contain_text("在途")
        page.get_by_test_id("language").click()
        expect(row).to_contain_text("promised · until")
        expect(row).to_contain_text("Wang Qing")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.screenshot(path=str(Path(__file__).parents[3] / ".demo" / "asked.png"))
        sign_in(page, bridge, "wu")
        page.get_by_test_id("answer-estate-seen-p1").click()
        expect(page.get_by_test_id("answer-estate-p1")).to_contain_text("seen")
        sign_in(page, bridge, "ju")
        row = page.get_by_test_id("answer-committee-p1")
        expect(row).to_contain_text("Aunt Ju")  # told, by name
        assert page.locator("[data-testid^=asked-]").count() == 1
        page.get_by_test_id("answer-committee-promise-p1").click()
        expect(row).to_contain_text("promised")
        refused = page.evaluate("""(path) => fetch(path, {method: "POST", headers: {"Content-Type": "application/json"},
            body: "{}"}).then((one) => one.status)""", "/api/v1/incidents/p1/answers/estate/refuse")
        assert refused == 403
    answers = {row["from"]: row["state"] for row in truck.last(ACK)["answers"]}
    assert answers == {
        "dispatcher": "done", "estate": "seen", "committee": "promised", "contractor.qingyun": "promised",
    }  # fmt: skip
    assert outside == []
