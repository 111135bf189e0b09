"""trips.txt and stop_times.txt as runs, each with its rooms' times and places along the route's line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from broker.plan.geometry import Point, distance_m, lengths_m, point_at
from broker.plan.gtfs.files import Finding
from broker.plan.gtfs.parts import Feed, RouteRow, Shape, first_of_its_id
from broker.plan.gtfs.places_on_line import MAX_BESIDE_M, place, place_by_shape_distance
from broker.plan.gtfs.row import Row
from broker.plan.gtfs.stops import StopRow
from broker.plan.model import PlannedVisit, RunPlan, Service

MAX_VISITS = 400  # what an itinerary can carry on the wire
MAX_NAME_TOGETHER = 46  # characters of trip_id + stop_id: a call is named <trip>.<YYYYMMDD>.<room>.<visit number>
MAX_SPEED_MPS = 40.0
_MINUTE_S = 60  # timetables are often rounded to the minute


@dataclass(frozen=True, slots=True)
class StopTime:
    """One sound line of stop_times.txt; `distance` is in the feed's own unit."""

    row: Row
    room_id: str
    sequence: int
    arrive_s: int
    leave_s: int
    distance: float | None


@dataclass(frozen=True, slots=True)
class TripRow:
    """One sound line of trips.txt."""

    row: Row
    trip_id: str
    route_id: str
    service_id: str
    truck_id: str
    shape_id: str
    capacity_bins: int | None
    capacity_grams: int | None
    shift_end_s: int | None


def read_trips(feed: Feed, routes: Mapping[str, RouteRow], services: Mapping[str, Service],
               shapes: Mapping[str, Shape]) -> dict[str, TripRow]:  # fmt: skip
    """The trips by id that name things which exist."""
    trips: dict[str, TripRow] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("trips.txt"):
        trip_id, truck_id = first_of_its_id(row, "trip_id", taken), row.id("truck_id")
        references = []
        for column, ids, name in (("route_id", routes, "routes.txt"), ("service_id", services, "calendar.txt"),
                                  ("shape_id", shapes, "shapes.txt")):  # fmt: skip
            if not row.get(column) and column != "shape_id":
                row.refuse(f"{column} is empty")
            references.append(feed.known(row, column, ids, name) or (column == "shape_id" and not row.get(column)))
        bins, kg = row.whole("capacity_bins", 1, 10_000), row.decimal("capacity_kg", 1, 100_000)
        grams = None if kg is None else int(kg * 1000)
        shift_end_s = row.time_s("shift_end")
        if trip_id and truck_id and all(references):
            trips[trip_id] = TripRow(row, trip_id, row.get("route_id"), row.get("service_id"), truck_id,
                                     row.get("shape_id"), bins, grams, shift_end_s)  # fmt: skip
    return trips


def read_stop_times(feed: Feed, stops: Mapping[str, StopRow]) -> dict[str, list[StopTime]]:
    """The stop times of each trip in order of their sequence; only trips whose every line is sound."""
    times: dict[str, dict[int, StopTime]] = {}
    unsound: set[str] = set()
    trip_ids = {cells["trip_id"] for _, cells in feed.tables["trips.txt"].rows}
    for row in feed.rows("stop_times.txt"):
        trip_id = row.get("trip_id")
        if not trip_id:
            row.refuse("trip_id is empty")
        sound = feed.known(row, "trip_id", trip_ids, "trips.txt")
        if not row.get("stop_id"):
            row.refuse("stop_id is empty")
        sound = feed.known(row, "stop_id", stops, "stops.txt") and sound
        for column in ("stop_sequence", "arrival_time", "departure_time"):
            if not row.get(column):
                row.refuse(f"{column} is empty: every room of a run needs its order and its times")
        sequence = row.whole("stop_sequence", 0, 10_000)
        arrive_s, leave_s = row.time_s("arrival_time"), row.time_s("departure_time")
        distance = row.number("shape_dist_traveled", 0, 1e9)
        if sequence is None or arrive_s is None or leave_s is None or not sound:
            unsound.add(trip_id)
            continue
        if leave_s < arrive_s:
            row.refuse(f"departure_time {row.get('departure_time')} is before arrival_time {row.get('arrival_time')}")
        earlier = times.setdefault(trip_id, {}).get(sequence)
        if earlier is not None:
            row.refuse(f"stop_sequence {sequence} of trip {trip_id!r} is already on line {earlier.row.line}")
            continue
        times[trip_id][sequence] = StopTime(row, row.get("stop_id"), sequence, arrive_s, leave_s, distance)
    return {
        trip_id: [by_sequence[sequence] for sequence in sorted(by_sequence)]
        for trip_id, by_sequence in times.items()
        if trip_id not in unsound
    }


def check_times(trip_id: str, times: Sequence[StopTime], stops: Mapping[str, StopRow]) -> None:
    """Refuse times that run backwards, hops no truck can drive, and runs too long for the wire."""
    for before, here in pairwise(times):
        gap_s = here.arrive_s - before.leave_s
        if gap_s < 0:
            here.row.refuse(
                f"the time runs backwards: {here.row.get('arrival_time')} comes after "
                f"{before.row.get('departure_time')} (line {before.row.line})"
            )
            continue
        a, b = stops[before.room_id], stops[here.room_id]
        if a.lat is None or a.lon is None or b.lat is None or b.lon is None:
            continue
        way_m = distance_m(a.lat, a.lon, b.lat, b.lon)
        if way_m > MAX_SPEED_MPS * (gap_s + _MINUTE_S):
            here.row.refuse(f"no truck drives {way_m / 1000:,.1f} km in {gap_s} s (from {before.room_id})")
    longest = max((len(time.room_id) for time in times), default=0)
    if times and len(trip_id) + longest > MAX_NAME_TOGETHER:
        times[0].row.refuse(f"trip_id and stop_id have more than {MAX_NAME_TOGETHER} characters together: the call's "
                            "name would not fit")  # fmt: skip
    if len(times) > MAX_VISITS:
        times[0].row.refuse(f"the trip has {len(times)} stops, an itinerary holds {MAX_VISITS}: make two runs of it")


def route_line(feed: Feed, route: RouteRow, trips: Sequence[TripRow], times: Mapping[str, Sequence[StopTime]],
               stops: Mapping[str, StopRow], shapes: Mapping[str, Shape]) -> tuple[Point, ...]:  # fmt: skip
    """The line of a route: the shape its trips name, else the stops of its longest trip; empty after a fault."""
    if not trips:
        if feed.clean("trips.txt", "calendar.txt", "calendar_dates.txt", "shapes.txt"):
            route.row.refuse("no trip drives this route")
        return ()
    if len({trip.shape_id for trip in trips}) > 1:
        other = next(trip for trip in trips if trip.shape_id != trips[0].shape_id)
        other.row.refuse(f"the route has another shape on line {trips[0].row.line}: one line each, or make two routes")
        return ()
    if trips[0].shape_id:
        return tuple(shapes[trips[0].shape_id].points)
    longest = max(trips, key=lambda trip: len(times.get(trip.trip_id, ())))
    points = [_point(stops[time.room_id]) for time in times.get(longest.trip_id, ())]
    line = tuple(point for point in points if point is not None)
    if len(set(line)) < 2:
        if feed.clean("stops.txt", "stop_times.txt", "trips.txt"):
            longest.row.refuse("without a shape a route needs at least two rooms at different places")
        return ()
    return line


def _point(stop: StopRow) -> Point | None:
    return None if stop.lat is None or stop.lon is None else (stop.lat, stop.lon)


def run_plan(trip: TripRow, times: Sequence[StopTime], line: Sequence[Point], shape: Shape | None,
             stops: Mapping[str, StopRow]) -> RunPlan | None:  # fmt: skip
    """The run with every room's place along the line; None after a fault."""
    if trip.shift_end_s is not None and times and times[-1].leave_s > trip.shift_end_s:
        trip.row.refuse(f"shift_end {trip.row.get('shift_end')} is before the last departure (line "
                        f"{times[-1].row.line} of stop_times.txt)")  # fmt: skip
    points = [_point(stops[time.room_id]) for time in times]
    known = [point for point in points if point is not None]
    if len(known) < len(points) or not line:
        return None
    along_m = _along(times, known, line, shape)
    if along_m is None:
        return None
    visits = tuple(
        PlannedVisit(time.room_id, time.sequence, time.arrive_s, time.leave_s, along)
        for time, along in zip(times, along_m, strict=True)
    )
    return RunPlan(trip.trip_id, trip.route_id, trip.truck_id, trip.service_id, visits, trip.capacity_bins,
                   trip.capacity_grams, trip.shift_end_s)  # fmt: skip


def _along(
    times: Sequence[StopTime], points: Sequence[Point], line: Sequence[Point], shape: Shape | None
) -> Sequence[float] | None:
    if shape is None and tuple(points) == tuple(line):  # the stops are the line
        return lengths_m(line)
    stop_distances = [time.distance for time in times if time.distance is not None]
    shape_distances = [distance for distance in (shape.distances if shape else ()) if distance is not None]
    if shape and len(stop_distances) == len(times) and len(shape_distances) == len(line):
        return _along_as_told(times, points, line, shape_distances, stop_distances)
    found = place(line, points)
    if not isinstance(found, int):
        return found
    times[found].row.refuse(
        f"{times[found].room_id} is not within {MAX_BESIDE_M:.0f} m of the route's line at this point of the order; "
        "correct the shape, or make another route of this trip"
    )
    return None


def _along_as_told(
    times: Sequence[StopTime],
    points: Sequence[Point],
    line: Sequence[Point],
    shape_distances: Sequence[float],
    stop_distances: Sequence[float],
) -> Sequence[float] | None:
    cumulative = lengths_m(line)
    along_m = place_by_shape_distance(cumulative, shape_distances, stop_distances)
    sound = True
    for before, here, a, b in zip(times, times[1:], stop_distances, stop_distances[1:], strict=False):
        if b < a:
            here.row.refuse(f"shape_dist_traveled goes back from {a:g} (line {before.row.line}) to {b:g}")
            sound = False
    for time, point, along in zip(times, points, along_m, strict=True):
        beside_m = distance_m(*point, *point_at(line, cumulative, along))
        if beside_m > MAX_BESIDE_M:
            time.row.refuse(f"shape_dist_traveled puts the stop {beside_m:,.0f} m away from where it is")
            sound = False
    return along_m if sound else None


def trips_without_times(feed: Feed, trips: Mapping[str, TripRow]) -> list[Finding]:
    """A finding for each trip that no line of stop_times.txt names."""
    named = {cells.get("trip_id") for _, cells in feed.tables["stop_times.txt"].rows}
    if not feed.tables["stop_times.txt"].sound:
        return []
    return [Finding("trips.txt", trip.row.line, f"trip {trip_id!r} has no stop times")
            for trip_id, trip in trips.items() if trip_id not in named]  # fmt: skip
