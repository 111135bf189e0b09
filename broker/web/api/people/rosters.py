"""HTTP: who is on duty when."""

import time
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from broker.people.rosters import Duty, Place, Rosters, shift_of, shift_version
from broker.plan.model import Plan
from broker.web.door.visitors import visitor_of
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


class ShiftRow(BaseModel):
    """A shift that is written down, with the account that wrote it."""

    shift: str
    account: str
    duty: Duty
    start: AwareDatetime
    end: AwareDatetime
    rooms: list[str]
    trucks: list[str]
    by: str
    version: str


class Written(BaseModel):
    """The number of the shift."""

    shift: str


def roster_router(rosters: Rosters, plan: Plan) -> APIRouter:
    """`/api/v1/people/shifts` and `/api/v1/people/on-duty`."""
    router = APIRouter(tags=["people"])

    @router.get("/api/v1/people/shifts", summary="Who is on duty when, as written down")
    def shifts() -> list[ShiftRow]:
        kept = sorted(rosters.shifts().items(), key=lambda item: item[1].start)
        return [
            ShiftRow(shift=number, **shift.model_dump(), version=shift_version(shift)) for number, shift in kept
        ]

    @router.post("/api/v1/people/shifts", summary="Write a shift down")
    def add(request: Request, new: NewShift) -> Written:
        return Written(shift=rosters.add(shift_of(**new.model_dump(), by=visitor_of(request).who)))

    @router.delete("/api/v1/people/shifts/{shift}", summary="Take a shift out")
    def remove(
        request: Request, shift: str,
        version: Annotated[str | None, Query(max_length=16, description="of the shift that was looked at")] = None,
    ) -> Written:  # fmt: skip
        rosters.remove(shift, visitor_of(request).who, version)
        return Written(shift=shift)

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
