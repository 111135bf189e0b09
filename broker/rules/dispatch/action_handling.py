"""What people do: an action from the screen, a command or the simulator becomes changes of incidents and visits."""

from dataclasses import asdict

from broker.rules.dispatch import incident_handling
from broker.rules.dispatch.actions import ACTIONS, Act, ActionError
from broker.rules.dispatch.day import Shift
from broker.rules.dispatch.effects import Effect, Store
from broker.rules.dispatch.offers import insert_visit, owed_again, set_visits
from broker.rules.dispatch.records import call_record, put, put_incident
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit
from firmware import wire


def carry_out(shift: Shift, act: Act, now: int) -> list[Effect]:
    """The effects of an action; raises ActionError, IncidentError, VisitError, ReplanError and changes nothing then."""
    stored = Store(
        f"action:{shift.next_number()}", "action", act.who, now, asdict(act), urgent=True
    )
    if act.action in ("serve", "skip"):
        return [stored, *_act_on_visit(shift, act, now)]
    if act.action == "weigh":
        return [stored, _weigh(shift, act, now)]
    incident = shift.incidents.get(act.incident or ("", ""))
    if incident is None:
        raise ActionError("no such incident; it may have been withdrawn before it was stored", missing=True)
    if act.version is not None and not incident.is_seen(act.version):
        text = f"somebody changed this incident meanwhile (version {incident.version}): look again, then decide"
        raise ActionError(text, stale=True)
    return [stored, *_act_on_incident(shift, act, incident, now)]


def _weigh(shift: Shift, act: Act, now: int) -> Store:
    """What the transfer station weighed."""
    if act.waste not in wire.WASTES:
        raise ActionError(f"waste must be one of {' '.join(wire.WASTES)}, got {act.waste!r}")
    if act.truck is None or act.grams is None or act.grams < 0:
        raise ActionError("a weigh-in needs truck and grams (0 or more)")
    body = {"truck": act.truck, "run_id": act.run_id, "waste": act.waste, "grams": act.grams, "at": now}
    key = f"{act.truck}/{shift.next_number()}"  # each is one of its own: no later one takes its place
    return Store(f"weighing:{key}", "weighing", key, now, {**body, "who": act.who})


def _act_on_incident(shift: Shift, act: Act, incident: Incident, now: int) -> list[Effect]:
    if act.action == "acknowledge":
        changed = incident.after("acknowledge", now, who=act.who, acknowledged_at=now)
        return put_incident(shift, changed, now)
    if act.action == "decide":
        if act.decision not in wire.DECISIONS:
            raise ActionError(f"decision must be one of {' '.join(wire.DECISIONS)}, got {act.decision!r}")
        return incident_handling.decide(shift, incident, act.decision, act, now)
    if act.action == "clear":
        return incident_handling.clear_lane(shift, incident, act.who, now)
    if act.action == "estate_ack":
        return put_incident(shift, incident.changed(now, estate_ack_at=now), now)
    if act.action == "resolve":
        return put_incident(shift, incident.after("resolve", now, who=act.who), now)
    raise ActionError(f"no such action {act.action!r}; there are {' '.join(ACTIONS)}")


def _act_on_visit(shift: Shift, act: Act, now: int) -> list[Effect]:
    visit = shift.visits.get(act.visit or ("", "", 0))
    run = shift.runs.get(visit.run_id) if visit else None
    if visit is None or run is None:
        raise ActionError("no such visit", missing=True)
    if act.action == "serve":
        step = "leave" if visit.state == "at_stop" else "serve"
        served = visit.after(step, left_at=_left_at(shift, visit, now), by_hand=True)
        effects = put(shift, served, now) + incident_handling.second_visit_served(shift, served, now)
    else:
        if act.reason not in wire.SKIP_REASONS:
            raise ActionError(f"reason must be one of {' '.join(wire.SKIP_REASONS)}, got {act.reason!r}")
        effects = put(shift, visit.after("skip", reason=act.reason), now)
        again = owed_again(shift, visit, run.run_id, run.truck, not_before_at=None)
        effects += put(shift, again, now)
        effects += insert_visit(shift, run, again, now)
    if visit.call_id:
        how = "served" if act.action == "serve" else "skipped"
        effects.append(call_record(shift, shift.visits[visit.key], now, ended=how))
    set_visits(shift, run, now)
    return effects


def _left_at(shift: Shift, visit: Visit, now: int) -> int | None:
    """When a truck left a visit that a person calls served: the moment of the click says nothing about a truck that is
    not seen to stand there; then it is when it passed by, or not known.
    """
    if visit.state != "at_stop":
        return visit.passed_at
    truck, run = shift.trucks.get(visit.truck), shift.run_of(visit.truck)
    fix = truck.fix if truck is not None and run is not None and run.run_id == visit.run_id else None
    return now if fix is not None and fix.fresh(now) else None
