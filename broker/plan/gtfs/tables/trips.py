"""trips.txt and stop_times.txt line by line: which truck drives when, where it collects and where it only passes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from broker.plan.geometry import distance_m
from broker.plan.gtfs.tables.files import Finding, quoted
from broker.plan.gtfs.tables.parts import Feed, RouteRow, Shape, first_of_its_id, refuse_hailing
from broker.plan.gtfs.tables.row import Row
from broker.plan.gtfs.tables.stops import StopRow
from broker.plan.model import Service

MAX_VISITS = 400  # what an itinerary can carry on the wire
MAX_NAME_TOGETHER = 46  # characters of trip_id + stop_id: a call is named <trip>.<YYYYMMDD>.<room>.<visit number>
MAX_SPEED_MPS = 40.0
_HALF_DAY_S = 12 * 3600
_MINUTE_S = 60  # timetables are often rounded to the minute
_NOTHING_COLLECTED, _BY_APPOINTMENT = 1, (2, 3)  # of pickup_type
_AREAS = ("location_id", "location_group_id", "start_pickup_drop_off_window", "end_pickup_drop_off_window")


@dataclass(frozen=True, slots=True)
class StopTime:
    """One sound line of stop_times.txt; `distance` is in the feed's own unit.

    A truck passes a place where its line says that nothing is collected; a time it may give there is its way's. Where
    no time is given (`timed`), it is worked out between those before and after (times_between.py).
    """

    row: Row
    room_id: str
    sequence: int
    arrive_s: int
    leave_s: int
    distance: float | None
    passed: bool
    timed: bool
    by_appointment: bool


@dataclass(frozen=True, slots=True)
class TripRow:
    """One line of trips.txt; `sound` is False when something it names cannot be right."""

    row: Row
    trip_id: str
    route_id: str
    service_id: str
    truck_id: str
    shape_id: str
    capacity_bins: int | None
    capacity_grams: int | None
    shift_end_s: int | None
    sound: bool


def read_trips(feed: Feed, routes: Mapping[str, RouteRow], services: Mapping[str, Service],
               shapes: Mapping[str, Shape]) -> dict[str, TripRow]:  # fmt: skip
    """The trips by id."""
    trips: dict[str, TripRow] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("trips.txt"):
        trip_id, truck_id = first_of_its_id(row, "trip_id", taken), row.id("truck_id")
        sound = all([
            row.stated("route_id") and feed.known(row, "route_id", routes, "routes.txt"),
            row.stated("service_id") and feed.known(row, "service_id", services, "calendar.txt", "calendar_dates.txt"),
            not row.get("shape_id") or feed.known(row, "shape_id", shapes, "shapes.txt"),
        ])  # fmt: skip
        bins, kg = row.whole("capacity_bins", 1, 10_000), row.decimal("capacity_kg", 1, 100_000)
        grams = None if kg is None else int(kg * 1000)
        shift_end_s = row.time_s("shift_end")
        if trip_id:
            sound = sound and truck_id is not None
            trips[trip_id] = TripRow(row, trip_id, row.get("route_id"), row.get("service_id"), truck_id or "",
                                     row.get("shape_id"), bins, grams, shift_end_s, sound)  # fmt: skip
    if not feed.tables["trips.txt"].rows and feed.tables["trips.txt"].sound:
        feed.findings.append(Finding("trips.txt", 0, "names no trip: nothing would run"))
    return trips


def read_stop_times(feed: Feed, stops: Mapping[str, StopRow]) -> tuple[dict[str, list[StopTime]], frozenset[str]]:
    """The sound stop times of each trip in order of their sequence, and the trips of which a line was refused."""
    times: dict[str, dict[int, StopTime]] = {}
    unsound: set[str] = set()
    trip_ids = frozenset(feed.tables["trips.txt"].values("trip_id"))
    for row in feed.rows("stop_times.txt"):
        before = len(feed.findings)
        row.stated("trip_id")
        row.stated("stop_id")
        trip_id = row.get("trip_id")
        named = [feed.known(row, "trip_id", trip_ids, "trips.txt"), feed.known(row, "stop_id", stops, "stops.txt")]
        found = _stop_time(row, stops) if all(named) else None
        if found is None or len(feed.findings) > before:
            unsound.add(trip_id)
        if found is None:
            continue
        earlier = times.setdefault(trip_id, {}).get(found.sequence)
        if earlier is not None:
            row.refuse(f"stop_sequence {found.sequence} of trip {quoted(trip_id)} is already on line "
                       f"{earlier.row.line}")  # fmt: skip
            unsound.add(trip_id)
            continue
        times[trip_id][found.sequence] = found
    ordered = {trip_id: [found[sequence] for sequence in sorted(found)] for trip_id, found in times.items()}
    return ordered, frozenset(unsound)


def _stop_time(row: Row, stops: Mapping[str, StopRow]) -> StopTime | None:
    stop = stops[row.get("stop_id")]
    if stop.kind:
        row.refuse(f"{quoted(stop.room_id)} is a {stop.kind} (location_type): name one of the stops there")
    refuse_hailing(row)
    for column in _AREAS:
        if row.get(column):
            row.refuse(f"{column}: a truck drives to rooms at times; give stop_id and times, or leave the line out")
    row.whole("drop_off_type", 0, 3)
    pickup = row.whole("pickup_type", 0, 3) or 0
    passed = pickup == _NOTHING_COLLECTED
    row.stated("stop_sequence")
    sequence = row.whole("stop_sequence", 0, 10_000)
    given = [column for column in ("arrival_time", "departure_time") if row.get(column)]
    told = {column: row.time_s(column) for column in given}
    if row.whole("timepoint", 0, 1) == 1 and not given and not passed:
        row.refuse("timepoint 1 says that the truck keeps a time here, and there is none: give it, or leave the cell "
                   "empty")  # fmt: skip
    only = next(iter(told.values()), None)  # a first stop may say its departure only, a last one its arrival
    arrive_s, leave_s = told.get("arrival_time", only), told.get("departure_time", only)
    distance = row.number("shape_dist_traveled", 0, 1e9)
    if arrive_s is not None and leave_s is not None and leave_s < arrive_s:
        row.refuse(f"departure_time {row.get('departure_time')} is before arrival_time {row.get('arrival_time')}")
    timed = arrive_s is not None and leave_s is not None
    if sequence is None or None in told.values():
        return None
    return StopTime(row, stop.room_id, sequence, arrive_s or 0, leave_s or 0, distance, passed, timed,
                    pickup in _BY_APPOINTMENT)  # fmt: skip


def check_times(trip_id: str, times: Sequence[StopTime], stops: Mapping[str, StopRow]) -> None:
    """Refuse times that run backwards, hops no truck can drive, and runs too long for the wire."""
    for before, here in pairwise([time for time in times if time.timed]):
        gap_s = here.arrive_s - before.leave_s
        if gap_s < 0:
            night = before.leave_s - here.arrive_s > _HALF_DAY_S
            hint = f"; after midnight hours go on: {here.row.get('arrival_time')} is 24 hours more" if night else ""
            here.row.refuse(
                f"the time runs backwards: {here.row.get('arrival_time')} comes after "
                f"{before.row.get('departure_time')} (line {before.row.line}){hint}"
            )
            continue
        a, b = stops[before.room_id].point, stops[here.room_id].point
        way_m = distance_m(*a, *b) if a and b else 0.0
        if way_m > MAX_SPEED_MPS * (gap_s + _MINUTE_S):
            here.row.refuse(f"no truck drives {way_m / 1000:,.1f} km in {gap_s} s (from {before.room_id})")
    visits = [time for time in times if not time.passed]
    check_name(times[0].row, trip_id, visits)
    if len(visits) > MAX_VISITS:
        times[0].row.refuse(f"the trip has {len(visits)} stops, an itinerary holds {MAX_VISITS}: make two runs of it")
    if not visits:
        times[0].row.refuse("the trip collects nowhere: each of its stops has pickup_type 1")


def check_name(row: Row, trip_id: str, visits: Sequence[StopTime]) -> None:
    """Refuse a trip whose calls would have longer names than the wire allows."""
    longest = max((len(time.room_id) for time in visits), default=0)
    if len(trip_id) + longest > MAX_NAME_TOGETHER:
        row.refuse(f"trip_id and stop_id have more than {MAX_NAME_TOGETHER} characters together: the call's "
                   "name would not fit")  # fmt: skip


def trips_without_times(feed: Feed, trips: Mapping[str, TripRow]) -> list[Finding]:
    """A finding for each trip that no line of stop_times.txt names."""
    table = feed.tables["stop_times.txt"]
    if not table.present:
        return []
    advice = "(give it some, or take its line out)"
    return [Finding("trips.txt", trip.row.line, f"trip {quoted(trip_id)} has no stop times {advice}")
            for trip_id, trip in trips.items() if not table.may_name("trip_id", trip_id)]  # fmt: skip
