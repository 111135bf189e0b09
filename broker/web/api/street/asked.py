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
from broker.web.api.street.answers import reaches
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of

DAYS = 14  # of what was asked before, where no day is named
MOST = 200


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
    """What was asked of whoever looks since `from_day`."""

    from_day: str
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

    @router.get("/api/v1/answers/past", summary="What was asked of you before, the newest first; at most 200 rows")
    def past(
        request: Request,
        from_day: Annotated[
            date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description=f"without it the last {DAYS} days")
        ] = None,
    ) -> Past:
        days, visitor = Days(plan.timezone), visitor_of(request)
        first = from_day.isoformat() if from_day else moved(days.of(int(store.now())), -DAYS)
        try:
            found = list(store.search((where("kind") == "workflow") & (where("at") >= days.start(first))))
            found = corrections.laid_over(found, store.search(where("kind") == amendments.KIND))
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        newest = sorted(incidents(found), key=lambda one: (-one[1], one[0].key))
        rows = [
            _past(fact.body, pressed_at, row, plan) for fact, pressed_at in newest for row in _rows(fact.body, visitor)
        ]
        return Past(from_day=first, timezone=plan.timezone, rows=rows[:MOST])

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
