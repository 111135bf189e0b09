"""HTTP: what those who are asked were asked before, and how the trucks of a contractor stand."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel

from broker.people.roles import Reach, Visitor
from broker.plan.model import Plan
from broker.reports import corrections
from broker.rules.statistics.facts import ended_at, incidents, text
from broker.store import Store, StoreError, amendments, where
from broker.store.days import Days
from broker.web.api.figures.days import FIRST_DAY, LAST_DAY, moved
from broker.web.api.paging import Paged
from broker.web.api.street.incident_shares import reaches
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of

DAYS = 14  # of what was asked before, where no day is named
MOST = 200
MOST_DAYS = 92
CLOSED_WITHIN_S = 7 * 86_400  # what became of a press of the last day asked for; it is over long before


class PastRow(BaseModel):
    """One addressee's row of an incident that may be over, the newest first."""

    incident_id: str
    truck: str
    reason: str
    workflow: str
    decision: str | None
    room_name: str | None
    estate_name: str | None
    pressed_at: int
    ended_at: int | None
    answer: dict[str, Any]


class Past(BaseModel):
    """What was asked of whoever looks from `from_day` to `to_day`."""

    from_day: str
    to_day: str
    timezone: str
    rows: list[PastRow]


class FirmTruck(BaseModel):
    """One truck of a contractor: when it can be asked for, where it is, what it does now."""

    truck: str
    contractor: str
    wastes: list[str]
    on_call_from_day_s: int | None
    on_call_until_day_s: int | None
    life: str
    heard_at: int | None
    fix_at: int | None
    route_name: str | None
    next_room_name: str | None
    next_eta_at: int | None
    owed: int | None


class Firm(BaseModel):
    """The trucks of whoever looks, as they were at `at`."""

    at: int
    timezone: str
    trucks: list[FirmTruck]


def asked_router(desk: Desk, store: Store, plan: Plan) -> APIRouter:
    """`/api/v1/answers/past` and `/api/v1/answers/trucks`."""
    router = APIRouter(tags=["incidents"])

    @router.get(
        "/api/v1/answers/past", summary=f"What was asked of you before, the newest first, {MOST} rows of a page",
        description=f"Of at most {MOST_DAYS} days at once.",
    )
    def past(
        request: Request,
        paged: Paged,
        from_day: Annotated[
            date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description=f"without it {DAYS} days before to_day")
        ] = None,
        to_day: Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="without it today")] = None,
    ) -> Past:
        days, visitor = Days(plan.timezone), visitor_of(request)
        today = days.of(int(store.now()))
        last = to_day.isoformat() if to_day else max(today, from_day.isoformat() if from_day else today)
        first = from_day.isoformat() if from_day else moved(last, -DAYS)
        if not first <= last <= moved(first, MOST_DAYS):
            raise HTTPException(422, f"to_day must be 0 to {MOST_DAYS} days after from_day")
        until_at = days.start(moved(last, 1))
        span = (where("at") >= days.start(first)) & (where("at") < until_at + CLOSED_WITHIN_S)
        try:
            found = list(store.search((where("kind") == "workflow") & span))
            found = corrections.laid_over(found, store.search(where("kind") == amendments.KIND))
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        rows = [
            _past(fact.body, pressed_at, row, plan)
            for fact, pressed_at in incidents(found)
            if pressed_at < until_at
            for row in _rows(fact.body, visitor)
        ]
        shown = paged.page(rows, lambda one: (-one.pressed_at, one.truck, one.incident_id, one.answer["id"]), MOST)
        return Past(from_day=first, to_day=last, timezone=plan.timezone, rows=shown)

    @router.get("/api/v1/answers/trucks", summary="How the trucks of your firm stand")
    def trucks(request: Request) -> Firm:
        reach: Reach = request.state.reach
        picture = desk.picture
        known = {row["truck"]: row for row in picture["trucks"]}
        runs = {row["run_id"]: row for row in picture["runs"]}
        found = [
            _truck(vehicle, known.get(vehicle.truck_id, {}), runs)
            for vehicle in plan.vehicles.values()
            if vehicle.contractor and reach.holds(contractor=vehicle.contractor)
        ]
        return Firm(at=picture["at"], timezone=plan.timezone, trucks=found)

    return router


def _rows(body: Any, visitor: Visitor) -> list[dict[str, Any]]:
    """The rows of an incident that are the visitor's to answer."""
    kept = body.get("answers")
    rows = [row for row in kept if isinstance(row, dict)] if isinstance(kept, list) else []
    return [row for row in rows if reaches(visitor, text(row, "id"), body.get("estate"))]


def _past(body: Any, pressed_at: int, row: dict[str, Any], plan: Plan) -> PastRow:
    names = plan.names()
    return PastRow(
        incident_id=text(body, "incident_id"), truck=text(body, "truck"), reason=text(body, "reason"),
        workflow=text(body, "workflow"), decision=body.get("decision"), room_name=names.get(text(body, "room")),
        estate_name=names.get(text(body, "estate")), pressed_at=pressed_at, ended_at=ended_at(body), answer=row,
    )  # fmt: skip


def _truck(vehicle: Any, row: dict[str, Any], runs: dict[str, dict[str, Any]]) -> FirmTruck:
    run = runs.get(row.get("run_id") or "")
    return FirmTruck(
        truck=vehicle.truck_id, contractor=vehicle.contractor, wastes=[*vehicle.wastes],
        on_call_from_day_s=vehicle.on_call_from_day_s, on_call_until_day_s=vehicle.on_call_until_day_s,
        life=row.get("life", "disconnected"), heard_at=row.get("heard_at"), fix_at=row.get("fix_at"),
        route_name=run["route_name"] if run else None, owed=run["owed"] if run else None,
        next_room_name=row.get("next_room_name"), next_eta_at=row.get("next_eta_at"),
    )  # fmt: skip
