"""The panel's pages, on this machine only: the page and its modules, a stream of frames, and what is done."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field

from broker.store import StoreError
from broker.web.pages.rendering import STATIC as SCREENS
from broker.web.security import request_guard
from sim.panel.frames import Frames
from sim.panel.hands import Hands, Refused
from sim.scenario.scenario import Scenario, ScenarioError
from sim.scenario.writing import as_text

STATIC = Path(__file__).parent / "static"
VENDORED = SCREENS / "vendored"  # others' modules, for every page of ours
HOST = "127.0.0.1"
START_S = 10.0
LOOK_S = 0.04
KEEP_ALIVE_S = 2.0
# Nothing but our own files, and nobody may frame us.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

Name = Annotated[str, Field(min_length=1, max_length=64)]


class Deed(BaseModel):
    """What somebody at a page does; `page` is the page's own random name."""

    model_config = ConfigDict(strict=True, extra="forbid")
    page: Name


class Finger(Deed):
    """A finger comes to a button, or goes."""

    device: Name
    button: Literal["alarm", "bins_out", "lane_clear"] = "alarm"
    down: bool
    chatters: bool = False


class Move(Deed):
    """Bins of a kind are rolled into a room or, below 0, out of it; or waste is thrown in or taken out."""

    room: Name
    waste: Name
    bins: int = Field(0, ge=-50, le=50)
    kg: float = Field(0.0, ge=-2000, le=2000)


class Switch(Deed):
    """A fault begins or ends."""

    fault: Name
    whom: Name
    on: bool


class Speed(Deed):
    """How many times as fast as life."""

    speed: int = Field(ge=1, le=60)


class PanelServer:
    """Serves one panel on a free port of 127.0.0.1, in a thread of the live run's own process."""

    def __init__(self, hands: Hands, frames: Frames) -> None:
        self.scene: dict[str, Any] = {}
        self._hands = hands
        self._frames = frames
        self._socket = socket.create_server((HOST, 0))
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            self._app(), log_level="warning", lifespan="off", server_header=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="panel", daemon=True)

    def start(self) -> None:
        """Returns when requests are answered."""
        self._thread.start()
        deadline = time.monotonic() + START_S
        while not self._server.started and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """End; a second call does nothing."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(5)
        self._socket.close()

    def _app(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

        @app.middleware("http")
        async def policy(request: Request, call_next: Callable[[Request], Any]) -> Response:
            response: Response = await call_next(request)
            response.headers["Content-Security-Policy"] = POLICY
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        app.middleware("http")(request_guard((), None))
        app.mount("/static/vendored", StaticFiles(directory=VENDORED), name="vendored")
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
        self._pages(app)
        self._deeds(app)
        return app

    def _pages(self, app: FastAPI) -> None:
        @app.get("/")
        def page() -> FileResponse:
            return FileResponse(STATIC / "index.html")

        @app.get("/scene")
        def scene() -> Response:
            return Response(orjson.dumps(self.scene), media_type="application/json")

        @app.get("/frames")
        def frames(page: Name) -> StreamingResponse:
            return StreamingResponse(self._stream(page), media_type="text/event-stream")

        @app.get("/scenario.toml")
        def scenario() -> Response:
            try:
                self._hands.look_at_screen()
            except StoreError as why:
                raise HTTPException(503, f"what was done on the operations screen cannot be read now: {why}") from why
            if unknown := self._hands.unknown():
                raise HTTPException(409, [{"word": word, "gaps": gaps} for word, gaps in unknown])
            played: Scenario = self._hands.played()
            named = {"Content-Disposition": f'attachment; filename="{played.name}-played.toml"'}
            return Response(as_text(played), media_type="application/toml", headers=named)

    def _deeds(self, app: FastAPI) -> None:
        @app.post("/finger")
        def finger(deed: Finger) -> None:
            if deed.button == "alarm":
                self._done(lambda: self._hands.button(deed.device, deed.down, deed.page, deed.chatters))
            else:
                self._done(lambda: self._hands.keeper(deed.device, deed.button, deed.down, deed.page))

        @app.post("/move")
        def move(deed: Move) -> None:
            where = {"room": deed.room, "waste": deed.waste}
            if deed.bins:
                self._done(lambda: self._hands.happen("bins_moved", {**where, "number": deed.bins}))
            if deed.kg:
                self._done(lambda: self._hands.happen("waste_thrown", {**where, "kg": deed.kg}))

        @app.post("/switch")
        def switch(deed: Switch) -> None:
            self._done(lambda: self._hands.switch(deed.fault, deed.whom, deed.on))

        @app.post("/speed")
        def speed(deed: Speed) -> None:
            self._hands.pace.choose(deed.speed)

    def _done(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except Refused as why:
            raise HTTPException(409, [{"word": why.word, "gaps": {}}]) from why
        except ScenarioError as why:
            raise HTTPException(409, str(why)) from why
        except TimeoutError as why:
            raise HTTPException(503, "the run did not answer") from why
        except Exception as why:  # (a bridge that does not start again: the page says so, and the run goes on)
            raise HTTPException(503, str(why)) from why

    async def _stream(self, page: str) -> AsyncIterator[bytes]:
        """Every frame from now on; when the page is gone, its fingers are off the buttons."""
        self._frames.listeners += 1
        number, said_s = 0, time.monotonic()
        try:
            while not self._frames.closed:
                for frame_number, data in self._frames.after(number):
                    number, said_s = frame_number, time.monotonic()
                    yield b"data: " + data + b"\n\n"
                if time.monotonic() - said_s > KEEP_ALIVE_S:
                    said_s = time.monotonic()
                    yield b": still here\n\n"
                await asyncio.sleep(LOOK_S)
        finally:
            self._frames.listeners -= 1
            self._hands.left(page)
