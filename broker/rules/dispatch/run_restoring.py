"""A run comes back from its record after a restart. The plan may be another one by then, and a record may be odd: what
can be understood goes on, what cannot is named, and nothing that has begun is begun again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from broker.plan.model import Plan, Route
from broker.rules.dispatch.day import Attention, Run, Shift
from broker.rules.dispatch.effects import Effect, Notice
from broker.rules.dispatch.records import call_record, visit_record
from broker.rules.dispatch.run_opening import new_tracker
from broker.rules.states.visit import record_key


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
        "version": int(body["version"]),
    }


def restore_run(shift: Shift, fields: Mapping[str, Any], now: int) -> None:
    """Bring back a run (see `read_run`) with those of its visits that are back; without a route it is named only."""
    run_id, truck = fields["run_id"], fields["truck"]
    about = {"truck": truck, "run": run_id}
    route = _route(shift.plan, fields)
    if route is None:
        shift.attention[f"gone/{run_id}"] = Attention(now, "run_gone", about)
        shift.listless.add(truck)
        return
    order = [key for key in fields["order"] if key in shift.visits]
    order += [key for key in shift.visits if key[0] == run_id and key not in order]  # of an older record than theirs
    unread = [key[1] for key in fields["order"] if key not in shift.visits and key[1] in shift.plan.rooms]
    if unread:
        rooms = _listed([shift.plan.rooms[room].name for room in unread])
        shift.attention[f"unread/{run_id}"] = Attention(now, "visits_unread", {**about, "rooms": rooms})
        until = fields["planned_end_at"] + shift.settings.forget_after_s
        shift.unread.update({(room, route.waste): until for room in unread})
    for key in order:
        visit = shift.visits[key]
        if visit.route == fields["route_id"] != route.route_id:
            shift.place(replace(visit, route=route.route_id))
    tracker = new_tracker(shift, run_id, route, truck, order, fields["planned_start_at"])
    run = Run(**{**fields, "route_id": route.route_id, "order": order, "tracker": tracker})
    shift.runs[run_id] = run
    if run.state == "running":
        _resume(shift, run, route)


def cancel_gone(shift: Shift, now: int) -> list[Effect]:
    """Cancel what is owed at rooms that left the plan: nobody can be sent there, and its run must be able to end."""
    effects: list[Effect] = []
    while shift.gone:
        visit = shift.gone.pop()
        run = shift.runs.get(visit.run_id)
        if run is None:  # its route left the plan as well; should it come back, this visit comes back with it
            continue
        if visit.owed:
            cancelled = visit.after("cancel", reason="other")
            effects.append(visit_record(shift, cancelled, now))
            if visit.call_id is not None:
                effects.append(call_record(shift, cancelled, now, ended="cancelled"))
            text = f"{run.truck}: visit {record_key(visit.key)} is cancelled, its room is no longer in the plan"
            effects.append(Notice("warning", text))
            shift.reordered.add(run.run_id)
        if run.state != "finished":
            before = shift.attention.get(f"gone/{run.run_id}")
            count = 1 + (before.values["count"] if before else 0)
            about = {"truck": run.truck, "run": run.run_id, "count": count}
            shift.attention[f"gone/{run.run_id}"] = Attention(now, "rooms_gone", about)
    return effects


def _listed(names: Sequence[str]) -> str:
    """Names in a row; those that have two languages ("A / B"), in a row for each."""
    rows = [", ".join(name.split(" / ")[part] for name in names) for part in (0, -1)]
    return rows[0] if rows[0] == rows[1] else " / ".join(rows)


def _route(plan: Plan, fields: Mapping[str, Any]) -> Route | None:
    """The route of a run: of the same id, or the one that its trip is on now, if it is for the same waste."""
    trip = plan.runs.get(fields["trip_id"])
    for route_id in (fields["route_id"], trip.route_id if trip else ""):
        route = plan.routes.get(route_id)
        if route is not None and route.waste == fields["waste"]:
            return route
    return None


def _resume(shift: Shift, run: Run, route: Route) -> None:
    """Tell a new tracker of a running run how far the truck had come."""
    left = [v for v in (shift.visits[key] for key in run.order) if v.left_at is not None]
    last = max(left, key=lambda visit: visit.left_at or 0, default=None)
    standing = next((visit for visit in shift.owed(run) if visit.state == "at_stop"), None)
    run.tracker.resume(
        from_room=last.room if last else "",
        from_m=shift.track_visit(last, route).distance_m if last else None,
        left_at=last.left_at if last else None,
        arrived_at=standing.arrived_at if standing else None,
    )
