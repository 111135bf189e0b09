"""The map in a browser: its modules alone, then the page with trucks that move, by mouse and by keyboard alone."""

import itertools
import re
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from broker.config import BrokerConfig
from broker.store.opening import open_store
from broker.web.desk import Desk
from broker.web.server import WebServer
from tests.support.city.pictures import City
from tests.support.city.street_map import write_street_map
from tests.support.screens import axe
from tests.support.screens.browser import chromium_page

pytestmark = pytest.mark.real

SETTLES_MS = 600  # after a key, until the map is painted anew
TILE = (10, 857, 418)  # where the demo area is


# Two fingers on the map, four times as far apart at the end.
PINCH = """(part) => {
    const tell = (name, pointerId, clientX) =>
        part.dispatchEvent(new PointerEvent(name, { pointerId, clientX, clientY: 500, button: 0, bubbles: true }));
    [[1, 850], [2, 950]].forEach(([id, x]) => tell('pointerdown', id, x));
    for (let far = 50; far <= 200; far += 10) tell('pointermove', 1, 900 - far), tell('pointermove', 2, 900 + far);
    [1, 2].forEach((id) => tell('pointerup', id, 900));
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The map of the demo area with four trucks that drive, over an operator's street map."""
    folder = tmp_path_factory.mktemp("map")
    write_street_map(folder / "street.pmtiles", *TILE)
    config = BrokerConfig.model_validate(
        {"area": {"plan": "demo"}, "web": {"port": 0, "basemap": folder / "street.pmtiles"}, "playback": {"days": 0},
         "registers": {"folder": folder / "registers"}, "people": {"folder": folder / "people"}}
    )  # fmt: skip
    city, desk, over, began = City(), Desk(), threading.Event(), time.monotonic()
    store = open_store(folder / "records", area="xh", timezone="Asia/Shanghai", now=time.time)
    desk.show(city.picture(0))
    server = WebServer(config, desk, store, city.plan)
    server.start()

    def show() -> None:
        while not over.wait(0.5):
            desk.show(city.picture(time.monotonic() - began))

    showing = threading.Thread(target=show, daemon=True)
    showing.start()
    with chromium_page() as made:
        made.goto(f"http://127.0.0.1:{server.port}/map")
        expect(made.locator("[data-testid=map][data-ready]")).to_be_visible()
        yield made
    over.set()
    showing.join(5)
    server.stop()
    store.close()


def test_places_lines_and_hulls(page: Page) -> None:
    """A degree there and back; a hull without what is inside; of two passes of one street the expected one."""
    found = page.evaluate("""async () => {
        const g = await import('/static/map/geometry.js');
        const way = (points) => g.line(points.map(([lat, lon]) => g.placed(lat, lon)));
        const square = [[0, 0], [2, 0], [2, 2], [0, 2], [1, 1], [1, 0]].map(([x, y]) => ({ x, y }));
        const corners = square.slice(0, 4);
        const at = g.placed(31.19, 121.44), street = way([[0, 0], [0, 0.01], [0, 0]]), beside = g.placed(0.0001, 0.004);
        const half = g.pointAt(street, street.length / 4);
        return {
            lat: g.latitude(at.y), lon: g.longitude(at.x), metres: g.metres(at.y), length: street.length,
            hull: g.hull(square).length, one: g.hull([{ x: 1, y: 1 }]).length,
            inside: g.inside(corners, { x: 1, y: 1.5 }), out: g.inside(corners, { x: 3, y: 1 }),
            first: g.nearest(street, beside, 400).along, second: g.nearest(street, beside, 1800).along,
            beside: g.nearest(street, beside).beside, half: g.longitude(half.x), east: half.bearing,
            end: g.longitude(g.pointAt(street, 1e9).x),
        };
    }""")
    assert (found["lat"], found["lon"]) == (pytest.approx(31.19), pytest.approx(121.44))
    assert found["metres"] == pytest.approx(40_075_017 * 0.8555, rel=1e-3)
    assert found["length"] == pytest.approx(2 * 1113.2, rel=1e-3)
    assert (found["hull"], found["one"], found["inside"], found["out"]) == (4, 1, True, False)
    assert (found["first"], found["second"]) == (pytest.approx(445, abs=1), pytest.approx(1781, abs=2))
    assert found["beside"] == pytest.approx(11.1, abs=0.1)
    assert (found["half"], found["east"], found["end"]) == (pytest.approx(0.005), pytest.approx(90), pytest.approx(0))


def test_labels_do_not_overlap_and_quiet_ones_go_first(page: Page) -> None:
    """Of hundreds the weightiest has its place; one without room says it shorter; none covers another."""
    found = page.evaluate("""async () => {
        const { place } = await import('/static/map/labels.js');
        const one = { r: 4, w: 60, h: 16, weight: 1 };
        const spot = (i) => ({ ...one, id: i, x: (i * 37) % 400, y: (i * 53) % 300, weight: i === 150 ? 9 : 1 });
        const long = { ...one, x: 30, y: 30, w: 500, text: 'long', short: { text: 'short', w: 20 } };
        return [place(Array.from({ length: 300 }, (_, i) => spot(i)), 400, 300), place([long], 100, 100)];
    }""")
    many, (short,) = found
    assert 10 < len(many) < 120 and many[0]["id"] == 150
    boxes = [(one["left"], one["top"], one["left"] + one["w"], one["top"] + one["h"]) for one in many]
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]
                if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]  # fmt: skip
    assert min(box[0] for box in boxes) >= 0 and max(box[2] for box in boxes) <= 400
    assert (short["text"], short["w"]) == ("short", 20)


def test_a_truck_glides_and_is_never_far_ahead_of_its_fix(page: Page) -> None:
    """It goes on a little at its speed and then waits; a fix a little behind does not set it back at once; one beside
    the line is shown where it is."""
    found = page.evaluate("""async () => {
        const g = await import('/static/map/geometry.js'), { glide, GLIDES_M } = await import('/static/map/glide.js');
        const way = g.line([g.placed(0, 0), g.placed(0, 0.05)]), truck = glide();
        const row = (m, at, speed) => ({ lat: 0, lon: (m / 1113.2) * 0.01, fix_at: at, speed_mps: speed });
        const run = (from, to) => {
            const seen = [];
            for (let s = from; s <= to; s += 0.1) seen.push(g.nearest(way, truck.at(s)).along);
            return seen;
        };
        truck.told(row(1000, 100, 8), way, 1000);
        const first = run(100, 130);
        truck.told(row(1050, 130, 0.2), way, 1050);
        const back = run(130, 131), settled = run(131, 140);
        truck.told({ lat: 0.002, lon: 0.01, fix_at: 141, speed_mps: 3 }, way, 1100);
        run(140, 150);
        return { ahead: GLIDES_M, first, back, settled, beside: g.latitude(truck.at(150).y) };
    }""")
    first, back, settled = found["first"], found["back"], found["settled"]
    assert all(b >= a - 1e-6 for a, b in itertools.pairwise(first))
    assert first[-1] == pytest.approx(1000 + 8 * 8, abs=1) and max(first) <= 1000 + found["ahead"]
    assert min(back) == pytest.approx(first[-1], abs=0.5)
    assert settled[-1] == pytest.approx(1050, abs=1)
    assert found["beside"] == pytest.approx(0.002, rel=0.01)


def left_of(truck: Locator) -> float:
    """Where its mark begins."""
    box = truck.locator(".body").bounding_box()
    assert box is not None
    return box["x"]


def test_the_map_by_keyboard_and_mouse(page: Page) -> None:
    """Trucks move between two looks; arrows and plus move the view; what is chosen is in the address, in a card and
    read out; the street map lies beneath with its licence; nobody else is asked and axe-core finds nothing."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("localStorage.setItem('language', 'en')")
    page.reload()
    the_map, truck = page.get_by_test_id("map"), page.get_by_test_id("map-truck-t01")
    expect(page.locator("[data-testid=map][data-ready]")).to_be_visible()
    expect(truck).to_be_visible()
    expect(truck).not_to_have_attribute("transform", truck.get_attribute("transform") or "")
    expect(page.get_by_test_id("map-licence")).to_have_text("© OpenStreetMap contributors")
    page.wait_for_function("""() => [...document.querySelectorAll('.map-base canvas.leaflet-tile')].some(one => {
        const data = one.getContext('2d').getImageData(0, 0, one.width, one.height).data;
        return data.some((value, i) => i % 4 === 3 && value === 255); })""")
    the_map.focus()
    bar = page.get_by_test_id("map-bar")
    told = bar.inner_text()
    for _ in range(4):
        page.keyboard.press("+")
    expect(bar).not_to_have_text(told)
    page.keyboard.press("0")
    expect(bar).to_have_text(told)
    page.mouse.move(900, 500)
    page.mouse.wheel(0, -900)
    expect(bar).not_to_have_text(told)
    page.keyboard.press("0")
    the_map.evaluate(PINCH)
    expect(bar).not_to_have_text(told)
    page.keyboard.press("0")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(r"\?at=truck%3At0\d$"))
    expect(page.get_by_test_id("map-said")).to_contain_text(re.compile(r"t0\d"))
    expect(page.get_by_test_id("chosen")).to_contain_text("next room")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("chosen")).to_have_count(0)
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile("at=room%3A"))
    before = left_of(truck)
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(SETTLES_MS)
    assert left_of(truck) < before - 100
    page.keyboard.press("0")
    page.wait_for_timeout(SETTLES_MS)
    page.mouse.click(left_of(truck) + 8, (truck.locator(".body").bounding_box() or {"y": 0})["y"] + 8)
    expect(page.get_by_test_id("chosen")).to_contain_text("t01")
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("chosen")).to_contain_text("下一站")
    expect(bar).to_contain_text("米")
    home = page.url.split("/map")[0]
    assert [url for url in asked if not url.startswith((home, "blob:", "data:"))] == []
    assert axe.findings(page) == []


@pytest.mark.parametrize("width", [390, 3840])
def test_the_map_fits_every_window(page: Page, width: int) -> None:
    """Nothing sticks out, and the map has the window's rest."""
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    expect(page.get_by_test_id("map-truck-t01")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.get_by_test_id("map").bounding_box()
    assert box is not None and box["width"] == width and box["height"] > 600
