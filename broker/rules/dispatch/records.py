"""Writing down: each change of a visit, call, run or incident becomes a record, and the driver's light follows."""

from typing import Any

from broker.rules.dispatch.attention import take_back
from broker.rules.dispatch.day import Run, Shift
from broker.rules.dispatch.effects import Effect, Publish, Store
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit, record_key
from firmware import wire


def put(shift: Shift, visit: Visit, now: int) -> list[Effect]:
    """Make `visit` the state of its key and keep it."""
    shift.place(visit)
    if not visit.owed:
        take_back(shift, visit)
    return [visit_record(shift, visit, now)]


def visit_record(shift: Shift, visit: Visit, now: int) -> Store:
    """A visit as it stands."""
    key = record_key(visit.key)
    return Store(f"visit:{key}:{shift.next_number()}", "visit", key, now, visit.body())


def call_record(shift: Shift, visit: Visit, now: int, *, ended: str | None = None, label: str | None = None) -> Store:
    """What is known by now of a visit's call: made when, for when, met by the truck when, ended how."""
    called = shift.watch(visit.key)
    if label is not None:
        called.label = label
    body = {
        "call_id": visit.call_id,
        "run_id": visit.run_id,
        "room": visit.room,
        "truck": visit.truck,
        "waste": visit.waste,
        "visit_number": visit.visit_number,
        "called_at": visit.due_at,
        "eta_at": visit.promised_at,
        "label": called.label,
        "arrived_at": visit.arrived_at,
        "lead_s": visit.arrived_at - visit.due_at if visit.arrived_at and visit.due_at else None,
        "ended_at": now if ended else None,
        "how": ended,
    }
    return Store(f"call:{visit.call_id}:{shift.next_number()}", "call", str(visit.call_id), now, body)


def run_record(shift: Shift, run: Run, now: int) -> Store:
    """A run's state and order."""
    return Store(f"run:{run.run_id}:{shift.next_number()}", "run", run.run_id, now, run.body())


def put_incident(shift: Shift, incident: Incident, now: int) -> list[Effect]:
    """Make `incident` the state of its key, keep it at once, and tell the driver's light."""
    shift.incidents[incident.key] = incident
    key = f"{incident.truck}/{incident.incident_id}"
    stored = Store(f"workflow:{key}:{incident.version:06d}", "workflow", key, now, incident.body(), urgent=True)
    if not incident.open:
        return [stored, *close_topics(shift, incident)]
    return [stored, *tell_incident(shift, incident)]


def tell_incident(shift: Shift, incident: Incident) -> list[Effect]:
    """The retained acknowledgement that drives the button's light."""
    body: dict[str, Any] = {
        "incident_id": incident.incident_id,
        "stage": incident.stage,
        "decision": incident.decision,
        "at": incident.changed_at,
    }
    return [Publish(wire.topic("incident_ack", shift.plan.area_id, incident.truck, incident.incident_id), body)]


def close_topics(shift: Shift, incident: Incident) -> list[Effect]:
    """An incident that is over: `closed` once for whoever listens now, then both retained topics cleared."""
    area, truck, name = shift.plan.area_id, incident.truck, incident.incident_id
    return [
        *tell_incident(shift, incident),
        Publish(wire.topic("incident_ack", area, truck, name), None),
        Publish(wire.topic("incident", area, truck, name), None),
    ]


def close_incident(shift: Shift, incident: Incident, now: int) -> list[Effect]:
    """The end of a resolved incident: closed, its retained topics cleared, the light off."""
    return put_incident(shift, incident.after("close", now, closed_at=now, condition="cleared"), now)
