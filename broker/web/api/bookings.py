"""HTTP: bookings for renovation waste: what can be had, what is booked, and the deeds of properties and crews."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.rules.bookings.asked import MOST_LITRES, BookingDeed
from broker.rules.bookings.fetching import FAILURES, REFUSALS
from broker.rules.states.booking import EXITS
from broker.store import Store
from broker.web.api.booking_answers import BookingRow, EvidenceRow, PileRow, WindowRow
from broker.web.api.booking_photos import photo_routes
from broker.web.api.paging import Paged
from broker.web.api.street.actions import CrewAct, Id
from broker.web.asked import looked_up
from broker.web.desk import Desk
from broker.web.door.visitors import within
from broker.web.view.booking_rows import (
    bookings_of,
    done,
    estate_of,
    new_id,
    on_record,
    one_booking,
    piles_of,
    windows_of,
)
from firmware import wire

At = Annotated[int, Field(ge=0, le=wire.LATEST_AT, description="Unix seconds")]
Litres = Annotated[int, Field(ge=1, le=MOST_LITRES)]
Note = Annotated[str, Field(max_length=500)]
MOST_BAGS = 1_000
OVER = (*EXITS, "completed")


class Deed(BaseModel):
    """A deed on a booking; `version` is the booking's version on the screen the click was made on."""

    model_config = ConfigDict(strict=True, extra="forbid")
    version: int | None = None

    def fields(self) -> dict[str, Any]:
        """As the rules have them."""
        return self.model_dump()


class Hold(BaseModel):
    """A window of a pile; without `truck` it is the one that drives least for it."""

    model_config = ConfigDict(strict=True, extra="forbid")
    pile: Id
    from_at: At
    truck: Id | None = None
    litres: Litres | None = None
    run_version: int | None = None


class Usual(BaseModel):
    """One tap 一键叫车: what this estate books usually."""

    model_config = ConfigDict(strict=True, extra="forbid")
    estate: Id
    note: Note = ""


class Booked(Deed):
    """What is to be fetched: litres, or bags; without both what was said at the hold."""

    litres: Litres | None = None
    bags: Annotated[int, Field(ge=1, le=MOST_BAGS)] | None = None
    note: Note = ""


class Change(Deed):
    """Another window, another amount, another note; what is left out stays."""

    from_at: At | None = None
    truck: Id | None = None
    run_version: int | None = None
    litres: Litres | None = None
    bags: Annotated[int, Field(ge=1, le=MOST_BAGS)] | None = None
    note: Note | None = None


class Cancel(Deed):
    """Why it is not wanted any more."""

    reason: Literal["not_wanted", "not_ready", "other_way", "mistake", "other"] = "not_wanted"


class CrewDeed(CrewAct, Deed):
    """A deed of the truck's people."""


class Accept(CrewDeed):
    """Yes; `run_version` is the one of the round that was looked at."""

    run_version: int | None = None


class Decline(CrewDeed):
    """Why the truck does not come."""

    reason: Literal[REFUSALS]  # type: ignore[valid-type]


class Loaded(CrewDeed):
    """What was measured when it was loaded."""

    litres: Annotated[int, Field(ge=0, le=MOST_LITRES)]


class Failed(CrewDeed):
    """Why the truck came for nothing."""

    reason: Literal[FAILURES]  # type: ignore[valid-type]


class Said(Deed):
    """What the property says is not so, or what it is answered."""

    text: Annotated[str, Field(min_length=1, max_length=500)]

    def fields(self) -> dict[str, Any]:
        """As the rules have them."""
        return {"version": self.version, "note": self.text}


DEEDS: tuple[tuple[str, type[Deed], str], ...] = (
    ("book", Booked, "Book the window that is held"),
    ("change", Change, "Another window or amount; the truck is asked anew"),
    ("cancel", Cancel, "Let it go, until the truck has left the stop before"),
    ("dispute", Said, "It is not as the record has it, within two working days"),
    ("answer", Said, "The answer to a dispute"),
    ("accept", Accept, "The truck comes; compare and swap on its round's version"),
    ("decline", Decline, "The truck does not come; the next one is asked"),
    ("loaded", Loaded, "It is on the truck, so much was measured"),
    ("fail", Failed, "The truck came for nothing: no-show, no access …"),
)


def booking_router(desk: Desk, store: Store, plan: Plan) -> APIRouter:
    """`/api/v1/bookings`."""
    router = APIRouter(tags=["bookings"])
    _reading(router, desk, store, plan)
    _booking(router, desk)
    for deed, kind, summary in DEEDS:
        _deed(router, desk, deed, kind, summary)
    photo_routes(router, desk, store, plan.area_id)
    return router


def _reading(router: APIRouter, desk: Desk, store: Store, plan: Plan) -> None:
    @router.get("/api/v1/bookings", response_model=list[BookingRow], summary="The bookings of your estates or trucks")
    def bookings(request: Request, paged: Paged) -> list[dict[str, Any]]:
        reach: Reach = request.state.reach
        rows = looked_up(desk, lambda bridge, _: bookings_of(bridge, reach))
        return paged.page(rows, lambda row: (row["state"] in OVER, row["from_at"], row["booking_id"]))

    @router.get(
        "/api/v1/bookings/piles", response_model=list[PileRow],
        summary="The piles of your estates, and how full they are booked",
    )
    def piles(request: Request) -> list[dict[str, Any]]:
        reach: Reach = request.state.reach
        return looked_up(desk, lambda bridge, _: piles_of(bridge, reach))

    @router.get(
        "/api/v1/bookings/windows", response_model=list[WindowRow],
        summary="The windows that can be had, each with what it costs the truck",
    )
    def windows(
        request: Request, pile: Annotated[str, Query(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")],
        litres: Annotated[int | None, Query(ge=1, le=MOST_LITRES, description="without it: as usual")] = None,
    ) -> list[dict[str, Any]]:  # fmt: skip
        within(request, estate=looked_up(desk, lambda bridge, _: estate_of(bridge, pile)))
        return looked_up(desk, lambda bridge, now: windows_of(bridge, pile, litres, now))

    @router.get(
        "/api/v1/bookings/{booking}/evidence", response_model=EvidenceRow,
        summary="What the record says: states, positions, weights",
    )
    def of_record(request: Request, booking: Id) -> dict[str, Any]:
        return on_record(request, desk, store, plan, booking)[1]


def _booking(router: APIRouter, desk: Desk) -> None:
    @router.post(
        "/api/v1/bookings/holds", response_model=BookingRow,
        summary="Hold a window for five minutes, to fill the form",
    )
    def hold(request: Request, held: Hold) -> dict[str, Any]:
        within(request, estate=looked_up(desk, lambda bridge, _: estate_of(bridge, held.pile)))
        return done(request, desk, BookingDeed("hold", new_id(), **held.model_dump()))

    @router.post(
        "/api/v1/bookings/usual", response_model=BookingRow,
        summary="One tap: the usual pile in the next good window, held and booked",
    )
    def usual(request: Request, tap: Usual) -> dict[str, Any]:
        within(request, estate=tap.estate)
        return done(request, desk, BookingDeed("usual", new_id(), estate=tap.estate, note=tap.note))


def _deed(router: APIRouter, desk: Desk, deed: str, kind: type[Deed], summary: str) -> None:
    @router.post(f"/api/v1/bookings/{{booking}}/{deed}", response_model=BookingRow, summary=summary, name=deed)
    def carry_out(request: Request, booking: Id, asked: kind) -> dict[str, Any]:  # type: ignore[valid-type]
        row = looked_up(desk, lambda bridge, _: one_booking(bridge, booking))
        within(request, estate=row["estate"], truck=row["truck"])
        said: Deed = asked
        fields = said.fields()
        when = {name: fields.pop(name, None) for name in ("acted_at", "clock_off_s")}
        return done(request, desk, BookingDeed(deed, booking, **fields), **when)
