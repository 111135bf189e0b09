"""HTTP: whether the bridge does its work, for whoever watches it."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from broker import __version__
from broker.store import Store, StoreError
from broker.web.desk import Desk
from broker.web.health import Sentences, damaged, ill, of_picture, of_stream, store_trouble, stuck


def health_router(desk: Desk, store: Store) -> APIRouter:
    """`/healthz` and `/metrics`."""
    router = APIRouter(tags=["health"])
    sentences = Sentences()

    @router.get(
        "/healthz", summary="200 when the bridge does its work, 503 when not; the reasons in two languages",
        responses={503: {"description": "The bridge does not do its work", "content": {"application/json": {}}}},
    )
    def healthz() -> JSONResponse:
        picture = desk.picture
        rows = [*stuck(desk), *of_stream(desk), *of_picture(picture)]
        body = {
            "trouble": picture["data"]["trouble"], "link": picture["link"], "plan": picture["plan"],
            "ages": desk.ages(), "fw": __version__, "at": picture["at"], "outside": desk.outside(),
        }  # fmt: skip
        try:
            body["store"] = found = dict(store.health())
            least, free = found.get("least_free_bytes"), found.get("free_bytes")
            if least is not None and free is not None and free < least and not ill(rows):
                rows.append(store_trouble(f"{free} bytes are free, {least} are wanted: only alarms are taken"))
            rows += damaged(found.get("damage", ()))
            body["trouble"] = body["trouble"] or (found["damage"][-1] if found.get("damage") else None)
        except StoreError as why:
            said = store_trouble(str(why))
            rows += [] if any(row["word"] == said["word"] for row in rows) else [said]
        timezone = picture["area"]["timezone"]
        if body["trouble"] is None and picture["old_since_at"] is not None:
            body["trouble"] = f"no picture can be made since {picture['old_since_at']}: a fault of ours, see the log"
        if body["trouble"] is None and not picture["plan"]["known"]:
            body["trouble"] = picture["plan"]["said"]
        body["reasons"] = [{**row, **sentences.of(row, timezone)} for row in rows]
        return JSONResponse({"ok": not ill(rows), **body}, status_code=503 if ill(rows) else 200)

    @router.get("/metrics", summary="Prometheus text format", response_class=PlainTextResponse)
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(_metrics(desk.picture, desk.outside()), media_type="text/plain; version=0.0.4")

    return router


def _metrics(picture: dict[str, Any], outside: list[dict[str, Any]]) -> bytes:
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
    for what in ("waiting", "delivered", "dead"):
        of_receivers = Gauge(f"zhanpai_outside_{what}", f"Messages to people outside: {what}", ["receiver"],
                             registry=registry)  # fmt: skip
        for one in outside:
            of_receivers.labels(one["name"]).set(one[what])
    return generate_latest(registry)
