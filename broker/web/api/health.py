"""HTTP: whether the bridge does its work, for whoever watches it."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from broker import __version__
from broker.store import Store, StoreError
from broker.web.desk import Desk


def health_router(desk: Desk, store: Store) -> APIRouter:
    """`/healthz` and `/metrics`."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="200 when records can be stored and reach us and the record is whole, 503 when not")
    def healthz() -> JSONResponse:
        picture = desk.picture
        trouble, link, at = picture["data"]["trouble"], picture["link"], picture["at"]
        heard = link["up"] or at - link["since_at"] <= picture["limits"]["link_lost_s"]
        body = {"ok": trouble is None and heard, "trouble": trouble, "link": link, "fw": __version__, "at": at}
        try:
            body["store"] = found = dict(store.health())
            if found.get("damage"):
                body.update(ok=False, trouble=trouble or found["damage"][-1])
        except StoreError as why:
            body.update(ok=False, trouble=str(why))
        return JSONResponse(body, status_code=200 if body["ok"] else 503)

    @router.get("/metrics", summary="Prometheus text format")
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(_metrics(desk.picture), media_type="text/plain; version=0.0.4")

    return router


def _metrics(picture: dict[str, Any]) -> bytes:
    registry = CollectorRegistry()
    data = picture["data"]
    messages = Gauge("zhanpai_messages", "Messages by what became of them", ["kind"], registry=registry)
    for kind, count in data["counts"].items():
        messages.labels(kind).set(count)
    ages = Gauge("zhanpai_fix_age_seconds", "Age of each truck's newest position", ["truck"], registry=registry)
    for truck in picture["trucks"]:
        if truck["fix_at"] is not None:
            ages.labels(truck["truck"]).set(max(0, picture["at"] - truck["fix_at"]))
    open_count = sum(1 for incident in picture["incidents"] if incident["open"])
    Gauge("zhanpai_open_incidents", "Incidents that are not closed", registry=registry).set(open_count)
    Gauge("zhanpai_unstored_records", "Records decided on but not durable", registry=registry).set(data["unstored"])
    connected = Gauge("zhanpai_broker_connected", "1 while the MQTT broker is connected", registry=registry)
    connected.set(picture["link"]["up"])
    Gauge("zhanpai_late_positions", "Positions too old to use", registry=registry).set(data["late_positions"])
    return generate_latest(registry)
