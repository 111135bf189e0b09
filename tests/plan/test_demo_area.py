"""The demo area is a plan that a real crew could drive."""

import itertools

import pytest

from broker.plan.demo_area import BINS, demo_plan, main
from broker.plan.geometry import distance_m, lengths_m, point_at
from broker.registers.elections.demo import demo_elections
from broker.registers.safety.demo import demo_works
from firmware import wire

PLAN = demo_plan()
MORNING = [run for run in PLAN.runs.values() if run.visits[0].arrive_day_s < 9 * 3600]


def test_it_is_as_large_as_the_demo_needs() -> None:
    """There are at least three trucks, sixteen rooms, eight estates and four waste kinds."""
    assert len(PLAN.trucks()) >= 3
    assert len(PLAN.rooms) >= 16
    assert len(PLAN.estates) >= 8
    assert len({route.waste for route in PLAN.routes.values()}) >= 4


def test_hazardous_waste_comes_by_appointment() -> None:
    """Its visits are weighed and none of the others is."""
    hazardous = {run_id for run_id, run in PLAN.runs.items() if PLAN.routes[run.route_id].waste == "hazardous"}
    assert hazardous
    for run_id, run in PLAN.runs.items():
        assert all(visit.by_appointment == (run_id in hazardous) for visit in run.visits)


def test_its_estates_are_those_of_the_registers() -> None:
    """An estate of the plan is a residential area of the elections and an estate of the safety works, by name."""
    names = [estate.name.split(" / ")[0] for estate in PLAN.estates.values()]
    assert [area["name"] for area in demo_elections()["areas"]] == names
    assert {one["id"]: one["name"] for one in demo_works()["estates"]} == dict(zip(PLAN.estates, names, strict=True))
    assert {room.estate_id for room in PLAN.rooms.values()} == set(PLAN.estates)


def test_every_id_can_be_a_topic_level() -> None:
    """Area, rooms, trucks and runs have ids the wire accepts, and the wastes are the wire's."""
    for name in (PLAN.area_id, *PLAN.rooms, *PLAN.trucks(), *PLAN.runs, *PLAN.routes):
        assert wire.is_id(name), name
    assert {waste for room in PLAN.rooms.values() for waste in room.wastes} <= set(wire.WASTES)


def test_every_reference_leads_somewhere() -> None:
    """Runs name routes, services and rooms that exist, and a room serves the waste of each run that stops there."""
    for run in PLAN.runs.values():
        waste = PLAN.routes[run.route_id].waste
        assert run.service_id in PLAN.services
        assert all(waste in PLAN.rooms[visit.room_id].wastes for visit in run.visits)
    assert all(room.estate_id in PLAN.estates for room in PLAN.rooms.values())


@pytest.mark.parametrize("run", MORNING, ids=lambda run: run.trip_id)
def test_a_morning_run_is_a_real_mornings_work(run) -> None:
    """A morning run has 8 to 14 rooms and takes 85 to 125 minutes."""
    assert 8 <= len(run.visits) <= 14
    assert 85 * 60 <= run.visits[-1].leave_day_s - run.visits[0].arrive_day_s <= 125 * 60


@pytest.mark.parametrize("run", PLAN.runs.values(), ids=lambda run: run.trip_id)
def test_times_and_distances_only_grow_and_bins_fit(run) -> None:
    """A run's times and distances grow, its bins fit the truck and it ends before the shift."""
    for a, b in itertools.pairwise(run.visits):
        assert a.arrive_day_s < a.leave_day_s < b.arrive_day_s
        assert a.distance_m < b.distance_m
    waste = PLAN.routes[run.route_id].waste
    assert sum(BINS[visit.room_id, waste] for visit in run.visits) <= run.capacity_bins
    assert run.visits[-1].leave_day_s < run.shift_end_day_s


def test_a_truck_has_one_run_at_a_time() -> None:
    """The runs of one truck do not overlap."""
    for truck in PLAN.trucks():
        spans = sorted(
            (r.visits[0].arrive_day_s, r.visits[-1].leave_day_s) for r in PLAN.runs.values() if r.truck_id == truck
        )
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize("run", PLAN.runs.values(), ids=lambda run: run.trip_id)
def test_rooms_lie_on_the_line_where_the_plan_says(run) -> None:
    """Walking `distance_m` along the route's line ends within 3 m of the room."""
    line = PLAN.routes[run.route_id].line
    for visit in run.visits:
        room = PLAN.rooms[visit.room_id]
        here = point_at(line, lengths_m(line), visit.distance_m)
        assert distance_m(*here, room.lat, room.lon) < 3, visit.room_id


@pytest.mark.parametrize("route", PLAN.routes.values(), ids=lambda route: route.route_id)
def test_streets_meet_at_right_angles_and_no_truck_turns_on_the_spot(route) -> None:
    """Each piece of a line runs along a latitude or a longitude, and none goes back over the piece before it."""
    for a, b in itertools.pairwise(route.line):
        assert a != b
        assert a[0] == b[0] or a[1] == b[1]
    for a, b, c in zip(route.line, route.line[1:], route.line[2:], strict=False):
        assert (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) >= 0


def test_two_trucks_stop_at_the_same_room() -> None:
    """Most rooms are served by two trucks or more, each for another waste."""
    trucks = {room_id: {r.truck_id for r in PLAN.runs.values() for v in r.visits if v.room_id == room_id}
              for room_id in PLAN.rooms}  # fmt: skip
    assert sum(len(served_by) >= 2 for served_by in trucks.values()) >= 16


@pytest.mark.parametrize(("asked", "code"), [("--help", 0), ("--hepl", 2)])
def test_a_wrong_or_a_curious_word_writes_no_folder(asked: str, code: int, tmp_path, monkeypatch) -> None:
    """What begins with a dash is no place."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([asked])
    assert ended.value.code == code and not list(tmp_path.iterdir())
