"""Runs come into being from the plan: opened an hour before they start, and never twice (see run_restoring.py)."""

from datetime import timedelta
from typing import NamedTuple

from broker.plan.calendar import day_start_at, local_date, service_runs
from broker.plan.model import RunPlan
from broker.rules.day.attention.about_runs import RunUnread
from broker.rules.day.attention.asked import Topic
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.runs.shift_ends import left_over
from broker.rules.dispatch.visits.moved_visits import owed_again
from broker.rules.effects.effect import Effect
from broker.rules.effects.records import put, run_record
from broker.rules.states.visit import Visit, VisitKey

LOOK_EVERY_S = 30


class PlannedRun(NamedTuple):
    """A run of the plan on one day, whose time has come or not."""

    trip: RunPlan
    run_id: str
    day_start: int

    def until_at(self, day: Day) -> int:
        """When it is long over."""
        return self.day_start + self.trip.visits[-1].leave_day_s + day.settings.forget_after_s

    def is_due(self, day: Day, now: int) -> bool:
        """Whether it is not open, and its time has come."""
        first_at = self.day_start + self.trip.visits[0].arrive_day_s
        is_time = first_at - day.settings.open_before_s <= now <= self.until_at(day)
        return is_time and self.run_id not in day.runs


def look_up_runs(day: Day, found: list[PlannedRun], now: int) -> list[Effect]:
    """Add to `found` those of the runs of yesterday, today and tomorrow that are due, each to be decided upon by
    itself."""
    if not day.clock.looks_again(now, LOOK_EVERY_S):
        return []
    today = local_date(day.plan, now)
    for date in (today - timedelta(days=1), today, today + timedelta(days=1)):
        day_start, on_day = day_start_at(day.plan, date), f".{date:%Y%m%d}"
        planned = (PlannedRun(trip, trip.trip_id + on_day, day_start) for trip in service_runs(day.plan, date))
        found.extend(one for one in planned if one.is_due(day, now))
    return []


def open_if_due(day: Day, planned_run: PlannedRun, now: int) -> list[Effect]:
    """Open a run whose time has come; one that is long over when the bridge starts is left alone."""
    trip, run_id, _ = planned_run
    if not planned_run.is_due(day, now):
        return []
    if run_id not in day.runs.recorded:
        return _open(day, planned_run, now)
    # It has a record that nobody understands: begun anew, what was served would be owed again.
    if run_id not in day.attention.of(Topic.UNREAD):
        day.attention.ask(run_id, RunUnread(trip.truck_id, run_id), now)
    waste = day.plan.routes[trip.route_id].waste
    day.leftovers.cannot_read([planned.room_id for planned in trip.visits], waste, planned_run.until_at(day))
    return []


def _open(day: Day, planned_run: PlannedRun, now: int) -> list[Effect]:
    """Open a run with all its visits."""
    trip, run_id, day_start = planned_run
    route = day.plan.route_of(trip)
    effects: list[Effect] = []
    order: list[VisitKey] = []
    for planned in trip.visits:
        # A loop may call at one room twice: the second call is visit 2 of the same run.
        number = 1 + sum(1 for key in order if key[1] == planned.room_id)
        visit = Visit(
            run_id=run_id,
            room=planned.room_id,
            waste=route.waste,
            route=trip.route_id,
            truck=trip.truck_id,
            estate=day.plan.rooms[planned.room_id].estate_id,
            sequence=planned.sequence,
            visit_number=number,
            planned_at=day_start + planned.arrive_day_s,
            by_appointment=planned.by_appointment,
        )
        effects += put(day, visit, now)
        order.append(visit.key)
    for left in left_over(day, trip.route_id, {key[1] for key in order}):
        again = owed_again(day, left, run_id, trip.truck_id, not_before_at=None)
        effects += put(day, again, now)
        order.append(again.key)
    run = Run(
        run_id=run_id,
        trip_id=trip.trip_id,
        route_id=trip.route_id,
        truck=trip.truck_id,
        waste=route.waste,
        planned_start_at=day_start + trip.visits[0].arrive_day_s,
        planned_end_at=day_start + trip.visits[-1].leave_day_s,
        order=tuple(order),
        tracker=day.new_tracker(run_id, route, trip.truck_id, order, day_start + trip.visits[0].arrive_day_s),
        shift_end_at=None if trip.shift_end_day_s is None else day_start + trip.shift_end_day_s,
        capacity_bins=trip.capacity_bins,
    )
    day.runs.keep(run)
    day.changed_runs.note(run_id)
    return [*effects, run_record(day, run, now)]
