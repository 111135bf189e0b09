"""What a viewer may see, and what is left of a person after the term of keeping: no name, no birth date, no note.

An exact birth date becomes the completed years it was counted as, so every figure stays the same. Pure.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from broker.registers.elections.ages import completed_years
from broker.registers.elections.models import PHASES

DAYS_A_YEAR = 365.25


def redacted(document: Mapping[str, Any]) -> dict[str, Any]:
    """The election register as a viewer without the right to names sees it."""
    return _without(document, lambda _body, _phase: True)


def outlived(document: Mapping[str, Any], years: int, today: date) -> dict[str, Any]:
    """The register with the personal facts of all terms removed that ended more than `years` years ago."""
    limit = today - timedelta(days=round(years * DAYS_A_YEAR))

    def over(body: Mapping[str, Any], phase: str) -> bool:
        ended = body[phase].get("ends_on")
        if ended is None and phase == "before" and body.get("after"):
            ended = body["after"]["starts_on"]
        return ended is not None and date.fromisoformat(ended) < limit

    return _without(document, over)


def personal_facts(document: Mapping[str, Any]) -> int:
    """How many members still have a name, a birth date or a note."""
    return sum(
        any(member.get(field) is not None for field in ("name", "birth_date", "note"))
        for _, _, member in _members(document)
    )


def _without(
    document: Mapping[str, Any], chosen: Callable[[Mapping[str, Any], str], bool],
) -> dict[str, Any]:
    result = copy.deepcopy(dict(document))
    for body, phase, member in _members(result):
        if not chosen(body, phase):
            continue
        counted_on = _counted_on(body, phase)
        if member.get("birth_date") is not None:
            if counted_on is not None:
                member["age_years"] = completed_years(date.fromisoformat(member["birth_date"]), counted_on)
            member["birth_date"] = None
        member["name"] = member["note"] = None
    return result


def _members(document: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str, dict[str, Any]]]:
    for body in document.get("bodies", []):
        for phase in PHASES:
            term = body.get(phase)
            for member in term["members"] if term else []:
                yield body, phase, member


def _counted_on(body: Mapping[str, Any], phase: str) -> date | None:
    """The same day as `election_figures.counted_day`, read from the plain document."""
    after = body.get("after")
    if phase == "before" and body["before"].get("ends_on") is not None:
        return date.fromisoformat(body["before"]["ends_on"])
    return date.fromisoformat(after["starts_on"]) if after else None
