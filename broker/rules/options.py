"""Putting a visit into a run's order, and moving visits to another truck: the order a truck is told.

The other visits keep their order, a visit whose lamp is lit is never put back, and nothing is inserted before it.
"""

from broker.rules.effects import Effect
from broker.rules.geometry import distance_m
from broker.rules.incidents import Incident
from broker.rules.opening import new_tracker
from broker.rules.records import call_record, put, run_record
from broker.rules.shift import Run, Shift
from broker.rules.visits import Visit


class ReplanError(ValueError):
    """A plan that cannot be made; the text says what is missing."""


def set_visits(shift: Shift, run: Run, now: int) -> None:
    """Tell the tracker what the run owes now, in the order of `run.order`, and have it predicted anew."""
    route = shift.plan.routes.get(run.route_id)
    run.tracker.set_visits([shift.track_visit(visit, route) for visit in shift.owed(run)], now)
    shift.reordered.add(run.run_id)


def insert_visit(shift: Shift, run: Run, visit: Visit, now: int) -> list[Effect]:
    """Put `visit` where it costs the run least: detour, and waiting for a lane that is not clear yet."""
    run.order = [key for key in run.order if key != visit.key]
    owed = shift.owed(run)
    frozen = max((i + 1 for i, other in enumerate(owed) if other.state in ("due", "at_stop")), default=0)
    best_cost, best_place = float("inf"), len(owed)
    for place in range(frozen, len(owed) + 1):
        before = owed[place - 1] if place > 0 else None
        after = owed[place] if place < len(owed) else None
        detour_s = _travel_s(shift, run, before, visit, now)
        if after is not None:
            detour_s += _travel_s(shift, run, visit, after, now) - _travel_s(shift, run, before, after, now)
        arrive_at = _free_at(shift, run, before, now) + _travel_s(shift, run, before, visit, now)
        wait_s = max(0.0, (visit.not_before_at or 0) - arrive_at)
        cost = detour_s + wait_s
        if cost < best_cost - 1.0:
            best_cost, best_place = cost, place
    if best_place < len(owed):
        run.order.insert(run.order.index(owed[best_place].key), visit.key)
    else:
        run.order.append(visit.key)
    set_visits(shift, run, now)
    return [run_record(shift, run, now)]


def _place_of(shift: Shift, run: Run, visit: Visit | None) -> tuple[float, float]:
    if visit is not None:
        room = shift.plan.rooms[visit.room]
        return room.lat, room.lon
    truck = shift.trucks.get(run.truck)
    if truck is not None and truck.fix is not None:
        return truck.fix.lat, truck.fix.lon
    first = shift.plan.rooms[run.order[0][1]]
    return first.lat, first.lon


def _travel_s(shift: Shift, run: Run, origin: Visit | None, to: Visit, now: int) -> float:
    (lat1, lon1), (lat2, lon2) = _place_of(shift, run, origin), _place_of(shift, run, to)
    length_m = distance_m(lat1, lon1, lat2, lon2) * shift.history.settings.detour_factor
    return shift.history.leg_s(run.route_id, origin.room if origin else "", to.room, length_m, now)[0]


def _free_at(shift: Shift, run: Run, visit: Visit | None, now: int) -> float:
    """When the truck has done `visit` and can drive on."""
    if visit is None:
        return float(now)
    eta = run.etas.get(visit.key)
    count = shift.counts().get((visit.room, visit.waste))
    arrive_at = float(eta.eta_at) if eta else float(max(now, visit.planned_at or now))
    return arrive_at + shift.history.dwell_s(visit.room, visit.waste, count, arrive_at)


def owed_again(shift: Shift, visit: Visit, run_id: str, truck: str, *, not_before_at: int | None) -> Visit:
    """A new visit that makes up for a skipped one, in the same run or in another's."""
    taken = [key[2] for key in shift.visits if key[0] == run_id and key[1] == visit.room]
    run = shift.runs.get(run_id)
    sequences = [shift.visits[key].sequence for key in run.order] if run else []
    return Visit(
        run_id=run_id,
        room=visit.room,
        waste=visit.waste,
        route=visit.route,
        truck=truck,
        estate=visit.estate,
        sequence=max(sequences, default=0) + 1,
        visit_number=max([visit.visit_number, *taken]) + 1,
        planned_at=visit.planned_at,
        not_before_at=not_before_at,
        original=False,
    )


def move_visits(
    shift: Shift, run: Run, visits: list[Visit], incident: Incident, now: int, *, option: int, truck: str | None
) -> list[Effect]:
    """Move owed visits to an extra truck of the contractor (`truck`); each becomes a new visit of its run."""
    if truck is None:
        raise ReplanError("name the extra truck that the contractor sends (its id as the truck signs in)")
    effects: list[Effect] = []
    extra = shift.run_of(truck) or _extra_run(shift, run, truck, incident, now)
    for visit in visits:
        if visit.call_id:
            effects.append(call_record(shift, visit, now, ended="skipped"))
        effects += put(shift, visit.after("skip", reason=incident.reason), now)
        again = owed_again(shift, visit, extra.run_id, truck, not_before_at=visit.not_before_at)
        effects += put(shift, again, now)
        extra.order.append(again.key)
    set_visits(shift, extra, now)
    set_visits(shift, run, now)
    return [*effects, run_record(shift, extra, now), run_record(shift, run, now)]


def _extra_run(shift: Shift, run: Run, truck: str, incident: Incident, now: int) -> Run:
    run_id = f"extra-{incident.incident_id}"[:64]
    route = shift.plan.routes[run.route_id]
    extra = Run(
        run_id=run_id,
        trip_id=run_id,
        route_id=run.route_id,
        truck=truck,
        waste=run.waste,
        planned_start_at=now,
        planned_end_at=run.planned_end_at,
        order=[],
        tracker=new_tracker(shift, run_id, route, truck, [], now),
        shift_end_at=run.shift_end_at,
    )
    shift.runs[run_id] = extra
    return extra
