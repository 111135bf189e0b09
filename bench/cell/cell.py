"""One cell under load: a bridge with its own Mosquitto, each truck and each bin-room unit a real MQTT client.

    python3 -m bench cell -- [--trucks N] [--seconds N] [--fast N] [--quick]

400 trucks and 1,000 rooms of a made area (four trucks to a street of ten rooms), with the firmware's message shapes:
first at the devices' own pace, all trucks under way, then each as fast as its acks come; one truck in twenty presses
its button in each, every second press is taken back. Everything said is looked for in the record at the end.
"""

import argparse
import sys

from bench import goals, machine
from bench.progress import Bar
from tests.support.cell.load import Outcome, Phase, quantile, run_cell

TRUCKS, PACED_S, FAST_S, WARM_S = 400, 300.0, 60.0, 120.0
QUICK = (60.0, 20.0, 60.0)  # the same, shorter


def say(phase: Phase) -> None:
    """Print what a phase was and cost."""
    ack, light = (f"p50 {1e3 * quantile(values, 0.5):.0f} ms, p99 {1e3 * quantile(values, 0.99):.0f} ms"
                  for values in (phase.waits_s, phase.lit_s))  # fmt: skip
    print(f"{phase.name}, {phase.seconds:.0f} s: {phase.received:,} messages, {phase.stored / phase.seconds:,.0f} "
          f"records stored/s ({phase.said / phase.seconds:,.0f}/s said by devices)")  # fmt: skip
    print(f"  ack {ack} of {len(phase.waits_s):,}; press to light {light} of {len(phase.lit_s)}, {phase.unlit} without")
    for name, used, ms in (("bridge", phase.bridge, phase.bridge_ms), ("Mosquitto", phase.broker, phase.broker_ms)):
        print(f"  {name}: {used.cpu_s:.1f} s of processor ({used.cpu_s / phase.seconds:.0%} of a core), "
              f"{ms:.2f} ms a message, {used.memory_mb:.0f} MB")  # fmt: skip


def judge(outcome: Outcome) -> bool:
    """Print each goal beside its figure; whether all are met."""
    met = [
        goals.held("cell/unacknowledged", outcome.unacknowledged),
        goals.held("cell/lost", outcome.lost),
        goals.held("cell/doubled", outcome.doubled),
        goals.held("cell/gone", outcome.gone),
    ]
    paced, fast = outcome.phases
    met.append(goals.held("cell/ack", 1e3 * quantile(paced.waits_s, 0.99)))
    met.append(goals.held("cell/light", 1e3 * quantile(paced.lit_s, 0.99)))
    met.append(goals.held("cell/light_fast", 1e3 * quantile(fast.lit_s, 0.99)))
    return all(met)


def main() -> int:
    """Print the figures; 1 where a goal is missed."""
    top = argparse.ArgumentParser(prog="python3 -m bench cell --", description=__doc__.partition("\n")[0])
    top.add_argument("--trucks", type=int, default=TRUCKS)
    top.add_argument("--seconds", type=float, help="at their own pace")
    top.add_argument("--fast", type=float, help="as fast as acks come")
    top.add_argument("--quick", action="store_true", help="shorter: to see that everything runs")
    args = top.parse_args()
    paced_s, fast_s, warm_s = QUICK if args.quick else (PACED_S, FAST_S, WARM_S)
    print("\n".join([*machine.described(), f"before: {machine.quiet()[1]}"]))
    before, bar = machine.Load.now(), Bar()
    outcome = run_cell(args.trucks, args.seconds or paced_s, args.fast or fast_s, bar, warm_s)
    bar.end()
    waited = machine.Load.now().waited(before)
    print(f"{outcome.trucks} trucks, {outcome.rooms:,} rooms, {outcome.connected:,} of them connected; "
          f"{outcome.resent} records sent again"
          + ("" if waited is None else f"; somebody waited for a core in {waited:.0%} of the time"))  # fmt: skip
    for phase in outcome.phases:
        say(phase)
    return 0 if judge(outcome) else 1


if __name__ == "__main__":
    sys.exit(main())
