"""HTTP: what people do about incidents, visits and weigh-ins; the bridge does it and answers with the picture."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from broker.rules.dispatch.actions import Act
from broker.rules.settings import CONTAMINATION_GRADES, HEAVIEST_LOAD_GRAMS
from broker.web.api.described import told
from broker.web.api.described.record import ClosedAccount
from broker.web.api.described.rows import INCIDENT_TOLD, RUN_TOLD
from broker.web.api.street.incident_shares import told_of
from broker.web.asked import carried_out
from broker.web.desk import Accounts, Desk
from broker.web.door.visitors import visitor_of, within
from firmware import wire

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$", description="as the device signs in")]


class Action(BaseModel):
    """A person's action; `version` is the incident's version on the screen the click was made on.

    Who it is says the account, and nobody types it.
    """

    model_config = ConfigDict(strict=True, extra="forbid")  # false is no zero, and "1" no version
    version: int | None = None


class CrewAct(Action):
    """What a crew does; where there is no network it is sent later, with the time at which it was done."""

    acted_at: int | None = Field(
        None, ge=0, le=wire.LATEST_AT, description="Unix seconds by the bridge's clock, at most a day ago"
    )
    clock_off_s: int | None = Field(
        None, ge=-wire.LATEST_AT, le=wire.LATEST_AT, description="how far the device's own clock was behind that"
    )

    def when(self) -> dict[str, Any]:
        """When it was done, as an act has it."""
        return {"acted_at": self.acted_at, "clock_off_s": self.clock_off_s}


class Decision(Action):
    """What is to happen about an incident."""

    decision: Literal["return_later", "extra_truck", "wait", "cancel_visit"]
    offer: str | None = Field(None, pattern="^[0-9a-f]{16}$", description="id of the option looked at, for extra_truck")
    option: int = Field(0, ge=0, le=20, description="or which of those shown last, counted from 0")
    truck: Id | None = Field(None, description="the contractor's truck, for extra_truck")


class Weighed(Action):
    """One weigh-in at the transfer station 中转站."""

    truck: Id
    waste: Literal["residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation"]
    grams: int = Field(ge=0, le=HEAVIEST_LOAD_GRAMS)
    run_id: Id | None = None


class Weighing(BaseModel):
    """A weigh-in as it was taken."""

    at: int
    truck: str
    waste: str
    grams: int
    run_id: str | None


class Command(BaseModel):
    """What a device is told to do; `calibrate` says what lies on the cell of a waste kind now."""

    model_config = ConfigDict(strict=True, extra="forbid")
    command: Literal["rebirth", "identify", "calibrate", "reset"]
    waste: Literal["residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation"] | None = None
    grams: int | None = Field(None, ge=0, le=100_000_000)


class OfDevice(BaseModel):
    """Which device something was done about, and when."""

    at: int
    device: str


class Commanded(OfDevice):
    """What a device was told, and when it was heard last."""

    command: str
    heard_at: int | None


class Skip(CrewAct):
    """Why a visit is skipped."""

    reason: Literal[
        "lane_blocked", "no_access", "not_out", "breakdown", "full_truck", "contamination", "unsafe", "other"
    ]


class Note(CrewAct):
    """What the crew found in the bins: 0 nothing, 1 a few wrong pieces, 2 many, 3 nothing to be taken by its name."""

    grade: int = Field(ge=0, le=max(CONTAMINATION_GRADES))
    found: Literal["residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation", "other"] | None = None


def action_router(desk: Desk) -> APIRouter:
    """The routes that change something in the running day."""
    router = APIRouter()
    _incidents(router, desk)
    _runs(router, desk)
    _devices(router, desk)
    _accounts(router, desk)
    return router


def incident_of(desk: Desk, incident_id: str, truck: str | None) -> dict[str, Any]:
    """The incident that is shown by this id; an HTTP error where there is none, or two."""
    found: list[dict[str, Any]] = [
        row
        for row in desk.picture["incidents"]
        if row["incident_id"] == incident_id and truck in (None, row["truck"])
    ]
    if not found:
        raise HTTPException(404, "no such incident")
    if len(found) > 1:
        raise HTTPException(409, "two trucks have an incident of this id: add ?truck=")
    return found[0]


def shown_incident(request: Request, picture: dict[str, Any], key: tuple[str, str]) -> dict[str, Any]:
    """An incident by truck and id, as far as whoever asks may see it."""
    row = next(row for row in picture["incidents"] if (row["truck"], row["incident_id"]) == key)
    return told_of(row, visitor_of(request))


def _incidents(router: APIRouter, desk: Desk) -> None:
    def on_incident(
        request: Request, incident_id: str, pressed_by: str | None, name: str, action: Action, **more: Any
    ) -> dict[str, Any]:
        incident = incident_of(desk, incident_id, pressed_by)
        within(request, estate=incident["estate"])
        key = incident["truck"], incident["incident_id"]
        who = visitor_of(request).who
        after = carried_out(desk, Act(name, who, incident=key, version=action.version, **more))
        return shown_incident(request, after, key)

    @router.post(
        "/api/v1/incidents/{incident_id}/decide", tags=["incidents"], **INCIDENT_TOLD,
        summary="This is what happens",
    )
    def decide(
        request: Request, incident_id: str, decision: Decision, truck: str | None = None
    ) -> dict[str, Any]:
        more = decision.model_dump(include={"decision", "offer", "option", "truck"})
        return on_incident(request, incident_id, truck, "decide", decision, **more)

    @router.post(
        "/api/v1/incidents/{incident_id}/clear", tags=["incidents"], **INCIDENT_TOLD,
        summary="The obstacle is gone",
    )
    def clear(
        request: Request, incident_id: str, action: Action, truck: str | None = None
    ) -> dict[str, Any]:
        # Who speaks for the estate has done by that what it was asked for; a dispatcher may only have heard of it.
        of_estate = visitor_of(request).roles & {"property", "keeper"} and not request.state.reach.everything
        return on_incident(request, incident_id, truck, "clear", action, addressee="estate" if of_estate else None)

    def add(deed: str, summary: str) -> None:
        name = deed.replace("-", "_")

        @router.post(
            f"/api/v1/incidents/{{incident_id}}/{deed}", tags=["incidents"], **INCIDENT_TOLD,
            summary=summary, name=name,
        )
        def carry_out(request: Request, incident_id: str, action: Action, truck: str | None = None) -> dict[str, Any]:
            return on_incident(request, incident_id, truck, name, action)

    add("acknowledge", "I have seen it")
    add("resolve", "Nothing is left to do")
    add("estate-ack", "The estate clears its lane")


def _runs(router: APIRouter, desk: Desk) -> None:
    @router.post(
        "/api/v1/weighings", tags=["runs"], response_model=Weighing,
        summary="What the transfer station weighed of a truck's load",
    )
    def weigh(request: Request, weighed: Weighed) -> dict[str, Any]:
        within(request, truck=weighed.truck)
        fields = weighed.model_dump(exclude={"version"})
        return {"at": carried_out(desk, Act("weigh", visitor_of(request).who, **fields))["at"], **fields}

    def who_of(request: Request, run_id: str) -> str:
        """Who does something about a visit of this run."""
        within(request, truck=next((run["truck"] for run in desk.picture["runs"] if run["run_id"] == run_id), None))
        return visitor_of(request).who

    @router.post(
        "/api/v1/runs/{run_id}/visits/{room}/{number}/serve", tags=["runs"], **RUN_TOLD,
        summary="It was served after all",
    )
    def serve(request: Request, run_id: str, room: str, number: int, action: CrewAct) -> dict[str, Any]:
        act = Act("serve", who_of(request, run_id), visit=(run_id, room, number), **action.when())
        return _run_of(carried_out(desk, act), run_id)

    @router.post(
        "/api/v1/runs/{run_id}/visits/{room}/{number}/skip", tags=["runs"], **RUN_TOLD,
        summary="Skip it and come back",
    )
    def skip(request: Request, run_id: str, room: str, number: int, action: Skip) -> dict[str, Any]:
        visit = (run_id, room, number)
        act = Act("skip", who_of(request, run_id), visit=visit, reason=action.reason, **action.when())
        return _run_of(carried_out(desk, act), run_id)

    @router.post(
        "/api/v1/runs/{run_id}/visits/{room}/{number}/note", tags=["runs"], **RUN_TOLD,
        summary="What is not to be in it",
    )
    def note(request: Request, run_id: str, room: str, number: int, noted: Note) -> dict[str, Any]:
        visit = (run_id, room, number)
        act = Act("note", who_of(request, run_id), visit=visit, grade=noted.grade, reason=noted.found, **noted.when())
        return _run_of(carried_out(desk, act), run_id)


def _devices(router: APIRouter, desk: Desk) -> None:
    def told(request: Request, family: str, device: str, command: Command) -> dict[str, Any]:
        act = Act("command", visitor_of(request).who, device=(family, device), **command.model_dump())
        after = carried_out(desk, act)
        heard_at = next((row["heard_at"] for row in after[f"{family}s"] if row[family] == device), None)
        return {"at": after["at"], "device": device, "command": command.command, "heard_at": heard_at}

    @router.post(
        "/api/v1/trucks/{device}/command", tags=["devices"], response_model=Commanded,
        summary="Tell a truck's computer to do something",
    )
    def to_truck(request: Request, device: Id, command: Command) -> dict[str, Any]:
        return told(request, "truck", device, command)

    @router.post(
        "/api/v1/rooms/{device}/command", tags=["devices"], response_model=Commanded,
        summary="Tell a room's unit to do something",
    )
    def to_room(request: Request, device: Id, command: Command) -> dict[str, Any]:
        return told(request, "room", device, command)


def _accounts(router: APIRouter, desk: Desk) -> None:
    def ours() -> Accounts:
        if desk.accounts is None:
            raise HTTPException(409, "this broker is not the bridge's own Mosquitto: the bridge can close and open no "
                                "account there, its own access list says who is let in")  # fmt: skip
        return desk.accounts

    @router.get("/api/v1/accounts/closed", tags=["devices"], summary="Whose account flood control has closed",
                **told(list[ClosedAccount]))  # fmt: skip
    def closed() -> list[dict[str, Any]]:
        return ours().closed()

    @router.post(
        "/api/v1/accounts/{device}/open", tags=["devices"], response_model=OfDevice,
        summary="Let a device in again at once",
    )
    def let_in(request: Request, device: Id, _: Action) -> dict[str, Any]:
        if not ours().open(device, visitor_of(request).who):
            raise HTTPException(404, f"the account of {device} is not closed by flood control")
        return {"at": desk.picture["at"], "device": device}


def _run_of(picture: dict[str, Any], run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(run for run in picture["runs"] if run["run_id"] == run_id)
    return found
