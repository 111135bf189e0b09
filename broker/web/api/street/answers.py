"""HTTP: what those say who are asked to do something about an incident: seen, promised, done, refused."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from broker.people.roles import Reach
from broker.rules.dispatch.actions import Act
from broker.rules.states.answer import CONTRACTOR, DISPATCHER
from broker.web.api.street.actions import Action, incident_of, shown_incident
from broker.web.api.street.rows import INCIDENT_TOLD
from broker.web.asked import carried_out
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of, within
from firmware import wire

DEEDS = {  # as they stand in the address: (what the rules call it, what it says)
    "seen": ("see", "I have seen it"),
    "promise": ("promise", "It will be done by then"),
    "done": ("finish", "It is done"),
    "refuse": ("refuse", "It will not be done"),
    "on-the-way": ("set_out", "The truck that was asked for has set out"),
}


class Said(Action):
    """What is said of one addressee's row; `version` is that row's."""

    until_at: int | None = Field(None, ge=0, le=wire.LATEST_AT, description="Unix seconds, for a promise")
    reason: str | None = Field(None, max_length=200, description="why it is refused")


class AskedRow(BaseModel):
    """One addressee's row of an open incident, with what it is about."""

    incident_id: str
    truck: str
    reason: str
    condition: str
    room_name: str | None
    estate_name: str | None
    raised_at: int
    answer: dict[str, Any]


class Asked(BaseModel):
    """What is asked of whoever looks, as it was at `at`."""

    at: int
    timezone: str
    sound_s: int
    rows: list[AskedRow]


def answer_router(desk: Desk) -> APIRouter:
    """`/api/v1/answers`, the deeds below `/api/v1/incidents/{incident_id}/answers`."""
    router = APIRouter()

    @router.get("/api/v1/answers", tags=["incidents"], summary="What is asked of you about open incidents")
    def asked(request: Request) -> Asked:
        reach: Reach = request.state.reach
        rows = [
            AskedRow(answer=row, **{name: incident[name] for name in AskedRow.model_fields if name != "answer"})
            for incident in desk.picture["incidents"]
            if incident["open"]
            for row in incident.get("answers", ())
            if reaches(reach, row["id"], incident["estate"])
        ]
        picture = desk.picture
        sound_s = picture["limits"]["sound_s"]
        return Asked(at=picture["at"], timezone=picture["area"]["timezone"], sound_s=sound_s, rows=rows)

    for deed, (answer, summary) in DEEDS.items():
        _add_deed(router, desk, deed, answer, summary)
    return router


def _add_deed(router: APIRouter, desk: Desk, deed: str, answer: str, summary: str) -> None:
    path = f"/api/v1/incidents/{{incident_id}}/answers/{{addressee}}/{deed}"

    @router.post(path, tags=["incidents"], summary=summary, name=f"answer_{answer}", **INCIDENT_TOLD)
    def say(
        request: Request, incident_id: str, addressee: str, said: Said, truck: str | None = None
    ) -> dict[str, Any]:
        kind, _, firm = addressee.partition(".")
        if kind == CONTRACTOR:  # before it is said whether there is such a row at all
            within(request, contractor=firm)
        incident = incident_of(desk, incident_id, truck)
        if kind != CONTRACTOR:
            within(request, estate=None if kind == DISPATCHER else incident["estate"])
        key = incident["truck"], incident["incident_id"]
        act = Act(
            "answer", visitor_of(request).who, incident=key, version=said.version, addressee=addressee, answer=answer,
            until_at=said.until_at, reason=said.reason,
        )  # fmt: skip
        after = carried_out(desk, act)
        return shown_incident(request, after, key)


def reaches(reach: Reach, row_id: str, estate: str | None) -> bool:
    """Whether an addressee's row of an incident of this estate is within a reach."""
    kind, _, firm = row_id.partition(".")
    if kind == CONTRACTOR:
        return reach.holds(contractor=firm)
    return reach.holds(estate=None if kind == DISPATCHER else estate)
