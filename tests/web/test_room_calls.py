"""A keeper's day: the calls of their rooms as they were and will be, and what they say of them by the page."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from broker.people.roles import Scope
from broker.people.rosters import Rosters, shift_of
from broker.web.api.street import keepers
from broker.web.desk import OLD_S
from broker.web.view.room_calls import late_s, next_of
from tests.support.bridge.whole_web import WholeWeb

pytestmark = pytest.mark.real  # tenths of a second each


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WholeWeb]:
    """One visit is served, and the lane is blocked where the truck is now."""
    made = WholeWeb(tmp_path, served=2)
    yield made
    made.morning.close()


def keeper_of(web: WholeWeb, room: str) -> TestClient:
    """Who keeps the rooms of this room's estate."""
    estate = web.morning.plan.rooms[room].estate_id
    return web.house.machine(web.app, "keeper", name="Lao Li", scope=Scope(estates=(estate,)))


def room_of(client: TestClient, room: str) -> dict[str, Any]:
    """A room of the answer."""
    rooms = client.get("/api/v1/rooms/calls").json()["rooms"]
    return next(row for row in rooms if row["room"] == room)


def test_a_keeper_sees_the_calls_of_their_rooms_as_they_were_and_what_is_next(web: WholeWeb) -> None:
    """The served one with its lamp and its truck, the others in order; nothing of another estate."""
    first, waste = web.morning.trip.visits[0].room_id, web.morning.waste
    today = keeper_of(web, first).get("/api/v1/rooms/calls").json()
    estates = {web.morning.plan.rooms[room["room"]].estate_id for room in today["rooms"]}
    assert estates == {web.morning.plan.rooms[first].estate_id}
    calls = next(room for room in today["rooms"] if room["room"] == first)["calls"]
    served = next(call for call in calls if call["state"] == "served" and call["waste"] == waste)
    assert served["due_at"] < served["arrived_at"] < served["left_at"] <= today["at"]
    assert served["late_s"] == served["arrived_at"] - served["planned_at"]
    times = [call["arrived_at"] or call["eta_at"] or call["planned_at"] for call in calls]
    assert times == sorted(times)
    following = next_of(calls)
    assert following is None or following["state"] != "served"


def test_of_many_rooms_one_estate_is_shown_and_another_can_be_asked_for(
    web: WholeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who acts for the area chooses; a keeper is shown no other estate by asking for it."""
    dispatcher, first = web.house.machine(web.app, "dispatcher"), web.morning.plan.rooms["r01"].estate_id
    everything = dispatcher.get("/api/v1/rooms/calls").json()
    assert len(everything["rooms"]) == len(web.morning.plan.rooms) and everything["shown"] is None
    other = next(one["estate"] for one in everything["estates"] if one["estate"] != first)
    one = dispatcher.get(f"/api/v1/rooms/calls?estate={other}").json()
    assert one["shown"] == other and {room["estate"] for room in one["rooms"]} == {other}
    kept = keeper_of(web, "r01").get(f"/api/v1/rooms/calls?estate={other}").json()
    assert {room["estate"] for room in kept["rooms"]} == {first}
    monkeypatch.setattr(keepers, "MOST_AT_ONCE", 3)
    few = dispatcher.get("/api/v1/rooms/calls").json()
    assert few["shown"] is not None and len(few["rooms"]) < len(everything["rooms"])


def test_bins_out_by_the_page_is_what_the_button_says_and_has_a_name(web: WholeWeb) -> None:
    """On record with who said it; sent again by the same key it is said once; a restart knows it."""
    room = web.morning.trip.visits[1].room_id
    keeper = keeper_of(web, room)
    for _ in range(2):
        said = keeper.post(f"/api/v1/rooms/{room}/keeper", json={"event": "bins_out"}, headers={"Idempotency-Key": "k"})
        assert said.status_code == 200 and said.json()["event"] == "bins_out"
    (record,) = web.morning.store.scan("keeper")
    assert (record.key, record.body["event"], record.body["device"]) == (room, "bins_out", room)
    (action,) = (one for one in web.morning.store.scan("action") if one.body["action"] == "keeper")
    assert record.body["who"] == action.body["who"] and "Lao Li" in record.body["who"]
    assert room_of(keeper, room)["bins_out_at"] == record.at
    web.morning.close()
    web.morning.open()
    assert web.morning.bridge.dispatch.day.devices.rooms[room].bins_out_at == record.at


def test_the_lane_is_clear_by_the_page_and_nobody_speaks_for_another_estate(web: WholeWeb) -> None:
    """What is blocked is shown; the word frees it as the button's does, and names who said it."""
    incident = web.morning.bridge.dispatch.day.incidents.get((web.morning.truck, web.incident_id))
    assert incident is not None and incident.room is not None
    keeper = keeper_of(web, incident.room)
    assert [one["incident_id"] for one in room_of(keeper, incident.room)["blocked"]] == [web.incident_id]
    elsewhere = next(one for one in web.morning.plan.rooms.values() if one.estate_id != incident.estate)
    path = "/api/v1/rooms/{}/keeper"
    assert keeper.post(path.format(elsewhere.room_id), json={"event": "lane_clear"}).status_code == 403
    assert keeper.post(path.format("nowhere"), json={"event": "lane_clear"}).status_code == 403
    assert keeper.post(path.format(incident.room), json={"event": "shut"}).status_code == 422
    assert keeper.post(path.format(incident.room), json={"event": "lane_clear"}).status_code == 200
    after = web.morning.bridge.dispatch.day.incidents.get((web.morning.truck, web.incident_id))
    assert after is not None and after.condition == "cleared"
    assert room_of(keeper, incident.room)["blocked"] == []


def test_how_late_is_said_only_where_somebody_knows() -> None:
    """By the arrival, before it by what is believed; not of what was skipped."""
    visit = {"state": "due", "planned_at": 100, "eta_at": 400, "arrived_at": None}
    assert late_s(visit) == 300
    assert late_s({**visit, "arrived_at": 160}) == 60
    assert late_s({**visit, "planned_at": None}) is None
    assert late_s({**visit, "eta_at": None}) is None
    assert late_s({**visit, "state": "skipped"}) is None


def test_a_keeper_on_duty_sees_their_own_rooms_and_the_others_by_asking(web: WholeWeb) -> None:
    """By the roster of the hour; without one those of the estate, and nobody's are hidden from who asks for all."""
    estate = web.morning.plan.rooms["r01"].estate_id
    of_estate = {one for one, room in web.morning.plan.rooms.items() if room.estate_id == estate}
    assert len(of_estate) > 1
    web.house.account("kim", "keeper", scope=Scope(estates=(estate,)))
    client, people, plan = web.house.person(web.app, "kim"), web.house.people, web.morning.plan
    rosters = Rosters(people, plan.rooms, plan.trucks(), lambda: web.morning.now)

    def shown(query: str = "") -> tuple[set[str], int | None]:
        today = client.get(f"/api/v1/rooms/calls{query}").json()
        return {room["room"] for room in today["rooms"]}, today["left_out"]

    assert shown() == (of_estate, None)
    now = datetime.fromtimestamp(web.morning.now, UTC)
    for hours, room in ((-8, min(of_estate)), (0, max(of_estate))):
        start = now + timedelta(hours=hours)
        end = start + timedelta(hours=8)
        rosters.add(shift_of(account="kim", duty="keeper", start=start, end=end, rooms=[room], by="w"))
    assert shown() == ({max(of_estate)}, len(of_estate) - 1)
    assert shown("?all=true") == (of_estate, 0)
    for_a_colleague = f"/api/v1/rooms/{min(of_estate)}/keeper"
    assert client.post(for_a_colleague, json={"event": "bins_out"}).status_code == 200


def test_what_is_of_then_is_said_to_be(web: WholeWeb) -> None:
    """To keeper, property and whoever is asked: of when it is, where no picture is made any more or no device heard."""
    room = web.morning.trip.visits[0].room_id
    estate = web.morning.plan.rooms[room].estate_id
    property_ = web.house.machine(web.app, "property", name="Wu", scope=Scope(estates=(estate,)))
    asks = (keeper_of(web, room), "/api/v1/rooms/calls"), (property_, "/api/v1/answers")

    def said() -> list[tuple[Any, Any]]:
        found = [client.get(path).json() for client, path in asks]
        return [(one["old_since_at"], one["away_since_at"]) for one in found]

    at = web.desk.picture["at"]
    assert said() == [(None, None)] * 2
    web.desk.show({**web.desk.picture, "old_since_at": at - 60})
    assert said() == [(at - 60, None)] * 2
    for since_at, told in ((at - 5, None), (at - 60, at - 60)):  # a broker that is started again is nothing yet
        web.desk.show({**web.desk.picture, "old_since_at": None, "link": {"up": False, "since_at": since_at}})
        assert said() == [(None, told)] * 2
    web.desk.show({**web.desk.picture, "link": {"up": True, "since_at": 1}})
    web.desk.shown_at -= OLD_S + 1  # the loop hangs
    assert said() == [(at, None)] * 2

