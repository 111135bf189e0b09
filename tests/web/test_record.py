"""The record over HTTP: statistics, the report, weigh-ins and the plan, from a morning that was driven."""

import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from broker.people.roles import Scope
from broker.store import where
from broker.web.api.figures.record import record_router
from broker.web.security import guarded
from broker.web.view.picture import snapshot
from tests.support.bridge.direct_desk import DirectDesk
from tests.support.bridge.morning import DAY, Morning
from tests.support.people import House, screen_of

pytestmark = pytest.mark.real  # a whole morning is driven first


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    """A morning with three rooms served, nine bins of 20 kg taken at two of them."""
    morning = Morning(tmp_path / "records")
    first, second = (planned.room_id for planned in morning.trip.visits[:2])
    for room, count in ((first, 5), (second, 4)):
        bins = [{"waste": morning.waste, "count": count, "grams": count * 20_000, "quality": 0}]
        morning.say("bins", {"at": int(morning.now), "late": False, "bins": bins}, device=room)
    for number in range(2):
        morning.serve(number)
        room = morning.trip.visits[number].room_id
        bins = [{"waste": morning.waste, "count": 0, "grams": 0, "quality": 0}]
        morning.say("bins", {"at": int(morning.now), "late": False, "bins": bins}, device=room)
    morning.serve(2)
    morning.step(60, 5.0)
    yield morning
    morning.close()


@pytest.fixture
def client(morning: Morning) -> TestClient:
    """The application over that morning."""
    desk = DirectDesk()
    desk.morning = morning
    desk.show(snapshot(morning.bridge, morning.now))
    return screen_of(desk, morning.store, [record_router(morning.store, morning.plan)])


def test_the_figures_are_those_of_the_morning(client: TestClient) -> None:
    """Three visits served, nine bins and 180 kg collected, all on one day."""
    (row,) = client.get(f"/api/v1/stats?from_day={DAY}&to_day={DAY}").json()
    assert row["served"] == 3
    assert row["bins"] == 9
    assert row["grams"] == 180_000


def test_a_day_without_data_is_a_gap(client: TestClient) -> None:
    """The day after has no zeros."""
    after = DAY + dt.timedelta(days=1)
    rows = client.get(f"/api/v1/stats?from_day={DAY}&to_day={after}").json()
    assert rows[0]["served"] == 3
    assert rows[1]["served"] is None


@pytest.mark.parametrize(
    "question", ["from_day=x&to_day=y", "from_day=2026-11-23&to_day=2026-11-22", "from_day=2026-01-01"]
)
def test_a_wrong_question_is_refused(client: TestClient, question: str) -> None:
    """Bad days and an end before its beginning are 422, with the reason."""
    answer = client.get(f"/api/v1/stats?{question}")
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_an_unknown_dimension_names_those_there_are(client: TestClient) -> None:
    """`by` says what it takes."""
    answer = client.get(f"/api/v1/stats?from_day={DAY}&to_day={DAY}&by=moon")
    assert answer.status_code == 422
    assert "waste" in answer.json()["detail"]


def test_the_report_reads_in_both_languages(client: TestClient) -> None:
    """One self-contained page in the language that was asked for, Chinese by itself; no address elsewhere."""
    for asked, said in (("?language=zh", "清运日报"), ("?language=en", "collection report"), ("", "清运日报")):
        page = client.get(f"/report/{DAY}{asked}")
        assert page.status_code == 200 and said in page.text
        assert f'<html lang="{"en" if "en" in asked else "zh-CN"}">' in page.text
        assert "http://" not in page.text.replace("http://www.w3.org", "")
        assert "https://" not in page.text


def test_a_weigh_in_is_kept(client: TestClient) -> None:
    """The transfer station's figure becomes a record with who weighed."""
    body = {"truck": "t01", "waste": "residential_wet", "grams": 175_000}
    assert client.post("/api/v1/weighings", json=body).status_code == 200
    assert client.post("/api/v1/weighings", json={**body, "grams": -1}).status_code == 422
    assert client.post("/api/v1/weighings", json={**body, "waste": "gold"}).status_code == 422


def test_every_weigh_in_counts_on_its_own_day(morning: Morning, client: TestClient) -> None:
    """A truck is weighed twice a day, day after day: a later load takes nothing from an earlier one."""
    body = {"truck": "t01", "waste": morning.waste}
    after = DAY + dt.timedelta(days=1)
    for kilograms in ((100, 200), (70, 50)):
        for load in kilograms:
            assert client.post("/api/v1/weighings", json={**body, "grams": load * 1000}).status_code == 200
            morning.step(5)
        morning.now += 86_400
    rows = client.get(f"/api/v1/stats?from_day={DAY}&to_day={after}").json()
    assert [(row["weighings"], row["weighed_grams"]) for row in rows] == [(2, 300_000), (2, 120_000)]
    asked = f"/api/v1/stats?from_day={DAY}&to_day={after}&table=weigh_ins"
    assert [(row["day"], row["weighed_grams"]) for row in client.get(asked).json()] == [
        (str(DAY), 300_000), (str(after), 120_000),
    ]  # fmt: skip
    stored = [record.body["grams"] for record in morning.store.search(where("kind") == "weighing")]
    assert sorted(stored) == [50_000, 70_000, 100_000, 200_000]


def test_the_figures_agree_with_the_records(morning: Morning, client: TestClient) -> None:
    """What was collected at served visits is what their newest records say."""
    (row,) = client.get(f"/api/v1/stats?from_day={DAY}&to_day={DAY}").json()
    newest = [record for record in morning.store.latest("visit").values() if record.body["state"] == "served"]
    counted = [record.body for record in newest if record.body["bins_before"] is not None]
    for name in ("bins", "grams"):
        assert row[name] == sum(body[f"{name}_before"] - body[f"{name}_after"] for body in counted)
    assert row["served"] == len(newest) == 3


def test_the_plan_is_served_as_a_feed(client: TestClient) -> None:
    """/gtfs.zip holds the tables of the plan."""
    archive = zipfile.ZipFile(io.BytesIO(client.get("/gtfs.zip").content))
    assert {"stops.txt", "trips.txt", "stop_times.txt"} <= set(archive.namelist())


def test_a_strangers_page_may_not_act(client: TestClient) -> None:
    """A POST from another origin is refused before anything is decided, in whichever way its browser says so."""
    body = {"truck": "t01", "waste": "residential_wet", "grams": 1}
    own = {"Origin": "http://127.0.0.1"}
    for said in (
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"}, own | {"Sec-Fetch-Site": "cross-site"},
    ):  # fmt: skip
        assert client.post("/api/v1/weighings", json=body, headers=said).status_code == 403, said
    for said in ({}, own, own | {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        assert client.post("/api/v1/weighings", json=body, headers=said).status_code == 200, said


def test_calls_are_scored(client: TestClient) -> None:
    """Each call of a served visit has its lead."""
    served = [call for call in client.get("/api/v1/calls").json() if call["how"] == "served"]
    assert len(served) == 3
    assert all(call["lead_s"] == call["arrived_at"] - call["called_at"] for call in served)


def test_the_scores_of_calls_are_told_to_an_estate_about_its_own_rooms(morning: Morning, client: TestClient) -> None:
    """By room, route, day and kind, the worst first; nobody sees another estate's, an unknown word is refused."""
    asked = f"/api/v1/calls/scores?from_day={DAY}&to_day={DAY}"
    rows = client.get(asked).json()
    assert sum(row["scored"] for row in rows) == 3 and {row["day"] for row in rows} == {str(DAY)}
    off = [row["outside_band_s"] for row in rows if row["outside_band_s"] is not None]
    assert off == sorted(off, reverse=True) and len(client.get(f"{asked}&most=1").json()) == 1
    (whole,) = client.get(f"{asked}&by=route").json()
    assert (whole["route"], whole["room"], whole["scored"]) == (morning.route.route_id, None, 3)
    assert client.get(f"{asked}&by=moon").status_code == 422
    estates = {morning.plan.rooms[row["room"]].estate_id for row in rows}
    estate = min(estates)
    house, app = House(), FastAPI()
    app.include_router(record_router(morning.store, morning.plan))
    guarded(app, house.gate)
    keeper = house.machine(app, "keeper", name="K", scope=Scope(estates=(estate,)))
    mine = keeper.get(asked).json()
    assert mine and {morning.plan.rooms[row["room"]].estate_id for row in mine} == {estate}
    assert {row["off_room"] for row in mine} <= {None, *(row["room"] for row in mine)}
    far, off_room = next((row["room"], row["off_room"]) for row in rows if row["off_room"] not in {None, row["room"]})
    other = morning.plan.rooms[far].estate_id
    assert morning.plan.rooms[off_room].estate_id != other
    stranger = house.machine(app, "keeper", name="L", scope=Scope(estates=(other,)))
    assert {row["off_room"] for row in stranger.get(asked).json() if row["room"] == far} == {None}


def test_health_and_metrics(client: TestClient) -> None:
    """/healthz says what the store says; /metrics is Prometheus text."""
    assert client.get("/healthz").json()["ok"] is True
    assert "zhanpai_fix_age_seconds" in client.get("/metrics").text


def test_no_such_incident_is_404(client: TestClient) -> None:
    """A click on what is not there is told so."""
    answer = client.post("/api/v1/incidents/none/acknowledge", json={})
    assert answer.status_code == 404 and "no such incident" in answer.json()["detail"]


def test_an_option_is_chosen_by_what_was_looked_at(tmp_path: Path) -> None:
    """The shown id carries the option out; one that is not on offer any more is 409 and says what to do."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    incident_id = morning.press("breakdown")
    morning.step(2)
    desk = DirectDesk()
    desk.morning = morning
    desk.show(snapshot(morning.bridge, morning.now))
    client = screen_of(desk, morning.store)
    (shown,) = client.get("/api/v1/incidents").json()
    offer = next(offer for offer in shown["offers"] if offer["name"] == "extra_truck")
    body = {"decision": "extra_truck", "truck": "t99", "version": shown["version"]}
    path = f"/api/v1/incidents/{incident_id}/decide"
    stale = client.post(path, json={**body, "offer": "0123456789abcdef"})
    assert (stale.status_code, "look again" in stale.json()["detail"]) == (409, True)
    assert client.post(path, json={**body, "offer": "none"}).status_code == 422
    assert client.post(path, json={**body, "offer": offer["id"]}).json()["decision"] == "extra_truck"
    morning.close()
