"""The page of the transfer station 中转站: one form for the next load, and what was weighed today."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request, Response

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.reports.sentences import kilograms
from broker.reports.weighed import weighed_on
from broker.reports.words import waste_word
from broker.rules.settings import HEAVIEST_LOAD_GRAMS
from broker.store import Store, StoreError
from broker.store.days import Days
from broker.web.door.rights import deeds_of
from broker.web.door.visitors import visitor_of
from broker.web.pages.frame import POLICY, base_context, page
from firmware.wire import WASTES

# A form that is a deed of the API is sent by our own script, to ourselves.
DEED_POLICY = POLICY.replace("default-src 'none'", "default-src 'none'; script-src 'self'; connect-src 'self'")


def transfer_station_page(router: APIRouter, store: Store, plan: Plan) -> None:
    """`/transfer-station`."""
    zone, days = ZoneInfo(plan.timezone), Days(plan.timezone)

    @router.get("/transfer-station", include_in_schema=False)
    def transfer_station(request: Request) -> Response:
        context = base_context(request, visitor_of(request))
        lang, today = context["lang"], days.of(int(store.now()))
        reach: Reach = request.state.reach  # a crew sees its own truck's
        try:
            rows = [row for row in weighed_on(store, today, plan.timezone) if reach.holds(truck=row.truck)]
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        sums: Counter[str] = Counter()
        for row in rows:
            sums[row.waste] += row.grams
        shown = [
            {"at": datetime.fromtimestamp(row.at, zone).strftime("%H:%M"), "truck": row.truck, "run": row.run_id or "",
             "waste": waste_word(lang, row.waste), "kilograms": kilograms(row.grams), "matched": row.matched}
            for row in reversed(rows)
        ]  # fmt: skip
        answer = page(
            request, "people/transfer_station.html", context, today=today, rows=shown,
            trucks=[truck for truck in plan.trucks() if reach.holds(truck=truck)],
            wastes=[(waste, waste_word(lang, waste)) for waste in WASTES], most_kg=HEAVIEST_LOAD_GRAMS // 1000,
            sums=[(waste_word(lang, waste), kilograms(grams)) for waste, grams in sorted(sums.items())],
            may_weigh="POST /api/v1/weighings" in deeds_of(visitor_of(request)),
        )  # fmt: skip
        answer.headers["Content-Security-Policy"] = DEED_POLICY
        return answer
