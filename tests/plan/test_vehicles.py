"""vehicles.txt: all vehicles of an area, the contractor's on call too, with what they may load and when they come."""

from pathlib import Path

import pytest

from broker.plan.gtfs.feed import read_gtfs, write_gtfs
from broker.plan.model import Vehicle
from tests.support.plan.small_feed import SMALL, changed, feed, refusals

HEADER = "truck_id,wastes,capacity_bins,capacity_kg,capacity_m3,on_call_start,on_call_end"


def test_vehicles_are_read_and_written_again(tmp_path: Path) -> None:
    """A night's hours go on past 24:00; a cell that is empty states no limit."""
    lines = [HEADER, "t01,residential_wet,190,15000,,,",
             "x01,residential_wet renovation,80,7500.5,12.5,22:00:00,30:00:00"]  # fmt: skip
    plan = read_gtfs(feed(tmp_path, vehicles=lines))
    assert plan.vehicles["x01"] == Vehicle(
        "x01", ("residential_wet", "renovation"), 80, 7_500_500, 12_500, 22 * 3600, 30 * 3600
    )
    assert plan.trucks() == ("t01", "x01")
    write_gtfs(plan, tmp_path / "again")
    assert read_gtfs(tmp_path / "again") == plan


def test_a_feed_written_without_vehicles_leaves_none_of_an_older_one(tmp_path: Path) -> None:
    """What an older feed in the folder says besides would be read as this one's."""
    older = read_gtfs(feed(tmp_path, vehicles=["truck_id,wastes", "x01,renovation"]))
    write_gtfs(older, tmp_path / "again")
    (tmp_path / "vehicles.txt").unlink()
    write_gtfs(read_gtfs(tmp_path), tmp_path / "again")
    assert read_gtfs(tmp_path / "again").trucks() == ("t01",)


def test_a_trip_that_states_no_capacity_has_its_vehicles(tmp_path: Path) -> None:
    """What the trip states itself may be less, of a shared load say."""
    vehicles = [HEADER, "t01,residential_wet,190,15000,,,"]
    run = read_gtfs(feed(tmp_path, vehicles=vehicles)).runs["wet-1"]
    assert (run.capacity_bins, run.capacity_grams) == (190, 15_000_000)
    trips = ["route_id,service_id,trip_id,truck_id,capacity_bins,capacity_kg", "wet,daily,wet-1,t01,100,"]
    run = read_gtfs(feed(tmp_path, vehicles=vehicles, trips=trips)).runs["wet-1"]
    assert (run.capacity_bins, run.capacity_grams) == (100, 15_000_000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x 1,renovation,,,,,", "truck_id 'x 1' cannot be an id"),
        (",renovation,,,,,", "truck_id is empty"),
        ("t01,residential_wet,,,,,", "truck_id 't01' is already on line 2"),
        ("r01,renovation,,,,,", "truck_id 'r01' is a stop of stops.txt: one id is one device"),
        ("x01,,,,,,", "wastes is empty: name what the vehicle may load"),
        ("x01,paper,,,,,", "wastes may name residential_wet"),
        ("x01,renovation renovation,,,,,", "wastes names renovation more than once"),
        ("x01,renovation,0,,,,", "capacity_bins must be a whole number from 1"),
        ("x01,renovation,,false,,,", "capacity_kg must be a number from 1"),
        ("x01,renovation,,,-2,,", "capacity_m3 must be a number from 0.25"),
        ("x01,renovation,,,,25:70:00,26:00:00", "on_call_start must be a time H:MM:SS"),
        ("x01,renovation,,,,06:00:00,", "on_call_end is empty"),
        ("x01,renovation,,,,,06:00:00", "on_call_start is empty"),
        ("x01,renovation,,,,22:00:00,06:00:00", "on_call_end 06:00:00 is not after on_call_start 22:00:00; after "
                                                 "midnight hours go on: 30:00:00"),
        ("x01,renovation", "has 2 cells, the header has 7"),
    ],
)  # fmt: skip
def test_a_vehicle_that_cannot_be_is_refused_by_line(tmp_path: Path, line: str, reason: str) -> None:
    """One finding each, and no second one that follows from it."""
    found = refusals(feed(tmp_path, vehicles=[HEADER, "t01,residential_wet,190,,,,", line]))
    assert len(found) == 1, found
    assert found[0].startswith(f"vehicles.txt:3: {reason}")


def test_all_findings_of_vehicles_come_at_once_with_those_of_other_files(tmp_path: Path) -> None:
    """A missing column is told once; what a trip asks of its vehicle is told at the trip."""
    path = feed(tmp_path, vehicles=["vehicle_id,wastes", "x01,renovation"], **changed("stops", 2, "31.19", "99"))
    assert refusals(path) == [
        "stops.txt:2: stop_lat must be a number from -90 to 90, got '99'",
        "vehicles.txt:1: has no column truck_id (the id under which its computer signs in)",
    ]
    trips = ["route_id,service_id,trip_id,truck_id,capacity_bins,capacity_kg", "wet,daily,wet-1,t01,200,16000"]
    assert refusals(feed(tmp_path, vehicles=[HEADER, "t01,residential_dry,190,15000,,,"], trips=trips)) == [
        "trips.txt:2: capacity_bins 200 is more than truck 't01' has (190, vehicles.txt, line 2)",
        "trips.txt:2: capacity_kg 16000 is more than truck 't01' has (15000, vehicles.txt, line 2)",
        "trips.txt:2: truck 't01' does not load residential_wet (vehicles.txt, line 2)",
    ]


def test_a_truck_cannot_have_the_id_of_a_stop(tmp_path: Path) -> None:
    """One id is one device: the broker would give it one account."""
    assert refusals(feed(tmp_path, **changed("trips", 2, "t01", "r01"))) == [
        "trips.txt:2: truck_id 'r01' is a stop of stops.txt: one id is one device"
    ]
    assert SMALL["trips.txt"][1].endswith("t01")


def test_a_vehicle_may_have_a_yard(tmp_path: Path) -> None:
    """Both numbers, near the area; it is read, and written again as it was."""
    head, vehicle = "truck_id,wastes,yard_lat,yard_lon", "x01,residential_wet,{}"
    plan = read_gtfs(feed(tmp_path, vehicles=[head, vehicle.format("31.2,121.45")]))
    assert plan.vehicles["x01"].yard == (31.2, 121.45)
    write_gtfs(plan, tmp_path / "again")
    assert read_gtfs(tmp_path / "again") == plan
    for given, reason in (("31.2,", "a yard needs yard_lat and yard_lon"), ("31.2,21.45", "the yard lies")):
        (told,) = refusals(feed(tmp_path, vehicles=[head, vehicle.format(given)]))
        assert told.startswith(f"vehicles.txt:2: {reason}")
