"""Grounds for a case: what happened again and again at one place, or once and badly enough, each with its evidence.

- `chronic_lane`: a room's lane was blocked so many times (withdrawn presses are none)
- `not_out`: a room's bins of a kind were not out so many times
- `mixed_waste`: so many times something was found in a room's bins of a kind that does not belong there
- `contaminated_load`: once, what nobody could take by its name (grade 3), or was left behind for it

What lies within an hour of another one at its place is the same time: a driver may press again and again at one van.
What is evidence of a case already is no ground for another one.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from broker.rules.settings import CONTAMINATION_GRADES
from broker.rules.statistics.facts import Fact, incidents, moment, newest, text, undone, visit_at, whole
from broker.rules.statistics.periods import local_day

SAME_S = 3600


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened, as evidence: the record and its key, when, what, where."""

    fact: Fact
    at: int
    what: str

    @property
    def key(self) -> str:
        """The same in all records of it."""
        return f"{self.fact.kind}:{self.fact.key}"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a case could be opened for."""

    kind: str
    estate: str
    room: str
    waste: str
    happened: tuple[Happened, ...]

    @property
    def times(self) -> int:
        """How often it happened, what lies within SAME_S of another one being one time."""
        moments = [one.at for one in self.happened]
        return 1 + sum(at - before > SAME_S for before, at in pairwise(moments))


def grounds(
    facts: Sequence[Fact], from_at: int, to_at: int, times: int, used: Collection[str] = frozenset()
) -> list[Ground]:
    """What there is of [from, to), the most frequent first; `used` are the keys that cases have already."""
    found: dict[tuple[str, str, str, str], list[Happened]] = {}
    for place, one in (*_blocked(facts), *_at_visits(facts)):
        if from_at <= one.at < to_at and one.key not in used:
            found.setdefault(place, []).append(one)
    rows = [
        Ground(*place, tuple(sorted(ones, key=lambda one: (one.at, one.key)))) for place, ones in found.items()
    ]
    rows = [one for one in rows if one.kind == "contaminated_load" or one.times >= times]
    return sorted(rows, key=lambda one: (-one.times, one.kind, one.estate, one.room, one.waste))


Placed = tuple[tuple[str, str, str, str], Happened]  # (kind, estate, room, waste), what happened there


def _blocked(facts: Sequence[Fact]) -> Iterator[Placed]:
    for fact, pressed_at in incidents(facts):
        body = fact.body
        if body.get("reason") == "lane_blocked" and body.get("workflow") != "withdrawn":
            room, estate = text(body, "room"), text(body, "estate")
            if room or estate:
                yield ("chronic_lane", estate, room, ""), Happened(fact, pressed_at, "lane_blocked")


def _at_visits(facts: Sequence[Fact]) -> Iterator[Placed]:
    for fact in newest(facts, "visit"):
        body, at = fact.body, visit_at(fact)
        if undone(body):
            continue
        where = text(body, "estate"), text(body, "room"), text(body, "waste")
        skipped = body.get("reason") if body.get("state") == "skipped" else None
        grade = whole(body, "contamination")
        if skipped == "not_out":
            yield ("not_out", *where), Happened(fact, at, "not_out")
        elif skipped == "contamination" or grade == max(CONTAMINATION_GRADES):
            yield ("contaminated_load", *where), Happened(fact, at, "contamination")
            yield ("mixed_waste", *where), Happened(fact, at, "contamination")
        elif grade in CONTAMINATION_GRADES:
            yield ("mixed_waste", *where), Happened(fact, at, "contamination")


@dataclass(frozen=True, slots=True)
class CaseCount:
    """What was done about cases of a kind at an estate in a span; `answer_s` is how long the answers took in all."""

    kind: str
    estate: str
    opened: int = 0
    handed_over: int = 0
    answered: int = 0
    closed: int = 0
    answer_s: int | None = None


def cases(facts: Sequence[Fact], timezone: str, from_day: str, to_day: str) -> list[CaseCount]:
    """The deeds of these days by kind and estate: each version of a case is a record of its own."""
    zone = ZoneInfo(timezone)
    counts: dict[tuple[str, str], dict[str, Any]] = {}
    for fact in {fact.id: fact for fact in facts if fact.kind == "case"}.values():
        body, state = fact.body, text(fact.body, "state")
        at = moment(body, "changed_at")
        if at is None or not from_day <= local_day(at, zone) <= to_day:
            continue
        if moment(body, "gathered_at") is not None or (state == "opened" and whole(body, "version") != 1):
            continue  # evidence was added, or it was taken back
        row = counts.setdefault((text(body, "kind"), text(body, "estate")), {})
        row[state] = row.get(state, 0) + 1
        asked_at = moment(body, "handed_over_at")
        if state == "answered" and asked_at is not None:
            row["answer_s"] = row.get("answer_s", 0) + max(0, at - asked_at)
    known = CaseCount.__dataclass_fields__
    return [
        CaseCount(kind, estate, **{name: value for name, value in row.items() if name in known})
        for (kind, estate), row in sorted(counts.items())
    ]
