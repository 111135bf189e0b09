"""A small cell under load: every truck and unit a real MQTT client, nothing lost, nothing doubled, every press lit.

The whole of it, 400 trucks and 1,000 rooms, is `python3 -m bench cell`.
"""

import pytest

from tests.support.cell.load import run_cell
from tests.support.processes import need_mosquitto

TRUCKS, DEVICES = 8, 28


@pytest.mark.real
def test_a_small_cell_keeps_every_record_once_and_acknowledges_all() -> None:
    """A few seconds as fast as acks come: each device's next record follows the ack of its last."""
    need_mosquitto()
    outcome = run_cell(TRUCKS, 0.0, 3.0, warm_s=0.0)
    (phase,) = outcome.phases
    assert outcome.connected == DEVICES
    assert phase.said >= 2 * DEVICES
    assert phase.lit_s
    assert (outcome.unacknowledged, outcome.lost, outcome.doubled, outcome.gone, phase.unlit) == (0, 0, 0, 0, 0)
