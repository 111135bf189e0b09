"""The stop's sign: next trucks by kind for whoever has its code, and codes that can be withdrawn."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.people.attempts.limits import LOOKS, WRONG_KEYS
from broker.web.signs.board import board
from broker.web.signs.codes import FILE, SignCodes
from tests.support.bridge.whole_web import WholeWeb
from tests.support.people import PASSWORD

pytestmark = pytest.mark.real  # tenths of a second each

NOON = 1_795_374_000
PAGE = {"Accept": "text/html"}


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WholeWeb]:
    """A bridge with a truck under way."""
    made = WholeWeb(tmp_path, served=1)
    yield made
    made.morning.close()


def codes_of(web: WholeWeb) -> SignCodes:
    """The codes as the bridge keeps them."""
    return SignCodes(web.house.people.folder, web.morning.plan.rooms)


def call(**changes: Any) -> dict[str, Any]:
    """A visit that is believed to come ten minutes late."""
    row = {"id": "x", "waste": "wet", "state": "pending", "held": False, "label": "live", "planned_at": NOON + 600}
    return {**row, "eta_at": NOON + 1200, "arrived_at": None, "due_at": None, **changes}


def shown(*calls: dict[str, Any], later: tuple[int, ...] = (), known: bool = True) -> Any:
    """What the sign says of one kind; by the timetable the next one is tomorrow."""
    rows = [{"waste": "wet", "planned_at": at} for at in later]
    (found,) = board(["wet"], calls, rows, lambda _waste, after_at: after_at + 86_400, NOON, known=known)
    return found


def test_a_sign_says_what_comes_next_when_and_how_late() -> None:
    """A truck on its way, one that was called, one that is held, one that stands here; then the timetable."""
    on_its_way = shown(call(), later=(NOON + 7200,))
    assert (on_its_way.state, on_its_way.in_minutes, on_its_way.late_minutes) == ("coming", 20, 10)
    assert on_its_way.after == (NOON + 7200,)
    assert shown(call(state="due")).state == "due" and shown(call(state="due", held=True)).state == "held"
    here = shown(call(), call(id="y", state="at_stop", arrived_at=NOON - 60))
    assert (here.state, here.at, here.in_minutes) == ("at_stop", NOON - 60, None)
    assert shown(call(eta_at=NOON + 660)).late_minutes is None
    assert shown(call(eta_at=NOON + 300)).late_minutes == -5
    tomorrow = shown(call(state="served", arrived_at=NOON - 600))
    assert (tomorrow.state, tomorrow.at) == ("another_day", NOON + 86_400)


def test_what_nobody_knows_is_not_shown_as_known() -> None:
    """Without a picture of now, or of a truck that nobody hears: the timetable, and no "late by"."""
    for sign in (shown(call(), known=False), shown(call(eta_at=None))):
        assert (sign.state, sign.at, sign.late_minutes) == ("by_timetable", NOON + 600, None)
    assert shown(call(label="timetable", eta_at=NOON + 600)).state == "by_timetable"
    assert shown(call(label="timetable", state="due")).state == "due"


def test_a_code_is_the_same_for_ever_until_it_is_renewed_or_withdrawn(tmp_path: Path) -> None:
    """Nobody guesses one; after a restart it is what was printed; an old one opens nothing."""
    codes = SignCodes(tmp_path, ("r01", "r02"))
    first = codes.codes()
    assert first["r01"] != first["r02"] and all(re.fullmatch("[a-z2-7]{16}", code) for code in first.values())
    assert SignCodes(tmp_path, ("r01", "r02", "r03")).codes()["r01"] == first["r01"]
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert codes.room_of(first["r01"].upper()) == "r01" and codes.room_of("a" * 16) is None
    codes.renew("r01", "wang", NOON)
    assert codes.room_of(first["r01"]) is None and codes.room_of(codes.codes()["r01"]) == "r01"
    codes.withdraw("r01", "wang", NOON)
    assert "r01" not in codes.codes() and codes.changes()["r01"].by == "wang"
    codes.renew("r01", "wang", NOON)
    assert codes.codes()["r01"] != first["r01"] and codes.codes()["r02"] == first["r02"]


def test_anybody_with_the_code_reads_the_sign_and_nothing_personal_is_on_it(web: WholeWeb) -> None:
    """Without signing in, in both languages: kinds and times of this room; no truck, no name, no way further in."""
    visit = web.morning.trip.visits[2]
    code = codes_of(web).codes()[visit.room_id]
    anybody = web.house.stranger(web.app)
    for language, word in (("zh", "居民湿"), ("en", "wet")):
        answer = anybody.get(f"/sign/{code}?lang={language}", headers=PAGE)
        assert answer.status_code == 200 and word in answer.text and 'data-testid="as-of"' in answer.text
        assert answer.text.count('data-testid="kind-') == len(web.morning.plan.rooms[visit.room_id].wastes)
        assert not re.search(r"\bt\d\d\b|wang|<nav", answer.text)
        assert answer.headers["Cache-Control"] == "no-store"
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "按时刻表" in anybody.get(f"/sign/{code}?lang=zh", headers=PAGE).text


def test_a_wrong_code_says_what_to_do_and_cannot_be_guessed_at(web: WholeWeb) -> None:
    """404 with advice; after some dozens of them 429, while a right one is read on."""
    anybody = web.house.stranger(web.app, "198.51.100.7")
    code = codes_of(web).codes()["r01"]
    wrong = anybody.get("/sign/abcdefghijklmnop?lang=en", headers=PAGE)
    assert wrong.status_code == 404 and "Scan the sign that hangs at the bin room now" in wrong.text
    statuses = [anybody.get(f"/sign/{number}", headers=PAGE).status_code for number in range(WRONG_KEYS.amount + 1)]
    assert set(statuses) == {404, 429} and statuses[-1] == 429
    assert anybody.get(f"/sign/{code}", headers=PAGE).status_code == 200
    seen = [anybody.get(f"/sign/{code}", headers=PAGE).status_code for _ in range(LOOKS.amount)]
    assert set(seen) == {200, 429}
    assert web.house.stranger(web.app, "203.0.113.9").get(f"/sign/{code}", headers=PAGE).status_code == 200


def test_a_dispatcher_prints_codes_and_takes_one_back(web: WholeWeb) -> None:
    """Each room's card has its address drawn; a code that was renewed opens nothing, and the page says by whom."""
    web.house.account("zhou", "dispatcher")
    client = web.house.person(web.app, "zhou")
    client.headers["Accept"] = "text/html"
    page = client.get("/signs?lang=en").text
    rooms = web.morning.plan.rooms
    assert page.count('class="sign"') == page.count("<svg") == len(rooms)
    before = codes_of(web).codes()["r01"]
    assert f"/sign/{before}" in page and 'data-testid="here-only"' in page
    assert client.post("/signs/r01", data={"op": "renew", "sure": "yes", "deed": "d1"}).status_code == 303
    after = codes_of(web).codes()["r01"]
    assert web.house.stranger(web.app).get(f"/sign/{before}", headers=PAGE).status_code == 404
    assert after != before and "zhou" in client.get("/signs").text
    assert client.post("/signs/r01", data={"op": "withdraw", "sure": "yes", "deed": "d2"}).status_code == 303
    assert client.get("/signs").text.count("<svg") == len(rooms) - 1
    assert client.post("/signs/nowhere", data={"op": "renew", "deed": "d3"}).status_code == 404
    one = client.get("/signs?estate=e01").text
    assert one.count('class="sign"') == sum(room.estate_id == "e01" for room in rooms.values())
    assert client.get("/signs?estate=x").status_code == 404


@pytest.mark.parametrize(
    "form", [{}, {"op": ""}, {"op": "renew"}, {"op": "withdraw"}, {"sure": "yes"}, {"op": "x", "sure": "yes"}]
)
def test_a_sign_that_hangs_somewhere_is_renewed_by_name_and_for_sure(web: WholeWeb, form: dict[str, str]) -> None:
    """An empty form, or one without the tick, changes nothing; a room without a sign gets one without a tick."""
    web.house.account("zhou", "dispatcher")
    client, before = web.house.person(web.app, "zhou"), codes_of(web).codes()["r01"]
    assert client.post("/signs/r01", data={**form, "deed": "d1"}).status_code == 422
    assert codes_of(web).codes()["r01"] == before
    assert client.post("/signs/r01", data={"op": "withdraw", "sure": "yes", "deed": "d2"}).status_code == 303
    assert client.post("/signs/r01", data={"op": "renew", "deed": "d3"}).status_code == 303
    assert codes_of(web).codes()["r01"] != before


def test_wrong_codes_of_a_sign_keep_no_link_and_no_token_out(web: WholeWeb) -> None:
    """Each kind is counted by itself: a phone that scans an old sign, a person with a one-time link, a machine."""
    anybody = web.house.stranger(web.app, "198.51.100.7")
    for number in range(WRONG_KEYS.amount + 1):
        anybody.get(f"/sign/{number}", headers=PAGE)
    assert anybody.get("/sign/x", headers=PAGE).status_code == 429
    key = web.house.people.add("neu", "neu", ("viewer",))
    words = {"key": key, "account": "neu", "name": "neu", "password": PASSWORD, "again": PASSWORD}
    here = {"Origin": "http://127.0.0.1"}
    assert anybody.post("/welcome", data={"key": "wrong"}, headers=here).status_code == 401
    assert anybody.post("/welcome", data=words, headers=here).status_code == 303
    wrong = anybody.get("/api/v1/picture", headers={"Authorization": "Bearer m1.no"})
    assert wrong.status_code == 401
