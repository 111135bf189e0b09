"""HTTP over what is on record, and over the plan it was made by."""

import tempfile
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from broker.plan.gtfs.feed import write_gtfs
from broker.plan.model import Plan
from broker.store import Store
from broker.web.api.figures.amendments import amendment_routes
from broker.web.api.figures.calls import call_routes
from broker.web.api.figures.explained import explained_routes
from broker.web.api.figures.sheets import sheet_routes
from broker.web.api.figures.statistics import figure_routes, report_routes
from broker.web.api.figures.weighings import weighing_routes
from broker.web.pages.transfer_station import transfer_station_page


def record_router(store: Store, plan: Plan) -> APIRouter:
    """The routes that read the store and the plan."""
    router = APIRouter(tags=["record"])
    call_routes(router, store, plan)
    explained_routes(router, store, plan)
    figure_routes(router, store, plan.timezone)
    sheet_routes(router, store, plan)
    amendment_routes(router, store, plan.timezone)
    report_routes(router, store, plan)
    weighing_routes(router, store, plan.timezone)
    transfer_station_page(router, store, plan)
    _gtfs(router, plan)
    return router


def _gtfs(router: APIRouter, plan: Plan) -> None:
    @router.get(
        "/gtfs.zip", summary="The plan as a GTFS feed", response_class=Response,
        responses={200: {"content": {"application/zip": {}}}},
    )
    def gtfs() -> Response:
        with tempfile.TemporaryDirectory(prefix="zhanpai-gtfs-") as folder:
            target = Path(folder) / "gtfs.zip"
            write_gtfs(plan, target)
            return Response(target.read_bytes(), media_type="application/zip")
