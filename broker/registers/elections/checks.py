"""The rules between the fields of the election register; types and bounds are the models' own business."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from broker.registers.elections.ages import completed_years
from broker.registers.elections.models import HEADS, PHASES, POSTS_OF_KIND, Body, ElectionRegister, Member, Term
from broker.registers.errors import Problem

# An 18-digit (or old 15-digit) identity number must never serve as an id: it is a birth date in disguise.
IDENTITY_NUMBER = re.compile(r"\d{15}|\d{17}[\dx]")
ADULT_YEARS = 18
# Steps that may not be done before another: the law wants voters registered before they meet, and so on.
STEP_ORDER = (
    ("registration", "meeting"), ("nomination", "vote"), ("registration", "vote"), ("meeting", "vote"),
    ("vote", "result"), ("result", "handover"),
)


def election_problems(register: ElectionRegister) -> list[Problem]:
    """Every broken rule, with the field's path."""
    areas = {area.id for area in register.areas}
    bodies = {body.id: body for body in register.bodies}
    found = [
        *duplicates("areas", (area.id for area in register.areas)),
        *duplicates("bodies", (body.id for body in register.bodies)),
    ]
    for body in register.bodies:
        path = f"bodies/{body.id}"
        if body.area not in areas:
            found.append(Problem(f"{path}/area", "dangling", {"what": "residential area", "id": body.area}))
        found += _parent(body, bodies, path)
        found += _terms(body, path)
        found += _procedure(body, path)
        found += duplicates(f"{path}/plan/risks", (risk.id for risk in body.plan.risks))
        found += duplicates(f"{path}/tallies", (str(tally.on) for tally in body.tallies))
        found += duplicates(f"{path}/sources", (source.id for source in body.sources))
    return found


def duplicates(path: str, ids: Iterable[str]) -> Iterator[Problem]:
    """A problem for each id that was seen before, or that is an identity number."""
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            yield Problem(f"{path}/{name}", "duplicate_id", {"id": name})
        if IDENTITY_NUMBER.fullmatch(name):
            yield Problem(f"{path}/{name}", "identity_number")
        seen.add(name)


def in_order(path: str, earlier: tuple[str, date | None], later: tuple[str, date | None]) -> Iterator[Problem]:
    """A problem when the later of two stated days is before the earlier."""
    (earlier_name, earlier_on), (later_name, later_on) = earlier, later
    if earlier_on is not None and later_on is not None and later_on < earlier_on:
        names = {"earlier": earlier_name, "later": later_name}
        yield Problem(path, "order", {**names, "earlier_on": str(earlier_on), "later_on": str(later_on)})


def _parent(body: Body, bodies: dict[str, Body], path: str) -> Iterator[Problem]:
    if body.level == "first":
        if body.parent is not None:
            yield Problem(f"{path}/parent", "parent_of_first")
        return
    if body.parent is None:
        yield Problem(f"{path}/parent", "parent_missing")
    elif body.parent not in bodies:
        yield Problem(f"{path}/parent", "dangling", {"what": "body", "id": body.parent})
    else:
        parent = bodies[body.parent]
        if (parent.level, parent.area, parent.kind) != ("first", body.area, body.kind):
            yield Problem(f"{path}/parent", "parent_mismatch")


def _terms(body: Body, path: str) -> Iterator[Problem]:
    for phase in PHASES:
        term: Term | None = getattr(body, phase)
        if term is not None:
            yield from _term(body, phase, term, f"{path}/{phase}")
    if body.before is not None and body.after is not None:
        where = f"{path}/after/starts_on"
        yield from in_order(where, ("before starts", body.before.starts_on), ("after starts", body.after.starts_on))
        yield from in_order(where, ("before ends", body.before.ends_on), ("after starts", body.after.starts_on))


def _term(body: Body, phase: str, term: Term, path: str) -> Iterator[Problem]:
    yield from in_order(f"{path}/ends_on", ("starts on", term.starts_on), ("ends on", term.ends_on))
    yield from duplicates(f"{path}/members", (member.id for member in term.members))
    heads = [member.id for member in term.members if member.post in HEADS]
    if len(heads) > 1:
        yield Problem(f"{path}/members", "two_heads", {"ids": ", ".join(sorted(heads))})
    for member in term.members:
        yield from _member(body, phase, term, member, f"{path}/members/{member.id}")


def _member(body: Body, phase: str, term: Term, member: Member, path: str) -> Iterator[Problem]:
    if member.post not in POSTS_OF_KIND[body.kind]:
        yield Problem(f"{path}/post", "post_of_other_kind", {"post": member.post, "kind": body.kind})
    stated = [member.birth_date, member.age_years, member.age_band]
    if sum(value is not None for value in stated) > 1:
        yield Problem(f"{path}/birth_date", "age_stated_twice")
    if member.birth_date is not None and completed_years(member.birth_date, term.starts_on) < ADULT_YEARS:
        yield Problem(f"{path}/birth_date", "too_young")
    if member.age_years is not None and member.age_years < ADULT_YEARS:
        yield Problem(f"{path}/age_years", "too_young")
    yield from in_order(f"{path}/since", ("birth", member.birth_date), ("in this body since", member.since))
    last_day = term.starts_on if phase == "after" else term.ends_on
    yield from in_order(f"{path}/since", ("in this body since", member.since), ("the term", last_day))
    if member.origin is not None and member.post != "part_time_member":
        yield Problem(f"{path}/origin", "origin_without_part_time")


def _procedure(body: Body, path: str) -> Iterator[Problem]:
    done: dict[str, date | None] = {name: step.done_on for name, step in body.steps.items()}
    for earlier, later in STEP_ORDER:
        days = (earlier, done.get(earlier)), (later, done.get(later))
        yield from in_order(f"{path}/steps/{later}/done_on", *days)
    ballot = body.ballot
    eligible, present = ("eligible", ballot.eligible), ("present", ballot.present)
    yield from _not_more(f"{path}/ballot/present", present, eligible)
    for whole in (present, eligible):
        yield from _not_more(f"{path}/ballot/valid_votes", ("valid votes", ballot.valid_votes), whole)


def _not_more(path: str, part: tuple[str, int | None], whole: tuple[str, int | None]) -> Sequence[Problem]:
    if part[1] is None or whole[1] is None or part[1] <= whole[1]:
        return ()
    values = {"more": part[0], "more_n": str(part[1]), "than": whole[0], "than_n": str(whole[1])}
    return [Problem(path, "more_than", values)]
