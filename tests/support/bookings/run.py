"""`python3 -m tests.support.bookings.run [--count N]`: interleavings of two people, two trucks and the clock."""

import argparse
import sys
import time
from collections import Counter

from tests.support.bookings.two_people import interleaving

COUNT = 100_000


def main() -> int:
    """Play them all; 1 at the first that does not hold."""
    top = argparse.ArgumentParser(prog="python3 -m tests.support.bookings.run", description=__doc__)
    top.add_argument("--count", type=int, default=COUNT, help=f"how many (default: {COUNT})")
    top.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    args = top.parse_args()
    began, done, states = time.process_time(), Counter[str](), Counter[str]()
    for seed in range(args.first, args.first + args.count):
        town = interleaving(seed)
        done.update(town.done)
        states.update(one.state for one in town.book.values())
    print(f"{args.count} interleavings, {sum(done.values())} steps: 0 double, 0 orphaned holds, 0 lost")
    print("steps: " + ", ".join(f"{name} {count}" for name, count in sorted(done.items())))
    print("bookings ended as: " + ", ".join(f"{state} {count}" for state, count in sorted(states.items())))
    print(f"{(time.process_time() - began) / args.count * 1000:.1f} ms each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
