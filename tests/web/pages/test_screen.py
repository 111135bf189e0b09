"""The operations screen in a real browser: what the driver pressed is seen, acknowledged and decided there."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from playwright.sync_api import Page

from broker.people.people import People
from broker.plan.demo_area import demo_plan
from broker.plan.model import RunPlan
from broker.rules.day.attention.asked import Asked
from broker.web.api.app import STATIC
from tests.support.processes import REPO, BridgeProcess, Client, mosquitto, offset_to, wait_until

ROOT = "zp/v1/xh"


@pytest.fixture(scope="module")
def morning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BridgeProcess, Client]]:
    """A bridge at the start of t01's first run on a Monday, and t01's connection."""
    folder = tmp_path_factory.mktemp("screen")
    trip = min(
        (run for run in demo_plan().runs.values() if run.truck_id == "t01"), key=lambda run: run.visits[0].arrive_day_s
    )
    broker = mosquitto(folder / "mosquitto", "t01", "r01")
    hour = (trip.visits[0].arrive_day_s - 300) / 3600
    one_click = "[people]\none_click = true\n"
    bridge = BridgeProcess(folder / "bridge", broker.port, one_click, offset_s=offset_to(hour))
    People(bridge.folder / "data" / "people").add("dispatcher", "Wang", ("dispatcher",))
    bridge.start()
    truck = Client(broker.port, "t01", f"{ROOT}/truck/t01/incident_ack/+")
    yield bridge, truck
    truck.close()
    bridge.stop()
    broker.stop()


def look(page: Page, bridge: BridgeProcess) -> None:
    """Open the screen as its dispatcher."""
    page.goto(f"http://127.0.0.1:{bridge.port}/sign-in")
    page.get_by_test_id("as-dispatcher").click()
    page.wait_for_url(f"http://127.0.0.1:{bridge.port}/")


def first_run(page: Page) -> tuple[RunPlan, str]:
    """t01's first trip, and the run that the screen shows of it."""
    trip = min(
        (one for one in demo_plan().runs.values() if one.truck_id == "t01"), key=lambda one: one.visits[0].arrive_day_s
    )
    run = page.locator(f"[data-testid^='full-{trip.trip_id}.']")
    run.wait_for()
    return trip, str(run.get_attribute("data-testid")).removeprefix("full-")


def fix(bridge: BridgeProcess, seq: int) -> dict[str, Any]:
    """A position near the first room of the demo area."""
    room = next(iter(demo_plan().rooms.values()))
    now = int(time.time()) + bridge.offset_s
    return {
        "boot": 1, "seq": seq, "fix_at": now, "sent_at": now, "lat": room.lat + 0.002, "lon": room.lon, "mode": 3,
        "speed_mps": 0.0, "bearing_deg": None, "hdop": 1.0, "sats": 8, "late": False,
    }


@pytest.mark.real
def test_a_press_is_seen_acknowledged_and_decided_on_the_screen(
    page: Page, morning: tuple[BridgeProcess, Client]
) -> None:
    """The alarm appears by itself; two clicks later the driver's light has gone from stored to decided. A bridge that
    is killed between the clicks goes on with what was answered."""
    bridge, truck = morning
    outside: list[str] = []
    page.on("request", lambda request: None if "127.0.0.1" in request.url else outside.append(request.url))
    look(page, bridge)
    page.get_by_test_id("truck-t01").wait_for()
    reserve = page.get_by_test_id("truck-t99")
    assert "待命，今日未上线" in reserve.inner_text() and "quiet" in (reserve.get_attribute("class") or "")
    assert reserve.locator(".old").count() == 0  # nothing is amiss with it
    truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
    truck.say(f"{ROOT}/truck/t01/fix", fix(bridge, 1))
    press = {key: value for key, value in fix(bridge, 2).items() if key in ("boot", "seq", "lat", "lon", "fix_at")}
    press.update(incident_id="t01-1-2", reason="lane_blocked", pressed_at=press["fix_at"], withdrawn=False)
    truck.say(f"{ROOT}/truck/t01/incident/t01-1-2", press, retain=True)
    card = page.get_by_test_id("incident-t01-1-2")
    card.wait_for()
    assert "车道堵塞" in card.inner_text()
    ack = f"{ROOT}/truck/t01/incident_ack/t01-1-2"
    wait_until(lambda: truck.last(ack) and truck.last(ack)["stage"] == "stored", "stored")
    page.get_by_test_id("acknowledge-t01-1-2").click()
    wait_until(lambda: truck.last(ack)["stage"] == "seen", "seen")
    page.locator(".incident.acknowledged").wait_for()
    page.get_by_test_id("answer-estate-t01-1-2").get_by_text("已通知").wait_for()
    page.get_by_test_id("answer-estate-promise-t01-1-2").click()
    page.get_by_test_id("answer-estate-t01-1-2").get_by_text("已承诺").wait_for()
    promise = page.get_by_test_id("answer-estate-t01-1-2").locator("span").first.inner_text().split(" · ")[:2]
    bridge.kill()  # in the middle of it: who was told, saw and promised is on record
    page.get_by_test_id("veil").wait_for(state="visible", timeout=15000)
    bridge.start()
    page.get_by_test_id("veil").wait_for(state="hidden", timeout=30000)
    again = page.get_by_test_id("answer-estate-t01-1-2").locator("span").first.inner_text().split(" · ")[:2]
    assert again == promise and again[0] == "已承诺"  # until the same time
    page.locator("[data-testid=incident-t01-1-2].acknowledged").wait_for()
    page.get_by_test_id("return_later-t01-1-2").click()
    wait_until(lambda: truck.last(ack)["stage"] == "decided", "decided")
    answers = {row["from"]: row["state"] for row in truck.last(ack)["answers"]}
    assert answers == {"dispatcher": "done", "estate": "promised"}
    page.get_by_text("二次到站 2").wait_for()
    screenshots = REPO / ".demo"
    screenshots.mkdir(exist_ok=True)
    page.screenshot(path=str(screenshots / "screen.png"), full_page=True)
    assert outside == []


@pytest.mark.real
def test_the_screen_speaks_both_languages(page: Page, morning: tuple[BridgeProcess, Client]) -> None:
    """One click and every heading is English; the choice is remembered."""
    look(page, morning[0])
    page.get_by_test_id("language").click()
    page.get_by_role("heading", name="Bin rooms").wait_for()
    page.reload()
    page.get_by_role("heading", name="Bin rooms").wait_for()
    page.get_by_test_id("report").click()
    page.get_by_text("2026-11-23").first.wait_for()
    assert page.url.endswith("/report/2026-11-23?language=en")
    page.go_back()
    page.get_by_test_id("truck-t01").wait_for()
    page.get_by_test_id("language").click()
    page.get_by_role("heading", name="箱房").wait_for()


def test_both_languages_have_every_sentence() -> None:
    """The same words in both files, with the same gaps to fill, and all that the dispatch asks attention for."""
    languages = [json.loads((STATIC / f"{name}.json").read_text()) for name in ("zh", "en")]
    gaps = [{word: sorted(re.findall(r"{(\w+)}", text)) for word, text in words.items()} for words in languages]
    assert gaps[0] == gaps[1]
    asked = {kind.word: {field.name for field in fields(kind)} for kind in Asked.__subclasses__() if is_dataclass(kind)}
    assert len(asked) >= 20
    assert all(set(gaps[0][word]) and set(gaps[0][word]) <= values for word, values in asked.items())


@pytest.mark.real
def test_what_needs_a_look_is_said_in_both_languages_and_answered(
    page: Page, morning: tuple[BridgeProcess, Client]
) -> None:
    """A clock that is ahead is named in words; a click that comes too late gets a sentence, not a number."""
    bridge, truck = morning
    look(page, bridge)
    page.get_by_test_id("truck-t01").wait_for()
    ahead = fix(bridge, 8)
    truck.say(f"{ROOT}/truck/t01/fix", {**ahead, "fix_at": ahead["fix_at"] + 100})
    page.get_by_text("定位时间快了").wait_for()
    page.get_by_test_id("language").click()
    page.get_by_text("its positions are not used").wait_for()
    press = {key: value for key, value in fix(bridge, 9).items() if key in ("boot", "seq", "lat", "lon", "fix_at")}
    press.update(incident_id="t01-1-9", reason="lane_blocked", pressed_at=press["fix_at"], withdrawn=False)
    truck.say(f"{ROOT}/truck/t01/incident/t01-1-9", press, retain=True)
    click = page.get_by_test_id("acknowledge-t01-1-9")
    click.wait_for()
    page.route("**/acknowledge*", lambda route: route.fulfill(status=409, json={"detail": "version 1 is old"}))
    click.click()
    page.get_by_text("Something has changed, look again (version 1 is old)").wait_for()
    page.unroute("**/acknowledge*")
    click.click()
    page.locator("[data-testid=incident-t01-1-9].acknowledged").wait_for()
    page.get_by_test_id("language").click()
    page.get_by_role("heading", name="箱房").wait_for()  # it is remembered once it is there


@pytest.mark.real
def test_a_full_truck_and_a_closed_road_are_told_on_the_screen(
    page: Page, morning: tuple[BridgeProcess, Client]
) -> None:
    """A full truck asks once, says until when it is away and is emptied again; a road is closed for a time, with why,
    stands there as long and is opened by one click. What was chosen in the form stays while the screen goes on."""
    bridge, truck = morning
    truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
    truck.say(f"{ROOT}/truck/t01/fix", fix(bridge, 1))
    look(page, bridge)
    full = page.get_by_test_id(f"full-{first_run(page)[1]}")
    full.click()
    page.get_by_test_id("ask-yes").click()
    page.get_by_text(re.compile(r"已满，自 \d\d:\d\d · 前往中转站，约至 \d\d:\d\d")).wait_for()
    page.locator("[data-testid^=emptied-]").first.click()
    full.wait_for()
    page.get_by_test_id("close-road").locator("summary").click()
    room = next(iter(demo_plan().rooms.values()))
    page.get_by_test_id("closed_room").select_option(room.room_id)
    page.get_by_test_id("closed_for").select_option("7200")
    page.get_by_test_id("closed_why").fill("燃气抢修")
    page.wait_for_timeout(2500)  # two more pictures
    page.get_by_test_id("closed_send").click()
    road = page.get_by_test_id("closures").locator("li")
    road.get_by_text("燃气抢修").wait_for()
    assert f"通往 {room.name.split(' / ')[0]}" in road.inner_text()
    page.screenshot(path=str(REPO / ".demo" / "roads.png"), full_page=True)
    road.get_by_role("button", name="恢复通行").click()
    road.wait_for(state="detached")


NOTED = """async () => {
  const day = new Date(Date.now() + OFFSET * 1000 + 8 * 3600e3).toISOString().slice(0, 10);
  const rows = await (await fetch(`/api/v1/stats?table=chain&from_day=${day}&to_day=${day}`)).json();
  return rows.map((row) => [row.waste, row.contaminated, row.contaminated_2]).filter(([, all]) => all);
}"""


@pytest.mark.real
def test_contamination_is_noted_beside_the_run_and_counted(page: Page, morning: tuple[BridgeProcess, Client]) -> None:
    """By keyboard, of a room that the truck has been at; what was chosen stays, the note is there and in the chain."""
    bridge, truck = morning
    truck.say(f"{ROOT}/truck/t01/life", {"life": "ready", "boot": 1, "fw": "1.0.0"}, retain=True)
    truck.say(f"{ROOT}/truck/t01/fix", fix(bridge, 30))
    look(page, bridge)
    trip, run_id = first_run(page)
    page.goto(f"http://127.0.0.1:{bridge.port}/#/?level=line&route={trip.route_id}")
    page.get_by_test_id(f"line-{trip.route_id}").wait_for()
    note = page.get_by_test_id(f"note-{run_id}")
    assert note.count() == 0  # nobody has looked into any bins
    for visit in trip.visits[3:5]:  # others have pressed at the first ones
        page.evaluate("""(path) => fetch(path, {method: "POST", headers: {"Content-Type": "application/json"},
            body: "{}"})""", f"/api/v1/runs/{run_id}/visits/{visit.room_id}/1/serve")
        note.wait_for()
        note.locator("summary").focus()
        if note.get_attribute("open") is None:
            page.keyboard.press("Enter")
        page.get_by_test_id(f"note-grade-{run_id}").select_option("2")
    options = page.get_by_test_id(f"note-room-{run_id}").locator("option")
    options.nth(1).wait_for(state="attached")
    page.get_by_test_id(f"note-found-{run_id}").select_option("hazardous")
    page.get_by_test_id(f"note-room-{run_id}").select_option(index=1)
    page.screenshot(path=str(REPO / ".demo" / "notes.png"), full_page=True)
    page.get_by_test_id(f"note-send-{run_id}").press("Enter")
    page.get_by_test_id(f"noted-{run_id}").get_by_text("较多").wait_for()
    assert "有害垃圾" in page.get_by_test_id(f"noted-{run_id}").inner_text()
    assert page.evaluate(NOTED.replace("OFFSET", str(bridge.offset_s))) == [["residential_wet", 1, 1]]


@pytest.mark.real
def test_old_data_is_never_shown_as_new(page: Page, morning: tuple[BridgeProcess, Client]) -> None:
    """When the bridge is gone, the whole screen is veiled within seconds and names the time of the last data."""
    bridge, _ = morning
    look(page, bridge)
    page.get_by_test_id("truck-t01").wait_for()
    bridge.kill()
    page.get_by_test_id("veil").wait_for(state="visible", timeout=9000)
    assert "最后数据：2026-11-23 " in page.get_by_test_id("veil").inner_text()
    bridge.start()
    page.get_by_test_id("veil").wait_for(state="hidden", timeout=15000)


@pytest.mark.real
def test_the_documentation_page_lists_every_operation(page: Page, morning: tuple[BridgeProcess, Client]) -> None:
    """/docs shows the API without a request elsewhere."""
    page.goto(f"http://127.0.0.1:{morning[0].port}/docs")
    assert page.get_by_text("/api/v1/incidents/{incident_id}/acknowledge").is_visible()
    assert "width=device-width" in str(page.locator("meta[name=viewport]").get_attribute("content"))
