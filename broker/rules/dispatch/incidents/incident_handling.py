"""The button: what a blocked lane or a breakdown changes at once, and what a person's decision changes after it.

A blocked lane needs no person: the nearest owed visit becomes skipped(lane_blocked) and is owed again as a second
visit where it costs least, not before the lane can be clear. A breakdown changes nothing by itself: the truck is
held, and every promise that would change is shown before a dispatcher agrees (see visits/offers.py).
"""

from broker.plan.geometry import distance_m
from broker.rules.day.bins import is_emptied
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.incidents.addressing import addressed, estate_cleared
from broker.rules.dispatch.incidents.contractors import asked, made_up_for
from broker.rules.dispatch.visits.moved_visits import insert_visit, move_visits, owed_again, set_visits
from broker.rules.dispatch.visits.skip_reasons import free_from
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import call_record, put, put_incident, tell_incident
from broker.rules.states.incident import Incident, IncidentError
from broker.rules.states.visit import Visit

OLD_PRESS_S = 900  # a press that reaches us this late says nothing about the lane before the truck now


def raise_incident(day: Day, incident: Incident, now: int) -> list[Effect]:
    """A new press: bound, acted upon and kept in one go."""
    effects, bound = _work_on(day, incident, now)
    return effects + put_incident(day, addressed(day, bound, now), now)


def withdraw(day: Day, incident: Incident, now: int) -> list[Effect]:
    """The driver took the press back: its skip is undone, the press stays in the record."""
    effects = _undo(day, incident, now)
    run = day.runs.get(incident.run_id or "")
    if incident.reason == "breakdown" and run is not None:
        run.tracker.release(now)
        day.changed_runs.note(run.run_id)
    return effects + put_incident(day, incident.withdrawn(now), now)


def upgrade(day: Day, incident: Incident, reason: str, now: int) -> list[Effect]:
    """The driver kept holding: the blocked lane was a breakdown; its skip is undone first."""
    if reason != "breakdown":  # a resend of the first message after the upgrade
        return tell_incident(day, incident)
    effects, broken_down = _work_on(day, incident.said_worse(reason), now)
    return effects + put_incident(day, addressed(day, broken_down, now), now)


def clear_lane(day: Day, incident: Incident, who: str, now: int, *, by_estate: bool = False) -> list[Effect]:
    """Somebody who can see it says the obstacle is gone: the second visit is free, a held truck goes on."""
    if incident.condition == "cleared":
        return []
    if by_estate:
        incident = estate_cleared(incident, who, now)
    effects: list[Effect] = []
    second = made_up_for(day, incident)
    run = day.runs.get(second.run_id if second is not None else incident.run_id or "")
    if run is not None and second is not None and second.state in ("pending", "due"):
        truck_at = free_from(day, incident.cleared(who, now), run.run_id)
        freed = second.freed() if truck_at is None else second.open_from(truck_at)
        effects += put(day, freed, now)
        if freed.state == "pending":
            effects += insert_visit(day, run, freed, now)
        else:  # its lamp is lit: it keeps its place
            set_visits(day, run, now)
    elif run is not None:
        run.tracker.release(now)
        day.changed_runs.note(run.run_id)
    return effects + put_incident(day, incident.cleared(who, now), now)


def decide(day: Day, incident: Incident, decision: str, act: Act, now: int) -> list[Effect]:
    """A dispatcher's decision, carried out; raises IncidentError for one that does not fit the incident."""
    incident.decided(decision, act.who, now)  # whether it can be
    if decision == "return_later" and incident.reason != "lane_blocked":
        raise IncidentError("return_later is for a blocked lane; for a breakdown: extra_truck, wait or cancel_visit")
    effects: list[Effect] = []
    # A rule failed on the press, or on its upgrade: what that changes is made up for now, unless it was taken back.
    unworked = incident.unworked
    behind = unworked and not incident.taken_back
    if behind and (incident.room is None or incident.reason == "breakdown"):
        effects, incident = _work_on(day, incident, now)
        if incident.unworked and decision != "wait":
            raise IncidentError(
                "it is known of no owed visit that this press is about, so nothing can be re-planned for it: "
                "decide to wait, or settle the visit by hand and resolve the press"
            )
    decided = incident.decided(decision, act.who, now)
    run = day.runs.get(incident.run_id or "")
    if run is None:
        return effects + put_incident(day, decided, now)
    second = second_visit(day, incident)
    if incident.reason == "lane_blocked":
        if decision == "return_later" and second is None:
            effects += _skip(day, run, incident, now)
        elif decision == "wait":
            effects += _undo(day, incident, now)
        elif decision == "cancel_visit" and second is not None:
            effects += put(day, second.cancelled("lane_blocked"), now)
        elif decision == "extra_truck" and second is not None:
            effects += move_visits(day, run, [second], incident, act, now, at_once=unworked)
    elif decision == "cancel_visit":
        for visit in day.owed(run):
            effects += _end_call(day, visit, now, "cancelled")
            effects += put(day, visit.cancelled("breakdown"), now)
    elif decision == "extra_truck":
        effects += move_visits(day, run, day.owed(run), incident, act, now, at_once=unworked)
    elif decision == "wait":
        run.tracker.hold(now)
    set_visits(day, run, now)
    day.incidents.end_choosing(incident.key)
    if decision == "extra_truck" and act.truck:
        decided = addressed(day, asked(day, decided, act.truck, now), now)
    return effects + put_incident(day, decided, now)


def second_visit_served(day: Day, visit: Visit, now: int) -> list[Effect]:
    """The truck has been back: the obstacle was gone, so its incident ends; unseen ones are named."""
    effects: list[Effect] = []
    for incident in day.incidents.at(visit.room):
        if not incident.open or not _was_made_up(day, incident, visit):
            continue
        if incident.reason == "breakdown":  # a rule failed on its upgrade: it is about more than this visit
            continue
        if visit.visit_number <= (incident.visit_number or 0):
            continue
        if incident.acknowledged_at is None:
            text = f"{incident.truck}: the blocked lane at {visit.room} solved itself; nobody had acknowledged it"
            effects.append(Notice("warning", text))
        resolved = incident if incident.workflow == "resolved" else incident.resolved(now)
        effects += put_incident(day, resolved.closed(now, incident.cleared_at or now), now)
    return effects


def _was_made_up(day: Day, incident: Incident, visit: Visit) -> bool:
    """Whether a visit was what an incident's run owed, or what another truck took over from it."""
    run = day.runs.get(incident.run_id or "")
    if run is None or run.run_id == visit.run_id:
        return run is not None
    return not visit.original and visit.waste == run.waste and made_up_for(day, incident) is None


def second_visit(day: Day, incident: Incident) -> Visit | None:
    """The visit that makes up for the one an incident skipped, while it is owed."""
    if incident.room is None or incident.run_id is None:
        return None
    for visit in day.visits.at(incident.room):
        if visit.owed and not visit.original and visit.run_id == incident.run_id:
            return visit
    return None


def nearest_owed(day: Day, run: Run, incident: Incident) -> Visit | None:
    """The visit a press is about: the one the truck stood at, else the owed one nearest to where it was pressed.

    Where the bins are emptied already it is about the way ahead: that visit is as good as served.
    """
    owed = day.owed(run)
    there = (visit for visit in owed if visit.state == "at_stop" and (visit.arrived_at or 0) <= incident.raised_at)
    standing = next(there, None)
    if standing is not None and is_emptied(day, standing, incident.raised_at):
        return next((visit for visit in day.ahead(run) if visit is not standing), None)
    if standing is not None or not owed:
        return standing
    lat, lon = incident.lat, incident.lon
    if lat is None or lon is None:
        truck = day.devices.trucks.get(run.truck)
        if truck is None or truck.fix is None:
            return owed[0]
        lat, lon = truck.fix.lat, truck.fix.lon
    rooms = day.plan.places
    return min(owed, key=lambda visit: distance_m(lat, lon, rooms[visit.room].lat, rooms[visit.room].lon))


def _work_on(day: Day, incident: Incident, now: int) -> tuple[list[Effect], Incident]:
    """What a press changes at once, and the incident bound to what it is about; of a breakdown the skip is undone."""
    if incident.reason == "breakdown":
        return _undo(day, incident, now), _breakdown(day, incident.worsened(incident.reason), now)
    run = day.run_of(incident.truck)
    visit = nearest_owed(day, run, incident) if run else None
    late_s = incident.raised_at - incident.pressed_at if incident.pressed_at is not None else 0
    if late_s > OLD_PRESS_S:
        text = f"{incident.truck}: delivered {late_s} s after it was pressed; nothing re-planned"
        return [Notice("warning", text)], incident
    if run is None or visit is None:
        return [], incident  # a truck without a run may still be stuck: a person must see it
    bound = incident.bound_to(run.run_id, visit.room, visit.visit_number, visit.estate)
    return _skip(day, run, bound, now), bound


def _skip(day: Day, run: Run, incident: Incident, now: int) -> list[Effect]:
    """Skip the bound visit and owe it again, not before the lane can be clear."""
    key = (run.run_id, incident.room or "", incident.visit_number or 1)
    visit = day.visits.get(key)
    if visit is None or not visit.owed:
        return []
    effects = _end_call(day, visit, now, "skipped") + put(day, visit.skipped("lane_blocked"), now)
    clear_at = now if incident.condition == "cleared" else now + day.settings.lane_clear_s
    again = owed_again(day, visit, run.run_id, visit.truck, not_before_at=clear_at)
    effects += put(day, again, now)
    return effects + insert_visit(day, run, again, now)


def _undo(day: Day, incident: Incident, now: int) -> list[Effect]:
    """Take back the skip of a blocked lane if the truck has not acted on it yet."""
    run = day.runs.get(incident.run_id or "")
    second = second_visit(day, incident)
    if run is None or second is None or second.state == "at_stop" or incident.room is None:
        return []
    first = day.visits.get((run.run_id, incident.room, incident.visit_number or 1))
    if first is None or first.state != "skipped":
        return []
    effects = put(day, first.restored(), now)
    effects += put(day, second.cancelled("other", undone=True), now)
    set_visits(day, run, now)
    return effects


def _breakdown(day: Day, incident: Incident, now: int) -> Incident:
    """The truck is held; what it owes waits for a person. What was kept of it before has a version of its own."""
    incident = incident.renewed(now) if incident.key in day.incidents else incident
    run = day.run_of(incident.truck)
    if run is None:
        return incident
    run.tracker.hold(now)
    day.changed_runs.note(run.run_id)
    return incident.on_run(run.run_id)


def _end_call(day: Day, visit: Visit, now: int, how: str) -> list[Effect]:
    return [call_record(day, visit, now, ended=how)] if visit.call_id else []
