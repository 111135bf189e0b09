"""What a new day brings by the plan alone: that it ends, has ended or has not begun, and the lamps that say so."""

from collections.abc import Iterator

from broker.plan.calendar import local_date
from broker.plan.validity import WARN_DAYS, DayOfPlan
from broker.rules.day.attention.about_area import (
    PlanEnded,
    PlanEnds,
    PlanEndsToday,
    PlanNever,
    PlanNotBegun,
    RoutesEnd,
    RoutesEnded,
)
from broker.rules.day.attention.asked import Asked, Topic, listed
from broker.rules.day.day import Day
from broker.rules.effects.effect import Effect
from broker.rules.effects.messages import tell_rooms


def begin_local_day(day: Day, now: int) -> list[Effect]:
    """Say once a day what the plan does not know, and tell the rooms of which it begins or ceases to know."""
    today = local_date(day.plan, now)
    if not day.clock.dawns(today):
        return []
    asked = dict(_asked(day, day.outlook.on(today)))
    for subject in [subject for subject in day.attention.of(Topic.PLAN) if subject not in asked]:
        day.attention.answered(Topic.PLAN, subject)
    for subject, values in asked.items():
        day.attention.ask(subject, values, now)
    return tell_rooms(day, day.outlook.changed_rooms(today), now)


def _asked(day: Day, of_day: DayOfPlan) -> Iterator[tuple[str, Asked]]:
    last_day, days_left = of_day.last_day or "", of_day.days_left
    if of_day.state == "never":
        yield "whole", PlanNever(len(day.plan.runs))
    elif of_day.state == "ended":
        yield "whole", PlanEnded(last_day)
    elif of_day.state == "not_begun":
        yield "whole", PlanNotBegun(of_day.first_day or "")
    elif days_left == 0:
        yield "whole", PlanEndsToday(last_day)
    elif days_left is not None and days_left <= WARN_DAYS:
        yield "whole", PlanEnds(last_day, days_left)
    names = {route_id: route.name for route_id, route in day.plan.routes.items()}
    if of_day.ended_routes:
        yield "ended", RoutesEnded(listed([names[route_id] for route_id in of_day.ended_routes]))
    if of_day.ending_routes:
        yield "ending", RoutesEnd(listed([names[route_id] for route_id in of_day.ending_routes]))
