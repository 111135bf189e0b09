"""HTTP: the transfer station's weigh-ins of a day."""

from fastapi import APIRouter, HTTPException, Request

from broker.people.roles import Reach
from broker.reports.weighed import WeighedLoad, weighed_on
from broker.store import Store, StoreError
from broker.web.api.figures.days import Day
from broker.web.api.paging import Paged


def weighing_routes(router: APIRouter, store: Store, timezone: str) -> None:
    """`GET /api/v1/weighings`."""

    @router.get("/api/v1/weighings", summary="The weigh-ins of a day at the transfer station")
    def day_weighings(request: Request, day: Day, paged: Paged) -> list[WeighedLoad]:
        reach: Reach = request.state.reach  # a crew sees its own truck's
        try:
            rows = [row for row in weighed_on(store, day.isoformat(), timezone) if reach.holds(truck=row.truck)]
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        return paged.page(rows, lambda row: (row.at, row.id))
