"""HTTP: the newest picture, in parts, at once, and as a stream of its changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from broker.web.desk import Desk

EVENT_LOOK_S = 0.2
EVENT_ALIVE_S = 3.0


def picture_router(desk: Desk) -> APIRouter:
    """The routes that read the picture; each answers with what the bridge showed last."""
    router = APIRouter(tags=["picture"])

    @router.get("/api/v1/trucks", summary="Trucks: where, next room, ETA, age of the data")
    def trucks() -> list[dict[str, Any]]:
        return list(desk.picture["trucks"])

    @router.get("/api/v1/rooms", summary="Bin rooms: lamps as read back, bins, arrivals")
    def rooms() -> list[dict[str, Any]]:
        return list(desk.picture["rooms"])

    @router.get("/api/v1/runs", summary="Runs with their visits in driving order")
    def runs() -> list[dict[str, Any]]:
        return list(desk.picture["runs"])

    @router.get("/api/v1/incidents", summary="Incidents, open ones first")
    def incidents() -> list[dict[str, Any]]:
        return list(desk.picture["incidents"])

    @router.get("/api/v1/picture", summary="Everything the screen shows, at once")
    def picture() -> dict[str, Any]:
        return desk.picture

    @router.get("/api/v1/events", summary="Server-sent events: the picture, whenever it changes")
    async def events(request: Request) -> StreamingResponse:
        return StreamingResponse(
            _stream(desk, request), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    return router


async def _stream(desk: Desk, request: Request) -> AsyncIterator[str]:
    sent, quiet_s = -1, 0.0
    while not await request.is_disconnected():
        if desk.number != sent:
            sent, quiet_s = desk.number, 0.0
            yield f"id: {sent}\nevent: picture\ndata: {json.dumps(desk.picture, ensure_ascii=False)}\n\n"
        elif quiet_s >= EVENT_ALIVE_S:
            quiet_s = 0.0
            yield ": alive\n\n"
        await asyncio.sleep(EVENT_LOOK_S)
        quiet_s += EVENT_LOOK_S
