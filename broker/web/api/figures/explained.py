"""HTTP: calls one by one: their leads as a histogram, which were off, what drifts, and why one came true or not."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict

from broker.people.roles import Reach
from broker.plan.model import Plan
from broker.reports.explained_call import explained_in
from broker.reports.figures import calls_of
from broker.rules.statistics.calls import LEAST_S, MOST_S, ScoredCall, outside_band_s
from broker.rules.statistics.drifts import DRIFT_DAYS, Drift, drifts
from broker.rules.statistics.explained import Explained
from broker.store import Store, StoreError
from broker.store.days import Days
from broker.web.api.figures.days import OneOf, Span, View, moved, span_of

STEP_S, LONGEST_S = 30, 2400  # of the histogram: the band's ends are whole steps; what is longer stands at its end
MOST_LISTED = 500
Word = Annotated[str, Query(max_length=80)]


class LeadRow(BaseModel):
    """How many trucks came from so many seconds after the call on, for half a minute; the last one has no end."""

    from_s: int
    calls: int


class DriftRow(BaseModel):
    """Rooms whose calls were off to one side for a week, and the likely reason; `place` is empty where it is not
    known, or not yours."""

    model_config = ConfigDict(from_attributes=True)
    reason: str
    place: str
    rooms: list[str]
    drift_s: int
    calls: int


class CallRow(BaseModel):
    """One call: its lead, and how much later than promised its truck came."""

    model_config = ConfigDict(from_attributes=True)
    call_id: str
    day: str
    kind: str
    waste: str
    estate: str
    room: str
    route: str
    truck: str
    lead_s: int | None
    late_s: int | None
    is_unmet: bool


class CallsShown(Span):
    """The calls of these days: the band, the leads, what drifts, and the calls that were furthest off."""

    timezone: str
    least_s: int
    most_s: int
    calls: int
    in_band: int
    unmet: int
    leads: list[LeadRow]
    drifts: list[DriftRow]
    worst: list[CallRow]
    names: dict[str, str]


class PartRow(BaseModel):
    """A leg, a stay or a way: seconds as believed and as they were; a room that is not yours has no name."""

    kind: str
    room: str | None
    expected_s: int
    true_s: int | None
    error_s: int | None
    bins: int | None
    bins_true: int | None
    known: bool | None
    half_hour: float | None
    today: float | None
    streets_s: list[int]  # a leg's seconds by 100 m of street; minus where nobody ever drove


class ExplainedRow(BaseModel):
    """What was known when a room was called, and what came true."""

    call_id: str
    room: str
    room_name: str
    waste: str
    truck: str
    run_id: str
    kind: str
    label: str
    how: str
    reason: str
    called_at: int
    eta_at: int | None
    fix_at: int | None
    lit_at: int | None
    held_at: int | None
    arrived_at: int | None
    lead_s: int | None
    error_s: int | None
    outside_band_s: int | None
    parts: list[PartRow] | None
    unmet: list[str]
    between: list[str]
    timezone: str
    names: dict[str, str]


def explained_routes(router: APIRouter, store: Store, plan: Plan) -> None:
    """`/api/v1/calls/shown` and `/api/v1/calls/{call_id}`."""

    @router.get(
        "/api/v1/calls/shown", summary="The leads of some days' calls, what drifts, and the calls furthest off",
        description="A keeper and a property see their estate's. Drifts are of the week up to the last whole day.",
    )  # fmt: skip
    def shown(
        request: Request,
        view: View = "week",
        day: OneOf = None,
        room: Word = "",
        route: Word = "",
        kind: Word = "",
        of_day: Annotated[date | None, Query(description="only the calls of this day")] = None,
        most: Annotated[int, Query(ge=1, le=MOST_LISTED, description="of the calls listed")] = 100,
    ) -> CallsShown:
        reach: Reach = request.state.reach
        span = span_of(view, day, Days(plan.timezone).of(int(store.now())))
        wanted = {"room": room, "route": route, "kind": kind, "day": of_day.isoformat() if of_day else ""}
        wanted = {name: value for name, value in wanted.items() if value}
        try:
            found = _mine(calls_of(store, span.from_day, span.to_day, plan.timezone), reach)
            last = min(span.to_day, moved(span.today, -1))
            week = _mine(calls_of(store, moved(last, 1 - DRIFT_DAYS), last, plan.timezone), reach)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        of = [call for call in found if all(getattr(call, name) == value for name, value in wanted.items())]
        leads = [call.lead_s for call in of if call.lead_s is not None]
        return CallsShown(
            **span.model_dump(), timezone=plan.timezone, least_s=LEAST_S, most_s=MOST_S, calls=len(of),
            in_band=sum(outside_band_s(lead) == 0 for lead in leads),
            unmet=sum(call.is_unmet and call.lead_s is None for call in of), leads=histogram(leads),
            drifts=[_drift(one, reach, plan) for one in drifts(week)],
            worst=[CallRow.model_validate(call) for call in sorted(of, key=_worst_first)[:most]],
            names=_names(plan, reach, {*(call.room for call in of), *(call.route for call in of)}),
        )  # fmt: skip

    @router.get(
        "/api/v1/calls/{call_id}", summary="Why a call came true or did not: what was known, what was, part by part",
        description="As `explain call`. Of another's room nothing is said; another room on the way is null.",
    )  # fmt: skip
    def one_call(request: Request, call_id: str) -> ExplainedRow:
        reach: Reach = request.state.reach
        try:
            one = explained_in(store, call_id)
        except StoreError as why:
            raise HTTPException(503, str(why)) from why
        except ValueError as why:
            raise HTTPException(404, "there is no such call") from why
        if not _is_of(one.room, reach, plan):
            raise HTTPException(404, "there is no such call")
        return _explained(one, reach, plan)


def histogram(leads: Sequence[int]) -> list[LeadRow]:
    """How many leads there are of each half minute, without a gap between the shortest and the longest."""
    steps = [max(0, min(LONGEST_S, lead)) // STEP_S for lead in leads]
    span = range(min(steps), max(steps) + 1) if steps else ()
    return [LeadRow(from_s=step * STEP_S, calls=steps.count(step)) for step in span]


def _mine(calls: Sequence[ScoredCall], reach: Reach) -> list[ScoredCall]:
    return [call for call in calls if reach.holds(estate=call.estate)]


def _worst_first(call: ScoredCall) -> tuple[int, str]:
    return (1 if call.lead_s is None else -outside_band_s(call.lead_s), call.call_id)


def _is_of(room: str, reach: Reach, plan: Plan) -> bool:
    there = plan.rooms.get(room)
    return reach.everything or (there is not None and reach.holds(estate=there.estate_id))


def _names(plan: Plan, reach: Reach, ids: set[str]) -> dict[str, str]:
    """The plan's names of these, and of the rooms within a reach."""
    names = plan.names() | {route.route_id: route.name for route in plan.routes.values()}
    mine = ids | {room for room in plan.rooms if _is_of(room, reach, plan)}
    return {one: names[one] for one in sorted(mine) if one in names}


def _drift(one: Drift, reach: Reach, plan: Plan) -> DriftRow:
    row = DriftRow(reason=one.reason, place=one.place, rooms=[*one.rooms], drift_s=one.drift_s, calls=one.calls)
    return row if _is_of(one.place, reach, plan) else row.model_copy(update={"place": ""})


def _explained(one: Explained, reach: Reach, plan: Plan) -> ExplainedRow:
    def seen(room: str) -> str | None:
        return room if _is_of(room, reach, plan) else None

    body: dict[str, Any] = asdict(one)
    parts = None
    if one.parts is not None:
        parts = [PartRow(**(asdict(part) | {"room": seen(part.room)}), error_s=part.error_s) for part in one.parts]
    body |= {
        "parts": parts, "unmet": [room for room in one.unmet if seen(room)],
        "between": [room for room in one.between if seen(room)],
        "room_name": plan.names().get(one.room, one.room), "lead_s": one.lead_s, "error_s": one.error_s,
        "outside_band_s": None if one.lead_s is None else outside_band_s(one.lead_s), "timezone": plan.timezone,
        "names": _names(plan, reach, {one.room}),
    }  # fmt: skip
    return ExplainedRow(**body)
