"""Distances and places along a line."""

from math import cos, hypot, inf, radians, sin, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.plan.geometry import distance_m, lengths_m, point_at, project
from tests.support.road import place, road


def test_a_known_distance() -> None:
    """People's Square to the Bund in Shanghai, 1,735 m by the great circle, is right within 1 %."""
    assert abs(distance_m(31.2304, 121.4737, 31.2345, 121.4913) - 1735) < 18


@pytest.mark.parametrize(("lat", "part"), [(10, 0.003), (25, 0.001), (31.2, 0.0001), (36, 0.001), (47, 0.003)])
def test_a_degree_is_as_long_as_on_the_ellipsoid(lat: float, part: float) -> None:
    """Northward and eastward, as good as the header says (WGS-84's radii of curvature)."""
    flatter = 0.00669437999 * sin(radians(lat)) ** 2
    east_radius_m = 6_378_137.0 / sqrt(1 - flatter)
    north_radius_m = east_radius_m * (1 - 0.00669437999) / (1 - flatter)
    step = 0.01
    assert distance_m(lat - step, 121, lat + step, 121) == pytest.approx(radians(2 * step) * north_radius_m, rel=part)
    along_m = radians(step) * east_radius_m * cos(radians(lat))
    assert distance_m(lat, 121, lat, 121 + step) == pytest.approx(along_m, rel=part)


def test_lengths_of_a_line() -> None:
    """Lengths add up from zero; a line without points has none."""
    line = road(300).line
    assert [round(length) for length in lengths_m(line)] == [0, 100, 200, 300]
    assert lengths_m(()) == ()


def test_a_place_along_a_line_is_held_at_its_ends() -> None:
    """Before the start is the start, after the end is the end, and an empty line has no places."""
    line = road(300).line
    lengths = lengths_m(line)
    assert point_at(line, lengths, -50) == line[0]
    assert point_at(line, lengths, 1000) == line[-1]
    with pytest.raises(ValueError, match="no places"):
        point_at((), (), 0)


@settings(max_examples=80, deadline=None)
@given(st.floats(0, 2999), st.floats(-50, 50))
def test_projecting_a_place_beside_the_line(along_m: float, beside_m: float) -> None:
    """A place beside a line is as far off and as far along as it was put."""
    line = road(3000).line
    off_m, found_m = project(line, lengths_m(line), *place(along_m, beside_m), 0, 3000)
    assert abs(found_m - along_m) < 1
    assert abs(off_m - abs(beside_m)) < 1


def test_looking_only_within_the_window() -> None:
    """Outside the window nothing is found; at its edge the edge is."""
    line = road(3000).line
    lengths = lengths_m(line)
    off_m, along_m = project(line, lengths, *place(2000), 500, 1000)
    assert (round(off_m), round(along_m)) == (1000, 1000)
    assert project(line, lengths, *place(2000), 5000, 6000)[0] > 900
    assert project((), (), *place(0), 0, 100) == (inf, 0)


def test_of_two_passes_the_expected_one_wins() -> None:
    """Where a street is driven twice, the pass nearest to where the truck ought to be is taken."""
    there = [place(metres) for metres in range(0, 1001, 100)]
    line = tuple(there + there[-2::-1])
    lengths = lengths_m(line)
    assert round(project(line, lengths, *place(700), 0, 2000, expected_m=650)[1]) == 700
    assert round(project(line, lengths, *place(700), 0, 2000, expected_m=1250)[1]) == 1300


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)), min_size=2, max_size=12),
       st.floats(-2500, 2500), st.floats(-2500, 2500))
def test_the_projection_is_on_the_line(points: list[tuple[float, float]], north_m: float, east_m: float) -> None:
    """On any line the place found lies as far away as it says, within the flat earth of a few kilometres."""
    line = tuple(place(*point) for point in points)
    lengths = lengths_m(line)
    off_m, along_m = project(line, lengths, *place(north_m, east_m), 0, lengths[-1])
    found = point_at(line, lengths, along_m)
    away_m = distance_m(*found, *place(north_m, east_m))
    assert 0 <= along_m <= lengths[-1] + 1e-6
    assert abs(away_m - off_m) < 0.005 * hypot(north_m, east_m) + 5
