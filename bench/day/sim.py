"""How fast the simulator is, and whether the long scenarios hold: simulated time over real time, per scenario.

A shift is to take 10 s of one processor, a week two minutes, and memory is not to grow beyond what the evidence needs.
"""

import resource
import sys
import time

from sim.scenario.scenario import load
from sim.scenario.scenes.scene import DataAbsentError
from sim.virtual.run import play

GOAL_S = {"whole_shift": 10.0, "rolled_out": 120.0}  # of processor
LONG = ("whole_shift", "quiet_morning", "tainan_route", "demo_day", "rolled_out")


def main() -> int:
    """Play each once; 1 if an expectation failed."""
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
        used_s, goal_s = time.process_time() - began_s, GOAL_S.get(name)
        verdict = "" if goal_s is None else f" (goal {goal_s:.0f}: {'met' if used_s <= goal_s else 'MISSED'})"
        most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{name:16} x{simulated_s / outcome.took_s:6.0f} real time  {simulated_s / 3600:.1f} h in "
            f"{outcome.took_s:5.1f} s, {used_s:5.1f} s of processor{verdict}, at most {most_mb:.0f} MB  "
            f"{per_hour:8.0f} actions per simulated hour  "
            f"{'held' if outcome.held else 'FAILED'}",
            flush=True,
        )
        for verdict in outcome.verdicts:
            for fault in verdict.faults:
                print(f"    {verdict.kind}: {fault}")
        failed += not outcome.held
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
