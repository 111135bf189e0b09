"""Bookings in the browser and by the API: a property for its estate, a crew for its truck, each for its own only."""

import base64
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import FilePayload, Page, expect

from broker.people.roles import Scope
from broker.reports.booking_evidence import PHOTO, PHOTO_NOTE
from broker.rules.dispatch.actions import Act
from broker.web.api.app import build_app
from broker.web.api.booking_photos import MOST_A_DAY, MOST_BYTES, MOST_PHOTOS
from broker.web.api.bookings import booking_router
from broker.web.api.registers.routers import router as register_router
from broker.web.pages.bookings import booking_pages
from broker.web.view.picture import snapshot
from tests.support.bridge.afternoon import Afternoon
from tests.support.bridge.direct_desk import DirectDesk
from tests.support.people import House
from tests.support.registers import open_registers
from tests.support.screens.routed_page import HOME, routed

pytestmark = pytest.mark.real  # tenths of a second each

API = "/api/v1/bookings"


class Counter:
    """The web over an afternoon, with a property of two estates, a crew and a dispatcher, each signed in."""

    def __init__(self, folder: Path) -> None:
        self.noon = Afternoon(folder / "records")
        self.noon.step(20)
        self.desk = DirectDesk()
        self.desk.morning = self.noon
        self.desk.show(snapshot(self.noon.bridge, self.noon.now))
        house = House(folder / "people")
        further = [make(self.desk, self.noon.store, self.noon.plan) for make in (booking_router, booking_pages)]
        further.append(register_router(open_registers(folder / "registers")))  # the pages' style is there
        app = build_app(self.desk, self.noon.store, further, house.gate)
        house.account("zhang", "property", scope=Scope(estates=("e01",)))
        house.account("li", "property", scope=Scope(estates=("e03",)))
        house.account("crew", "crew", scope=Scope(trucks=("t97",)))
        house.account("wang", "dispatcher")
        house.account("guest", "viewer")
        names = ("zhang", "li", "crew", "wang", "guest")
        self.of: dict[str, TestClient] = {name: house.person(app, name) for name in names}
        for client in self.of.values():
            client.headers["Accept-Language"] = "en"

    def post(self, who: str, path: str, body: dict[str, Any], **headers: str) -> Any:
        """A deed by the API: the answer."""
        return self.of[who].post(f"{API}{path}", json=body, headers=headers)

    def held(self, hour: float = 14) -> dict[str, Any]:
        """A window that Zhang holds."""
        answer = self.post("zhang", "/holds", {"pile": "p01", "truck": "t97", "from_at": self.noon.at(hour)})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    """An afternoon with the door open."""
    made = Counter(tmp_path)
    yield made
    made.noon.close()


def test_a_property_books_by_the_api_and_a_crew_accepts(counter: Counter) -> None:
    """Windows, hold, book, accept; each says the booking as it is then."""
    windows = counter.of["zhang"].get(f"{API}/windows", params={"pile": "p01", "litres": 2_000}).json()
    window = next(row for row in windows if row["from_at"] == counter.noon.at(14))
    asked = {"pile": "p01", "litres": 2_000, **{name: window[name] for name in ("from_at", "truck", "run_version")}}
    held = counter.post("zhang", "/holds", asked).json()
    assert held["held_until_at"] == int(counter.noon.now) + 300
    named = f"/{held['booking_id']}"
    asked = {"version": held["version"], "bags": 30, "note": "3rd floor"}
    booked = counter.post("zhang", f"{named}/book", asked).json()
    assert (booked["state"], booked["litres"], booked["bags"]) == ("requested", 1_500, 30)
    yes = {"version": booked["version"], "run_version": booked["run_version"]}
    assert counter.post("crew", f"{named}/accept", yes).json()["accepted_by"] == "crew"
    assert counter.post("crew", f"{named}/accept", yes).status_code == 409
    (listed,) = counter.of["zhang"].get(API).json()
    assert (listed["state"], listed["pile_name"]) == ("accepted", counter.noon.plan.piles["p01"].name)
    pile = next(row for row in counter.of["zhang"].get(f"{API}/piles").json() if row["pile_id"] == "p01")
    assert (pile["filled_litres"], pile["usual"], pile["usual_litres"]) == (1_500, True, 1_500)


def test_a_photo_of_what_lies_there_is_seen_by_who_fetches_it(counter: Counter) -> None:
    """The newest one, by its own property and truck; what is no picture is refused, and so is one that comes late."""
    booking = counter.noon.accepted(hour=14)
    photo, named = f"{API}/{booking}/photo", f"/{booking}/photo"
    assert counter.of["zhang"].get(photo).status_code == 404
    jpeg = b"\xff\xd8\xff\xe0" + bytes(300) + b"\xff\xd9"
    for wrong in ("no base64", base64.b64encode(b"GIF89a").decode(), base64.b64encode(jpeg * 2000).decode()):
        assert counter.post("zhang", named, {"jpeg": wrong}).status_code == 422
    sent = {"jpeg": base64.b64encode(jpeg).decode()}
    assert counter.post("li", named, sent).status_code == counter.post("crew", named, sent).status_code == 403
    assert counter.post("zhang", named, sent).json()["booking_id"] == booking
    seen = counter.of["crew"].get(photo)
    assert (seen.content, seen.headers["content-type"]) == (jpeg, "image/jpeg")
    assert counter.of["li"].get(photo).status_code == 403
    assert f'src="{photo}"' in counter.of["crew"].get(f"/bookings/{booking}").text
    statuses = [counter.post("zhang", named, sent).status_code for _ in range(MOST_PHOTOS)]
    assert statuses == [200] * (MOST_PHOTOS - 1) + [409]
    counter.noon.do("cancel", booking)
    assert "has not set out yet" in counter.post("zhang", named, sent).json()["detail"]


def test_a_window_that_lapses_leaves_no_photo_and_a_count_outlives_a_restart(counter: Counter) -> None:
    """Only what is booked has one; those of a day are counted from the record; the evidence reads no picture."""
    sent = {"jpeg": base64.b64encode(b"\xff\xd8\xff" + bytes(9) + b"\xff\xd9").decode()}
    held, store = counter.held(), counter.noon.store
    early = counter.post("zhang", f"/{held['booking_id']}/photo", sent)
    assert (early.status_code, list(store.scan(PHOTO))) == (409, [])
    assert "booking that is made" in early.json()["detail"]
    booked = counter.post("zhang", f"/{held['booking_id']}/book", {"version": held["version"]}).json()["booking_id"]
    key = {"Idempotency-Key": "one"}
    assert [counter.post("zhang", f"/{booked}/photo", sent, **key).status_code for _ in range(2)] == [200, 200]
    (photo,), (note,) = store.scan(PHOTO), store.scan(PHOTO_NOTE)
    assert {**note.body, "jpeg": sent["jpeg"]} == photo.body
    assert counter.of["zhang"].get(f"{API}/{booked}/evidence").json()["photo_at"] == photo.at
    earlier = [note._replace(id=f"{PHOTO_NOTE}:then:{n}", key=f"then{n}") for n in range(MOST_A_DAY - 1)]
    store.append(earlier)  # as a bridge finds them that was started since
    assert counter.post("zhang", f"/{booked}/photo", sent).status_code == 429


def test_a_photo_is_chosen_on_the_form_and_beside_what_is_booked(counter: Counter, page: Page) -> None:
    """A picture of a telephone's size is made small and sent when the window is booked; another one takes its place."""
    held, store = counter.held(), counter.noon.store
    odd = routed(page, counter.of["zhang"])
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{HOME}/bookings")
    painted = page.evaluate(
        """() => { const canvas = document.createElement("canvas"); canvas.width = 3000; canvas.height = 2000;
        const on = canvas.getContext("2d"); on.fillStyle = "teal"; on.fillRect(0, 0, 3000, 2000);
        return canvas.toDataURL("image/png").split(",")[1]; }"""
    )
    telephones = FilePayload(name="pile.png", mimeType="image/png", buffer=base64.b64decode(painted))
    chosen = page.get_by_test_id(f"photo-{held['booking_id']}")
    chosen.set_input_files(telephones)
    assert list(store.scan(PHOTO)) == []
    page.get_by_test_id("book").click()
    expect(page.get_by_test_id(f"booking-{held['booking_id']}")).to_contain_text("待接受")
    (first,) = store.scan(PHOTO)
    jpeg = base64.b64decode(first.body["jpeg"])
    assert (jpeg[:3], len(jpeg) < MOST_BYTES) == (b"\xff\xd8\xff", True)
    chosen.set_input_files(telephones)
    expect(chosen.locator("xpath=../output")).to_have_text("已上传，车组可以看到。")
    assert len(list(store.scan(PHOTO_NOTE))) == 2
    assert page.evaluate("document.querySelector('main').scrollWidth - document.querySelector('main').clientWidth") <= 0
    page.goto(f"{HOME}/bookings/{held['booking_id']}")
    shown = page.get_by_test_id("photo")
    shown.scroll_into_view_if_needed()
    expect(shown).to_have_js_property("naturalWidth", 1280)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert odd == []


def test_photos_that_come_at_once_are_no_more_than_are_kept(counter: Counter) -> None:
    """Twenty at the same moment for one booking, which keeps five."""
    named = f"/{counter.noon.accepted(hour=14)}/photo"
    sent = {"jpeg": base64.b64encode(b"\xff\xd8\xff" + bytes(9) + b"\xff\xd9").decode()}
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: counter.post("zhang", named, sent).status_code, range(20)))
    assert sorted(statuses) == [200] * MOST_PHOTOS + [409] * (20 - MOST_PHOTOS)


def test_an_estate_sends_so_many_photos_in_a_day_and_no_more(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another booking has no further ones; the day after has."""
    monkeypatch.setattr("broker.web.api.booking_photos.MOST_PHOTOS", 1000)
    named = f"/{counter.noon.accepted(hour=14)}/photo"
    sent = {"jpeg": base64.b64encode(b"\xff\xd8\xff" + bytes(9) + b"\xff\xd9").decode()}
    assert {counter.post("zhang", named, sent).status_code for _ in range(MOST_A_DAY)} == {200}
    refused = counter.post("zhang", named, sent)
    assert (refused.status_code, "try tomorrow" in refused.json()["detail"]) == (429, True)
    monkeypatch.setattr("broker.web.api.booking_photos.DAY_S", -1)
    assert counter.post("zhang", named, sent).status_code == 200


def test_nobody_books_or_sees_for_another(counter: Counter) -> None:
    """A property its estates, a crew its truck; what is another's is refused and not listed."""
    held = counter.held()
    named, body = f"/{held['booking_id']}", {"version": held["version"]}
    assert counter.of["li"].get(API).json() == []
    assert counter.of["li"].get(f"{API}/windows", params={"pile": "p01"}).status_code == 403
    assert counter.of["li"].get(f"{API}{named}/evidence").status_code == 403
    assert counter.of["li"].get(f"/bookings{named}").status_code == 403
    assert counter.post("li", "/holds", {"pile": "p01", "from_at": counter.noon.at(16)}).status_code == 403
    assert counter.post("li", "/usual", {"estate": "e01"}).status_code == 403
    for deed, more in (("book", {}), ("cancel", {}), ("change", {}), ("dispute", {"text": "x"})):
        assert counter.post("li", f"{named}/{deed}", {**body, **more}).status_code == 403, deed
    assert counter.post("zhang", f"{named}/accept", body).status_code == 403
    other = counter.post("wang", "/holds", {"pile": "p03", "truck": "t98", "from_at": counter.noon.at(15)}).json()
    asked = counter.post("wang", f"/{other['booking_id']}/book", {"version": other["version"]}).json()
    assert counter.post("crew", f"/{other['booking_id']}/accept", {"version": asked["version"]}).status_code == 403
    assert counter.of["guest"].get(API).status_code == 403
    assert counter.noon.known(held["booking_id"]).version == held["version"]


def test_a_deed_that_is_sent_again_is_done_once(counter: Counter) -> None:
    """With the same key the same answer: no second hold, no second tap."""
    body = {"pile": "p01", "truck": "t97", "from_at": counter.noon.at(14)}
    first = counter.post("zhang", "/holds", body, **{"Idempotency-Key": "k1"})
    again = counter.post("zhang", "/holds", body, **{"Idempotency-Key": "k1"})
    assert first.json() == again.json()
    tap = [counter.post("zhang", "/usual", {"estate": "e01"}, **{"Idempotency-Key": "k2"}).json() for _ in range(2)]
    assert tap[0] == tap[1]
    assert len(counter.noon.bridge.dispatch.day.bookings) == 2


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/holds", {"pile": "no", "from_at": 1_795_000_000}, 404),
        ("/holds", {"pile": "p01", "from_at": 1}, 409),
        ("/holds", {"pile": "p01", "from_at": "soon"}, 422),
        ("/holds", {"pile": "p01", "from_at": 1_795_672_800, "litres": 0}, 422),
        ("/usual", {"estate": "e02"}, 404),
        ("/usual", {"estate": "e01", "note": "x" * 501}, 422),
        ("/nothing/book", {"version": 1}, 404),
        ("/nothing/loaded", {"litres": -1}, 422),
        ("/nothing/decline", {"reason": "rain"}, 422),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    counter: Counter, path: str, body: dict[str, Any], status: int
) -> None:
    """A problem detail each; nothing is kept of it."""
    answer = counter.post("wang", path, body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"]
    assert not counter.noon.bridge.dispatch.day.bookings


def form(page: str, action: str) -> dict[str, str]:
    """The fields of the first form on a page that goes there, as they stand."""
    found = re.search(rf'<form method="post" action="{action}".*?</form>', page, re.DOTALL)
    assert found, f"there is no form for {action}"
    return dict(re.findall(r'<input[^>]*?name="(\w+)"[^>]*?value="([^"]*)"', found[0]))


def test_a_property_books_on_the_page(counter: Counter) -> None:
    """Choose a window, fill the form, see it; cancel it again. What is done twice by a nervous finger is done once."""
    page = counter.of["zhang"].get("/bookings", params={"pile": "p01", "cubic_m": "1.5"})
    assert page.status_code == 200
    asked = form(page.text, "/bookings/holds")
    for _ in range(2):
        answer = counter.of["zhang"].post("/bookings/holds", data=asked)
        assert (answer.status_code, answer.headers["location"]) == (303, "/bookings")
    (held,) = counter.of["zhang"].get(API).json()
    page = counter.of["zhang"].get("/bookings")
    assert 'data-testid="held"' in page.text and "You hold" in page.text
    assert "/static/photo.js" in page.text and "script-src 'self'" in page.headers["content-security-policy"]
    filled = {**form(page.text, f"/bookings/{held['booking_id']}/book"), "cubic_m": "2.5", "note": "<b>tiles</b>"}
    assert counter.of["zhang"].post(f"/bookings/{held['booking_id']}/book", data=filled).status_code == 303
    page = counter.of["zhang"].get("/bookings").text
    assert "&lt;b&gt;tiles" in page and "<b>tiles" not in page and "2.5 m³" in page
    cancel = form(page, f"/bookings/{held['booking_id']}/cancel")
    assert counter.of["zhang"].post(f"/bookings/{held['booking_id']}/cancel", data=cancel).status_code == 303
    again = counter.of["zhang"].post(f"/bookings/{held['booking_id']}/cancel", data=cancel)
    assert again.status_code == 303  # the same click
    late = counter.of["zhang"].post(f"/bookings/{held['booking_id']}/cancel", data={**cancel, "deed": "another"})
    assert late.status_code == 409 and "Not done" in late.text
    assert counter.noon.known(held["booking_id"]).state == "cancelled"


def test_one_tap_on_the_page_books_once(counter: Counter) -> None:
    """A second tap of the same page is the same tap."""
    tap = form(counter.of["zhang"].get("/bookings").text, "/bookings/usual")
    for _ in range(2):
        assert counter.of["zhang"].post("/bookings/usual", data=tap).status_code == 303
    (booked,) = counter.of["zhang"].get(API).json()
    assert (booked["state"], booked["pile"]) == ("requested", "p01")


def test_a_window_is_changed_on_the_page(counter: Counter) -> None:
    """The windows are those for the booking that moves."""
    booking = counter.noon.accepted(hour=14)
    page = counter.of["zhang"].get("/bookings", params={"change": booking, "pile": "p01", "cubic_m": "1"}).text
    asked = {**form(page, f"/bookings/{booking}/change"), "from_at": str(counter.noon.at(16))}
    assert counter.of["zhang"].post(f"/bookings/{booking}/change", data=asked).status_code == 303
    assert counter.noon.known(booking).from_at == counter.noon.at(16)


def test_crew_and_dispatcher_answer_on_the_page_and_the_record_is_shown(counter: Counter) -> None:
    """Accept, load, weigh; the property disputes and is answered; both see positions, times and weights."""
    noon, booking = counter.noon, counter.noon.book(hour=13)
    crew = counter.of["crew"]
    assert "one-tap" not in crew.get("/bookings").text
    yes = form(crew.get("/bookings").text, f"/bookings/{booking}/accept")
    assert crew.post(f"/bookings/{booking}/accept", data=yes).status_code == 303
    noon.until(12.9)
    noon.drive("t97", "p01")
    noon.until(13)
    noon.step(120)
    loaded = {**form(crew.get("/bookings").text, f"/bookings/{booking}/loaded"), "cubic_m": "1,4"}
    assert crew.post(f"/bookings/{booking}/loaded", data=loaded).status_code == 303
    noon.step(60)
    noon.bridge.act(Act("weigh", "station", truck="t97", waste="renovation", grams=1_234_000), noon.now)
    said = {**form(counter.of["zhang"].get("/bookings").text, f"/bookings/{booking}/dispute"), "text": "half of it"}
    assert counter.of["zhang"].post(f"/bookings/{booking}/dispute", data=said).status_code == 303
    told = {**form(counter.of["wang"].get("/bookings").text, f"/bookings/{booking}/answer"), "text": "see the weight"}
    assert counter.of["wang"].post(f"/bookings/{booking}/answer", data=told).status_code == 303
    found = counter.of["zhang"].get(f"{API}/{booking}/evidence").json()
    assert [row["state"] for row in found["versions"]][-3:] == ["completed"] * 3
    assert found["nearest_m"] is not None and found["nearest_m"] < 30
    assert found["there_until_at"] - found["there_from_at"] > 100
    assert [row["grams"] for row in found["weighings"]] == [1_234_000]
    page = counter.of["zhang"].get(f"/bookings/{booking}").text
    assert "1234 kg" in page and "see the weight" in page and "half of it" in page


def test_the_page_speaks_chinese(counter: Counter) -> None:
    """Whole, and what is refused too."""
    counter.noon.accepted(hour=14)
    page = counter.of["zhang"].get("/bookings", params={"lang": "zh"}).text
    assert "装修垃圾预约" in page and "已接受" in page and "一键叫车" in page
    assert "Windows" not in page
    refused = counter.of["zhang"].post("/bookings/b1/cancel?lang=zh", data={"version": "1"})
    assert refused.status_code == 409 and "未办成" in refused.text


BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def test_what_another_has_is_refused_as_a_page_in_one_language(counter: Counter) -> None:
    """A browser gets no JSON, and a Chinese page no English reason; a program gets its problem details."""
    held, li = counter.held(), counter.of["li"]
    for path, status, told in (
        (f"/bookings/{held['booking_id']}", 403, "li 不负责 小区 e01, 车辆 t97"), ("/bookings/none", 404, "没有预约"),
    ):  # fmt: skip
        page = li.get(path, params={"lang": "zh"}, headers=BROWSER)
        assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert told in page.text and "does not" not in page.text and "no such" not in page.text
    deed = li.post(f"/bookings/{held['booking_id']}/cancel?lang=zh", data={"version": "1"}, headers=BROWSER)
    assert deed.status_code == 403 and "<html" in deed.text
    program = li.get(f"{API}/{held['booking_id']}/evidence", headers=BROWSER)
    assert program.status_code == 403 and program.headers["content-type"] == "application/problem+json"


def test_why_there_is_no_window_or_no_deed_is_said_in_the_readers_language(counter: Counter) -> None:
    """The reason too, not only that it is not so."""
    zhang, booking = counter.of["zhang"], counter.noon.accepted(hour=14)
    full = zhang.get("/bookings", params={"pile": "p01", "cubic_m": "49", "lang": "zh"}).text
    assert "放不下 49 立方米" in full and "the pile has" not in full
    old = zhang.post(f"/bookings/{booking}/cancel?lang=zh", data={"version": "99"}).text
    assert "别人已改动此预约" in old and "somebody" not in old
