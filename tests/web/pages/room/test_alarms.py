"""Alarms over HTTP: listed with their states, seen, shelved and put out of service by whom they are for, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.people.roles import Role
from tests.support.bridge.whole_web import WholeWeb

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def street(tmp_path: Path) -> Iterator[WholeWeb]:
    made = WholeWeb(tmp_path)
    made.morning.speak = False
    yield made
    made.morning.close()


def as_(street: WholeWeb, role: Role) -> TestClient:
    """A client of that role."""
    return street.house.machine(street.app, role)


def listed(client: TestClient, state: str | None = None) -> dict[str, dict[str, Any]]:
    """The alarms by what they are about."""
    rows = client.get("/api/v1/alarms", params={} if state is None else {"state": state}).json()
    return {row["about"]: row for row in rows}


def deed(client: TestClient, alarm: dict[str, Any], name: str, **body: Any) -> tuple[int, dict[str, Any]]:
    """What is answered to a deed on the version that is before the person."""
    answer = client.post(f"/api/v1/alarms/{alarm['alarm_id']}/{name}", json={"version": alarm["version"], **body})
    return answer.status_code, answer.json()


def test_an_alarm_goes_from_hand_to_hand(street: WholeWeb) -> None:
    """Seen by the dispatcher, shelved, taken from the shelf, out of service and back by the technician; who it was."""
    dispatcher, technician = as_(street, "dispatcher"), as_(street, "technician")
    alarm = listed(dispatcher, "unseen_active")["stranger/t77"]
    assert (alarm["word"], alarm["values"], alarm["of_device"]) == ("stranger", {"device": "t77"}, True)
    for client, name, body, state in (
        (dispatcher, "see", {}, "seen_active"), (dispatcher, "shelve", {"shelf_s": 600, "why": "known"}, "shelved"),
        (dispatcher, "unshelve", {}, "unseen_active"), (technician, "out-of-service", {}, "out_of_service"),
        (technician, "back", {}, "unseen_active"),
    ):  # fmt: skip
        status, alarm = deed(client, alarm, name, **body)
        assert (status, alarm["state"]) == (200, state)
        assert listed(dispatcher)["stranger/t77"] == alarm
    acts = [record.body for record in street.morning.store.scan("action") if record.body["alarm"]]
    assert [act["action"] for act in acts] == [
        "see_alarm", "shelve_alarm", "unshelve_alarm", "take_out_alarm", "put_back_alarm",
    ]  # fmt: skip
    assert all(act["who"] for act in acts)


def test_a_technician_puts_nothing_out_of_service_that_is_no_device(street: WholeWeb) -> None:
    """A run that owes visits is the dispatcher's, whoever would like it to be quiet."""
    street.morning.now += 5 * 3600
    street.morning.step(3)
    dispatcher, technician = as_(street, "dispatcher"), as_(street, "technician")
    deed(dispatcher, listed(dispatcher)["stranger/t77"], "see")  # any deed shows the newest picture
    (owes,) = [row for row in listed(technician).values() if row["topic"] == "owes" and row["values"]["truck"] == "t01"]
    assert deed(technician, owes, "out-of-service")[0] == 403
    assert deed(dispatcher, owes, "out-of-service")[0] == 200


def test_of_two_screens_one_wins_and_a_click_sent_again_is_done_once(street: WholeWeb) -> None:
    """409 for who looked at the older one; the same key answers the same."""
    dispatcher = as_(street, "dispatcher")
    alarm = listed(dispatcher)["stranger/t77"]
    url, key = f"/api/v1/alarms/{alarm['alarm_id']}/see", {"Idempotency-Key": "one-click"}
    first = dispatcher.post(url, json={"version": alarm["version"]}, headers=key)
    again = dispatcher.post(url, json={"version": alarm["version"]}, headers=key)
    assert (first.status_code, again.status_code) == (200, 200) and first.json() == again.json()
    assert deed(dispatcher, alarm, "shelve", shelf_s=600)[0] == 409
    assert deed(dispatcher, first.json(), "see")[0] == 409  # it is seen already


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("shelve", {}, 422), ("shelve", {"shelf_s": 59}, 422), ("shelve", {"shelf_s": 8 * 86400}, 422),
        ("shelve", {"shelf_s": True}, 422), ("shelve", {"shelf_s": 600, "why": "x" * 201}, 422),
        ("see", {"version": "1"}, 422), ("see", {"who": "Li"}, 422), ("unshelve", {}, 409), ("back", {}, 409),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(street: WholeWeb, name: str, body: dict[str, Any], status: int) -> None:
    """With a problem detail, and nothing has changed."""
    dispatcher = as_(street, "dispatcher")
    alarm = listed(dispatcher)["stranger/t77"]
    assert deed(dispatcher, alarm, name, **body)[0] == status
    assert listed(dispatcher)["stranger/t77"] == alarm


def test_an_alarm_that_is_over_is_not_there(street: WholeWeb) -> None:
    """404, and for an id of another form 422."""
    dispatcher = as_(street, "dispatcher")
    assert dispatcher.post(f"/api/v1/alarms/{'0' * 16}/see", json={}).status_code == 404
    assert dispatcher.post("/api/v1/alarms/x/see", json={}).status_code == 422
