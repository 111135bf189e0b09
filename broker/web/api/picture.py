"""HTTP: the newest picture, in parts, at once, as it was at a moment, and as a stream of its changes."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse

from broker.people.roles import Reach
from broker.web.api.described import told
from broker.web.api.described.picture import IncidentSeen, PictureRow, RoomRow, TruckRow
from broker.web.api.described.rows import RunRow
from broker.web.api.paging import Paged
from broker.web.desk import Desk
from broker.web.stream.frames import Frames
from broker.web.stream.listeners import Listeners
from broker.web.stream.recording import picture_at
from broker.web.stream.share import shared
from broker.web.stream.shares import Shares
from broker.web.view.picture import Picture, aged
from firmware import wire

EVENT_LOOK_S = 0.2
EVENT_ALIVE_S = 3.0
STILL_S = 1.0  # how long who is no longer known goes on hearing
LOOK_AGAIN_S = 1


def picture_router(desk: Desk, frames: Frames, playback: Path | None = None) -> APIRouter:
    """The routes that read the picture; each answers with what the bridge showed last, or with what `playback` kept."""
    router = APIRouter(tags=["picture"])
    shares = Shares(frames)

    def seen(request: Request) -> Picture:
        """The newest picture, as far as it is for whoever asks."""
        return shared(desk.picture, request.state.reach)

    looking = threading.Lock()  # one looks back at a time: each costs the bridge's own process some tenths of a second

    @router.get(
        "/api/v1/trucks", summary="Trucks: where, next room, ETA, age of the data", **told(list[TruckRow])
    )
    def trucks(request: Request) -> Response:
        return _json(aged(seen(request))["trucks"])

    @router.get("/api/v1/rooms", summary="Bin rooms: lamps as read back, bins, arrivals", **told(list[RoomRow]))
    def rooms(request: Request) -> Response:
        return _json(aged(seen(request))["rooms"])

    @router.get("/api/v1/runs", summary="Runs with their visits in driving order", **told(list[RunRow]))  # type: ignore[valid-type]
    def runs(request: Request) -> Response:
        return _json(seen(request)["runs"])

    @router.get("/api/v1/incidents", summary="Incidents, open ones first", **told(list[IncidentSeen]))
    def incidents(request: Request, paged: Paged) -> Response:
        rows = paged.page(aged(seen(request))["incidents"], _in_order)
        return _json(rows, paged.headers)

    @router.get(
        "/api/v1/picture", summary="Everything the screen shows, at once, now or at a moment that was kept",
        **told(PictureRow),
    )
    def picture(
        request: Request,
        at: Annotated[int | None, Query(ge=0, le=wire.LATEST_AT, description="Unix seconds; without it: now")] = None,
    ) -> Response:
        if at is None:
            return _json(aged(seen(request)))
        if not looking.acquire(blocking=False):
            text = "somebody else looks back just now; ask again"
            raise HTTPException(429, text, {"Retry-After": str(LOOK_AGAIN_S)})
        try:
            found = None if playback is None else picture_at(playback, at)
            if found is None:
                raise HTTPException(404, "nothing was kept of that moment: see [playback] in the configuration")
            mine = shared(found, request.state.reach)
            return _json(aged(mine))
        finally:
            looking.release()

    listeners = Listeners()

    @router.get(
        "/api/v1/events", summary="Server-sent events: a snapshot once, then what changed; resumable",
        response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def events(request: Request) -> StreamingResponse:
        stream = listeners.counted(request, _stream(shares, request))
        return StreamingResponse(
            stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    return router


def _json(what: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(what), media_type="application/json", headers=headers)


def _in_order(incident: dict[str, Any]) -> tuple[Any, ...]:
    """As incidents are listed."""
    return not incident["open"], -incident["raised_at"], incident["incident_id"], incident["truck"]


async def _stream(shares: Shares, request: Request) -> AsyncIterator[bytes]:
    reach: Reach = request.state.reach
    number = shares.of(reach).numbered(request.headers.get("last-event-id", ""))
    quiet_s = EVENT_ALIVE_S
    asked_at = time.monotonic()
    while not await request.is_disconnected():
        if time.monotonic() - asked_at >= STILL_S:
            if not request.state.still():
                return  # signed out, disabled, another role or place, a token that was taken away
            asked_at = time.monotonic()
        frames = shares.of(reach)
        if frames.number != number:
            number, blocks = frames.since(number)
            for block in blocks:
                yield block
            quiet_s = 0.0
        elif quiet_s >= EVENT_ALIVE_S:
            quiet_s = 0.0
            yield b": alive\n\n"
        await asyncio.sleep(EVENT_LOOK_S)
        quiet_s += EVENT_LOOK_S
