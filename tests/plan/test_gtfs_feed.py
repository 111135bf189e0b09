"""A feed is read whole or refused with every reason, each with its file and line."""

import csv
import io
import itertools
import random
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.plain_text import hidden_character
from broker.plan.demo_area import demo_plan
from broker.plan.geometry import lengths_m
from broker.plan.gtfs.feed import Finding, GtfsError, read_gtfs, write_gtfs
from broker.plan.model import Pile, Plan
from tests.support.plan.small_feed import SMALL, changed, feed, refusals

PLAN = demo_plan()

def test_the_small_feed_is_sound(tmp_path: Path) -> None:
    """The feed the other tests spoil is read, with the wastes of its routes and the estates' names."""
    plan = read_gtfs(feed(tmp_path))
    assert plan.rooms["r01"].wastes == ("residential_wet",)
    assert plan.estates["e01"].name == "First"
    assert [visit.arrive_day_s for visit in plan.runs["wet-1"].visits] == [6 * 3600, 6 * 3600 + 600]


@pytest.mark.parametrize("name", ["folder", "feed.zip"])
def test_the_demo_area_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    """Written as folder or .zip and read again, a plan is the same."""
    write_gtfs(PLAN, tmp_path / name)
    assert equal(read_gtfs(tmp_path / name), PLAN)


def equal(one: Plan, other: Plan) -> bool:
    """Whether two plans are the same, metres along a line to the centimetre; the station stands in `broker.toml`."""

    def rounded(plan: Plan) -> Plan:
        return replace(plan, transfer_station=None, runs={
            run_id: replace(run, visits=tuple(replace(v, distance_m=round(v.distance_m, 2)) for v in run.visits))
            for run_id, run in plan.runs.items()
        })  # fmt: skip

    return rounded(one) == rounded(other)


def test_the_same_plan_gives_the_same_zip(tmp_path: Path) -> None:
    """Nothing of the moment of writing is in the file."""
    for name in ("a.zip", "b.zip"):
        write_gtfs(PLAN, tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


ONE_FAULT: dict[str, tuple[dict[str, list[str] | None], str]] = {
    "backwards": (changed("stop_times", 3, "06:10:00", "06:03:00"),
                  "stop_times.txt:3: the time runs backwards: 06:03:00 comes after 06:04:00 (line 2)"),
    "departure first": (changed("stop_times", 3, "06:14:00", "06:09:00"),
                        "stop_times.txt:3: departure_time 06:09:00 is before arrival_time 06:10:00"),
    "half a station": ({"agency": ["agency_id,agency_name,agency_timezone,transfer_station_lat",
                                   "xh,Test,Asia/Shanghai,31.2"]},
                       "agency.txt:2: a transfer station needs transfer_station_lat and transfer_station_lon"),
    "far station": ({"agency": ["agency_id,agency_name,agency_timezone,transfer_station_lat,transfer_station_lon",
                                "xh,Test,Asia/Shanghai,41.2,121.44"]},
                    "agency.txt:2: the transfer station lies 1,1"),
    "no estate": (changed("stops", 3, ",e01", ","), "stops.txt:3: estate_id is empty: a room without an estate"),
    "unknown estate": (changed("stops", 3, "e01", "e02"), "stops.txt:3: estate_id 'e02' is not in estates.txt"),
    "unknown stop": (changed("stop_times", 3, "r02", "r03"), "stop_times.txt:3: stop_id 'r03' is not in stops.txt"),
    "unknown trip": (changed("stop_times", 3, "wet-1", "wet-2"), "stop_times.txt:3: trip_id 'wet-2' is not in trips"),
    "unknown route": (changed("trips", 2, "wet,", "dry,"), "trips.txt:2: route_id 'dry' is not in routes.txt"),
    "unknown service": (changed("trips", 2, "daily", "never"), "trips.txt:2: service_id 'never' is not in calendar"),
    "unknown waste": (changed("routes", 2, "residential_wet", "glass"), "routes.txt:2: waste_kind must be one of"),
    "no truck": (changed("trips", 2, "t01", ""), "trips.txt:2: truck_id is empty"),
    "bad id": ({**changed("stops", 3, "r02,", "r/2,"), **changed("stop_times", 3, "r02", "r/2")},
               "stops.txt:3: stop_id 'r/2' cannot be an id"),
    "lat": (changed("stops", 3, "31.18", "131.18"), "stops.txt:3: stop_lat must be a number from -90 to 90"),
    "nan": (changed("stops", 3, "31.18", "nan"), "stops.txt:3: stop_lat must be a number from -90 to 90, got 'nan'"),
    "no lat": (changed("stops", 3, "31.18", ""), "stops.txt:3: stop_lat is empty"),
    "time": (changed("stop_times", 3, "06:10:00", "6.10"), "stop_times.txt:3: arrival_time must be a time H:MM:SS"),
    "minute 60": (changed("stop_times", 3, "06:10:00", "05:60:00"), "stop_times.txt:3: arrival_time must be a time"),
    "49 h": (changed("stop_times", 3, "06:14:00", "49:00:00"), "stop_times.txt:3: departure_time must be a time"),
    "no time": (changed("stop_times", 3, "06:10:00,06:14:00", ","),
                "stop_times.txt:3: arrival_time and departure_time are empty, and no stop after it has a time"),
    "sequence": (changed("stop_times", 3, ",2", ",1"), "stop_times.txt:3: stop_sequence 1 of trip 'wet-1' is already"),
    "zone": (changed("agency", 2, "Asia/Shanghai", "China"), "agency.txt:2: agency_timezone must be a zone"),
    "zone path": (changed("agency", 2, "Asia/Shanghai", "../etc"), "agency.txt:2: agency_timezone must be a zone"),
    "area id": (changed("agency", 2, "xh,", "x h,"), "agency.txt:2: agency_id 'x h' cannot be an id"),
    "two areas": ({"agency": [*SMALL["agency.txt"], "yh,T,Asia/Shanghai"]}, "agency.txt:3: is a second agency"),
    "no agency": ({"agency": SMALL["agency.txt"][:1]}, "agency.txt: names no agency"),
    "weekday": (changed("calendar", 2, "daily,1", "daily,2"), "calendar.txt:2: monday must be 0 or 1, got '2'"),
    "date": (changed("calendar", 2, "20260101", "20260230"), "calendar.txt:2: start_date must be a day YYYYMMDD"),
    "end first": (changed("calendar", 2, "20991231", "20250101"), "calendar.txt:2: end_date 20250101 is before"),
    "same stop id": ({"stops": [*SMALL["stops.txt"], "r01,N,31.19,121.44,e01"]},
                     "stops.txt:4: stop_id 'r01' is already on line 2"),
    "missing file": ({"stop_times": None}, "stop_times.txt: is missing"),
    "missing calendar": ({"calendar": None}, "calendar.txt: is missing (and so is calendar_dates.txt)"),
    "missing column": (changed("stops", 1, "estate_id", "owner"), "stops.txt:1: has no column estate_id"),
    "column twice": ({"stops": [f"{line},{line.split(',')[1]}" for line in SMALL["stops.txt"]]},
                     "stops.txt:1: has the column stop_name more than once"),
    "too few cells": (changed("stops", 3, ",e01", ""), "stops.txt:3: has 4 cells, the header has 5"),
    "empty file": ({"routes": [""]}, "routes.txt:1: has no header line"),
    "no stop times": ({"stop_times": SMALL["stop_times.txt"][:1]}, "trips.txt:2: trip 'wet-1' has no stop times"),
    "one stop": ({"stop_times": SMALL["stop_times.txt"][:2]}, "trips.txt:2: without a shape a trip needs"),
    "no trip at all": ({"trips": SMALL["trips.txt"][:1], "stop_times": SMALL["stop_times.txt"][:1]},
                       "trips.txt: names no trip"),
    "room refuses waste": ({"stops": ["stop_id,stop_name,stop_lat,stop_lon,estate_id,wastes",
                                      "r01,N,31.19,121.44,e01,residential_wet", "r02,S,31.18,121.44,e01,unit_wet"]},
                           "stop_times.txt:3: r02 does not take residential_wet (stops.txt, line 3)"),
    "teleport": (changed("stops", 3, "31.18", "31.89"), "stop_times.txt:3: no truck drives 7"),
    "capacity": ({"trips": ["route_id,service_id,trip_id,truck_id,capacity_bins", "wet,daily,wet-1,t01,-4"]},
                 "trips.txt:2: capacity_bins must be a whole number from 1 to 10000, got '-4'"),
    "shift end": ({"trips": ["route_id,service_id,trip_id,truck_id,shift_end", "wet,daily,wet-1,t01,06:13:00"]},
                  "trips.txt:2: shift_end 06:13:00 is before the last departure"),
    "unknown shape": ({"trips": ["route_id,service_id,trip_id,truck_id,shape_id", "wet,daily,wet-1,t01,s1"]},
                      "trips.txt:2: shape_id 's1' is not in shapes.txt"),
    "two runs at once": ({"trips": [*SMALL["trips.txt"], "wet,daily,wet-2,t01"],
                          "stop_times": [*SMALL["stop_times.txt"], "wet-2,06:09:00,06:12:00,r01,1",
                                         "wet-2,06:15:00,06:19:00,r02,2"]},
                         "trips.txt:3: truck 't01' is on trip 'wet-1' (line 2) at that time"),
    "long names": ({"trips": ["route_id,service_id,trip_id,truck_id", f"wet,daily,{'w' * 44},t01"],
                    "stop_times": [line.replace("wet-1", "w" * 44) for line in SMALL["stop_times.txt"]]},
                   "stop_times.txt:2: trip_id and stop_id have more than 46 characters together"),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_FAULT)
def test_one_fault_is_one_finding_with_its_line(tmp_path: Path, case: str) -> None:
    """A single fault in an otherwise sound feed is reported once, where it is, and nothing follows from it."""
    changes, expected = ONE_FAULT[case]
    found = refusals(feed(tmp_path, **changes))
    assert len(found) == 1, found
    assert found[0].startswith(expected)


def test_all_faults_are_reported_at_once(tmp_path: Path) -> None:
    """Faults in four files come in one error, in order of file and line."""
    path = feed(
        tmp_path,
        **changed("stops", 3, ",e01", ","),
        **changed("routes", 2, "residential_wet", "glass"),
        **changed("trips", 2, "t01", ""),
        **changed("stop_times", 3, "06:10:00", "late"),
    )
    assert [line.split(":")[0] for line in refusals(path)] == ["routes.txt", "stop_times.txt", "stops.txt", "trips.txt"]


def test_the_error_says_how_many_and_shows_some(tmp_path: Path) -> None:
    """A feed with hundreds of faults gives a text that a person can read, and all findings to a program."""
    rows = [f"r{i:03},N,31.19,121.44," for i in range(500)]
    with pytest.raises(GtfsError) as refused:
        read_gtfs(feed(tmp_path, stops=[SMALL["stops.txt"][0], *rows], stop_times=SMALL["stop_times.txt"][:1]))
    assert len(refused.value.findings) >= 500
    assert "correct the feed and try again" in str(refused.value)
    assert "  and " in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1 + 100 + 1


def test_a_stop_a_thousand_kilometres_away_is_refused(tmp_path: Path) -> None:
    """One stop far from the others is named; the others are not."""
    rows = [f"r{i:02},N,31.1{i},121.44,e01" for i in range(1, 9)]
    found = refusals(feed(tmp_path, stops=[SMALL["stops.txt"][0], *rows, "r09,Far,22.19,121.44,e01"]))
    assert len(found) == 1
    assert found[0].startswith("stops.txt:10: the stop lies 9")


def test_swapped_coordinates_are_recognised(tmp_path: Path) -> None:
    """A stop whose latitude and longitude are exchanged is told so where both could be latitudes."""
    rows = [f"r{i:02},N,41.1{i},2.14,e01" for i in range(1, 9)]
    found = refusals(feed(tmp_path, stops=[SMALL["stops.txt"][0], *rows, "r09,Swapped,2.14,41.15,e01"]))
    assert found == [next(line for line in found if line.endswith("latitude and longitude look swapped"))]


def test_times_past_midnight_stay_with_their_day(tmp_path: Path) -> None:
    """25:10:00 is 01:10 of the next day, still the run of the day before."""
    path = feed(
        tmp_path,
        stop_times=[SMALL["stop_times.txt"][0], "wet-1,23:58:00,24:02:00,r01,1", "wet-1,25:10:00,25:14:00,r02,2"],
    )
    assert read_gtfs(path).runs["wet-1"].visits[1].arrive_day_s == 25 * 3600 + 600


def test_lines_in_any_order_become_a_run_in_sequence(tmp_path: Path) -> None:
    """stop_times need not be sorted, and the sequence may have gaps."""
    head, one, two = SMALL["stop_times.txt"]
    run = read_gtfs(feed(tmp_path, stop_times=[head, two.replace(",2", ",20"), one.replace(",1", ",5")])).runs["wet-1"]
    assert [(visit.room_id, visit.sequence) for visit in run.visits] == [("r01", 5), ("r02", 20)]


def test_a_byte_order_mark_windows_lines_and_blank_lines_are_read(tmp_path: Path) -> None:
    """What a spreadsheet writes is read: a BOM, CR LF, quoted cells, an empty last line, blanks around cells."""
    path = feed(tmp_path)
    text = '\r\n'.join(['stop_id,stop_name,stop_lat,stop_lon,estate_id,stop_desc',
                        'r01 ,"North, ""gate""",31.19,121.44,e01,', '',
                        'r02,South,31.18, 121.44,e01,"two\nlines"', '', ''])  # fmt: skip
    (path / "stops.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    rooms = read_gtfs(path).rooms
    assert rooms["r01"].name == 'North, "gate"'
    (path / "stops.txt").write_bytes(text.replace(",e01,\"", ",e09,\"").encode())
    assert refusals(path)[-1].startswith("stops.txt:4: estate_id 'e09'")


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    """Chinese in another encoding is not guessed at."""
    path = feed(tmp_path)
    lines = "\n".join(SMALL["stops.txt"]).replace("South", "南门").encode("gbk")
    (path / "stops.txt").write_bytes(lines)
    assert refusals(path) == ["stops.txt:3: is not UTF-8; save the file as UTF-8 (with or without a BOM)"]


def test_an_open_quote_is_refused_where_it_begins(tmp_path: Path) -> None:
    """A quote that never closes is an error of its line, not a file read half."""
    found = refusals(feed(tmp_path, **changed("stops", 2, "North", '"North')))
    assert found == ["stops.txt:2: is not CSV from here on: a quote is opened and never closed"]


@pytest.mark.parametrize("what", ["absent", "text", "nested", "empty"])
def test_a_source_that_is_no_feed_is_refused(tmp_path: Path, what: str) -> None:
    """No such path, a file that is no .zip, a .zip with its files in a folder, an empty folder."""
    path = tmp_path / "feed.zip"
    if what == "text":
        path.write_text("hello")
    elif what == "nested":
        with zipfile.ZipFile(path, "w") as archive:
            for name, lines in SMALL.items():
                archive.writestr(f"area/{name}", "\n".join(lines))
    elif what == "empty":
        path.mkdir()
    found = refusals(path)
    expected = {"absent": "there is no such folder", "text": "is not a .zip", "nested": "put it at the top",
                "empty": "is missing"}[what]  # fmt: skip
    assert found
    assert all(expected in line for line in found)


def test_a_table_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    """A .zip may say how large a file in it is; too large is refused before unpacking."""
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in SMALL.items():
            archive.writestr(name, "\n".join(lines))
        archive.writestr("shapes.txt", b"\n" * 65_000_000)
    assert any(line.startswith("shapes.txt: is 65000000 bytes long") for line in refusals(path))


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_zip_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    """A .zip with some bytes changed or cut off gives its plan or a GtfsError, nothing else."""
    rnd = random.Random(seed)
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, lines in SMALL.items():
            archive.writestr(name, "\n".join(lines))
    raw = bytearray(path.read_bytes())
    for _ in range(rnd.randint(1, 6)):
        raw[rnd.randrange(len(raw))] = rnd.randrange(256)
    path.write_bytes(raw[: rnd.randint(1, len(raw))] if rnd.random() < 0.2 else raw)
    try:
        assert read_gtfs(path).runs
    except GtfsError as refused:
        assert refused.findings


def test_without_estates_txt_an_estate_is_its_id(tmp_path: Path) -> None:
    """The file is an extra: without it every estate a stop names exists."""
    assert read_gtfs(feed(tmp_path, estates=None)).estates["e01"].name == "e01"


def test_single_dates_are_exceptions_of_the_calendar(tmp_path: Path) -> None:
    """calendar_dates adds and removes days, and alone makes a service of single days."""
    dates = ["service_id,date,exception_type", "daily,20260501,2", "festival,20260210,1", "festival,20260208,1"]
    trips = [*SMALL["trips.txt"], "wet,festival,wet-2,t02"]
    times = [*SMALL["stop_times.txt"], *(line.replace("wet-1", "wet-2") for line in SMALL["stop_times.txt"][1:])]
    services = read_gtfs(feed(tmp_path, calendar_dates=dates, trips=trips, stop_times=times)).services
    assert services["daily"].removed_dates == {"20260501"}
    assert (services["festival"].start_date, services["festival"].end_date) == ("20260208", "20260210")


def test_two_trips_of_one_truck_on_different_days_are_fine(tmp_path: Path) -> None:
    """The same hours on Mondays and on Tuesdays are no contradiction."""
    head = SMALL["calendar.txt"][0]
    path = feed(
        tmp_path,
        calendar=[head, "daily,1,0,0,0,0,0,0,20260101,20991231", "tue,0,1,0,0,0,0,0,20260101,20991231"],
        trips=[*SMALL["trips.txt"], "wet,tue,wet-2,t01"],
        stop_times=[*SMALL["stop_times.txt"], *(x.replace("wet-1", "wet-2") for x in SMALL["stop_times.txt"][1:])],
    )
    assert len(read_gtfs(path).runs) == 2


def test_a_shorter_trip_lies_on_the_line_of_the_longest(tmp_path: Path) -> None:
    """Without shapes, the longest trip's stops are the line and a trip that leaves one out is placed on it."""
    stops = [*SMALL["stops.txt"], "r03,East,31.18,121.45,e01"]
    trips = [*SMALL["trips.txt"], "wet,daily,wet-2,t02"]
    times = [*SMALL["stop_times.txt"], "wet-1,06:20:00,06:24:00,r03,3",
             "wet-2,08:00:00,08:04:00,r01,1", "wet-2,08:20:00,08:24:00,r03,2"]  # fmt: skip
    plan = read_gtfs(feed(tmp_path, stops=stops, trips=trips, stop_times=times))
    long, short = plan.runs["wet-1"].visits, plan.runs["wet-2"].visits
    assert len(plan.routes["wet"].line) == 3
    assert [v.distance_m for v in short] == pytest.approx([long[0].distance_m, long[2].distance_m], abs=0.01)


def test_the_way_back_has_a_line_of_its_own(tmp_path: Path) -> None:
    """Without shapes, a trip that does not go along the longest one's way goes along its own stops."""
    stops = [*SMALL["stops.txt"], "r03,East,31.18,121.45,e01"]
    trips = [*SMALL["trips.txt"], "wet,daily,wet-2,t02"]
    times = [*SMALL["stop_times.txt"], "wet-1,06:20:00,06:24:00,r03,3",
             "wet-2,08:00:00,08:04:00,r02,1", "wet-2,08:20:00,08:24:00,r01,2"]  # fmt: skip
    plan = read_gtfs(feed(tmp_path, stops=stops, trips=trips, stop_times=times))
    way_out, way_back = plan.route_of(plan.runs["wet-1"]), plan.route_of(plan.runs["wet-2"])
    assert way_out.line == ((31.19, 121.44), (31.18, 121.44), (31.18, 121.45))
    assert way_back.line == ((31.18, 121.44), (31.19, 121.44))
    assert plan.runs["wet-2"].visits[1].distance_m == pytest.approx(1109, abs=1)
    write_gtfs(plan, tmp_path / "again")
    assert equal(read_gtfs(tmp_path / "again"), plan)


SHAPE_TRIPS = ["route_id,service_id,trip_id,truck_id,shape_id", "wet,daily,wet-1,t01,s1"]


def test_a_shape_is_the_line_and_stops_are_projected_onto_it(tmp_path: Path) -> None:
    """Points are taken by shape_pt_sequence, and a stop beside the street lies where it is nearest."""
    shapes = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", "s1,31.17,121.4401,30", "s1,31.20,121.4401,10"]
    plan = read_gtfs(feed(tmp_path, trips=SHAPE_TRIPS, shapes=shapes))
    assert plan.routes["wet"].line == ((31.20, 121.4401), (31.17, 121.4401))
    first, second = plan.runs["wet-1"].visits
    assert first.distance_m == pytest.approx(1106, abs=10)
    assert second.distance_m - first.distance_m == pytest.approx(1106, abs=10)


def test_the_feeds_own_distances_count_in_any_unit(tmp_path: Path) -> None:
    """shape_dist_traveled in kilometres places a stop on the second pass of a street, where projecting would not."""
    shapes = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled",
              "s1,31.20,121.44,1,0", "s1,31.17,121.44,2,3.3", "s1,31.20,121.44,3,6.6"]  # fmt: skip
    times = ["trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled",
             "wet-1,06:00:00,06:04:00,r01,1,1.1", "wet-1,06:10:00,06:14:00,r02,2,4.4"]  # fmt: skip
    _, second = read_gtfs(feed(tmp_path, trips=SHAPE_TRIPS, shapes=shapes, stop_times=times)).runs["wet-1"].visits
    assert second.distance_m == pytest.approx(4.4 * 1000, rel=0.02)
    times[2] = times[2].replace("4.4", "0.4")
    found = refusals(feed(tmp_path, trips=SHAPE_TRIPS, shapes=shapes, stop_times=times))
    assert any("shape_dist_traveled goes back from 1.1 (line 2) to 0.4" in line for line in found)
    assert any("shape_dist_traveled puts the stop" in line for line in found)


def test_a_shape_that_passes_far_away_is_refused(tmp_path: Path) -> None:
    """A stop 1 km beside its route's line is not on the route."""
    shapes = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", "s1,31.20,121.45,1", "s1,31.17,121.45,2"]
    found = refusals(feed(tmp_path, trips=SHAPE_TRIPS, shapes=shapes))
    assert len(found) == 1
    assert "r01 is not within 200 m" in found[0]


WORDS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).map(str.strip)
WORDS = WORDS.filter(lambda word: hidden_character(word) is None)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(WORDS.filter(bool), min_size=3, max_size=3),
    lat=st.floats(-80, 80),
    lon=st.floats(-179, 179),
    starts=st.integers(0, 30 * 3600),
    gaps=st.lists(st.tuples(st.integers(60, 1800), st.integers(0, 900)), min_size=2, max_size=12),
    bins=st.none() | st.integers(1, 500),
    grams=st.none() | st.integers(1000, 20_000_000),
    seed=st.integers(0, 10**6),
)
def test_any_plan_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], lat: float, lon: float, starts: int,
    gaps: list[tuple[int, int]], bins: int | None, grams: int | None, seed: int,
) -> None:  # fmt: skip
    """A plan of any names, places and times that the rules allow survives writing and reading."""
    rnd = random.Random(seed)
    route_id, run = "wet-north", PLAN.runs["wet-north-1"]
    rooms, visits, line, clock = {}, [], [], starts
    for i, (drive_s, dwell_s) in enumerate(gaps):
        where = (round(lat + 0.001 * i, 6), round(lon + rnd.uniform(0, 0.001), 6))
        clock += drive_s
        room = replace(PLAN.rooms["r01"], room_id=f"r{i}", name=names[i % 3], lat=where[0], lon=where[1])
        rooms[room.room_id] = room
        visits.append(replace(run.visits[0], room_id=room.room_id, sequence=i, arrive_day_s=clock,
                              leave_day_s=clock + dwell_s))  # fmt: skip
        line.append(where)
        clock += dwell_s
    visits = [replace(v, distance_m=d) for v, d in zip(visits, lengths_m(line), strict=True)]
    plan = replace(
        PLAN, name=names[0], rooms=rooms, estates={"e01": replace(PLAN.estates["e01"], name=names[1])},
        routes={route_id: replace(PLAN.routes[route_id], name=names[2], line=tuple(line))},
        services={"daily": PLAN.services["daily"]},
        runs={run.trip_id: replace(run, visits=tuple(visits), capacity_bins=bins, capacity_grams=grams,
                                   shift_end_day_s=None)},
        vehicles={"t01": replace(PLAN.vehicles["t01"], capacity_bins=None, capacity_grams=grams)},
        piles={"p1": Pile("p1", names[1], round(lat, 6), round(lon, 6), "e01", 250 + seed % 999_000)},
        transfer_station=(round(lat, 6), round(lon, 6)),
    )  # fmt: skip
    target = tmp_path_factory.mktemp("feed") / "feed.zip"
    write_gtfs(plan, target)
    assert equal(read_gtfs(target), plan)


def spoil_cell(rnd: random.Random, tables: dict[str, list[list[str]]]) -> None:
    """Put a strange value into any cell."""
    rows = tables[rnd.choice(sorted(tables))]
    row = rnd.choice(rows)
    row[rnd.randrange(len(row))] = rnd.choice(
        ["", " ", "-1", "9" * 30, "nan", "1e400", "r01", "\x00", "０", "06:00:00", "<x>", "a,b", '"', "é" * 300]
    )


def drop_row(rnd: random.Random, tables: dict[str, list[list[str]]]) -> None:
    """Leave out any line, the header too."""
    rows = tables[rnd.choice(sorted(tables))]
    del rows[rnd.randrange(len(rows))]


def repeat_row(rnd: random.Random, tables: dict[str, list[list[str]]]) -> None:
    """Have any line twice."""
    rows = tables[rnd.choice(sorted(tables))]
    rows.append(list(rnd.choice(rows)))


def swap_rows(rnd: random.Random, tables: dict[str, list[list[str]]]) -> None:
    """Exchange two lines of a file, the header too."""
    rows = tables[rnd.choice(sorted(tables))]
    i, j = rnd.randrange(len(rows)), rnd.randrange(len(rows))
    rows[i], rows[j] = rows[j], rows[i]


SPOILERS: list[Callable[[random.Random, dict[str, list[list[str]]]], None]] = [
    spoil_cell, drop_row, repeat_row, swap_rows,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(120))
def test_a_spoilt_feed_is_read_or_refused_with_reasons(tmp_path: Path, seed: int) -> None:
    """Whatever is done to a feed's cells and lines, it gives a plan that hangs together or a GtfsError."""
    rnd = random.Random(seed)
    tables = {name: list(csv.reader(lines)) for name, lines in SMALL.items()}
    for _ in range(rnd.randint(1, 3)):
        rnd.choice(SPOILERS)(rnd, {name: rows for name, rows in tables.items() if rows})
    for name, rows in tables.items():
        out = io.StringIO()
        csv.writer(out).writerows(rows)
        (tmp_path / name).write_text(out.getvalue(), encoding="utf-8")
    try:
        plan = read_gtfs(tmp_path)
    except GtfsError as refused:
        assert refused.findings
        assert all(isinstance(f, Finding) and f.reason and f.file for f in refused.findings)
        return
    for run in plan.runs.values():
        assert run.service_id in plan.services
        assert plan.routes[run.route_id].line
        assert all(visit.room_id in plan.rooms for visit in run.visits)
        assert all(a.leave_day_s <= b.arrive_day_s for a, b in itertools.pairwise(run.visits))
    assert all(room.estate_id in plan.estates for room in plan.rooms.values())


def test_writing_over_a_feed_leaves_no_half_file(tmp_path: Path) -> None:
    """A second write replaces the first and leaves nothing beside it."""
    write_gtfs(PLAN, tmp_path / "xh")
    before = sorted(path.name for path in (tmp_path / "xh").iterdir())
    write_gtfs(PLAN, tmp_path / "xh")
    assert sorted(path.name for path in (tmp_path / "xh").iterdir()) == before
    assert all(name.endswith(".txt") for name in before)


def test_single_dates_of_an_older_feed_do_not_stay(tmp_path: Path) -> None:
    """A feed written over one with exceptions has none of them any more."""
    daily = replace(PLAN.services["daily"], removed_dates=frozenset({"20260501"}), added_dates=frozenset({"20250101"}))
    older = replace(PLAN, services={**PLAN.services, "daily": daily})
    write_gtfs(older, tmp_path / "xh")
    assert equal(read_gtfs(tmp_path / "xh"), older)
    write_gtfs(PLAN, tmp_path / "xh")
    assert equal(read_gtfs(tmp_path / "xh"), PLAN)
