"""A run comes back from its record after a restart. The plan may be another one by then, and a record may be odd: what
can be understood goes on, what cannot is named, and nothing that has begun is begun again.
"""

from collections.abc import Mapping
from typing import Any

from broker.plan.model import Plan, Route
from broker.rules.day.attention.about_runs import RoomsGone, RunGone, VisitsUnread
from broker.rules.day.attention.asked import Topic, listed
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import call_record, visit_record
from broker.rules.states.visit import VisitKey, record_key


def read_run(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a Run that its record holds; raises LookupError, TypeError or ValueError for what is no run."""
    return {
        "run_id": str(body["run_id"]),
        "trip_id": str(body["trip_id"]),
        "route_id": str(body["route"]),
        "truck": str(body["truck"]),
        "waste": str(body["waste"]),
        "planned_start_at": int(body["planned_start_at"]),
        "planned_end_at": int(body["planned_end_at"]),
        "order": [(str(run_id), str(room), int(number)) for run_id, room, number in body["order"]],
        "shift_end_at": body["shift_end_at"],
        "capacity_bins": body["capacity_bins"],
        "state": str(body["state"]),
        "started_at": body["started_at"],
        "ended_at": body["ended_at"],
        **{name: body.get(name) for name in ("full_at", "away_until", "emptied_at")},  # an older record has none
        "version": int(body["version"]),
    }


def restore_run(day: Day, fields: Mapping[str, Any], now: int) -> None:
    """Bring back a run (see `read_run`) with those of its visits that are back; without a route it is named only."""
    run_id, truck = fields["run_id"], fields["truck"]
    route = _route(day.plan, fields)
    if route is None:
        day.attention.ask(run_id, RunGone(truck, run_id), now)
        day.leftovers.lose_run_of(truck)
        return
    order = [key for key in fields["order"] if key in day.visits]
    order += [key for key in day.visits if key[0] == run_id and key not in order]  # of an older record than theirs
    unread = [key[1] for key in fields["order"] if key not in day.visits and key[1] in day.plan.places]
    if unread:
        rooms = listed([day.plan.places[room].name for room in unread])
        day.attention.ask(run_id, VisitsUnread(truck, run_id, rooms), now)
        until = fields["planned_end_at"] + day.settings.forget_after_s
        day.leftovers.cannot_read(unread, route.waste, until)
    for key in order:
        visit = day.visits[key]
        if visit.route == fields["route_id"] != route.route_id:
            day.visits.place(visit.on_route(route.route_id))
    tracker = day.new_tracker(run_id, route, truck, order, fields["planned_start_at"])
    run = Run(**{**fields, "route_id": route.route_id, "order": tuple(order), "tracker": tracker})
    if run.full_at is not None:
        run.tracker.go_away()
    day.runs.keep(run)
    if run.state == "running":
        _resume(day, run, route)


def cancel_gone(day: Day, key: VisitKey, now: int) -> list[Effect]:
    """Cancel a visit at a room that left the plan: nobody can be sent there, and its run must be able to end."""
    visit = day.leftovers.take_gone(key)
    run = day.runs.get(key[0])
    if visit is None or run is None:  # its route left the plan as well; should it come back, this visit does too
        return []
    effects: list[Effect] = []
    if visit.owed:
        cancelled = visit.cancelled("other")
        effects.append(visit_record(day, cancelled, now))
        if visit.call_id is not None:
            effects.append(call_record(day, cancelled, now, ended="cancelled"))
        text = f"{run.truck}: visit {record_key(visit.key)} is cancelled, its room is no longer in the plan"
        effects.append(Notice("warning", text))
        day.changed_runs.note(run.run_id)
    if run.state != "finished":
        before = day.attention.of(Topic.GONE).get(run.run_id)
        count = 1 + (before.values.count if before and isinstance(before.values, RoomsGone) else 0)
        day.attention.ask(run.run_id, RoomsGone(run.truck, run.run_id, count), now)
    return effects


def _route(plan: Plan, fields: Mapping[str, Any]) -> Route | None:
    """The route of a run: of the same id, or the one that its trip is on now, if it is for the same waste."""
    trip = plan.runs.get(fields["trip_id"])
    for route_id in (fields["route_id"], trip.route_id if trip else ""):
        route = plan.route(route_id)
        if route is not None and route.waste == fields["waste"]:
            return plan.route_of(trip) if trip is not None and trip.route_id == route_id else route
    return None


def _resume(day: Day, run: Run, route: Route) -> None:
    """Tell a new tracker of a running run how far the truck had come."""
    left = [v for v in (day.visits[key] for key in run.order) if v.left_at is not None]
    last = max(left, key=lambda visit: visit.left_at or 0, default=None)
    standing = next((visit for visit in day.owed(run) if visit.state == "at_stop"), None)
    run.tracker.resume(
        from_room=last.room if last else "",
        from_m=day.track_visit(last, route).distance_m if last else None,
        left_at=last.left_at if last else None,
        arrived_at=standing.arrived_at if standing else None,
        exactly=standing is not None and standing.arrived_exactly,
    )
