"""The truck on a read-only root: only its state folder is writable, and a press is kept."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.real

CHILD = """
import sys, threading
from pathlib import Path
from gpiozero.pins.mock import MockFactory
from firmware.truck.config import load
from firmware.truck.program import run

pins, stop = MockFactory(), threading.Event()
threading.Timer(0.7, lambda: pins.pin(17).drive_low()).start()
threading.Timer(2.8, stop.set).start()
run(load(Path(sys.argv[1])), pin_factory=pins, stop=stop)
"""
# The state is a file system of its own; everything else is remounted read-only for this process alone.
SHELL = """
mount -t tmpfs none "$1" && mount -o remount,bind,ro / || exit 77
touch "$2/probe" 2>/dev/null && exit 77
"$3" -B -c "$4" "$2/truck.toml" && "$3" -c "$5" "$1/outbox.db"
"""
COUNT = """
import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("SELECT COUNT(*) FROM incident_record").fetchone()[0])
"""


def test_press_is_kept_on_a_read_only_root(tmp_path):
    """With the whole root read-only but the state's partition, the program runs and the press is in the outbox."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-m", "true"], capture_output=True, timeout=10).returncode != 0:
        pytest.skip("no private mounts here (needs root and unshare): the read-only root is not tested")
    state = tmp_path / "state"
    state.mkdir()
    (tmp_path / "truck.toml").write_text(
        f'[truck]\nid="t01"\narea="xh"\n[mqtt]\nhost="127.0.0.1"\nport=1\n[gps]\nport="/dev/none"\n'
        f'[outbox]\npath="{state}/outbox.db"\n'
    )
    ran = subprocess.run(
        [unshare, "-m", "sh", "-c", SHELL, "sh", str(state), str(tmp_path), sys.executable, CHILD, COUNT],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=Path(__file__).parents[3],
    )
    if ran.returncode == 77:
        pytest.skip("this machine does not let the root be remounted: the read-only root is not tested")
    assert (ran.returncode, ran.stdout.strip()) == (0, "1"), ran.stderr
    assert not list(state.iterdir()), "the state was not on a partition of its own"
