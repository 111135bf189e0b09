"""Distances on the ground and places along a line, within one subdistrict.

A degree has one length here: right to 0.1 % from 25 to 36 degrees north, to 0.3 % from 10 to 47.

Coordinates are WGS-84 degrees, lengths metres. A line is a sequence of (lat, lon) points in driving order; its
`cumulative` lengths (from `lengths_m`) say how far along each point lies.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot, radians

# Both as the WGS-84 ellipsoid has them at 31.2 degrees north (Shanghai); a degree of longitude times cos(latitude).
METRES_PER_DEGREE_LAT = 110_873.0
METRES_PER_DEGREE_LON = 111_420.0
# Where a street is driven twice, both passes fit a fix equally well: 10 m away from where the truck ought to be
# counts as much as 1 m beside the line, up to 30 m.
AMBIGUITY_WEIGHT = 0.1
AMBIGUITY_CAP_M = 30.0

Point = tuple[float, float]


def distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Metres between two places a few kilometres apart (flat-earth formula)."""
    return hypot(
        (lat2 - lat1) * METRES_PER_DEGREE_LAT,
        (lon2 - lon1) * METRES_PER_DEGREE_LON * cos(radians((lat1 + lat2) / 2)),
    )


def lengths_m(line: Sequence[Point]) -> tuple[float, ...]:
    """How far along the line each of its points lies; empty for an empty line."""
    lengths = [0.0] if line else []
    for (lat1, lon1), (lat2, lon2) in pairwise(line):
        lengths.append(lengths[-1] + distance_m(lat1, lon1, lat2, lon2))
    return tuple(lengths)


def point_at(line: Sequence[Point], cumulative: Sequence[float], along_m: float) -> Point:
    """The place `along_m` metres along the line, held at its ends; ValueError for an empty line."""
    if not line:
        raise ValueError("a line without points has no places")
    index = bisect_right(cumulative, along_m) - 1
    if index < 0:
        return line[0]
    if index >= len(line) - 1:
        return line[-1]
    (lat1, lon1), (lat2, lon2) = line[index], line[index + 1]
    length_m = cumulative[index + 1] - cumulative[index]
    share = (along_m - cumulative[index]) / length_m if length_m > 0 else 0.0
    return lat1 + share * (lat2 - lat1), lon1 + share * (lon2 - lon1)


def project(
    line: Sequence[Point],
    cumulative: Sequence[float],
    lat: float,
    lon: float,
    from_m: float,
    to_m: float,
    expected_m: float | None = None,
) -> tuple[float, float]:
    """(metres beside the line, metres along it) of a place, looking only between `from_m` and `to_m`.

    With `expected_m`, of several passes of the same street the one nearest to it wins. A line without
    a segment in the window gives (inf, from_m).
    """
    scale_lon = METRES_PER_DEGREE_LON * cos(radians(lat))
    best_cost, best = float("inf"), (float("inf"), from_m)
    first = max(0, bisect_left(cumulative, from_m) - 1)
    for index in range(first, len(line) - 1):
        start_m = cumulative[index]
        if start_m > to_m:
            break
        length_m = cumulative[index + 1] - start_m
        ax = (line[index][1] - lon) * scale_lon
        ay = (line[index][0] - lat) * METRES_PER_DEGREE_LAT
        dx = (line[index + 1][1] - lon) * scale_lon - ax
        dy = (line[index + 1][0] - lat) * METRES_PER_DEGREE_LAT - ay
        squared = dx * dx + dy * dy
        share = -(ax * dx + ay * dy) / squared if squared > 0 else 0.0
        if length_m > 0:  # the window may end inside this segment
            share = min(share, (to_m - start_m) / length_m)
            share = max(share, (from_m - start_m) / length_m)
        share = min(1.0, max(0.0, share))
        off_m = hypot(ax + share * dx, ay + share * dy)
        along_m = start_m + share * length_m
        cost = off_m
        if expected_m is not None:
            cost += min(AMBIGUITY_CAP_M, AMBIGUITY_WEIGHT * abs(along_m - expected_m))
        if cost < best_cost - 1e-9:
            best_cost, best = cost, (off_m, along_m)
    return best
