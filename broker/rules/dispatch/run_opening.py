"""Runs come into being from the plan: opened an hour before they start, and never twice (see run_restoring.py)."""

from collections.abc import Iterable
from datetime import timedelta

from broker.plan.calendar import day_start_at, local_date, service_runs
from broker.plan.model import Route, RunPlan
from broker.rules.dispatch.day import Attention, Run, Shift
from broker.rules.dispatch.effects import Effect
from broker.rules.dispatch.records import put, run_record
from broker.rules.states.visit import Visit, VisitKey
from broker.rules.tracking.tracker import RunTracker

LOOK_EVERY_S = 30


def open_runs(shift: Shift, now: int) -> list[Effect]:
    """Open each run whose time has come; a run that is long over when the bridge starts is left alone."""
    if now < shift.looked_at + LOOK_EVERY_S:
        return []
    shift.looked_at = now
    effects: list[Effect] = []
    today = local_date(shift.plan, now)
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        day_start = day_start_at(shift.plan, day)
        for trip in service_runs(shift.plan, day):
            run_id = f"{trip.trip_id}.{day:%Y%m%d}"
            start_at = day_start + trip.visits[0].arrive_day_s
            end_at = day_start + trip.visits[-1].leave_day_s
            if run_id in shift.runs or now < start_at - shift.settings.open_before_s:
                continue
            if now > end_at + shift.settings.forget_after_s:
                continue
            if run_id in shift.recorded:
                # It has a record that nobody understands: begun anew, what was served would be owed again.
                about = {"truck": trip.truck_id, "run": run_id}
                shift.attention.setdefault(f"unread/{run_id}", Attention(now, "run_unread", about))
                waste = shift.plan.routes[trip.route_id].waste
                until = end_at + shift.settings.forget_after_s
                shift.unread.update({(planned.room_id, waste): until for planned in trip.visits})
                continue
            effects += _open(shift, trip, run_id, day_start, now)
    return effects


def _open(shift: Shift, trip: RunPlan, run_id: str, day_start: int, now: int) -> list[Effect]:
    route = shift.plan.routes[trip.route_id]
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
            estate=shift.plan.rooms[planned.room_id].estate_id,
            sequence=planned.sequence,
            visit_number=number,
            planned_at=day_start + planned.arrive_day_s,
        )
        effects += put(shift, visit, now)
        order.append(visit.key)
    run = Run(
        run_id=run_id,
        trip_id=trip.trip_id,
        route_id=trip.route_id,
        truck=trip.truck_id,
        waste=route.waste,
        planned_start_at=day_start + trip.visits[0].arrive_day_s,
        planned_end_at=day_start + trip.visits[-1].leave_day_s,
        order=order,
        tracker=new_tracker(shift, run_id, route, trip.truck_id, order, day_start + trip.visits[0].arrive_day_s),
        shift_end_at=None if trip.shift_end_day_s is None else day_start + trip.shift_end_day_s,
        capacity_bins=trip.capacity_bins,
    )
    shift.runs[run_id] = run
    shift.recorded.add(run_id)
    shift.reordered.add(run_id)
    return [*effects, run_record(shift, run, now)]


def new_tracker(
    shift: Shift, run_id: str, route: Route, truck: str, order: Iterable[VisitKey], depart_at: int
) -> RunTracker:
    """A tracker for the visits of `order` that are still owed."""
    visits = [shift.track_visit(shift.visits[key], route) for key in order if shift.visits[key].owed]

    def expected_leg_s(route_id: str, from_room: str, to_room: str, length_m: float, at: int) -> float:
        return shift.history.leg_s(route_id, from_room, to_room, length_m, at)[0]

    streets = shift.settings.streets
    return RunTracker(run_id, route, truck, visits, depart_at, streets, expected_leg_s=expected_leg_s)
