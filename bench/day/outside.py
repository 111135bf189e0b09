"""What a call is worth on the street: minutes that bins stand outside, and that trucks wait for bins.

`python3 -m bench outside -- [--seeds N] [--jobs N]`: one morning of the demo area for each seed (planned, slow,
quick, very slow streets) and all together, the same dice and trucks each time: keepers who go by the lamp, who go by
the printed timetable alone, and bins that always stand outside. Nothing is learnt before; a lane is blocked.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor

from sim.judging.street import Street
from tests.support.sim.outside import SLOWNESS, WAYS, played, table


def main() -> int:
    """Play the shifts and print a line for each way."""
    top = argparse.ArgumentParser(prog="python3 -m bench outside", description=__doc__.partition("\n")[0])
    top.add_argument("--seeds", type=int, default=4)
    top.add_argument("--jobs", type=int, default=2)
    args = top.parse_args()
    todo = [(way, seed) for way in WAYS for seed in range(1, args.seeds + 1)]
    found, days = {way: Street() for way in WAYS}, dict[int, dict[str, Street]]()
    with ProcessPoolExecutor(args.jobs) as pool:
        for (way, seed), one in zip(todo, pool.map(played, todo), strict=True):
            found[way].add(one)
            days.setdefault(seed, {})[way] = one
    for seed, day in sorted(days.items()):
        print(f"seed {seed}, streets take {SLOWNESS[(seed - 1) % len(SLOWNESS)]} of the usual time")
        print("\n".join(table(day)))
    print("all together", *table(found), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
