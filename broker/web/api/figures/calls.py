"""HTTP: the lamps' calls, one by one and as scores."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.reports.figures import calls_of
from broker.rules.statistics.calls import CallScore, call_scores
from broker.store import Store, StoreError
from broker.web.api.described import told
from broker.web.api.described.record import CallRecord
from broker.web.api.figures.days import Day, days_asked
from broker.web.api.paging import Paged

MAX_CALLS = 5000
MAX_SCORES = 2000
By = Literal["room", "route", "day", "kind", "waste", "estate", "truck"]
BY: list[By] = ["room", "route", "day", "kind"]


def call_routes(router: APIRouter, store: Store, plan: Plan) -> None:
    """`/api/v1/calls` and their scores."""

    @router.get("/api/v1/calls", summary="Lamp calls, scored against true arrivals", **told(list[CallRecord]))
    def calls(paged: Paged, from_at: int | None = None, to_at: int | None = None) -> Response:
        newest: dict[str, dict[str, Any]] = {}
        try:
            for record in store.scan("call", from_at, to_at):
                newest[record.key] = dict(record.body)
                if len(newest) > MAX_CALLS and not paged.limit:
                    text = (
                        f"more than {MAX_CALLS} calls: "
                        "ask for a shorter time with from_at, to_at, or in pages with limit"
                    )
                    raise HTTPException(413, text)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        rows = paged.page(newest.values(), lambda call: (call["called_at"] or 0, call["call_id"]))
        return Response(orjson.dumps(rows), media_type="application/json", headers=paged.headers)

    @router.get(
        "/api/v1/calls/scores", summary="How good the calls of some days were, the worst first",
        description="A keeper and a property see their estate's. Of a call: `kind` is what its truck did, `off_most` "
        "the part of its promise that was off most, in seconds for each call.",
    )  # fmt: skip
    def scores(
        request: Request,
        from_day: Day,
        to_day: Day,
        by: Annotated[list[By], Query(description="what they are told apart by; may be repeated")] = BY,
        most: Annotated[int, Query(ge=1, le=MAX_SCORES, description="of the worst")] = MAX_SCORES,
    ) -> list[CallScore]:
        reach: Reach = request.state.reach
        days = days_asked(from_day, to_day)
        try:
            found = calls_of(store, *days, plan.timezone)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        mine = (one for one in found if reach.holds(estate=one.estate))
        return [_within(reach, plan, score) for score in call_scores(mine, list(dict.fromkeys(by)))[:most]]


def _within(reach: Reach, plan: Plan, score: CallScore) -> CallScore:
    """A score without another estate's room, where the truck was longer or shorter than believed."""
    there = plan.rooms.get(score.off_room or "")
    seen = reach.everything or (there is not None and reach.holds(estate=there.estate_id))
    return score if seen else replace(score, off_room=None)
