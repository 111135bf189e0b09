"""What strangers' feeds say besides stops and times is obeyed or refused by name, and nothing of it is dropped."""

from dataclasses import replace
from pathlib import Path

import pytest

from broker.plan.gtfs.feed import read_gtfs, write_gtfs
from tests.support.plan.small_feed import SMALL, changed, feed, refusals

THREE_STOPS = [*SMALL["stops.txt"], "r03,East,31.18,121.45,e01"]
TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence"
FREQUENCIES = "trip_id,start_time,end_time,headway_secs,exact_times"


def starts(path: Path) -> dict[str, str]:
    """The first arrival of each run as H:MM, by its id."""
    return {
        run_id: f"{run.visits[0].arrive_day_s // 3600}:{run.visits[0].arrive_day_s % 3600 // 60:02}"
        for run_id, run in read_gtfs(path).runs.items()
    }


def test_a_trip_with_frequencies_is_one_run_for_each_start(tmp_path: Path) -> None:
    """Two periods with different headways: the end of a period begins no run, times of the trip only say how long."""
    path = feed(tmp_path, frequencies=[FREQUENCIES, "wet-1,06:00:00,08:00:00,3600,", "wet-1,21:30:00,25:00:00,7200,1"])
    assert starts(path) == {"wet-1.0600": "6:00", "wet-1.0700": "7:00", "wet-1.2130": "21:30", "wet-1.2330": "23:30"}
    late = read_gtfs(path).runs["wet-1.2330"].visits
    assert [visit.leave_day_s - visit.arrive_day_s for visit in late] == [240, 240]
    write_gtfs(read_gtfs(path), tmp_path / "again")
    assert starts(tmp_path / "again") == starts(path)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["wet-1,06:00:00,09:00:00,0,"], "frequencies.txt:2: headway_secs must be a whole number from 1"),
        (["wet-1,06:00:00,09:00:00,,"], "frequencies.txt:2: headway_secs is empty"),
        (["wet-1,09:00:00,06:00:00,3600,"], "frequencies.txt:2: end_time 06:00:00 is not after start_time"),
        (["wet-9,06:00:00,09:00:00,3600,"], "frequencies.txt:2: trip_id 'wet-9' is not in trips.txt"),
        (["wet-1,06:00:00,09:00:00,3600,", "wet-1,08:00:00,10:00:00,1800,"], "frequencies.txt:3: trip 'wet-1' has"),
        (["wet-1,06:00:00,09:00:00,3600,2"], "frequencies.txt:2: exact_times must be a whole number from 0 to 1"),
        (["wet-1,00:00:00,30:00:00,1,"], "frequencies.txt:2: the trip would start 108000 times"),
        (["wet-1,47:50:00,48:00:00,300,"], "frequencies.txt:2: the trip that starts at 47:50 would end after 48:00"),
        (["wet-1,06:00:00,06:20:00,600,"], "trips.txt:2: truck 't01' is on trip 'wet-1.0600' (line 2) at that time"),
    ],
)
def test_frequencies_that_cannot_be_are_refused(tmp_path: Path, lines: list[str], reason: str) -> None:
    """Each is named with its line; so is a headway that the one truck cannot keep."""
    found = refusals(feed(tmp_path, frequencies=[FREQUENCIES, *lines]))
    assert len(found) == 1
    assert found[0].startswith(reason)


def test_a_stop_where_nothing_is_collected_is_passed(tmp_path: Path) -> None:
    """It is no visit, may lie anywhere and have no time, but it is on the way; nobody's estate need be told."""
    times = [f"{TIMES},pickup_type,drop_off_type", "wet-1,06:00:00,06:04:00,r01,1,0,0", "wet-1,,,gate,2,1,1",
             "wet-1,06:20:00,06:24:00,r02,3,,1"]  # fmt: skip
    plan = read_gtfs(feed(tmp_path, stops=[*SMALL["stops.txt"], "gate,Gate,31.185,121.46,"], stop_times=times))
    assert [visit.room_id for visit in plan.runs["wet-1"].visits] == ["r01", "r02"]
    assert (31.185, 121.46) in plan.routes["wet"].line
    assert set(plan.rooms) == {"r01", "r02"}


def test_a_trip_that_collects_nowhere_is_refused(tmp_path: Path) -> None:
    """A run without a room is none."""
    times = [f"{TIMES},pickup_type", "wet-1,06:00:00,06:04:00,r01,1,1", "wet-1,06:10:00,06:14:00,r02,2,1"]
    assert refusals(feed(tmp_path, stop_times=times)) == [
        "stop_times.txt:2: the trip collects nowhere: each of its stops has pickup_type 1"
    ]


def test_a_stop_that_is_phoned_for_is_a_visit_by_appointment(tmp_path: Path) -> None:
    """pickup_type 2 and 3 are kept, also when the plan is written and read again."""
    times = [f"{TIMES},pickup_type", "wet-1,06:00:00,06:04:00,r01,1,2", "wet-1,06:10:00,06:14:00,r02,2,0"]
    plan = read_gtfs(feed(tmp_path, stop_times=times))
    assert [visit.by_appointment for visit in plan.runs["wet-1"].visits] == [True, False]
    write_gtfs(plan, tmp_path / "again")
    again = read_gtfs(tmp_path / "again").runs["wet-1"].visits
    assert [visit.by_appointment for visit in again] == [True, False]


def test_a_business_is_an_estate_of_its_own_kind(tmp_path: Path) -> None:
    """estates.txt says so; without the column an estate is where people live."""
    estates = ["estate_id,estate_name,estate_kind", "e01,First,", "u01,Noodle House,business"]
    path = feed(tmp_path, estates=estates, **changed("stops", 3, "e01", "u01"))
    kinds = {estate_id: estate.kind for estate_id, estate in read_gtfs(path).estates.items()}
    assert kinds == {"e01": "residential", "u01": "business"}
    write_gtfs(read_gtfs(path), tmp_path / "again")
    assert read_gtfs(tmp_path / "again").estates == read_gtfs(path).estates
    estates[1] = "e01,First,shop"
    assert refusals(feed(tmp_path, estates=estates))[0].startswith("estates.txt:2: estate_kind must be one of")


def test_stations_entrances_and_nodes_are_no_rooms(tmp_path: Path) -> None:
    """They need no estate; a trip that stops at one is refused, as is a parent that does not exist."""
    stops = ["stop_id,stop_name,stop_lat,stop_lon,estate_id,location_type,parent_station",
             "r01,North,31.19,121.44,e01,0,st", "r02,South,31.18,121.44,e01,,", "st,Station,31.19,121.44,,1,",
             "node,,,,,3,st"]  # fmt: skip
    assert set(read_gtfs(feed(tmp_path, stops=stops)).rooms) == {"r01", "r02"}
    stops[1] = stops[1].replace(",st", ",gone")
    found = refusals(feed(tmp_path, stops=stops, **changed("stop_times", 3, "r02", "st")))
    assert found == [
        "stop_times.txt:3: 'st' is a station (location_type): name one of the stops there",
        "stops.txt:2: parent_station 'gone' is not in stops.txt",
    ]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stop_times": [f"{TIMES},continuous_pickup", "wet-1,06:00:00,06:04:00,r01,1,0",
                         "wet-1,06:10:00,06:14:00,r02,2,"]}, "stop_times.txt:2: continuous_pickup '0'"),
        ({"routes": ["route_id,route_long_name,waste_kind,continuous_drop_off", "wet,Wet,residential_wet,2"]},
         "routes.txt:2: continuous_drop_off '2'"),
        ({"stop_times": [f"{TIMES},location_id", "wet-1,06:00:00,06:04:00,r01,1,zone",
                         "wet-1,06:10:00,06:14:00,r02,2,"]}, "stop_times.txt:2: location_id: a truck drives to rooms"),
        ({"routes": ["route_id,route_long_name,waste_kind,agency_id", "wet,Wet,residential_wet,other"]},
         "routes.txt:2: agency_id 'other' is not the feed's agency"),
        ({"agency": [*SMALL["agency.txt"], "yy,Other,Asia/Tokyo"]}, "agency.txt:3: is a second agency"),
        ({"trips": ["route_id,service_id,trip_id,truck_id,block_id", "wet,daily,wet-1,t01,b", "wet,daily,wet-2,t02,b"],
          "stop_times": [*SMALL["stop_times.txt"], "wet-2,08:00:00,08:04:00,r01,1", "wet-2,08:20:00,08:24:00,r02,2"]},
         "trips.txt:3: block_id 'b' is one vehicle, but this trip has truck 't02' and line 2 has 't01'"),
        ({"trips": [*SMALL["trips.txt"], "wet,daily,wet-2,t02"],
          "stop_times": [*SMALL["stop_times.txt"], "wet-2,08:00:00,08:04:00,r01,1", "wet-2,08:20:00,08:24:00,r02,2"],
          "transfers": ["from_stop_id,to_stop_id,from_trip_id,to_trip_id,transfer_type", "r02,r01,wet-1,wet-2,4"]},
         "transfers.txt:2: the vehicle goes on as another trip, but 'wet-1' has truck 't01' and 'wet-2' has 't02'"),
        ({"feed_info": ["feed_publisher_name,feed_start_date,feed_end_date", "P,20270101,20260101"]},
         "feed_info.txt:2: feed_end_date 20260101 is before feed_start_date 20270101"),
        (changed("stops", 3, "South", "South\u202egate"), "stops.txt:3: stop_name holds U+202E (right-to-left"),
        (changed("estates", 2, "First", "Fi\x07rst"), "estates.txt:2: estate_name holds U+0007 (a control character)"),
        (changed("agency", 2, "Test", "Te\u2066st"), "agency.txt:2: agency_name holds U+2066"),
        (changed("routes", 2, "Wet", "W\u200fet"), "routes.txt:2: route_long_name holds U+200F (right-to-left mark)"),
        ({"stops": [line.replace(",", ";") for line in SMALL["stops.txt"]]}, "stops.txt:1: is separated by semicolons"),
    ],
)  # fmt: skip
def test_what_would_change_the_meaning_is_refused_by_name(
    tmp_path: Path, changes: dict[str, list[str] | None], reason: str
) -> None:
    """What the product does not do is not dropped in silence; there is one finding, with file, line and reason."""
    found = refusals(feed(tmp_path, **changes))
    assert len(found) == 1, found
    assert found[0].startswith(reason)


@pytest.mark.parametrize(
    ("first", "second", "days", "together"),
    [
        ("23:00:00", "00:10:00", "1,1,1,1,1,1,1", True),  # 23:00 to 25:10 meets the next day's 00:10
        ("23:00:00", "02:00:00", "1,1,1,1,1,1,1", False),
        ("23:00:00", "00:10:00", "1,0,1,0,1,0,0", False),  # no day follows another
    ],
)
def test_a_truck_is_not_on_two_runs_over_midnight(
    tmp_path: Path, first: str, second: str, days: str, together: bool
) -> None:
    """A run that ends after midnight meets the next day's runs of its truck."""
    def later(clock: str, minutes: int) -> str:
        total = int(clock[:2]) * 60 + int(clock[3:5]) + minutes
        return f"{total // 60:02}:{total % 60:02}:00"

    times = [TIMES]
    for trip, clock in (("wet-1", first), ("wet-2", second)):
        times += [f"{trip},{clock},{later(clock, 5)},r01,1", f"{trip},{later(clock, 120)},{later(clock, 130)},r02,2"]
    path = feed(tmp_path, trips=[*SMALL["trips.txt"], "wet,daily,wet-2,t01"], stop_times=times,
                calendar=[SMALL["calendar.txt"][0], f"daily,{days},20260101,20991231"])  # fmt: skip
    if together:
        assert refusals(path) == ["trips.txt:3: truck 't01' is on trip 'wet-1' (line 2) at that time (past midnight)"]
    else:
        assert len(read_gtfs(path).runs) == 2


def test_a_run_longer_than_a_day_meets_itself(tmp_path: Path) -> None:
    """A truck that is away for 25 hours cannot start every day."""
    path = feed(tmp_path, **changed("stop_times", 3, "06:10:00,06:14:00", "31:00:00,31:10:00"))
    assert refusals(path) == ["trips.txt:2: truck 't01' has not ended this trip when it begins again a day later"]


def test_two_shapes_on_a_route_are_two_ways(tmp_path: Path) -> None:
    """Each trip drives its own shape, and the plan comes back as it was."""
    trips = ["route_id,service_id,trip_id,truck_id,shape_id", "wet,daily,wet-1,t01,s1", "wet,daily,wet-2,t02,s2"]
    shapes = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", "s1,31.20,121.4401,1", "s1,31.17,121.4401,2",
              "s2,31.17,121.4399,1", "s2,31.20,121.4399,2"]  # fmt: skip
    times = [*SMALL["stop_times.txt"], "wet-2,08:00:00,08:04:00,r02,1", "wet-2,08:20:00,08:24:00,r01,2"]
    plan = read_gtfs(feed(tmp_path, trips=trips, shapes=shapes, stop_times=times))
    ways = {run_id: plan.route_of(run).line[0] for run_id, run in plan.runs.items()}
    assert ways == {"wet-1": (31.20, 121.4401), "wet-2": (31.17, 121.4399)}
    write_gtfs(plan, tmp_path / "again")
    again = read_gtfs(tmp_path / "again")
    assert {run_id: again.route_of(run).line[0] for run_id, run in again.runs.items()} == ways
    assert replace(again, runs={}) == replace(plan, runs={})


UNUSED: dict[str, tuple[dict[str, list[str] | None], str]] = {
    "routes": ({"routes": [*SMALL["routes.txt"], "bus7,Night bus,", "bus8,,glass"]},
               "routes.txt: bus7, bus8: no trip drives it"),
    "an agency": ({"agency": [*SMALL["agency.txt"], "yy,Other,nowhere"],
                   "routes": ["route_id,route_long_name,waste_kind,agency_id", "wet,Wet,residential_wet,xh",
                              "bus7,Night bus,,yy"]}, "agency.txt: yy: no route is theirs"),
    "a room": ({"stops": THREE_STOPS}, "stops.txt: r03: no trip stops there; it stays a room"),
    "ten routes": ({"routes": [*SMALL["routes.txt"], *(f"b{n},," for n in range(1, 11))]},
                   "routes.txt: b1, b2, b3, b4, b5, b6, b7, b8 and 2 more: no trip"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNUSED)
def test_what_nothing_uses_is_left_out_with_one_warning_by_name(
    tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Strangers' feeds have such lines, with gaps that nobody fills: the runs are those of the feed without them."""
    changes, warning = UNUSED[case]
    plan = read_gtfs(feed(tmp_path, **changes))
    assert (plan.area_id, set(plan.routes), set(plan.runs)) == ("xh", {"wet"}, {"wet-1"})
    assert set(plan.rooms) == {"r01", "r02"} | ({"r03"} if case == "a room" else set())
    assert [text for text in caplog.messages if warning in text], caplog.messages
    assert len(caplog.messages) == (2 if case == "an agency" else 1)


def test_a_stop_without_an_estate_that_nobody_serves_is_refused_with_both_ways_out(tmp_path: Path) -> None:
    """A line too many or an estate too few: only who made the feed can know."""
    assert refusals(feed(tmp_path, stops=[*SMALL["stops.txt"], "s9,Old stop,31.18,121.44,"])) == [
        "stops.txt:4: estate_id is empty: a room without an estate has nobody who is told to clear its lane; no trip "
        "stops there, so its line may be left out"
    ]


def test_services_shapes_and_estates_that_nothing_uses_are_nobodys_question(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They change nothing and hide nothing: a feed of another year has them by the hundred."""
    shapes = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", "old,31.20,121.44,1"]
    path = feed(tmp_path, shapes=shapes, estates=[*SMALL["estates.txt"], "e77,Empty"],
                calendar=[*SMALL["calendar.txt"], "old,0,0,0,0,0,0,0,20200101,20200102"])  # fmt: skip
    assert set(read_gtfs(path).runs) == {"wet-1"} and not caplog.messages
    dates = ["service_id,date,exception_type", "daily,20261201,1"]
    assert set(read_gtfs(feed(tmp_path, calendar=None, calendar_dates=dates)).runs) == {"wet-1"}


def test_a_line_that_names_what_is_not_there_is_refused_though_something_else_is_unused_by_that(tmp_path: Path) -> None:
    """A slip of the pen makes a route or a stop unused: what is said is the slip, once."""
    assert refusals(feed(tmp_path, **changed("trips", 2, "wet,", "wte,"))) == [
        "trips.txt:2: route_id 'wte' is not in routes.txt"
    ]
    assert refusals(feed(tmp_path, **changed("stop_times", 3, "r02", "r20"))) == [
        "stop_times.txt:3: stop_id 'r20' is not in stops.txt"
    ]


def test_marks_and_lines_within_quotes_are_read_as_they_were_meant(tmp_path: Path) -> None:
    """Two byte order marks in front, as joined files have; a description over two lines shifts no line number."""
    stops = ["\ufeff\ufeffstop_id,stop_name,stop_desc,stop_lat,stop_lon,estate_id",
             'r01,North,"by the gate,\nsecond ""door""",31.19,121.44,e01', "r02,South,,91.18,121.44,e01"]  # fmt: skip
    (found,) = refusals(feed(tmp_path, stops=stops))
    assert found == "stops.txt:4: stop_lat must be a number from -90 to 90, got '91.18'"
    stops[2] = stops[2].replace("91.", "31.")
    assert read_gtfs(feed(tmp_path, stops=stops)).rooms["r01"].name == "North"


def test_tables_as_other_programs_write_them(tmp_path: Path) -> None:
    """Spaces before quotes, empty cells past the header's last, lines of commas, a shape that no trip drives."""
    stops = ["stop_id, stop_name, stop_lat, stop_lon, estate_id", 'r01, "North, gate", +31.19, 121.44, e01,,', ",,,,",
             "", " r02 ,South\u3000,31.18\u00a0,121.44,e01 "]  # fmt: skip
    shapes = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", "old,31.20,121.44,1"]
    rooms = read_gtfs(feed(tmp_path, stops=stops, shapes=shapes)).rooms
    assert [(room.name, room.lat) for room in rooms.values()] == [("North, gate", 31.19), ("South", 31.18)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stops": [SMALL["stops.txt"][0].replace("stop_id", "Stop_ID"), *SMALL["stops.txt"][1:]]},
         "stops.txt:1: has no column stop_id; Stop_ID must be in small letters"),
        ({"transfers": [""]}, "transfers.txt:1: has no header line; a file that says nothing is better left out"),
        (changed("stops", 3, "South", '"South "big" gate"'),
         "stops.txt:3: is not CSV: ',' expected after '\"'; a quote within quotes is written twice"),
        (changed("stops", 3, "South", "So\u200buth"), "stops.txt:3: stop_name holds U+200B (zero width space)"),
        (changed("stops", 3, "South", "So\u3164uth"), "stops.txt:3: stop_name holds U+3164 (hangul filler)"),
        (changed("stops", 3, "South", "So\u00aduth"), "stops.txt:3: stop_name holds U+00AD (soft hyphen)"),
        (changed("stops", 3, "South", "So\u2060uth"), "stops.txt:3: stop_name holds U+2060 (word joiner)"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_with_advice(
    tmp_path: Path, changes: dict[str, list[str] | None], reason: str
) -> None:
    """The first sentence says where, the second what to do."""
    assert refusals(feed(tmp_path, **changes))[0].startswith(reason)


def test_a_column_that_is_missing_is_told_once_and_hides_nothing(tmp_path: Path) -> None:
    """The faults of the other columns, and of the other files, come in the same answer."""
    found = refusals(feed(
        tmp_path,
        stops=["stop_id,stop_name,stop_lat,stop_lon", "r01,North,131.19,121.44", "r02,,31.18,121.44"],
        trips=["route_id,service_id,trip_id,shift_end", "wet,daily,wet-1,05:00:00", "dry,daily,wet-2,"],
        stop_times=[TIMES, "wet-1,06:00:00,06:04:00,r01,1", "wet-1,06:10:00,06:05:00,r02,2", "wet-1,x",
                    "wet-3,,,r09,1"],
    ))  # fmt: skip
    assert [text.split(" (")[0] for text in found] == [
        "stop_times.txt:3: departure_time 06:05:00 is before arrival_time 06:10:00",
        "stop_times.txt:4: has 2 cells, the header has 5",
        "stop_times.txt:5: stop_id 'r09' is not in stops.txt",
        "stop_times.txt:5: trip_id 'wet-3' is not in trips.txt",
        "stops.txt:1: has no column estate_id",
        "stops.txt:2: stop_lat must be a number from -90 to 90, got '131.19'",
        "stops.txt:3: stop_name is empty",
        "trips.txt:1: has no column truck_id",
        "trips.txt:2: shift_end 05:00:00 is before the last departure",
        "trips.txt:3: route_id 'dry' is not in routes.txt",
        "trips.txt:3: trip 'wet-2' has no stop times",
    ]


def test_advice_fits_the_feed(tmp_path: Path) -> None:
    """A feed without shapes hears nothing of shapes; one with a shape hears which."""
    without = refusals(feed(tmp_path, **changed("stops", 3, "31.18", "31.19")))
    assert without == ["trips.txt:2: without a shape a trip needs at least two rooms at different places"]
    shapes = ["shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", "s1,31.20,121.45,1", "s1,31.17,121.45,2"]
    trips = ["route_id,service_id,trip_id,truck_id,shape_id", "wet,daily,wet-1,t01,s1"]
    found = refusals(feed(tmp_path, trips=trips, shapes=shapes, stops=SMALL["stops.txt"]))
    assert found == ["stop_times.txt:2: r01 is not within 200 m of shape 's1' at this point of the order: correct the "
                     "shape or the order, or leave shape_id empty, then the stops are the line"]  # fmt: skip


def test_an_hour_after_midnight_is_told_how_to_write_it(tmp_path: Path) -> None:
    """00:10 after 23:55 is the commonest slip of a night run."""
    times = [TIMES, "wet-1,23:50:00,23:55:00,r01,1", "wet-1,00:10:00,00:14:00,r02,2"]
    (found,) = refusals(feed(tmp_path, stop_times=times))
    assert found.startswith("stop_times.txt:3: the time runs backwards: 00:10:00 comes after 23:55:00 (line 2); ")
    assert found.endswith("after midnight hours go on: 00:10:00 is 24 hours more")


def test_days_outside_what_the_feed_says_it_knows_are_not_planned(tmp_path: Path) -> None:
    """feed_info.txt bounds the services, single dates too."""
    path = feed(tmp_path, feed_info=["feed_publisher_name,feed_start_date,feed_end_date", "P,20260301,20260331"],
                calendar_dates=["service_id,date,exception_type", "daily,20260401,1", "daily,20260315,2"])  # fmt: skip
    service = read_gtfs(path).services["daily"]
    assert (service.start_date, service.end_date, set(service.added_dates)) == ("20260301", "20260331", set())
    over = ["feed_publisher_name,feed_end_date", "P,20250101"]
    assert not any(read_gtfs(feed(tmp_path, feed_info=over)).services["daily"].weekdays)


@pytest.mark.parametrize("day", ["00010101", "10261129", "29261129", "99991231"])
@pytest.mark.parametrize("name", ["calendar", "calendar_dates", "feed_info"])
def test_a_day_of_a_year_in_which_no_truck_drives_is_refused(tmp_path: Path, name: str, day: str) -> None:
    """A slip in the year is told with its line; it neither ends the import nor makes it search a thousand years."""
    overnight = changed("stop_times", 3, "06:10:00,06:14:00", "25:10:00,25:14:00")
    lines: dict[str, list[str] | None] = {
        "calendar": [SMALL["calendar.txt"][0], f"daily,1,1,1,1,1,1,1,{day},20301231"],
        "calendar_dates": ["service_id,date,exception_type", "daily,20261101,1", f"daily,{day},1"],
        "feed_info": ["feed_publisher_name,feed_start_date,feed_end_date", f"a,{day},"],
    }
    told = refusals(feed(tmp_path, **overnight, **{name: lines[name]}))
    line = len(lines[name] or [])
    assert any(f"{name}.txt:{line}: " in one and f"years 1990 to 2200, got {day}" in one for one in told)
