"""When each expectation of a run was decided: the judges are asked again about what had happened by then.

An expectation that held was decided when it began to hold for good; one that failed, when its first fault stood there
for good, word for word. What was missing all along was missing until the end.
"""

from collections.abc import Sequence

from sim.judging.judge import judge
from sim.judging.verdict import Verdict
from sim.scenario.scenario import Demand
from sim.world.evidence import Evidence

NEAR_S = 1.0


def decided_at(evidence: Evidence, demand: Demand, verdict: Verdict) -> float:
    """The moment (POSIX seconds) since which a judge says of this demand what it says in the end."""
    outcome = _outcome(verdict)

    def is_decided(at: float) -> bool:
        return _outcome(judge(evidence.until(at), [demand])[0]) == outcome

    open_at, by_at = evidence.start_at, evidence.end_at
    if is_decided(open_at):
        return open_at if verdict.held else by_at
    while by_at - open_at > NEAR_S:
        middle_at = (open_at + by_at) / 2
        if is_decided(middle_at):
            by_at = middle_at
        else:
            open_at = middle_at
    return by_at


def all_decided_at(evidence: Evidence, demands: Sequence[Demand], verdicts: Sequence[Verdict]) -> list[float]:
    """The moment of each."""
    return [decided_at(evidence, *pair) for pair in zip(demands, verdicts, strict=True)]


def _outcome(verdict: Verdict) -> str:
    return "" if verdict.held else verdict.faults[0]
