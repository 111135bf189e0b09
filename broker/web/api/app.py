"""Screen and API over one desk: reads are the newest picture, writes are actions that the bridge carries out."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel, Field

from broker import __version__
from broker.registers.fields import ONE_LINE
from broker.rules.dispatch.actions import Act, ActionError
from broker.store import Store, StoreError
from broker.web.api.docs_page import docs_page
from broker.web.desk import Desk
from broker.web.picture import LINK_LOST_S
from broker.web.security import door, refuse_values

STATIC = Path(__file__).parents[1] / "static"
EVENT_LOOK_S = 0.2
EVENT_ALIVE_S = 3.0

Who = Annotated[
    str, Field(min_length=1, max_length=80, pattern=ONE_LINE, description="who does it, as the record will name them")
]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$", description="as the device signs in")]


class Deed(BaseModel):
    """A person's action; `version` is the incident's version on the screen the click was made on."""

    who: Who = "dispatcher"
    version: int | None = None


class Decision(Deed):
    """What is to happen about an incident."""

    decision: Literal["return_later", "extra_truck", "wait", "cancel_visit"]
    offer: str | None = Field(None, pattern="^[0-9a-f]{16}$", description="id of the option looked at, for extra_truck")
    option: int = Field(0, ge=0, le=20, description="or which of those shown last, counted from 0")
    truck: Id | None = Field(None, description="the contractor's truck, for extra_truck")


class Weighed(Deed):
    """One weigh-in at the transfer station 中转站."""

    truck: Id
    waste: Literal["residential_wet", "residential_dry", "unit_wet", "hazardous", "renovation"]
    grams: int = Field(ge=0, le=100_000_000)
    run_id: Id | None = None


class Skip(Deed):
    """Why a visit is skipped."""

    reason: Literal["no_access", "not_out", "breakdown", "full_truck", "contamination", "unsafe", "other"]


def build_app(desk: Desk, store: Store, further: list[APIRouter], hosts: Collection[str] = ()) -> FastAPI:
    """The ASGI application of one bridge, with the `further` routers of other packages; `hosts` as in [web] hosts."""
    app = FastAPI(title="Zhanpai 站牌", version=__version__, docs_url=None, redoc_url=None)
    app.middleware("http")(door(hosts))
    app.add_exception_handler(RequestValidationError, refuse_values)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _pages(app)
    _reads(app, desk)
    _deeds(app, desk)
    _health(app, desk, store)
    for router in further:
        app.include_router(router)
    return app


def _pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def screen() -> FileResponse:
        return FileResponse(STATIC / "index.html")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> FileResponse:
        # Browsers ask for it beside pages that name no icon, the day's report among them.
        return FileResponse(STATIC / "icon.svg", media_type="image/svg+xml")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))


def _reads(app: FastAPI, desk: Desk) -> None:
    @app.get("/api/v1/trucks", tags=["picture"], summary="Trucks: where, next room, ETA, age of the data")
    def trucks() -> list[dict[str, Any]]:
        return list(desk.picture["trucks"])

    @app.get("/api/v1/rooms", tags=["picture"], summary="Bin rooms: lamps as read back, bins, arrivals")
    def rooms() -> list[dict[str, Any]]:
        return list(desk.picture["rooms"])

    @app.get("/api/v1/runs", tags=["picture"], summary="Runs with their visits in driving order")
    def runs() -> list[dict[str, Any]]:
        return list(desk.picture["runs"])

    @app.get("/api/v1/incidents", tags=["picture"], summary="Incidents, open ones first")
    def incidents() -> list[dict[str, Any]]:
        return list(desk.picture["incidents"])

    @app.get("/api/v1/picture", tags=["picture"], summary="Everything the screen shows, at once")
    def picture() -> dict[str, Any]:
        return desk.picture

    @app.get("/api/v1/events", tags=["picture"], summary="Server-sent events: the picture, whenever it changes")
    async def events(request: Request) -> StreamingResponse:
        return StreamingResponse(
            _stream(desk, request), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )


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


def _deeds(app: FastAPI, desk: Desk) -> None:
    def incident_of(incident_id: str, truck: str | None) -> tuple[str, str]:
        found = [
            (row["truck"], row["incident_id"])
            for row in desk.picture["incidents"]
            if row["incident_id"] == incident_id and truck in (None, row["truck"])
        ]
        if not found:
            raise HTTPException(404, "no such incident")
        if len(found) > 1:
            raise HTTPException(409, "two trucks have an incident of this id: add ?truck=")
        return found[0]

    def carry_out(act: Act) -> dict[str, Any]:
        try:
            return desk.ask(act)
        except ActionError as why:
            raise HTTPException(404 if why.missing else 409, str(why)) from why
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        except TimeoutError as why:
            raise HTTPException(503, "the bridge did not answer within 5 s; look again before you repeat it") from why

    def on_incident(incident_id: str, pressed_by: str | None, action: str, deed: Deed, **more: Any) -> dict[str, Any]:
        key = incident_of(incident_id, pressed_by)
        after = carry_out(Act(action, deed.who, incident=key, version=deed.version, **more))
        return next(
            row for row in after["incidents"] if (row["truck"], row["incident_id"]) == key
        )

    @app.post("/api/v1/incidents/{incident_id}/acknowledge", tags=["incidents"], summary="I have seen it")
    def acknowledge(incident_id: str, deed: Deed, truck: str | None = None) -> dict[str, Any]:
        return on_incident(incident_id, truck, "acknowledge", deed)

    @app.post("/api/v1/incidents/{incident_id}/decide", tags=["incidents"], summary="This is what happens")
    def decide(incident_id: str, decision: Decision, truck: str | None = None) -> dict[str, Any]:
        more = decision.model_dump(include={"decision", "offer", "option", "truck"})
        return on_incident(incident_id, truck, "decide", decision, **more)

    @app.post("/api/v1/incidents/{incident_id}/clear", tags=["incidents"], summary="The obstacle is gone")
    def clear(incident_id: str, deed: Deed, truck: str | None = None) -> dict[str, Any]:
        return on_incident(incident_id, truck, "clear", deed)

    @app.post("/api/v1/incidents/{incident_id}/resolve", tags=["incidents"], summary="Nothing is left to do")
    def resolve(incident_id: str, deed: Deed, truck: str | None = None) -> dict[str, Any]:
        return on_incident(incident_id, truck, "resolve", deed)

    @app.post("/api/v1/incidents/{incident_id}/estate-ack", tags=["incidents"], summary="The estate clears its lane")
    def estate_ack(incident_id: str, deed: Deed, truck: str | None = None) -> dict[str, Any]:
        return on_incident(incident_id, truck, "estate_ack", deed)

    @app.post("/api/v1/weighings", tags=["runs"], summary="What the transfer station weighed of a truck's load")
    def weigh(weighed: Weighed) -> dict[str, Any]:
        fields = weighed.model_dump(exclude={"who", "version"})
        return {"at": carry_out(Act("weigh", weighed.who, **fields))["at"], **fields}

    @app.post("/api/v1/runs/{run_id}/visits/{room}/{number}/serve", tags=["runs"], summary="It was served after all")
    def serve(run_id: str, room: str, number: int, deed: Deed) -> dict[str, Any]:
        return _run_of(carry_out(Act("serve", deed.who, visit=(run_id, room, number))), run_id)

    @app.post("/api/v1/runs/{run_id}/visits/{room}/{number}/skip", tags=["runs"], summary="Skip it and come back")
    def skip(run_id: str, room: str, number: int, deed: Skip) -> dict[str, Any]:
        return _run_of(carry_out(Act("skip", deed.who, visit=(run_id, room, number), reason=deed.reason)), run_id)


def _run_of(picture: dict[str, Any], run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(run for run in picture["runs"] if run["run_id"] == run_id)
    return found


def _health(app: FastAPI, desk: Desk, store: Store) -> None:
    @app.get("/healthz", tags=["health"], summary="200 when records can be stored and reach us, 503 when not")
    def healthz() -> JSONResponse:
        picture = desk.picture
        trouble, link, at = picture["data"]["trouble"], picture["link"], picture["at"]
        heard = link["up"] or at - link["since_at"] <= LINK_LOST_S
        body = {"ok": trouble is None and heard, "trouble": trouble, "link": link, "fw": __version__, "at": at}
        try:
            body["store"] = dict(store.health())
        except StoreError as why:
            body.update(ok=False, trouble=str(why))
        return JSONResponse(body, status_code=200 if body["ok"] else 503)

    @app.get("/metrics", tags=["health"], summary="Prometheus text format")
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(_metrics(desk.picture), media_type="text/plain; version=0.0.4")


def _metrics(picture: dict[str, Any]) -> bytes:
    registry = CollectorRegistry()
    data = picture["data"]
    messages = Gauge("zhanpai_messages", "Messages by what became of them", ["kind"], registry=registry)
    for kind, count in data["counts"].items():
        messages.labels(kind).set(count)
    ages = Gauge("zhanpai_fix_age_seconds", "Age of each truck's newest position", ["truck"], registry=registry)
    for truck in picture["trucks"]:
        if truck["fix_age_s"] is not None:
            ages.labels(truck["truck"]).set(truck["fix_age_s"])
    open_count = sum(1 for incident in picture["incidents"] if incident["open"])
    Gauge("zhanpai_open_incidents", "Incidents that are not closed", registry=registry).set(open_count)
    Gauge("zhanpai_unstored_records", "Records decided on but not durable", registry=registry).set(data["unstored"])
    connected = Gauge("zhanpai_broker_connected", "1 while the MQTT broker is connected", registry=registry)
    connected.set(picture["link"]["up"])
    Gauge("zhanpai_late_positions", "Positions too old to use", registry=registry).set(data["late_positions"])
    return generate_latest(registry)

