"""HTTP: what was kept of the picture, to be played back, and beside it what came true."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel

from broker.people.roles import Reach
from broker.store import Store, StoreError
from broker.web.desk import Desk
from broker.web.stream.kept_days import KeptDay, Stretch, kept_days
from broker.web.stream.played import Played, played
from firmware import wire

MOST_DAYS = 400
MOST_S = 3600  # of the past at once
MOST_STEPS = 600
MOST_RECORDS = 200_000  # that one question about what came true reads
AFTER_MIDNIGHT_S = 6 * 3600  # a run may go on so long
LOOK_AGAIN_S = 1
GZIP_LEVEL = 1
Moment = Annotated[int, Query(ge=0, le=wire.LATEST_AT, description="Unix seconds")]
TRUE_OF_VISIT = ("room", "truck", "run_id", "state", "reason", "promised_at", "arrived_at", "left_at", "by_hand")
TRUE_OF_INCIDENT = ("truck", "incident_id", "reason", "room", "raised_at", "decision", "cleared_at", "closed_at")


class Days(BaseModel):
    """The days of which something was kept, in the area's own time, the newest first."""

    timezone: str
    days: list[KeptDay]


class Truth(BaseModel):
    """What the record says by now of the visits and incidents of a day: by id as the picture has it."""

    from_at: int
    until_at: int
    visits: dict[str, dict[str, Any]]
    incidents: dict[str, dict[str, Any]]


def playback_router(desk: Desk, store: Store, folder: Path | None) -> APIRouter:
    """`/api/v1/playback`; without a folder nothing was kept."""
    router = APIRouter()

    # One of each at a time, which costs the bridge's own process some tenths of a second. Nobody waits here: a thread
    # that did would be missing to everybody's deeds. Whoever is refused asks again.
    looking = {name: threading.Lock() for name in ("days", "changes", "truth")}

    @contextmanager
    def alone(name: str) -> Iterator[None]:
        if not looking[name].acquire(blocking=False):
            text = "somebody else looks back just now; ask again"
            raise HTTPException(429, text, {"Retry-After": str(LOOK_AGAIN_S)})
        try:
            yield
        finally:
            looking[name].release()

    def timezone() -> str:
        return str(desk.picture.get("area", {}).get("timezone", "UTC"))

    @router.get("/api/v1/playback/days", summary="The days that can be played back, with their stretches and gaps")
    def days(most: Annotated[int, Query(ge=1, le=MOST_DAYS, description="the newest so many")] = 62) -> Days:
        with alone("days"):
            at = int(desk.picture.get("at", time.time()))
            found = [] if folder is None else kept_days(folder, timezone(), at, most)
        return Days(timezone=timezone(), days=found)

    @router.get(
        "/api/v1/playback/changes", summary="What was shown over some minutes: the whole once, then what changed",
        description=f"As the stream told it, in steps of `step_s`: at most {MOST_S} s and {MOST_STEPS} steps. Where "
        "nothing was kept there is a gap; `next_at` says where it goes on.",
        response_model=None, responses={200: {"model": Played}},
    )  # fmt: skip
    def changes(
        request: Request, from_at: Moment, until_at: Moment,
        step_s: Annotated[int, Query(ge=1, le=60, description="changes within so many seconds are one")] = 1,
    ) -> Response:  # fmt: skip
        if not 0 <= until_at - from_at <= min(MOST_S, MOST_STEPS * step_s):
            raise HTTPException(422, f"ask for 0 to {MOST_S} s and at most {MOST_STEPS} steps of step_s at once")
        reach: Reach = request.state.reach
        with alone("changes"):
            nothing = Played(from_at, until_at, gaps=[Stretch(from_at, until_at)])
            found = nothing if folder is None else played(folder, from_at, until_at, step_s, reach)
            body = orjson.dumps(found)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(body, media_type="application/json")
        headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(gzip.compress(body, GZIP_LEVEL), media_type="application/json", headers=headers)

    @router.get(
        "/api/v1/playback/truth", summary="What came true of the visits of a moment's day, to set beside what was told",
    )
    def truth(request: Request, at: Moment) -> Truth:
        reach: Reach = request.state.reach
        zone = ZoneInfo(timezone())
        day = datetime.fromtimestamp(at, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        first, last = int(day.timestamp()), int((day + timedelta(days=1)).timestamp()) - 1
        try:
            with alone("truth"):
                visits = _newest(store, "visit", first, last, TRUE_OF_VISIT, reach)
                incidents = _newest(store, "workflow", first, last, TRUE_OF_INCIDENT, reach)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        return Truth(from_at=first, until_at=last, visits=visits, incidents=incidents)

    return router


def _newest(
    store: Store, kind: str, first: int, last: int, fields: tuple[str, ...], reach: Reach
) -> dict[str, dict[str, Any]]:
    """By key, what the last record of the day says, as far as it is within a reach."""
    newest: dict[str, dict[str, Any]] = {}
    for record in store.scan(kind, first, last + AFTER_MIDNIGHT_S, limit=MOST_RECORDS):
        body = record.body
        if reach.holds(estate=body.get("estate"), truck=body.get("truck")):
            newest[record.key] = {name: body.get(name) for name in fields}
    return newest
