"""HTTP: what a keeper sees of their rooms today, and says of them without the button on the wall."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.rules.dispatch.actions import Act
from broker.web.api.street.actions import Action
from broker.web.asked import carried_out
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of, within
from broker.web.view.room_calls import rooms_today
from broker.web.view.timetable import Timetable

At = int | None
KeptBy = Callable[[str, int], frozenset[str]]  # which rooms an account keeps by the rosters at a moment
MOST_AT_ONCE = 40  # rooms of somebody who acts for the whole area


class Call(BaseModel):
    """One visit of a truck: planned, believed, and as it was; `late_s` is against the timetable."""

    id: str
    waste: str
    truck: str
    state: str
    reason: str | None
    held: bool
    label: str | None
    planned_at: At
    eta_at: At
    early_at: At
    late_at: At
    due_at: At
    arrived_at: At
    left_at: At
    visit_number: int
    late_s: int | None


class Planned(BaseModel):
    """What the timetable has, of a run that is not opened yet."""

    waste: str
    planned_at: int


class BlockedLane(BaseModel):
    """A press that is about this room's lane, not cleared yet."""

    incident_id: str
    truck: str
    raised_at: int


class RoomToday(BaseModel):
    """A room as it is, with its calls of today."""

    room: str
    name: str
    estate: str
    estate_name: str | None
    wastes: list[str]
    life: str
    heard_at: At
    lamps: list[dict[str, Any]]
    lamps_at: At
    bins: dict[str, dict[str, Any]]
    bins_out_at: At
    calls: list[Call]
    later: list[Planned]
    blocked: list[BlockedLane]


class EstateOf(BaseModel):
    """An estate whose rooms one may ask for."""

    estate: str
    name: str | None


class Today(BaseModel):
    """The rooms of whoever asks, as they were at `at`; `old_since_at` where no newer picture can be made,
    `away_since_at` where no device is heard since.

    Of many rooms those of one estate are shown (`shown`), and `estates` can be asked for. A keeper who is on duty for
    some rooms by the rosters sees those, `left_out` says how many others there are: `all` shows them too, and where
    nobody is on duty by name it is None.
    """

    at: int
    old_since_at: At
    timezone: str
    away_since_at: At
    no_data_s: int
    estates: list[EstateOf]
    shown: str | None
    left_out: int | None
    rooms: list[RoomToday]


class Word(Action):
    """What the room's button would say."""

    event: Literal["bins_out", "lane_clear"]


class Heard(BaseModel):
    """That it was heard."""

    at: int
    room: str
    event: str


def nobodys(account: str, at: int) -> frozenset[str]:
    """As long as there are no rosters."""
    del account, at
    return frozenset()


def keeper_router(desk: Desk, plan: Plan, kept_by: KeptBy = nobodys) -> APIRouter:
    """`/api/v1/rooms/calls`, and a keeper's word."""
    router, timetable = APIRouter(tags=["rooms"]), Timetable(plan)

    @router.get("/api/v1/rooms/calls", summary="Your rooms today: each call's lamp and truck, what is next, how late")
    def calls(
        request: Request, estate: Annotated[str | None, Query(max_length=64)] = None, all: bool = False
    ) -> Today:
        reach: Reach = request.state.reach
        picture = desk.picture
        held = [room for room in picture["rooms"] if reach.holds(estate=room["estate"])]
        duty = kept_by(visitor_of(request).who, picture["at"])
        own = [room for room in held if room["room"] in duty]
        mine = own if own and not all else held
        estates = {room["estate"]: room["estate_name"] for room in mine}
        shown = estate if estate in estates else next(iter(estates)) if len(mine) > MOST_AT_ONCE else None
        keys = {room["room"] for room in mine if shown in (None, room["estate"])}
        rooms = rooms_today(picture, timetable.of_today(picture["at"]), lambda room: room["room"] in keys)
        return Today(
            at=picture["at"], old_since_at=desk.old_since_at(), away_since_at=desk.away_since_at(),
            timezone=picture["area"]["timezone"], no_data_s=picture["limits"]["no_data_s"],
            estates=[EstateOf(estate=one, name=name) for one, name in sorted(estates.items())], shown=shown,
            left_out=len(held) - len(mine) if own else None,
            rooms=[RoomToday.model_validate(room) for room in rooms],
        )  # fmt: skip

    @router.post(
        "/api/v1/rooms/{room}/keeper", response_model=Heard, summary="The bins are out, or the lane is clear"
    )
    def say(request: Request, room: str, word: Word) -> dict[str, Any]:
        found = next((row for row in desk.picture["rooms"] if row["room"] == room), None)
        within(request, estate=found["estate"] if found else None)
        if found is None:
            raise HTTPException(404, f"there is no room {room!r}")
        after = carried_out(desk, Act("keeper", visitor_of(request).who, room=room, event=word.event))
        return {"at": after["at"], "room": room, "event": word.event}

    return router
