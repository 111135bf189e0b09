"""Faults on real parts: nothing that a device kept is lost or doubled, no called lamp is dark, nobody is stuck."""

from pathlib import Path

import pytest

from tests.support.faults.run import DEEDS, CannotBePlayedError, Played, play

pytestmark = pytest.mark.real

SOME = ("network", "freeze_broker", "broker_file_spoilt", "kill_bridge", "freeze_truck")


def played(folder: Path, *faults: str, seed: int, for_s: float | None = None, at_once: bool = False) -> Played:
    """What came of them; skipped loudly where this machine cannot play them."""
    try:
        return play(folder, faults, seed=seed, for_s=for_s, at_once=at_once)
    except CannotBePlayedError as why:
        pytest.skip(f"NOT RUN: {' '.join(faults)}: {why}")


def test_some_faults_at_once(tmp_path: Path) -> None:
    """A network that fails, a broker that stands still and then forgets all, a killed bridge, a frozen truck."""
    found = played(tmp_path, *SOME, seed=4, for_s=5, at_once=True)
    assert found.wrong == []
    assert found.presses > 3 and found.stored > 20


@pytest.mark.long
@pytest.mark.parametrize("fault", DEEDS)
def test_each_fault_in_its_length(tmp_path: Path, fault: str) -> None:
    """By itself, long enough for rooms to say that they know nothing where nobody hears the bridge."""
    found = played(tmp_path, fault, seed=1)
    assert found.wrong == []
    assert found.stored > 5
