"""What each kind of roughness costs: days of the scenario `rough_day` with each of its kinds alone, then with all.

`python3 -m bench rough -- [KIND ...] [--days N] [--first N] [--jobs N]`; each day has another seed. The last line, all
kinds over all days, is judged as the scenario says.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from sim.judging.judges.rightness import Tally, judged
from tests.support.rough.days import ALL, KINDS, played, rough

DAYS = 10
ALONE_DAYS = 2
HEAD = """missed: not on record as served; time: an arrival that is off; word: known by a person's word only;
never: on record as served and never made; called: after the room was served

                               visits  right missed  time  word  never called   bins     kg  unknown"""


def row(kind: str, found: Tally) -> str:
    """A line of the table."""
    return (
        f"{kind:30} {found.made:6} {found.share:6.1%} {found.missing:6} {found.wrong_time:5} {found.by_word:5} "
        f"{found.never_made:6} {found.called_after:6} {found.off('bins'):+6.1%} {found.off('grams'):+6.1%}  "
        f"{found.bins_unknown} bins, {found.grams_unknown} kg"
    )


def main() -> int:
    """Print the table; 1 if the rough days fall short of what their scenario asks."""
    top = argparse.ArgumentParser(description=__doc__)
    top.add_argument("kinds", nargs="*", help=f"which (default: each, then all): {', '.join([*KINDS, ALL])}")
    top.add_argument("--days", type=int, help=f"days of each (default: {ALONE_DAYS} alone, {DAYS} of all together)")
    top.add_argument("--first", type=int, default=1, help="the seed of the first day (default: 1)")
    top.add_argument("--jobs", type=int, default=os.cpu_count(), help="so many days at once")
    top.add_argument("--faults", action="store_true", help="what was wrong, one by one")
    args = top.parse_args()
    if unknown := [kind for kind in args.kinds if kind not in (*KINDS, ALL)]:
        top.error(f"no kind {unknown[0]!r}; there are {', '.join([*KINDS, ALL])}")
    held = True
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; {HEAD}", flush=True)
    with ProcessPoolExecutor(args.jobs) as pool:
        for kind, found in _found(args.kinds or [*KINDS, ALL], args.days, args.first, pool):
            print(row(kind, found), flush=True)
            for fault in found.faults if args.faults else ():
                print(f"    {fault}")
            if kind == ALL:
                verdict = judged(found, rough(ALL).demands[0].values)
                print(f"{'held' if verdict.held else 'FAILED'}: {verdict.seen}")
                held = verdict.held
    return 0 if held else 1


def _found(
    kinds: Sequence[str], days: int | None, first: int, pool: ProcessPoolExecutor
) -> Iterator[tuple[str, Tally]]:
    jobs = {kind: range(first, first + (days or (DAYS if kind == ALL else ALONE_DAYS))) for kind in kinds}
    running = {kind: [pool.submit(played, (kind, seed)) for seed in seeds] for kind, seeds in jobs.items()}
    for kind, each in running.items():
        yield kind, sum((one.result() for one in each), Tally())


if __name__ == "__main__":
    sys.exit(main())
