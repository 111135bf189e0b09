"""A unit's broker, and the hand of the bridge that speaks to it there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.binroom.broker import Hand, Mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto."""
    mosquitto = Mosquitto(tmp_path)
    mosquitto.start()
    yield mosquitto
    mosquitto.kill()


@pytest.fixture
def hand(broker: Mosquitto) -> Iterator[Hand]:
    """The bridge's side."""
    bridge = Hand(broker.port)
    yield bridge
    bridge.close()
