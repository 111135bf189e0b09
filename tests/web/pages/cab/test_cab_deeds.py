"""What a crew did without a network comes later: when it was done stands on record beside when it came."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from broker.people.roles import Scope
from broker.rules.bookings.asked import ANSWER_S
from broker.store import Record
from broker.web.view.picture import snapshot
from tests.support.bridge.whole_web import WholeWeb

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WholeWeb]:
    """A truck that stands at its second room, its first one served."""
    web = WholeWeb(tmp_path, served=1)
    web.morning.drive_to(1)
    web.morning.step(60)
    web.desk.show(snapshot(web.morning.bridge, web.morning.now))
    yield web
    web.morning.close()


def crew(web: WholeWeb) -> TestClient:
    """The truck's own."""
    return web.house.machine(web.app, "crew", scope=Scope(trucks=("t01", "t97")))


def on_record(web: WholeWeb, action: str) -> Record:
    """The newest record of what somebody did."""
    return [row for row in web.morning.store.scan("action") if row.body["action"] == action][-1]


def test_a_visit_is_left_when_its_crew_says_that_they_were_done(web: WholeWeb) -> None:
    """Not when it was heard, nor before the truck came; both times and the clock's error are kept."""
    visit = web.morning.trip.visits[1].room_id
    path, now = f"/api/v1/runs/{web.morning.run_id}/visits/{visit}/1/serve", int(web.morning.now)
    run = crew(web).post(path, json={"acted_at": now - 20, "clock_off_s": 600}).json()
    (row,) = [one for one in run["visits"] if one["room"] == visit and one["visit_number"] == 1]
    assert (row["state"], row["left_at"]) == ("served", now - 20)
    kept = on_record(web, "serve")
    assert (kept.at, kept.body["acted_at"], kept.body["clock_off_s"]) == (now, now - 20, 600)
    assert crew(web).post(path, json={"acted_at": now - 10}).status_code == 409


def test_a_visit_is_not_left_before_the_truck_came(web: WholeWeb) -> None:
    """Who pressed on the way there had a reason, and the record stays in order."""
    visit, now = web.morning.trip.visits[1].room_id, int(web.morning.now)
    path = f"/api/v1/runs/{web.morning.run_id}/visits/{visit}/1/serve"
    run = crew(web).post(path, json={"acted_at": now - 3_000}).json()
    (row,) = [one for one in run["visits"] if one["room"] == visit and one["visit_number"] == 1]
    assert row["left_at"] == row["arrived_at"] < now


def test_a_truck_is_full_and_emptied_when_its_crew_says_so(web: WholeWeb) -> None:
    """What comes late says nothing of what happened after it: an older word neither empties a truck nor fills it."""
    client, path, now = crew(web), f"/api/v1/runs/{web.morning.run_id}", int(web.morning.now)
    assert client.post(f"{path}/full", json={"acted_at": now - 1_000}).json()["full_at"] == now - 1_000
    assert client.post(f"{path}/emptied", json={"acted_at": now - 2_000}).status_code == 409
    assert client.post(f"{path}/emptied", json={"acted_at": now - 1_020}).status_code == 200  # a clock is not that good
    run = web.morning.bridge.dispatch.day.runs[web.morning.run_id]
    assert (run.full_at, run.emptied_at) == (None, now - 1_000)
    assert client.post(f"{path}/full", json={"acted_at": now - 1_000}).status_code == 409
    assert client.post(f"{path}/full", json={"acted_at": now - 900}).json()["full_at"] == now - 900


def test_what_waited_for_one_person_is_not_done_as_another(web: WholeWeb) -> None:
    """Somebody else has signed in on the tablet since: it waits until its own person is there again."""
    client, path = crew(web), f"/api/v1/runs/{web.morning.run_id}/full"
    me = client.get("/api/v1/people/me").json()["account"]
    assert client.post(path, json={}, headers={"Zhanpai-Account": "somebody"}).status_code == 401
    assert web.morning.bridge.dispatch.day.runs[web.morning.run_id].full_at is None
    assert client.post(path, json={}, headers={"Zhanpai-Account": me}).status_code == 200


@pytest.mark.parametrize(("ago_s", "status"), [(-31, 409), (-30, 200), (86_400, 200), (86_401, 409)])
def test_what_was_done_tomorrow_or_before_yesterday_is_refused(web: WholeWeb, ago_s: int, status: int) -> None:
    """With the tolerance that devices have, and nothing is kept of it."""
    body = {"acted_at": int(web.morning.now) - ago_s}
    answer = crew(web).post(f"/api/v1/runs/{web.morning.run_id}/full", json=body, headers={"Accept-Language": "zh"})
    assert answer.status_code == status, answer.text
    assert (web.morning.bridge.dispatch.day.runs[web.morning.run_id].full_at is not None) == (status == 200)


def test_a_booking_is_loaded_when_its_crew_says_so(web: WholeWeb) -> None:
    """Accepted when it came, for two must not have one place; loaded when it was done, and never before that."""
    office, named, now = web.house.machine(web.app), f"/api/v1/bookings/{web.booking}", int(web.morning.now)
    assert office.post(f"{named}/book", json={"litres": 1_000}).status_code == 200
    assert crew(web).post(f"{named}/accept", json={"acted_at": now - 300}).json()["accepted_at"] == now
    loaded = crew(web).post(f"{named}/loaded", json={"litres": 1_500, "acted_at": now - 60, "clock_off_s": -3}).json()
    assert (loaded["loaded_at"], loaded["measured_litres"], loaded["overfilled"]) == (now, 1_500, True)


@pytest.mark.parametrize("deed", ["accept", "decline"])
def test_an_answer_to_a_booking_that_was_long_on_its_way_counts_no_more(web: WholeWeb, deed: str) -> None:
    """A phone that was offline for a day promises nothing when it is back, and says no to nothing: it is told so."""
    office, named, now = web.house.machine(web.app), f"/api/v1/bookings/{web.booking}", int(web.morning.now)
    version = office.post(f"{named}/book", json={"litres": 1_000}).json()["version"]
    body = {"reason": "no_truck"} if deed == "decline" else {}
    for ago_s in (ANSWER_S + 1, 80_000):
        late = crew(web).post(f"{named}/{deed}", json={**body, "version": version, "acted_at": now - ago_s})
        assert late.status_code == 409 and "minutes ago, without a network" in late.json()["detail"]
    (row,) = office.get("/api/v1/bookings").json()
    assert (row["state"], row["version"], row["truck"]) == ("requested", version, "t97")
    assert crew(web).post(f"{named}/{deed}", json={**body, "acted_at": now - ANSWER_S}).status_code == 200
