"""Where people go: each begins at their own page, and all pages lead to the same others, from one list."""

import re
from collections.abc import Iterator

import pytest

from broker.people.roles import BOUND, EVERYWHERE, ROLES, Role, Scope
from broker.web.pages.ways import LANDINGS, WAYS, opens
from tests.support.bridge.whole_web import WholeWeb
from tests.support.people import HERE, PASSWORD

SCOPES = {"crew": Scope(trucks=("t01",)), "keeper": Scope(estates=("e01",)), "property": Scope(estates=("e01",)),
          "contractor": Scope(contractors=("c1",)),
          **dict.fromkeys(("committee", "fire_brigade"), Scope(estates=("e01",)))}  # fmt: skip
HAVE_A_ROOM = {"dispatcher", "supervisor", "technician", "registrar", "viewer"}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWeb]:
    """A bridge with one account for each role."""
    made = WholeWeb(tmp_path_factory.mktemp("ways"))
    for role in ROLES:
        made.house.account(f"a-{role}", role, scope=SCOPES.get(role, EVERYWHERE))
    yield made
    made.morning.close()


@pytest.mark.parametrize("role", ROLES)
def test_who_signs_in_begins_at_the_page_of_their_role(web: WholeWeb, role: Role) -> None:
    """Whoever was on the way to another page goes there; `/` is that page too for those without an operations room."""
    assert set(BOUND) <= set(LANDINGS)
    client = web.house.stranger(web.app)
    client.headers["Origin"] = HERE
    for towards, lands in (("/", LANDINGS[role]), ("https://x.example/", LANDINGS[role]), ("/docs", "/docs")):
        fields = {"account": f"a-{role}", "password": PASSWORD, "next": towards}
        answer = client.post("/sign-in", data=fields)
        assert (answer.status_code, answer.headers["Location"]) == (303, lands)
    assert client.get(LANDINGS[role]).status_code == 200
    home = client.get("/")
    elsewhere = None if role in HAVE_A_ROOM else LANDINGS[role]
    assert (home.status_code, home.headers.get("Location")) == (303 if elsewhere else 200, elsewhere)


@pytest.mark.parametrize("role", ROLES)
def test_every_page_leads_to_those_that_are_open_and_to_no_other(web: WholeWeb, role: Role) -> None:
    """The list that modules are served is the one that templates draw; each of its links opens."""
    client = web.house.person(web.app, f"a-{role}")
    client.headers["Accept"] = "text/html"
    me = client.get("/api/v1/people/me").json()
    ways = {way["path"]: way["name"] for way in me["ways"]}
    assert me["landing"] == LANDINGS[role] and me["landing"] in ways
    assert all(client.get(path).status_code == 200 for path in ways), ways
    for path in ways:
        page = client.get(f"{path}?lang=en").text
        nav = re.search(r'<nav aria-label="[^"]+">(.*?)</nav>', page, re.DOTALL)
        if nav is None or path == "/docs":
            continue  # it draws itself in the browser, or is the list of the API, which leads to the beginning
        links = dict(re.findall(r'<a href="([^"]+)">([^<]*)</a>', nav[1]))
        assert {to: links.get(to) for to in ways if to != path} == {
            to: name.split(" / ")[1] for to, name in ways.items() if to != path
        }


def test_every_way_is_a_page(web: WholeWeb) -> None:
    """No link of the list leads nowhere."""
    visitors = [web.house.people.visitor(f"a-{role}") for role in ROLES]
    assert [path for path in WAYS if not any(opens(visitor, path) for visitor in visitors)] == []


def test_who_plans_duties_knows_everybody_by_name_and_nobody_else_does(web: WholeWeb) -> None:
    """The accounts stand on the rosters; to others only those of what they see are named."""
    names = {
        role: set(web.house.person(web.app, f"a-{role}").get("/api/v1/answers/names").json())
        for role in ("dispatcher", "supervisor", "viewer", "crew")
    }
    everybody = set(web.house.people.kept().accounts)
    assert {f"a-{role}" for role in ROLES} <= everybody
    assert names["dispatcher"] == names["supervisor"] == everybody
    assert not names["viewer"] and not names["crew"]  # nobody was asked anything yet
