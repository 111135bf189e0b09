"""The door over HTTP: signing in and out, links, tokens, this machine, and how often and how much."""

import html
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.durable_file import Disk
from broker.people.access_log import open_access_log
from broker.people.attempts.delays import FREE, QUIET_S, Delays
from broker.people.attempts.kept import ATTEMPTS
from broker.people.attempts.limits import WRONG_AT_KNOWN, WRONG_BY_ADDRESS, WRONG_KEYS
from broker.people.attempts.wrong import MOST_LINES, WrongSignIns
from broker.people.errors import TooSoon
from broker.people.passwords import MOST_WAITING, Passwords
from broker.people.roles import Scope, Visitor
from broker.web.api.app import build_app
from broker.web.desk import Desk
from broker.web.door.gate import COOKIE, DEVICE_COOKIE, Gate
from broker.web.stream.listeners import MOST_OF_ACCOUNT, Listeners
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.people import HERE, PASSWORD, House

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture(scope="module")
def app_of(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """Makes the application of a house."""
    morning = Morning(tmp_path_factory.mktemp("records"))
    desk = Desk(picture=snapshot(morning.bridge, morning.now))
    yield lambda house: build_app(desk, morning.store, [], house.gate)
    morning.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A house with one dispatcher."""
    made = House(tmp_path / "people")
    made.account("wang", "dispatcher")
    return made


@pytest.fixture
def app(app_of, house: House) -> FastAPI:  # type: ignore[no-untyped-def]
    """Its application."""
    return app_of(house)


def sign_in(client: TestClient, account: str = "wang", password: str = PASSWORD, **more: str):  # type: ignore[no-untyped-def]
    """The answer of the form."""
    data = {"account": account, "password": password, **more}
    return client.post("/sign-in", data=data, headers={"Origin": HERE})


def test_a_cookie_is_for_this_site_and_no_script(house: House, app: FastAPI) -> None:
    """HttpOnly, SameSite=Strict; and it ends at the sign-out for whoever kept it."""
    client = house.stranger(app)
    answer = sign_in(client)
    assert answer.status_code == 303 and answer.headers["Location"] == "/"
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["Set-Cookie"].split("; "))
    kept = client.cookies[COOKIE]
    me = client.get("/api/v1/people/me").json()
    assert (me["account"], me["roles"]) == ("wang", ["dispatcher"])
    assert client.post("/sign-out", headers={"Origin": HERE}).status_code == 303
    client.cookies.set(COOKIE, kept)
    assert client.get("/api/v1/people/me").status_code == 401
    noted = [(line["who"], line["action"], line["what"]) for line in open_access_log(house.folder).lines()]
    assert noted == [("wang", deed, "from 127.0.0.1") for deed in ("sign in", "sign out")]


def test_who_signs_in_over_another_leaves_no_session_of_theirs(house: House, app: FastAPI) -> None:
    """Two people at one desk."""
    house.account("li", "viewer")
    client = house.stranger(app)
    sign_in(client)
    first = client.cookies[COOKIE]
    sign_in(client, "li")
    assert house.sessions.visitor(first) is None


@pytest.mark.parametrize("wanted", ["/report/2026-11-23?language=en", "/docs?a=b&c=%E7%8E%8B%20x", "/docs"])
def test_a_sign_in_leads_on_to_all_that_was_asked_for(house: House, app: FastAPI, wanted: str) -> None:
    """What stood after the question mark, too, letter by letter; also by the link of a refused page."""
    client = house.stranger(app)
    asked = client.get(wanted)
    assert asked.status_code == 303
    form = client.get(asked.headers["Location"]).text
    towards = re.search(r'name="next" value="([^"]*)"', form)
    assert towards is not None
    assert sign_in(client, next=html.unescape(towards[1])).headers["Location"] == wanted


@pytest.mark.parametrize("towards", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb: c", ""])
def test_a_sign_in_leads_to_no_other_site(house: House, app: FastAPI, towards: str) -> None:
    """Whatever stands in a link that somebody sent."""
    assert sign_in(house.stranger(app), next=towards).headers["Location"] == "/"


def test_a_write_with_a_cookie_comes_from_our_own_page(house: House, app: FastAPI) -> None:
    """A browser says where from, in one of two ways; without either, or from elsewhere, nothing is done."""
    client = house.person(app, "wang")
    del client.headers["Origin"]
    path = "/api/v1/incidents/none/acknowledge"
    for said in ({}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:8081"}, {"Origin": "https://127.0.0.1"},
                 {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"},
                 {"Origin": HERE, "Sec-Fetch-Site": "cross-site"}):  # fmt: skip
        assert client.post(path, json={}, headers=said).status_code == 403, said
    for said in ({"Origin": HERE}, {"Sec-Fetch-Site": "same-origin"}):
        assert client.post(path, json={}, headers=said).status_code == 404, said  # there is none


@pytest.mark.parametrize("limit", ["account", "address"])
def test_who_guesses_must_wait_and_others_need_not(house: House, app: FastAPI, limit: str) -> None:
    """One account from many places, many accounts from one place; 429 says for how long; a session goes on."""
    house.account("li", "viewer")
    inside = house.person(app, "wang")
    most = FREE if limit == "account" else WRONG_BY_ADDRESS.amount
    for number in range(most):
        client = house.stranger(app, f"192.0.2.{number}" if limit == "account" else "192.0.2.7")
        assert sign_in(client, "wang" if limit == "account" else f"guess{number}", "wrong").status_code == 401
    refused = sign_in(house.stranger(app, "192.0.2.99" if limit == "account" else "192.0.2.7"), "wang")
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert sign_in(house.stranger(app, "192.0.2.98"), "li").status_code == 303
    assert inside.get("/api/v1/people/me").status_code == 200


@pytest.mark.parametrize("right", [True, False])
def test_a_guess_in_a_crowd_is_counted_with_the_crowd(
    house: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch, right: bool
) -> None:
    """Forty at once, and by the turn of the last the others were wrong: it is not told whether it was right."""
    by_password = house.people.by_password

    def last_of_many(account: str, password: str, **more: bool) -> Visitor:
        for _ in range(FREE):
            house.gate.limits.was_wrong(account, "192.0.2.1")
        return by_password(account, password, **more)

    monkeypatch.setattr(house.people, "by_password", last_of_many)
    assert sign_in(house.stranger(app), password=PASSWORD if right else "wrong").status_code == 429


@pytest.mark.parametrize("typed", ["Wang", " wang ", "WANG"])
def test_an_account_is_known_as_a_telephone_writes_it(house: House, app: FastAPI, typed: str) -> None:
    """And counted as the one it is."""
    client = house.stranger(app)
    assert sign_in(client, typed).status_code == 303
    assert client.get("/api/v1/people/me").json()["account"] == "wang"
    for _ in range(FREE):
        sign_in(house.stranger(app, "192.0.2.1"), typed, "wrong")
    assert sign_in(house.stranger(app, "192.0.2.9")).status_code == 429


def test_somebody_who_guesses_keeps_the_right_person_out_of_nowhere_they_were(house: House, app: FastAPI) -> None:
    """The browser they signed in with, wherever it is now; another one in the same office; not one never seen."""
    tablet, office = house.stranger(app, "198.51.100.7"), "203.0.113.5"
    assert sign_in(tablet).status_code == sign_in(house.stranger(app, office)).status_code == 303
    for number in range(FREE + 3):
        sign_in(house.stranger(app, f"192.0.2.{number}"), "wang", "wrong")
    assert sign_in(house.stranger(app, "192.0.2.99")).status_code == 429
    moved = house.stranger(app, "192.0.2.1")  # the very network of one who guesses
    moved.cookies.update({DEVICE_COOKIE: tablet.cookies[DEVICE_COOKIE]})
    assert sign_in(moved).status_code == 303
    assert sign_in(house.stranger(app, office)).status_code == 303


def test_a_known_place_guesses_no_more_than_others(house: House, app: FastAPI) -> None:
    """Whoever sits at somebody's tablet, or in the office; a browser of the office's people is counted by itself."""
    tablet = house.stranger(app, "203.0.113.5")
    sign_in(tablet)
    for _ in range(WRONG_AT_KNOWN.amount):
        assert sign_in(house.stranger(app, "203.0.113.5"), password="wrong").status_code == 401
    assert sign_in(house.stranger(app, "203.0.113.5")).status_code == 429
    assert sign_in(tablet).status_code == 303
    for _ in range(WRONG_AT_KNOWN.amount):
        assert sign_in(tablet, password="wrong").status_code == 401
    assert sign_in(tablet).status_code == 429


def test_a_browser_of_somebody_else_is_strange_to_an_account(house: House, app: FastAPI) -> None:
    """A made-up cookie, and that of another account, open no second lane for guesses."""
    house.account("li", "viewer")
    theirs = house.stranger(app, "192.0.2.1")
    sign_in(theirs, "li")
    for _ in range(FREE):
        assert sign_in(theirs, "wang", "wrong").status_code == 401
    assert sign_in(theirs, "wang").status_code == 429
    made_up = house.stranger(app, "192.0.2.2")
    made_up.cookies.update({DEVICE_COOKIE: "x" * 43})
    assert sign_in(made_up, "wang").status_code == 429


def test_wrong_sign_ins_are_noted_a_few_times_and_never_what_was_typed(house: House, app: FastAPI) -> None:
    """A line at 1, 10, 100 of an account; names that no account has are counted together."""
    for number in range(12):
        house.gate.wrong.note("wang", f"192.0.2.{number}")
    for name in ("my-secret-password", "nobody", "wang"):
        sign_in(house.stranger(app, "192.0.2.50"), name, "wrong")
    lines = [line for line in open_access_log(house.folder).lines() if line["action"] == "wrong sign-ins"]
    assert [(line["who"], str(line["what"]).partition(",")[0]) for line in lines] == [
        ("wang", "1"), ("wang", "10"), ("-", "1"),
    ]  # fmt: skip
    assert "secret" not in str(lines)
    lately = house.gate.wrong.lately()
    assert (lately["wang"].count, lately["wang"].address, lately["-"].count) == (13, "192.0.2.50", 2)


def test_a_restart_forgives_no_wrong_sign_in_and_a_spoiled_file_keeps_nobody_out(house: House, app_of) -> None:  # type: ignore[no-untyped-def]
    """The account waits on, the place is known, `/people` shows both; what was typed is in no file."""

    def restarted() -> FastAPI:
        house.gate = Gate(house.people, house.sessions)
        return app_of(house)

    app = restarted()
    for _ in range(FREE):
        sign_in(house.stranger(app, "192.0.2.1"), "wang", "wrong")
    for number in range(WRONG_BY_ADDRESS.amount):
        sign_in(house.stranger(app, "192.0.2.7"), f"my-secret-{number}", "wrong")
    file = house.folder / ATTEMPTS
    assert "secret" not in file.read_text() and file.stat().st_mode & 0o077 == 0
    app = restarted()
    waits = sign_in(house.stranger(app, "192.0.2.99"))
    assert waits.status_code == 429 and 0 < int(waits.headers["Retry-After"]) <= 30
    assert sign_in(house.stranger(app, "192.0.2.7"), "li").status_code == 429
    assert (house.gate.wrong.lately()["wang"].count, house.gate.wrong.lately()["-"].count) == (FREE, 30)
    file.write_text("{")
    assert sign_in(house.stranger(restarted(), "192.0.2.99")).status_code == 303


def test_the_log_of_wrong_sign_ins_has_a_bound(house: House) -> None:
    """However many names are tried; the next day there is room again."""
    now = 0.0
    wrong = WrongSignIns(open_access_log(house.folder), lambda: now)
    for number in range(MOST_LINES + 50):
        wrong.note(f"a{number}", "192.0.2.1")
    assert sum(1 for _ in open_access_log(house.folder).lines()) == MOST_LINES
    now = 2.0 * 24 * 3600
    assert wrong.lately() == {}
    wrong.note("wang", "192.0.2.1")
    assert sum(1 for _ in open_access_log(house.folder).lines()) == MOST_LINES + 1


def test_each_wrong_guess_makes_the_next_wait_longer_until_there_is_quiet() -> None:
    """Doubled up to a quarter of an hour; the names that are known have a bound."""
    now = 0.0
    delays = Delays(lambda: now)
    waits = []
    for _ in range(FREE + 8):
        delays.was_wrong("wang")
        waits.append(delays.wait_s("wang"))
        now += waits[-1]
        assert delays.wait_s("wang") == 0
    assert waits[: FREE - 1] == [0] * (FREE - 1) and waits[FREE - 1 :] == [30, 60, 120, 240, 480, 900, 900, 900, 900]
    now += QUIET_S + 1
    delays.was_wrong("wang")
    assert delays.wait_s("wang") == 0 and delays.wait_s("li") == 0


def test_a_crowd_that_signs_in_takes_no_thread_and_lets_known_people_by() -> None:
    """Who waits is counted: strangers are refused at once when there are some, people in their own place later."""
    entered, leave = threading.Event(), threading.Event()

    class Slow:
        def hash(self, password: str) -> str:
            return "kept"

        def verify(self, kept: str, password: str) -> bool:
            entered.set()
            return leave.wait(60)

    passwords: Any = Passwords(Slow())  # type: ignore[arg-type]
    told: list[bool] = []
    waiting = [threading.Thread(target=lambda: told.append(passwords.fits("kept", "x"))) for _ in range(MOST_WAITING)]
    waiting[0].start()
    assert entered.wait(60)
    for thread in waiting[1:]:
        thread.start()
    while passwords._waiting < MOST_WAITING:  # the others are on their way to the queue
        time.sleep(0.001)
    with pytest.raises(TooSoon, match="at once"):
        passwords.fits("kept", "x")
    known = threading.Thread(target=lambda: told.append(passwords.fits("kept", "x", known=True)))
    known.start()
    leave.set()
    for thread in (*waiting, known):
        thread.join(60)
    assert told == [True] * (MOST_WAITING + 1)


def test_who_guesses_tokens_must_wait_and_a_right_one_is_let_in(house: House, app: FastAPI) -> None:
    """Nobody guesses it, and behind a proxy everybody has the address of who tries."""
    machine, client = house.machine(app, "viewer"), house.stranger(app)
    client.headers["Authorization"] = "Bearer m1.wrong"
    seen = [client.get("/metrics") for _ in range(WRONG_KEYS.amount + 2)]
    assert {answer.status_code for answer in seen[:-2]} == {401}
    assert [answer.status_code for answer in seen[-2:]] == [429, 429] and "Retry-After" in seen[-1].headers
    assert machine.get("/metrics").status_code == 200
    assert sign_in(house.stranger(app)).status_code == 303  # beside a machine whose token was taken away


def test_too_much_in_a_minute_is_refused(house: House, app: FastAPI) -> None:
    """Before any of it is read; others may send on."""
    first, second = house.machine(app, "technician", name="a"), house.machine(app, "technician", name="b")
    second = TestClient(app, HERE, client=("192.0.2.8", 1), headers=second.headers)
    big = {"Content-Type": "application/json", "Content-Length": "8999999"}
    path = "/api/v1/rooms/r01/command"
    answers = [first.post(path, content=b"x", headers=big).status_code for _ in range(9)]
    assert answers[-1] == 429 and 429 not in answers[:7]
    assert second.post(path, content=b"x", headers=big).status_code != 429


def test_nobody_opens_streams_without_end() -> None:
    """So many of one account; when one ends another may begin."""
    import asyncio
    from collections.abc import AsyncIterator
    from types import SimpleNamespace
    from typing import Any

    from broker.people.roles import LOCAL_VIEWER
    from broker.web.problems import Refusal

    async def stream() -> AsyncIterator[bytes]:
        yield b"x"

    async def tried() -> None:
        listeners = Listeners()
        request: Any = SimpleNamespace(client=None, state=SimpleNamespace(visitor=LOCAL_VIEWER))
        opened = [listeners.counted(request, stream()) for _ in range(MOST_OF_ACCOUNT)]
        for one in opened:
            await anext(one)
        with pytest.raises(Refusal) as why:
            listeners.counted(request, stream())
        assert why.value.status == 429
        assert [block async for block in opened[0]] == []
        listeners.counted(request, stream())

    asyncio.run(tried())


def test_without_an_account_this_machine_looks_and_nobody_does_anything(app_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Another address, another name (a rebound one) or a proxy in between is not this machine itself."""
    house = House(tmp_path / "people")
    app = app_of(house)
    here = house.stranger(app)
    assert here.get("/api/v1/picture").status_code == here.get("/").status_code == 200
    assert here.post("/api/v1/incidents/x/acknowledge", json={}).status_code == 403
    proxied = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
    asked = [(house.stranger(app, "192.168.1.7"), {}), *((here, {name: "10.0.0.1"}) for name in proxied)]
    for client, headers in asked:
        assert client.get("/api/v1/picture", headers=headers).status_code == 401
        assert client.get("/", headers=headers).status_code == 303
    house.account("wang", "viewer")
    assert here.get("/api/v1/picture").status_code == 401


def test_the_first_account_is_made_by_its_link(app_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The key stands after the #; then name and password; what does not fit is said and the link stays good."""
    house = House(tmp_path / "people")
    client = house.stranger(app_of(house))
    key = house.people.link(None)
    page = client.get("/welcome")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"] and key not in page.text
    form = {"key": key, "account": "wang", "name": "Wang", "password": PASSWORD, "again": PASSWORD}
    asked = client.post("/welcome", data={"key": key}).text
    assert 'name="again"' in asked and f'href="?lang=en#{key}"' in asked
    for wrong in ({"again": "other"}, {"password": "short", "again": "short"}, {"account": "a b"}, {"name": ""}):
        assert client.post("/welcome", data=form | wrong).status_code == 422, wrong
    assert client.post("/welcome", data=form | {"key": "no"}).status_code == 401
    assert client.post("/welcome", data=form).status_code == 303
    assert client.get("/api/v1/people/me").json()["account"] == "wang"
    assert client.post("/welcome", data=form, headers={"Origin": HERE}).status_code == 401


def test_a_command_of_this_machine_speaks_in_its_users_name(house: House, app: FastAPI) -> None:
    """With the token that the bridge leaves for it; nobody else may say who they are."""
    house.gate.open_to_shell()
    path = house.folder / "shell.token"
    assert path.stat().st_mode & 0o077 == 0
    shell = {"Authorization": f"Bearer {path.read_text().strip()}", "Zhanpai-Who": "%E7%8E%8B"}
    client = house.stranger(app)
    assert client.get("/api/v1/people/me", headers=shell).json()["account"] == "\u738b"
    assert client.get("/api/v1/people/me", headers=shell | {"Zhanpai-Who": "a%0Ab"}).status_code == 400
    token = house.machine(app, "viewer", name="scale")
    assert token.get("/api/v1/people/me", headers={"Zhanpai-Who": "Wang"}).json()["account"] == "scale"


def test_nobody_without_an_account_is_recorded_by_the_id_of_one(house: House, app: FastAPI) -> None:
    """A command of this machine or a token may be called as an account is: the record tells them apart."""
    house.account("zhou", "dispatcher")
    house.gate.open_to_shell()
    shell = {"Authorization": f"Bearer {(house.folder / 'shell.token').read_text().strip()}", "Zhanpai-Who": "Zhou"}
    said = [house.stranger(app).get("/api/v1/people/me", headers=shell), house.machine(app, "viewer", name="zhou").get(
        "/api/v1/people/me")]  # fmt: skip
    assert [one.json()["account"] for one in said] == ["shell Zhou", "token zhou"]
    assert [one.json()["name"] for one in said] == ["Zhou", "zhou"]


def test_the_people_of_a_demo_have_names_in_the_readers_language(  # type: ignore[no-untyped-def]
    app_of, tmp_path: Path
) -> None:
    """A plan's names are in two languages, a page is in one."""
    house = House(tmp_path / "demo", one_click=True)
    house.people.add("property-e01", "\u9999\u6a1f / Camphor", ("property",), Scope(estates=("e01",)))
    client = house.stranger(app_of(house), address="127.0.0.1")
    page = client.get("/sign-in?lang=en").text
    assert "Camphor" in page and "\u9999\u6a1f" not in page


def test_a_click_is_enough_in_a_demo_on_its_own_machine(app_of, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Not from another address, and not where it is no demo."""
    for one_click, address, status in ((True, "127.0.0.1", 303), (True, "192.0.2.1", 403), (False, "127.0.0.1", 403)):
        house = House(tmp_path / f"{one_click}{address}", one_click=one_click)
        house.account("wang", "dispatcher")
        client = house.stranger(app_of(house), address)
        assert client.post("/sign-in/as", data={"account": "wang"}).status_code == status
        assert client.post("/sign-in/as", data={"account": "no"}).status_code == 403


def test_a_damaged_file_of_people_lets_nobody_in_and_says_so(house: House, app: FastAPI) -> None:
    """Health is still told to whoever watches, with a cookie, a token or without; who wants a page reads one."""
    client, machine, stranger = house.person(app, "wang"), house.machine(app), house.stranger(app)
    (house.folder / "people.json").write_text("{")
    for one in (client, machine, stranger):
        answer = one.get("/api/v1/picture")
        assert answer.status_code == 503 and "people.json" in answer.json()["detail"]
        assert "fw" in one.get("/healthz").json()
        assert one.get("/static/frame/frame.css").status_code == 200
    for path in ("/", "/sign-in"):
        page = client.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 503 and "people.json" in page.text and page.text.startswith("<!doctype html>")


def test_a_disk_that_takes_nothing_is_told_in_the_one_form(
    house: House, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a person as a page, and the link is good for another try; also where the fault is ours."""
    key, client = house.people.link("wang"), house.stranger(app)
    form = {"key": key, "password": PASSWORD, "again": PASSWORD}

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "write", full)
        told = client.post("/welcome", data=form)
        page = client.post("/welcome", data=form, headers={"Accept": "text/html"})
    assert told.status_code == page.status_code == 507 and "No space" in told.json()["detail"]
    assert page.text.startswith("<!doctype html>")
    assert client.post("/welcome", data=form).status_code == 303

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(house.people, "by_password", broken)
    client = TestClient(app, HERE, raise_server_exceptions=False)
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_refusal_has_one_form_in_the_readers_language(house: House, app: FastAPI, language: str) -> None:
    """RFC 9457: from the door, from a route, from a value."""
    client = house.machine(app, "dispatcher")
    client.headers["Accept-Language"] = language
    seen = "/api/v1/incidents/x/acknowledge"
    for method, path, body, status in (
        ("POST", seen, {}, 404), ("POST", seen, {"who": "Li"}, 422), ("POST", "/api/v1/amendments", {}, 403),
        ("GET", "/api/v1/nothing", None, 404), ("DELETE", "/api/v1/picture", None, 405),
        ("POST", "/api/v1/weighings", {"truck": "t01", "waste": "gold", "grams": 1}, 422),
    ):  # fmt: skip
        answer = client.request(method, path, json=body)
        told = answer.json()
        assert (answer.status_code, told["status"]) == (status, status), path
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "detail"} <= set(told) and isinstance(told["detail"], str) and len(told["detail"]) > 5
        assert bool(re.search("[\u4e00-\u9fff]", told["title"])) is language.startswith("zh")
