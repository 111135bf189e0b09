"""HTTP: GTFS-Realtime, each feed made at most once a second however many ask."""

import threading
import time
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from google.protobuf.json_format import MessageToDict

from broker.feeds.realtime.messages import Feed, message
from broker.plan.model import Plan
from broker.web.desk import Desk

MADE_EVERY_S = 1.0
PROTOBUF = "application/x-protobuf"
Form = Annotated[Literal["protobuf", "json"], Query(alias="format", description="json: to be read by people")]
_ANSWER: dict[str, Any] = {"content": {PROTOBUF: {}, "application/json": {"schema": {"type": "object"}}}}


@dataclass(slots=True)
class Feeds:
    """The feeds of one desk as they were made last."""

    desk: Desk
    plan: Plan
    _made: dict[Feed, tuple[float, Any]] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def newest(self, feed: Feed) -> Any:
        """A feed's message that is no older than a second."""
        with self._turn:
            moment, made = self._made.get(feed, (float("-inf"), None))
            if made is None or not 0 <= time.monotonic() - moment < MADE_EVERY_S:
                picture = self.desk.picture
                now = picture["at"] + int(self.desk.ages()["picture_s"] or 0)
                made = message(feed, self.plan, picture, now)
                self._made[feed] = time.monotonic(), made
            return made


def realtime_router(desk: Desk, plan: Plan) -> APIRouter:
    """`/gtfs-rt/{feed}.pb`."""
    router = APIRouter(tags=["feeds"])
    feeds = Feeds(desk, plan)

    @router.get(
        "/gtfs-rt/{feed}.pb", summary="GTFS-Realtime 2.0 of the trips, routes and stops of /gtfs.zip",
        description="Trucks with a position of the last 90 seconds; runs of which more is known than the timetable "
        "(re-planned: REPLACEMENT with all its stops, a truck of no timetable: NEW); open alarms and closed roads.",
        response_class=Response, responses={200: _ANSWER},
    )  # fmt: skip
    def realtime(feed: Feed, form: Form = "protobuf") -> Response:
        made = feeds.newest(feed)
        if form == "json":
            return JSONResponse(MessageToDict(made, preserving_proto_field_name=True))
        return Response(made.SerializeToString(deterministic=True), media_type=PROTOBUF)

    return router
