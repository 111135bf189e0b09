"""Records as the figures read them: the newest of a key, and times and numbers only where they are such."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from firmware import wire

LAST_AT = wire.LATEST_AT  # a later time is a slip, and beyond what calendars know


class Fact(Protocol):
    """A record as the store gives it, amendments applied."""

    @property
    def kind(self) -> str:
        """The record's kind."""
        ...

    @property
    def key(self) -> str:
        """What it is about; the newest record of a key is its state."""
        ...

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def at(self) -> int:
        """When it happened."""
        ...

    @property
    def body(self) -> Mapping[str, Any]:
        """What happened."""
        ...


def newest(facts: Iterable[Fact], kind: str) -> list[Fact]:
    """The newest fact of each key of a kind, ordered by key."""
    found: dict[str, Fact] = {}
    for fact in facts:
        if fact.kind == kind:
            other = found.get(fact.key)
            if other is None or (fact.at, fact.id) > (other.at, other.id):
                found[fact.key] = fact
    return [found[key] for key in sorted(found)]


def weighings(facts: Iterable[Fact]) -> list[Fact]:
    """Every weigh-in, in the order of time: each record is one of its own, though its key is the truck."""
    found = {fact.id: fact for fact in facts if fact.kind == "weighing"}
    return sorted(found.values(), key=lambda fact: (weighing_at(fact), fact.id))


def incidents(facts: Iterable[Fact]) -> list[tuple[Fact, int]]:
    """The newest state of each incident and when it was pressed, else raised, else first noted."""
    facts = [fact for fact in facts if fact.kind == "workflow"]
    noted: dict[str, int] = {}
    for fact in facts:
        noted[fact.key] = min(fact.at, noted.get(fact.key, fact.at))
    found = []
    for fact in newest(facts, "workflow"):
        # A truck without a clock says no time of its press; each later change of the incident is a record of its own.
        pressed_at, raised_at = moment(fact.body, "pressed_at"), moment(fact.body, "raised_at")
        known_at = raised_at if pressed_at is None else pressed_at
        found.append((fact, noted[fact.key] if known_at is None else known_at))
    return found


def whole(body: Mapping[str, Any], name: str) -> int | None:
    """A whole number of a body, else None: records may come from a file that somebody else wrote."""
    value = body.get(name)
    return value if type(value) is int else None


def moment(body: Mapping[str, Any], name: str) -> int | None:
    """A time of a body that a calendar knows, else None."""
    at = whole(body, name)
    return at if at is not None and 0 <= at <= LAST_AT else None


def text(body: Mapping[str, Any], name: str) -> str:
    """A word of a body, empty where there is none."""
    return str(body.get(name) or "")


def visit_at(fact: Fact) -> int:
    """When a visit happened: arrival, else call, else plan, else when its state was noted."""
    times = (moment(fact.body, name) for name in ("arrived_at", "due_at", "planned_at"))
    return next((at for at in times if at is not None), fact.at)


def weighing_at(fact: Fact) -> int:
    """When a load was weighed, else when that was noted."""
    at = moment(fact.body, "at")
    return fact.at if at is None else at


def ended_at(body: Mapping[str, Any]) -> int | None:
    """When an incident was cleared, else closed; None while it lasts."""
    cleared_at = moment(body, "cleared_at")
    return moment(body, "closed_at") if cleared_at is None else cleared_at


def drop(body: Mapping[str, Any], name: str) -> int | None:
    """By how much `bins` or `grams` fell at a visit, None if that is not known."""
    before, after = whole(body, f"{name}_before"), whole(body, f"{name}_after")
    return None if before is None or after is None else before - after


def original(body: Mapping[str, Any]) -> bool:
    """Whether a visit was planned, and does not make up for a skipped one."""
    planned = body.get("original")
    return planned if isinstance(planned, bool) else body.get("visit_number", 1) == 1


def undone(body: Mapping[str, Any]) -> bool:
    """Whether a second visit was made for a press that was taken back, before anybody was called: it never was."""
    return body.get("undone") is True and moment(body, "due_at") is None
