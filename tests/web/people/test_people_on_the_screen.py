"""People at the operations screen, in a real browser: who signs in does what they may, and the record names them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from broker.people.people import People
from broker.people.roles import EVERYWHERE, Scope
from broker.plan.demo_area import demo_plan
from broker.plan.model import Room
from broker.store.opening import reading_store
from tests.support.people import PASSWORD, QUICK
from tests.support.processes import BridgeProcess, Client, mosquitto, offset_to, wait_until
from tests.support.screens.browser import CHROMIUM, CHROMIUM_ARGS, chromium_page

pytestmark = pytest.mark.real

ROOT = "zp/v1/xh"
STILL_S = 20.0
PLAN = demo_plan()
TRIP = min((run for run in PLAN.runs.values() if run.truck_id == "t01"), key=lambda run: run.visits[0].arrive_day_s)
NEAR, FAR = (PLAN.rooms[TRIP.visits[number].room_id] for number in (0, 6))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BridgeProcess, Client]]:
    """A bridge with people on the street and in the office, five minutes before its first truck's first room."""
    folder = tmp_path_factory.mktemp("people")
    broker = mosquitto(folder / "mosquitto", "t01")
    hour = (TRIP.visits[0].arrive_day_s - 300) / 3600
    bridge = BridgeProcess(folder / "bridge", broker.port, offset_s=offset_to(hour))
    move_in(bridge.folder / "data" / "people")
    bridge.start()
    truck = Client(broker.port, "t01", f"{ROOT}/truck/t01/incident_ack/+")
    truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
    yield bridge, truck
    truck.close()
    bridge.stop()
    broker.stop()


def move_in(folder: Path) -> None:
    """Two people of the area, and two of the estate of the far room, with a password."""
    people, estate = People(folder, passwords=QUICK), Scope(estates=(FAR.estate_id,))
    for name, role, scope in (
        ("Wang", "dispatcher", EVERYWHERE), ("Li", "viewer", EVERYWHERE), ("Kim", "keeper", estate),
        ("Wu", "property", estate),
    ):  # fmt: skip
        people.use_link(people.add(name.lower(), name, (role,), scope), "", "", PASSWORD)


def press(bridge: BridgeProcess, truck: Client, incident_id: str, seq: int, room: Room) -> None:
    """A lane that is blocked at a room."""
    now = int(time.time()) + bridge.offset_s
    body = {
        "boot": 1, "seq": seq, "incident_id": incident_id, "reason": "lane_blocked", "pressed_at": now, "lat": room.lat,
        "lon": room.lon, "fix_at": now, "withdrawn": False,
    }  # fmt: skip
    truck.say(f"{ROOT}/truck/t01/incident/{incident_id}", body)


def sign_in(page: Page, bridge: BridgeProcess, account: str, password: str = PASSWORD) -> None:
    """As a person does it: open the screen, be asked who they are."""
    page.goto(f"http://127.0.0.1:{bridge.port}/")
    page.wait_for_url("**/sign-in?next=/")  # asked who they are, and led to their own page
    page.fill("input[name=account]", account)
    page.fill("input[name=password]", password)
    page.click("main button.main")


def test_the_record_names_who_acknowledged_and_a_viewer_cannot(street: tuple[BridgeProcess, Client]) -> None:
    """A viewer sees the press and no button for it; the dispatcher presses one; after the sign-out nothing is heard."""
    bridge, truck = street
    press(bridge, truck, "p1", 1, NEAR)
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
        done = [
            (row.body["action"], row.body["who"])
            for row in store.scan("action")
            if row.body["incident"] == ["t01", "p1"]
        ]
    assert done == [("acknowledge", "wang")]


def browsers(page: Page, count: int) -> list[Page]:
    """Further browsers, each a program of its own, with a page in each."""
    browser = page.context.browser
    assert browser is not None
    kind = browser.browser_type
    started = [kind.launch(executable_path=kind.executable_path if CHROMIUM is None else CHROMIUM, args=CHROMIUM_ARGS)
               for _ in range(count)]  # fmt: skip
    return [one.new_page(viewport={"width": 390, "height": 844}, locale="zh-CN") for one in started]


def test_one_press_three_people_in_three_browsers(street: tuple[BridgeProcess, Client]) -> None:
    """From the press to its resolution: each sees on a page of their own what the others answered, by itself, and the
    driver's light goes with them; at the end nobody has anything left to do, and the record says who did what."""
    bridge, truck = street
    ack = f"{ROOT}/truck/t01/incident_ack/p2"
    with chromium_page() as office:
        keeper, property_ = browsers(office, 2)
        for page, account, lands in ((office, "wang", "/"), (keeper, "kim", "/keeper"), (property_, "wu", "/property")):
            sign_in(page, bridge, account)
            page.wait_for_url(f"http://127.0.0.1:{bridge.port}{lands}")
        expect(property_.get_by_test_id("asked")).to_contain_text("目前没有")
        press(bridge, truck, "p2", 2, FAR)
        card, blocked = office.get_by_test_id("incident-p2"), keeper.get_by_test_id(f"clear-{FAR.room_id}")
        asked = property_.get_by_test_id("asked-estate-p2")
        for shown in (card, blocked, asked):
            expect(shown).to_be_visible()
        assert office.title().startswith("(")  # somebody has to look
        property_.get_by_test_id("answer-estate-promise-p2").click()
        expect(card.get_by_test_id("answer-estate-p2")).to_contain_text("已承诺")
        expect(card.get_by_test_id("answer-estate-p2")).to_contain_text("Wu")
        office.get_by_test_id("acknowledge-p2").click()
        wait_until(lambda: (truck.last(ack) or {}).get("stage") == "seen", "the driver knows that it was seen")
        blocked.click()
        expect(card).to_contain_text("已清除")
        expect(blocked).to_have_count(0)
        office.get_by_test_id("resolve-p2").click()
        office.get_by_test_id("ask-yes").click()
        expect(card).to_contain_text("已处理 · 已清除")
        wait_until(lambda: truck.last(ack)["stage"] == "decided", "the driver's light goes with them")
        mine = property_.get_by_test_id("answer-estate-p2")
        expect(mine).to_contain_text("已完成 · Kim")
        expect(mine.locator("button")).to_have_count(0)
        for page in (keeper, property_):
            assert page.context.browser is not None
            page.context.browser.close()
    with reading_store(bridge.folder / "records", "xh", "Asia/Shanghai", time.time) as store:
        said = [(row.body["event"], row.body["who"]) for row in store.scan("keeper")]
        done = {row.body["who"] for row in store.scan("action") if row.body["incident"] == ["t01", "p2"]}
    assert said == [("lane_clear", "kim")] and {"wang", "wu"} <= done
