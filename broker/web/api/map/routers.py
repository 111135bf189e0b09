"""HTTP: what the map is drawn on: the plan's shapes, where trucks drove, and a file of streets an operator brought."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.store import Store
from broker.web.api.map.ground import Ground, GroundCells
from broker.web.api.map.shapes import PlanMap, map_of
from broker.web.desk import Desk

KEPT = 256  # shares
ASK_FIRST = {"Cache-Control": "private, no-cache"}  # kept by the browser, and asked about each time


def map_router(
    _desk: Desk, store: Store, plan: Plan, basemap: Path | None = None, licence: str = ""
) -> APIRouter:
    """`/api/v1/plan`."""
    router = APIRouter(tags=["map"], prefix="/api/v1/plan")
    ground = Ground(store, plan)
    line = licence if basemap is not None else None

    @lru_cache(KEPT)
    def made(reach: Reach) -> tuple[bytes, str]:
        body = map_of(plan, reach, ground=reach.everything, basemap=line).model_dump_json().encode()
        return body, f'"{sha256(body).hexdigest()[:32]}"'

    @router.get(
        "/map", response_model=PlanMap, summary="The plan's lines, rooms and estates, as the map draws them",
        responses={304: {"description": "as it was when you asked last (If-None-Match)"}},
    )
    def shapes(request: Request) -> Response:
        body, tag = made(request.state.reach)
        headers = {"ETag": tag, **ASK_FIRST}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    @router.get("/ground", response_model=GroundCells, summary="Where trucks drove in the last two weeks, by cells")
    def cells() -> GroundCells:
        return ground.cells()

    @router.get(
        "/basemap.pmtiles", summary="The operator's own street map ([web] basemap), a PMTiles file read in ranges",
        response_class=FileResponse, responses={200: {"content": {"application/vnd.pmtiles": {}}}},
    )
    def tiles() -> FileResponse:
        if basemap is None or not basemap.is_file():
            raise HTTPException(404, "there is no street map: set [web] basemap to a PMTiles file that is there")
        return FileResponse(basemap, media_type="application/vnd.pmtiles", headers=ASK_FIRST)

    return router
