"""The API for programs: forms that hold, pages, entity tags, one form of refusal, and a key for each deed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from broker.people.roles import ROLES, Scope
from broker.store import StoreError
from broker.web.api.described import EXAMPLES
from broker.web.security import MAX_BODY_BYTES
from tests.support.bridge.whole_web import WholeWeb

pytestmark = pytest.mark.real  # tenths of a second each

DAYS = "from_day=2026-11-23&to_day=2026-11-23"
LISTS = {
    "/api/v1/calls/scores": DAYS, "/api/v1/stats": DAYS, "/api/v1/weighings": "day=2026-11-23",
    "/api/v1/bookings/windows": "pile=p01", "/api/v1/people/on-duty": "duty=dispatcher",
}  # fmt: skip
FILES, NO_BROKER = ("export",), "/api/v1/accounts/closed"
TABLES = ("chain", "lanes", "weigh_ins", "disagreements", "calls", "answers", "alarms", "bookings", "cases")
PROBLEM = {"type", "title", "status", "detail"}


class Api:
    """The whole application with something in each list, asked by a machine that may do everything."""

    def __init__(self, folder: Path) -> None:
        self.web = WholeWeb(folder, served=2)
        morning = self.web.morning
        self.client: TestClient = self.web.house.machine(self.web.app)
        for incident in ("t01-1-90", "t01-1-91", "t01-1-92"):
            morning.press(incident_id=incident)
            morning.step(1)
        unit = {"at": int(morning.now), "late": False}
        bins = [{"waste": "residential_wet", "count": 11, "grams": None, "quality": 0}]
        morning.say("life", {"life": "ready", "fw": "1.0.0"}, device="r07")
        morning.say("bins", {**unit, "bins": bins}, device="r07")
        lamps = [{"waste": "residential_wet", "lamp": "off", "lit": False, "call_id": None}]
        morning.say("lamp", {"at": unit["at"], "lamps": lamps}, device="r07")
        morning.step(2)
        records = [record.id for record in morning.store.scan("workflow")]
        for record in records[:3]:
            assert self.post("cases", kind="other", records=[record]).status_code == 200
        for grams in (1000, 2000, 3000):
            assert self.post("weighings", truck="t01", waste="residential_wet", grams=grams).status_code == 200
        for row in self.get("/api/v1/weighings?day=2026-11-23").json()[:2]:
            answer = self.post("amendments", record=row["id"], patch={"grams": 1500}, reason="the slip says so")
            assert answer.status_code == 200, answer.text
        assert self.post("closures", room="r01", until_at=int(morning.now) + 3600).status_code == 200
        self.forms: dict[str, Any] = self.web.app.openapi()

    def post(self, path: str, **body: Any) -> Any:
        """A deed."""
        return self.client.post(f"/api/v1/{path}", json=body)

    def get(self, path: str, **headers: str) -> Any:
        """An answer."""
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def form(self, path: str, method: str = "get") -> Any:
        """What a route says that it answers with, as a schema."""
        answer = self.forms["paths"][path][method]["responses"]["200"]
        return {**answer["content"]["application/json"]["schema"], "components": self.forms["components"]}

    def reads(self) -> Iterator[str]:
        """The routes of the API that answer with JSON, by path."""
        for path, methods in self.forms["paths"].items():
            told = methods.get("get", {"responses": {"200": {}}})["responses"]["200"].get("content", {})
            if path.startswith("/api/") and "application/json" in told and not path.endswith(FILES):
                yield path

    def wants(self, path: str) -> set[str]:
        """What must be given besides, and is not known here: those routes are asked in test_openapi alone."""
        parameters = self.forms["paths"][path]["get"].get("parameters", ())
        named = {one["name"] for one in parameters if one["required"]}
        return named - {"booking", "call_id", *(part.partition("=")[0] for part in LISTS.get(path, "").split("&"))}

    def whole(self, path: str) -> Any:
        """What is asked there, all of it."""
        call = self.web.morning.store.scan("call")
        asked = path.replace("{booking}", self.web.booking).replace("{call_id}", next(iter(call)).body["call_id"])
        return self.get(f"{asked}?{LISTS[path]}" if path in LISTS else asked)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One for all; what is done here adds to it only."""
    made = Api(tmp_path_factory.mktemp("api"))
    yield made
    made.web.morning.close()


def test_every_answer_has_a_form_and_every_list_an_example(api: Api) -> None:
    """No route says "an object"; each example is one of its form, to the last field, and none is left over."""
    told: set[str] = set()
    for path in api.reads():
        form = api.form(path)
        item = form.get("items", form)
        assert "$ref" in item or item["type"] == "string" or item["additionalProperties"] not in ({}, True), path
        name = item.get("$ref", "").rpartition("/")[2]
        if form.get("type") == "array" and name not in ("", "ShiftRow", "AccessLine"):  # (those say it in their fields)
            assert name in EXAMPLES, path
    for name, form in api.forms["components"]["schemas"].items():
        if name in EXAMPLES:
            told.add(name)
            assert form["examples"] == [EXAMPLES[name]]
            Draft202012Validator({**form, "components": api.forms["components"]}).validate(EXAMPLES[name])
            assert set(form["required"]) <= EXAMPLES[name].keys() <= form["properties"].keys(), name
    assert told == EXAMPLES.keys()


def test_every_answer_is_of_its_form(api: Api) -> None:
    """The real ones, of a morning with something in nearly each list."""
    empty, asked = set(), 0
    for path in api.reads():
        if path == NO_BROKER or api.wants(path):
            continue
        asked += 1
        answer = api.whole(path)
        assert answer.status_code == 200, (path, answer.text)
        Draft202012Validator(api.form(path)).validate(answer.json())
        if answer.json() == []:
            empty.add(path.removeprefix("/api/v1/"))
    for table in TABLES:
        Draft202012Validator(api.form("/api/v1/stats")).validate(api.get(f"/api/v1/stats?{DAYS}&table={table}").json())
    assert asked > 25
    assert empty <= {"people/shifts", "people/on-duty", "people/access", "cases/suggestions"}
    Draft202012Validator(api.form("/healthz")).validate(api.get("/healthz").json())


@pytest.mark.parametrize(
    ("path", "name"),
    [("incidents", "incident_id"), ("calls", "call_id"), ("cases", "case_id"), ("weighings?day=2026-11-23", "id"),
     ("bookings", "booking_id"), ("amendments", "id")],
)  # fmt: skip
def test_a_long_list_comes_in_pages(api: Api, path: str, name: str) -> None:
    """Followed by `Link` alone they are the whole list in its order, each row once, and the last one has no next."""
    whole = api.get(f"/api/v1/{path}").json()
    assert whole
    url: str | None = f"/api/v1/{path}{'&' if '?' in path else '?'}limit=1"
    found, pages = [], 0
    while url is not None:
        answer = api.get(url)
        assert answer.status_code == 200 and len(answer.json()) == 1
        found, pages = [*found, *answer.json()], pages + 1
        url = answer.links["next"]["url"] if "next" in answer.links else None
    assert [row[name] for row in found] == [row[name] for row in whole] and pages == len(whole)
    assert "link" not in api.get(f"/api/v1/{path}").headers


def test_what_comes_in_between_two_pages_moves_nothing(api: Api) -> None:
    """A page goes on from a place, not from a count; a place that is none of ours is refused."""
    first = api.get("/api/v1/weighings?day=2026-11-23&limit=2")
    assert api.post("weighings", truck="t02", waste="unit_wet", grams=4000).status_code == 200
    second = api.get(first.links["next"]["url"])
    seen = [row["id"] for row in (*first.json(), *second.json())]
    assert len(seen) == len(set(seen)) >= 3
    for strange in ("x", "bm8", "WyJ4IiwieCJd", "e30"):  # no base64, no JSON, of another list, no place
        refused = api.get(f"/api/v1/weighings?day=2026-11-23&limit=2&after={strange}")
        assert (refused.status_code, refused.json().keys()) == (422, PROBLEM), strange
    assert api.get("/api/v1/incidents?limit=0").status_code == 422


ASKED_AGAIN = ("/api/v1/trucks", "/api/v1/picture", "/api/v1/bookings", "/gtfs.zip", "/api/v1/safety")


@pytest.mark.parametrize("path", ASKED_AGAIN)
def test_what_is_known_already_is_not_sent_again(api: Api, path: str) -> None:
    """304 by its tag, alone or among others, weak too; whoever has another one gets all of it."""
    answer = api.get(path)
    tag = answer.headers["etag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = api.get(path, If_None_Match=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert api.get(path, If_None_Match='"other"').content == answer.content


def test_what_changed_has_another_tag(api: Api) -> None:
    """Whoever names the old one gets the new answer."""
    before = api.get("/api/v1/closures").headers["etag"]
    assert api.post("closures", room="r02", until_at=int(api.web.morning.now) + 3600).status_code == 200
    after = api.get("/api/v1/closures", If_None_Match=before)
    assert after.status_code == 200 and after.headers["etag"] != before


def test_every_refusal_has_one_form(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Problem details with what to do next, whatever refuses: path, method, host, body, values, record, disk, fault."""

    def broken(why: Exception) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            raise why

        return fail

    client, store = api.client, api.web.morning.store
    answers = {
        404: client.get("/api/v1/nothing"),
        405: client.put("/api/v1/trucks", json={}),
        409: client.get("/api/v1/accounts/closed"),
        411: client.post("/api/v1/closures", content=iter([b"{}"]), headers={"Content-Type": "application/json"}),
        413: client.post("/api/v1/closures", content=b"", headers={"Content-Length": str(MAX_BODY_BYTES + 1)}),
        415: client.post("/api/v1/closures", content=b"x", headers={"Content-Type": "text/plain"}),
        421: client.get("/api/v1/trucks", headers={"Host": "elsewhere.invalid"}),
        422: client.post("/api/v1/closures", json={"room": 7}),
        400: client.post("/api/v1/closures", content=b"{", headers={"Content-Type": "application/json"}),
        401: api.web.house.stranger(api.web.app).get("/api/v1/trucks"),
        403: api.web.house.machine(api.web.app, "viewer", name="W").post("/api/v1/closures", json={}),
    }
    monkeypatch.setattr(store, "scan", broken(StoreError("the disk is away")))
    answers[503] = client.get("/api/v1/calls")
    quiet = TestClient(api.web.app, "http://127.0.0.1", raise_server_exceptions=False, headers=client.headers)
    monkeypatch.setattr(store, "scan", broken(ZeroDivisionError()))
    answers[500] = quiet.get("/api/v1/calls")
    monkeypatch.setattr(store, "scan", broken(OSError(28, "No space left on device")))
    answers[507] = client.get("/api/v1/calls")
    for status, answer in answers.items():
        assert answer.status_code == status, (status, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", status
        said = answer.json()
        assert said.keys() >= PROBLEM and said["status"] == status and len(said["detail"]) > 8, said
        assert "etag" not in answer.headers


def test_every_deed_takes_a_key(api: Api) -> None:
    """Each says so, and none passes by the one door where keys are looked at: a bad one is refused before all else."""
    deeds = [
        (method, path)
        for path, methods in api.forms["paths"].items() if path.startswith("/api/")
        for method in methods if method != "get"
    ]  # fmt: skip
    assert len(deeds) > 50
    everywhere = Scope(estates=("e01",), trucks=("t01",), contractors=("qingyun",))
    client = api.web.house.machine(api.web.app, *ROLES, name="everybody", scope=everywhere)
    for method, path in deeds:
        named = [one["name"] for one in api.forms["paths"][path][method]["parameters"]]
        assert named.count("Idempotency-Key") == 1, path
        answer = client.request(method, path, json={}, headers={"Idempotency-Key": "two words"})
        assert (answer.status_code, answer.json()["detail"][:15]) == (400, "Idempotency-Key"), path
