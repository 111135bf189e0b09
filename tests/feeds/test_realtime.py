"""GTFS-Realtime: what a stranger reads of a morning, held to the public validator's rules beside the plan's own zip."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as gtfs

from broker.feeds.realtime.messages import FEEDS, message
from broker.plan.gtfs.feed import read_gtfs
from broker.plan.gtfs.writing import write_gtfs
from broker.web.view.picture import Picture, snapshot
from firmware import wire
from tests.support.bridge.afternoon import Afternoon
from tests.support.bridge.morning import Morning
from tests.support.plan.small_feed import SMALL, feed
from tests.support.realtime import RULES, Read, Timetable, broken

Trip, At = gtfs.TripDescriptor, gtfs.TripUpdate.StopTimeUpdate
MINUTE_S = 60


def read(morning: Morning | Afternoon, folder: Path, picture: Picture | None = None) -> Read:
    """The feeds of a morning as it stands, or of a picture of it, with the zip of its plan."""
    write_gtfs(morning.plan, folder / "gtfs.zip")
    now = int(morning.now)
    picture = picture or snapshot(morning.bridge, now)
    feeds = {name: message(name, morning.plan, picture, now) for name in FEEDS}
    return Read(Timetable.of(folder / "gtfs.zip"), feeds, now)


def update_of(found: Read, truck: str) -> Any:
    """The one update about a truck."""
    (update,) = (one for one in found.updates if one.vehicle.id == truck)
    return update


def stops_of(update: Any) -> list[tuple[str, int]]:
    """(stop, relation) in order."""
    return [(stop.stop_id, stop.schedule_relationship) for stop in update.stop_time_update]


@pytest.fixture(scope="module")
def stuck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Morning, Read]]:
    """Two rooms served, a blocked lane at the third: a second visit is owed."""
    folder = tmp_path_factory.mktemp("stuck")
    morning = Morning(folder / "records", alone=True)
    morning.serve(0)
    morning.serve(1)
    morning.step(30, 5.0)
    morning.press()
    morning.step(12, 5.0)
    yield morning, read(morning, folder)
    morning.close()


def test_an_ordinary_morning_keeps_to_its_timetable(tmp_path: Path) -> None:
    """Where the truck is, where it goes next, when it was and will be at each stop, and by how much that may be off."""
    morning = Morning(tmp_path / "records")
    morning.serve(0)
    morning.step(40, 5.0)
    found = read(morning, tmp_path)
    assert broken(found) == []
    (vehicle,) = found.vehicles  # of t01 alone there is a position
    update = update_of(found, "t01")
    assert update.trip.schedule_relationship == Trip.SCHEDULED
    assert (update.trip.trip_id, update.trip.start_date) == ("wet-north-1", "20261123")
    assert vehicle.timestamp == int(morning.now) // 10 * 10
    assert vehicle.stop_id == morning.trip.visits[1].room_id and vehicle.current_status == vehicle.IN_TRANSIT_TO
    assert len(update.stop_time_update) == len(morning.trip.visits)
    first, second, *_ = update.stop_time_update
    assert first.arrival.uncertainty == first.departure.uncertainty == 0
    shown = next(run for run in snapshot(morning.bridge, morning.now)["runs"] if run["truck"] == "t01")["visits"][1]
    assert second.arrival.time == shown["eta_at"] and second.arrival.delay == shown["eta_at"] - shown["planned_at"]
    assert second.arrival.uncertainty == max(
        shown["late_at"] - shown["eta_at"], shown["eta_at"] - shown["early_at"]
    )
    assert found.alerts == []
    morning.close()


def test_a_second_visit_makes_a_replacement_with_its_whole_list(stuck: tuple[Morning, Read]) -> None:
    """The stop in the way is skipped, and comes again where the truck does; every stop has a number of its own."""
    morning, found = stuck
    assert broken(found) == []
    update, rooms = update_of(found, "t01"), [visit.room_id for visit in morning.trip.visits]
    assert update.trip.schedule_relationship == Trip.REPLACEMENT
    stops = stops_of(update)
    assert stops.count((rooms[2], At.SKIPPED)) == stops.count((rooms[2], At.SCHEDULED)) == 1
    assert stops.index((rooms[2], At.SKIPPED)) == 2 < stops.index((rooms[2], At.SCHEDULED))
    assert sorted({stop for stop, _ in stops}) == sorted(rooms) and len(stops) == len(rooms) + 1
    again = update.stop_time_update[stops.index((rooms[2], At.SCHEDULED))]
    assert not again.arrival.HasField("delay") and again.arrival.uncertainty > 0


def test_a_blocked_lane_is_an_alert_for_its_stop_and_its_trip(stuck: tuple[Morning, Read]) -> None:
    """With cause and effect, since the press, and when a truck comes again, in both languages."""
    morning, found = stuck
    (alert,) = found.alerts
    assert (alert.cause, alert.effect, alert.severity_level) == (alert.OTHER_CAUSE, alert.DETOUR, alert.SEVERE)
    named = {one.trip.trip_id or one.stop_id for one in alert.informed_entity}
    assert named == {"wet-north-1", morning.trip.visits[2].room_id}
    assert 0 < alert.active_period[0].start < morning.now and not alert.active_period[0].HasField("end")
    zh, en = (one.text for one in alert.description_text.translation)
    assert "预计11-23 0" in zh and "comes again at about 11-23 0" in en


def test_no_rule_is_broken_at_any_minute_of_a_run_with_two_presses(tmp_path: Path) -> None:
    """From before its start until all is served: the list changes twice, and each minute's feeds are sound."""
    morning = Morning(tmp_path / "records", alone=True)
    relations: set[int] = set()
    looked_at = 0.0
    for visit in range(len(morning.trip.visits)):
        if visit in (3, 8):
            morning.press(incident_id=f"t01-1-90{visit}")
        while morning.along < morning.trip.visits[visit].distance_m or looked_at == 0.0:
            morning.step(20, 7.0)
            if morning.now - looked_at >= MINUTE_S:
                looked_at = morning.now
                found = read(morning, tmp_path)
                assert broken(found) == []
                relations |= {one.trip.schedule_relationship for one in found.updates}
        morning.step(100)
    assert relations == {Trip.SCHEDULED, Trip.REPLACEMENT}
    morning.close()


def test_a_contractors_truck_is_a_new_trip(tmp_path: Path) -> None:
    """The broken truck's own trip keeps what it served; the extra one has a name that no timetable has."""
    morning = Morning(tmp_path / "records", alone=True)
    morning.serve(0)
    morning.step(40, 5.0)
    incident_id = morning.press("breakdown")
    morning.step(2)
    offers = morning.bridge.dispatch.day.incidents.offers(("t01", incident_id))[1]
    option = next(number for number, offer in enumerate(offers) if offer["name"] == "extra_truck")
    morning.act("decide", incident_id, decision="extra_truck", option=option, truck="t99")
    morning.step(3)
    found = read(morning, tmp_path)
    assert broken(found) == []
    extra = update_of(found, "t99")
    assert extra.trip.schedule_relationship == Trip.NEW
    assert (extra.trip.route_id, extra.trip.start_date) == ("wet-north", "20261123")
    rooms = [visit.room_id for visit in morning.trip.visits]
    assert sorted(stop for stop, _ in stops_of(extra)) == sorted(rooms[1:])
    assert all(stop.arrival.time > morning.now for stop in extra.stop_time_update)
    (alert,) = found.alerts
    assert (alert.cause, alert.effect) == (alert.TECHNICAL_PROBLEM, alert.SIGNIFICANT_DELAYS)
    left = update_of(found, "t01")
    assert stops_of(left) == [(rooms[0], At.SCHEDULED), *((room, At.SKIPPED) for room in rooms[1:])]
    assert left.trip.schedule_relationship == Trip.SCHEDULED
    morning.close()


def test_a_route_that_comes_to_a_room_twice_has_two_stops_of_it(tmp_path: Path) -> None:
    """Each by its own number of the timetable."""
    head = SMALL["stop_times.txt"][0]
    rooms = ["r01", "r02", "r03", "r02", "r01"]
    times = [f"wet-1,06:{6 * n:02}:00,06:{6 * n + 2:02}:00,{room},{10 * n + 5}" for n, room in enumerate(rooms)]
    stops = [*SMALL["stops.txt"], "r03,Far,31.17,121.44,e01"]
    (tmp_path / "feed").mkdir()
    plan = read_gtfs(feed(tmp_path / "feed", stops=stops, stop_times=[head, *times]))

    class _Twice(Morning):
        def open(self) -> None:
            self.plan = plan
            self.trip, self.route = plan.runs["wet-1"], plan.routes["wet"]
            self.line, self.run_id = self.route.line or self.line, "wet-1.20261123"
            super().open()

    morning = _Twice(tmp_path / "records", lead_s=MINUTE_S)
    morning.place = lambda: (31.19, 121.44)  # type: ignore[method-assign]
    morning.step(200)
    found = read(morning, tmp_path)
    assert broken(found) == []
    update = update_of(found, "t01")
    assert update.trip.schedule_relationship == Trip.SCHEDULED
    assert [(stop.stop_sequence, stop.stop_id) for stop in update.stop_time_update] == [
        (10 * n + 5, room) for n, room in enumerate(rooms)
    ]
    morning.close()


def test_a_booked_way_is_in_no_feed(tmp_path: Path) -> None:
    """Where a pile is fetched is the property's business; the truck's position is shown without a trip."""
    noon = Afternoon(tmp_path / "records")
    noon.step(20)
    noon.accepted(hour=13)
    noon.step(2)
    picture = snapshot(noon.bridge, noon.now)
    assert any(run["route"] not in noon.plan.routes for run in picture["runs"])
    found = read(noon, tmp_path, picture)
    assert broken(found) == []
    assert found.vehicles and not [one for one in found.vehicles if one.vehicle.id == "t97" and one.HasField("trip")]
    assert not [one for one in found.updates if one.vehicle.id == "t97"]
    noon.close()


def test_nothing_old_is_shown_as_new(stuck: tuple[Morning, Read]) -> None:
    """No position of more than 90 seconds, though the picture that holds it is older still; no time of an old one."""
    morning, found = stuck
    (vehicle,) = found.vehicles
    picture = snapshot(morning.bridge, morning.now)
    last = message("vehicle-positions", morning.plan, picture, vehicle.timestamp + wire.NO_DATA_S)
    gone = message("vehicle-positions", morning.plan, picture, vehicle.timestamp + wire.NO_DATA_S + 1)
    assert len(last.entity) == 1 and len(gone.entity) == 0
    old = {**picture, "old_since_at": picture["at"] - 5}
    assert len(message("trip-updates", morning.plan, old, picture["at"]).entity) == 0


def test_what_is_known_by_the_timetable_alone_is_not_told_as_live(tmp_path: Path) -> None:
    """Before anything is heard of trucks there is no update of them."""
    morning = Morning(tmp_path / "records", lead_s=3600)
    morning.speak = False
    morning.step(5)
    found = read(morning, tmp_path)
    assert (found.updates, found.vehicles, found.alerts) == ([], [], [])
    assert broken(found) == []
    morning.close()


def test_a_closed_road_is_an_alert_with_its_end(stuck: tuple[Morning, Read], tmp_path: Path) -> None:
    """A room that nobody reaches has no service; a street between two is a detour for both."""
    morning, _ = stuck
    picture = snapshot(morning.bridge, morning.now)
    at = picture["at"]
    closed = {"from_at": at, "until_at": at + 3600, "reason": None}
    roads = [{**closed, "closure_id": "a", "room": "r01", "other_room": None},
             {**closed, "closure_id": "b", "room": "r01", "other_room": "r03"}]  # fmt: skip
    found = read(morning, tmp_path, {**picture, "closures": roads, "incidents": []})
    assert broken(found) == []
    room, street = found.alerts
    assert (room.effect, street.effect) == (room.NO_SERVICE, street.DETOUR)
    assert [one.stop_id for one in street.informed_entity] == ["r01", "r03"]
    assert (street.active_period[0].start, street.active_period[0].end) == (at, at + 3600)


def test_a_trip_that_serves_nothing_is_cancelled(stuck: tuple[Morning, Read], tmp_path: Path) -> None:
    """It says so, and names no stop."""
    morning, _ = stuck
    picture = snapshot(morning.bridge, morning.now)
    run = next(run for run in picture["runs"] if run["truck"] == "t01")
    off = [{**row, "state": "cancelled", "arrived_at": None, "left_at": None} for row in run["visits"]]
    found = read(morning, tmp_path, {**picture, "runs": [{**run, "visits": off}], "trucks": []})
    assert broken(found) == []
    update = update_of(found, "t01")
    assert (update.trip.schedule_relationship, list(update.stop_time_update)) == (Trip.CANCELED, [])


def _first_stop(found: Read) -> Any:
    return found.updates[0].stop_time_update[0]


SPOILED: dict[str, Callable[[Read], Any]] = {
    "e001_timestamps_are_posix": lambda r: setattr(r.vehicles[0], "timestamp", 1),
    "e002_stops_are_sorted_by_stop_sequence": lambda r: setattr(_first_stop(r), "stop_sequence", 9),
    "e003_trips_exist": lambda r: setattr(r.updates[0].trip, "trip_id", "nobodys"),
    "e004_routes_exist": lambda r: setattr(r.updates[0].trip, "route_id", "dry-west"),
    "e011_stops_exist": lambda r: setattr(_first_stop(r), "stop_id", "nowhere"),
    "e012_nothing_was_measured_after_the_feed_was_made": lambda r: setattr(r.vehicles[0], "timestamp", r.now + 60),
    "e017_the_day_of_a_trip_is_one_on_which_it_runs": lambda r: setattr(r.updates[0].trip, "start_date", "21001231"),
    "e022_times_never_go_back": lambda r: setattr(_first_stop(r).departure, "time", 1_600_000_000),
    "e023_start_times_are_the_timetables": lambda r: setattr(r.updates[0].trip, "start_time", "6:14"),
    "e028_positions_are_in_the_area": lambda r: setattr(r.vehicles[0].position, "latitude", 0.0),
    "e033_alerts_say_whom_they_are_for": lambda r: r.alerts[0].ClearField("informed_entity"),
    "e037_no_stop_follows_itself": lambda r: setattr(_first_stop(r), "stop_id", "r03"),
    "e038_the_version_is_2_0": lambda r: setattr(r.messages[0].header, "gtfs_realtime_version", "1.0"),
    "e039_nothing_is_deleted_in_a_whole_feed": lambda r: setattr(r.messages[0].entity[0], "is_deleted", True),
    "e041_a_trip_has_stops_unless_it_is_cancelled": lambda r: r.updates[0].ClearField("stop_time_update"),
    "e042_no_time_where_there_is_no_data": lambda r: setattr(_first_stop(r), "schedule_relationship", At.NO_DATA),
    "e043_a_stop_that_is_made_has_a_time": lambda r: _first_stop(r).departure.ClearField("time"),
    "e045_stop_and_stop_sequence_are_the_timetables": lambda r: setattr(
        r.updates[0].trip, "schedule_relationship", Trip.SCHEDULED
    ),
    "e047_a_vehicle_is_on_one_trip_in_all_feeds": lambda r: setattr(r.vehicles[0], "current_stop_sequence", 3),
    "e048_the_header_is_whole": lambda r: r.messages[0].header.ClearField("timestamp"),
    "e050_nothing_is_of_the_future": lambda r: setattr(r.messages[0].header, "timestamp", r.now + 60),
    "e052_every_id_is_one_things": lambda r: r.messages[0].entity.add().CopyFrom(r.messages[0].entity[0]),
    "w002_vehicles_and_relations_are_named": lambda r: r.updates[0].vehicle.ClearField("id"),
    "w004_speeds_are_sane": lambda r: setattr(r.vehicles[0].position, "speed", 60.0),
    "the_old_word_for_extra_trips_is_not_used": lambda r: setattr(
        r.updates[0].trip, "schedule_relationship", Trip.ADDED
    ),
    "alerts_are_told_in_both_languages": lambda r: r.alerts[0].header_text.translation.pop(),
}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_finds_what_breaks_it(stuck: tuple[Morning, Read], name: str) -> None:
    """A feed that is spoiled in this one thing is not sound by this rule."""
    _, found = stuck
    spoiled = Read(found.timetable, deepcopy(found.feeds), found.now)
    SPOILED[name](spoiled)
    again = replace(spoiled)  # read anew
    assert [what for what in broken(again) if what.startswith(name)]
