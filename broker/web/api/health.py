"""HTTP: whether the bridge does its work, for whoever watches it."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse

from broker import __version__
from broker.store import Store, StoreError
from broker.web.api.described.record import Health
from broker.web.api.metrics import exposition
from broker.web.desk import Desk
from broker.web.view.health import Sentences, damaged, ill, of_picture, of_stream, store_trouble, stuck


def health_router(desk: Desk, store: Store) -> APIRouter:
    """`/healthz` and `/metrics`."""
    router = APIRouter(tags=["health"])
    sentences = Sentences()

    @router.get(
        "/healthz", summary="200 when the bridge does its work, 503 when not; the reasons in two languages",
        responses={200: {"model": Health}, 503: {"description": "The bridge does not do its work", "model": Health}},
    )
    def healthz() -> JSONResponse:
        picture = desk.picture
        rows = [*stuck(desk), *of_stream(desk), *of_picture(picture)]
        body = {
            "trouble": picture["data"]["trouble"], "link": picture["link"], "plan": picture["plan"],
            "ages": desk.ages(), "fw": __version__, "at": picture["at"], "outside": desk.outside(),
            "city": desk.city(),
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
        return PlainTextResponse(exposition(desk), media_type="text/plain; version=0.0.4")

    return router

