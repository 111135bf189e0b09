"""The stop's sign at `/sign/CODE`, for anybody who has its code, and the page on which codes are printed."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import segno
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from broker.people.errors import Impossible, Missing
from broker.plan.model import Plan, Room
from broker.reports.words import in_language, waste_word
from broker.web.desk import Desk
from broker.web.door.gate import LOOPBACK_HOSTS, Gate
from broker.web.door.visitors import FormFields, visitor_of
from broker.web.languages import language_of
from broker.web.pages.frame import base_context, page
from broker.web.pages.screens import POLICY
from broker.web.signs.board import Next, board
from broker.web.signs.codes import SignCodes
from broker.web.view.room_calls import calls_by_room, later
from broker.web.view.timetable import Timetable

MOST_AT_ONCE = 60  # codes drawn on one page


def sign_pages(desk: Desk, gate: Gate, plan: Plan, now: Callable[[], float] = time.time) -> APIRouter:
    """`/sign/{code}` and `/signs`."""
    router, codes = APIRouter(include_in_schema=False), SignCodes(gate.people.folder, plan.rooms)
    _sign(router, desk, gate, plan, codes)
    _printed(router, plan, codes, now)
    return router


def _sign(router: APIRouter, desk: Desk, gate: Gate, plan: Plan, codes: SignCodes) -> None:
    timetable, zone = Timetable(plan), ZoneInfo(plan.timezone)
    newest: list[Any] = [-1, {}]

    def calls_of(room: str) -> list[dict[str, Any]]:
        """Worked out once for all signs of a picture."""
        number, picture = desk.number, desk.picture
        if newest[0] != number:
            newest[:] = number, calls_by_room(picture)
        found: list[dict[str, Any]] = newest[1].get(room, [])
        return found

    @router.get("/sign/{code}")
    def sign(request: Request, code: str) -> Response:
        address = gate.address_of(request)
        gate.limits.may_look(address)
        context = base_context(request, None)
        room_id = codes.room_of(code)
        if room_id is None:
            gate.limits.may_open("sign", address)
            gate.limits.opened_nothing("sign", address)
            return _public(page(request, "signs/unknown.html", context, 404))
        room, picture = plan.rooms[room_id], desk.picture
        at, language = picture["at"], language_of(request)
        picture_s = desk.ages()["picture_s"] or 0.0
        known = desk.old_since_at() is None and picture["link"]["up"]
        calls = calls_of(room_id)
        shown = board(
            room.wastes, calls, later({"room": room_id, "wastes": room.wastes}, calls, timetable.of_today(at), at),
            lambda waste, after_at: timetable.next_at(room_id, waste, after_at), at, known=known,
        )  # fmt: skip
        return _public(page(
            request, "signs/sign.html", context, rows=[_shown(one, language, zone, at) for one in shown], known=known,
            name=in_language(room.name, language), estate=_estate(plan, room, language), age_s=round(picture_s),
            as_of=datetime.fromtimestamp(at, zone).strftime("%H:%M:%S"),
        ))  # fmt: skip


def _shown(one: Next, language: str, zone: ZoneInfo, now: int) -> dict[str, Any]:
    def clock(at: int | None) -> str:
        return "" if at is None else datetime.fromtimestamp(at, zone).strftime("%H:%M")

    today = datetime.fromtimestamp(now, zone).date()
    day = None if one.at is None else datetime.fromtimestamp(one.at, zone).date()
    return {
        "waste": waste_word(language, one.waste), "state": one.state, "at": clock(one.at),
        "planned": clock(one.planned_at), "in_minutes": one.in_minutes,
        "late": one.late_minutes, "after": [clock(at) for at in one.after],
        "days": 0 if day is None else (day - today).days, "date": "" if day is None else f"{day:%m-%d}",
        "weekday": "" if day is None else str(day.weekday()),
    }  # fmt: skip


def _printed(router: APIRouter, plan: Plan, codes: SignCodes, now: Callable[[], float]) -> None:
    @router.get("/signs")
    def signs(request: Request) -> Response:
        context, estates = base_context(request, visitor_of(request)), _estates(plan)
        few = len(plan.rooms) <= MOST_AT_ONCE
        chosen = request.query_params.get("estate") or ("" if few else next(iter(estates), ""))
        if chosen and chosen not in estates:
            raise HTTPException(404, "there is nothing here by this name; /docs lists what there is")
        rooms = [room for room in plan.rooms.values() if not chosen or room.estate_id == chosen]
        by_room, changes = codes.codes(), codes.changes()
        base = str(request.base_url).rstrip("/")
        cards = [
            {
                "room": room.room_id, "zh": in_language(room.name, "zh"), "en": in_language(room.name, "en"),
                "estate": _estate(plan, room, context["lang"]), "changed": changes.get(room.room_id),
                "url": f"{base}/sign/{by_room[room.room_id]}" if room.room_id in by_room else "",
                "svg": _drawn(f"{base}/sign/{by_room[room.room_id]}") if room.room_id in by_room else "",
                "wastes": {lang: [waste_word(lang, waste) for waste in room.wastes] for lang in ("zh", "en")},
            }
            for room in rooms
        ]  # fmt: skip
        return page(
            request, "signs/signs.html", context, cards=cards, estates=estates, chosen=chosen, few=few, base=base,
            here_only=(request.url.hostname or "") in {name.strip("[]") for name in LOOPBACK_HOSTS},
            zone=ZoneInfo(plan.timezone),
        )  # fmt: skip

    @router.post("/signs/{room}")
    def change(request: Request, room: str, form: FormFields) -> Response:
        if room not in plan.rooms:
            raise Missing(f"there is no room {room!r}")
        deed = {"renew": codes.renew, "withdraw": codes.withdraw}.get(str(form.get("op")))
        if deed is None:
            raise Impossible("say what is to be done with this sign: op is renew or withdraw")
        if room in codes.codes() and form.get("sure") != "yes":
            raise Impossible("the sign that hangs there opens nothing from then on: confirm that (sure=yes)")
        deed(room, visitor_of(request).who, int(now()))
        estate = str(form.get("estate") or "")
        towards = f"?estate={estate}" if estate in plan.estates else ""
        return RedirectResponse(f"/signs{towards}#sign-{room}", 303)


def _public(answer: Response) -> Response:
    answer.headers.update({"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"})
    return answer


def _drawn(address: str) -> Markup:
    """The code of an address as SVG, which is as sharp as the printer."""
    code = segno.make(address, error="m", micro=False)
    drawn = code.svg_inline(border=2, omitsize=True, svgclass=None, lineclass=None)
    return Markup(drawn)  # noqa: S704  (segno's own, made of squares)


def _estate(plan: Plan, room: Room, language: str) -> str:
    estate = plan.estates.get(room.estate_id)
    return "" if estate is None else in_language(estate.name, language)


def _estates(plan: Plan) -> dict[str, str]:
    """Those that have rooms: name by id."""
    with_rooms = {room.estate_id for room in plan.rooms.values()}
    return {one: estate.name for one, estate in sorted(plan.estates.items()) if one in with_rooms}
