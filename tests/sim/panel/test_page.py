"""The virtual hardware in a real browser, on a live run: what a tester does reaches the real parts, and is kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sim.scenario.scenario import load
from sim.virtual.run import play
from tests.support.processes import wait_until
from tests.support.screens.browser import chromium_page
from tests.support.sim.live_run import SLOW_S, UP_S, LiveRun, two_rooms

pytestmark = pytest.mark.real

EXPECTED = """
[[expect]]
kind = "press_stored_once"
truck = "t01"
reason = "lane_blocked"
[[expect]]
kind = "light_stages"
truck = "t01"
stages = ["slow", "steady"]
[[expect]]
kind = "acknowledged"
truck = "t01"
[[expect]]
kind = "records_stored_once"
at_least = 10
"""
SCENARIO = two_rooms(
    "one truck, two rooms, and whatever a tester does", "06:10", {"wet-north-1": "06:01:00"}, world="jitter = 0.0",
    rest=EXPECTED,
)  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of Debian's Chromium, headless, of a laptop's size."""
    with chromium_page() as made:
        made.set_viewport_size({"width": 1280, "height": 900})
        yield made


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRun]:
    """A run of ten minutes."""
    with LiveRun(tmp_path_factory.mktemp("panel"), SCENARIO) as run:
        yield run


def test_a_tester_presses_and_rolls_and_breaks_and_what_was_done_plays_again(
    page: Page, live: LiveRun, tmp_path: Path
) -> None:
    """A press of real length makes an incident and its light; a bin is counted at the bridge; a link is cut and mended;
    the run's verdicts are those of the saved file in virtual time. Nothing is asked of any other machine.
    """
    outside: list[str] = []
    page.on("request", lambda request: None if request.url.startswith(live.panel) else outside.append(request.url))
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.goto(live.panel)
    button = page.get_by_test_id("button-t01")
    button.wait_for()

    where = button.bounding_box()
    assert where is not None
    page.mouse.move(where["x"] + where["width"] / 2, where["y"] + where["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(2000)  # the finger's own time
    page.mouse.up()
    expect(page.get_by_test_id("speed")).to_have_text("×1")
    incidents = wait_until(lambda: live.picture().get("incidents"), "the incident is on the operations screen", SLOW_S)
    assert [(row["truck"], row["reason"]) for row in incidents] == [("t01", "lane_blocked")]
    light = page.get_by_test_id("light-word-t01")
    expect(light).to_have_attribute("data-shown", "slow", timeout=SLOW_S * 1000)
    for lit in ("yes", "no", "yes"):  # the lamp in the button is its pin
        expect(page.get_by_test_id("light-t01")).to_have_attribute("data-lit", lit)
    stored_once = page.get_by_test_id("expect-press_stored_once")
    expect(stored_once).to_have_attribute("data-state", "held", timeout=SLOW_S * 1000)

    incident = incidents[0]
    seen = f"/api/v1/incidents/{incident['incident_id']}/acknowledge?truck=t01"
    assert live.deed(seen, "viewer") == 403
    assert live.deed(seen, "dispatcher") == 200
    expect(light).to_have_attribute("data-shown", "steady", timeout=SLOW_S * 1000)
    expect(page.get_by_test_id("expect-acknowledged")).to_have_attribute("data-state", "held", timeout=SLOW_S * 1000)

    before = wait_until(lambda: live.in_room("r03", "residential_dry", "count"), "the room's bins are known", SLOW_S)
    page.get_by_test_id("in-r03-residential_dry").click()
    expect(page.get_by_test_id("bins-r03-residential_dry")).to_have_text(str(before + 1))
    wait_until(
        lambda: live.in_room("r03", "residential_dry", "count") == before + 1, "the bridge counts the bin", SLOW_S
    )

    grams = wait_until(lambda: live.in_room("r01", "unit_wet", "grams"), "the room's weight is known", SLOW_S)
    page.get_by_test_id("kg-r01-unit_wet").fill(str(grams // 1000 - 40))
    page.keyboard.press("Tab")
    wait_until(
        lambda: 35_000 <= grams - (live.in_room("r01", "unit_wet", "grams") or 0) <= 45_000,
        "the bridge knows what was taken off the cell", SLOW_S,
    )  # fmt: skip

    page.locator("#r03 summary").click()
    cut = page.get_by_test_id("link_cut-r03")
    cut.click()
    expect(cut).to_have_attribute("aria-checked", "true")
    page.get_by_test_id("in-r03-residential_dry").click()
    expect(page.get_by_test_id("bins-r03-residential_dry")).to_have_text(str(before + 2))
    page.wait_for_timeout(2000)
    assert live.in_room("r03", "residential_dry", "count") == before + 1, "what is said behind a cut link is not heard"
    cut.click()
    expect(cut).to_have_attribute("aria-checked", "false")
    wait_until(
        lambda: live.in_room("r03", "residential_dry", "count") == before + 2, "what was kept is sent again", SLOW_S
    )

    with page.expect_download() as download:
        page.get_by_test_id("save").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    page.get_by_test_id("speed-60").click()
    expect(page.get_by_test_id("over")).to_be_visible(timeout=UP_S * 1000)
    shown = {
        item.get_attribute("data-testid"): item.get_attribute("data-state")
        for item in page.locator(".expectations li").all()
    }
    played = load(str(saved))
    kinds = [happening.kind for happening in played.happenings]
    assert kinds == ["press", "on_screen", "bins_moved", "waste_thrown", "link_cut", "bins_moved"]
    assert 1.5 <= played.happenings[0].values["hold_s"] <= 3.5
    again = {f"expect-{verdict.kind}": "held" if verdict.held else "failed" for verdict in play(played).verdicts}
    assert again == shown and set(again.values()) == {"held"}
    assert outside == [] and refused == []
