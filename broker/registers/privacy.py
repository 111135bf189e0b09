"""What a viewer may see, and what is left of a person after the term of keeping: no name, no birth date, no note.

An exact birth date becomes the completed years it was counted as, so every figure stays the same. Pure.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from broker.registers.elections.ages import completed_years
from broker.registers.elections.models import PHASES
from broker.registers.kept.canonical import copied, item_key
from broker.registers.kept.differences import PERSONAL_FIELDS, PERSONS

DAYS_A_YEAR = 365.25
LEFT_OUT = "left_out"  # in a copy of a register: the fields it does not show; never in the register's own file
NAMES = ("birth_date", "first_responsible", "liaison_cadre", "name", "note")


def redacted(document: Mapping[str, Any]) -> dict[str, Any]:
    """The election register as a viewer without the right to names sees it; it says what it leaves out."""
    result = _without(document, lambda _body, _phase: True)
    for one in (*result.get("areas", []), *result.get("bodies", [])):
        one.update(dict.fromkeys(PERSONS))
    return {**result, LEFT_OUT: [*NAMES, "age_years"]}


def completed(document: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """A document that may be a redacted copy, with what it left out as it is stored; what it states itself stays."""
    result = {key: value for key, value in document.items() if key != LEFT_OUT}
    named = document.get(LEFT_OUT)
    if isinstance(named, list) and stored:
        result = copied(result)
        _complete(result, redacted(stored), stored, frozenset(map(str, named)))
    return result


def _complete(new: Any, seen: Any, stored: Any, names: frozenset[str]) -> None:
    """Give back each field of these names that stands as it was seen, and is stored otherwise."""
    if isinstance(new, list) and isinstance(seen, list):
        known = {item_key(item): (item, own) for item, own in zip(seen, stored, strict=True)}
        for item in new:
            if item_key(item) in known:
                _complete(item, *known[item_key(item)], names)
    elif isinstance(new, dict) and isinstance(seen, Mapping):
        for key, value in seen.items():
            if key in names and new.get(key) == value:
                new[key] = stored[key]
            elif key != LEFT_OUT and key in new:
                _complete(new[key], value, stored[key], names)


def outlived(
    document: Mapping[str, Any], years: int, today: date, newest: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The register with the personal facts removed of all terms and elections that ended over `years` years ago.

    Of an older version, `newest` tells how the terms ended that were open then.
    """
    limit = (today - timedelta(days=round(years * DAYS_A_YEAR))).isoformat()
    known = _terms(newest or {}, document)

    def over(body: Mapping[str, Any], phase: str) -> bool:
        ended = _ended(body[phase], known[body["id"]])
        return ended is not None and ended < limit

    result = _without(document, over)
    elected: dict[str, list[str | None]] = {}  # of each area
    for body in result.get("bodies", []):
        day = _elected(body, known[body["id"]])
        elected.setdefault(body["area"], []).append(day)
        if day is not None and day < limit:
            body.update(dict.fromkeys(PERSONS))
    for area in result.get("areas", []):
        days = elected.get(area["id"], [])
        if days and all(day is not None and day < limit for day in days):
            area.update(dict.fromkeys(PERSONS))
    return result


def _terms(*documents: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """All that is known of the terms of each body."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for document in documents:
        for body in document.get("bodies", []):
            found.setdefault(body["id"], []).extend(body[phase] for phase in PHASES if body.get(phase))
    return found


def _ended(term: Mapping[str, Any], known: list[Mapping[str, Any]]) -> str | None:
    """The day on which a term ended: as stated, or as the next one began; None while it goes on."""
    starts_on = term["starts_on"]
    stated = [other["ends_on"] for other in known if other["starts_on"] == starts_on and other.get("ends_on")]
    return min([*stated, *(other["starts_on"] for other in known if other["starts_on"] > starts_on)], default=None)


def _elected(body: Mapping[str, Any], known: list[Mapping[str, Any]]) -> str | None:
    """The day of the election that a body shows; of one that never came to its end, the last that is known of it."""
    if body.get("after"):
        return str(body["after"]["starts_on"])
    days = [_ended(body["before"], known)] if body.get("before") else [term["starts_on"] for term in known[:1]]
    days += [step.get(name) for step in body.get("steps", {}).values() for name in ("planned_on", "done_on")]
    days += [tally["on"] for tally in body.get("tallies", [])]
    return max((day for day in days if day is not None), default=None)


def personal_facts(document: Mapping[str, Any]) -> int:
    """In how many places a person is named: members with a name, birth date or note, and who answers for something."""
    members = [any(member.get(field) is not None for field in PERSONAL_FIELDS) for _, _, member in _members(document)]
    answering = [
        one.get(field) is not None
        for one in (*document.get("areas", []), *document.get("bodies", [])) for field in PERSONS
    ]  # fmt: skip
    return sum(members) + sum(answering)


def _without(
    document: Mapping[str, Any], chosen: Callable[[Mapping[str, Any], str], bool],
) -> dict[str, Any]:
    result: dict[str, Any] = copied(dict(document))
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
