"""HTTP: the alarms of the screen (ISA-18.2), and what people do about them; by version, so that one of two wins."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field

from broker.rules.dispatch.actions import ALARM_DEEDS, Act
from broker.rules.states.alarm import LONGEST_SHELF_S
from broker.web.asked import carried_out
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of
from broker.web.problems import Refusal

State = Literal["normal", "unseen_active", "seen_active", "gone_unseen", "shelved", "out_of_service"]
AlarmId = Annotated[str, PathParameter(pattern="^[0-9a-f]{16}$", description="`alarm_id` of the list")]


class AlarmRow(BaseModel):
    """An alarm as the screen has it; `normal` is one that is over, and no more on the list."""

    alarm_id: str
    about: str
    topic: str
    word: str
    level: str
    values: dict[str, Any]
    since: int
    state: State
    active: bool
    version: int
    announced_at: int | None
    seen_at: int | None
    who: str | None
    until: int | None
    why: str | None
    of_device: bool


class AlarmDeed(BaseModel):
    """What a person does about an alarm; `version` is the one on the screen the click was made on."""

    model_config = ConfigDict(strict=True, extra="forbid")
    version: int | None = None


class AlarmReason(AlarmDeed):
    """With a reason, for whoever comes next."""

    why: str | None = Field(None, max_length=200)


class Shelving(AlarmReason):
    """Nobody is to be told for so long."""

    shelf_s: int = Field(ge=60, le=LONGEST_SHELF_S, description="the shelf ends by itself after so many seconds")


DEEDS: tuple[tuple[str, type[AlarmDeed], str], ...] = (
    ("see", AlarmDeed, "I have seen it"),
    ("shelve", Shelving, "Do not tell of it for a while; it comes back by itself"),
    ("unshelve", AlarmDeed, "Tell of it again"),
    ("out-of-service", AlarmReason, "Do not tell of it until it is put back"),
    ("back", AlarmDeed, "It counts again"),
)


def alarm_router(desk: Desk) -> APIRouter:
    """`/api/v1/alarms`."""
    router = APIRouter(tags=["alarms"])

    @router.get(
        "/api/v1/alarms", summary="Alarms that are not over: unseen, seen, gone unseen, shelved, out of service",
        response_model=list[AlarmRow],
    )
    def alarms(state: Annotated[list[State] | None, Query(description="only these")] = None) -> list[dict[str, Any]]:
        return [row for row in desk.picture["alarms"] if state is None or row["state"] in state]

    for deed, kind, summary in DEEDS:
        _deed(router, desk, deed, kind, summary)
    return router


def _deed(router: APIRouter, desk: Desk, deed: str, kind: type[AlarmDeed], summary: str) -> None:
    path, name = f"/api/v1/alarms/{{alarm_id}}/{deed}", deed.replace("-", "_")

    @router.post(path, summary=summary, response_model=AlarmRow, name=name)
    def done(request: Request, alarm_id: AlarmId, asked: kind) -> dict[str, Any]:  # type: ignore[valid-type]
        before = next((row for row in desk.picture["alarms"] if row["alarm_id"] == alarm_id), None)
        if before is None:
            raise HTTPException(404, "no such alarm on the list: it is over")
        visitor = visitor_of(request)
        if "dispatcher" not in visitor.roles and not before["of_device"]:
            raise Refusal(403, "this alarm is about no device: it is the dispatcher's")
        said: AlarmDeed = asked
        after = carried_out(desk, Act(ALARM_DEEDS[deed], visitor.who, alarm=alarm_id, **said.model_dump()))
        over = {**before, "state": "normal", "active": False, "until": None}
        return next((row for row in after["alarms"] if row["alarm_id"] == alarm_id), over)
