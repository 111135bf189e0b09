"""What each role sees, of which place: the same in every answer, in the playback and in the stream of changes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request

from broker.people.roles import BOUND, EVERYWHERE, ROLES, Reach, Role, Scope
from broker.plan.model import Plan
from broker.web.api.app import build_app
from broker.web.door.gate import COOKIE
from broker.web.stream import shares
from broker.web.stream.changes import Parts, applied, parts_of
from broker.web.stream.frames import Frames
from broker.web.stream.recording import Recording
from broker.web.stream.share import Index, share
from broker.web.stream.shares import Shares
from broker.web.view.picture import snapshot
from tests.support.bridge.direct_desk import DirectDesk
from tests.support.bridge.morning import Morning
from tests.support.bridge.shown_minutes import shown_minutes
from tests.support.people import House

WHOLE: set[Role] = {"dispatcher", "technician", "registrar", "supervisor", "viewer"}
SCOPES = {
    "own": Scope(estates=("e01",), trucks=("t01",), contractors=("c1",)),
    "another's": Scope(estates=("e02", "e03"), trucks=("t02",), contractors=("c2",)),
    "of nothing there is": Scope(estates=("e99",), trucks=("t99",), contractors=("c9", "e01")),  # e01: an estate
}
FOR_WHO_DECIDES = ("offers",)


class Street:
    """A morning with a press of two trucks, the first of which a contractor is asked about; and its web."""

    def __init__(self, folder: Path) -> None:
        self.morning = Morning(folder / "records")
        self.morning.serve(0)
        self.morning.press()
        self.morning.step(2)
        self.desk = DirectDesk()
        self.desk.morning = self.morning
        self.picture = self._picture()
        self.desk.show(self.picture)
        self.house = House(folder / "people")
        self.frames = Frames()
        recording = Recording(folder / "playback", 1)
        recording.keep(self.frames.show(self.picture), self.frames.parts, self.picture["at"])
        recording.close()
        self.app = build_app(
            self.desk, self.morning.store, [], self.house.gate, frames=self.frames, playback=folder / "playback"
        )

    def _picture(self) -> dict[str, Any]:
        picture: dict[str, Any] = orjson.loads(orjson.dumps(snapshot(self.morning.bridge, self.morning.now)))
        (first,) = picture["incidents"]
        first["answers"] = [{"addressee": "contractor", "party": "c1"}, {"addressee": "estate", "party": "e01"}]
        first["offers"] = [{"id": "0" * 16, "changes": [{"room_name": "somebody else's"}]}]
        second = {**first, "incident_id": "z-other", "truck": "t02", "room": "r05", "estate": "e03", "answers": []}
        picture["incidents"] = [first, second]
        run = next(run for run in picture["runs"] if run["truck"] == "t01")
        about = {"level": "warning", "since": 1, "word": "passed_by", "values": {"truck": "t01", "room": "x"}}
        visits = [{name: visit[name] for name in ("run_id", "room", "visit_number")} for visit in run["visits"]]
        picture["attention"] = sorted(
            [
                {"id": f"passed/{one['room']}/{one['visit_number']}", "topic": "passed", "subject": one, **about}
                for one in visits
            ]
            + [{"id": f"part/{one}", "topic": "part", "subject": one, **about} for one in ("t01", "t02", "r01")]
            + [{"id": f"owes/{run['run_id']}", "topic": "owes", "subject": run["run_id"], **about}],
            key=lambda row: str(row["id"]),
        )
        return picture

    def client(self, role: Role, scope: Scope) -> TestClient:
        """A machine of this role, with as much of the scope as the role is bound to."""
        own = {BOUND[role]: getattr(scope, BOUND[role])} if role in BOUND else {}
        return self.house.machine(self.app, role, scope=Scope(**own) if own else EVERYWHERE)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    """One for all: nothing is done."""
    made = Street(tmp_path_factory.mktemp("street"))
    yield made
    made.morning.close()


def expected(picture: dict[str, Any], plan: Plan, role: Role, scope: Scope) -> dict[str, Any]:
    """The ids that somebody of this role must see, and no others; written from the plan and what each role is for."""
    runs, incidents = picture["runs"], picture["incidents"]
    if role in WHOLE:
        return {
            "trucks": [row["truck"] for row in picture["trucks"]], "rooms": sorted(plan.rooms),
            "visits": {run["run_id"]: [visit["room"] for visit in run["visits"]] for run in runs},
            "incidents": [row["incident_id"] for row in incidents],
            "attention": [row["id"] for row in picture["attention"]],
        }  # fmt: skip
    if role == "crew":
        mine = [run for run in runs if run["truck"] in scope.trucks]
        visits = {run["run_id"]: [visit["room"] for visit in run["visits"]] for run in mine}
        subjects = [*scope.trucks, *visits]
        return {
            "trucks": [one for one in scope.trucks if one in plan.trucks()], "visits": visits,
            "rooms": sorted({room for rooms in visits.values() for room in rooms}),
            "incidents": [row["incident_id"] for row in incidents if row["truck"] in scope.trucks],
            "attention": [
                row["id"] for row in picture["attention"]
                if (row["subject"]["run_id"] if isinstance(row["subject"], dict) else row["subject"]) in subjects
            ],
        }  # fmt: skip
    if role in ("weigher", "enforcement", "committee", "fire_brigade"):
        return {"trucks": [], "rooms": [], "visits": {}, "incidents": [], "attention": []}
    if role == "contractor":
        asked = [row["incident_id"] for row in incidents if row["answers"] and "c1" in scope.contractors]
        return {"trucks": [], "rooms": [], "visits": {}, "incidents": asked, "attention": []}
    rooms = sorted(key for key, room in plan.rooms.items() if room.estate_id in scope.estates)
    of_runs = {run["run_id"]: [one["room"] for one in run["visits"] if one["room"] in rooms] for run in runs}
    return {
        "trucks": [], "rooms": rooms, "visits": {run: found for run, found in of_runs.items() if found},
        "incidents": [row["incident_id"] for row in incidents if row["estate"] in scope.estates],
        "attention": [
            row["id"] for row in picture["attention"]
            if isinstance(row["subject"], dict) and row["subject"]["room"] in rooms
        ],
    }  # fmt: skip


def ids(picture: dict[str, Any]) -> dict[str, Any]:
    """The ids in a picture."""
    return {
        "trucks": [row["truck"] for row in picture["trucks"]], "rooms": [row["room"] for row in picture["rooms"]],
        "visits": {run["run_id"]: [visit["room"] for visit in run["visits"]] for run in picture["runs"]},
        "incidents": [row["incident_id"] for row in picture["incidents"]],
        "attention": [row["id"] for row in picture["attention"]],
    }  # fmt: skip


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_what_it_is_for_and_of_others_nothing(street: Street, role: Role, scope: str) -> None:
    """Role times scope: lists, picture, playback; the rows are those of the whole, but for what who decides needs."""
    client, due = street.client(role, SCOPES[scope]), expected(street.picture, street.morning.plan, role, SCOPES[scope])
    at = street.picture["at"]
    pictures = [client.get("/api/v1/picture").json(), client.get(f"/api/v1/picture?at={at}").json()]
    lists = {name: client.get(f"/api/v1/{name}").json() for name in ("trucks", "rooms", "runs", "incidents")}
    pictures.append({**lists, "attention": pictures[0]["attention"]})
    for found in pictures:
        assert ids(found) == due
    whole = {row["incident_id"]: row for row in street.picture["incidents"]}
    for row in pictures[0]["incidents"]:
        hidden = {} if role in WHOLE else {name: [] for name in FOR_WHO_DECIDES}
        assert {**whole[row["incident_id"]], **hidden}.items() <= row.items()
    if role not in WHOLE:
        assert pictures[0]["notices"] == [] and pictures[0]["data"]["counts"] == {}


def test_somebody_of_two_roles_sees_both_shares(street: Street) -> None:
    """A keeper who also drives; and who acts for the area besides sees everything."""
    scope = Scope(estates=("e03",), trucks=("t01",))
    both = street.house.machine(street.app, "keeper", "crew", scope=scope).get("/api/v1/picture").json()
    keeper, crew = (street.client(role, scope).get("/api/v1/picture").json() for role in ("keeper", "crew"))
    for name in ("trucks", "rooms", "incidents", "attention"):
        assert {*ids(both)[name]} == {*ids(keeper)[name], *ids(crew)[name]}
    more = street.house.machine(street.app, "keeper", "viewer", scope=scope).get("/api/v1/picture").json()
    assert ids(more) == ids(street.picture)


def test_an_answer_to_a_deed_tells_no_more_than_is_seen(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who clears a lane is told of the incident, not of what other trucks would do; a dispatcher is."""
    monkeypatch.setattr(DirectDesk, "ask", lambda _desk, _act, timeout_s=5.0: street.picture)
    incident = street.picture["incidents"][0]
    path = f"/api/v1/incidents/{incident['incident_id']}/clear?truck=t01"
    own = street.house.machine(street.app, "property", scope=Scope(estates=(incident["estate"],)))
    whole = street.house.machine(street.app, "dispatcher")
    assert [client.post(path, json={}).json()["offers"] for client in (own, whole)] == [[], incident["offers"]]


async def first_blocks(street: Street, client: TestClient, until: int) -> bytes:
    """The first bytes of the stream as this client gets it."""
    said: list[bytes] = []
    enough = asyncio.Event()
    headers = [(b"host", b"127.0.0.1"), (b"authorization", client.headers["Authorization"].encode())]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/v1/events", "raw_path": b"/api/v1/events", "query_string": b"", "headers": headers,
        "client": ("192.0.2.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(3600)
        raise AssertionError

    async def send(message: Any) -> None:
        said.append(message.get("body", b""))
        if sum(block.count(b"\n\n") for block in said) >= until:
            enough.set()

    listening = asyncio.create_task(street.app(scope, receive, send))
    await asyncio.wait([listening, asyncio.create_task(enough.wait())], timeout=60, return_when="FIRST_COMPLETED")
    listening.cancel()
    return b"".join(said)


@pytest.mark.parametrize("role", ROLES)
def test_the_stream_begins_with_the_same_share(street: Street, role: Role) -> None:
    """What is heard is what is asked for."""
    client = street.client(role, SCOPES["own"])
    snapshot_event = asyncio.run(first_blocks(street, client, 1)).split(b"\n\n")[0]
    told = orjson.loads(snapshot_event.partition(b"data: ")[2])
    due = expected(street.picture, street.morning.plan, role, SCOPES["own"])
    assert sorted(told["parts"]["rooms"]) == due["rooms"] and sorted(told["parts"]["trucks"]) == due["trucks"]
    assert sorted(told["parts"]["runs"]) == sorted(due["visits"])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Parts]:
    """The parts of some minutes."""
    return [parts_of(picture) for picture in shown_minutes(tmp_path_factory.mktemp("shares"))]


REACHES = (
    Reach(estates=frozenset({"e01"})), Reach(estates=frozenset({"e02", "e03"})), Reach(trucks=frozenset({"t01"})),
    Reach(estates=frozenset({"e02"}), trucks=frozenset({"t02"})), Reach(contractors=frozenset({"c1"})), Reach(),
)  # fmt: skip


@pytest.mark.parametrize("reach", REACHES)
def test_who_listens_to_a_share_holds_it_by_changes_alone(shown: list[Parts], reach: Reach) -> None:
    """One snapshot, then what changed of the share, also over ticks that nobody asked for."""
    whole, held = Frames(), dict[str, Any]()
    streams, number, snapshots = Shares(whole), None, 0
    for turn, parts in enumerate(shown):
        whole.take(parts, 1000 + turn)
        if turn % 4 == 3:
            continue
        number, blocks = streams.of(reach).since(number)
        for block in blocks:
            told = orjson.loads(block.partition(b"data: ")[2])
            snapshots += "parts" in told
            held = told["parts"] if "parts" in told else applied(held, told)
        mine = share(Index(whole.newest()[1]), reach)
        assert held == mine
    assert snapshots == 1


def test_a_reach_nobody_listens_with_is_forgotten(shown: list[Parts], monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at most, and none for longer than it may be taken up again; who acts for the area shares one stream."""
    now = 0.0
    whole = Frames()
    whole.take(shown[0], 1)
    streams = Shares(whole, lambda: now)
    assert streams.of(Reach(everything=True)) is whole
    first = streams.of(REACHES[0])
    assert streams.of(REACHES[0]) is first
    now = shares.KEPT_S + 1
    streams.of(REACHES[1])
    assert streams.of(REACHES[0]) is not first
    monkeypatch.setattr(shares, "MOST", 2)
    kept = [streams.of(reach) for reach in REACHES[:3]]
    assert streams.of(REACHES[2]) is kept[2] and streams.of(REACHES[0]) is not kept[0]


def test_a_stream_ends_for_who_speaks_for_another_place_now(street: Street) -> None:
    """The roles are the same, and yet what was begun is not theirs any more."""
    street.house.account("zhao", "property", scope=Scope(estates=("e01",)))
    client = street.house.person(street.app, "zhao")
    cookie = f"{COOKIE}={client.cookies[COOKIE]}".encode()
    headers = [(b"host", b"127.0.0.1"), (b"cookie", cookie)]
    asked = {"type": "http", "method": "GET", "path": "/api/v1/events", "query_string": b"", "headers": headers}
    request = Request(asked)
    street.house.gate.admit(request)
    assert request.state.still()
    street.house.people.update("zhao", name="Zhao")
    assert request.state.still()
    street.house.people.update("zhao", scope=Scope(estates=("e02",)))
    assert not request.state.still()
