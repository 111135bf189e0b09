"""Power cuts at every block operation of a unit's flash: how many, and that none of them loses or tears a record.

    python3 -m bench binroom.power
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sim.micropython.interpreter import find_micropython

REPO = Path(__file__).resolve().parents[2]
STORY = REPO / "tests" / "binroom" / "cases" / "power_cuts.py"
DEADLINE_S = 600


def main() -> None:
    """Run the story of tests/binroom/cases/power_cuts.py with every cut and print its figure."""
    interpreter = find_micropython()
    if interpreter is None:
        sys.exit("needs the real MicroPython")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [interpreter, "-X", "heapsize=4M", str(STORY), str(Path(folder) / "flash.img"), "1"],
            cwd=REPO, env={"MICROPYPATH": f"{REPO}:.frozen"}, capture_output=True, text=True, timeout=DEADLINE_S,
            check=False,
        )
    last = done.stdout.strip().splitlines()[-1:]
    print(f"bin-room power cuts: {' '.join(last)} ({time.monotonic() - started:.0f} s)")
    if done.returncode:
        sys.exit(f"FAILED: {done.stderr[-2000:]}")


if __name__ == "__main__":
    main()
