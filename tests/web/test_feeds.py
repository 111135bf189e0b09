"""The feeds as they are served: GTFS-Realtime for programs and for people, the plan's zip as a stranger reads it."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from google.transit import gtfs_realtime_pb2 as gtfs

from broker.plan.calendar import service_runs
from broker.plan.demo_area import demo_plan
from broker.plan.geometry import lengths_m
from broker.plan.gtfs.feed import read_gtfs
from broker.plan.model import Plan, Service
from broker.web.api import realtime
from broker.web.api.figures.record import record_router
from broker.web.desk import Desk
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning
from tests.support.bridge.whole_web import WholeWeb
from tests.support.people import behind_the_door, screen_of
from tests.support.realtime import Read, Timetable, broken

PACKAGES = Path(__file__).resolve().parents[2] / ".bench" / "packages"  # bench/requirements.txt
FEEDS = {"vp": "vehicle-positions", "tu": "trip-updates", "sa": "alerts"}  # as the validator calls them
REQUIRED = {
    "agency.txt": ("agency_name", "agency_url", "agency_timezone"),
    "stops.txt": ("stop_id", "stop_name", "stop_lat", "stop_lon"),
    "routes.txt": ("route_id", "route_long_name", "route_type"),
    "trips.txt": ("route_id", "service_id", "trip_id", "shape_id"),
    "stop_times.txt": ("trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"),
    "calendar.txt": ("service_id", "monday", "sunday", "start_date", "end_date"),
    "shapes.txt": ("shape_id", "shape_pt_lat", "shape_pt_lon", "shape_pt_sequence"),
}
"""What GTFS itself asks for, apart from our own columns."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Morning, Desk, TestClient]]:
    """A truck on its way to the second room."""
    morning = Morning(tmp_path_factory.mktemp("served"), alone=True)
    morning.serve(0)
    morning.step(20, 5.0)
    desk = Desk()
    desk.show(snapshot(morning.bridge, morning.now))
    routers = [realtime.realtime_router(desk, morning.plan), record_router(morning.store, morning.plan)]
    yield morning, desk, screen_of(desk, morning.store, routers)
    morning.close()


def test_a_program_reads_what_a_person_reads(served: tuple[Morning, Desk, TestClient]) -> None:
    """Protobuf as the bindings have it, the same as JSON, and both are sound beside the zip that is served too."""
    morning, _, client = served
    timetable = Timetable.of(client.get("/gtfs.zip").content)
    found = {}
    for feed in ("vehicle-positions", "trip-updates", "alerts"):
        answer = client.get(f"/gtfs-rt/{feed}.pb")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
        found[feed] = gtfs.FeedMessage.FromString(answer.content)
        said = client.get(f"/gtfs-rt/{feed}.pb?format=json").json()
        assert len(said.get("entity", [])) == len(found[feed].entity)
        assert said["header"]["gtfs_realtime_version"] == "2.0"
    assert broken(Read(timetable, found, int(morning.now))) == []
    (vehicle,) = said_of(client, "vehicle-positions")
    assert (vehicle["vehicle"]["vehicle"]["id"], vehicle["vehicle"]["current_status"]) == ("t01", "IN_TRANSIT_TO")
    (update,) = said_of(client, "trip-updates")
    assert update["trip_update"]["trip"]["schedule_relationship"] == "SCHEDULED"


@pytest.mark.real
def test_public_validators_find_nothing_wrong(tmp_path: Path) -> None:
    """Another's programs, in processes of their own: the zip, and beside it all three feeds of a street with a press, a
    run that is re-planned and an alert. Our own columns and files are news to them; `active_period` is the only word of
    alerts that readers of version 2.0 know."""
    web = WholeWeb(tmp_path / "street", served=1)
    client = web.house.machine(web.app)
    (tmp_path / "gtfs.zip").write_bytes(client.get("/gtfs.zip").content)
    for name, feed in FEEDS.items():
        (tmp_path / name).write_bytes(client.get(f"/gtfs-rt/{feed}.pb").content)
    at = datetime.fromtimestamp(web.morning.now, UTC)
    web.morning.close()
    plan = ["gtfs-validator", "-i", "gtfs.zip", "-d", at.date().isoformat(), "-o", "plan", "-v", "report.json"]
    feeds = ["gtfs-rt-validator", "-gtfs", "gtfs.zip", "--at", at.isoformat(), "--out", "feeds"]
    feeds += [word for name in FEEDS for word in (f"-{name}", name)]
    found = {}
    for command in (plan, feeds):
        name = command[0]
        program = str(Path(sys.executable).parent / name)
        done = subprocess.run([program, *command[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        folder = "plan" if command is plan else "feeds"
        notices = json.loads((tmp_path / folder / "report.json").read_bytes())["notices"]
        found[folder] = {(one["severity"], one["code"]) for one in notices if one["severity"] != "INFO"}
    assert found == {"plan": {("WARNING", "missing_recommended_file")}, "feeds": {("WARNING", "S025")}}


def said_of(client: TestClient, feed: str) -> list[dict[str, dict[str, object]]]:
    """The entities of a feed as JSON."""
    entities: list[dict[str, dict[str, object]]] = client.get(f"/gtfs-rt/{feed}.pb?format=json").json()["entity"]
    return entities


def test_however_many_ask_it_is_made_once_a_second(
    served: tuple[Morning, Desk, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer picture waits its second; each feed has its own."""
    morning, desk, _ = served
    clock = [1000.0]
    monkeypatch.setattr(realtime.time, "monotonic", lambda: clock[0])
    desk.show(snapshot(morning.bridge, morning.now))
    feeds = realtime.Feeds(desk, morning.plan)
    first = feeds.newest("trip-updates")
    desk.show({**desk.picture, "at": desk.picture["at"] + 1})
    clock[0] += 0.9
    assert feeds.newest("trip-updates") is first
    clock[0] += 0.1
    assert feeds.newest("trip-updates").header.timestamp == first.header.timestamp + 1
    assert len(feeds.newest("vehicle-positions").entity) == 1
    clock[0] += 91  # the bridge shows nothing any more
    assert len(feeds.newest("vehicle-positions").entity) == 0


def test_a_feed_that_there_is_not_is_refused(served: tuple[Morning, Desk, TestClient]) -> None:
    """By name."""
    answer = served[2].get("/gtfs-rt/timetable.pb")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def odd_plan() -> Plan:
    """The demo area with what the demo has not: a night past 24:00, a day off, days of their own, a way of its own."""
    plan = demo_plan()
    night = plan.runs["wet-south-1"]
    later_s = 18 * 3600
    later = [
        replace(one, arrive_day_s=one.arrive_day_s + later_s, leave_day_s=one.leave_day_s + later_s)
        for one in night.visits
    ]
    runs = {
        **plan.runs,
        "night": replace(night, trip_id="night", service_id="some", visits=tuple(later), shift_end_day_s=None,
                         line=plan.routes["wet-south"].line[:-1]),
    }  # fmt: skip
    services = {
        **plan.services,
        "daily": replace(plan.services["daily"], removed_dates=frozenset({"20261125"})),
        "some": Service("some", (False,) * 7, "20261124", "20261201", added_dates=frozenset({"20261124", "20261201"})),
    }
    return replace(plan, runs=runs, services=services)


@pytest.mark.parametrize("plan", [demo_plan(), odd_plan()], ids=["demo", "odd"])
def test_a_stranger_reads_the_plan_in_the_zip(plan: Plan, tmp_path: Path) -> None:
    """Stop times, the days of each trip, and shapes, with no help from our own reader; what GTFS asks for is there."""
    morning = Morning(tmp_path / "records")
    answer = behind_the_door(record_router(morning.store, plan)).get("/gtfs.zip")
    assert answer.headers["content-type"] == "application/zip"
    (tmp_path / "gtfs.zip").write_bytes(answer.content)
    assert read_gtfs(tmp_path / "gtfs.zip") == plan  # nor does our own lose anything
    read = Timetable.of(answer.content)
    for name, columns in REQUIRED.items():
        rows = read.tables[name]
        assert rows and [row for row in rows if not all(row[column] for column in columns)] == []
    assert read.trips.keys() == plan.runs.keys()
    for trip_id, run in plan.runs.items():
        times = [
            (row["stop_id"], int(row["stop_sequence"]), seconds(row["arrival_time"]), seconds(row["departure_time"]))
            for row in read.times[trip_id]
        ]
        assert times == [(one.room_id, one.sequence, one.arrive_day_s, one.leave_day_s) for one in run.visits]
        shape = shape_of(read, read.trips[trip_id]["shape_id"])
        assert [(lat, lon) for lat, lon, _ in shape] == list(plan.route_of(run).line)
        assert ends_where_it_says(shape)
    for day in (date(2026, 11, 20) + timedelta(days) for days in range(15)):
        assert {name for name in read.trips if read.runs_on(name, f"{day:%Y%m%d}")} == {
            run.trip_id for run in service_runs(plan, day)
        }
    morning.close()


BY_ANOTHER = """
import json, sys
import gtfs_kit
feed = gtfs_kit.read_feed("gtfs.zip", dist_units="m")
day = sys.argv[1]
print(json.dumps({
    "days": {each: sorted(feed.get_trips(each)["trip_id"]) for each in sys.argv[2:]},
    "times": {name: [[row.stop_id, row.arrival_time, row.departure_time] for row in rows.itertuples()]
              for name, rows in feed.stop_times.sort_values("stop_sequence").groupby("trip_id")},
    "places": {row.stop_id: [row.stop_lat, row.stop_lon] for row in feed.stops.itertuples()},
    "shapes": {name: [[lat, lon] for lon, lat in line.coords] for name, line in feed.build_geometry_by_shape().items()},
    "stats": {row.trip_id: [row.num_stops, row.distance, row.duration]
              for row in feed.compute_trip_stats(compute_dist_from_shapes=True).itertuples()},
}))
"""


@pytest.mark.long
@pytest.mark.real
@pytest.mark.parametrize("plan", [demo_plan(), odd_plan()], ids=["demo", "odd"])
def test_gtfs_kit_loads_the_zip_and_finds_the_plan_in_it(plan: Plan, tmp_path: Path) -> None:
    """Others' library, one of the benches' packages: days, times, places, shapes, and what it computes of them."""
    assert (PACKAGES / "gtfs_kit").is_dir(), f"gtfs-kit is not in {PACKAGES}: `make bench` installs it there"
    morning = Morning(tmp_path / "records")
    (tmp_path / "gtfs.zip").write_bytes(behind_the_door(record_router(morning.store, plan)).get("/gtfs.zip").content)
    morning.close()
    days = [date(2026, 11, 20) + timedelta(days) for days in range(15)]
    words = [sys.executable, "-c", BY_ANOTHER, *(f"{day:%Y%m%d}" for day in (days[0], *days))]
    path = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    done = subprocess.run(words, cwd=tmp_path, env=path, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    assert {day: set(trips) for day, trips in read["days"].items()} == {
        f"{day:%Y%m%d}": {run.trip_id for run in service_runs(plan, day)} for day in days
    }
    assert read["places"] == {room.room_id: [room.lat, room.lon] for room in plan.rooms.values()}
    assert read["times"].keys() == read["stats"].keys() == plan.runs.keys()
    for name, run in plan.runs.items():
        times = [(stop, seconds(came), seconds(left)) for stop, came, left in read["times"][name]]
        assert times == [(one.room_id, one.arrive_day_s, one.leave_day_s) for one in run.visits]
        stops, km, hours = read["stats"][name]  # of the whole shape; from departure to departure
        assert (stops, round(3600 * hours)) == (len(times), run.visits[-1].leave_day_s - run.visits[0].leave_day_s)
        assert abs(1000 * km / lengths_m(plan.route_of(run).line)[-1] - 1) < 0.001
    lines = {tuple(map(tuple, line)) for line in read["shapes"].values()}
    assert lines == {plan.route_of(run).line for run in plan.runs.values()}


def seconds(clock: str) -> int:
    """HH:MM:SS as seconds of the service day."""
    hours, minutes, rest = map(int, clock.split(":"))
    return hours * 3600 + minutes * 60 + rest


def shape_of(read: Timetable, shape_id: str) -> list[tuple[float, float, float]]:
    """(lat, lon, metres along) of a shape, in its order."""
    rows = [row for row in read.tables["shapes.txt"] if row["shape_id"] == shape_id]
    rows.sort(key=lambda row: int(row["shape_pt_sequence"]))
    return [
        (float(row["shape_pt_lat"]), float(row["shape_pt_lon"]), float(row["shape_dist_traveled"])) for row in rows
    ]


def ends_where_it_says(shape: list[tuple[float, float, float]]) -> bool:
    """Whether its length by great circles is the one that is written at its end, to half a per cent."""
    length_m = 0.0
    for (lat, lon, _), (to_lat, to_lon, _) in pairwise(shape):
        a, b, turn = math.radians(lat), math.radians(to_lat), math.radians(to_lon - lon)
        chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
        length_m += 2 * 6_371_009 * math.asin(math.sqrt(chord))
    return math.isclose(length_m, shape[-1][2], rel_tol=0.005)
