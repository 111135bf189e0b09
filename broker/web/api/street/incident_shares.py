"""What of an incident is for whom: whole for who decides, a share for whose it is, and for who is only asked about it
their own row with what it is about, as `/api/v1/answers` has it.
"""

from typing import Any, get_args

from broker.people.roles import Reach, Visitor
from broker.rules.states.answer import CONTRACTOR, DISPATCHER
from broker.web.api.described.rows import IncidentRow
from broker.web.door.rights import ANSWERS, right_to
from broker.web.stream.changes import Row
from broker.web.stream.share import is_of, without_offers

# What who is only asked reads of an incident, beside their own rows.
FOR_ASKED = frozenset({
    "truck", "incident_id", "reason", "condition", "workflow", "stage", "open", "version", "raised_at", "room",
    "room_name", "estate", "estate_name",
})  # fmt: skip


def reach_as(visitor: Visitor, kind: str) -> Reach:
    """For whom a visitor answers as an addressee of this kind."""
    return visitor.reach(ANSWERS.get(kind, ANSWERS[DISPATCHER]))


def reaches(visitor: Visitor, row_id: str, estate: str | None) -> bool:
    """Whether an addressee's row of an incident of this estate is the visitor's to answer."""
    kind, _, firm = row_id.partition(".")
    reach = reach_as(visitor, kind)
    if kind == CONTRACTOR:
        return reach.holds(contractor=firm)
    return reach.holds(estate=None if kind == DISPATCHER else estate)


def told_of(incident: Row, visitor: Visitor) -> Row:
    """An incident as far as a visitor sees it in the picture; of one that is not in theirs, what they are asked."""
    right = right_to("GET", "/api/v1/incidents")
    seen = right.reach_of(visitor) if right is not None else Reach()
    if seen.everything:
        return incident
    if is_of(incident, seen):
        return without_offers(incident)
    own = [row for row in incident["answers"] if reaches(visitor, row["id"], incident["estate"])]
    return {**{name: _kept(name, value) for name, value in incident.items()}, "answers": own}


def _kept(name: str, value: Any) -> Any:
    """A field's value where it is for who is asked, else none of its kind."""
    field = IncidentRow.model_fields.get(name)
    if name in FOR_ASKED or field is None:
        return value
    return None if type(None) in get_args(field.annotation) else type(value)()
