"""What the election register is kept for: shares, ages and counts before and after, each from what was typed.

Pure. Ages before the election count on the last day of the old term, ages after on the first day of the
new one. Only the members of the term in question are counted, never past ones.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from broker.registers.elections.ages import completed_years, is_under
from broker.registers.elections.models import (
    DEPUTIES,
    HEADS,
    PHASES,
    Body,
    ElectionRegister,
    Member,
    Phase,
)
from broker.registers.figures import Figure, Mean, Number, Share, count_of, mean_of, share_of
from broker.registers.words import figure_word

YOUNG_UNDER_YEARS = 40
COLLEGE_UP = frozenset({"college", "bachelor", "master", "doctor"})
BACHELOR_UP = frozenset({"bachelor", "master", "doctor"})


@dataclass(frozen=True, slots=True)
class Seat:
    """A member of one term of one body, and the day ages are counted on (None where it is not stated)."""

    body: Body
    member: Member
    counted_on: date | None

    def years(self) -> int | None:
        """Completed years, or None where only a band or nothing is stated."""
        if self.member.birth_date is not None and self.counted_on is not None:
            return completed_years(self.member.birth_date, self.counted_on)
        return self.member.age_years

    def under(self, limit: int) -> bool | None:
        """Whether younger than the limit; None where it cannot be told."""
        years = self.years()
        if years is not None:
            return years < limit
        return is_under(-1, self.member.age_band, limit) if self.member.age_band else None


@dataclass(frozen=True, slots=True)
class Definition:
    """One figure: its id, how many decimals are printed, and how it is computed from seats."""

    id: str
    decimals: int
    compute: Callable[[Sequence[Seat], Sequence[Body], Phase], Figure]


@dataclass(frozen=True, slots=True)
class Computed:
    """A definition with its two results."""

    definition: Definition
    before: Figure
    after: Figure

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        decimals = self.definition.decimals
        return {
            "id": self.definition.id, "en": figure_word(self.definition.id, "en"),
            "zh": figure_word(self.definition.id, "zh"),
            "before": self.before.as_json(decimals), "after": self.after.as_json(decimals),
        }


def counted_day(body: Body, phase: Phase) -> date | None:
    """The day on which ages of this term are counted."""
    if phase == "after":
        return body.after.starts_on if body.after else None
    if body.before is not None and body.before.ends_on is not None:
        return body.before.ends_on
    return body.after.starts_on if body.after else None


def seats(bodies: Iterable[Body], phase: Phase) -> list[Seat]:
    """All members of one phase of these bodies."""
    found = []
    for body in bodies:
        term = getattr(body, phase)
        if term is not None:
            found += [Seat(body, member, counted_day(body, phase)) for member in term.members]
    return found


def chosen(
    register: ElectionRegister, kind: str | None = None, level: str | None = None, area: str | None = None,
) -> list[Body]:
    """The bodies of one kind, level and residential area; None takes all, an unknown word none."""
    return [
        body for body in register.bodies
        if (kind is None or body.kind == kind) and (level is None or body.level == level)
        and (area is None or body.area == area)
    ]


def compute(bodies: Sequence[Body]) -> list[Computed]:
    """Every figure for these bodies, before and after."""
    people = {phase: seats(bodies, phase) for phase in PHASES}
    return [
        Computed(
            definition, definition.compute(people["before"], bodies, "before"),
            definition.compute(people["after"], bodies, "after"),
        )
        for definition in DEFINITIONS
    ]


def _education(seat: Seat, levels: frozenset[str]) -> bool | None:
    return None if seat.member.education is None else seat.member.education in levels


def _woman(seat: Seat) -> bool | None:
    return None if seat.member.sex is None else seat.member.sex == "female"


def heads_of(people: Sequence[Seat]) -> list[Seat]:
    """The secretaries and chairs."""
    return [seat for seat in people if seat.member.post in HEADS]


def _posts(people: Sequence[Seat], post: str) -> list[Seat]:
    return [seat for seat in people if seat.member.post == post]


def _origin(people: Sequence[Seat], origin: str) -> Share:
    part_time = _posts(people, "part_time_member")
    return share_of(None if seat.member.origin is None else seat.member.origin == origin for seat in part_time)


def _with_deputy(people: Sequence[Seat], bodies: Sequence[Body], phase: Phase) -> Share:
    """Bodies that have a deputy, of all bodies with a term in this phase."""
    held = {seat.body.id for seat in people if seat.member.post in DEPUTIES}
    return share_of(body.id in held for body in bodies if getattr(body, phase) is not None)


def _youngest(people: Iterable[Seat]) -> Number:
    stated = [years for seat in people if (years := seat.years()) is not None]
    return Number(min(stated, default=None))


def _mean_age(people: Iterable[Seat]) -> Mean:
    return mean_of(seat.years() for seat in people)


def _members(people: Sequence[Seat]) -> list[Seat]:
    return [seat for seat in people if seat.member.post in ("full_time_member", "part_time_member")]


def _works_as(seat: Seat, occupation: str) -> bool | None:
    return None if seat.member.occupation is None else seat.member.occupation == occupation


def _young_official(seat: Seat) -> bool | None:
    official, young = _works_as(seat, "official"), seat.under(YOUNG_UNDER_YEARS)
    if official is False or young is False:
        return False
    return None if official is None or young is None else True


DEFINITIONS: tuple[Definition, ...] = (
    Definition("members", 0, lambda p, _b, _f: Number(len(p))),
    Definition("members_college", 1, lambda p, _b, _f: share_of(_education(seat, COLLEGE_UP) for seat in p)),
    Definition("members_bachelor", 1, lambda p, _b, _f: share_of(_education(seat, BACHELOR_UP) for seat in p)),
    Definition("members_under_40", 1, lambda p, _b, _f: share_of(seat.under(YOUNG_UNDER_YEARS) for seat in p)),
    Definition("members_women", 1, lambda p, _b, _f: share_of(_woman(seat) for seat in p)),
    Definition("members_mean_age", 2, lambda p, _b, _f: _mean_age(p)),
    Definition("heads", 0, lambda p, _b, _f: Number(len(heads_of(p)))),
    Definition("heads_college", 2, lambda p, _b, _f: share_of(_education(seat, COLLEGE_UP) for seat in heads_of(p))),
    Definition("heads_bachelor", 2, lambda p, _b, _f: share_of(_education(seat, BACHELOR_UP) for seat in heads_of(p))),
    Definition("heads_under_40", 2, lambda p, _b, _f: share_of(seat.under(YOUNG_UNDER_YEARS) for seat in heads_of(p))),
    Definition("heads_mean_age", 2, lambda p, _b, _f: _mean_age(heads_of(p))),
    Definition("with_deputy", 2, _with_deputy),
    Definition("full_time", 0, lambda p, _b, _f: Number(len(_posts(p, "full_time_member")))),
    Definition("full_time_social_workers", 0,
               lambda p, _b, _f: count_of(_works_as(seat, "social_worker") for seat in _posts(p, "full_time_member"))),
    Definition("part_time", 0, lambda p, _b, _f: Number(len(_posts(p, "part_time_member")))),
    Definition("part_time_self_governance", 0, lambda p, _b, _f: _origin(p, "self_governance")),
    Definition("part_time_co_governance", 0, lambda p, _b, _f: _origin(p, "co_governance")),
    Definition("part_time_support", 0, lambda p, _b, _f: _origin(p, "support")),
    Definition("part_time_young_officials", 0,
               lambda p, _b, _f: count_of(_young_official(seat) for seat in _posts(p, "part_time_member"))),
    Definition("youngest_head", 0, lambda p, _b, _f: _youngest(heads_of(p))),
    Definition("youngest_deputy", 0, lambda p, _b, _f: _youngest(seat for seat in p if seat.member.post in DEPUTIES)),
    Definition("youngest_member", 0, lambda p, _b, _f: _youngest(_members(p))),
)
