"""The line that each trip drives, and where along it its rooms lie.

A trip's line is its shape. Without one it is the way of the route's longest trip if the stops lie on that in their
order, else (the way back, a trip in another order) the stops themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.plan.geometry import Point, distance_m, lengths_m, point_at
from broker.plan.gtfs.places_on_line import MAX_BESIDE_M, place, place_by_shape_distance
from broker.plan.gtfs.tables.parts import RouteRow, Shape
from broker.plan.gtfs.tables.stops import StopRow
from broker.plan.gtfs.tables.trips import StopTime, TripRow

MAX_WORK = 20_000_000  # stops times points of their shapes: what can be placed in some seconds

Way = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A trip's line, and how far along it each of its stop times lies."""

    line: Way
    along_m: Sequence[float]


class Lines:
    """Lays trips on lines; the same stops on the same line are looked for once."""

    def __init__(self, stops: Mapping[str, StopRow], shapes: Mapping[str, Shape], *, all_named: bool) -> None:
        self._stops = stops
        self._all_named = all_named  # whether every stop time could be given to its trip
        self._shapes = shapes
        self._ways = {shape_id: tuple(shape.points) for shape_id, shape in shapes.items()}
        self._found: dict[tuple[Way, Way], list[float] | int] = {}
        self._work = 0

    def lay(self, route: RouteRow, trips: Sequence[TripRow], times: Mapping[str, Sequence[StopTime]]
            ) -> tuple[Way, dict[str, Placed]]:  # fmt: skip
        """The route's own line, and its trips as far as they lie on theirs; the rest is refused."""
        points = {trip.trip_id: self._points(times.get(trip.trip_id, ())) for trip in trips}
        by_length = sorted(trips, key=lambda trip: -len(points[trip.trip_id] or ()))
        if not by_length:
            return (), {}
        # The route's line is the shape that bears its name, else that of its longest trip.
        named = [trip for trip in by_length if trip.shape_id and trip.shape_id == route.row.get("route_id")]
        longest = (named or by_length)[0]
        main = self._ways.get(longest.shape_id, ()) if longest.shape_id else points[longest.trip_id] or ()
        placed = {}
        for trip in trips:
            stops = points[trip.trip_id]
            if stops:
                found = self._place(trip, times[trip.trip_id], stops, main)
                if found is not None:
                    placed[trip.trip_id] = found
        return main, placed

    def _points(self, times: Sequence[StopTime]) -> Way | None:
        """Where a trip's stops are; None if that is not known of each."""
        points = [self._stops[time.room_id].point for time in times]
        known = tuple(point for point in points if point is not None)
        return known if len(known) == len(points) else None

    def _place(self, trip: TripRow, times: Sequence[StopTime], points: Way, main: Way) -> Placed | None:
        if trip.shape_id:
            shape = self._shapes.get(trip.shape_id)
            return self._on_shape(trip, times, points, shape) if shape and len(shape.points) > 1 else None
        if points != main:
            found = self._look(main, points)
            if not isinstance(found, int):
                return Placed(main, found)
        if len(set(points)) < 2:
            if len(points) == 1 and not self._all_named:
                return None  # the trip's other stops may be on a line that names another
            trip.row.refuse("without a shape a trip needs at least two rooms at different places")
            return None
        return Placed(points, lengths_m(points))

    def _on_shape(self, trip: TripRow, times: Sequence[StopTime], points: Way, shape: Shape) -> Placed | None:
        line = self._ways[trip.shape_id]
        stop_distances = [time.distance for time in times if time.distance is not None]
        shape_distances = [distance for distance in shape.distances if distance is not None]
        if len(stop_distances) == len(times) and len(shape_distances) == len(line):
            return _as_told(times, points, line, shape_distances, stop_distances)
        self._work += len(points) * len(line) if (line, points) not in self._found else 0
        if self._work > MAX_WORK:
            trip.row.refuse("too many stops along too long shapes: give shape_dist_traveled in stop_times.txt and "
                            "shapes.txt, or shapes of fewer points")  # fmt: skip
            return None
        found = self._look(line, points)
        if not isinstance(found, int):
            return Placed(line, found)
        times[found].row.refuse(
            f"{times[found].room_id} is not within {MAX_BESIDE_M:.0f} m of shape {trip.shape_id!r} at this point of "
            "the order: correct the shape or the order, or leave shape_id empty, then the stops are the line"
        )
        return None

    def _look(self, line: Way, points: Way) -> list[float] | int:
        key = (line, points)
        if key not in self._found:
            self._found[key] = place(line, points)
        return self._found[key]


def _as_told(times: Sequence[StopTime], points: Way, line: Way, shape_distances: Sequence[float],
             stop_distances: Sequence[float]) -> Placed | None:  # fmt: skip
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
    return Placed(line, along_m) if sound else None
