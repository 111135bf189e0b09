"""Cases over HTTP: suggested from what drivers pressed, opened, handed over, answered by enforcement, closed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.store import Record
from sim.live.dispatcher import ApiDispatcher
from tests.support.bridge.morning import DAY
from tests.support.bridge.whole_web import WholeWeb
from tests.support.facts import workflow

pytestmark = pytest.mark.real  # a morning is driven first


class Street(WholeWeb):
    """A morning with a blocked lane, as it was blocked on the two days before too."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (incident,) = self.desk.picture["incidents"]
        self.room, self.estate = incident["room"], incident["estate"]
        before = [
            workflow(days, int(self.morning.now) - days * 86_400, room=self.room, estate=self.estate) for days in (1, 2)
        ]
        at = int(self.morning.now)
        self.morning.store.append([Record(one.id, one.kind, one.key, one.at, at, "xh", one.body) for one in before])
        self.clients = {role: self.house.machine(self.app, role) for role in ("dispatcher", "enforcement", "viewer")}
        for client in self.clients.values():
            client.__enter__()

    def asked(self, role: str, path: str, **body: Any) -> tuple[int, Any]:
        """Status and answer of a deed, or of a look where there is no body."""
        client = self.clients[role]
        answer = client.post(f"/api/v1/cases{path}", json=body) if body else client.get(f"/api/v1/cases{path}")
        return answer.status_code, answer.json()

    def opened(self) -> dict[str, Any]:
        """The case of this lane, opened."""
        place = {"kind": "chronic_lane", "estate": self.estate, "room": self.room}
        status, case = self.asked("dispatcher", "", **place)
        assert status == 200, case
        return dict(case)


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """One for each test."""
    made = Street(tmp_path)
    yield made
    made.morning.close()


def test_a_lane_that_is_blocked_on_three_mornings_is_handed_over_answered_and_closed(street: Street) -> None:
    """Suggested by itself, with the press of this morning; enforcement sees it from the handing over on."""
    _, (suggestion,) = street.asked("dispatcher", "/suggestions")
    assert (suggestion["kind"], suggestion["room"], suggestion["times"]) == ("chronic_lane", street.room, 3)
    case = street.opened()
    assert [one["incident_id"] for one in case["evidence"]][-1] == street.incident_id and case["state"] == "opened"
    assert all(one["lat"] is not None and one["record"] for one in case["evidence"])
    assert street.asked("dispatcher", "/suggestions")[1] == [] and street.asked("enforcement", "")[1] == []
    path = f"/{case['case_id']}"
    assert street.asked("enforcement", f"{path}/answer", text="x")[0] == 404  # it does not see it yet
    street.morning.step(60)
    assert street.asked("dispatcher", f"{path}/hand-over", version=1)[1]["state"] == "handed_over"
    assert [one["case_id"] for one in street.asked("enforcement", "")[1]] == [case["case_id"]]
    street.morning.step(60)
    assert street.asked("enforcement", f"{path}/answer", version=2, text="fined")[1]["answer"] == "fined"
    assert street.asked("dispatcher", f"{path}/close", version=3, text="lane is free")[1]["state"] == "closed"
    (row,) = street.clients["viewer"].get(f"/api/v1/stats?from_day={DAY}&to_day={DAY}&table=cases").json()
    assert (row["opened"], row["handed_over"], row["answered"], row["closed"], row["answer_s"]) == (1, 1, 1, 1, 60)
    assert "移交执法的案件" in street.clients["viewer"].get(f"/report/{DAY}").text


def test_of_two_who_click_at_once_one_is_told_to_look_again(street: Street) -> None:
    """By version, as everywhere; a step that the case does not have is refused too; nothing is changed by either."""
    case = street.opened()
    path = f"/{case['case_id']}"
    place = {"kind": "chronic_lane", "estate": street.estate, "room": street.room}
    assert street.asked("dispatcher", "", **place)[0] == 409
    assert street.asked("dispatcher", f"{path}/hand-over", version=1)[0] == 200
    assert street.asked("dispatcher", f"{path}/close", version=1)[0] == 409
    assert street.asked("dispatcher", f"{path}/close", version=2)[0] == 409
    assert street.asked("dispatcher", "/c0/close", version=1)[0] == 404
    assert street.asked("enforcement", "")[1][0]["version"] == 2


def test_a_case_can_be_opened_for_records_that_a_person_names(street: Street) -> None:
    """What no rule counts; a record that is not there, a kind that is none, and what it does not know are refused."""
    named = street.asked("dispatcher", "/suggestions")[1][0]["records"][:1]
    other = {"kind": "other", "estate": street.estate, "note": "rubble on the footpath"}
    status, case = street.asked("dispatcher", "", **other, records=named)
    assert status == 200 and case["evidence"][0]["record"] == named[0] and case["note"]
    assert street.asked("dispatcher", "", **other, records=["no"])[0] == 409
    assert street.asked("dispatcher", "", kind="war", records=named)[0] == 422
    assert street.asked("dispatcher", "", **other)[0] == 409


def test_a_deed_that_is_sent_again_is_done_once(street: Street) -> None:
    """The first answer again, and no second version."""
    case, client = street.opened(), street.clients["dispatcher"]
    path = f"/api/v1/cases/{case['case_id']}/hand-over"
    answers = [client.post(path, json={}, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200] and answers[1].json()["version"] == 2


class Played(ApiDispatcher):
    """The person of a scenario, who says here what a live run says to its bridge."""

    def __init__(self, client: TestClient) -> None:
        super().__init__("")
        self.client = client

    def _sent(self, path: str, body: Any) -> Any:
        url = f"/api/v1/{path}"
        answer = self.client.get(url) if body is None else self.client.post(url, json=body)
        return answer.json() if answer.is_success else None


def test_a_scenarios_case_goes_the_same_way(street: Street) -> None:
    """What the scenes say in virtual time is said by a live run to the API."""
    person = Played(street.house.machine(street.app, "dispatcher", "enforcement"))
    deeds = (("open", "again"), ("hand-over", None), ("answer", "fined"), ("close", None))
    assert not person.say_of_case("chronic_lane", street.room, "hand-over", None)
    assert all(person.say_of_case("chronic_lane", street.room, deed, text) for deed, text in deeds)
    (case,) = street.asked("dispatcher", "")[1]
    assert (case["state"], case["note"], case["answer"]) == ("closed", "again", "fined")
    assert not person.say_of_case("chronic_lane", street.room, "open", None)


def _page(client: TestClient, language: str) -> str:
    return client.get(f"/cases?lang={language}").text


def test_the_page_offers_to_each_what_they_may_do(street: Street) -> None:
    """In both languages; enforcement sees what was handed over and an answer's form, and no suggestion."""
    assert "建议立案" in _page(street.clients["dispatcher"], "zh")
    assert 'data-deed="/api/v1/cases"' in _page(street.clients["dispatcher"], "en")
    case = street.opened()
    assert case["case_id"] not in _page(street.clients["enforcement"], "en")
    assert re.search(r'data-deed="/api/v1/cases/\w+/hand-over"', _page(street.clients["dispatcher"], "en"))
    street.asked("dispatcher", f"/{case['case_id']}/hand-over", version=1)
    page = _page(street.clients["enforcement"], "en")
    assert case["case_id"] in page and "/answer" in page and "/close" not in page and "Suggested" not in page
    assert street.clients["viewer"].get("/cases").status_code == 403
