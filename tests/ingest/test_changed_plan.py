"""A bridge that starts again with another plan, or with a record that is odd: what has begun is never begun anew."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.plan.model import Plan
from broker.rules.day.attention.about_runs import RoomsGone, VisitsUnread
from broker.rules.day.attention.asked import Topic
from broker.store import Record
from tests.support.bridge.morning import Morning


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    """One room is served and others are called when the bridge goes down."""
    day = Morning(tmp_path / "records")
    day.serve(0)
    day.step(60, 5.0)
    yield day
    assert day.bridge.counts["rule_faults"] == 0
    day.close()


def states(morning: Morning) -> dict[str, str]:
    """Room and state of the run's visits, as they are on record."""
    visits = [record.body for record in morning.store.latest("visit").values()]
    return {body["room"]: body["state"] for body in visits if body.get("run_id") == morning.run_id}


def calls(morning: Morning) -> dict[str, set[int]]:
    """When each call was made, by all that is on record."""
    made: dict[str, set[int]] = {}
    for record in morning.store.scan("call"):
        made.setdefault(record.key, set()).add(record.body["called_at"])
    return made


def restarted(morning: Morning, plan: Plan | None = None, odd: Record | None = None) -> None:
    """The bridge dies; it is started again over this plan, and with this record in its store."""
    if odd is not None:
        morning.store.append([odd])
    morning.store.close()
    morning.plan = plan or morning.plan
    morning.now += 5
    morning.open()
    morning.step(30, 5.0)


def odd(kind: str, key: str, morning: Morning) -> Record:
    """A record that is no record of its kind, and the newest of its key."""
    at = int(morning.now)
    return Record(f"{kind}:{key}:{10**14 - 1}", kind, key, at, at, "xh", {"of": "another"})


def without_room(plan: Plan, room: str) -> Plan:
    """The plan of an area that gave up a room."""
    runs = {
        name: replace(run, visits=tuple(visit for visit in run.visits if visit.room_id != room))
        for name, run in plan.runs.items()
    }
    return replace(plan, rooms={name: one for name, one in plan.rooms.items() if name != room}, runs=runs)


def without_route(plan: Plan, route: str, new_id: str = "") -> Plan:
    """The plan of an area that gave up a route, or gave it another id."""
    kept = {name: one for name, one in plan.routes.items() if name != route}
    if new_id:
        kept[new_id] = replace(plan.routes[route], route_id=new_id)
    runs = {
        name: replace(run, route_id=new_id) if run.route_id == route else run
        for name, run in plan.runs.items()
        if new_id or run.route_id != route
    }
    return replace(plan, routes=kept, runs=runs)


def test_a_room_that_leaves_the_plan_takes_only_its_own_visit_along(morning: Morning) -> None:
    """What was served stays served, who was called stays called, the room's visit is cancelled and named."""
    last = morning.trip.visits[-1].room_id
    before, made = states(morning), calls(morning)
    for _ in range(2):
        restarted(morning, without_room(morning.plan, last))
        after = states(morning)
        assert after.pop(last) == "cancelled"
        assert {room: state for room, state in before.items() if state != "pending"}.items() <= after.items()
        assert {name: calls(morning)[name] for name in made} == made
        asked = morning.bridge.dispatch.day.attention.of(Topic.GONE)[morning.run_id]
        assert asked.values == RoomsGone(morning.truck, morning.run_id, 1)
    assert morning.retained[f"zp/v1/xh/room/{last}/arrival/{morning.waste}"]["state"] == "none"
    assert last not in {room for room, _, _ in morning.itinerary()}


def test_stops_that_were_numbered_anew_lie_where_their_rooms_are(morning: Morning) -> None:
    """The visit of the old third stop is not looked for at the new third stop's place."""
    plan = without_room(morning.plan, morning.trip.visits[2].room_id)
    trip = plan.runs[morning.trip.trip_id]
    visits = tuple(replace(visit, sequence=number) for number, visit in enumerate(trip.visits, start=1))
    restarted(morning, replace(plan, runs={**plan.runs, trip.trip_id: replace(trip, visits=visits)}))
    along = {visit.room_id: visit.distance_m for visit in visits}
    pending = morning.bridge.dispatch.day.runs[morning.run_id].tracker.pending
    assert all(visit.distance_m in (None, along[visit.key[0]]) for visit in pending)


def test_the_lamp_of_a_called_room_that_leaves_the_plan_goes_off(morning: Morning) -> None:
    """Its call ends on record too."""
    room = morning.trip.visits[2].room_id
    assert morning.arrival(room)["state"] == "due"
    restarted(morning, without_room(morning.plan, room))
    assert morning.arrival(room)["state"] == "none"
    ends = [r.body["how"] for r in morning.store.scan("call") if r.body["room"] == room and r.body["ended_at"]]
    assert ends == ["cancelled"]


def test_a_route_of_another_name_is_the_same_run(morning: Morning) -> None:
    """Same trips, same stops: the truck goes on along its line, nobody is called twice."""
    before, made = states(morning), calls(morning)
    restarted(morning, without_route(morning.plan, morning.trip.route_id, "new"))
    run = morning.bridge.dispatch.day.runs[morning.run_id]
    assert run.route_id == "new"
    assert states(morning) == before
    assert {name: calls(morning)[name] for name in made} == made
    assert run.tracker.pending[0].distance_m == morning.trip.visits[1].distance_m


def test_a_route_that_leaves_the_plan_leaves_no_lamp_lit_and_no_question(morning: Morning) -> None:
    """There is no run that could answer: the rooms are told that nothing comes, a person is told what is left out."""
    morning.drive_to(2, 9.0)
    day = morning.bridge.dispatch.day
    assert day.attention.of(Topic.PASSED)
    plan, lit = morning.plan, [visit.room_id for visit in morning.trip.visits]
    restarted(morning, without_route(plan, morning.trip.route_id))
    day = morning.bridge.dispatch.day
    assert {morning.arrival(room)["state"] for room in lit} == {"none"}
    assert {about: asked.word for about, asked in day.attention} == {(Topic.GONE, morning.run_id): "run_gone"}
    assert not any(key[0] == morning.run_id for key in day.visits)
    assert "zp/v1/xh/truck/t01/itinerary" not in morning.retained
    restarted(morning, plan)  # it was a mistake: the run is where it was
    assert states(morning)[lit[0]] == "served"
    assert morning.bridge.dispatch.day.runs[morning.run_id].state == "running"


def test_what_is_said_of_a_run_that_is_left_out_goes_after_a_while(morning: Morning) -> None:
    """It stays for a day and a half, like everything that is over."""
    restarted(morning, without_route(morning.plan, morning.trip.route_id))
    gone = morning.bridge.dispatch.day.attention.of(Topic.GONE)
    morning.speak = False
    morning.hours(34)
    assert morning.run_id in gone
    morning.hours(5)
    assert morning.run_id not in gone


def test_one_odd_visit_does_not_begin_the_run_anew(morning: Morning) -> None:
    """The run goes on without it, and a person is told which room that is, in both languages."""
    rooms = [visit.room_id for visit in morning.trip.visits[-2:]]
    made = calls(morning)
    morning.store.append([odd("visit", f"{morning.run_id}/{rooms[0]}/1", morning)])
    restarted(morning, odd=odd("visit", f"{morning.run_id}/{rooms[1]}/1", morning))
    day = morning.bridge.dispatch.day
    assert states(morning)[morning.trip.visits[0].room_id] == "served"
    assert {name: calls(morning)[name] for name in made} == made
    asked = day.attention.of(Topic.UNREAD)[morning.run_id].values
    assert isinstance(asked, VisitsUnread)
    for room in rooms:  # dark would mean that nothing comes
        assert (morning.arrival(room)["state"], morning.arrival(room)["eta_at"]) == ("scheduled", None)
    names = [morning.plan.rooms[room].name.split(" / ") for room in rooms]
    assert asked.rooms == " / ".join(", ".join(name[part] for name in names) for part in (0, 1))


def test_an_odd_record_of_a_run_is_made_up_for_by_the_one_before(morning: Morning) -> None:
    """Its second visit is on the list though that record did not have it yet."""
    morning.press()
    itinerary = sorted(morning.itinerary())
    newest = morning.store.latest("run", morning.run_id)[morning.run_id]
    records: list[Any] = [r for r in morning.store.scan("run") if r.key == morning.run_id]
    assert len(newest.body["order"]) > len(records[0].body["order"])
    for record in records[1:]:
        morning.store.amend(record.id, {"order": "nonsense"}, "a test", "tester", int(morning.now))
    restarted(morning)
    assert sorted(room for room, _, _ in morning.itinerary()) == sorted(room for room, _, _ in itinerary)
    assert states(morning)[morning.trip.visits[0].room_id] == "served"


def test_a_run_of_which_no_record_is_understood_is_named_and_not_begun_anew(morning: Morning) -> None:
    """Its visits on record stay as they are."""
    before = states(morning)
    for record in list(morning.store.scan("run")):
        if record.key == morning.run_id:
            morning.store.amend(record.id, {"order": "nonsense"}, "a test", "tester", int(morning.now))
    restarted(morning)
    day = morning.bridge.dispatch.day
    assert morning.run_id not in day.runs
    assert day.attention.of(Topic.UNREAD)[morning.run_id].word == "run_unread"
    told = [morning.arrival(visit.room_id) for visit in morning.trip.visits]
    assert {(body["state"], body["eta_at"]) for body in told} == {("scheduled", None)}
    assert states(morning) == before
