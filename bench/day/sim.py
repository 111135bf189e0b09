"""How fast the simulator is, and whether the long scenarios hold: simulated time over real time, per scenario.

A shift and a week have each a goal of processor time; memory is not to grow beyond what the evidence needs.
"""

import resource
import sys
import time

from bench import goals
from sim.scenario.scenario import load
from sim.scenario.scenes.scene import DataAbsentError
from sim.virtual.run import play

TIMED = ("whole_shift", "rolled_out")
LONG = ("whole_shift", "quiet_morning", "tainan_route", "demo_day", "rolled_out")


def main() -> int:
    """Play each once; 1 if an expectation failed or a goal is missed."""
    failed = 0
    for name in LONG:
        began_s = time.process_time()
        try:
            outcome = play(load(name))
        except DataAbsentError as absent:
            print(f"{name:16} SKIPPED: {absent}")
            continue
        evidence = outcome.evidence
        simulated_s = evidence.end_at - evidence.start_at
        per_hour = outcome.actions / (simulated_s / 3600)
        used_s = time.process_time() - began_s
        most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{name:16} x{simulated_s / outcome.took_s:6.0f} real time  {simulated_s / 3600:.1f} h in "
            f"{outcome.took_s:5.1f} s, {used_s:5.1f} s of processor, at most {most_mb:.0f} MB  "
            f"{per_hour:8.0f} actions per simulated hour  "
            f"{'held' if outcome.held else 'FAILED'}",
            flush=True,
        )
        if name in TIMED:
            goals.held(f"sim/{name}", used_s)
        for verdict in outcome.verdicts:
            for fault in verdict.faults:
                print(f"    {verdict.kind}: {fault}")
        failed += not outcome.held
    return 1 if failed else goals.code()


if __name__ == "__main__":
    sys.exit(main())
