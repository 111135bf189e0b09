"""piles.txt: the places for renovation waste, refused by file and line where they cannot be."""

from pathlib import Path

import pytest

from broker.plan.demo_area import demo_plan
from broker.plan.gtfs.feed import read_gtfs, write_gtfs
from broker.plan.model import ON_CALL, Pile
from tests.support.plan.small_feed import feed, refusals

HEADER = "pile_id,pile_name,pile_lat,pile_lon,estate_id,capacity_m3"
SOUND = "p01,Behind house 3,31.19,121.44,e01,4.5"


def test_piles_are_read_and_written_again(tmp_path: Path) -> None:
    """A pile is a place at which a truck calls, and no bin room."""
    plan = read_gtfs(feed(tmp_path, piles=[HEADER, SOUND]))
    assert plan.piles == {"p01": Pile("p01", "Behind house 3", 31.19, 121.44, "e01", 4_500)}
    assert "p01" in plan.places
    assert "p01" not in plan.rooms
    assert plan.names()["p01"] == "Behind house 3"
    write_gtfs(plan, tmp_path / "again")
    assert read_gtfs(tmp_path / "again") == plan


def test_a_feed_written_without_piles_leaves_none_of_an_older_one(tmp_path: Path) -> None:
    """What an older feed in the folder says besides would be read as this one's."""
    write_gtfs(read_gtfs(feed(tmp_path, piles=[HEADER, SOUND])), tmp_path / "again")
    (tmp_path / "piles.txt").unlink()
    write_gtfs(read_gtfs(tmp_path), tmp_path / "again")
    assert read_gtfs(tmp_path / "again").piles == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("p 2,x,31.19,121.44,e01,4", "pile_id 'p 2' cannot be an id"),
        (",x,31.19,121.44,e01,4", "pile_id is empty"),
        ("p01,x,31.19,121.44,e01,4", "pile_id 'p01' is already on line 2"),
        ("r01,x,31.19,121.44,e01,4", "pile_id 'r01' is a stop of stops.txt: one id is one place"),
        ("x01,x,31.19,121.44,e01,4", "pile_id 'x01' is a truck of vehicles.txt"),
        ("p02,,31.19,121.44,e01,4", "pile_name is empty"),
        ("p02,x,,121.44,e01,4", "pile_lat is empty"),
        ("p02,x,31.19,,e01,4", "pile_lon is empty"),
        ("p02,x,91,121.44,e01,4", "pile_lat must be a number from -90"),
        ("p02,x,31.19,east,e01,4", "pile_lon must be a number from -180"),
        ("p02,x,41.19,121.44,e01,4", "the pile lies 1,109 km from the middle of the area"),
        ("p02,x,31.19,121.44,,4", "estate_id is empty: a pile without an estate has nobody who books it"),
        ("p02,x,31.19,121.44,e77,4", "estate_id 'e77' is not in estates.txt"),
        ("p02,x,31.19,121.44,e 1,4", "estate_id 'e 1' cannot be an id"),
        ("p02,x,31.19,121.44,e01,", "capacity_m3 is empty: how much may lie there"),
        ("p02,x,31.19,121.44,e01,0", "capacity_m3 must be a number from 0.25"),
        ("p02,x,31.19,121.44,e01,nan", "capacity_m3 must be a number from 0.25"),
        ("p02,x,31.19,121.44,e01,1e9", "capacity_m3 must be a number from 0.25"),
        ("p02,x,31.19", "has 3 cells, the header has 6"),
    ],
)
def test_a_pile_that_cannot_be_is_refused_by_line(tmp_path: Path, line: str, reason: str) -> None:
    """One finding each, and no second one that follows from it."""
    vehicles = ["truck_id,wastes", "x01,renovation"]
    found = refusals(feed(tmp_path, piles=[HEADER, SOUND, line], vehicles=vehicles))
    assert len(found) == 1, found
    assert found[0].startswith(f"piles.txt:3: {reason}")


def test_a_missing_column_is_told_once(tmp_path: Path) -> None:
    """Not for each of its lines."""
    lines = ["p1,x,31.19,121.44,e01", "p2,x,31.19,121.44,e01"]
    found = refusals(feed(tmp_path, piles=["pile_id,pile_name,pile_lat,pile_lon,estate_id", *lines]))
    assert found == ["piles.txt:1: has no column capacity_m3"]


def test_piles_that_no_truck_serves_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They stay places; nobody can book one."""
    read_gtfs(feed(tmp_path, piles=[HEADER, SOUND]))
    assert "piles.txt: p01: no truck of vehicles.txt loads renovation" in caplog.text


def test_only_trucks_without_a_timetable_can_be_booked() -> None:
    """A truck that drives by timetable for the same waste is not asked for between two of its runs."""
    plan = demo_plan()
    assert [one.truck_id for one in plan.trucks_on_call()] == ["t97", "t98"]
    assert plan.route(ON_CALL.route_id) is ON_CALL
    assert plan.route("no such") is None
