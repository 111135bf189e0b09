"""The clock of a live run: its speed changes under everybody's hands, and no process sees it jump."""

import itertools
import time
from pathlib import Path

import pytest

from sim.live.clock import SpedClock


def two(folder: Path, speed: int = 30) -> tuple[SpedClock, SpedClock]:
    """The clock of the run, and the same in a child."""
    clock = SpedClock(1000.0, speed, folder / "go")
    return clock, SpedClock.from_text(clock.to_text())


def test_it_stands_until_everything_is_up(tmp_path: Path) -> None:
    """Before the signal nobody sees it move, whatever speed is asked for."""
    clock, child = two(tmp_path)
    clock.run_at(2)
    assert clock.at(5.0) == child.at(7.0) == child.now() == 1000.0
    clock.go()
    real_s = time.monotonic()
    assert child.at(real_s + 10) - child.at(real_s + 5) == pytest.approx(10.0)


def test_a_change_of_speed_reaches_a_child_and_nothing_jumps(tmp_path: Path) -> None:
    """Before the change the old speed counts, afterwards the new one; what was, was at its own time."""
    clock, child = two(tmp_path)
    clock.go()
    began_s = time.monotonic()
    before = [child.at(began_s + 0.001 * step) for step in range(20)]
    clock.run_at(1)
    clock.run_at(10)
    changed_s = time.monotonic() + 1.0
    assert child.speed == clock.speed == 10
    assert child.at(changed_s + 3) - child.at(changed_s) == pytest.approx(30.0)
    assert [child.at(began_s + 0.001 * step) for step in range(20)] == pytest.approx(before)
    moments = [child.at(began_s + 0.001 * step) for step in range(1500)]
    assert all(0 <= after - moment <= 0.031 for moment, after in itertools.pairwise(moments))


def test_two_changes_in_one_moment_are_one_after_the_other(tmp_path: Path) -> None:
    """Whoever presses and lets go at once ends at the last speed, and time never runs back."""
    clock, child = two(tmp_path)
    clock.go()
    for speed in (1, 30, 1, 30, 1):
        clock.run_at(speed)
    assert child.speed == 1
    moments = [child.at(time.monotonic() + 0.001 * step) for step in range(300)]
    assert moments == sorted(moments)
