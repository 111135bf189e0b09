"""The areas of a simulated city are plans like any other."""

import re
from dataclasses import replace

import pytest

from broker.plan.gtfs.feed import read_gtfs, write_gtfs
from sim.city.areas import area_name, area_plan, bins_of
from sim.city.city import shares


@pytest.mark.parametrize("trucks", [1, 4, 7])
def test_a_made_area_is_read_as_it_was_made(tmp_path, trucks):
    plan = area_plan(3, trucks)
    write_gtfs(plan, tmp_path / "feed")
    read = read_gtfs(tmp_path / "feed")
    assert set(read.trucks()) == set(plan.trucks())
    assert len(plan.trucks()) == trucks
    assert read.rooms == plan.rooms
    assert read.runs.keys() == plan.runs.keys()
    for run_id, run in plan.runs.items():
        for there, visit in zip(read.runs[run_id].visits, run.visits, strict=True):
            assert replace(there, distance_m=visit.distance_m) == visit
            assert there.distance_m == pytest.approx(visit.distance_m, abs=0.01)
    assert set(bins_of(plan)) == {(visit.room_id, plan.routes[run.route_id].waste)
                                  for run in plan.runs.values() for visit in run.visits}  # fmt: skip


def test_every_name_of_it_is_there_in_both_languages_and_no_two_areas_share_one():
    names = [area_name(number) for number in range(1, 41)]
    assert len(set(names)) == 40
    plan = area_plan(1, 8)
    for name in (*names, *(room.name for room in plan.rooms.values()), *(one.name for one in plan.routes.values())):
        zh, en = name.split(" / ")
        assert re.search("[一-鿿]", zh)
        assert not re.search("[一-鿿]", en)


def test_areas_lie_apart_and_name_their_devices_alike():
    one, other = area_plan(1, 4), area_plan(2, 4)
    assert one.rooms.keys() == other.rooms.keys()
    assert {room.lon for room in one.rooms.values()}.isdisjoint(room.lon for room in other.rooms.values())


def test_trucks_are_spread_over_the_cells_as_evenly_as_can_be():
    assert shares(40, 10) == [4] * 10
    assert shares(7, 3) == [3, 2, 2]
