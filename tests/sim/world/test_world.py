"""The world's own parts: receivers, driving, pins."""

import itertools
import random

import pytest

from broker.plan.demo_area import demo_plan
from broker.plan.geometry import distance_m
from firmware.binroom.lamp import PATTERNS
from firmware.truck.gps.epochs import read_fixes
from sim.world.gps import nmea
from sim.world.lamp_patterns import PatternReader
from sim.world.road.driving import Drive, Pace, Path
from sim.world.timeline import Timeline

SOME_PLACES = [(31.19, 121.44, 5.0, 90.0), (-27.2108, 153.05, 0.0, 359.9), (0.5, -0.00001, 33.0, 0.0)]


@pytest.mark.parametrize(("lat", "lon", "speed_mps", "bearing_deg"), SOME_PLACES)
def test_the_truck_reads_what_the_receiver_says(lat: float, lon: float, speed_mps: float, bearing_deg: float) -> None:
    """The real reader finds the true place, speed and second in the sentences."""
    (fix,) = read_fixes([nmea.second(1_795_000_000, lat, lon, speed_mps, bearing_deg)])
    assert distance_m(lat, lon, fix.lat, fix.lon) < 0.1
    assert fix.fix_at == 1_795_000_000
    assert fix.speed_mps == pytest.approx(speed_mps, abs=0.01)


def test_a_blind_receiver_gives_no_fix() -> None:
    """Without a position the sentences say so, and the reader believes them."""
    assert list(read_fixes([nmea.second(1_795_000_000 + i, None, None) for i in range(5)])) == []


def test_minutes_never_round_to_sixty() -> None:
    """A place a hair below a full degree is written as the full degree."""
    assert b",3200.00000,N,12200.00000,E," in nmea.second(1_795_000_000, 31.9999999999, 121.9999999999)


def test_a_drive_reaches_its_goal_at_about_the_planned_speed() -> None:
    """Over many legs a truck makes about the 18 km/h that timetables are made of."""
    line = Path(demo_plan().routes["wet-north"].line)
    speeds = []
    for seed in range(8):
        drive = Drive(line, Pace(), random.Random(seed))
        seconds = next(i for i in itertools.count(1) if drive.step())
        assert drive.along_m == line.length_m
        speeds.append(line.length_m / seconds)
    assert 4.5 < sum(speeds) / len(speeds) < 5.5


def test_a_part_of_a_path_has_the_length_that_was_asked_for() -> None:
    """Cutting a path keeps its shape and its metres."""
    line = Path(demo_plan().routes["wet-north"].line)
    assert line.part(500.0, 2500.0).length_m == pytest.approx(2000.0, abs=0.5)


@pytest.mark.parametrize("shown", ["due", "held", "at_stop", "no_data", "off"])
def test_pins_are_read_as_the_pattern_the_unit_drives(shown: str) -> None:
    """Every pattern of the firmware's own table is recognised from levels alone, and dated to its begin."""
    timeline = Timeline(0.0)
    seen: list[tuple[float, str]] = []
    reader = PatternReader(timeline, lambda at, pattern: seen.append((at, pattern)))
    on_ms, period_ms = PATTERNS[shown]
    reader.level(False)
    for start_ms in range(20_000, 60_000, period_ms):
        if on_ms:
            timeline.at(start_ms / 1000, lambda: reader.level(True))
        if on_ms < period_ms:
            timeline.at((start_ms + on_ms) / 1000, lambda: reader.level(False))
    timeline.run_until(59.0)
    assert [pattern for _, pattern in seen] == (["off"] if shown == "off" else ["off", shown])
    if shown != "off":
        assert seen[1][0] == pytest.approx(20.0, abs=0.01)
