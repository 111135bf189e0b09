"""The pages and the API by which a supervisor looks after accounts, tokens and rosters."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.people.roles import Scope
from broker.web.door.repeats import Line
from tests.support.bridge.whole_web import WholeWeb
from tests.support.people import PASSWORD

pytestmark = pytest.mark.real  # tenths of a second each

API = "/api/v1/people"
CREW: dict[str, Any] = {"name": "Zhao", "roles": ["crew"], "scope": {"trucks": ["t01"]}}
CHINESE = re.compile("[\u3400-\u9fff]")


class Office:
    """A bridge with a supervisor, a dispatcher and a viewer, and the supervisor's browser."""

    def __init__(self, folder: Path) -> None:
        self.web = WholeWeb(folder)
        self.house = self.web.house
        self.house.account("boss", "supervisor")
        self.house.account("li", "viewer")
        self.boss = self.person("boss")

    def person(self, account: str) -> TestClient:
        """Somebody's browser."""
        client = self.house.person(self.web.app, account)
        client.headers["Accept"] = "text/html"
        return client

    def row(self, account: str) -> dict[str, Any]:
        """An account as the API tells of it."""
        rows: list[dict[str, Any]] = self.boss.get(f"{API}/accounts").json()
        return next(row for row in rows if row["account"] == account)

    def form(self, path: str, **fields: Any) -> Any:
        """What a form answers, sent as the page at its address has it."""
        return self.boss.post(path, data=fields)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """One for each test."""
    made = Office(tmp_path)
    yield made
    made.web.morning.close()


def kept_of(office: Office) -> str:
    """What the disk has of the answers to deeds."""
    lines = b"".join(path.read_bytes() for path in (office.house.folder / "deeds").iterdir()).splitlines()
    bodies = [Line.model_validate_json(line).body.decode() for line in lines]
    assert any(bodies)
    return "".join(bodies)


def deed_of(page: str) -> str:
    """The key that a page's forms carry."""
    found = re.search(r'name="deed" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_somebody_new_is_added_and_signs_in_by_the_link(office: Office) -> None:
    """The link is shown this once; whoever opens it sets the password, and the list says when they signed in."""
    page = office.boss.get("/people").text
    fields = {"account": "zhao", "name": "赵敏", "roles": ["crew"], "trucks": ["t01"], "deed": deed_of(page)}
    made = office.form("/people/accounts", **fields)
    link = re.search(r"http://127\.0\.0\.1/welcome#([\w-]+)", made.text)
    assert made.status_code == 200 and link is not None
    assert link[1] not in office.boss.get("/people").text
    assert office.row("zhao")["has_password"] is False
    theirs = office.house.stranger(office.web.app)
    assert theirs.post("/welcome", data={"key": link[1], "password": PASSWORD, "again": PASSWORD}).status_code == 303
    assert theirs.get(f"{API}/me").json()["roles"] == ["crew"]
    row = office.row("zhao")
    assert (row["has_password"], row["sessions"], row["signed_in_at"] is not None) == (True, 1, True)
    assert "赵敏" in office.boss.get("/people").text


def test_a_form_that_is_sent_twice_does_one_thing_and_answers_alike(office: Office) -> None:
    """A double click or a reload: one account, one link, one token; filled in anew it is another deed."""
    page = office.boss.get("/people").text
    fields = {"name": "Zhao", "roles": ["crew"], "trucks": ["t01"], "deed": deed_of(page)}
    first, second = (office.form("/people/accounts", account="zhao", **fields) for _ in range(2))
    assert (first.status_code, first.text) == (second.status_code, second.text) == (200, first.text)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert office.form("/people/accounts", account="zhou", **fields).status_code == 200  # the page of before, again
    tokens = [office.form("/people/tokens", **fields).text for _ in range(2)]
    assert tokens[0] == tokens[1] and len(office.boss.get(f"{API}/tokens").json()) == 1
    assert "welcome#" not in kept_of(office) and not re.search(r"m1\.[\w-]{20}", kept_of(office))


def test_what_is_refused_is_said_and_stays_in_the_form(office: Office) -> None:
    """In the reader's language, with the status a program would see."""
    fields = {"account": "a b", "name": "Somebody new", "roles": ["crew"], "trucks": ["t01"], "deed": "x"}
    refused = office.form("/people/accounts?lang=en", **fields)
    assert refused.status_code == 422 and 'id="told"' in refused.text and "Somebody new" in refused.text
    assert office.form("/people/accounts", **{**fields, "account": "wang"}).status_code == 422  # there is one
    office.house.account("books", "registrar")
    seen = office.row("books")["version"]
    told = office.form("/people/accounts/books", op="link", version=seen)
    assert told.status_code == 403 and 'id="told"' in told.text and CHINESE.search(told.text)
    assert office.form("/people/accounts/nobody", op="link", version=seen).status_code == 404
    assert office.boss.get("/people/accounts/nobody").status_code == 404


def test_an_account_is_changed_as_it_was_looked_at(office: Office) -> None:
    """Roles, place, name, disabled, let in again; a page of before changes nothing."""
    seen = office.row("li")["version"]
    fields = {"op": "save", "name": "Li", "roles": ["viewer", "property"], "estates": ["e01"], "version": seen}
    assert office.form("/people/accounts/li", **fields).status_code == 303
    row = office.row("li")
    assert (row["name"], row["roles"], row["scope"]["estates"]) == ("Li", ["property", "viewer"], ["e01"])
    late = office.form("/people/accounts/li", op="disable", version=seen)
    assert late.status_code == 409 and not office.row("li")["disabled"]
    theirs = office.person("li")
    assert theirs.get(f"{API}/me").status_code == 200
    assert office.form("/people/accounts/li", op="disable", version=row["version"]).status_code == 303
    assert theirs.get(f"{API}/me").status_code == 401
    assert office.form("/people/accounts/li", op="enable", version=office.row("li")["version"]).status_code == 303
    assert theirs.get(f"{API}/me").status_code == 401 and office.person("li").get(f"{API}/me").status_code == 200


def test_ones_own_account_has_no_form(office: Office) -> None:
    """Nobody gives themselves more, nor locks themselves out."""
    page = office.boss.get("/people/accounts/boss").text
    assert 'id="own"' in page and "<form" not in page.partition("<main")[2]
    for op in ("save", "disable", "link", "sign-out"):
        answer = office.form("/people/accounts/boss", op=op, name="B", roles=["supervisor", "registrar"],
                             version=office.row("boss")["version"])  # fmt: skip
        assert answer.status_code == 403, op
    assert office.row("boss")["roles"] == ["supervisor"]


def test_a_token_opens_until_it_is_taken_away(office: Office) -> None:
    """It is shown once."""
    made = office.form("/people/tokens", name="scale", roles=["crew"], trucks=["t01"])
    secret = re.search(r"m1\.[\w-]+", made.text)
    assert secret is not None and secret[0] not in office.boss.get("/people").text
    machine = office.house.stranger(office.web.app)
    machine.headers["Authorization"] = f"Bearer {secret[0]}"
    assert machine.get(f"{API}/me").json()["name"] == "scale"
    (row,) = office.boss.get(f"{API}/tokens").json()
    assert office.form("/people/tokens/m1", version="0" * 16).status_code == 409
    assert office.form("/people/tokens/m1", version=row["version"]).status_code == 303
    assert machine.get(f"{API}/me").status_code == 401


def test_a_program_does_the_same_with_a_key_and_is_answered_as_described(office: Office) -> None:
    """Add, change, link, sign out, token, take away; the secrets stand on no disk."""
    boss = office.boss

    def ask(method: str, path: str, body: Any = None, key: str = "k") -> Any:
        return boss.request(method, f"{API}{path}", json=body, headers={"Idempotency-Key": key})

    added = [ask("POST", "/accounts", CREW | {"account": "zhao"}, "a") for _ in range(2)]
    assert added[0].json() == added[1].json() and "/welcome#" in added[0].json()["link"]
    version = added[0].json()["version"]
    changed = ask("PATCH", "/accounts/zhao", {"version": version, "disabled": True}, "b").json()
    assert changed["disabled"] is True and changed["roles"] == ["crew"]
    assert ask("PATCH", "/accounts/zhao", {"version": version, "disabled": False}, "c").status_code == 409
    version = changed["version"]
    assert ask("POST", "/accounts/zhao/link", {"version": version}, "d").json()["account"] == "zhao"
    assert ask("POST", "/accounts/zhao/sign-out", {"version": version}, "e").json()["account"] == "zhao"
    made = ask("POST", "/tokens", CREW, "f").json()
    assert made["secret"].startswith(f"{made['token']}.")
    (row,) = boss.get(f"{API}/tokens").json()
    gone = boss.delete(f"{API}/tokens/m1?version={row['version']}", headers={"Idempotency-Key": "g"})
    assert gone.json() == {"done": "m1"} and boss.get(f"{API}/tokens").json() == []
    for body, status in ((CREW | {"account": "x", "roles": ["king"]}, 422), (CREW | {"account": "x", "roles": []}, 422),
                         (CREW | {"account": "x", "roles": ["registrar"]}, 403),
                         (CREW | {"account": "x", "scope": {"trucks": ["nowhere"]}}, 422)):  # fmt: skip
        assert ask("POST", "/accounts", body, "h").status_code == status
    noted = [line["action"] for line in boss.get(f"{API}/access?limit=3").json()]
    assert noted == ["revoke token", "add token", "sign out account"]
    assert made["secret"] not in kept_of(office) and "welcome" not in kept_of(office)


def test_a_week_of_rosters_is_seen_and_changed(office: Office) -> None:
    """A shift over midnight stands on both days; one is taken out as it was looked at; a wrong one is said."""
    office.house.account("kim", "keeper", scope=Scope(estates=("e01",)))
    dispatcher = office.person("wang")
    page = dispatcher.get("/people/rosters?week=2026-12-02")
    assert page.status_code == 200 and "2026-11-30 – 2026-12-06" in page.text
    assert 'href="/people"' not in page.text  # that is for a supervisor
    shift = {"account": "wang", "duty": "dispatcher", "start": "2026-12-01T22:00", "end": "2026-12-02T06:00"}
    added = dispatcher.post("/people/rosters?week=2026-11-30", data=shift | {"deed": "x"})
    assert added.status_code == 303 and added.headers["Location"] == "/people/rosters?week=2026-12-01"
    again = dispatcher.post("/people/rosters?week=2026-11-30", data=shift | {"deed": "x"})
    assert (again.status_code, again.headers["Location"]) == (303, added.headers["Location"])
    room = {"account": "kim", "duty": "keeper", "start": "2026-12-03T06:00", "end": "2026-12-03T09:00"}
    assert dispatcher.post("/people/rosters", data=room).status_code == 422
    assert dispatcher.post("/people/rosters", data=room | {"rooms": ["r01"]}).status_code == 303
    text = dispatcher.get("/people/rosters?week=2026-11-30").text
    shown = re.findall(r'data-testid="(s\d-[\d-]+)"', text)
    assert sorted(shown) == ["s1-2026-12-01", "s1-2026-12-02", "s2-2026-12-03"]
    assert dispatcher.post("/people/rosters/s1", data={"version": "0" * 16}).status_code == 409
    (version, *_) = [row["version"] for row in dispatcher.get(f"{API}/shifts").json() if row["shift"] == "s1"]
    assert dispatcher.post("/people/rosters/s1", data={"version": version}).status_code == 303
    assert [row["shift"] for row in dispatcher.get(f"{API}/shifts").json()] == ["s2"]
    for odd in ("x", "0001-01-01", "9999-12-31", "2026-13-01"):
        assert dispatcher.get(f"/people/rosters?week={odd}").status_code == 200


def test_what_was_done_lately_is_told_in_the_readers_language(office: Office) -> None:
    """Roles, places, duties and what was given or taken; ids stay as they are, whatever they are called."""
    scope = Scope(estates=("e01",))
    office.house.account("kim", "keeper", scope=scope)
    office.form("/people/accounts", account="name", name="赵敏", roles=["weigher"], deed="a")
    office.form("/people/accounts/li", op="disable", version=office.row("li")["version"], deed="b")
    times = {"start": "2026-12-03T06:00", "end": "2026-12-03T09:00"}
    office.form("/people/rosters", account="kim", duty="keeper", rooms=["r01"], deed="c", **times)
    person = office.house.stranger(office.web.app)
    person.post("/sign-in", data={"account": "boss", "password": PASSWORD})
    told = {}
    for language in ("en", "zh"):
        done = office.boss.get(f"/people?lang={language}").text.partition('id="access"')[2]
        told[language] = re.findall(r'<td class="wide name"><b>([^<]*)</b> ([^<]*)</td>', done)
    assert told["zh"][:4] == [
        ("登录", "来自 127.0.0.1"),
        ("新增班次", "s1 · kim · 箱房管理员 · 2026-12-03 06:00 – 2026-12-03 09:00"), ("修改账号", "li · 已停用"),
        ("新增账号", "name · 姓名 · 角色：司磅员 · 范围：全部 · 不可看姓名"),
    ]  # fmt: skip
    assert told["en"][2:4] == [
        ("changed an account", "li · disabled"),
        ("added an account", "name · the name · roles: weigher · where: everywhere · sees no names"),
    ]


@pytest.mark.parametrize("path", ["/people", "/people/accounts/li", "/people/accounts/boss", "/people/rosters"])
def test_the_pages_speak_the_readers_language(office: Office, path: str) -> None:
    """English has no Chinese but the switch's and the places' own, which are in two languages."""
    english = office.boss.get(f"{path}?lang=en").text.partition("<main")[2]
    assert not CHINESE.search(english)
    assert CHINESE.search(office.boss.get(f"{path}?lang=zh").text.partition("<main")[2])


def test_who_may_open_which_page_is_said_beforehand(office: Office) -> None:
    """The screen shows no link that would be refused: a property's leads neither to the registers nor to the report."""
    office.house.account("zhao", "property", scope=Scope(estates=("e01",)))
    pages = {one: office.person(one).get(f"{API}/me").json()["pages"] for one in ("zhao", "wang", "boss")}
    assert {*pages["zhao"]}.isdisjoint({"/registers", "/report/", "/people", "/people/rosters"})
    assert {"/", "/docs"} <= {*pages["zhao"]}
    assert {"/report/", "/people/rosters"} <= {*pages["wang"]} and "/people" not in pages["wang"]
    assert {"/registers", "/report/", "/people", "/people/rosters"} <= {*pages["boss"]}
    for account, links in pages.items():
        client = office.person(account)
        for path in ("/registers", "/people", "/people/rosters", "/docs"):
            assert (client.get(path).status_code == 200) is (path in links), (account, path)


def test_the_pages_are_for_who_may(office: Office) -> None:
    """A dispatcher sees the rosters alone, a viewer none of it; nobody is asked to sign in."""
    for account, people, rosters in (("boss", 200, 200), ("wang", 403, 200), ("li", 403, 403)):
        client = office.person(account)
        assert client.get("/people").status_code == people
        assert client.get("/people/rosters").status_code == rosters
    assert office.house.stranger(office.web.app).get("/people").status_code == 303
