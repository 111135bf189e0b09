"""The page of bookings: a property holds a window, books it and sees what became of it; crew and dispatcher answer."""

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.reports.booking_evidence import PHOTO_TAKEN_IN
from broker.rules.bookings.asked import MOST_LITRES, BookingDeed
from broker.rules.bookings.fetching import FAILURES, REFUSALS
from broker.rules.bookings.places import ON_THE_WAY_S, cubic_metres
from broker.store import Store
from broker.web.asked import looked_up
from broker.web.desk import Desk
from broker.web.door.visitors import form_of, visitor_of, within
from broker.web.languages import language_of
from broker.web.pages.frame import base_context, page
from broker.web.pages.rendering import WORDS
from broker.web.pages.transfer_station import DEED_POLICY
from broker.web.problems import Refusal
from broker.web.sentences import kind_of, sentence
from broker.web.view.booking_rows import (
    Row,
    bookings_of,
    done,
    estate_of,
    new_id,
    on_record,
    one_booking,
    piles_of,
    windows_of,
)
from broker.words import filled

DEEDS = {  # what a form may do, and the fields that it has for it
    "book": ("litres", "bags", "note"), "change": ("from_at", "truck", "litres"), "cancel": ("reason",),
    "accept": ("run_version",), "decline": ("reason",), "loaded": ("litres",), "fail": ("reason",),
    "dispute": ("note",), "answer": ("note",),
}  # fmt: skip
WHOLE = {"litres", "bags", "from_at", "run_version", "version"}
LONGEST = 500
Form = Annotated[FormData, Depends(form_of)]


def booking_pages(desk: Desk, store: Store, plan: Plan) -> APIRouter:
    """`/bookings`."""
    router = APIRouter(include_in_schema=False)
    zone = ZoneInfo(plan.timezone)

    @router.get("/bookings")
    def bookings(request: Request) -> Response:
        return _page(request, desk, zone)

    @router.get("/bookings/{booking}")
    def of_record(request: Request, booking: str) -> Response:
        row, found = on_record(request, desk, store, plan, booking)
        context = base_context(request, visitor_of(request)) | _speaking(language_of(request), zone)
        return page(request, "bookings/evidence.html", context, row=row, found=found)

    @router.post("/bookings/holds")
    def hold(request: Request, form: Form) -> Response:
        pile = _text(form, "pile")
        within(request, estate=looked_up(desk, lambda bridge, _: estate_of(bridge, pile)))
        asked = _fields(form, ("from_at", "truck", "litres", "run_version"))
        return _done(request, desk, zone, BookingDeed("hold", _key(form), pile=pile, **asked))

    @router.post("/bookings/usual")
    def usual(request: Request, form: Form) -> Response:
        estate = _text(form, "estate")
        within(request, estate=estate)
        return _done(request, desk, zone, BookingDeed("usual", _key(form), estate=estate))

    for deed, names in DEEDS.items():
        _deed_route(router, desk, zone, deed, names)
    return router


def _deed_route(router: APIRouter, desk: Desk, zone: ZoneInfo, deed: str, names: tuple[str, ...]) -> None:
    @router.post(f"/bookings/{{booking}}/{deed}")
    def carry_out(request: Request, booking: str, form: Form) -> Response:
        row = looked_up(desk, lambda bridge, _: one_booking(bridge, booking))
        within(request, estate=row["estate"], truck=row["truck"])
        return _done(request, desk, zone, BookingDeed(deed, booking, **_fields(form, (*names, "version"))))


def _done(request: Request, desk: Desk, zone: ZoneInfo, deed: BookingDeed) -> Response:
    """Back to the page; what could not be done is said on it. A form that was sent twice is done once."""
    try:
        done(request, desk, deed)
    except HTTPException as why:
        again = deed.deed in ("hold", "usual") and why.status_code == 409 and "there is a booking" in str(why.detail)
        if not again:
            return _page(request, desk, zone, why)
    return RedirectResponse("/bookings", 303)


def _page(request: Request, desk: Desk, zone: ZoneInfo, refused: HTTPException | None = None) -> Response:
    visitor, reach = visitor_of(request), request.state.reach
    books, fetches = bool(visitor.roles & {"property", "dispatcher"}), bool(visitor.roles & {"crew", "dispatcher"})
    lang, asked = language_of(request), request.query_params
    # A deed's own reach may be less than the page's: of what is shown only what the page reaches.
    page_reach: Reach = visitor.reach(("dispatcher", "property", "crew", "supervisor")) if refused else reach
    rows, piles, now = looked_up(
        desk, lambda bridge, now: (bookings_of(bridge, page_reach), piles_of(bridge, page_reach), now)
    )
    piles = piles if books else []
    chosen = next((one for one in piles if one["pile_id"] == asked.get("pile")), piles[0] if piles else None)
    litres = _asked_litres(asked.get("cubic_m")) or (chosen["usual_litres"] if chosen else 0)
    found, none_why = _windows(desk, chosen, litres, lang)
    context = base_context(request, visitor) | _speaking(lang, zone)
    days = [(day, list(of_day)) for day, of_day in groupby(found, key=lambda row: _day(row["from_at"], zone, lang))]
    held = [row for row in rows if row["state"] == "held" and books]
    sends_photos = books and any(row["state"] in ("held", *PHOTO_TAKEN_IN) for row in rows)
    answer = page(
        request, "bookings/bookings.html", context, refused.status_code if refused else 200,
        told=_told(refused, lang), held=held, sends_photos=sends_photos,
        rows=[row for row in rows if row["state"] != "held"], piles=piles, litres=litres, windows=found, days=days,
        chosen=chosen["pile_id"] if chosen else None, none_why=none_why, books=books, fetches=fetches,
        disputes=books, answers="dispatcher" in visitor.roles, now=now, key=new_id(),
        moving=next((row for row in rows if row["booking_id"] == asked.get("change")), None),
        refusals=REFUSALS, failures=FAILURES,
    )  # fmt: skip
    if sends_photos:  # a photo is made small and sent by a script
        answer.headers["Content-Security-Policy"] = DEED_POLICY
    return answer


def _windows(desk: Desk, chosen: Row | None, litres: int, lang: str) -> tuple[list[Row], str | None]:
    if chosen is None:
        return [], None
    try:
        return looked_up(desk, lambda bridge, now: windows_of(bridge, chosen["pile_id"], litres, now)), None
    except HTTPException as why:
        return [], sentence(str(why.detail), lang)


def _speaking(lang: str, zone: ZoneInfo) -> dict[str, Any]:
    """How moments, amounts and costs are written."""

    def cost(row: Mapping[str, Any]) -> str:
        detour_s = row["detour_s"]
        if detour_s is None:
            return ""
        said = "on_the_way" if detour_s < ON_THE_WAY_S else "detour"
        return WORDS.say(lang, "booking_cost", said, minutes=round(detour_s / 60))

    return {
        "cubic": cubic_metres, "cost": cost, "at": lambda at: datetime.fromtimestamp(at, zone).strftime("%m-%d %H:%M"),
        "clock": lambda at: datetime.fromtimestamp(at, zone).strftime("%H:%M:%S"),
    }  # fmt: skip


def _day(at: int, zone: ZoneInfo, lang: str) -> str:
    day = datetime.fromtimestamp(at, zone)
    return f"{WORDS.say(lang, 'weekday', str(day.weekday()))} {day:%m-%d}"


def _told(refused: HTTPException | None, lang: str) -> str | None:
    """What became of it, and why, in the reader's language."""
    if refused is None:
        return None
    said = WORDS.groups(lang)["booking_refused"]
    why = sentence(str(refused.detail), lang) or kind_of(None, lang)
    return filled(said.get(str(refused.status_code), said["other"]), {"why": why})


def _key(form: FormData) -> str:
    """The id of a new booking, as the page gave it: a form that is sent twice makes one."""
    key = _text(form, "key")
    if not key.replace("-", "").isalnum() or not key.isascii():
        raise Refusal(422, "this form is not ours: open the page again", page=True)
    return key[:60]


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip()[:LONGEST] if isinstance(value, str) else ""


def _fields(form: FormData, names: tuple[str, ...]) -> dict[str, Any]:
    """What a form says, as a deed has it; an empty field is none."""
    fields: dict[str, Any] = {}
    for name in names:
        text = _text(form, "text" if name == "note" and "text" in form else name)
        if name in WHOLE and text:
            if not text.isdecimal() or len(text) > 12:
                raise Refusal(422, f"{name}: give a whole number, not {text[:20]!r}", page=True)
            fields[name] = int(text)
        elif text:
            fields[name] = text
    if "litres" in names and "bags" not in fields and (litres := _asked_litres(_text(form, "cubic_m"))) is not None:
        fields["litres"] = litres
    return fields


def _asked_litres(text: str | None) -> int | None:
    """Cubic metres as a person writes them."""
    try:
        litres = round(float((text or "").replace(",", ".")) * 1000)
    except (ValueError, OverflowError):
        return None
    return litres if 0 <= litres <= MOST_LITRES else None
