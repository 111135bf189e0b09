"""A contractor's truck: asked for by a decision, promised for a time, refused and asked of the next one on the list.

The list is the plan's vehicles in their order; a vehicle's `contractor` is the firm that is asked for it. Whose truck
would be there later, by the times as they follow now, is asked after the others; who could not end within its hours,
not at all.
"""

from broker.plan.model import Vehicle
from broker.rules.day.bins import waiting
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.visits.extra_coming import coming
from broker.rules.dispatch.visits.extra_truck import on_call_until, why_not
from broker.rules.dispatch.visits.moved_visits import extra_run, hand_over, set_visits
from broker.rules.dispatch.visits.offered_times import times_of_extra
from broker.rules.dispatch.visits.skip_reasons import free_from
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import put, run_record
from broker.rules.states.answer import CONTRACTOR, DISPATCHER, Answer
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit


def asked(day: Day, incident: Incident, truck: str, now: int) -> Incident:
    """The incident once the firm of a truck is asked for it; as it is where the truck is the area's own."""
    vehicle, run = day.plan.vehicles.get(truck), day.run_of(truck)
    if vehicle is None or vehicle.contractor is None or run is None:
        return incident
    return _asked(incident, vehicle.contractor, truck, run.run_id, now)


def start_at(day: Day, incident: Incident, row: Answer, at: int, now: int) -> list[Effect]:
    """From then on the extra truck drives: none of what it was given is expected earlier."""
    run = day.runs.get(row.run_id or "")
    visits = _given(day, run, incident) if run is not None else []
    if run is None or not visits:
        return []
    if run.state == "scheduled" and run.trip_id not in day.plan.runs:
        run.begins_at(at)
    effects: list[Effect] = []
    for visit in visits:
        effects += put(day, visit.open_from(free_from(day, incident, run.run_id) or at), now)
    set_visits(day, run, now)
    return [*effects, run_record(day, run, now)]


def made_up_for(day: Day, incident: Incident) -> Visit | None:
    """The owed visit that makes up for the blocked one: of the run that skipped it, else of one that took it over."""
    run = day.runs.get(incident.run_id or "")
    here = day.visits.at(incident.room) if incident.room is not None and run is not None else ()
    owed = [one for one in here if one.owed and not one.original and run is not None and one.waste == run.waste]
    return next((one for one in owed if one.run_id == incident.run_id), owed[0] if owed else None)


def has_come(day: Day, row: Answer) -> bool:
    """Whether the truck that was asked for is on its way through what was given to it."""
    run = day.runs.get(row.run_id or "")
    if run is None or run.trip_id in day.plan.runs:  # one that had a run of its own came for that
        return False
    return run.state == "running" or any(visit.arrived_at is not None for visit in day.visits.of(run.order))


def ask_the_next(day: Day, incident: Incident, refused: Answer, now: int) -> tuple[list[Effect], Incident]:
    """What a firm will not do is asked of the next; where there is none it is owed by who owed it, and told."""
    left = day.runs.get(refused.run_id or "")
    visits = _given(day, left, incident) if left is not None else []
    own = day.runs.get(incident.run_id or "")
    if left is None or own is None or not visits:
        return [], incident
    able = [one for one in day.plan.vehicles.values() if _can(day, one, own, visits, incident, now)]
    vehicle = min(able, key=lambda one: _comes_at(day, one, own, visits[0], now), default=None)  # the first of equals
    if vehicle is None or vehicle.contractor is None:
        text = f"{incident.truck}: {refused.party} refused, and no other contractor has a truck for it: decide anew"
        decided = {row.id for row in incident.answers if (row.id, row.state) == (DISPATCHER, "done")}
        told = [row.told_again(now) if row.id in decided else row for row in incident.answers]
        effects = hand_over(day, visits, left, own, incident.reason, now)
        return [*effects, Notice("severe", text)], incident.answering(told, now)
    taking = day.run_of(vehicle.truck_id) or extra_run(
        day, own, vehicle.truck_id, incident, _comes_at(day, vehicle, own, visits[0], now)
    )
    effects = hand_over(day, visits, left, taking, incident.reason, now)
    text = f"{incident.truck}: {refused.party} refused; {vehicle.contractor} is asked for {vehicle.truck_id}"
    after = _asked(incident, vehicle.contractor, vehicle.truck_id, taking.run_id, now)
    return [*effects, Notice("warning", text)], after


def _asked(incident: Incident, firm: str, truck: str, run_id: str, now: int) -> Incident:
    known = incident.answer(f"{CONTRACTOR}.{firm}")
    if known is None:
        return incident.answering([*incident.answers, Answer.asked(CONTRACTOR, firm, now, truck, run_id)], now)
    if known.open:
        return incident  # it is asked, and has not answered or has promised
    again = known.told_again(now, truck, run_id)
    return incident.answering([again if row is known else row for row in incident.answers], now)


def _given(day: Day, run: Run, incident: Incident) -> list[Visit]:
    """What a run owes because of an incident; a lit lamp's truck is not changed any more."""
    rooms = {visit.room for visit in day.visits.of_run(incident.run_id or "") if visit.state == "skipped"}
    return [one for one in day.owed(run) if not one.original and one.room in rooms and one.state != "at_stop"]


def _can(day: Day, vehicle: Vehicle, own: Run, visits: list[Visit], incident: Incident, now: int) -> bool:
    """Whether another firm can be asked for this one: not asked yet, and nothing speaks against its truck."""
    firms = {row.party for row in incident.answers if row.addressee == CONTRACTOR}
    if vehicle.contractor is None or vehicle.contractor in firms:
        return False
    bins = sum(waiting(day, visit, now)[0] or 0 for visit in visits)
    is_room = vehicle.capacity_bins is None or bins <= vehicle.capacity_bins
    if not is_room or why_not(day, own, vehicle.truck_id, now) is not None:
        return False
    times = times_of_extra(day, own, visits, _comes_at(day, vehicle, own, visits[0], now), now)
    return max(times, default=now) <= (on_call_until(day, vehicle, now) or 0)


def _comes_at(day: Day, vehicle: Vehicle, own: Run, first: Visit, now: int) -> int:
    """When its truck could be at the first room."""
    return coming(day, own, vehicle.truck_id, first.room, now).at
