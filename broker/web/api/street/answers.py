"""HTTP: what those say who are asked to do something about an incident: seen, promised, done, refused."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from broker.people.people import People
from broker.rules.dispatch.actions import ANSWER_DEEDS, Act
from broker.rules.states.answer import CONTRACTOR, DISPATCHER
from broker.web.api.described.rows import INCIDENT_TOLD
from broker.web.api.street.actions import Action, incident_of, shown_incident
from broker.web.api.street.incident_shares import reach_as, reaches
from broker.web.asked import carried_out
from broker.web.desk import Desk
from broker.web.door.rights import right_to
from broker.web.door.visitors import visitor_of, within
from broker.web.stream.share import shared
from firmware import wire

SUMMARIES = {
    "seen": "I have seen it", "promise": "It will be done by then", "done": "It is done",
    "refuse": "It will not be done", "on-the-way": "The truck that was asked for has set out",
}  # fmt: skip


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
    """What is asked of whoever looks, as it was at `at`; trucks and rooms are as they were at `old_since_at`, where no
    newer picture can be made, or when the devices were last heard, at `away_since_at`."""

    at: int
    old_since_at: int | None
    away_since_at: int | None
    timezone: str
    sound_s: int
    rows: list[AskedRow]


def answer_router(desk: Desk, people: People) -> APIRouter:
    """`/api/v1/answers`, the deeds below `/api/v1/incidents/{incident_id}/answers`."""
    router = APIRouter()

    @router.get("/api/v1/answers", tags=["incidents"], summary="What is asked of you about open incidents")
    def asked(request: Request) -> Asked:
        visitor = visitor_of(request)
        rows = [
            AskedRow(answer=row, **{name: incident[name] for name in AskedRow.model_fields if name != "answer"})
            for incident in desk.picture["incidents"]
            if incident["open"]
            for row in incident.get("answers", ())
            if reaches(visitor, row["id"], incident["estate"])
        ]
        picture = desk.picture
        sound_s = picture["limits"]["sound_s"]
        return Asked(
            at=picture["at"], old_since_at=desk.old_since_at(), away_since_at=desk.away_since_at(),
            timezone=picture["area"]["timezone"], sound_s=sound_s, rows=rows,
        )  # fmt: skip

    @router.get("/api/v1/answers/names", tags=["incidents"], summary="How those are called who are told or answer")
    def names(request: Request) -> dict[str, str]:
        visitor, accounts = visitor_of(request), people.kept().accounts
        rows = [row for incident in shared(desk.picture, request.state.reach)["incidents"] for row in _rows(incident)]
        for incident in desk.picture["incidents"]:
            rows += [row for row in _rows(incident) if reaches(visitor, row["id"], incident["estate"])]
        ids = {one for row in rows for one in (row["who"], *(name for told in row["told"] for name in told["names"]))}
        rosters = right_to("GET", "/people/rosters")
        if rosters is not None and rosters.open_to(visitor):  # where everybody's name stands beside their duty
            ids = set(accounts)
        return {one: accounts[one].name for one in sorted(ids & accounts.keys())}

    for deed, answer in ANSWER_DEEDS.items():
        _add_deed(router, desk, deed, answer, SUMMARIES[deed])
    return router


def _add_deed(router: APIRouter, desk: Desk, deed: str, answer: str, summary: str) -> None:
    path = f"/api/v1/incidents/{{incident_id}}/answers/{{addressee}}/{deed}"

    @router.post(path, tags=["incidents"], summary=summary, name=f"answer_{answer}", **INCIDENT_TOLD)
    def say(
        request: Request, incident_id: str, addressee: str, said: Said, truck: str | None = None
    ) -> dict[str, Any]:
        kind, _, firm = addressee.partition(".")
        request.state.reach = reach_as(visitor_of(request), kind)
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


def _rows(incident: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = incident.get("answers", [])  # one of an older picture has none
    return rows
