"""One account floods a whole cell: everybody else's presses are stored meanwhile, after it, and after a restart.

`python3 -m bench flood` does it in every way we know, for longer.
"""

from pathlib import Path

import pytest

from tests.support.flood.run import flood
from tests.support.processes import need_mosquitto

pytestmark = pytest.mark.real
SLOW_MACHINE = 4  # how much slower than ours a machine may be that runs the tests


@pytest.mark.parametrize("shape", ["positions", "incident_ids", "retained_largest"])
def test_one_device_hurts_only_itself(shape: str, tmp_path: Path) -> None:
    """It is named, others are answered, and what it leaves has an end."""
    need_mosquitto()
    found = flood(shape, tmp_path, 3.0)
    assert found.named, found.line()
    assert found.faults(SLOW_MACHINE) == []


def test_a_press_is_stored_when_the_broker_is_filled_while_the_bridge_cannot_look(tmp_path: Path) -> None:
    """Its memory is full in a second: it forgets presses that it said it has, and may not even let the bridge in."""
    need_mosquitto()
    found = flood("retained_largest", tmp_path, 3.0, paused_s=2.5)
    assert found.named, found.line()
    assert found.faults(SLOW_MACHINE) == []
