"""What a run came to: the verdicts, the evidence they rest on, and what happened at its broker."""

from dataclasses import dataclass

from sim.judging.verdict import Verdict
from sim.scenario.scenario import Scenario
from sim.world.evidence import Evidence


@dataclass(slots=True)
class Count:
    """What happened at the broker, for the report."""

    published: int = 0
    delivered: int = 0
    denied: int = 0
    dropped: int = 0
    wills: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    scenario: Scenario
    verdicts: tuple[Verdict, ...]
    evidence: Evidence
    mqtt: Count
    actions: int
    took_s: float
    fastest: int = 1  # the highest speed of a live run

    @property
    def held(self) -> bool:
        """Whether every expectation held."""
        return all(verdict.held for verdict in self.verdicts)
