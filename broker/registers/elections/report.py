"""What is told of bodies besides shares: extremes, turnout, overdue and left-out steps, all of it as JSON. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from broker.registers.elections.ages import completed_years
from broker.registers.elections.figures import compute, heads_of, seats
from broker.registers.elections.models import STEPS, Body, StepName
from broker.registers.figures import Share


@dataclass(frozen=True, slots=True)
class Longest:
    """The longest-serving head after the election, in the same body."""

    body: str
    member: str
    since: date
    years: int
    consecutive_terms: int | None


def longest_serving(bodies: Iterable[Body]) -> Longest | None:
    """The head of the new term who has been in the same body longest; None where nobody states since when."""
    found = [
        Longest(
            seat.body.id, seat.member.id, seat.member.since, completed_years(seat.member.since, seat.counted_on),
            seat.member.consecutive_terms,
        )
        for seat in heads_of(seats(bodies, "after")) if seat.member.since is not None and seat.counted_on is not None
    ]
    return min(found, key=lambda item: (item.since, item.body), default=None)


def largest_attendance(bodies: Iterable[Body]) -> tuple[str, int] | None:
    """The body whose electing meeting most people attended, and how many."""
    stated = [(body.id, body.ballot.present) for body in bodies if body.ballot.present is not None]
    return max(stated, key=lambda item: (item[1], item[0]), default=None)


def turnout(bodies: Iterable[Body]) -> Share:
    """Present of eligible over the bodies that state both."""
    numerator = denominator = not_stated = 0
    for body in bodies:
        if body.ballot.present is None or body.ballot.eligible is None:
            not_stated += 1
        else:
            numerator += body.ballot.present
            denominator += body.ballot.eligible
    return Share(numerator, denominator, not_stated)


@dataclass(frozen=True, slots=True)
class Counted:
    """The newest counts of several bodies added up: of how many, of which days, and of how many none is stated."""

    total: int | None
    bodies: int
    not_stated: int
    first_on: date | None
    last_on: date | None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "total": self.total, "bodies": self.bodies, "not_stated": self.not_stated,
            "first_on": self.first_on and self.first_on.isoformat(),
            "last_on": self.last_on and self.last_on.isoformat(),
        }


def counted(bodies: Sequence[Body], field: Literal["voters_registered", "households_visited"]) -> Counted:
    """The newest stated count of each body, added up."""
    newest = []
    for body in bodies:
        stated = [(tally.on, count) for tally in body.tallies if (count := getattr(tally, field)) is not None]
        newest += [max(stated)] if stated else []
    days = [on for on, _ in newest]
    total = sum(count for _, count in newest) if newest else None
    return Counted(total, len(newest), len(bodies) - len(newest), min(days, default=None), max(days, default=None))


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that is not done: `days` late (positive) or still to go (negative or 0)."""

    body: str
    step: StepName
    planned_on: date
    days: int


def open_steps(bodies: Iterable[Body], today: date) -> list[OpenStep]:
    """All planned steps not done yet, the most overdue first."""
    found = [
        OpenStep(body.id, name, step.planned_on, (today - step.planned_on).days)
        for body in bodies for name, step in body.steps.items()
        if step.done_on is None and step.planned_on is not None
    ]
    return sorted(found, key=lambda item: (item.planned_on, item.body, STEPS.index(item.step)))


def skipped_steps(bodies: Iterable[Body]) -> list[tuple[str, StepName]]:
    """(body, step) where a later step is done and this one is neither done nor missing from the procedure."""
    found = []
    for body in bodies:
        done = [STEPS.index(name) for name, step in body.steps.items() if step.done_on is not None]
        last = max(done, default=0)
        found += [
            (body.id, name) for name in STEPS[:last] if name in body.steps and body.steps[name].done_on is None
        ]
    return found


def report(bodies: Sequence[Body], today: date) -> dict[str, Any]:
    """Everything computed about these bodies, as plain JSON."""
    longest, attended = longest_serving(bodies), largest_attendance(bodies)
    steps = open_steps(bodies, today)
    return {
        "bodies": len(bodies),
        "figures": [item.as_json() for item in compute(bodies)],
        "longest_serving": longest and {
            "body": longest.body, "member": longest.member, "since": longest.since.isoformat(), "years": longest.years,
            "consecutive_terms": longest.consecutive_terms,
        },
        "largest_attendance": attended and {"body": attended[0], "present": attended[1]},
        "turnout": turnout(bodies).as_json(),
        "voters_registered": counted(bodies, "voters_registered").as_json(),
        "households_visited": counted(bodies, "households_visited").as_json(),
        "overdue_steps": [_step_json(step) for step in steps if step.days > 0],
        "next_steps": [_step_json(step) for step in steps if step.days <= 0],
        "skipped_steps": [{"body": body, "step": step} for body, step in skipped_steps(bodies)],
    }


def _step_json(step: OpenStep) -> dict[str, Any]:
    return {"body": step.body, "step": step.step, "planned_on": step.planned_on.isoformat(), "days_late": step.days}
