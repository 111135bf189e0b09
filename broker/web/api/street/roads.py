"""HTTP: what a truck on its round cannot do now, because it is full or because a road is closed."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from broker.rules.dispatch.actions import Act
from broker.web.api.described.rows import RUN_TOLD
from broker.web.api.street.actions import Action, CrewAct, Id
from broker.web.asked import carried_out
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of, within


class Closed(Action):
    """A road that is closed for a time: the way to a room, or the street between it and another."""

    room: Id
    other_room: Id | None = None
    from_at: int | None = Field(None, ge=0, le=1 << 40, description="Unix seconds; left out: from now on")
    until_at: int = Field(ge=0, le=1 << 40, description="Unix seconds, within a week")
    reason: str | None = Field(None, max_length=200)


class ClosureRow(BaseModel):
    """A road that is closed."""

    closure_id: str
    room: str
    other_room: str | None
    from_at: int
    until_at: int
    reason: str | None


class Opened(BaseModel):
    """Which road is open again, and since when."""

    at: int
    closure_id: str


def road_router(desk: Desk) -> APIRouter:
    """Full trucks and closed roads."""
    router = APIRouter(tags=["runs"])

    def load(request: Request, run_id: str, deed: str, said: CrewAct) -> dict[str, Any]:
        within(request, truck=next((run["truck"] for run in desk.picture["runs"] if run["run_id"] == run_id), None))
        after = carried_out(desk, Act(deed, visitor_of(request).who, run_id=run_id, **said.when()))
        found: dict[str, Any] = next(run for run in after["runs"] if run["run_id"] == run_id)
        return found

    @router.post(
        "/api/v1/runs/{run_id}/full", summary="Its truck is full: the transfer station first", **RUN_TOLD,
    )
    def full(request: Request, run_id: str, said: CrewAct) -> dict[str, Any]:
        return load(request, run_id, "full", said)

    @router.post("/api/v1/runs/{run_id}/emptied", summary="Its truck was emptied", **RUN_TOLD)
    def emptied(request: Request, run_id: str, said: CrewAct) -> dict[str, Any]:
        return load(request, run_id, "emptied", said)

    @router.get("/api/v1/closures", summary="The roads that are closed", response_model=list[ClosureRow])
    def closures() -> list[dict[str, Any]]:
        return list(desk.picture["closures"])

    @router.post(
        "/api/v1/closures", summary="A road is closed: what lies behind it comes after that", response_model=ClosureRow,
    )
    def close(request: Request, closed: Closed) -> dict[str, Any]:
        asked = closed.room, closed.other_room, closed.until_at
        act = Act("close_road", visitor_of(request).who, **closed.model_dump(exclude={"version"}))
        rows = reversed(carried_out(desk, act)["closures"])  # the newest first
        return next(row for row in rows if (row["room"], row["other_room"], row["until_at"]) == asked)

    @router.post(
        "/api/v1/closures/{closure_id}/end", summary="The road is open again, before its time", response_model=Opened,
    )
    def end(request: Request, closure_id: str, _: Action) -> dict[str, Any]:
        after = carried_out(desk, Act("open_road", visitor_of(request).who, closure=closure_id))
        return {"at": after["at"], "closure_id": closure_id}

    return router
