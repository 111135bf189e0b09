"""How wrong the places of the simulated receivers are: as a scenario says, by seed, and as recorded receivers were."""

import itertools
import math
import random
import statistics

import pytest

from broker.plan.geometry import distance_m
from firmware.truck.gps.epochs import Epochs
from sim.scenario.format_page import whole
from sim.scenario.scenario import Scenario, parse
from sim.scenario.scenes.scene import DataAbsentError
from sim.virtual.run import play
from sim.world.gps.makes import MAKES, MIXED
from sim.world.gps.receiver import receiver_of
from sim.world.gps.sky import AMONG_S, BESIDE_M, Drift, HighRises
from tests.support.receiver_makes import make_of

pytestmark = pytest.mark.real  # tenths of a second each

HOUR_S = 3600
PLACE = (31.19, 121.44, 90.0)
FOUND = '[[expect]]\nkind = "positions_true"\ntruck = "t01"\nwithin_m = 20\n'


def morning(world: str) -> Scenario:
    """Half of docs/scenarios.md's morning with these words in `[world]`, and places that are asked to be true."""
    text = whole(f"[world]\n{world}\n\n{FOUND}").replace('to = "06:50"', 'to = "06:20"')
    return parse(text, "morning", "morning")


def test_a_drift_is_as_wide_and_as_long_as_it_says() -> None:
    """Its deviation on either axis, and what is left of it after the time it lasts: about a third."""
    drift = Drift(40.0, 90.0, random.Random(1))
    north = [drift.at(float(at))[0] for at in range(60 * HOUR_S)]
    assert statistics.pstdev(north) == pytest.approx(40, rel=0.1)
    later = statistics.correlation(north[:-90], north[90:])
    assert later == pytest.approx(math.exp(-1), abs=0.1)


def test_a_drift_does_not_depend_on_how_often_it_is_asked() -> None:
    """A standing truck's receiver speaks every four seconds, and its place strays as far and as slowly."""
    drift = Drift(20.0, 60.0, random.Random(2))
    north = [drift.at(at * 4.0)[0] for at in range(60 * HOUR_S // 4)]
    assert statistics.pstdev(north) == pytest.approx(20, rel=0.1)
    assert statistics.correlation(north[:-15], north[15:]) == pytest.approx(math.exp(-1), abs=0.1)


@pytest.mark.parametrize("share", [0.2, 0.6, 1.0])
def test_high_rises_shift_a_place_for_minutes(share: float) -> None:
    """In that share of the time, by 30 to 60 m the same way for 2 to 6 minutes; else not at all."""
    rises = HighRises(share, random.Random(3))
    off = [rises.at(float(at)) for at in range(100 * HOUR_S)]
    spells = [(metres, len(list(run))) for metres, run in itertools.groupby(off)]
    among = [(math.hypot(*metres), lasts) for metres, lasts in spells[1:-1] if metres != (0.0, 0.0)]
    assert sum(lasts for _, lasts in among) / len(off) == pytest.approx(share, abs=0.06)
    assert all(BESIDE_M[0] <= metres <= BESIDE_M[1] for metres, _ in among)
    assert all(AMONG_S[0] - 1 <= lasts <= AMONG_S[1] + 1 for _, lasts in among)


@pytest.mark.parametrize("name", MAKES)
def test_a_make_is_what_its_log_shows(name: str) -> None:
    """Spread, how long it lasts, rate, speed at a stand, sentences: read out of the recorded log again."""
    try:
        assert make_of(name) == MAKES[name]
    except DataAbsentError as absent:
        pytest.skip(f"{name}: {absent}")


@pytest.mark.parametrize("name", MAKES)
def test_the_truck_reads_every_make(name: str) -> None:
    """Its own reader finds places that stray as far as they should, at the seconds at which they were said."""
    world = {"receiver": name, "gps_error_m": 3.0, "gps_drift_m": 0.0, "gps_drift_s": 90.0, "high_rises": 0.0}
    receiver, reader = receiver_of(world, "7 t01", random.Random(4)), Epochs()
    start_at = 1_795_000_000
    fixes = [
        fix
        for at in range(start_at, start_at + HOUR_S)
        for fix in (*reader.feed(receiver.says(at, PLACE, 0.0)), *reader.flush())
    ]
    make = MAKES[name]
    assert len(fixes) == pytest.approx(HOUR_S / max(1.0, make.every_s), abs=2)
    assert {fix.fix_at for fix in fixes} <= {float(at) for at in range(start_at, start_at + HOUR_S)}
    off_m = [distance_m(*PLACE[:2], fix.lat, fix.lon) for fix in fixes]
    smallest_m = 2000 * 10 ** -make.manner.minute_digits  # of the last digit
    assert math.sqrt(statistics.mean(m * m for m in off_m)) == pytest.approx(
        make.spread_m * math.sqrt(2), rel=0.2, abs=smallest_m
    )


def test_trucks_have_receivers_of_several_makes() -> None:
    """`mixed` is another one for each truck, and the same one at each run."""
    world = {"receiver": MIXED, "gps_error_m": 3.0, "gps_drift_m": 0.0, "gps_drift_s": 90.0, "high_rises": 0.0}
    drawn = [[receiver_of(world, f"7 t{n:02d}", random.Random(1)).make for n in range(30)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len({repr(make) for make in drawn[0]}) >= len(MAKES) / 2


def test_a_rough_receiver_changes_nothing_else() -> None:
    """What is rough has dice of its own: the driver's and the street's are thrown as often as ever."""
    plain = {"receiver": "plain", "gps_error_m": 3.0, "gps_drift_m": 0.0, "gps_drift_s": 90.0, "high_rises": 0.0}
    left = []
    for world in (plain, {**plain, "gps_drift_m": 40.0, "high_rises": 0.3}):
        dice = random.Random(5)
        receiver = receiver_of(world, "7 t01", dice)
        for at in range(100):
            receiver.says(float(at), PLACE, 0.0)
        left.append(dice.random())
    assert left[0] == left[1]


@pytest.mark.parametrize("world", ["gps_drift_m = 40", "high_rises = 1.0", 'receiver = "haicom-305N"'])
def test_what_a_scenario_says_of_receivers_is_in_the_stored_places(world: str) -> None:
    """They come through the truck's own reader; with a plain receiver the same judge is content."""
    (verdict,) = play(morning(world)).verdicts
    assert not verdict.held and " m off" in verdict.faults[0]


def test_the_places_of_a_plain_receiver_are_true() -> None:
    """Else the test above could not fail."""
    assert play(morning("")).held
