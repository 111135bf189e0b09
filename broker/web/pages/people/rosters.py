"""The page of a week's rosters: who is on duty when, with a form to write a shift down and a button to take one out."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from broker.people.errors import Impossible, PeopleError
from broker.people.people import People
from broker.people.rosters import DUTIES, ROLE_OF, Rosters, Shift, shift_of, shift_version
from broker.plan.model import Plan
from broker.web.door.visitors import FormFields, visitor_of
from broker.web.pages.frame import base_context, page, refusal
from broker.web.problems import people_status

DAYS = 7
ON_DUTY = frozenset(ROLE_OF.values())


def roster_pages(people: People, rosters: Rosters, plan: Plan, now: Callable[[], float]) -> APIRouter:
    """`/people/rosters`."""
    router = APIRouter(include_in_schema=False)
    zone = ZoneInfo(plan.timezone)

    def week(request: Request, why: PeopleError | None = None, typed: FormData | None = None) -> Response:
        first = _monday(request.query_params.get("week", ""), datetime.fromtimestamp(now(), zone).date())
        accounts = people.kept().accounts
        context = base_context(request, visitor_of(request))
        able = {one: held for one, held in accounts.items() if not held.disabled and ON_DUTY & {*held.roles}}
        return page(
            request, "people/rosters.html", context, 200 if why is None else people_status(why),
            told=[] if why is None else refusal(why, context["lang"]), typed=typed or FormData(), duties=DUTIES,
            days=[first + timedelta(day) for day in range(DAYS)], cells=_cells(rosters.shifts(), first, zone),
            before=first - timedelta(DAYS), after=first + timedelta(DAYS), week=first, zone=zone,
            people=able, names={one: held.name for one, held in accounts.items()},
            rooms=sorted((one, room.name) for one, room in plan.rooms.items()), trucks=plan.trucks(),
        )  # fmt: skip

    @router.get("/people/rosters")
    def show(request: Request) -> Response:
        return week(request)

    @router.post("/people/rosters")
    def add(request: Request, data: FormFields) -> Response:
        try:
            start, end = (_moment(str(data.get(name, "")), zone) for name in ("start", "end"))
            rosters.add(
                shift_of(
                    account=str(data.get("account", "")), duty=str(data.get("duty", "")), start=start, end=end,
                    rooms=[str(one) for one in data.getlist("rooms")],
                    trucks=[str(one) for one in data.getlist("trucks")], by=visitor_of(request).who,
                )
            )  # fmt: skip
        except PeopleError as why:
            return week(request, why, data)
        return RedirectResponse(f"/people/rosters?week={start.date().isoformat()}", 303)

    @router.post("/people/rosters/{shift}")
    def remove(request: Request, shift: str, data: FormFields) -> Response:
        try:
            rosters.remove(shift, visitor_of(request).who, str(data.get("version", "")))
        except PeopleError as why:
            return week(request, why)
        shown = _monday(str(data.get("week", "")), datetime.fromtimestamp(now(), zone).date())
        return RedirectResponse(f"/people/rosters?week={shown.isoformat()}", 303)

    return router


def _cells(shifts: dict[str, Shift], first: date, zone: ZoneInfo) -> dict[tuple[str, date], list[dict[str, Any]]]:
    """The shifts of each duty on each day of a week, by their beginning; one over midnight stands on both days."""
    cells: dict[tuple[str, date], list[dict[str, Any]]] = {}
    for number, shift in sorted(shifts.items(), key=lambda item: (item[1].start, item[1].account)):
        start, end = shift.start.astimezone(zone), shift.end.astimezone(zone)
        row = {
            "shift": number, "account": shift.account, "start": start, "end": end, "by": shift.by,
            "places": [*shift.rooms, *shift.trucks], "version": shift_version(shift),
        }  # fmt: skip
        for day in (first + timedelta(day) for day in range(DAYS)):
            if start.date() <= day and end > datetime(day.year, day.month, day.day, tzinfo=zone):
                cells.setdefault((shift.duty, day), []).append(row)
    return cells


def _monday(text: str, today: date) -> date:
    """The Monday of the week that is asked for, of today's where that is no day of ours."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = today
    day = day if date(2000, 1, 1) <= day <= date(2100, 1, 1) else today
    return day - timedelta(day.weekday())


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """A time as a form has it, which is the area's."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as why:
        raise Impossible(f"{text[:40]!r} is no time: write it as 2026-11-30T06:00") from why
    return found if found.tzinfo is not None else found.replace(tzinfo=zone)
