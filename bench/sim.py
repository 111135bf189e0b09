"""How fast the simulator is, and whether the long scenarios hold: simulated time over real time, per scenario."""

import sys

from sim.scenario.scenario import load
from sim.scenario.scene import DataAbsentError
from sim.virtual.run import play

LONG = ("whole_shift", "quiet_morning", "tainan_route", "demo_day", "rolled_out")


def main() -> int:
    """Play each once; 1 if an expectation failed."""
    failed = 0
    for name in LONG:
        try:
            outcome = play(load(name))
        except DataAbsentError as absent:
            print(f"{name:16} SKIPPED: {absent}")
            continue
        evidence = outcome.evidence
        simulated_s = evidence.end_at - evidence.start_at
        per_hour = outcome.actions / (simulated_s / 3600)
        print(
            f"{name:16} x{simulated_s / outcome.took_s:6.0f} real time  {simulated_s / 3600:.1f} h in "
            f"{outcome.took_s:5.1f} s  {per_hour:8.0f} actions per simulated hour  "
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
