"""The streets that a line leads through: cells of about 100 m with the direction of driving.

Two lines that run through the same street the same way share its cells, wherever their stops are; what one truck learns
there is known of all others.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import atan2, cos, floor, pi, radians
from sys import intern

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point, lengths_m, point_at

CELL_M = 100.0
DIRECTIONS = 8
MOST_LINES, MOST_STRETCHES = 512, 500  # that are kept: a truck's own places make ever new stretches


def cells_along(line: Sequence[Point], cumulative: Sequence[float], from_m: float, to_m: float) -> tuple[str, ...]:
    """The cells of a line from one place along it to another, one for each 100 m or so; at least one."""
    pieces = max(1, round((to_m - from_m) / CELL_M))
    ends = [point_at(line, cumulative, from_m + (to_m - from_m) * index / pieces) for index in range(pieces + 1)]
    return tuple(_cell(before, after) for before, after in pairwise(ends))


@lru_cache(maxsize=MOST_LINES)
def streets_of(line: tuple[Point, ...]) -> "LineStreets":
    """The cells of this line, the same ones for all runs that drive it."""
    return LineStreets(line)


class LineStreets:
    """The cells of one line, each stretch worked out once."""

    def __init__(self, line: Sequence[Point]) -> None:
        self._line = line
        self._cumulative = lengths_m(line)
        self._known: dict[tuple[float, float], tuple[str, ...]] = {}

    def between(self, from_m: float | None, to_m: float | None) -> tuple[str, ...]:
        """The cells from one place along the line to another; none where a place is not known or lies before it."""
        if from_m is None or to_m is None or to_m < from_m or len(self._line) < 2:
            return ()
        found = self._known.get((from_m, to_m))
        if found is None:
            if len(self._known) >= MOST_STRETCHES:
                self._known.clear()
            found = self._known[from_m, to_m] = cells_along(self._line, self._cumulative, from_m, to_m)
        return found


def _cell(before: Point, after: Point) -> str:
    """The square that the middle of a piece lies in, and the eighth of the compass that it leads to."""
    lat, lon = (before[0] + after[0]) / 2, (before[1] + after[1]) / 2
    metres_per_lon = METRES_PER_DEGREE_LON * cos(radians(round(lat)))  # one width for all streets of an area
    north_m = (after[0] - before[0]) * METRES_PER_DEGREE_LAT
    direction = round(atan2((after[1] - before[1]) * metres_per_lon, north_m) * DIRECTIONS / (2 * pi)) % DIRECTIONS
    row, column = floor(lat * METRES_PER_DEGREE_LAT / CELL_M), floor(lon * metres_per_lon / CELL_M)
    return intern(f"{row}.{column}.{direction}")
