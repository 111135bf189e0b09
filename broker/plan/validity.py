"""How far a plan knows: its first and last day, for all of it and for each route, room and waste kind.

A run after midnight belongs to the day before, and the plan knows of the day on which it ends. A day off between
first and last is a day off. Before the first and after the last nobody knows what comes, which is another
thing: it is said, and the lamps concerned show "no data".
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

from broker.plan.calendar import DAY_S, Span, next_day, operates, service_span
from broker.plan.model import Plan, RunPlan

WARN_DAYS = 7

State = Literal["running", "day_off", "ended", "not_begun", "never"]


@dataclass(frozen=True, slots=True)
class DayOfPlan:
    """What a plan says of a day; days are YYYY-MM-DD, None where there is none; routes are named by id."""

    state: State
    first_day: str | None
    last_day: str | None
    next_day: str | None  # the next one on which anything runs
    days_left: int | None  # until the last day
    ended_routes: tuple[str, ...]  # on which nothing runs any more, or never did, while others go on
    ending_routes: tuple[str, ...]  # whose last day is within a week, while others go on

    @property
    def known(self) -> bool:
        """Whether the plan goes on: else nobody knows what comes, today or ever."""
        return self.state not in ("ended", "never")

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, with the sentence for an operator."""
        routes = {"ended_routes": list(self.ended_routes), "ending_routes": list(self.ending_routes)}
        return {**asdict(self), **routes, "known": self.known, "said": plan_sentence(self)}


class Outlook:
    """What of a plan is known until when; a day is looked up once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        spans = {service_id: service_span(service) for service_id, service in plan.services.items()}
        of_route: dict[str, list[RunPlan]] = {}
        of_room: dict[tuple[str, str], list[RunPlan]] = {}
        for run in plan.runs.values():
            of_route.setdefault(run.route_id, []).append(run)
            for room_id in {visit.room_id for visit in run.visits}:
                of_room.setdefault((room_id, plan.routes[run.route_id].waste), []).append(run)
        self._whole = _joined(spans, plan.runs.values())
        self._routes = {route_id: _joined(spans, runs) for route_id, runs in of_route.items()}
        self._rooms = {key: _joined(spans, runs) for key, runs in of_room.items()}
        self._on_road = {  # (service, days after its own day) of all runs
            (run.service_id, later)
            for run in plan.runs.values() for later in range(run.visits[0].arrive_day_s // DAY_S, _nights(run) + 1)
        }  # fmt: skip
        self._looked_up: tuple[date, DayOfPlan] | None = None

    def knows(self, room: str, waste: str, day: date) -> bool:
        """Whether the plan says what comes to a room for a waste kind on this day, if only that nothing does."""
        if (room, waste) not in self._rooms:
            return True
        span = self._rooms[room, waste]
        return span is not None and span.holds(day)

    def changed_rooms(self, day: date) -> set[str]:
        """The rooms of which the plan begins or ceases to know something with this day."""
        before = day - timedelta(days=1)
        return {room for room, waste in self._rooms if self.knows(room, waste, day) != self.knows(room, waste, before)}

    def on(self, day: date) -> DayOfPlan:
        """What the plan says of this day."""
        if self._looked_up is None or self._looked_up[0] != day:
            self._looked_up = day, self._look_up(day)
        return self._looked_up[1]

    def _look_up(self, day: date) -> DayOfPlan:
        whole = self._whole
        if whole is None:
            return DayOfPlan("never", None, None, None, None, (), ())
        state: State = "running" if self._runs(day) else "day_off"
        if not whole.holds(day):
            state = "not_begun" if day < whole.first else "ended"
        ended: list[str] = []
        ending: list[str] = []
        if state != "ended":
            for route_id, span in sorted(self._routes.items()):
                if span is None or span.last < day:
                    ended.append(route_id)
                elif span.last < whole.last and (span.last - day).days <= WARN_DAYS:
                    ending.append(route_id)
        following = self._next(day)
        return DayOfPlan(state, whole.first.isoformat(), whole.last.isoformat(),
                         following.isoformat() if following else None, max(0, (whole.last - day).days),
                         tuple(ended), tuple(ending))  # fmt: skip

    def _runs(self, day: date) -> bool:
        services = self._plan.services
        return any(operates(services[service_id], day - timedelta(days=later)) for service_id, later in self._on_road)

    def _next(self, day: date) -> date | None:
        found = []
        for service_id, later in self._on_road:
            following = next_day(self._plan.services[service_id], day - timedelta(days=later))
            found += [following + timedelta(days=later)] if following is not None else []
        return min(found, default=None)


def _nights(run: RunPlan) -> int:
    """How many midnights after its service day a run is on the road."""
    return max(0, run.visits[-1].leave_day_s - 1) // DAY_S


def _joined(spans: Mapping[str, Span | None], runs: Iterable[RunPlan]) -> Span | None:
    whole: Span | None = None
    for service_id, nights in {(run.service_id, _nights(run)) for run in runs}:
        span = spans[service_id]
        if span is not None:
            whole = Span(span.first, span.last + timedelta(days=nights)).around(whole)
    return whole


def plan_sentence(of_day: DayOfPlan) -> str | None:
    """What an operator must be told of the plan on this day; None when there is nothing."""
    if of_day.state == "never":
        return "the plan has no day on which anything runs: see calendar.txt, calendar_dates.txt, feed_info.txt"
    if of_day.state == "ended":
        return f"the plan ended on {of_day.last_day}: nothing is known after it, the bin rooms show no data"
    if of_day.state == "not_begun":
        return f"the plan begins on {of_day.first_day}: until then nothing is known, the bin rooms show no data"
    said = []
    if of_day.days_left is not None and of_day.days_left <= WARN_DAYS:
        when = "today" if of_day.days_left == 0 else f"in {of_day.days_left} days"
        said.append(f"the plan ends {when}, on {of_day.last_day}: a new one is needed")
    if of_day.ended_routes:
        said.append(f"nothing runs any more on {', '.join(of_day.ended_routes)}")
    if of_day.ending_routes:
        said.append(f"within {WARN_DAYS} days nothing runs any more on {', '.join(of_day.ending_routes)}")
    return "; ".join(said) or None
