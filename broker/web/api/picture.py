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

from broker.web.desk import Desk
from broker.web.picture import aged
from broker.web.stream.frames import Frames
from broker.web.stream.listeners import Listeners
from broker.web.stream.recording import picture_at
from firmware import wire

EVENT_LOOK_S = 0.2
EVENT_ALIVE_S = 3.0
STILL_S = 1.0  # how long who is no longer known goes on hearing
LOOK_AGAIN_S = 1


def picture_router(desk: Desk, frames: Frames, playback: Path | None = None) -> APIRouter:
    """The routes that read the picture; each answers with what the bridge showed last, or with what `playback` kept."""
    router = APIRouter(tags=["picture"])
    looking = threading.Lock()  # one looks back at a time: each costs the bridge's own process some tenths of a second

    @router.get("/api/v1/trucks", summary="Trucks: where, next room, ETA, age of the data")
    def trucks() -> list[dict[str, Any]]:
        return list(aged(desk.picture)["trucks"])

    @router.get("/api/v1/rooms", summary="Bin rooms: lamps as read back, bins, arrivals")
    def rooms() -> list[dict[str, Any]]:
        return list(aged(desk.picture)["rooms"])

    @router.get("/api/v1/runs", summary="Runs with their visits in driving order")
    def runs() -> list[dict[str, Any]]:
        return list(desk.picture["runs"])

    @router.get("/api/v1/incidents", summary="Incidents, open ones first")
    def incidents() -> list[dict[str, Any]]:
        return list(aged(desk.picture)["incidents"])

    @router.get("/api/v1/picture", summary="Everything the screen shows, at once, now or at a moment that was kept")
    def picture(
        at: Annotated[int | None, Query(ge=0, le=wire.LATEST_AT, description="Unix seconds; without it: now")] = None,
    ) -> Any:
        if at is None:
            return aged(desk.picture)
        if not looking.acquire(blocking=False):
            text = "somebody else looks back just now; ask again"
            raise HTTPException(429, text, {"Retry-After": str(LOOK_AGAIN_S)})
        try:
            found = None if playback is None else picture_at(playback, at)
            if found is None:
                raise HTTPException(404, "nothing was kept of that moment: see [playback] in the configuration")
            return Response(orjson.dumps(aged(found)), media_type="application/json")
        finally:
            looking.release()

    listeners = Listeners()

    @router.get(
        "/api/v1/events", summary="Server-sent events: a snapshot once, then what changed; resumable",
        response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def events(request: Request) -> StreamingResponse:
        number = frames.numbered(request.headers.get("last-event-id", ""))
        stream = listeners.counted(request, _stream(frames, number, request))
        return StreamingResponse(
            stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    return router


async def _stream(frames: Frames, number: int | None, request: Request) -> AsyncIterator[bytes]:
    quiet_s = EVENT_ALIVE_S
    asked_at = time.monotonic()
    while not await request.is_disconnected():
        if time.monotonic() - asked_at >= STILL_S:
            if not request.state.still():
                return  # signed out, disabled, another role, a token that was taken away
            asked_at = time.monotonic()
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
