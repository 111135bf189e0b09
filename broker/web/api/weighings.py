"""HTTP: the transfer station's weigh-ins of a day, each with whether anything collected fits it."""

from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel

from broker.people.roles import Reach
from broker.reports.figures import facts_of
from broker.rules.statistics.facts import text, weighing_at, weighings, whole
from broker.rules.statistics.findings import unmatched
from broker.rules.statistics.periods import local_day
from broker.store import Store, StoreError
from broker.web.api.statistics import Day


class WeighIn(BaseModel):
    """One weigh-in as it is on record; `matched` is false where no visit of its run, or of its truck that day, was."""

    id: str
    at: int
    truck: str
    waste: str
    grams: int
    run_id: str | None
    who: str
    matched: bool


def weighed_on(store: Store, day: str, timezone: str) -> list[WeighIn]:
    """The weigh-ins of a day in the order of time, as corrected; raises StoreError."""
    facts, zone = facts_of(store, day, day, timezone), ZoneInfo(timezone)
    alone = {fact.id for fact in unmatched(facts, timezone)}
    return [
        WeighIn(
            id=fact.id, at=weighing_at(fact), truck=text(fact.body, "truck"), waste=text(fact.body, "waste"),
            grams=whole(fact.body, "grams") or 0, run_id=fact.body.get("run_id") or None,
            who=text(fact.body, "who"), matched=fact.id not in alone,
        )
        for fact in weighings(facts) if local_day(weighing_at(fact), zone) == day
    ]  # fmt: skip


def weighing_routes(router: APIRouter, store: Store, timezone: str) -> None:
    """`GET /api/v1/weighings`."""

    @router.get("/api/v1/weighings", summary="The weigh-ins of a day at the transfer station")
    def day_weighings(request: Request, day: Day) -> list[WeighIn]:
        reach: Reach = request.state.reach  # a crew sees its own truck's
        try:
            return [row for row in weighed_on(store, day.isoformat(), timezone) if reach.holds(truck=row.truck)]
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
