"""The page of what was learnt of a route: what is believed, how often it was seen, how its calls came out."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from broker.rules.arrival.believed import believed
from broker.web.pages.rendering import STATIC
from tests.support.bridge.whole_web import WholeWeb
from tests.support.screens.browser import chromium_page

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """A morning with two rooms served, the truck at the third."""
    made = WholeWeb(tmp_path_factory.mktemp("street"), served=3)
    made.morning.store.now = lambda: made.morning.now  # type: ignore[method-assign]
    yield made
    made.morning.close()


@pytest.fixture
def viewer(street: WholeWeb) -> Iterator[TestClient]:
    """Who may look."""
    with street.house.machine(street.app, "viewer") as client:
        yield client


def rows(page: str, table: str) -> list[list[str]]:
    """The cells of one table of a page."""
    body = page.split(f'data-testid="{table}"')[1].split("</table>")[0]
    return [re.findall(r"<td[^>]*>(?:<a [^>]*>)?([^<]*)", row) for row in body.split("<tr>")[2:]]


def page_of(client: TestClient, path: str, language: str = "en") -> str:
    """A page's text."""
    answer = client.get(f"{path}?lang={language}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_routes_page_has_each_drive_and_stay_with_how_often_it_was_seen(street: WholeWeb, viewer: TestClient) -> None:
    """As many as the plan has; what was seen this morning says so, and so does the rest."""
    morning = street.morning
    page = page_of(viewer, f"/learned/{morning.route.route_id}")
    legs, stays = rows(page, "legs"), rows(page, "stays")
    order = [visit.room_id for visit in morning.trip.visits]
    assert len(stays) == len(set(order)) and len(legs) >= len(set(order)) - 1
    assert [row[2] for row in stays[:4]] == ["a little"] * 2 + ["not seen"] * 2
    assert [row[3] for row in stays[:4]] == ["1", "1", "0", "0"]
    seen = [row for row in legs if row[5] != "0"]
    assert len(seen) == 2 and {row[4] for row in seen} == {"a little"}
    assert rows(page, "start")[0][1:3] == ["a little", "1"]
    assert [row[0] for row in rows(page, "bands")] == ["5", "10", "20", "30"]


def test_the_streets_of_a_route_are_told_hundred_metres_by_hundred(street: WholeWeb, viewer: TestClient) -> None:
    """How fast it is there as usual and now, and whether a truck was there this morning."""
    morning = street.morning
    page = page_of(viewer, f"/learned/{morning.route.route_id}")
    pieces, legs = rows(page, "streets"), rows(page, "legs")
    assert {tuple(row[:2]) for row in pieces} == {tuple(row[:2]) for row in legs}
    metres = [[int(end) for end in row[2].split("–")] for row in pieces]
    assert all(50 <= until - since <= 150 for since, until in metres)
    assert 0 < sum(row[5] == "driven" for row in pieces) < len(pieces)
    assert all(float(row[3]) > 0 and float(row[4]) > 0 for row in pieces)


def test_a_routes_calls_are_scored_on_its_page_and_on_that_of_all_routes(street: WholeWeb, viewer: TestClient) -> None:
    """Each room that was called, and the routes by how far their calls were off."""
    route = street.morning.route.route_id
    called = {record.body["room"] for record in street.morning.store.scan("call") if record.body["route"] == route}
    assert len(rows(page_of(viewer, f"/learned/{route}"), "by-room")) == len(called) > 2
    whole = page_of(viewer, "/learned")
    assert f'href="/learned/{route}"' in whole
    others = whole.split('data-testid="rest"')[-1].count("<li>")
    assert len(rows(whole, "routes")) + others == len(street.morning.plan.routes)


def test_both_pages_speak_both_languages_and_no_route_is_refused(viewer: TestClient, street: WholeWeb) -> None:
    """In words of ours, with the plan's names."""
    for path in ("/learned", f"/learned/{street.morning.route.route_id}"):
        assert "What was learnt" in page_of(viewer, path) and "所学" in page_of(viewer, path, "zh")
    for odd in ("moon", "moon/2", "%2e%2e", "x%00"):
        assert viewer.get(f"/learned/{odd}").status_code == 404, odd
    with street.house.machine(street.app, "registrar") as registrar:
        assert registrar.get("/learned").status_code == 403


def test_nothing_of_the_pages_is_cut_on_a_desk_or_on_a_phone(street: WholeWeb, viewer: TestClient) -> None:
    """In both languages: no text beyond the edge, no page to be pushed sideways."""
    css = (STATIC / "registers.css").read_text(encoding="utf-8")
    with chromium_page() as page:
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            for path in ("/learned", f"/learned/{street.morning.route.route_id}"):
                for language in ("en", "zh"):
                    text = page_of(viewer, path, language)
                    page.set_content(re.sub('<link rel="stylesheet"[^>]*>', f"<style>{css}</style>", text))
                    assert page.evaluate(BEYOND) == [], (width, path, language)


BEYOND = """() => [...document.querySelectorAll('h1, h2, p, th, td')].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width && (box.right > document.documentElement.clientWidth + 0.5 || box.left < -0.5);
}).map((one) => one.textContent)"""


def test_what_is_believed_follows_what_is_learnt(street: WholeWeb) -> None:
    """The page asks what the predictions ask."""
    day = street.morning.bridge.dispatch.day
    route, now = street.morning.route.route_id, int(street.morning.now)
    found = believed(day.plan, day.history, route, now)
    outlook = day.history.outlook(route, now)
    for stay in found.stays:
        assert stay.stay_s == round(outlook.dwell_s(stay.room, street.morning.waste, None))
        assert stay.is_known == outlook.knows_stay(stay.room, street.morning.waste)
    assert {stay.is_known for stay in found.stays} == {True, False}
    assert all(band.early_s < band.late_s for band in found.bands)
