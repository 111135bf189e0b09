"""Ten planted faults, each of another kind: does `sim search` find it within ten minutes, and how short is its run?

`python3 -m bench search -- [FAULT ...] [--minutes N]`; `none` searches the project as it is.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.support.sim.planted import FAULTS, REPO, copied, replayed, searched


def main() -> int:
    """Search a copy for each; 1 if any was not found."""
    top = argparse.ArgumentParser(description=__doc__)
    top.add_argument("faults", nargs="*", help=f"which (default: all): {' '.join(FAULTS)}, or none")
    top.add_argument("--minutes", type=float, default=10.0)
    args = top.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; all seconds with making it shorter")
    missed = 0
    for fault in args.faults or FAULTS:
        with tempfile.TemporaryDirectory(prefix="zp-search-") as name:
            folder = copied(Path(name), None if fault == "none" else fault)
            found = searched(folder, args.minutes)
            said = f"nothing in {found.runs} runs"
            if found.promise is not None and found.scenario is not None:
                again = replayed(folder, found.scenario.relative_to(folder)) == 1
                events = found.scenario.read_text(encoding="utf-8").count("[[event]]")
                said = f"`{found.promise}` in run {found.runs}, shortest: {events} events, plays again: {again}"
                if fault != "none" and replayed(REPO, found.scenario) != 0:
                    found = replace(found, promise=None)
                    said += "; but so it is without the fault: that one was not found"
            good = (found.promise is None) is (fault == "none")
            missed += not good
            spent = f"{found.seconds:5.0f} s, {found.cpu_s:5.0f} s of processor"
            print(f"{fault:34} {spent}  {'met' if good else 'MISSED'}  {said}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
