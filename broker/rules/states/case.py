"""A case 案件 that is handed over to enforcement 管执联动, as a table.

Theory of operation. What happens again and again is no matter for the day's dispatcher: a lane that is blocked every
other morning, bins that are never out, a business that mixes its waste. A dispatcher or supervisor opens a case with
its evidence, hands it over, enforcement answers, and it is closed.

- What turned out to be nothing is closed without having been handed over.
- What was handed over by mistake is taken back, as long as it is not answered.
- An answer that settles nothing: the case is handed over once more.
- What happens again at its place while it is open, or with enforcement and not answered, is evidence of it.
- A closed case is over; what happens again at its place is evidence of a new one.

Rule 1: whatever changes the state of a case lives in this file. `_fire` is the only way through the table, and only
the deeds of `Case` call it; everybody else asks a case for a deed and keeps what it gives back. A deed that the table
does not have raises CaseError and changes nothing: a case is never changed in place, and each deed makes it a new
`version`, which is a record of its own: of two deeds on one version the record takes one.
docs/states.md is drawn from the table (see diagrams.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

KINDS = ("chronic_lane", "not_out", "mixed_waste", "contaminated_load", "other")
BEGINS = "opened"
TRANSITIONS: dict[tuple[str, str], str] = {
    ("opened", "hand_over"): "handed_over",
    ("handed_over", "take_back"): "opened",
    ("handed_over", "answer"): "answered",
    ("answered", "hand_over"): "handed_over",
    ("answered", "close"): "closed",
    ("opened", "close"): "closed",
    ("opened", "gather"): "opened",
    ("handed_over", "gather"): "handed_over",
}


class CaseError(ValueError):
    """A case was asked for a step that its state does not have."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that happened: the record that says so, when and where; `key` is the same in all of its records."""

    record: str
    key: str
    at: int
    what: str
    room: str | None = None
    truck: str | None = None
    incident_id: str | None = None
    lat: float | None = None
    lon: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case and what became of it; `note`, `answer` and `outcome` are people's words."""

    case_id: str
    kind: str
    estate: str | None
    room: str | None
    waste: str | None
    evidence: tuple[Evidence, ...]
    opened_at: int
    opened_by: str
    changed_at: int
    state: str = BEGINS
    version: int = 1
    note: str | None = None
    hand_overs: int = 0
    handed_over_at: int | None = None
    handed_over_by: str | None = None
    answer: str | None = None
    answered_at: int | None = None
    answered_by: str | None = None
    gathered_at: int | None = None  # where evidence alone was added to the version before
    outcome: str | None = None
    closed_at: int | None = None
    closed_by: str | None = None

    @staticmethod
    def of(
        case_id: str, kind: str, place: tuple[str | None, str | None, str | None], evidence: Sequence[Evidence],
        note: str | None, who: str, now: int,
    ) -> "Case":  # fmt: skip
        """A case as it begins; `place` is estate, room and kind of waste."""
        estate, room, waste = place
        return Case(case_id, kind, estate, room, waste, tuple(evidence), now, who, now, note=note)

    @property
    def is_enforcements(self) -> bool:
        """Whether it is with enforcement, or was when it was closed."""
        return self.state in ("handed_over", "answered") or (self.state == "closed" and self.answered_at is not None)

    @property
    def steps(self) -> tuple[str, ...]:
        """What its table has for it now."""
        return tuple(step for state, step in TRANSITIONS if state == self.state)

    @property
    def gathers(self) -> bool:
        """Whether what happens again at its place is evidence of it."""
        return (self.state, "gather") in TRANSITIONS

    # --- deeds that go through the table ------------------------------------------------------------------

    def handed_over(self, who: str, now: int) -> "Case":
        """It is enforcement's now; an answer of before is asked anew."""
        more = {"hand_overs": self.hand_overs + 1, "answered_at": None, "answered_by": None}
        return self._fire("hand_over", now, handed_over_at=now, handed_over_by=who, **more)

    def taken_back(self, now: int) -> "Case":
        """It was handed over by mistake."""
        return self._fire("take_back", now, handed_over_at=None, handed_over_by=None)

    def answered(self, text: str, who: str, now: int) -> "Case":
        """Enforcement says what it did."""
        return self._fire("answer", now, answer=text, answered_at=now, answered_by=who)

    def closed(self, outcome: str | None, who: str, now: int) -> "Case":
        """Nothing is to be done any more."""
        return self._fire("close", now, outcome=outcome, closed_at=now, closed_by=who)

    def gathered(self, evidence: Sequence[Evidence], now: int) -> "Case":
        """It happened again."""
        return self._fire("gather", now, evidence=(*self.evidence, *evidence), gathered_at=now)

    def _fire(self, step: str, now: int, **changes: Any) -> "Case":
        """This case after `step` of the table; raises CaseError for a step it does not have."""
        to = TRANSITIONS.get((self.state, step))
        if to is None:
            raise CaseError(f"case {self.case_id} is {self.state}: it cannot {step.replace('_', ' ')} now")
        fresh = {"state": to, "version": self.version + 1, "changed_at": now, "gathered_at": None}
        return replace(self, **{**fresh, **changes})

    def body(self) -> dict[str, Any]:
        """This case as the body of a record; `from_body` is its inverse."""
        named = {name: getattr(self, name) for name in Case.__dataclass_fields__}
        rows = [{name: getattr(one, name) for name in Evidence.__dataclass_fields__} for one in self.evidence]
        return {**named, "evidence": rows}

    @staticmethod
    def from_body(body: Mapping[str, Any]) -> "Case":
        """The case a stored record describes; unknown fields of a newer release are ignored."""
        fields = {name: value for name, value in body.items() if name in Case.__dataclass_fields__}
        return Case(**{**fields, "evidence": _evidence(body["evidence"])})


def _evidence(rows: Sequence[Mapping[str, Any]]) -> tuple[Evidence, ...]:
    known = Evidence.__dataclass_fields__
    return tuple(Evidence(**{name: value for name, value in row.items() if name in known}) for row in rows)
