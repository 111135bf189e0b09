"""Faults on real parts: nothing that a device kept is lost or doubled, no called lamp is dark, nobody is stuck."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.faults.run import DEEDS, CannotBePlayedError, Played, play

pytestmark = pytest.mark.real

SOME = ("network", "freeze_broker", "broker_file_spoilt", "kill_bridge", "freeze_truck")


def played(folder: Path, *steps: Sequence[str], seed: int, for_s: float | None = None) -> Played:
    """What came of them; skipped loudly where this machine cannot play them."""
    try:
        return play(folder, *steps, seed=seed, for_s=for_s)
    except CannotBePlayedError as why:
        pytest.skip(f"NOT RUN: {steps}: {why}")


def test_some_faults_one_after_the_other_and_then_at_once(tmp_path: Path) -> None:
    """A killed bridge, then a frozen truck; then a network that fails and a broker that forgets all too.

    After each all is whole again.
    """
    found = played(tmp_path, ["kill_bridge"], ["freeze_truck"], SOME, seed=4, for_s=5)
    assert found.wrong == []
    assert found.presses > 3 and found.stored > 20


@pytest.mark.long
@pytest.mark.parametrize("fault", DEEDS)
def test_each_fault_in_its_length(tmp_path: Path, fault: str) -> None:
    """By itself, long enough for rooms to say that they know nothing where nobody hears the bridge."""
    found = played(tmp_path, [fault], seed=1)
    assert found.wrong == []
    assert found.stored > 5
