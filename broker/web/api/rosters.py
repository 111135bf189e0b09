"""HTTP: who is on duty when."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from broker.people.errors import Impossible
from broker.people.people import People
from broker.people.rosters import Duty, Place, Rosters, shift_of
from broker.plan.model import Plan
from broker.web.visitors import visitor_of
from firmware import wire

Ids = Annotated[list[str], Field(max_length=500)]


class NewShift(BaseModel):
    """A shift to be written down; times with their offset, as 2026-11-30T06:00+08:00."""

    model_config = ConfigDict(extra="forbid")
    account: str
    duty: Duty
    start: AwareDatetime
    end: AwareDatetime
    rooms: Ids = []
    trucks: Ids = []


def roster_router(people: People, plan: Plan) -> APIRouter:
    """`/api/v1/people/shifts` and `/api/v1/people/on-duty`."""
    router = APIRouter(tags=["people"])
    rosters = Rosters(people, plan.rooms, plan.trucks())

    @router.get("/api/v1/people/shifts", summary="Who is on duty when, as written down")
    def shifts() -> list[dict[str, Any]]:
        kept = sorted(rosters.shifts().items(), key=lambda item: item[1].start)
        return [{"shift": number, **shift.model_dump(mode="json")} for number, shift in kept]

    @router.post("/api/v1/people/shifts", summary="Write a shift down")
    def add(request: Request, new: NewShift) -> dict[str, Any]:
        try:
            return {"shift": rosters.add(shift_of(**new.model_dump(), by=visitor_of(request).who))}
        except Impossible as why:
            raise HTTPException(422, str(why)) from why

    @router.delete("/api/v1/people/shifts/{shift}", summary="Take a shift out")
    def remove(request: Request, shift: str) -> dict[str, Any]:
        try:
            rosters.remove(shift, visitor_of(request).who)
        except Impossible as why:
            raise HTTPException(404, str(why)) from why
        return {"shift": shift}

    @router.get("/api/v1/people/on-duty", summary="Who is to be told; everybody of the role where nobody is on duty")
    def on_duty(
        duty: Duty, room: str | None = None, truck: str | None = None,
        at: Annotated[int | None, Query(ge=0, le=wire.LATEST_AT, description="Unix seconds; without it: now")] = None,
    ) -> list[str]:  # fmt: skip
        if room is not None and room not in plan.rooms:
            raise HTTPException(404, f"the plan knows no room {room[:40]!r}")
        estate = plan.rooms[room].estate_id if room is not None else None
        return list(rosters.on_duty(duty, Place(room, estate, truck), time.time() if at is None else at))

    return router
