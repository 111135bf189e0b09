"""What a judge says."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sim.judging.sentence import Sentence, said, waste_word
from sim.world.evidence import Evidence, TrueVisit

SHOWN_FAULTS = 6


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an expectation held, one line of what was seen, and what would have had to happen instead (some of it).

    `lacks` is the one among the faults that says only that too little happened; more may still come.
    """

    kind: str
    held: bool
    seen: str
    faults: tuple[str, ...] = ()
    lacks: str | None = None


Judge = Callable[[Evidence, Mapping[str, Any]], Verdict]


def verdict(kind: str, faults: Iterable[Sentence], lacks: Sentence | None = None, **seen: object) -> Verdict:
    """A verdict that holds if there are no faults and nothing lacks; `seen` fills the sentence of its kind."""
    found = list(faults)
    if lacks is not None:
        found.append(lacks)
    more = [said("fault", "more", more=len(found) - SHOWN_FAULTS)] if len(found) > SHOWN_FAULTS else []
    return Verdict(kind, not found, said("seen", kind, **seen), tuple(found[:SHOWN_FAULTS] + more), lacks)


def too_few(what: str, found: int, at_least: int, **gaps: object) -> Sentence | None:
    """What would have had to happen for there to be anything to judge; None if it did."""
    return None if found >= at_least else said("lacks", what, found=found, at_least=at_least, **gaps)


def visit_name(visit: TrueVisit) -> Sentence:
    """A visit as people name it."""
    return said("names", "visit", room=visit.room, waste=waste_word(visit.waste), n=visit.visit_number)


def visit_at(evidence: Evidence, visit: TrueVisit) -> Sentence:
    """A visit with the moment at which it began."""
    return said("names", "visit_at", visit=visit_name(visit), at=clock(evidence, visit.arrived_at))


def recorded_visit(body: Mapping[str, Any]) -> Sentence:
    """A visit as people name it, of which only the record tells."""
    return said("names", "visit", room=body["room"], waste=waste_word(body["waste"]), n=body["visit_number"])


def not_on_record(evidence: Evidence, visit: TrueVisit) -> Sentence:
    """The fault of a visit that was made and that the record does not have as served."""
    at = {"from": clock(evidence, visit.arrived_at), "left": clock(evidence, visit.left_at or visit.arrived_at)}
    return said("fault", "not_on_record", visit=visit_name(visit), **at)


def clock(evidence: Evidence, at: float) -> str:
    """A moment as HH:MM:SS of the scenario's day."""
    seconds = round(at - evidence.day_start_at)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
