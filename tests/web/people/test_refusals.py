"""Bodies that no record can hold: every route that takes a body refuses them in words, and nothing is stored."""

import copy
import json
import random
import re
from collections.abc import Iterator
from functools import reduce
from itertools import count
from operator import getitem
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from broker.config import BrokerConfig
from broker.web.server import WebServer
from tests.support.bridge.whole_web import WholeWeb
from tests.support.people import AREA_ROLES

BAD_VALUES = (
    '"\\ud800"', '"a\\udfff b"', "NaN", "Infinity", "-Infinity", "1e999", '{"\\udc00": 1}', '["\\ud83d"]', "9" * 5000,
)  # fmt: skip
ODD_VALUES = (
    "null",
    "[]",
    "{}",
    "true",
    '"\\u0000"',
    '""',
    f'"{"x" * 5000}"',
    "1e30",
    "9" * 30,
    "-1",
    '"²"',
    '"../..:x"',
)
NOT_JSON = (b"\xff\xfe", b"{", b"[" * 5000, b'{"who": "\xed\xa0\x80"}', b"NaN", b"\x00")
JSON_TYPES = ("application/json", "application/json; charset=utf-16", "application/vnd.api+json", "text/plain", "")
BAD_FORM_VALUES = ("%ED%A0%80", "%FF")
ODD_FORM_VALUES = ("%00", "NaN", "%C2%B2", "9" * 5000, "..%2F..", "")
CHARSETS = ("utf-7", "idna", "undefined", "unicode_escape", "rot13", "utf-16", "punycode", "no-such")
ODD_FILES = (
    b'{"format":NaN}', b'{"a":"\\ud800"}', b'{"\\ud800":1}', b'{"a":1e999}', b'{"a":' * 3000, b"PK\x03\x04torn",
    b"id,name\n\xff\xfe", b"\xff\xfe\x00\xd8", b"",
)  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {  # by how the path ends
    "/decide": {"version": 1, "decision": "wait", "offer": "0" * 16, "option": 0, "truck": "t9"},
    "/weighings": {"truck": "t01", "waste": "residential_wet", "grams": 1, "run_id": "x"},
    "/amendments": {"record": "run:no", "patch": {"state": "x", "started_at": 1}, "reason": "w"},
    "/command": {"command": "calibrate", "waste": "residential_wet", "grams": 20_000},
    "/skip": {"version": 1, "reason": "no_access"},
    "/shifts": {"account": "x", "duty": "keeper", "start": "2026-11-30T06:00Z", "end": "2026-11-30T07:00Z",
                "rooms": ["r01"]},
    "/restore": {"expect": "e", "why": "w", "version": 1},
    "/outside-edit": {"action": "accept", "why": "w", "seen": "e"},
    "/elections": {"expect": "e", "why": "w", "edits": [{"op": "set", "path": "areas/a01/name", "value": "x"}]},
    "/safety": {"expect": "e", "why": "w", "edits": [{"op": "set", "path": "estates/e01/name", "value": "x"}]},
}
MAY = {"name": "n", "roles": ["crew"], "scope": {"trucks": ["t01"]}, "sees_names": False}
BODIES |= {
    "/people/accounts": {"account": "new", **MAY}, "/people/tokens": MAY,
    "/wang": {"version": "0" * 16, "disabled": True, **MAY}, "/link": {"version": "0" * 16},
    "/sign-out": {"version": "0" * 16},
}  # fmt: skip
DEED = {"version": 1}
FORM = {
    "table": "bodies", "why": "w", "expect": "e", "is_new": "no", "op": "save", "key.id": "b01",
    "f.name": "n", "seen": "s", "version": "1", "key": "k", "token": "t", "apply": "no", "lang": "en",
}  # fmt: skip
FORM_TYPE = "application/x-www-form-urlencoded"


class Office(WholeWeb):
    """The whole application, and a machine of all roles."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, served=1, hosts=["screen.example"])
        self.client = TestClient(self.app, "http://127.0.0.1", raise_server_exceptions=False, follow_redirects=False)
        token = self.house.people.add_token("王芳", (*AREA_ROLES, "enforcement"))
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.client.__enter__()  # one event loop for all requests, not one for each

    def routes(self) -> Iterator[tuple[str, str]]:
        """(method, path with its names filled in) of everything that takes a body."""
        names = {**self.ids(), "addressee": "estate"}
        names.update(device="r01", which="elections")
        names["room"] = self.morning.trip.visits[2].room_id
        for method, path in taking_bodies(self.app):
            yield method, re.sub(r"\{(\w+)\}", lambda name: str(names[name[1]]), path)

    def body_of(self, path: str) -> dict[str, Any]:
        """A body that this route would take."""
        body = next((body for end, body in BODIES.items() if path.endswith(end)), DEED)
        return {**body, "record": f"run:{self.morning.run_id}"} if "record" in body else body

    def kept(self) -> tuple[int, str, str, str]:
        """What must not change: the number of records, both registers, and the picture without its times."""
        records = sum(1 for kind in ("action", "weighing", "amendment") for _ in self.morning.store.scan(kind))
        picture = json.dumps(self.client.get("/api/v1/picture").json()["incidents"])
        return records, self.registers.elections.read().etag, self.registers.safety.read().etag, picture


def taking_bodies(router: Any) -> Iterator[tuple[str, str]]:
    """(method, path) of every POST, PUT and PATCH route, those of included routers too."""
    for route in router.routes:
        if hasattr(route, "methods"):
            yield from ((method, route.path) for method in sorted(route.methods & {"POST", "PUT", "PATCH"}))
        elif hasattr(route, "original_router"):
            yield from taking_bodies(route.original_router)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for all: whatever is refused leaves it as it was."""
    made = Office(tmp_path_factory.mktemp("office"))
    yield made
    made.morning.close()


def send(office: Office, method: str, path: str, body: bytes, kind: str) -> int:
    """The status of one request; a fault of the server fails the test, and a refusal has a text."""
    answer = office.client.request(method, path, content=body, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code < 500, (method, path, body[:200], kind)
    if answer.status_code >= 400:
        assert len(answer.text) > 20, (method, path, body[:200], kind)
    return answer.status_code


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of every value of a body, the whole one last."""
    steps = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for step in steps:
        yield from leaves(value[step], (*place, step))
    yield place


def with_value(body: Any, place: tuple[Any, ...], text: str) -> bytes:
    """The body as JSON with raw text at one place."""
    body = copy.deepcopy({"": body})
    here: Any = body
    for step in ("", *place)[:-1]:
        here = here[step]
    here[("", *place)[-1]] = "@"
    return json.dumps(body[""]).replace('"@"', text).encode()


def form_with(name: str, value: str) -> bytes:
    """A form with one field as given, already percent-encoded."""
    return "&".join(f"{key}={value if key == name else plain}" for key, plain in FORM.items()).encode()


def parts_with(value: bytes, file: bytes, table: bytes = b"") -> bytes:
    """A multipart form, boundary B, whose fields all have one value, with a file."""
    head = b'--B\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    fields = [head % (name.encode(), b"", value) for name in FORM if name != "table"]
    return b"".join([*fields, head % (b"table", b"", table), head % (b"file", b'; filename="x"', file), b"--B--\r\n"])


@pytest.mark.real
def test_what_no_record_can_hold_is_refused_by_every_route_and_leaves_nothing(office: Office) -> None:
    """NaN, infinities, half characters, text that is not UTF-8, in JSON and in forms: 4xx, nothing stored. Each route
    gets each value, at a third of its places; of fields and character sets half."""
    before, turns, dice = office.kept(), count(), random.Random(11)
    for method, path in office.routes():
        body = office.body_of(path)
        places = [*leaves(body)]
        for value in BAD_VALUES:
            for place in places[next(turns) % 3 :: 3] or places[:1]:
                assert send(office, method, path, with_value(body, place, value), "application/json") >= 400
        for content in NOT_JSON:
            assert send(office, method, path, content, JSON_TYPES[next(turns) % len(JSON_TYPES)]) >= 400
        for name in dice.sample([*FORM], 7):
            assert send(office, method, path, form_with(name, BAD_FORM_VALUES[next(turns) % 2]), FORM_TYPE) >= 400
        for charset in dice.sample(CHARSETS, 4):
            value = (b"+2AA-", b"\\ud800", b"xn--\xff")[next(turns) % 3]
            kind = f"multipart/form-data; boundary=B; charset={charset}"
            assert send(office, method, path, parts_with(value, value), kind) >= 400
    assert office.kept() == before
    assert office.client.get("/registers/elections/log").status_code == 200


@pytest.mark.parametrize("value", ["false", "true", '"1"', "1.0", "0.0", '"0"'])
def test_what_is_no_whole_number_is_not_taken_for_one(office: Office, value: str) -> None:
    """False on the scale is no zero point, and a version in quotes or with a fraction is none of ours."""
    before, refused = office.kept(), 0
    for method, path in office.routes():
        body = office.body_of(path) if path.startswith("/api/") else {}  # the others take forms
        for place in leaves(body):
            if type(reduce(getitem, place, body)) is int:
                wrong = with_value(body, place, value)
                assert send(office, method, path, wrong, "application/json") == 422, (path, place)
                refused += 1
    assert refused >= 10
    assert office.kept() == before


@pytest.mark.real
def test_odd_values_are_taken_or_refused_but_never_a_fault(office: Office) -> None:
    """Values that may be right somewhere, torn forms, files of other kinds: an answer each, and no record left out."""
    chosen = random.Random(7)
    for method, path in office.routes():
        body = office.body_of(path)
        for place in leaves(body):
            for value in chosen.sample(ODD_VALUES, 1):
                send(office, method, path, with_value(body, place, value), "application/json")
        for name in chosen.sample([*FORM], 4):
            send(office, method, path, form_with(name, chosen.choice(ODD_FORM_VALUES)), FORM_TYPE)
        for content in (*[parts_with(b"1", file) for file in chosen.sample(ODD_FILES, 3)], b"--B", b""):
            send(office, method, path, content, "multipart/form-data; boundary=B")
        send(office, method, path, b"--B", "multipart/form-data")
    assert office.morning.bridge.counts["unstorable"] == 0
    assert office.morning.bridge.counts["rule_faults"] == 0
    assert office.client.get("/api/v1/picture").status_code == 200


def test_a_body_says_how_long_it_is_and_is_not_too_long(office: Office) -> None:
    """Nothing endless is read into memory."""
    path, headers = "/api/v1/weighings", {"Content-Type": "application/json"}
    assert office.client.post(path, content=iter([b"{}"]), headers=headers).status_code == 411
    assert office.client.post(path, content=b" " * 9_000_001, headers=headers).status_code == 413


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8080", "[::1]:80", "LOCALHOST", "screen.example:443"])
def test_our_own_names_are_answered(office: Office, host: str) -> None:
    """This machine's names and the configured ones, with any port."""
    assert office.client.get("/metrics", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost@evil.example", "192.0.2.9", "", "[::1",
     "a.screen.example", "[::1]evil.example"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_is_refused_with_the_setting_to_change(office: Office, host: str, method: str) -> None:
    """A strange page whose name was made to point here learns and does nothing, from its own origin or from none."""
    before = office.kept()
    body = b'{"truck": "t01", "waste": "residential_wet", "grams": 1}' if method == "POST" else None
    for path in ("/api/v1/weighings", "/api/v1/picture", "/registers", "/docs", "/static/sound.js", "/no-such-path"):
        headers = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/json"}
        answer = office.client.request(method, path, content=body, headers=headers)
        assert answer.status_code == 421
        assert "[web] hosts" in answer.json()["detail"]
    assert office.kept() == before


def test_the_address_that_was_called_is_ours(office: Office, tmp_path: Path) -> None:
    """Open to the whole network, the screen answers to whichever of its addresses was called, and to no other."""
    web = {"host": "0.0.0.0", "port": 0, "hosts": ["screen.example"], "open_without_tls": True}
    registers = {"folder": tmp_path / "registers"}
    people = {"folder": office.house.folder}
    given = {"area": {"plan": "demo"}, "web": web, "registers": registers, "people": people, "playback": {"days": 0}}
    config = BrokerConfig.model_validate(given)
    server = WebServer(config, office.desk, office.morning.store, office.morning.plan)
    server.start()
    try:
        called = f"http://127.0.0.2:{server.port}"  # an address of this machine that no setting names
        for host, status in ((None, 200), ("screen.example", 200), ("127.0.0.3", 421), ("evil.example", 421)):
            headers = {"Authorization": office.client.headers["Authorization"], **({"Host": host} if host else {})}
            assert httpx.get(f"{called}/metrics", headers=headers, trust_env=False).status_code == status
    finally:
        server.stop()


@pytest.mark.parametrize(
    "change", [{"patch": {"arrived_at": 2**63}}, {"patch": {"left_at": 10**11}}, {"who": "a"}, {"reason": "a\nb"}]
)
def test_a_correction_that_no_figure_could_read_is_refused(office: Office, change: dict[str, Any]) -> None:
    """A time beyond all calendars would make every later report of its day a fault."""
    visit = f"visit:{office.morning.run_id}/{office.morning.trip.visits[0].room_id}/1"
    body = {"record": visit, "patch": {"left_at": int(office.morning.now)}, "reason": "r", **change}
    assert office.client.post("/api/v1/amendments", json=body).status_code == 422
    days = "from_day=2026-11-23&to_day=2026-11-23"
    assert office.client.get(f"/api/v1/stats?{days}").status_code == 200


def test_a_browser_finds_an_icon_beside_every_page(office: Office) -> None:
    """A page that names none makes the browser ask for this address."""
    answer = office.client.get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/svg+xml"
