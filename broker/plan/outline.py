"""The plan's lines as they are drawn: each street way once, with no more points than a map shows."""

from collections.abc import Sequence
from math import cos, hypot, radians

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point
from broker.plan.model import Plan

TOLERANCE_M = 3.0


def simplified(line: Sequence[Point], tolerance_m: float = TOLERANCE_M) -> tuple[Point, ...]:
    """The line with only so many of its points that none of the others lies farther from it (Douglas-Peucker)."""
    if len(line) < 3:
        return tuple(line)
    scale = METRES_PER_DEGREE_LON * cos(radians(line[0][0]))
    flat = [(lon * scale, lat * METRES_PER_DEGREE_LAT) for lat, lon in line]
    kept, spans = {0, len(line) - 1}, [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        between = range(first + 1, last)
        off_m, at = max(((_beside(flat[i], flat[first], flat[last]), i) for i in between), default=(0.0, 0))
        if off_m > tolerance_m:
            kept.add(at)
            spans += [(first, at), (at, last)]
    return tuple(line[i] for i in sorted(kept))


def _beside(point: Point, start: Point, end: Point) -> float:
    """How far a point lies from a piece of line, all in metres."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    squared = dx * dx + dy * dy
    share = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / squared if squared else 0.0
    share = min(1.0, max(0.0, share))
    return hypot(point[0] - start[0] - share * dx, point[1] - start[1] - share * dy)


def ways(plan: Plan) -> dict[tuple[str, tuple[Point, ...]], tuple[str, ...]]:
    """Each way that is driven, by its route and its line: the trips that drive it where it is not the route's own."""
    found: dict[tuple[str, tuple[Point, ...]], tuple[str, ...]] = {
        (route_id, route.line): () for route_id, route in sorted(plan.routes.items()) if len(route.line) > 1
    }
    for trip_id, run in sorted(plan.runs.items()):
        if len(run.line) > 1 and run.line != plan.routes[run.route_id].line:
            way = run.route_id, run.line
            found[way] = (*found.get(way, ()), trip_id)
    return found
