"""A full truck and a closed road over HTTP: who says it is recorded, what cannot be is a problem with its reason."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.support.bridge.whole_web import WholeWeb

pytestmark = pytest.mark.real  # tenths of a second each

WITHOUT_AN_ACCOUNT = ["closure_id", "from_at", "other_room", "reason", "room", "until_at"]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WholeWeb]:
    """A morning with its whole web."""
    web = WholeWeb(tmp_path, served=1)
    yield web
    web.morning.close()


def dispatcher(web: WholeWeb) -> TestClient:
    """Somebody who may."""
    return web.house.machine(web.app, "dispatcher")


def test_a_road_is_closed_and_opened(web: WholeWeb) -> None:
    """It is in the list and in the picture until it is open again; the second end is no such road."""
    client, room = dispatcher(web), web.morning.trip.visits[6].room_id
    until_at = int(web.morning.now) + 7200
    closed = client.post("/api/v1/closures", json={"room": room, "until_at": until_at, "reason": "dug up"}).json()
    assert (closed["room"], closed["until_at"], closed["reason"]) == (room, until_at, "dug up")
    assert client.get("/api/v1/closures").json() == [closed]
    for somebody in (client, web.house.machine(web.app, "viewer")):  # its account is nobody's business
        seen = (somebody.get("/api/v1/closures").json(), somebody.get("/api/v1/picture").json()["closures"])
        assert [sorted(row) for rows in seen for row in rows] == [WITHOUT_AN_ACCOUNT] * 2
    path = f"/api/v1/closures/{closed['closure_id']}/end"
    assert client.post(path, json={}).status_code == 200
    assert client.get("/api/v1/closures").json() == []
    assert client.post(path, json={}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [({"room": "r77", "until_at": 1795400000}, 404), ({"room": "r05", "until_at": 5}, 409), ({"room": "r05"}, 422)],
)
def test_what_is_no_road_is_a_problem(web: WholeWeb, body: dict[str, object], status: int) -> None:
    """With its reason in the problem details."""
    answer = dispatcher(web).post("/api/v1/closures", json=body)
    assert answer.status_code == status and answer.json()["detail"]


def test_a_truck_is_full_and_emptied(web: WholeWeb) -> None:
    """The run says since when and until when; said twice it is a conflict."""
    client, path = dispatcher(web), f"/api/v1/runs/{web.morning.run_id}"
    run = client.post(f"{path}/full", json={}).json()
    assert run["full_at"] is not None and run["away_until"] > run["full_at"]
    assert client.post(f"{path}/full", json={}).status_code == 409
    assert client.post(f"{path}/emptied", json={}).json()["full_at"] is None
    assert client.post("/api/v1/runs/nobody/full", json={}).status_code == 404


def test_the_same_deed_sent_again_is_done_once(web: WholeWeb) -> None:
    """By its idempotency key, as every deed."""
    client = dispatcher(web)
    body = {"room": web.morning.trip.visits[6].room_id, "until_at": int(web.morning.now) + 7200}
    for _ in range(2):
        answer = client.post("/api/v1/closures", json=body, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 200
    assert len(client.get("/api/v1/closures").json()) == 1
