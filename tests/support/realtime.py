"""GTFS-Realtime held to the rules of the public validator that apply, by their numbers, beside the zip of the plan.

Read here by a stranger: the zip as CSV, the feeds as protobuf; nothing of the product's own reading or writing.
"""

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.transit import gtfs_realtime_pb2 as gtfs

POSIX_FROM, POSIX_UNTIL = 1_500_000_000, 4_000_000_000  # seconds, neither milliseconds nor days
FASTEST_MPS = 26.0
AROUND_DEGREES = 0.02  # of what the feed covers: about two kilometres
_Trip, _At = gtfs.TripDescriptor, gtfs.TripUpdate.StopTimeUpdate
OF_NO_TIMETABLE = (_Trip.NEW,)
COUNTED_ANEW = (_Trip.NEW, _Trip.REPLACEMENT)

Rows = list[dict[str, str]]
Rule = Callable[["Read"], Iterator[str]]


@dataclass
class Timetable:
    """The zip of a plan: its tables by name, and what the rules ask for."""

    tables: dict[str, Rows]

    @staticmethod
    def of(path: Path | bytes) -> "Timetable":
        """Read from a file or from the bytes of one."""
        with zipfile.ZipFile(io.BytesIO(path) if isinstance(path, bytes) else path) as archive:
            texts = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
        return Timetable({name: list(csv.DictReader(io.StringIO(text))) for name, text in texts.items()})

    def __post_init__(self) -> None:
        self.stops = {row["stop_id"] for row in self.tables["stops.txt"]}
        self.routes = {row["route_id"] for row in self.tables["routes.txt"]}
        self.agencies = {row["agency_id"] for row in self.tables["agency.txt"]}
        self.trips = {row["trip_id"]: row for row in self.tables["trips.txt"]}
        self.times: dict[str, Rows] = {}
        for row in sorted(self.tables["stop_times.txt"], key=lambda row: int(row["stop_sequence"])):
            self.times.setdefault(row["trip_id"], []).append(row)
        points = [(float(row["shape_pt_lat"]), float(row["shape_pt_lon"])) for row in self.tables["shapes.txt"]]
        self.corner, self.other_corner = (tuple(map(edge, *points)) for edge in (min, max))

    def runs_on(self, trip_id: str, day: str) -> bool:
        """Whether the trip is one of this service day."""
        service = self.trips[trip_id]["service_id"]
        dates = {
            row["date"]: row["exception_type"]
            for row in self.tables.get("calendar_dates.txt", []) if row["service_id"] == service
        }  # fmt: skip
        if day in dates:
            return dates[day] == "1"
        weekday = f"{datetime.strptime(day, '%Y%m%d'):%A}".lower()
        week = [row for row in self.tables["calendar.txt"] if row["service_id"] == service]
        return any(row["start_date"] <= day <= row["end_date"] and row[weekday] == "1" for row in week)


@dataclass
class Read:
    """Some feeds of one moment, read at `now`, and the timetable that they are about."""

    timetable: Timetable
    feeds: dict[str, Any]
    now: int
    messages: list[Any] = field(init=False)
    updates: list[Any] = field(init=False)
    vehicles: list[Any] = field(init=False)
    alerts: list[Any] = field(init=False)

    def __post_init__(self) -> None:
        self.messages = list(self.feeds.values())
        entities = [entity for message in self.messages for entity in message.entity]
        self.updates = [one.trip_update for one in entities if one.HasField("trip_update")]
        self.vehicles = [one.vehicle for one in entities if one.HasField("vehicle")]
        self.alerts = [one.alert for one in entities if one.HasField("alert")]

    def descriptors(self) -> Iterator[Any]:
        """Every trip that something is said of."""
        yield from (one.trip for one in self.updates)
        yield from (one.trip for one in self.vehicles if one.HasField("trip"))
        for alert in self.alerts:
            yield from (one.trip for one in alert.informed_entity if one.HasField("trip"))

    def moments(self) -> Iterator[int]:
        """Every moment that something was measured or made."""
        yield from (message.header.timestamp for message in self.messages)
        yield from (one.timestamp for one in (*self.updates, *self.vehicles) if one.HasField("timestamp"))

    def stops(self) -> Iterator[tuple[Any, Any]]:
        """Every stop of every update, with its update."""
        yield from ((update, stop) for update in self.updates for stop in update.stop_time_update)

    def events(self) -> Iterator[tuple[str, Any]]:
        """Every arrival and departure, in order, with the trip's name."""
        for update, stop in self.stops():
            for name in ("arrival", "departure"):
                if stop.HasField(name):
                    yield update.trip.trip_id, getattr(stop, name)


RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """One of RULES, by its name."""
    RULES[check.__name__] = check
    return check


def broken(read: Read) -> list[str]:
    """Every rule that is broken, and by what."""
    return [f"{name}: {what}" for name, check in RULES.items() for what in check(read)]


@rule
def e001_timestamps_are_posix(read: Read) -> Iterator[str]:
    """Seconds."""
    times = [event.time for _, event in read.events() if event.HasField("time")]
    yield from (str(at) for at in (*read.moments(), *times) if not POSIX_FROM < at < POSIX_UNTIL)


@rule
def e002_stops_are_sorted_by_stop_sequence(read: Read) -> Iterator[str]:
    """Strictly: no number twice either (E036)."""
    for update in read.updates:
        numbers = [stop.stop_sequence for stop in update.stop_time_update]
        if numbers != sorted(set(numbers)):
            yield f"{update.trip.trip_id}: {numbers}"


@rule
def e003_trips_exist(read: Read) -> Iterator[str]:
    """One of no timetable has a name that no trip has (E016)."""
    for trip in read.descriptors():
        if (trip.trip_id in read.timetable.trips) is (trip.schedule_relationship in OF_NO_TIMETABLE):
            yield trip.trip_id


@rule
def e004_routes_exist(read: Read) -> Iterator[str]:
    """And are the trip's own (E035)."""
    for trip in read.descriptors():
        own = read.timetable.trips.get(trip.trip_id, {"route_id": trip.route_id})["route_id"]
        if trip.route_id not in read.timetable.routes or trip.route_id != own:
            yield f"{trip.trip_id}: {trip.route_id}"


@rule
def e011_stops_exist(read: Read) -> Iterator[str]:
    """Wherever one is named."""
    named = [stop.stop_id for _, stop in read.stops()]
    named += [one.stop_id for one in read.vehicles if one.HasField("stop_id")]
    named += [one.stop_id for alert in read.alerts for one in alert.informed_entity if one.HasField("stop_id")]
    yield from sorted(set(named) - read.timetable.stops)


@rule
def e012_nothing_was_measured_after_the_feed_was_made(read: Read) -> Iterator[str]:
    """The header has the newest timestamp."""
    made_at = max(message.header.timestamp for message in read.messages)
    yield from (str(at) for at in read.moments() if at > made_at)


@rule
def e017_the_day_of_a_trip_is_one_on_which_it_runs(read: Read) -> Iterator[str]:
    """`start_date` (E021: YYYYMMDD) beside the calendar."""
    for trip in read.descriptors():
        if not re.fullmatch(r"20\d{6}", trip.start_date):
            yield f"{trip.trip_id}: {trip.start_date!r}"
        elif trip.trip_id in read.timetable.trips and not read.timetable.runs_on(trip.trip_id, trip.start_date):
            yield f"{trip.trip_id} does not run on {trip.start_date}"


@rule
def e022_times_never_go_back(read: Read) -> Iterator[str]:
    """From stop to stop, and no departure is before its arrival (E025)."""
    last: dict[str, int] = {}
    for trip_id, event in read.events():
        if event.HasField("time"):
            if event.time < last.get(trip_id, 0):
                yield f"{trip_id}: {event.time} after {last[trip_id]}"
            last[trip_id] = event.time


@rule
def e023_start_times_are_the_timetables(read: Read) -> Iterator[str]:
    """In the form HH:MM:SS (E020)."""
    for trip in read.descriptors():
        planned = read.timetable.times.get(trip.trip_id)
        if planned is not None and trip.start_time != planned[0]["arrival_time"]:
            yield f"{trip.trip_id}: {trip.start_time!r}"


@rule
def e028_positions_are_in_the_area(read: Read) -> Iterator[str]:
    """And are positions (E026)."""
    for one in read.vehicles:
        place = one.position.latitude, one.position.longitude
        edges = zip(place, read.timetable.corner, read.timetable.other_corner, strict=True)
        if not all(low - AROUND_DEGREES <= value <= high + AROUND_DEGREES for value, low, high in edges):
            yield f"{one.vehicle.id}: {place}"


@rule
def e033_alerts_say_whom_they_are_for(read: Read) -> Iterator[str]:
    """At least one entity (E032), each of which names something that there is (E034)."""
    for alert in read.alerts:
        if not alert.informed_entity:
            yield f"{alert.header_text}: nobody"
        for one in alert.informed_entity:
            if not one.ListFields() or (one.HasField("agency_id") and one.agency_id not in read.timetable.agencies):
                yield f"{alert.header_text}: {one}"


@rule
def e037_no_stop_follows_itself(read: Read) -> Iterator[str]:
    """A truck that comes twice was elsewhere in between."""
    for update in read.updates:
        names = [stop.stop_id for stop in update.stop_time_update]
        yield from (f"{update.trip.trip_id}: {one}" for one, other in pairwise(names) if one == other)


@rule
def e038_the_version_is_2_0(read: Read) -> Iterator[str]:
    """As the header says."""
    versions = {message.header.gtfs_realtime_version for message in read.messages}
    yield from versions - {"2.0"}


@rule
def e039_nothing_is_deleted_in_a_whole_feed(read: Read) -> Iterator[str]:
    """`is_deleted` belongs to differences."""
    yield from (entity.id for message in read.messages for entity in message.entity if entity.is_deleted)


@rule
def e041_a_trip_has_stops_unless_it_is_cancelled(read: Read) -> Iterator[str]:
    """And one that is counted anew has all of them: no fewer than two."""
    for update in read.updates:
        least = {_Trip.CANCELED: 0, _Trip.REPLACEMENT: 2}.get(update.trip.schedule_relationship, 1)
        if len(update.stop_time_update) < least:
            yield update.trip.trip_id


@rule
def e042_no_time_where_there_is_no_data(read: Read) -> Iterator[str]:
    """Nor where nobody stops."""
    for update, stop in read.stops():
        timed = stop.HasField("arrival") or stop.HasField("departure")
        if timed and stop.schedule_relationship in (_At.NO_DATA, _At.SKIPPED):
            yield f"{update.trip.trip_id}: {stop.stop_id}"


@rule
def e043_a_stop_that_is_made_has_a_time(read: Read) -> Iterator[str]:
    """Arrival and departure (E044), each with a time; a lateness agrees with it."""
    for update, stop in read.stops():
        if stop.schedule_relationship == _At.SCHEDULED:
            for event in (stop.arrival, stop.departure):
                if not event.HasField("time"):
                    yield f"{update.trip.trip_id}: {stop.stop_id}"
                elif event.HasField("scheduled_time") and event.time - event.scheduled_time != event.delay:
                    yield f"{update.trip.trip_id}: {stop.stop_id}: {event}"


@rule
def e045_stop_and_stop_sequence_are_the_timetables(read: Read) -> Iterator[str]:
    """Of a trip that keeps to it (E051); one that does not says so, and has the time by the timetable with it."""
    for update, stop in read.stops():
        rows = read.timetable.times.get(update.trip.trip_id, [])
        planned = [(row["stop_sequence"], row["stop_id"]) for row in rows]
        if update.trip.schedule_relationship == _Trip.SCHEDULED:
            if (str(stop.stop_sequence), stop.stop_id) not in planned:
                yield f"{update.trip.trip_id}: {stop.stop_sequence} is not {stop.stop_id}"
            if stop.arrival.HasField("scheduled_time") or stop.departure.HasField("scheduled_time"):
                yield f"{update.trip.trip_id}: scheduled_time is for trips that are counted anew"


@rule
def e047_a_vehicle_is_on_one_trip_in_all_feeds(read: Read) -> Iterator[str]:
    """Position and update agree on trip, truck and stop (W003)."""
    trips = {(one.trip.trip_id, one.trip.start_date): one for one in read.updates}
    for vehicle in read.vehicles:
        update = trips.get((vehicle.trip.trip_id, vehicle.trip.start_date))
        if update is None:
            continue
        if vehicle.trip != update.trip or vehicle.vehicle != update.vehicle:
            yield f"{vehicle.vehicle.id}: {vehicle.trip} is not {update.trip}"
        stops = {stop.stop_sequence: stop for stop in update.stop_time_update}
        if vehicle.HasField("current_stop_sequence"):
            stop = stops.get(vehicle.current_stop_sequence)
            if stop is None or stop.stop_id != vehicle.stop_id or stop.schedule_relationship == _At.SKIPPED:
                yield f"{vehicle.vehicle.id}: goes to {vehicle.stop_id} as {vehicle.current_stop_sequence}"


@rule
def e048_the_header_is_whole(read: Read) -> Iterator[str]:
    """Timestamp and incrementality (E049) are there."""
    for name, message in read.feeds.items():
        if not message.header.HasField("timestamp") or message.header.incrementality != gtfs.FeedHeader.FULL_DATASET:
            yield name


@rule
def e050_nothing_is_of_the_future(read: Read) -> Iterator[str]:
    """But for what is expected."""
    yield from (str(at) for at in read.moments() if at > read.now + 1)


@rule
def e052_every_id_is_one_things(read: Read) -> Iterator[str]:
    """Entities of a feed, vehicles among positions, and one update for each trip of a day."""
    for name, message in read.feeds.items():
        yield from _twice(f"{name} {entity.id}" for entity in message.entity)
    yield from _twice(one.vehicle.id for one in read.vehicles)
    yield from _twice(f"{one.trip.trip_id} {one.trip.start_date}" for one in read.updates)


@rule
def w002_vehicles_and_relations_are_named(read: Read) -> Iterator[str]:
    """Truck, its label, the trip's relation (W009) and when a position was measured (W001)."""
    for one in (*read.updates, *read.vehicles):
        if not one.vehicle.id or not one.vehicle.label:
            yield f"no vehicle: {one}"
    yield from (one.vehicle.id for one in read.vehicles if not one.HasField("timestamp"))
    yield from (one.trip_id for one in read.descriptors() if not one.HasField("schedule_relationship"))


@rule
def w004_speeds_are_sane(read: Read) -> Iterator[str]:
    """Metres per second."""
    yield from (one.vehicle.id for one in read.vehicles if not 0 <= one.position.speed <= FASTEST_MPS)


@rule
def the_old_word_for_extra_trips_is_not_used(read: Read) -> Iterator[str]:
    """ADDED was taken out of use in May 2025."""
    yield from (one.trip_id for one in read.descriptors() if one.schedule_relationship == _Trip.ADDED)


@rule
def alerts_are_told_in_both_languages(read: Read) -> Iterator[str]:
    """With cause, effect, severity and since when."""
    for alert in read.alerts:
        for text in (alert.header_text, alert.description_text):
            if [one.language for one in text.translation if one.text] != ["zh", "en"]:
                yield str(text)
        if not all(alert.HasField(name) for name in ("cause", "effect", "severity_level")) or not alert.active_period:
            yield str(alert.header_text)


def _twice(names: Iterator[str]) -> Iterator[str]:
    yield from (name for name, count in Counter(names).items() if count > 1)
