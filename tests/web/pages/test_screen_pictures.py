"""The operations screen over pictures made by hand: what stays in place, what is said, and in which language."""

import itertools
import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from broker.web.view.picture import snapshot
from firmware import wire
from tests.support.bridge.morning import Morning
from tests.support.screens.made_screen import HOME, Screen, clock

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def morning_picture(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A truck under way that broke down, as the bridge shows it."""
    morning = Morning(tmp_path_factory.mktemp("records"))
    morning.say("life", {"life": "ready", "fw": "1.0.0"}, device="r01")
    morning.serve(0)
    morning.press("breakdown")
    morning.step(2)
    picture = snapshot(morning.bridge, morning.now)
    morning.close()
    room = next(room for room in picture["rooms"] if room["room"] == "r01")
    room["life"] = "ready"
    room["lamps"] = [{"waste": "any", "lamp": "due", "lit": True, "call_id": None}]
    return picture


@pytest.mark.real
def test_a_picture_that_cannot_be_made_anew_is_said_to_be_old(screen: Screen) -> None:
    """In red, with the time it is of, in both languages, until there is a new one."""
    screen.open("zh")
    line = screen.page.get_by_test_id("old")
    expect(line).to_be_hidden()
    screen.picture["old_since_at"] = since = screen.picture["at"]
    screen.later(70)
    expect(line).to_contain_text(f"{clock(since)} 的情况")
    assert line.get_attribute("role") == "alert"
    screen.page.get_by_test_id("language").click()
    expect(line).to_contain_text(f"as they were at {clock(since)}")
    screen.picture["old_since_at"] = None
    screen.later(1)
    expect(line).to_be_hidden()


def strips(screen: Screen) -> Any:
    """The first run's scrolling part."""
    return screen.page.locator(".run .scroll").first


@pytest.mark.real
def test_a_broker_that_is_gone_is_said_in_red(screen: Screen) -> None:
    """A line says since when, and after 90 s no lamp is shown as known."""
    since = screen.picture["at"]
    screen.picture["link"] = {"up": False, "since_at": since}
    values = {"at": since, "no_data_s": wire.NO_DATA_S}
    screen.open("zh")
    line, lamp = screen.page.get_by_test_id("link"), screen.page.locator("[data-testid^=lamp-r01-]").first
    screen.later(5)
    expect(line).to_be_hidden()
    screen.picture["health"] = [{"word": "link_lost", "level": "severe", "why": "refused", "values": values}]
    screen.later(15)
    expect(line).to_contain_text("与消息服务器断开")
    expect(line).to_contain_text(f"最迟 {wire.NO_DATA_S} 秒后")
    expect(line).to_contain_text(clock(since))
    expect(line).to_contain_text("refused")
    assert line.get_attribute("role") == "alert"
    expect(lamp).to_have_text("请出桶")
    screen.later(80)
    expect(lamp).to_have_text("无数据")
    screen.page.get_by_test_id("language").click()
    expect(line).to_contain_text("No connection to the message broker since")
    screen.picture["link"] = {"up": True, "since_at": screen.picture["at"]}
    screen.picture["health"] = []
    screen.later(1)
    expect(line).to_be_hidden()
    expect(lamp).to_have_text("due")


@pytest.mark.real
def test_each_reason_of_ill_health_has_a_sentence_in_both_languages(screen: Screen) -> None:
    """What is wrong is said, worst in red; what is only worth knowing is not red."""
    screen.open("zh")
    line = screen.page.get_by_test_id("link")
    for word, zh, en in (
        ("broker_silent", "没有应答", "has not answered"), ("heartbeat_lost", "心跳", "heartbeat"),
        ("store_trouble", "无法入库", "Nothing can be stored"),
        ("record_damaged", "记录有损坏", "The record is damaged"),
        ("plan_over", "何时到", "Nobody knows by the plan"), ("loop_stuck", "没有作出决定", "decided nothing"),
        ("picture_late", "没有更新画面", "shown nothing new"),
        ("broker_note", "消息服务器的情况", "About the message broker"),
        ("outside_late", "未能通知外部接收方 phones", "Not told outside: phones"),
    ):  # fmt: skip
        level = "warning" if word in ("broker_note", "outside_late") else "severe"
        values = {"seconds": 7, "no_data_s": wire.NO_DATA_S, "why": "row 3", "name": "phones", "waiting": 2, "dead": 0}
        screen.picture["health"] = [{"word": word, "level": level, "why": "", "values": values}]
        screen.later(1)
        for text in (zh, en):
            expect(line).to_contain_text(text)
            expect(line).to_have_class("warning" if level == "warning" else "")
            screen.page.get_by_test_id("language").click()


def test_a_strip_pushed_aside_stays_there(screen: Screen) -> None:
    """On a phone each new picture is drawn under the finger."""
    screen.open("en", width=390)
    strips(screen).evaluate("part => part.scrollLeft = 250")
    for visit in screen.picture["runs"][0]["visits"]:
        visit["eta_at"] = (visit["eta_at"] or screen.picture["at"]) + 7
    screen.later(2)
    assert strips(screen).evaluate("part => part.scrollLeft") == 250


def test_a_press_that_nobody_has_seen_sounds_after_fifteen_seconds(screen: Screen) -> None:
    """On the operations room, once its reader has switched that on; not a second before."""
    screen.page.add_init_script("""window.rung = 0; const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...at) { window.rung += 1; return start.apply(this, at); };""")
    told_at = screen.picture["at"] - 5
    for incident in screen.picture["incidents"]:
        for row in incident["answers"]:
            row["told_at"] = told_at
    screen.open("en")
    screen.page.get_by_test_id("sound").click()
    screen.later(screen.picture["limits"]["sound_s"] - 6)
    assert screen.page.evaluate("window.rung") == 0
    screen.later(1)
    screen.page.wait_for_function("window.rung > 0")
    screen.page.get_by_test_id("sound").click()  # off again: the page is the next test's too


def test_an_offer_says_how_sure_the_extra_trucks_coming_is(screen: Screen) -> None:
    """Assumed is not read as known; each of the four in the reader's language."""
    offers = screen.picture["incidents"][0]["offers"]
    index = next(at for at, offer in enumerate(offers) if offer["extra"])
    screen.open("en")
    screen.page.get_by_test_id(f"offer-{index}").locator("summary").click()
    told = screen.page.get_by_test_id(f"extra-{index}")
    for by, text in (("position", "by where it is now"), ("last_seen", "heard last at"), ("yard", "from its yard"),
                     ("assumed", "t99 is assumed to be there at")):  # fmt: skip
        offers[index]["extra"] |= {"by": by, "seen_at": screen.picture["at"] - 600}
        screen.later(1)
        expect(told).to_contain_text(text)


def test_an_open_offer_stays_open_while_its_times_move(screen: Screen) -> None:
    """New minutes are written into the offer that is being read, also when the incident changes; its id is sent."""
    incident = screen.picture["incidents"][0]
    offer = next(o for o in incident["offers"] if all(c["to_truck"] != "extra" for c in o["changes"]))
    index = incident["offers"].index(offer)
    screen.open("en")
    part = screen.page.get_by_test_id(f"offer-{index}")
    part.locator("summary").click()
    offer["detour_s"] += 660
    for change in offer["changes"]:
        change["after_at"] += 660
    before = part.locator("summary").inner_text()
    screen.later(30)
    incident.update(workflow="acknowledged", version=incident["version"] + 1)
    screen.later(1)
    expect(screen.page.locator(".incident.acknowledged")).to_be_visible()
    assert part.evaluate("part => part.open")
    assert part.locator("summary").inner_text() != before
    part.get_by_role("button").click()
    screen.later(1)
    (path, body) = screen.posted[-1]
    assert path.endswith("/decide") and body["offer"] == offer["id"] and body["version"] == incident["version"]


def test_on_a_wall_options_are_told_without_a_button(screen: Screen) -> None:
    """What each costs, in a line; whoever decides sits at a desk."""
    screen.page.set_viewport_size({"width": 3840, "height": 2160})
    screen.page.goto(f"{HOME}?wall=3m")
    screen.drawn()
    offer = screen.page.get_by_test_id("offer-0")
    expect(offer.locator("summary")).to_be_visible()
    assert offer.locator("button:visible").count() == 0
    screen.page.goto(HOME)


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("zh", 1280), ("en", 390), ("zh", 390)])
def test_names_on_a_strip_are_whole_and_apart(screen: Screen, language: str, width: int) -> None:
    """Twelve rooms with long names: each can be told from the next, and none runs into it."""
    run = max(screen.picture["runs"], key=lambda run: len(run["visits"]))
    assert len(run["visits"]) == 12
    screen.open(language, width)
    shown = screen.page.evaluate(
        """route => [...document.querySelectorAll(`[data-testid="line-${route}"] g.name > text:first-of-type`)].map(
            text => [[...text.children].map(line => line.textContent), text.getBoundingClientRect().toJSON()])""",
        run["route"],
    )
    assert len(shown) == 12
    for visit, (lines, _) in zip(run["visits"], shown, strict=True):
        name = visit["name"].split(" / ")[0 if language == "zh" else 1]
        assert "".join(lines).replace(" ", "") == name.replace(" ", "")
    boxes = [box for _, box in shown]
    assert boxes[0]["left"] >= 0
    assert [(one, other) for one, other in itertools.pairwise(boxes) if one["right"] >= other["left"]] == []


def test_a_name_of_many_words_keeps_both_ends(screen: Screen) -> None:
    """Of a name too long for its place the middle goes."""
    run = max(screen.picture["runs"], key=lambda run: len(run["visits"]))
    run["visits"][3]["name"] = "x / The Second Estate of the Old Canal Workers Behind the Northern Market West Gate"
    screen.open("en", 1280)
    strip = screen.page.get_by_test_id(f"line-{run['route']}")
    lines = strip.locator("g.name").nth(3).locator("tspan").all_text_contents()
    assert len(lines) == 3 and lines[0].startswith("The Second")
    assert lines[2].startswith("…") and lines[2].endswith("West Gate")


def test_one_language_at_a_time(screen: Screen) -> None:
    """Tooltips too speak the language that was chosen; a strip has a name for who cannot see it."""
    for language, foreign in (("zh", r"[A-Za-z]{4}"), ("en", r"[\u4e00-\u9fff]")):
        screen.open(language)
        tips = screen.page.evaluate(
            "[...document.querySelectorAll('main title')].map(t => t.textContent)"
            ".concat([...document.querySelectorAll('main [title]')].map(t => t.title))"
            ".concat([...document.querySelectorAll('main svg[aria-label]')].map(t => t.getAttribute('aria-label')))"
        )
        assert len(tips) > 20
        assert [tip for tip in tips if re.search(foreign, tip)] == []
    assert strips(screen).locator("svg").get_attribute("aria-label") == "Wet waste, north · t01"


def test_what_is_not_translated_is_announced(screen: Screen) -> None:
    """On the Chinese screen the bridge's own English words stand behind a sentence that says what happened."""
    screen.picture["data"]["trouble"] = "No space left on device"
    screen.answer = (409, json.dumps({"detail": "版本 1 已旧"}))
    screen.open("zh")
    expect(screen.page.get_by_test_id("sources")).to_contain_text("暂时无法入库 (系统原文：No space left on device)")
    screen.page.locator("[data-testid^=acknowledge-]").click()
    expect(screen.page.locator("#said")).to_have_text("情况已经变了，请再看一遍 (版本 1 已旧)")


def test_visits_that_a_run_owes_are_settled_from_the_list(screen: Screen) -> None:
    """Each visit of a run that is long over has its two buttons; what is settled leaves the list."""
    run = next(run for run in screen.picture["runs"] if run["truck"] == "t01")
    about = {"truck": "t01", "run": run["run_id"], "count": 12}
    row = {"id": f"owes/{run['run_id']}", "since": screen.picture["at"] - 86400, "word": "run_owes", "values": about}
    screen.picture["attention"] = [row]
    for visit in run["visits"][:-2]:
        visit["state"] = "served"
    screen.open("en")
    last = run["visits"][-1]
    listed = screen.page.locator("#attention")
    expect(listed).to_contain_text("2026-11-22 ")
    expect(listed).to_contain_text("is over, visits not settled: 2")
    screen.page.get_by_test_id(f"serve-{last['id']}").click()
    screen.page.get_by_test_id(f"skip-{last['id']}").click()
    path = f"api/v1/runs/{run['run_id']}/visits/{last['room']}/1"
    screen.later(1)
    assert screen.posted == [(f"{path}/serve", {}), (f"{path}/skip", {"reason": "other"})]
    last["state"] = "served"
    screen.later(1)
    expect(screen.page.get_by_test_id(f"serve-{last['id']}")).to_have_count(0)
    expect(listed).to_contain_text("not settled: 1")


def alarm_row(screen: Screen, **changes: Any) -> dict[str, Any]:
    """An alarm as the bridge shows it."""
    return {
        "alarm_id": "0123456789abcdef", "about": "part/t01/button", "topic": "part", "word": "button_dead",
        "level": "severe", "values": {"truck": "t01"}, "since": screen.picture["at"], "state": "unseen_active",
        "active": True, "version": 4, "announced_at": screen.picture["at"], "seen_at": None, "who": None, "until": None,
        "why": None, "of_device": True, **changes,
    }  # fmt: skip


def test_an_alarm_is_seen_explained_and_put_on_the_shelf(screen: Screen) -> None:
    """With its version; what was unfolded stays so, and what is on the shelf goes aside with its end."""
    screen.picture["attention"], screen.picture["alarms"] = [], [alarm_row(screen)]
    screen.open("en")
    row = screen.page.get_by_test_id("alarm-part/t01/button")
    expect(row).to_contain_text("the button does not work")
    row.get_by_text("What to do").click()
    expect(row).to_contain_text("Send the technician before the next run.")
    screen.page.get_by_test_id("see-part/t01/button").click()
    screen.picture["alarms"] = [alarm_row(screen, state="seen_active", version=5, who="wang")]
    screen.later(1)
    expect(row).to_contain_text("seen (wang)")
    expect(row.get_by_text("Send the technician before the next run.")).to_be_visible()
    screen.page.get_by_test_id("shelve_1800-part/t01/button").click()
    path = "api/v1/alarms/0123456789abcdef"
    until = screen.picture["at"] + 1800
    screen.picture["alarms"] = [alarm_row(screen, state="shelved", version=6, who="wang", until=until)]
    screen.later(1)
    assert screen.posted == [(f"{path}/see", {"version": 4}), (f"{path}/shelve", {"version": 5, "shelf_s": 1800})]
    expect(screen.page.locator("#attention")).not_to_contain_text("button")
    screen.page.get_by_text("On the shelf or out of service (1)").click()
    expect(screen.page.get_by_test_id("aside")).to_contain_text(f"on the shelf until {clock(until)} (wang)")
    screen.page.get_by_test_id("unshelve-part/t01/button").click()
    screen.later(1)
    assert screen.posted[-1] == (f"{path}/unshelve", {"version": 6})


def test_what_is_gone_and_was_not_seen_is_on_the_list_and_what_is_seen_and_gone_is_not(screen: Screen) -> None:
    """In the words that it had, and in both languages."""
    gone = alarm_row(screen, state="gone_unseen", active=False)
    screen.picture["attention"], screen.picture["alarms"] = [], [gone]
    screen.open("zh")
    expect(screen.page.locator("#attention")).to_contain_text("已消失，没人看到")
    screen.picture["alarms"] = [alarm_row(screen, state="seen_active", active=False)]
    screen.later(1)
    expect(screen.page.locator("#attention")).to_be_empty()


def test_a_press_says_what_it_means_and_what_to_do(screen: Screen) -> None:
    """Beside the buttons for it."""
    screen.open("zh")
    card = screen.page.locator(".incident").first
    card.get_by_text("怎么办").click()
    expect(card).to_contain_text("没有好方案就请清运公司另派车")


def test_nothing_under_the_veil_can_be_pressed(screen: Screen) -> None:
    """What is veiled is old: the veil is read out with the day of the last data, and no button answers."""
    screen.open("zh")
    screen.page.unroute_all()
    screen.page.route(f"{HOME}**", lambda route: route.abort())
    veil = screen.page.get_by_test_id("veil")
    expect(veil).to_be_visible(timeout=9000)
    assert veil.get_attribute("role") == "alert"
    assert re.search(r"最后数据：2026-11-23 \d\d:\d\d:\d\d", veil.inner_text())
    assert screen.page.evaluate("[document.querySelector('main').inert, document.querySelector('header').inert]") == [
        True, True,
    ]  # fmt: skip


@pytest.mark.real
def test_a_day_off_is_said_in_one_line(screen: Screen) -> None:
    """In the reader's language, with the next day; on a day with runs there is no such line."""
    screen.open("zh")
    line = screen.page.get_by_test_id("day-off")
    expect(line).to_be_hidden()
    screen.picture["plan"] = {**screen.picture["plan"], "state": "day_off", "next_day": "2026-11-25"}
    screen.later(1)
    expect(line).to_have_text("今天没有清运车运行；下一个运行日是 2026-11-25")
    screen.page.get_by_test_id("language").click()
    expect(line).to_have_text("Today no truck runs; the next day is 2026-11-25")


@pytest.mark.real
def test_a_plan_that_has_ended_is_on_the_list(screen: Screen) -> None:
    """With its last day, what it means for the lamps, and what to do."""
    row = {"id": "plan/whole", "topic": "plan", "subject": "whole", "level": "severe", "since": screen.picture["at"],
           "word": "plan_ended", "values": {"last_day": "2026-11-22"}}  # fmt: skip
    screen.picture["attention"] = [row]
    screen.open("en")
    expect(screen.page.locator("#attention")).to_contain_text("The plan ended on 2026-11-22")
    screen.page.get_by_test_id("language").click()
    expect(screen.page.locator("#attention")).to_contain_text("计划已于 2026-11-22 结束")
