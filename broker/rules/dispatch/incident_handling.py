"""The button: what a blocked lane or a breakdown changes at once, and what a person's decision changes after it.

A blocked lane needs no person: the nearest owed visit becomes skipped(lane_blocked) and is owed again as a second
visit where it costs least, not before the lane can be clear. A breakdown changes nothing by itself: the truck is
held, and every promise that would change is shown before a dispatcher agrees (see offers.py).
"""

from dataclasses import replace

from broker.plan.geometry import distance_m
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.day import Run, Shift
from broker.rules.dispatch.effects import Effect, Notice
from broker.rules.dispatch.offers import insert_visit, move_visits, owed_again, set_visits
from broker.rules.dispatch.records import call_record, put, put_incident, tell_incident
from broker.rules.states.incident import Incident, IncidentError
from broker.rules.states.visit import Visit

OLD_PRESS_S = 900  # a press that reaches us this late says nothing about the lane before the truck now


def raise_incident(shift: Shift, incident: Incident, now: int) -> list[Effect]:
    """A new press: bound, acted upon and kept in one go."""
    if incident.reason == "breakdown":
        return _breakdown(shift, incident, now)
    return _lane_blocked(shift, incident, now)


def withdraw(shift: Shift, incident: Incident, now: int) -> list[Effect]:
    """The driver took the press back: its skip is undone, the press stays in the record."""
    effects = _undo(shift, incident, now)
    run = shift.runs.get(incident.run_id or "")
    if incident.reason == "breakdown" and run is not None:
        run.tracker.release(now)
        shift.reordered.add(run.run_id)
    return effects + put_incident(shift, incident.after("withdraw", now, condition="cleared", closed_at=now), now)


def upgrade(shift: Shift, incident: Incident, reason: str, now: int) -> list[Effect]:
    """The driver kept holding: the blocked lane was a breakdown; its skip is undone first."""
    if reason != "breakdown":  # a resend of the first message after the upgrade
        return tell_incident(shift, incident)
    effects = _undo(shift, incident, now)
    fresh = replace(incident, reason=reason, room=None, visit_number=None, estate=None, estate_told_at=None)
    return effects + _breakdown(shift, fresh, now)


def clear_lane(shift: Shift, incident: Incident, who: str, now: int) -> list[Effect]:
    """Somebody who can see it says the obstacle is gone: the second visit is free, a held truck goes on."""
    if incident.condition == "cleared":
        return []
    effects: list[Effect] = []
    run = shift.runs.get(incident.run_id or "")
    second = second_visit(shift, incident)
    if run is not None and second is not None and second.state in ("pending", "due"):
        freed = replace(second, not_before_at=None)
        effects += put(shift, freed, now)
        if freed.state == "pending":
            effects += insert_visit(shift, run, freed, now)
        else:  # its lamp is lit: it keeps its place
            set_visits(shift, run, now)
    elif run is not None:
        run.tracker.release(now)
        shift.reordered.add(run.run_id)
    return effects + put_incident(shift, incident.changed(now, condition="cleared", cleared_at=now, who=who), now)


def decide(shift: Shift, incident: Incident, decision: str, act: Act, now: int) -> list[Effect]:
    """A dispatcher's decision, carried out; raises IncidentError for one that does not fit the incident."""
    decided = incident.after("decide", now, decision=decision, who=act.who, decided_at=now)
    if incident.acknowledged_at is None:
        decided = replace(decided, acknowledged_at=now)
    run = shift.runs.get(incident.run_id or "")
    effects: list[Effect] = []
    if decision == "return_later" and incident.reason != "lane_blocked":
        raise IncidentError("return_later is for a blocked lane; for a breakdown: extra_truck, wait or cancel_visit")
    if run is None:
        return put_incident(shift, decided, now)
    second = second_visit(shift, incident)
    if incident.reason == "lane_blocked":
        if decision == "return_later" and second is None:
            effects += _skip(shift, run, incident, now)
        elif decision == "wait":
            effects += _undo(shift, incident, now)
        elif decision == "cancel_visit" and second is not None:
            effects += put(shift, second.after("cancel", reason="lane_blocked"), now)
        elif decision == "extra_truck" and second is not None:
            effects += move_visits(shift, run, [second], incident, act, now)
    elif decision == "cancel_visit":
        for visit in shift.owed(run):
            effects += _end_call(shift, visit, now, "cancelled")
            effects += put(shift, visit.after("cancel", reason="breakdown"), now)
    elif decision == "extra_truck":
        effects += move_visits(shift, run, shift.owed(run), incident, act, now)
    elif decision == "wait":
        run.tracker.hold(now)
    set_visits(shift, run, now)
    return effects + put_incident(shift, decided, now)


def second_visit_served(shift: Shift, visit: Visit, now: int) -> list[Effect]:
    """The truck has been back: the obstacle was gone, so its incident ends; unseen ones are named."""
    effects: list[Effect] = []
    for incident in list(shift.incidents.values()):
        if not incident.open or incident.run_id != visit.run_id or incident.room != visit.room:
            continue
        if visit.visit_number <= (incident.visit_number or 0):
            continue
        if incident.acknowledged_at is None:
            text = f"{incident.truck}: the blocked lane at {visit.room} solved itself; nobody had acknowledged it"
            effects.append(Notice("warning", text))
        resolved = incident if incident.workflow == "resolved" else incident.after("resolve", now)
        cleared_at = incident.cleared_at or now
        closed = resolved.after("close", now, condition="cleared", cleared_at=cleared_at, closed_at=now)
        effects += put_incident(shift, closed, now)
    return effects


def second_visit(shift: Shift, incident: Incident) -> Visit | None:
    """The visit that makes up for the one an incident skipped, while it is owed."""
    if incident.room is None or incident.run_id is None:
        return None
    for visit in shift.visits_at(incident.room):
        if visit.owed and not visit.original and visit.run_id == incident.run_id:
            return visit
    return None


def nearest_owed(shift: Shift, run: Run, incident: Incident) -> Visit | None:
    """The visit a press is about: the one the truck stands at, else the owed one nearest to where it was pressed."""
    owed = shift.owed(run)
    standing = next((visit for visit in owed if visit.state == "at_stop"), None)
    if standing is not None or not owed:
        return standing
    lat, lon = incident.lat, incident.lon
    if lat is None or lon is None:
        truck = shift.trucks.get(run.truck)
        if truck is None or truck.fix is None:
            return owed[0]
        lat, lon = truck.fix.lat, truck.fix.lon
    rooms = shift.plan.rooms
    return min(owed, key=lambda visit: distance_m(lat, lon, rooms[visit.room].lat, rooms[visit.room].lon))


def _lane_blocked(shift: Shift, incident: Incident, now: int) -> list[Effect]:
    run = shift.run_of(incident.truck)
    visit = nearest_owed(shift, run, incident) if run else None
    if incident.pressed_at is not None and now - incident.pressed_at > OLD_PRESS_S:
        text = f"{incident.truck}: pressed {now - incident.pressed_at} s ago and only now delivered; nothing re-planned"
        late = Notice("warning", text)
        return [late, *put_incident(shift, incident, now)]
    if run is None or visit is None:
        return put_incident(shift, incident, now)  # a truck without a run may still be stuck: a person must see it
    bound = replace(
        incident,
        run_id=run.run_id,
        room=visit.room,
        visit_number=visit.visit_number,
        estate=visit.estate,
        estate_told_at=now,
    )
    effects = _skip(shift, run, bound, now)
    return effects + put_incident(shift, bound, now)


def _skip(shift: Shift, run: Run, incident: Incident, now: int) -> list[Effect]:
    """Skip the bound visit and owe it again, not before the lane can be clear."""
    key = (run.run_id, incident.room or "", incident.visit_number or 1)
    visit = shift.visits.get(key)
    if visit is None or not visit.owed:
        return []
    effects = _end_call(shift, visit, now, "skipped") + put(shift, visit.after("skip", reason="lane_blocked"), now)
    clear_at = now if incident.condition == "cleared" else now + shift.settings.lane_clear_s
    again = owed_again(shift, visit, run.run_id, visit.truck, not_before_at=clear_at)
    effects += put(shift, again, now)
    return effects + insert_visit(shift, run, again, now)


def _undo(shift: Shift, incident: Incident, now: int) -> list[Effect]:
    """Take back the skip of a blocked lane if the truck has not acted on it yet."""
    run = shift.runs.get(incident.run_id or "")
    second = second_visit(shift, incident)
    if run is None or second is None or second.state == "at_stop" or incident.room is None:
        return []
    first = shift.visits.get((run.run_id, incident.room, incident.visit_number or 1))
    if first is None or first.state != "skipped":
        return []
    if first.arrived_at is not None and first.left_at is None:
        step = "restore_at_stop"
    else:
        step = "restore_due" if first.call_id else "restore"
    effects = put(shift, first.after(step, reason=None), now)
    effects += put(shift, second.after("cancel", reason="other", undone=True), now)
    set_visits(shift, run, now)
    return effects


def _breakdown(shift: Shift, incident: Incident, now: int) -> list[Effect]:
    run = shift.run_of(incident.truck)
    if run is None:
        return put_incident(shift, incident, now)
    run.tracker.hold(now)
    shift.reordered.add(run.run_id)
    bound = replace(incident, run_id=run.run_id)
    if incident.key in shift.incidents:
        bound = bound.changed(now)
    return put_incident(shift, bound, now)


def _end_call(shift: Shift, visit: Visit, now: int, how: str) -> list[Effect]:
    return [call_record(shift, visit, now, ended=how)] if visit.call_id else []
