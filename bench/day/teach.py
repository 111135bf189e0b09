"""A route driven once and taught, twenty drives of each kind: what became of its stops, against the simulator's truth.

`python3 -m bench teach -- [KIND ...] [--seeds N] [--first SEED] [--faults]`. Of plain
drives no stop may be missed or invented and none be more than 30 m off, of the other kinds one in a hundred; of the
last three, where one drive cannot tell, it is only said.
"""

import argparse
import sys
import time

from tests.support.teaching.drives import KINDS
from tests.support.teaching.score import WAYS, Score, scored

UNTOLD = ("places drift 20 m", "high-rises", "jams")
ALLOWED = {"plain": 0}  # faults in twenty drives; of the others one in a hundred visits
SHARE = 0.01
HEAD = (f"{'kind':28} {'from':7} drives perfect visits missed invented  place p90  max  arrives   stay (p95 s)  "
        "line p95 m  drives a second")  # fmt: skip


def _at(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


def row(kind: str, way: str, score: Score, perfect: int, seconds: float) -> str:
    """A line of the table."""
    times, stays = ([abs(one) for one in values] for values in (score.times_s, score.stays_s))
    return (
        f"{kind:28} {way:7} {score.drives:6} {perfect:7} {score.visits:6} {score.missed:6} {score.invented:8} "
        f"{_at(score.places_m, 0.9):10.1f} {max(score.places_m, default=0.0):4.0f} {_at(times, 0.95):8.0f} "
        f"{_at(stays, 0.95):14.0f} "
        f"{_at(score.line_m, 0.95):11.1f} {score.drives / seconds:16.1f}"
    )


def main() -> int:
    """Print the table; 1 if a drive that can be told was not."""
    top = argparse.ArgumentParser(description=__doc__)
    top.add_argument("kinds", nargs="*", help=f"which (default: all): {', '.join(KINDS)}")
    top.add_argument("--seeds", type=int, default=20, help="drives of each kind (default: 20)")
    top.add_argument("--first", type=int, default=0, help="the first seed")
    top.add_argument("--faults", action="store_true", help="what was wrong, one by one")
    args = top.parse_args()
    if unknown := [kind for kind in args.kinds if kind not in KINDS]:
        top.error(f"no kind {unknown[0]!r}; there are {', '.join(KINDS)}")
    held = True
    print(HEAD, flush=True)
    for kind in args.kinds or KINDS:
        for way, said in WAYS.items():
            total, perfect, begin = Score(), 0, time.process_time()
            for seed in range(args.first, args.first + args.seeds):
                one = scored(KINDS[kind], [seed], said)
                perfect += one.perfect
                total.add(one)
            print(row(kind, way, total, perfect, time.process_time() - begin), flush=True)
            for fault in total.faults if args.faults else ():
                print(f"    {fault}")
            wrong = total.missed + total.invented + sum(off_m > 30.0 for off_m in total.places_m)
            held = held and (kind in UNTOLD or wrong <= ALLOWED.get(kind, max(1.0, SHARE * total.visits)))
    print("held" if held else "FAILED: a stop was missed, invented or more than 30 m off")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
