"""Feeds give the times of some stops only: those between are worked out by distance, the ends are asked for."""

from pathlib import Path

import pytest

from broker.plan.gtfs.feed import read_gtfs, write_gtfs
from tests.support.plan.small_feed import SMALL, feed, refusals

TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence"
STOPS = [*SMALL["stops.txt"], "r03,East,31.18,121.45,e01", "r04,Far East,31.18,121.47,e01"]
EMPTY = "arrival_time and departure_time are empty, and no stop"
NEEDED = "stop of a trip needs one, what lies between is worked out by distance"
SHAPES = "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence"


def arrivals(path: Path) -> dict[str, int]:
    """When the run comes to each room, in seconds after six."""
    return {visit.room_id: visit.arrive_day_s - 6 * 3600 for visit in read_gtfs(path).runs["wet-1"].visits}


def test_a_stop_without_times_has_them_by_its_share_of_the_way(tmp_path: Path) -> None:
    """r03 lies at a third of the way from r02 to r04; nothing is said of how long the truck stays there."""
    times = [TIMES, "wet-1,06:00:00,06:04:00,r01,1", "wet-1,06:10:00,06:14:00,r02,2", "wet-1,,,r03,3",
             "wet-1,06:20:00,06:22:00,r04,4"]  # fmt: skip
    path = feed(tmp_path, stops=STOPS, stop_times=times)
    assert arrivals(path) == {"r01": 0, "r02": 600, "r03": 960, "r04": 1200}
    visit = read_gtfs(path).runs["wet-1"].visits[2]
    assert visit.leave_day_s == visit.arrive_day_s
    write_gtfs(read_gtfs(path), tmp_path / "again")
    assert arrivals(tmp_path / "again") == arrivals(path)


def test_the_way_along_a_shape_counts_not_the_straight_line(tmp_path: Path) -> None:
    """The street from r02 to r03 goes round by the south: it is most of the way."""
    times = [TIMES, "wet-1,06:00:00,06:00:00,r02,1", "wet-1,,,r03,2", "wet-1,06:20:00,06:20:00,r04,3"]
    trips = ["route_id,service_id,trip_id,truck_id,shape_id", "wet,daily,wet-1,t01,s"]
    shapes = [SHAPES, "s,31.18,121.44,1", "s,31.15,121.44,2", "s,31.15,121.45,3", "s,31.18,121.45,4",
              "s,31.18,121.47,5"]  # fmt: skip
    straight = arrivals(feed(tmp_path, stops=STOPS, stop_times=times))["r03"]
    along = arrivals(feed(tmp_path, stops=STOPS, stop_times=times, trips=trips, shapes=shapes))["r03"]
    assert straight == 400
    assert 940 < along < 980


def test_the_feeds_own_distances_count_before_ours(tmp_path: Path) -> None:
    """In any unit, if every stop of the trip has one."""
    times = [f"{TIMES},shape_dist_traveled", "wet-1,06:00:00,06:00:00,r02,1,0", "wet-1,,,r03,2,9",
             "wet-1,06:20:00,06:20:00,r04,3,10"]  # fmt: skip
    assert arrivals(feed(tmp_path, stops=STOPS, stop_times=times))["r03"] == 1080
    times[2] = "wet-1,,,r03,2,"
    assert arrivals(feed(tmp_path, stops=STOPS, stop_times=times))["r03"] == 400


def test_stops_at_one_place_share_the_time_evenly(tmp_path: Path) -> None:
    """There is no way between them that could say more."""
    stops = [SMALL["stops.txt"][0], "r01,North,31.19,121.44,e01", *(f"r0{n},Hall,31.18,121.44,e01" for n in (2, 3, 4))]
    times = [TIMES, "wet-1,06:00:00,06:00:00,r01,1", "wet-1,06:10:00,06:10:00,r02,2", "wet-1,,,r03,3",
             "wet-1,06:20:00,06:20:00,r04,4"]  # fmt: skip
    assert arrivals(feed(tmp_path, stops=stops, stop_times=times))["r03"] == 900


def test_one_time_of_two_is_both(tmp_path: Path) -> None:
    """A first stop may say its departure only, a last one its arrival."""
    times = [TIMES, "wet-1,,06:04:00,r01,1", "wet-1,06:10:00,,r02,2"]
    visits = read_gtfs(feed(tmp_path, stop_times=times)).runs["wet-1"].visits
    assert [(v.arrive_day_s, v.leave_day_s) for v in visits] == [(21_840, 21_840), (22_200, 22_200)]


def test_a_place_that_is_passed_at_a_time_bounds_what_is_beside_it(tmp_path: Path) -> None:
    """The depot's gate has a time, the first room none."""
    times = [f"{TIMES},pickup_type", "wet-1,06:00:00,06:00:00,r02,1,1", "wet-1,,,r03,2,",
             "wet-1,06:20:00,06:20:00,r04,3,"]  # fmt: skip
    stops = [line.replace("South,31.18,121.44,e01", "Gate,31.18,121.44,") for line in STOPS]
    assert arrivals(feed(tmp_path, stops=stops, stop_times=times)) == {"r03": 400, "r04": 1200}


def test_times_that_were_worked_out_start_with_each_run_of_a_frequency(tmp_path: Path) -> None:
    """frequencies.txt moves them with the others."""
    times = [TIMES, "wet-1,06:00:00,06:00:00,r02,1", "wet-1,,,r03,2", "wet-1,06:20:00,06:20:00,r04,3"]
    frequencies = ["trip_id,start_time,end_time,headway_secs", "wet-1,08:00:00,10:00:00,3600"]
    runs = read_gtfs(feed(tmp_path, stops=STOPS, stop_times=times, frequencies=frequencies)).runs
    assert [run.visits[1].arrive_day_s for run in runs.values()] == [8 * 3600 + 400, 9 * 3600 + 400]


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (["wet-1,,,r01,1", "wet-1,06:10:00,06:14:00,r02,2"],
         f"stop_times.txt:2: {EMPTY} before it has a time: the first {NEEDED}"),
        (["wet-1,06:00:00,06:04:00,r01,1", "wet-1,,,r02,2"],
         f"stop_times.txt:3: {EMPTY} after it has a time: the last {NEEDED}"),
        (["wet-1,,,r01,1", "wet-1,,,r02,2"],
         f"stop_times.txt:2: {EMPTY} before it has a time: the first {NEEDED}"),
        (["wet-1,06:10:00,06:10:00,r01,1", "wet-1,,,r03,2", "wet-1,06:00:00,06:01:00,r02,3"],
         "stop_times.txt:4: the time runs backwards: 06:00:00 comes after 06:10:00 (line 2)"),
        (["wet-1,06:00:00,06:04:00,r01,1", "wet-1,6 am,,r03,2", "wet-1,06:20:00,06:20:00,r02,3"],
         "stop_times.txt:3: arrival_time must be a time H:MM:SS up to 48:00:00, got '6 am'"),
    ],
)  # fmt: skip
def test_what_cannot_be_worked_out_is_refused_once_with_advice(tmp_path: Path, times: list[str], found: str) -> None:
    """One finding for each trip, and none that only follows from another."""
    assert refusals(feed(tmp_path, stops=STOPS, stop_times=[TIMES, *times])) == [found]


def test_a_timepoint_without_a_time_is_refused(tmp_path: Path) -> None:
    """timepoint 1 says that the truck keeps a time there; 0 and nothing do not."""
    times = [f"{TIMES},timepoint", "wet-1,06:00:00,06:00:00,r02,1,1", "wet-1,,,r03,2,0",
             "wet-1,06:20:00,06:20:00,r04,3,"]  # fmt: skip
    assert arrivals(feed(tmp_path, stops=STOPS, stop_times=times))["r03"] == 400
    times[2] = "wet-1,,,r03,2,1"
    (found,) = refusals(feed(tmp_path, stops=STOPS, stop_times=times))
    assert found.startswith("stop_times.txt:3: timepoint 1 says that the truck keeps a time here, and there is none")


def test_a_table_with_one_time_for_each_stop_is_read(tmp_path: Path) -> None:
    """The other column may be left out; both may not, which is told once."""
    for column in ("arrival_time", "departure_time"):
        times = [f"trip_id,{column},stop_id,stop_sequence", "wet-1,06:00:00,r01,1", "wet-1,06:10:00,r02,2"]
        assert arrivals(feed(tmp_path, stop_times=times)) == {"r01": 0, "r02": 600}
    neither = ["trip_id,stop_id,stop_sequence", "wet-1,r01,1", "wet-1,r02,2"]
    found = refusals(feed(tmp_path, stop_times=neither))
    assert found == ["stop_times.txt:1: has no column arrival_time (nor departure_time)"]
