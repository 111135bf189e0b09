"""Where the stops of a run lie along the line of its route, in the order in which they are visited.

A street is often driven twice, so the nearest point of the line is not always the right one: the stops are
placed together, each no earlier on the line than the one before it, with the least distance beside the line. Order
alone decides between two passes of one street; a feed in which that is not enough gives `shape_dist_traveled`, which
wins, in whatever unit.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import cos, radians

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point, distance_m, lengths_m, project

MAX_BESIDE_M = 200.0  # a bin room farther from the street than this is not on this line
_REACH_M = MAX_BESIDE_M + 5.0  # boxes are laid out with a little to spare
_ALIKE_M = 15.0  # two passes that differ by less are the same street: the earlier one is taken
_WORTH_A_LOOK_M = 60.0  # passes this much farther away than the nearest are candidates too


def place(line: Sequence[Point], stops: Sequence[Point]) -> list[float] | int:
    """Metres along the line of each stop, never decreasing; the index of a stop that finds no place instead."""
    pieces = _Pieces(line)
    costs: list[float] = []
    alongs: list[float] = []
    choices: list[tuple[list[float], list[int]]] = []  # per stop: its candidates and where each came from
    for index, stop in enumerate(stops):
        cheapest = _cheapest_up_to(costs)
        costs_here, alongs_here, came_from = [], [], []
        for along, beside in _candidates(pieces, stop):
            cost = max(0.0, beside - _ALIKE_M)
            before = 0
            if index:
                reach = bisect_right(alongs, along + 1e-6) - 1
                if reach < 0:
                    continue
                before = cheapest[reach]
                cost += costs[before]
            costs_here.append(cost)
            alongs_here.append(along)
            came_from.append(before)
        if not alongs_here:
            return index
        costs, alongs = costs_here, alongs_here
        choices.append((alongs, came_from))
    placed: list[float] = []
    at = _cheapest_up_to(costs)[-1] if costs else 0
    for candidates, came_from in reversed(choices):
        placed.append(candidates[at])
        at = came_from[at]
    return placed[::-1]


def _cheapest_up_to(costs: Sequence[float]) -> list[int]:
    """For each index the cheapest one no later than it; of equal ones the earliest."""
    best: list[int] = []
    for index, cost in enumerate(costs):
        best.append(best[-1] if best and costs[best[-1]] <= cost + 1e-9 else index)
    return best


class _Pieces:
    """The pieces of a line that have a length, with the box around each: most are far from most stops."""

    def __init__(self, line: Sequence[Point]) -> None:
        self.line = line
        self.cumulative = lengths_m(line)
        self.at = [k for k in range(len(line) - 1) if self.cumulative[k + 1] > self.cumulative[k]]
        pairs = [(line[k], line[k + 1]) for k in self.at]
        self._boxes = [(*map(min, zip(a, b, strict=True)), *map(max, zip(a, b, strict=True))) for a, b in pairs]

    def near(self, stop: Point) -> list[int]:
        """Which pieces can be within reach of a stop, by their place in `at`."""
        lat, lon = stop
        lat_m, lon_m = METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON * max(0.01, cos(radians(lat)))
        south, north = lat - _REACH_M / lat_m, lat + _REACH_M / lat_m
        west, east = lon - _REACH_M / lon_m, lon + _REACH_M / lon_m
        return [i for i, (low_lat, low_lon, high_lat, high_lon) in enumerate(self._boxes)
                if low_lat <= north and high_lat >= south and low_lon <= east and high_lon >= west]  # fmt: skip


def _candidates(pieces: _Pieces, stop: Point) -> list[tuple[float, float]]:
    """(along, beside) of every pass of the line that is near enough to the stop, by metres along."""
    line, cumulative = pieces.line, pieces.cumulative
    if not pieces.at:
        beside = distance_m(*line[0], *stop)
        return [(0.0, beside)] if beside <= MAX_BESIDE_M else []
    near: list[tuple[int, float, float, bool, bool]] = []
    for i in pieces.near(stop):
        k = pieces.at[i]
        start, end = cumulative[k], cumulative[k + 1]
        beside, along = project(line[k : k + 2], (start, end), *stop, start, end)
        near.append((i, along, beside, along <= start, along >= end))
    limit = min(MAX_BESIDE_M, min((beside for _, _, beside, _, _ in near), default=0.0) + _WORTH_A_LOOK_M)
    leaving = {i for i, _, _, at_start, _ in near if not at_start}
    kept = []
    for i, along, beside, at_start, at_end in near:
        # A pass is where the line comes near and goes away again; at a corner the earlier piece speaks for both.
        # The piece after one whose end is near begins there, so it is among the near ones too.
        goes_on_nearer = at_end and i + 1 in leaving
        if beside <= limit and not goes_on_nearer and not (at_start and i > 0):
            kept.append((along, beside))
    return kept


def place_by_shape_distance(
    cumulative: Sequence[float], shape_distances: Sequence[float], stop_distances: Sequence[float]
) -> list[float]:
    """Metres along the line from the feed's own `shape_dist_traveled`, whatever its unit; held at the ends."""
    placed = []
    for distance in stop_distances:
        k = min(max(bisect_right(shape_distances, distance) - 1, 0), len(shape_distances) - 2)
        span = shape_distances[k + 1] - shape_distances[k]
        share = min(max((distance - shape_distances[k]) / span, 0.0), 1.0) if span > 0 else 0.0
        placed.append(cumulative[k] + share * (cumulative[k + 1] - cumulative[k]))
    return placed
