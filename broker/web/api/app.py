"""Screen and API over one desk: reads are the newest picture, writes are actions that the bridge carries out."""

from collections.abc import Collection
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from broker import NAME, __version__
from broker.store import Store
from broker.web.api.described import with_examples
from broker.web.api.health import health_router
from broker.web.api.people.me import people_router
from broker.web.api.picture import picture_router
from broker.web.api.playback import playback_router
from broker.web.api.street.actions import action_router
from broker.web.api.street.alarms import alarm_router
from broker.web.api.street.answers import answer_router
from broker.web.api.street.roads import road_router
from broker.web.desk import Desk
from broker.web.door.gate import Gate
from broker.web.door.visitors import visitor_of
from broker.web.pages.api_docs import api_docs
from broker.web.pages.people.sign_in import sign_in_router
from broker.web.pages.rendering import STATIC
from broker.web.pages.screens import answer_of, screen_router
from broker.web.pages.ways import has_operations, landing_of
from broker.web.problems import REFUSALS
from broker.web.security import guarded
from broker.web.stream.frames import Frames


def empty_app() -> FastAPI:
    """An application with what all pages need, a cell's and the city's: static files, the icon, the API's own page."""
    app = FastAPI(title=NAME, version=__version__, docs_url=None, redoc_url=None, responses=REFUSALS)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> FileResponse:
        # Browsers ask for it beside pages that name no icon, the day's report among them.
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(api_docs(app.openapi()))

    return app


def build_app(
    desk: Desk,
    store: Store,
    further: list[APIRouter],
    gate: Gate,
    hosts: Collection[str] = (),
    frames: Frames | None = None,
    playback: Path | None = None,
) -> FastAPI:
    """The ASGI application of one bridge, with the `further` routers of other packages, behind `gate`; `hosts` as in
    [web] hosts, `frames` the stream of its picture, `playback` the folder where that is kept.
    """
    app = empty_app()
    _pages(app)
    pictures = picture_router(desk, frames or Frames(), playback)
    pictures.include_router(playback_router(desk, store, playback))
    people = (people_router(gate), sign_in_router(gate))
    deeds = (action_router(desk), answer_router(desk, gate.people), alarm_router(desk), road_router(desk))
    for router in (pictures, *deeds, health_router(desk, store), screen_router(), *people, *further):
        app.include_router(router)
    return guarded(with_examples(app), gate, hosts)


def _pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def screen(request: Request) -> Response:
        visitor = visitor_of(request)
        if not has_operations(visitor):
            return RedirectResponse(landing_of(visitor), 303)
        return answer_of("room")
