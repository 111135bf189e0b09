"""Stops are placed along a line in the order in which they are visited."""

import itertools
import random

import pytest

from broker.plan.geometry import Point, distance_m, lengths_m, point_at
from broker.plan.gtfs.places_on_line import MAX_BESIDE_M, place, place_by_shape_distance

LAT, LON = 31.19, 121.44
METRE_LAT = 1 / distance_m(LAT, LON, LAT + 1, LON)
METRE_LON = 1 / distance_m(LAT, LON, LAT, LON + 1)


def at(x: float, y: float) -> Point:
    """The place x metres east and y metres north of the origin."""
    return LAT + y * METRE_LAT, LON + x * METRE_LON


def test_a_street_driven_out_and_back_is_told_apart_by_the_order() -> None:
    """Rooms of the way out lie on the first pass, those after the turn on the second, though both are as near."""
    line = [at(0, 0), at(1000, 0), at(0, 0)]
    placed = place(line, [at(200, 5), at(600, 5), at(900, 5), at(700, -5), at(100, -5)])
    assert placed == pytest.approx([200, 600, 900, 1300, 1900], abs=2)


def test_the_nearest_point_is_not_taken_where_the_order_forbids_it() -> None:
    """A stop that is nearer to the first pass lies on the second if it comes after one that lies between."""
    line = [at(0, 0), at(1000, 0), at(1000, 30), at(0, 30)]
    placed = place(line, [at(800, 0), at(300, 10)])
    assert placed == pytest.approx([800, 1730], abs=2)


def test_of_two_alike_passes_the_earlier_is_taken() -> None:
    """A few metres of error in a coordinate do not decide which pass of a street it is."""
    line = [at(0, 0), at(1000, 0), at(1000, 10), at(0, 10)]
    placed = place(line, [at(300, 9), at(800, 9)])
    assert placed == pytest.approx([300, 800], abs=2)


def test_a_point_of_the_line_near_a_stop_does_not_draw_it() -> None:
    """A stop 10 m behind a point of a straight line lies 10 m behind it, not at the point."""
    assert place([at(0, 0), at(100, 0), at(200, 0)], [at(110, 5)]) == pytest.approx([110], abs=1)
    assert place([at(0, 0), at(100, 0), at(200, 0)], [at(90, 5)]) == pytest.approx([90], abs=1)


def test_a_stop_beside_the_line_says_which_it_is() -> None:
    """The index of the first stop that finds no place is the answer instead of the places."""
    line = [at(0, 0), at(1000, 0)]
    assert place(line, [at(100, 0), at(500, MAX_BESIDE_M + 5), at(700, 0)]) == 1
    assert place(line, [at(700, 0), at(100, 0)]) == 1


def test_points_that_repeat_are_no_obstacle() -> None:
    """A line may stand still for a point or for all of its points."""
    assert place([at(0, 0), at(0, 0), at(500, 0), at(500, 0)], [at(250, 3)]) == pytest.approx([250], abs=2)
    assert place([at(0, 0), at(0, 0)], [at(10, 0), at(10, 0)]) == [0.0, 0.0]


@pytest.mark.parametrize("seed", range(30))
def test_stops_on_a_random_line_are_found_again(seed: int) -> None:
    """Stops set on a random walk of streets are placed in order, each within 16 m of the stop it stands for."""
    rnd = random.Random(seed)
    x = y = 0.0
    line = [at(0, 0)]
    for _ in range(40):
        if rnd.random() < 0.5:
            x += rnd.choice((-1, 1)) * rnd.uniform(50, 400)
        else:
            y += rnd.choice((-1, 1)) * rnd.uniform(50, 400)
        line.append(at(x, y))
    cumulative = lengths_m(line)
    truth = sorted(rnd.uniform(0, cumulative[-1]) for _ in range(15))
    placed = place(line, [point_at(line, cumulative, along) for along in truth])
    assert not isinstance(placed, int)
    assert all(a <= b + 1e-6 for a, b in itertools.pairwise(placed))
    for along, found in zip(truth, placed, strict=True):
        assert distance_m(*point_at(line, cumulative, along), *point_at(line, cumulative, found)) <= 16


def test_the_feeds_distances_are_mapped_piece_by_piece() -> None:
    """A unit of the feed's own and an error of its scale do not move a stop off its piece of the line."""
    assert place_by_shape_distance([0, 100, 300], [0, 1, 2], [0, 0.5, 1, 1.5, 2, 9]) == [0, 50, 100, 200, 300, 300]
    assert place_by_shape_distance([0, 100, 100, 300], [0, 1, 1, 2], [1]) == [100]
