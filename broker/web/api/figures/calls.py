"""HTTP: the lamps' calls, one by one and as scores."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.reports.figures import calls_of
from broker.reports.tables import MAX_DAYS
from broker.rules.statistics.calls import CallScore, call_scores
from broker.store import Store, StoreError
from broker.web.api.described import told
from broker.web.api.described.record import CallRecord
from broker.web.api.figures.days import Day, days_asked
from broker.web.api.paging import Paged
from firmware import wire

MAX_CALLS = 5000
CALL_DAYS = 31
DAY_S = 86_400
MAX_SCORES = 2000
Moment = Annotated[int | None, Query(ge=0, le=wire.LATEST_AT, description="Unix seconds")]
By = Literal["room", "route", "day", "kind", "waste", "estate", "truck"]
BY: list[By] = ["room", "route", "day", "kind"]


def call_routes(router: APIRouter, store: Store, plan: Plan) -> None:
    """`/api/v1/calls` and their scores."""

    @router.get(
        "/api/v1/calls", summary="Lamp calls, scored against true arrivals",
        description=f"By when they were made; without from_at of the last {CALL_DAYS} days before to_at, or before "
        f"now, and never of more than {MAX_DAYS}.",
        **told(list[CallRecord]),
    )  # fmt: skip
    def calls(paged: Paged, from_at: Moment = None, to_at: Moment = None) -> Response:
        until_at = to_at if to_at is not None else int(store.now()) + 1
        since_at = from_at if from_at is not None else until_at - CALL_DAYS * DAY_S
        if until_at - since_at > MAX_DAYS * DAY_S:
            raise HTTPException(422, f"from_at to to_at is more than {MAX_DAYS} days: ask for a shorter time")
        left_at = paged.left_at  # no record of a later call is of before it was made
        if isinstance(left_at, int):
            since_at = max(since_at, left_at)
        try:
            found = _calls_of(store, since_at, until_at, paged.limit)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        rows = paged.page(found, lambda call: (call["called_at"] or 0, call["call_id"]))
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


def _calls_of(store: Store, since_at: int, until_at: int, limit: int | None) -> list[dict[str, Any]]:
    """The newest word of each call; with a limit no more days are read than have so many of them."""
    newest: dict[str, dict[str, Any]] = {}
    for day_at in range(since_at, until_at, DAY_S):
        for record in store.scan("call", day_at, min(day_at + DAY_S, until_at)):
            newest[record.key] = dict(record.body)
            if limit is None and len(newest) > MAX_CALLS:
                raise HTTPException(413, f"more than {MAX_CALLS} calls: ask for a shorter time with from_at, to_at, "
                                    "or in pages with limit")  # fmt: skip
        # What became of a call is on record within a day.
        if limit is not None and sum((one["called_at"] or 0) < day_at for one in newest.values()) > limit + 1:
            break
    return list(newest.values())


def _within(reach: Reach, plan: Plan, score: CallScore) -> CallScore:
    """A score without another estate's room, where the truck was longer or shorter than believed."""
    there = plan.rooms.get(score.off_room or "")
    seen = reach.everything or (there is not None and reach.holds(estate=there.estate_id))
    return score if seen else replace(score, off_room=None)
