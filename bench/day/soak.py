"""A soak: days on end in virtual time with random faults on each, nothing lost, doubled, wrongly lit, grown or stuck.

    python3 -m bench soak --days 7 --seed 1

What fails is made shorter by the tester's search (`--shorter` runs at most) and written as a scenario file that plays
again: `python3 -m sim FILE.toml`. The same seed is the same soak. Exit code 1 if anything was found.
"""

import argparse
import logging
import os
import resource
import sys
from pathlib import Path

from sim.search import soak
from sim.search.growth import Night
from sim.search.moments import area_of


def main() -> int:
    """Play one and print a line for each night."""
    top = argparse.ArgumentParser(prog="python3 -m bench soak", description=__doc__.partition("\n")[0])
    top.add_argument("--days", type=int, default=7, choices=range(1, 32), metavar="N", help="1 to 31 (default: 7)")
    top.add_argument("--seed", type=int, default=1, help="another seed draws other faults")
    top.add_argument("--shorter", type=int, default=40, metavar="N", help="runs that making it shorter may take")
    top.add_argument("--into", type=Path, default=Path(), help="the folder of what is found (default: here)")
    args = top.parse_args()
    logging.disable(logging.CRITICAL)
    usual = soak.base()
    scenario = soak.drawn_days(usual, area_of(usual), args.seed, args.days)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; seed {args.seed}, {args.days} days, "
          f"{len(scenario.happenings)} faults", flush=True)  # fmt: skip
    found = soak.soak(scenario)
    print("night  learned   bridge   trucks    units   record    other files, kB; stuck")
    for one in found.nights:
        print(row(one))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{found.records} records kept by devices, {found.visits} visits, {found.took_s:.0f} s, "
          f"{peak_mb:.0f} MB at most with all that is remembered to judge it")  # fmt: skip
    for fault in [*found.faults, *found.grown]:
        print(f"  {fault}")
    if found.held:
        print("held: nothing lost, doubled, wrongly lit, grown or stuck")
        return 0
    path = soak.written(soak.shorter(found, args.shorter), found, args.into)
    print(f"FAILED: {', '.join(found.broken) or 'growth'}; it plays again with: python3 -m sim {path}")
    return 1


def row(one: Night) -> str:
    """A line of the table."""
    weights = (*one.objects.values(), one.record, one.other_files)
    return (
        f"{one.day:5} " + " ".join(f"{weight / 1000:8.0f}" for weight in weights) + f"    {'; '.join(one.stuck) or '-'}"
    )


if __name__ == "__main__":
    sys.exit(main())
