"""What was learnt of a route: drives, stays, start and bands, how much is known of each, how its calls came out."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request, Response

from broker.ingest.restored.learned import HISTORY_BACK_S
from broker.plan.calendar import local_date
from broker.plan.model import Plan
from broker.reports.call_table import CALL_HEADS, call_cells
from broker.reports.figures import calls_of
from broker.reports.learned import Seen, SeenOfRoute, seen_of
from broker.reports.words import in_language, waste_word, word
from broker.rules.arrival.believed import Believed, believed
from broker.rules.statistics.calls import ScoredCall, call_scores
from broker.store import Store, StoreError
from broker.web.asked import looked_up
from broker.web.desk import Desk
from broker.web.door.visitors import visitor_of
from broker.web.pages.frame import base_context, page
from broker.web.pages.rendering import WORDS

CALLS_DAYS = 7
KNOWN = ((20, "well"), (5, "fairly"), (1, "little"), (0, "guess"))  # seen so often at least

Rows = list[tuple[str, ...]]


def learned_pages(desk: Desk, store: Store, plan: Plan) -> APIRouter:
    """`/learned` and a page for each route below it."""
    router, zone, names = APIRouter(include_in_schema=False), ZoneInfo(plan.timezone), plan.names()

    @router.get("/learned")
    def routes(request: Request) -> Response:
        context = base_context(request, visitor_of(request))
        lang = context["lang"]
        named = {place: in_language(name, lang) for place, name in names.items()}
        scores = call_scores(_calls(store, plan), ("route",))
        scores = [one for one in scores if one.route in plan.routes]
        rest = sorted(set(plan.routes) - {one.route for one in scores})
        return page(
            request, "learned/routes.html", context, heads=[word(lang, head) for head in ("route", *CALL_HEADS)],
            rows=[call_cells(one, ("route",), lang, named) for one in scores],
            links=[f"/learned/{quote(one.route or '')}" for one in scores],
            rest=[(route, named.get(route, route)) for route in rest],
            last_days=WORDS.say(lang, "learned", "last_days", days=CALLS_DAYS),
        )  # fmt: skip

    @router.get("/learned/{route_id:path}")  # a feed may have any text for an id
    def route(request: Request, route_id: str) -> Response:
        if route_id not in plan.routes:
            raise HTTPException(404, "no such route in the plan")
        context = base_context(request, visitor_of(request))
        lang, now = context["lang"], int(store.now())
        found = looked_up(desk, lambda bridge, at: believed(plan, bridge.dispatch.day.history, route_id, at))
        rooms = [stay.room for stay in found.stays]
        waste = plan.routes[route_id].waste
        try:
            seen = seen_of(store, route_id, waste, rooms, now - HISTORY_BACK_S)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        named = {place: in_language(name, lang) for place, name in names.items()}
        told = _Told(context, named, zone)
        calls = [one for one in _calls(store, plan) if one.route == route_id]
        return page(
            request, "learned/route.html", context, name=named.get(route_id, route_id), waste=waste_word(lang, waste),
            legs=told.legs(found, seen), streets=told.streets(found), stays=told.stays(found, seen),
            start=told.start(found, seen), bands=told.bands(found),
            call_heads=[word(lang, head) for head in CALL_HEADS],
            by_kind=told.calls(calls, "kind"), by_room=told.calls(calls, "room"),
            kind_head=word(lang, "call_kind"), room_head=word(lang, "room"),
            about=WORDS.say(lang, "learned", "learned_about", weeks=HISTORY_BACK_S // (7 * 86_400)),
            last_days=WORDS.say(lang, "learned", "last_days", days=CALLS_DAYS),
        )  # fmt: skip

    return router


def _calls(store: Store, plan: Plan) -> list[ScoredCall]:
    """The calls of the last days, today's too."""
    last: date = local_date(plan, int(store.now()))
    first = last - timedelta(days=CALLS_DAYS - 1)
    try:
        return calls_of(store, first.isoformat(), last.isoformat(), plan.timezone)
    except StoreError as why:
        raise HTTPException(503, str(why)) from why


class _Told:
    """The rows of one page, in its language."""

    def __init__(self, context: Mapping[str, Any], named: Mapping[str, str], zone: ZoneInfo) -> None:
        self._t, self._lang, self._named, self._zone = context["t"], context["lang"], named, zone

    def legs(self, found: Believed, seen: SeenOfRoute) -> Rows:
        """From, to, length, believed, seen."""
        return [
            (
                self._name(leg.from_room), self._name(leg.to_room), f"{leg.length_m / 1000:.2f}", _minutes(leg.drive_s),
                *self._seen(seen.legs.get((leg.from_room, leg.to_room)), is_known=leg.is_known),
            )
            for leg in found.legs
        ]  # fmt: skip

    def streets(self, found: Believed) -> Rows:
        """From, to, from which metre to which, kilometres an hour as usual and now, known."""
        rows: Rows = []
        for leg in found.legs:
            each_m = leg.length_m / max(1, len(leg.streets))
            for number, (speed_mps, factor, is_known) in enumerate(leg.streets):
                piece = f"{round(number * each_m)}–{round((number + 1) * each_m)}"
                usual, now = f"{speed_mps * 3.6:.1f}", f"{speed_mps * 3.6 / factor:.1f}"
                known = self._t("street" if is_known else "no_street", "known")
                rows.append((self._name(leg.from_room), self._name(leg.to_room), piece, usual, now, known))
        return rows

    def stays(self, found: Believed, seen: SeenOfRoute) -> Rows:
        """Room, believed, seen."""
        return [
            (self._name(stay.room), _minutes(stay.stay_s),
             *self._seen(seen.stays.get(stay.room), is_known=stay.is_known))
            for stay in found.stays
        ]  # fmt: skip

    def start(self, found: Believed, seen: SeenOfRoute) -> tuple[str, ...] | None:
        """Believed, seen; None where no run is in the plan."""
        if found.late_s is None:
            return None
        return (_minutes(found.late_s), *self._seen(seen.starts, is_known=seen.starts is not None))

    def bands(self, found: Believed) -> Rows:
        """How far ahead, then from and to for runs on their way and for those that have not begun."""
        ahead: dict[int, list[str]] = {}
        for band in found.bands:
            ahead.setdefault(band.ahead_s, []).extend((_minutes(band.early_s), _minutes(band.late_s)))
        return [(str(ahead_s // 60), *cells) for ahead_s, cells in ahead.items()]

    def calls(self, calls: Sequence[ScoredCall], by: str) -> Rows:
        """The scores of this route's calls."""
        return [call_cells(one, (by,), self._lang, self._named) for one in call_scores(calls, (by,))]

    def _seen(self, seen: Seen | None, *, is_known: bool) -> tuple[str, str, str, str]:
        """How well it is known, how often it was seen, how long it was in the middle, when last."""
        times = seen.times if seen is not None else 0
        known = next(name for least, name in KNOWN if max(times, int(is_known)) >= least)
        if seen is None:
            return self._t(known, "known"), "0", "–", "–"
        last = datetime.fromtimestamp(seen.last_at, self._zone).strftime("%Y-%m-%d")
        return self._t(known, "known"), str(times), _minutes(seen.middle_s), last

    def _name(self, room: str) -> str:
        return self._named.get(room, room)


def _minutes(seconds: int) -> str:
    sign = "−" if seconds < 0 else ""
    return f"{sign}{abs(seconds) // 60}:{abs(seconds) % 60:02d}"
