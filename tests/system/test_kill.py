"""Everything is killed at random moments; nothing that a device recorded is missing or there twice."""

from pathlib import Path

import pytest

from tests.support.kill.run import run

pytestmark = pytest.mark.real


def test_nothing_recorded_is_lost_or_doubled_by_kill_9(tmp_path: Path) -> None:
    """20 trucks and 3 rooms; agents, units, bridge and broker killed; the store has every record exactly once."""
    outcome = run(tmp_path, seconds=24, trucks=20, rooms=3, seed=7)
    assert outcome.kills["truck"] >= 10
    assert outcome.kills["bridge"] >= 2
    assert outcome.kills["broker"] >= 2
    assert outcome.presses >= 20
    assert outcome.bin_reports >= 3
    assert outcome.missing == []
    assert outcome.repeated == []
