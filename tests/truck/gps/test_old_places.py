"""A receiver that mixes old positions into the true ones: the places that move on win, in every order."""

import itertools
import random

import pytest

from firmware.truck.agent import Agent
from firmware.truck.events import FixSeen, Keep, Started, Wake
from firmware.truck.gps.acceptance import Acceptance
from firmware.truck.gps.fix import Fix, metres_between

START = Fix(31.2, 121.4, 1795374261.0, 5.0, 90.0, 1.0, 8, 3, 1)
DEGREES_PER_METRE = 1 / 111_195
NORTH, EAST, BEHIND = (31.245, 121.4), (31.2, 121.45), (31.173, 121.41)
ON_THE_WAY = (31.2 + 200 * DEGREES_PER_METRE, 121.4)
BESIDE = (31.2, 121.4003)
ORDERS = ("ot", "to", "oott", "oot", "tto", "ooot", "ooootttt", "atbt", "abt", "tab", "atbtct", "abct")


def heard(order, *, seconds=120, speed_mps=8.0, olds=(NORTH, EAST, BEHIND), silent=(), stands=(), wander_m=0.0):
    """(seconds, metres off the truth) of each fix that is believed; `order` repeats, t is the truth."""
    acceptance, dice, believed, driven_m = Acceptance(), random.Random(1), [], 0.0
    for second, letter in zip(range(seconds), itertools.cycle(order), strict=False):
        driven_m += 0.0 if any(a <= second < b for a, b in stands) else speed_mps
        lat, lon = 31.2 + (driven_m + dice.gauss(0, wander_m)) * DEGREES_PER_METRE, 121.4
        if any(a <= second < b for a, b in silent):
            continue
        told = (lat, lon) if letter == "t" else olds[max(0, "abc".find(letter))]
        fix = START._replace(lat=told[0], lon=told[1], fix_at=START.fix_at + second)
        if acceptance.refusal(fix, float(second)) is None:
            believed.append((second, metres_between(*told, lat, lon)))
    return believed


def right_from(believed) -> float:
    """Since when all that is believed is true to 40 m."""
    wrong = [second for second, off_m in believed if off_m > 40]
    return max(wrong, default=-1) + 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("olds", [(NORTH, EAST, BEHIND), (BEHIND, NORTH, EAST)])
def test_places_that_move_on_win_in_every_order(order, olds):
    """Within half a minute nothing but the way driven is believed, and most of what is true is."""
    believed = heard(order, olds=olds)
    assert right_from(believed) <= 30
    assert len([second for second, _ in believed if second > 30]) >= 0.9 * 90 * order.count("t") / len(order)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("speed_mps", [1.5, 5.0, 18.0])
def test_however_fast_it_drives(order, speed_mps):
    """A crawling truck is told from an old place as well as one on the main road."""
    assert right_from(heard(order, speed_mps=speed_mps)) <= 40


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("silent", [(40, 60), (30, 110), (5, 25)])
def test_gaps_do_not_bring_an_old_place_back(order, silent):
    """After a tunnel, in which the truck could have driven to the old place, only the way driven is believed."""
    believed = heard(order, seconds=200, silent=[silent])
    assert right_from(believed) <= 30 + (silent[1] if silent[0] < 30 else 0)
    assert believed[-1][0] >= 190


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("old", [ON_THE_WAY, BESIDE])
def test_an_old_place_on_the_way_is_left_behind(order, old):
    """An old place that the truck could have driven to is not gone back to, once it lies behind."""
    assert right_from(heard(order, olds=(old, NORTH, EAST), speed_mps=6.0)) <= 60


@pytest.mark.parametrize("order", ["ot", "to", "oott", "atbt"])
def test_while_it_stands_and_when_it_goes_on(order):
    """A stop with a receiver that holds its point changes nothing; nor one whose point wanders from the beginning."""
    assert right_from(heard(order, seconds=240, stands=[(60, 160)])) <= 30
    assert right_from(heard(order, seconds=240, stands=[(0, 90)], wander_m=1.5)) <= 30


def test_alternating_place_never_reaches_the_wire():
    """The whole agent: after the first seconds each report lies on the way driven."""
    agent, reports = Agent("t01", "xh", 7), []
    agent.handle(Started(), 0.0)
    for second in range(120):
        lat, lon = NORTH if second % 2 == 0 else (31.2 + 8 * second * DEGREES_PER_METRE, 121.4)
        seen = FixSeen(Fix(lat, lon, START.fix_at + second, 8.0, 0.0, 1.0, 8, 3, 1))
        effects = agent.handle(seen, float(second))
        reports += [(second, effect.report.body) for effect in effects if isinstance(effect, Keep)]
    off_m = [metres_between(31.2 + 8 * s * DEGREES_PER_METRE, 121.4, b["lat"], b["lon"]) for s, b in reports if s > 10]
    assert len(off_m) > 10
    assert max(off_m) < 40


def test_a_true_place_after_a_wrong_first_one_wins_though_it_stands_still():
    """A first fix that was far off is given up for three in a row, even of a receiver that holds its point."""
    acceptance = Acceptance()
    far = START._replace(lat=NORTH[0])
    places = [far, *[START] * 5]
    told = [acceptance.refusal(place._replace(fix_at=START.fix_at + n), float(n)) for n, place in enumerate(places)]
    assert told == [None, "jump", "jump", None, None, None]


@pytest.mark.parametrize("strays", [[60], [60, 62, 64], [440, 470, 488], [*range(1, 61, 2)]])
@pytest.mark.parametrize(("speed_mps", "step_s"), [(8.0, 1), (4.0, 1), (2.0, 5)])
@pytest.mark.parametrize("wander_m", [0.0, 0.5])
def test_a_stop_where_a_stray_place_once_was_is_believed(strays, speed_mps, step_s, wander_m):
    """The door of a room was told too early, once or often; who drives up to it and stands there is there."""
    acceptance, dice, refused = Acceptance(), random.Random(1), 0
    door_m = 500 * speed_mps
    for second in range(0, 800, step_s):
        driven_m = min(door_m, second * speed_mps) + (dice.gauss(0, wander_m) if second >= 500 else 0.0)
        told_m = door_m if second // step_s in strays else driven_m
        fix = START._replace(lat=31.2 + told_m * DEGREES_PER_METRE, fix_at=START.fix_at + second)
        refused += acceptance.refusal(fix, float(second)) is not None and told_m == driven_m
    assert refused <= 2


@pytest.mark.parametrize("silent_s", [100, 500, 3600])
def test_a_stop_where_a_stray_place_was_is_believed_after_a_tunnel(silent_s):
    """Who drove there unseen is there after twenty fixes that say nothing else."""
    acceptance, told = Acceptance(), []
    for second in [*range(60), *range(60 + silent_s, 130 + silent_s)]:
        driven_m = 8 * second if second < 60 else 1200
        fix = START._replace(lat=31.2 + driven_m * DEGREES_PER_METRE, fix_at=START.fix_at + second)
        stray = fix._replace(lat=31.2 + 1200 * DEGREES_PER_METRE)
        told.append(acceptance.refusal(stray if second == 30 else fix, float(second)))
    assert told[-45:] == [None] * 45


def test_the_agent_tells_where_it_stands_though_that_place_was_told_too_early():
    """The whole agent: the reports of the stop have a place."""
    agent, bodies = Agent("t01", "xh", 7), []
    agent.handle(Started(), 0.0)
    for second in range(620):
        metres = 4000 if second == 60 else 8 * min(second, 500)
        seen = FixSeen(Fix(31.2 + metres * DEGREES_PER_METRE, 121.4, START.fix_at + second, 8.0, 0.0, 1.0, 8, 3, 1))
        effects = [*agent.handle(seen, float(second)), *agent.handle(Wake(), second + 0.5)]
        bodies += [effect.report.body for effect in effects if isinstance(effect, Keep) and second > 500]
    assert bodies
    assert all(body["lat"] is not None for body in bodies)


def test_turning_round_is_believed_at_most_two_fixes_late():
    """A truck that really drives back over its own track, and stands there, is not refused for long."""
    acceptance, refused = Acceptance(), 0
    way_m = [*range(0, 200, 8), *range(200, -1, -8), *[0] * 30]
    for second, metres in enumerate(way_m):
        fix = START._replace(lat=31.2 + metres * DEGREES_PER_METRE, fix_at=START.fix_at + second)
        refused += acceptance.refusal(fix, float(second)) is not None
    assert refused <= 2
