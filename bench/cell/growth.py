"""What a message costs in areas of 100, 400, 1,600 and 6,400 trucks: whether a larger area makes each one dearer.

    python3 -m bench growth -- [TRUCKS ...] [--rounds N] [--seconds N] [--calls TRUCKS ...] [--quick]

Each round plays a cell of each size one after the other (cell.py), devices at their own pace with all trucks under way,
ten rooms for each four trucks; the ratios are of sizes within a round, the figure is their median. A machine that lets
one process hold fewer connections than an area has devices leaves out units, never trucks, and says how many.

Beside it the calls of the bridge's functions a message, counted in virtual time: the same on each machine and however
busy it is.
"""

import argparse
import statistics
import sys

from bench import goals, machine
from bench.progress import Bar
from tests.support.cell.load import Outcome, run_cell
from tests.support.cell.virtual import cost_of

TRUCKS = CALLS = (100, 400, 1600, 6400)
ROUNDS, SECONDS, WARM_S = 3, 120.0, 150.0
CALLS_S, CALLS_WARM_S = 20, 110  # of the street, in which all trucks are under way
Rounds = dict[int, list[Outcome]]  # by trucks


def played(trucks: list[int], rounds: int, seconds: float, warm_s: float) -> Rounds:
    """All rounds, the sizes in turn; each figure is printed when it is there."""
    found: Rounds = {count: [] for count in trucks}
    bar, number = Bar(), 0
    for one in range(rounds):
        for count in trucks:
            done, parts = number / (rounds * len(trucks)), rounds * len(trucks)
            outcome = run_cell(count, seconds, 0.0, lambda share, what, done=done, parts=parts: bar(  # type: ignore[misc]
                done + share / parts, what), warm_s)  # fmt: skip
            bar.end()
            number += 1
            found[count].append(outcome)
            phase, left_out = outcome.phases[0], outcome.trucks + outcome.rooms - outcome.connected
            print(f"round {one + 1}, {count:5} trucks, {outcome.rooms:6} rooms"
                  f"{f' ({left_out} units not connected)' if left_out else ''}: {phase.received:7,} messages, bridge "
                  f"{phase.bridge_ms:.2f} ms a message, {phase.bridge.cpu_s / phase.seconds:4.0%} of a core, "
                  f"{phase.bridge.memory_mb:.0f} MB; Mosquitto {phase.broker_ms:.3f} ms, "
                  f"{phase.broker.memory_mb:.0f} MB; lost {outcome.lost}, without ack {outcome.unacknowledged}",
                  flush=True)  # fmt: skip
    return found


def judged(found: Rounds) -> bool:
    """Print the ratios to the smallest area; whether the goals are met."""
    first, *others = found
    met = True
    for count in others:
        pairs = [(one.phases[0], base.phases[0]) for one, base in zip(found[count], found[first], strict=True)]
        of = f"{count} trucks"
        met &= goals.held("growth/bridge", statistics.median(a.bridge_ms / b.bridge_ms for a, b in pairs), of=of)
        # Mosquitto's own clock counts hundredths of a second: of a small area that is little.
        met &= goals.held("growth/broker", statistics.median(a.broker_ms / max(1e-9, b.broker_ms) for a, b in pairs),
                          of=of)  # fmt: skip
    return met


def counted(trucks: list[int]) -> bool:
    """The same by calls of functions, in virtual time."""
    costs = {count: cost_of(count, CALLS_S, CALLS_WARM_S) for count in trucks}
    for count, cost in costs.items():
        print(f"{count:5} trucks: {cost.calls_a_message:,.0f} calls a message of {cost.messages:,}")
    base, *others = trucks
    shares = {count: costs[count].calls_a_message / costs[base].calls_a_message for count in others}
    met = [goals.held("growth/calls", share, of=f"{count} trucks") for count, share in shares.items()]
    return all(met)


def main() -> int:
    """Print the figures; 1 where a goal is missed."""
    top = argparse.ArgumentParser(prog="python3 -m bench growth --", description=__doc__.partition("\n")[0])
    top.add_argument("trucks", nargs="*", type=int, help=f"sizes (default: {' '.join(map(str, TRUCKS))})")
    top.add_argument("--rounds", type=int, default=ROUNDS)
    top.add_argument("--seconds", type=float, default=SECONDS)
    top.add_argument("--calls", nargs="*", type=int, default=list(CALLS), help="sizes in virtual time")
    top.add_argument("--quick", action="store_true", help="one round of two small sizes: to see that everything runs")
    args = top.parse_args()
    sizes, rounds, seconds, warm_s = args.trucks or list(TRUCKS), args.rounds, args.seconds, WARM_S
    if args.quick:
        sizes, rounds, seconds, warm_s, args.calls = [40, 160], 1, 20.0, 100.0, [20, 80]
    print("\n".join([*machine.described(), f"before: {machine.quiet()[1]}"]), flush=True)
    met = counted(sorted(args.calls)) if args.calls else True
    met = judged(played(sorted(sizes), rounds, seconds, warm_s)) and met
    print(f"after: {machine.quiet()[1]}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
