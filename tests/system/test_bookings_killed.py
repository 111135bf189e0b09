"""Bookings over HTTP with kill -9 between; all of them: `python3 -m bench bookings_killed`."""

from pathlib import Path

import pytest

from tests.support.bookings.killed import run

SAMPLE = 24  # of 1,000


@pytest.mark.real
def test_a_bridge_that_is_killed_books_nothing_twice_and_loses_nothing(tmp_path: Path) -> None:
    """Two people at once; no hold outlives its end, and whatever was answered is known after each start."""
    town = run(tmp_path, SAMPLE)
    assert town.faults == []
    assert town.done["kills"] >= 2
    assert town.done["booked"] >= SAMPLE // 4
