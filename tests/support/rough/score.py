"""How a tracker reads rough runs: visits right, at a wrong time, missed, and served that never were.

    .venv/bin/python -m tests.support.rough.score [FIRST_SEED [SEEDS [KIND]]]

With KIND (a part of the name) of those kinds only, and with each fault.
"""

import sys
from collections import Counter
from dataclasses import dataclass, field

from broker.rules.settings import Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import StopKey, TrackKind
from tests.support.rough.run import Kind, RoughRun, kinds, rough_run

WITHIN_S = 60
TICK_S = 5


@dataclass(slots=True)
class Score:
    """What came of the visits of some runs."""

    visits: int = 0
    right: int = 0
    wrong_time: int = 0
    missed: int = 0
    false: int = 0
    told_late: int = 0  # known to be there more than two minutes after it came
    taken_back: int = 0  # said to be there, and then not
    off_route: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of visits that are right."""
        return self.right / self.visits if self.visits else 1.0


def read_run(run: RoughRun, score: Score, name: str = "") -> None:
    """Let a tracker read a run, and count."""
    first = run.visits[0].planned_at
    tracker = RunTracker("run", run.route, "t01", run.visits, first, Streets(),
                         expected_stay_s=lambda room, _, bins: run.stay_s((room, 1)))
    arrived: dict[StopKey, tuple[int, int]] = {}
    served: dict[StopKey, int] = {}
    waiting = iter(run.fixes)
    fix = next(waiting, None)
    for now in range(run.fixes[0].fix_at, run.until + 1):
        events = []
        while fix is not None and fix.fix_at <= now:
            events += tracker.on_fix(fix)
            fix = next(waiting, None)
        if now % TICK_S == 0:
            events += tracker.on_tick(now)
        for event in events:
            if event.kind == TrackKind.ARRIVED and event.key is not None:
                arrived[event.key] = (event.at, now)
            elif event.kind == TrackKind.LEFT and event.key is not None:
                served[event.key] = arrived[event.key][0] if event.arrived_at is None else event.arrived_at
            elif event.kind == TrackKind.STAYED and event.key is not None and event.arrived_at is not None:
                served[event.key] = event.arrived_at
            elif event.kind == TrackKind.DROVE_ON and event.key is not None:
                arrived.pop(event.key, None)
                score.taken_back += 1
            score.off_route += event.kind == TrackKind.OFF_ROUTE
    standing_at = tracker.progress(run.until).at_visit
    if standing_at is not None:
        served[standing_at] = arrived[standing_at][0]
    made = {one.key: one for one in run.made}
    for key, one in made.items():
        score.visits += 1
        at = served.get(key)
        if at is None:
            score.missed += 1
            score.faults.append(f"{name} {key[0]} missed (at {one.arrived_at - run.fixes[0].fix_at})")
        elif not one.arrived_at - WITHIN_S <= at <= one.latest_at + WITHIN_S:
            score.wrong_time += 1
            off_s, since_s = at - one.arrived_at, one.arrived_at - run.fixes[0].fix_at
            score.faults.append(f"{name} {key[0]} {off_s:+d} s (at {since_s})")
        else:
            score.right += 1
        if key in arrived and arrived[key][1] > one.latest_at + 120:
            score.told_late += 1
    for key in served:
        if key not in made:
            score.false += 1
            score.faults.append(f"{name} {key[0]} never was")


def score_kind(kind: Kind, seeds: range) -> Score:
    """All runs of a kind."""
    score = Score()
    for seed in seeds:
        read_run(rough_run(kind, seed), score, f"{kind.name}/{seed}")
    return score


def main() -> None:
    """Print the table."""
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    print(f"{'kind':16} visits  right % time missed false late back off")
    total: Counter[str] = Counter()
    for kind in kinds():
        if only not in kind.name:
            continue
        score = score_kind(kind, range(first, first + count))
        print(f"{kind.name:16} {score.visits:6} {100 * score.share:7.1f} {score.wrong_time:4} {score.missed:6} "
              f"{score.false:5} {score.told_late:4} {score.taken_back:4} {score.off_route:3}")
        total.update(visits=score.visits, right=score.right, time=score.wrong_time, missed=score.missed,
                     false=score.false)
        if only:
            print("\n".join(score.faults))
    print(dict(total))


if __name__ == "__main__":
    main()
