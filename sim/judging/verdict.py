"""What a judge says."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.world.evidence import Evidence

SHOWN_FAULTS = 6
TOO_LITTLE = "too little happened to judge this"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation held, one line of what was seen, and the faults found (some of them)."""

    kind: str
    held: bool
    seen: str
    faults: tuple[str, ...] = ()


Judge = Callable[[Evidence, Mapping[str, Any]], Verdict]


def verdict(kind: str, seen: str, faults: Iterable[str], *, enough: bool = True) -> Verdict:
    """A verdict that holds if there are no faults and there was enough to judge."""
    found = list(faults)
    if not enough:
        found.append(TOO_LITTLE)
    more = [f"... and {len(found) - SHOWN_FAULTS} more"] if len(found) > SHOWN_FAULTS else []
    return Verdict(kind, not found, seen, tuple(found[:SHOWN_FAULTS] + more))


def clock(evidence: Evidence, at: float) -> str:
    """A moment as HH:MM:SS of the scenario's day."""
    seconds = round(at - evidence.day_start_at)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
