"""The page of cases for enforcement: what suggests one, what was opened, and what each visitor may do about it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request, Response

from broker.plan.model import Plan
from broker.reports.casebook import CaseBook
from broker.reports.words import WORDS, in_language, waste_word
from broker.rules.states.case import Case
from broker.rules.statistics.grounds import Ground
from broker.store import StoreError
from broker.web.door.rights import deeds_of
from broker.web.door.visitors import visitor_of
from broker.web.pages.frame import base_context, page
from broker.web.pages.transfer_station import DEED_POLICY

EVIDENCE_SHOWN = 20
DEEDS = ("hand-over", "take-back", "answer", "close")


def case_page(router: APIRouter, book: CaseBook, plan: Plan, now: Callable[[], float]) -> None:
    """`/cases`."""
    zone, names = ZoneInfo(plan.timezone), plan.names()

    @router.get("/cases", include_in_schema=False)
    def cases(request: Request) -> Response:
        visitor = visitor_of(request)
        context, deeds = base_context(request, visitor), deeds_of(visitor)
        lang, may_open = context["lang"], "POST /api/v1/cases" in deeds
        try:
            found = [one for one in book.cases() if may_open or one.is_enforcements]
            suggested = book.suggestions(int(now())) if may_open else []
        except StoreError as why:
            raise HTTPException(503, str(why)) from why

        def told(at: int) -> str:
            return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M")

        def place(one: Case | Ground) -> str:
            parts = [in_language(names.get(name, name), lang) for name in (one.estate, one.room) if name]
            return " · ".join([*parts, *([waste_word(lang, one.waste)] if one.waste else [])])

        def shown(case: Case) -> Mapping[str, Any]:
            return {
                "case": case, "place": place(case), "kind": WORDS.groups(lang)["case"][case.kind],
                "state": WORDS.groups(lang)["case_state"][case.state], "opened": told(case.opened_at),
                "changed": told(case.changed_at),
                "deeds": [deed for deed in DEEDS if f"POST /api/v1/cases/{{case_id}}/{deed}" in deeds
                          and deed.replace("-", "_") in case.steps],
                "evidence": [{"at": told(one.at), "what": WORDS.groups(lang)["reason"].get(one.what, one.what),
                              "truck": one.truck, "record": one.record, "lat": one.lat, "lon": one.lon}
                             for one in case.evidence[-EVIDENCE_SHOWN:]],
            }  # fmt: skip

        answer = page(
            request, "people/cases.html", context, cases=[shown(one) for one in found], may_open=may_open,
            suggested=[{"ground": one, "place": place(one), "kind": WORDS.groups(lang)["case"][one.kind],
                        "times": one.times, "last": told(one.happened[-1].at)} for one in suggested],
        )  # fmt: skip
        answer.headers["Content-Security-Policy"] = DEED_POLICY
        return answer
