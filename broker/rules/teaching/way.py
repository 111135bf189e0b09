"""The line that a drive draws: without its halts, smoothed, across its gaps, of no more points than it needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, hypot, radians

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point, distance_m
from broker.rules.teaching.positions import SELDOM, Position, usual_gap_s

SMOOTH_S = 3.0  # to either side; who speaks more seldom is taken at his word
APART_M = 8.0  # nearer ones say more of the receiver than of the street
LEAST_OFF_M, MOST_OFF_M = 4.0, 12.0  # how far a point may lie beside the line before it is a bend of it
GAP_M, GAP_S = 150.0, 45.0


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence that the line crosses straight, from place to place."""

    since: float
    until: float
    metres: float
    begin: Point
    end: Point


def leg(positions: Sequence[Position], begin: Point | None, end: Point | None, noise_m: float) -> list[Point]:
    """The line driven between two places where the truck stood; None: the drive begins or ends there."""
    smooth = [_smoothed(positions, index) for index in range(len(positions))]
    points = [] if begin is None else [begin]
    for point in smooth:
        if not points or distance_m(*points[-1], *point) >= APART_M:
            points.append(point)
    if end is not None:
        while len(points) > (begin is not None) and distance_m(*points[-1], *end) < APART_M:
            points.pop()
        points.append(end)
    return simplified(points, min(MOST_OFF_M, max(LEAST_OFF_M, 1.5 * noise_m)))


def gaps(positions: Sequence[Position]) -> list[Gap]:
    """The silences of a drive in which the truck moved far, longer than what its log usually leaves out."""
    least_s = max(GAP_S, SELDOM * usual_gap_s(positions))
    found = []
    for before, after in pairwise(positions):
        way_m = distance_m(before.lat, before.lon, after.lat, after.lon)
        if way_m >= GAP_M and after.at - before.at >= least_s:
            found.append(Gap(before.at, after.at, way_m, (before.lat, before.lon), (after.lat, after.lon)))
    return found


def _smoothed(positions: Sequence[Position], index: int) -> Point:
    """The mean of a place and those said right before and after it, the nearer in time the more."""
    here = positions[index]
    first, last = index, index
    while first > 0 and here.at - positions[first - 1].at <= SMOOTH_S:
        first -= 1
    while last + 1 < len(positions) and positions[last + 1].at - here.at <= SMOOTH_S:
        last += 1
    both = min(index - first, last - index)  # as many before as after: the mean lags nowhere
    near = positions[index - both : index + both + 1]
    weights = [1 - abs(one.at - here.at) / (SMOOTH_S + 1) for one in near]
    total = sum(weights)
    return (sum(w * one.lat for w, one in zip(weights, near, strict=True)) / total,
            sum(w * one.lon for w, one in zip(weights, near, strict=True)) / total)  # fmt: skip


def simplified(points: Sequence[Point], off_m: float) -> list[Point]:
    """The fewest of these points, ends among them, that no other lies farther beside than `off_m` (Douglas-Peucker)."""
    if len(points) < 3:
        return list(points)
    east = METRES_PER_DEGREE_LON * cos(radians(points[0][0]))
    flat = [(lon * east, lat * METRES_PER_DEGREE_LAT) for lat, lon in points]
    kept = {0, len(points) - 1}
    open_pieces = [(0, len(points) - 1)]
    while open_pieces:
        first, last = open_pieces.pop()
        worst, at = off_m, None
        for index in range(first + 1, last):
            beside = _beside(flat[index], flat[first], flat[last])
            if beside > worst:
                worst, at = beside, index
        if at is not None:
            kept.add(at)
            open_pieces += [(first, at), (at, last)]
    return [points[index] for index in sorted(kept)]


def _beside(point: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    squared = dx * dx + dy * dy
    share = ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / squared if squared else 0.0
    share = min(1.0, max(0.0, share))
    return hypot(point[0] - a[0] - share * dx, point[1] - a[1] - share * dy)
