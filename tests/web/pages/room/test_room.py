"""The operations room: its levels and sizes, what stays under a hand, how calm it is, and what it is made from."""

import base64
import copy
import itertools
import json
from typing import Any

import pytest
from playwright.sync_api import expect

from broker.web.stream.changes import change, parts_of
from tests.support.screens.axe import findings
from tests.support.screens.made_screen import HOME, Screen

pytestmark = pytest.mark.real

COLOURED = """async (shot) => {
    const image = new Image();
    image.src = `data:image/png;base64,${shot}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height), ground = canvas.getContext("2d");
    ground.drawImage(image, 0, 0);
    const { data } = ground.getImageData(0, 0, image.width, image.height);
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
        coloured += Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 40;
    }
    return coloured / (data.length / 4);
}"""
SMALLEST = """() => Math.min(...[...document.querySelectorAll("body *")].filter((part) => part.getClientRects().length
    && [...part.childNodes].some((child) => child.nodeType === 3 && child.data.trim())
    && !part.closest(".unseen-text, details:not([open]) > :not(summary), title"))
    .map((part) => parseFloat(getComputedStyle(part).fontSize)))"""


def calm(picture: dict[str, Any]) -> None:
    """Every truck is heard and every lamp known, and nobody has pressed."""
    picture.update(incidents=[], alarms=[], attention=[])
    for truck in picture["trucks"]:
        truck.update(incidents=[], fresh=True, fix_at=picture["at"] - 5, life="ready", held=False, off_route=False)
    for room in picture["rooms"]:
        room["life"] = "ready"
        room["lamps"] = [{"waste": "any", "lamp": "off", "lit": False, "call_id": None}]
    for run in picture["runs"]:
        for visit in run["visits"]:
            visit["held"] = False
            if visit["state"] == "skipped":
                visit["state"] = "served"


def pressed_again(screen: Screen, incident_id: str) -> None:
    """Another press of another truck."""
    row = copy.deepcopy(screen.picture["incidents"][0])
    row.update(incident_id=incident_id, truck="t02", raised_at=screen.picture["at"])
    screen.picture["incidents"].insert(0, row)


def test_four_levels_have_an_address_each_and_nobody_is_shut_out_of_one(screen: Screen) -> None:
    """From the area to a line, a stop and its rows and back again, by link and by the browser's button; a view that
    is shared is the same elsewhere. axe-core finds nothing on any of them, in light and in dark."""
    page = screen.page
    screen.open("en")
    assert findings(page) == []
    page.get_by_role("link", name="Wet waste, north").first.click()
    expect(page).to_have_url(f"{HOME}#/?level=line&route=wet-north")
    table = page.get_by_test_id("line-wet-north").locator("table")
    expect(table.locator("tbody tr")).to_have_count(13)  # twelve rooms, one of them twice
    page.emulate_media(color_scheme="dark")
    assert findings(page) == []
    table.get_by_role("link", name="Plane Tree Estate South Gate").click()
    stop = page.get_by_test_id("stop-r03")
    expect(stop).to_contain_text("Calls today")
    assert findings(page) == []
    stop.get_by_role("link", name="Raw data").click()
    expect(page.get_by_test_id("raw")).to_contain_text('"room": "r03"')
    assert findings(page) == []
    page.emulate_media(color_scheme="light")
    page.go_back()
    expect(stop).to_be_visible()
    page.goto(f"{HOME}#/?level=stop&room=r03&wall=5m")  # as somebody sent it
    page.reload()
    expect(stop).to_be_visible()
    page.get_by_role("link", name="Whole area").click()
    expect(page).to_have_url(f"{HOME}#/?wall=5m")  # what the screen is stays
    page.goto(HOME)


@pytest.mark.parametrize(("wall", "width", "height", "least_px"), [
    ("wall=5m", 1920, 1080, 37), ("wall=5m", 3840, 2160, 74), ("wall=3m&inch=55", 1280, 720, 16),
    ("wall=5m&inch=85", 1920, 1080, 24),
])  # fmt: skip
def test_on_a_wall_no_text_is_smaller_than_can_be_read_from_there(
    screen: Screen, wall: str, width: int, height: int, least_px: int
) -> None:
    """16 minutes of arc at least, nothing to scroll, nothing cut off at the sides, no press left out in silence."""
    for number in range(6):
        pressed_again(screen, f"t02-1-{number}")
    screen.page.set_viewport_size({"width": width, "height": height})
    screen.page.goto(f"{HOME}?{wall}")
    screen.drawn()
    assert screen.page.evaluate(SMALLEST) >= least_px
    assert screen.page.evaluate("document.documentElement.scrollWidth") == width
    shown = screen.page.evaluate(
        "[...document.querySelectorAll('.incident')].filter((part) => !part.matches('.no-room')).length"
    )
    card = screen.page.locator(".incident").first
    expect(card.locator("[data-testid^=answer-dispatcher-] .stands")).to_be_visible()
    assert card.locator("button:visible").count() == 0  # nobody reaches up there: who answered has that room
    told = screen.page.get_by_test_id("more").inner_text()
    assert shown >= 1 and (shown == 7 or "".join(filter(str.isdigit, told)) == str(7 - shown))
    screen.page.goto(HOME)


def test_on_a_wall_lamps_are_counted_and_those_that_know_nothing_named(screen: Screen) -> None:
    """Where there is no room for rooms; a phone is no wall."""
    screen.picture.update(incidents=[], alarms=[], attention=[], runs=screen.picture["runs"][:1])
    for room in screen.picture["rooms"][1:]:
        room.update(life="ready", lamps=[{"waste": "any", "lamp": "off", "lit": False, "call_id": None}])
    first = screen.picture["rooms"][0]
    first.update(life="lost")
    screen.open("zh")
    screen.page.set_viewport_size({"width": 1920, "height": 1080})
    screen.page.goto(f"{HOME}?wall=5m")
    screen.drawn()
    lamps = screen.page.get_by_test_id("lamps")
    expect(lamps).to_be_visible()
    expect(lamps).to_contain_text(f"无数据 {first['name'].split(' / ')[0]}")
    assert lamps.evaluate("part => part.getBoundingClientRect().bottom <= innerHeight")
    screen.page.set_viewport_size({"width": 390, "height": 844})
    screen.later(1)
    assert screen.page.evaluate("document.documentElement.classList.contains('wall')") is False
    screen.page.goto(HOME)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_well_is_grey(screen: Screen, scheme: Any) -> None:
    """At most one pixel in twenty has a hue when nothing needs a person; a press changes that where it stands."""
    calm(screen.picture)
    screen.page.emulate_media(color_scheme=scheme)
    screen.open("zh", width=1920)

    def share() -> float:
        shot = base64.b64encode(screen.page.screenshot()).decode()
        return float(screen.page.evaluate(COLOURED, shot))

    quiet = share()
    assert quiet <= 0.05
    screen.picture["trucks"][0].update(fresh=False, fix_at=screen.picture["at"] - 900)
    screen.picture["runs"][0]["visits"][3]["held"] = True
    screen.later(10)
    assert share() > quiet
    assert screen.page.title() == "站牌 · 清运监管"
    screen.page.emulate_media(color_scheme="light")


def test_no_button_moves_under_a_hand_and_what_is_new_is_told(screen: Screen) -> None:
    """A press that comes while the pointer is on another goes below it, is announced and counted in the title, and
    takes its place when the pointer leaves. What has the keyboard keeps it."""
    page = screen.page
    page.mouse.move(5, 5)
    screen.open("en")
    first = screen.picture["incidents"][0]["incident_id"]
    expect(page).to_have_title("(1) Zhanpai · operations")
    button = page.get_by_test_id(f"acknowledge-{first}")
    button.hover()
    button.focus()
    before = button.bounding_box()
    pressed_again(screen, "t02-1-1")
    screen.picture["incidents"][1]["answers"].append({**screen.picture["incidents"][1]["answers"][0], "id": "other"})
    screen.later(1)
    expect(page).to_have_title("(2) Zhanpai · operations")
    expect(page.locator("#announce")).to_contain_text("New press: t02 Lane blocked")
    assert button.bounding_box() == before
    assert button.evaluate("part => part === document.activeElement")
    screen.picture["incidents"][1].update(workflow="acknowledged", version=2)
    screen.later(1)
    expect(button).to_have_attribute("aria-disabled", "true")  # it keeps its place, and does nothing now
    assert button.bounding_box() == before
    page.mouse.move(5, 5)
    screen.later(5)
    expect(page.locator(".incident").first).to_have_attribute("data-testid", "incident-t02-1-1")


def test_what_destroys_is_asked_once_in_the_page(screen: Screen) -> None:
    """No sends nothing and gives the keyboard back; yes sends what was asked. A truck is chosen from those that can."""
    page = screen.page
    row = screen.picture["incidents"][0]
    row.update(workflow="acknowledged")
    next(truck for truck in screen.picture["trucks"] if truck["truck"] == "t02")["loads"] = ["residential_wet"]
    screen.open("zh")
    for name, body in (("cancel_visit", {"decision": "cancel_visit"}), ("resolve", {})):
        button = page.get_by_test_id(f"{name}-{row['incident_id']}")
        button.click()
        assert findings(page, "dialog") == []
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
        assert screen.posted == [] and button.evaluate("part => part === document.activeElement")
        button.click()
        page.get_by_test_id("ask-yes").click()
        screen.later(1)
        assert screen.posted.pop()[1] == {"version": row["version"], **body}
    page.get_by_test_id(f"extra_truck-{row['incident_id']}").click()
    page.get_by_test_id("ask-input").select_option("t02")
    page.get_by_test_id("ask-yes").click()
    screen.later(1)
    assert screen.posted.pop()[1] == {"version": row["version"], "decision": "extra_truck", "truck": "t02"}


def test_ten_repeats_look_different_from_one_and_what_is_over_is_folded(screen: Screen) -> None:
    """By a word and by weight; the third press of a truck for one reason says so; the closed ones can be unfolded."""
    screen.open("en")
    card = screen.page.locator(".incident").first
    border = "part => parseFloat(getComputedStyle(part).borderLeftWidth)"
    once = card.evaluate(border)
    screen.picture["incidents"][0]["repeats"] = 10
    old = {"incident_id": "old", "open": False, "workflow": "closed", "raised_at": screen.picture["at"] - 600}
    screen.picture["incidents"].append({**copy.deepcopy(screen.picture["incidents"][0]), **old})
    screen.later(1)
    expect(card).to_contain_text("told again 10×")
    expect(card).to_contain_text("no. 2 today")
    assert card.evaluate(border) >= once + 18
    folded = screen.page.get_by_test_id("incidents-over")
    folded.locator("summary").click()
    expect(folded.locator("li")).to_contain_text("Lane blocked")
    screen.picture["incidents"].clear()
    screen.picture["runs"][0].update(state="finished", active=False, ended_at=screen.picture["at"])
    screen.later(1)
    expect(screen.page.get_by_test_id("runs-over")).to_contain_text("Runs finished today (1)")


def test_a_strip_tells_late_early_ghosts_and_several_trucks(screen: Screen) -> None:
    """Two runs of a line are two trucks on one strip; a run that nobody drives is a ghost where it should be; a thin
    line leads from a truck to its place by the timetable."""
    page, at = screen.page, screen.picture["at"]
    run = next(run for run in screen.picture["runs"] if run["truck"] == "t01")
    other = copy.deepcopy(run)
    other.update(run_id="other", truck="t02", state="scheduled", planned_start_at=at - 1200, started_at=None)
    for visit in other["visits"]:
        visit.update(run_id="other", id=visit["id"].replace(run["run_id"], "other"), truck="t02", state="pending")
        visit["planned_at"] = visit["planned_at"] and visit["planned_at"] - 1800
    screen.picture["runs"].append(other)
    for truck in screen.picture["trucks"]:
        truck.update(run_id=run["run_id"] if truck["truck"] == "t01" else None, fresh=truck["truck"] == "t01")
    screen.open("en", width=1920)
    line = page.get_by_test_id("line-wet-north")
    expect(line.locator("svg")).to_have_count(1)
    expect(line.get_by_test_id("mark-t01")).to_have_count(1)
    expect(line.locator(".ghost")).to_contain_text("t02 ?")
    expect(line).to_contain_text("nobody drives it")
    screen.picture["at"] += 3600  # by now both should be far
    screen.drawn()
    expect(line.locator(".should")).to_have_count(1)
    states = line.locator("a.visit title").all_text_contents()
    assert any("skipped" in state for state in states) and line.locator("path.odd").count() >= 1


def test_what_waits_and_what_the_day_has_brought_stand_beside(screen: Screen) -> None:
    """Bins at a stop that is still to come, their sum on the line; who is on duty, the day by kind, week and month."""
    run = next(run for run in screen.picture["runs"] if run["truck"] == "t01")
    next_ones = [visit for visit in run["visits"] if visit["state"] == "pending"][-2:]
    for room in screen.picture["rooms"]:
        ours = room["room"] in {visit["room"] for visit in next_ones}
        bins = {"count": 7, "grams": 90_000, "inside": 7, "inside_grams": 90_000, "quality": 0, "at": 0}
        room["bins"] = {run["waste"]: bins} if ours else {}
    row = {
        "waste": run["waste"], "gap": False, "served": 3, "visits": 9, "bins": 41, "grams": 2_500_000,
        "weighed_grams": 2_400_000, "incidents": 2, "served_share": 0.5, "plan_on_time_share": 0.25,
        "calls_13_to_19_share": 0.75,
    }  # fmt: skip
    screen.figures |= {"api/v1/people/on-duty": ["wang"], "api/v1/answers/names": {"wang": "Wang"}}
    screen.figures["api/v1/stats"] = [row]
    screen.open("en", width=1920)
    line = screen.page.get_by_test_id(f"line-{run['route']}")
    expect(line.locator("text.word", has_text="7 bins")).to_have_count(2)
    expect(line).to_contain_text("waiting 14 bins · 180 kg")
    expect(screen.page.get_by_test_id("duty")).to_contain_text("dispatcherWang")
    expect(screen.page.get_by_test_id("chain").locator("tbody td")).to_have_text(["3/9", "41 bins 2500 kg", "2400 kg"])
    for share in ("50 %", "25 %", "75 %"):
        expect(screen.page.get_by_test_id("periods").get_by_text(share)).to_have_count(2)  # of the week and the month
    expect(screen.page.get_by_test_id("sources")).to_contain_text("oldest position")


def test_a_strips_stops_stand_by_the_way_along_the_line(screen: Screen) -> None:
    """As the plan's shape has it, not as the crow flies: what is further to drive is further apart, and a truck with
    half of a way behind it is in its middle."""
    run = next(run for run in screen.picture["runs"] if run["truck"] == "t01")
    run["visits"] = [visit for visit in run["visits"] if visit["visit_number"] == 1 and visit["state"] != "skipped"]
    truck = next(row for row in screen.picture["trucks"] if row["truck"] == "t01")
    truck.update(incidents=[], fresh=True)
    shown = f"[data-testid='run-{run['run_id']}'] a.visit .reach"

    def stops() -> list[float]:
        found = screen.page.eval_on_selector_all(shown, "all => all.map((one) => Number(one.getAttribute('cx')))")
        return [after - before for before, after in itertools.pairwise(found)]

    ways = [after["along_m"] - before["along_m"] for before, after in itertools.pairwise(run["visits"])]
    assert len(ways) == 10 and min(ways) > 0
    screen.open("zh", width=3840)
    apart = stops()
    scale = (max(apart) - min(apart)) / (max(ways) - min(ways))
    for far, way in zip(apart, ways, strict=True):
        assert abs(far - min(apart) - scale * (way - min(ways))) < 1
    for visit in run["visits"][5:]:
        visit["along_m"] += 5000  # the street between two doors goes round a park
    for number, visit in enumerate(run["visits"]):
        visit["state"] = "served" if number < 5 else "pending"
    run["along_m"] = (run["visits"][4]["along_m"] + run["visits"][5]["along_m"]) // 2
    screen.later(10)
    assert stops().index(max(stops())) == 4
    lane = screen.page.eval_on_selector_all(shown, "all => all.map((one) => Number(one.getAttribute('cx')))")
    mark = float(screen.page.locator("[data-testid=mark-t01] text").get_attribute("x") or 0)
    assert abs(mark - (lane[4] + lane[5]) / 2) < 2


def test_on_a_very_wide_desk_all_grows_and_trucks_stand_where_they_are(screen: Screen) -> None:
    """Text by a third, and a truck on the map at the room where it is: the map is as wide as its place."""
    east = max(screen.picture["rooms"], key=lambda room: float(room["lon"]))
    places = [{"place": row["room"], "kind": "room", **{name: row[name] for name in ("name", "estate", "lat", "lon")}}
              for row in screen.picture["rooms"]]  # fmt: skip
    screen.figures["api/v1/plan/map"]["places"] = places
    screen.picture["trucks"][0].update(lat=east["lat"], lon=east["lon"], fresh=True, fix_at=screen.picture["at"])
    screen.open("zh", width=3840)
    shown = screen.page.get_by_test_id("room-map")
    mark = shown.locator("svg text", has_text=screen.picture["trucks"][0]["truck"]).first
    expect(mark).to_be_visible()
    box, map_box = mark.bounding_box(), shown.bounding_box()
    assert box and map_box and box["x"] + box["width"] < map_box["x"] + map_box["width"]
    assert screen.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") == 22


def test_the_streams_parts_become_the_picture_again(screen: Screen) -> None:
    """From a snapshot and from changes, row by row; a list of which nothing changed is the list it was."""
    screen.open("en")
    before, after = screen.picture, copy.deepcopy(screen.picture)
    after["at"] += 1
    after["trucks"][1]["speed_mps"] = 7.5
    after["runs"][0]["visits"][2]["state"] = "cancelled"
    after["rooms"].pop(3)
    after["incidents"][0].update(workflow="acknowledged", version=2)
    told = change(parts_of(before), parts_of(after), after["at"])
    found = screen.page.evaluate(
        """async ([snapshot, told]) => {
            const { assembly } = await import("/static/room/source.js"), held = assembly();
            const first = held.take(structuredClone(snapshot)), second = held.change(structuredClone(told));
            const same = held.change({ at: second.at + 1, set: {}, gone: {} });
            return { first: JSON.stringify(first), second: JSON.stringify(second),
                kept: first.rooms[0] === second.rooms[0],
                same: same.rooms === second.rooms && same.runs === second.runs };
        }""",
        [{"at": before["at"], "parts": parts_of(before)}, told],
    )
    assert json.loads(found["first"]) == json.loads(json.dumps(before))
    assert json.loads(found["second"]) == json.loads(json.dumps(after))
    assert found["same"] and found["kept"]


def test_a_source_that_is_not_now_is_looked_at_only(screen: Screen) -> None:
    """What comes late from a source that was left is not shown; of a picture of before nothing can be done."""
    screen.open("en")
    found = screen.page.evaluate(
        """async () => {
            const { stage } = await import("/static/room/source.js");
            const shown = [], ends = [];
            const place = stage({ onPicture: (picture) => shown.push(picture), onLost() {}, onRefused() {} });
            const made = (name, live) => (tell) => {
                made[name] = tell;
                return { live, act: live ? () => "done" : null, stop: () => ends.push(name) };
            };
            place.take(made("now", true));
            made.now.onPicture(1);
            const could = [place.live, place.acts, place.act("x")];
            place.take(made("then", false));
            made.now.onPicture(2);
            made.then.onPicture(3);
            return { shown, ends, could, can: [place.live, place.acts, place.act("x")] };
        }"""
    )
    assert found == {
        "shown": [1, 3], "ends": ["now"], "could": [True, True, "done"], "can": [False, False, None],
    }  # fmt: skip
