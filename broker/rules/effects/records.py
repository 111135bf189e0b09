"""Writing down: each change of a visit, call, run or incident becomes a record, and the driver's light follows."""

from collections.abc import Mapping, Sequence
from typing import Any

from broker.rules.arrival.believed import learned_on_the_way
from broker.rules.arrival.prediction import Eta, expected_stays
from broker.rules.bookings.book import Round
from broker.rules.day.attention.asked import Topic
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.effects.attention import ask_about_incident, ask_about_passed
from broker.rules.effects.call_errors import what_was_off
from broker.rules.effects.effect import Effect, Keep, Notice, Publish
from broker.rules.states.booking import Booking
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit, VisitKey, record_key
from firmware import wire


def put(day: Day, visit: Visit, now: int) -> list[Effect]:
    """Make `visit` the state of its key and keep it."""
    day.visits.place(visit)
    if not visit.owed:
        day.attention.answered(Topic.PASSED, visit.key)
    elif visit.passed_at is not None and visit.key not in day.attention.of(Topic.PASSED):
        ask_about_passed(day, visit, visit.passed_at)  # owed again after a press that was taken back
    return [visit_record(day, visit, now)]


def visit_record(day: Day, visit: Visit, now: int) -> Keep:
    """A visit as it stands."""
    key = record_key(visit.key)
    return Keep(f"visit:{key}:{day.clock.next_number()}", "visit", key, now, visit.body())


def call_record(
    day: Day, visit: Visit, now: int, *, ended: str | None = None, is_first: bool = False
) -> Keep:
    """What is known by now of a visit's call: made when, of which kind, for when, shown when, met by the truck when,
    ended how; the first one also has what the promise rested on (`broker/rules/statistics/explained.py` reads it), the
    last one of a served visit what of that was off."""
    watch = day.visits.watch(visit.key)
    body: dict[str, Any] = {
        "call_id": visit.call_id,
        "run_id": visit.run_id,
        "room": visit.room,
        "truck": visit.truck,
        "waste": visit.waste,
        "visit_number": visit.visit_number,
        "called_at": visit.due_at,
        "eta_at": visit.promised_at,
        "label": watch.label,
        "kind": watch.kind,
        "route": visit.route,
        "estate": visit.estate,
        "lit_at": watch.lit_at,
        "held_at": watch.held_at,
        "arrived_at": visit.arrived_at,
        "lead_s": visit.arrived_at - visit.due_at if visit.arrived_at and visit.due_at else None,
        "ended_at": now if ended else None,
        "how": ended,
    }
    if is_first:
        body["rests_on"] = watch.rests_on
    if ended == "served":
        body["off"] = what_was_off(day, visit)
    kept = Keep(f"call:{visit.call_id}:{day.clock.next_number()}", "call", str(visit.call_id), now, body)
    if ended:
        day.call_scores.take(kept, day.plan.timezone)
    elif visit.arrived_at is None:
        day.call_scores.take_back(kept.key)
    return kept


def promise_basis(
    day: Day, run: Run, etas: Sequence[Eta], bins: Mapping[tuple[str, str], int], key: VisitKey, now: int
) -> dict[str, Any]:
    """What is believed of a run's visits up to this one, `etas` being all of them: when its truck reaches each, how
    long it stays, for how many bins (None: not known), and what of that was learned (`LearnedOf`)."""
    visits = []
    for eta, stay_s in zip(etas, expected_stays(run.tracker, day.history, bins, etas, now), strict=True):
        room, number = eta.key
        visits.append([room, number, eta.eta_at, stay_s, bins.get((room, run.waste))])
        if eta.key == key[1:]:
            break
    fix, learned = run.tracker.fix, learned_on_the_way(run.tracker, day.history, etas[: len(visits)], now)
    fix_at = fix.fix_at if fix is not None else None
    return {"fix_at": fix_at, "visits": visits, "learned": [[*row[:-1], list(row.streets_s)] for row in learned]}


def run_record(day: Day, run: Run, now: int) -> Keep:
    """A run's state and order."""
    return Keep(f"run:{run.run_id}:{day.clock.next_number()}", "run", run.run_id, now, run.body())


def put_booking(day: Day, changed: Booking | Round, now: int) -> Keep:
    """Make a booking, or a round, the state of its id, and keep it at once."""
    day.bookings.place(changed)
    kind, key = ("round", changed.round_id) if isinstance(changed, Round) else ("booking", changed.booking_id)
    return Keep(f"{kind}:{key}:{changed.version:06d}", kind, key, now, changed.body(), urgent=True)


def put_incident(day: Day, incident: Incident, now: int) -> list[Effect]:
    """Make `incident` the state of its key, keep it at once, and tell the driver's light."""
    day.incidents.place(incident)
    ask_about_incident(day, incident)
    key = f"{incident.truck}/{incident.incident_id}"
    stored = Keep(f"workflow:{key}:{incident.version:06d}", "workflow", key, now, incident.body(), urgent=True)
    if not incident.open:
        return [stored, *close_topics(day, incident), *_told_in_vain(incident)]
    return [stored, *tell_incident(day, incident)]


def _told_in_vain(incident: Incident) -> list[Effect]:
    """At the end it is said who was told and need not have been, or did nothing."""
    rows = incident.told_in_vain
    if not rows:
        return []
    said = ", ".join(f"{row.id} ({row.state})" for row in rows)
    return [Notice("info", f"{incident.truck}: {incident.reason} is over; told in vain: {said}")]


def tell_incident(day: Day, incident: Incident, *, stored_only: bool = False) -> list[Effect]:
    """The retained acknowledgement that drives the button's light; `stored_only`: nothing but that is sure."""
    body: dict[str, Any] = {
        "incident_id": incident.incident_id,
        "stage": "stored" if stored_only else incident.stage,
        "decision": None if stored_only else incident.decision,
        "at": incident.changed_at,
    }
    if not stored_only:
        rows = (row for row in incident.answers if row.ended_at is None)
        body["answers"] = [{"from": row.id, "state": row.state, "until_at": row.until_at} for row in rows]
    return [Publish(wire.topic("incident_ack", day.plan.area_id, incident.truck, incident.incident_id), body)]


def close_topics(day: Day, incident: Incident) -> list[Effect]:
    """An incident that is over: `closed` once for whoever listens now, then both retained topics cleared."""
    area, truck, name = day.plan.area_id, incident.truck, incident.incident_id
    return [
        *tell_incident(day, incident),
        Publish(wire.topic("incident_ack", area, truck, name), None),
        Publish(wire.topic("incident", area, truck, name), None),
    ]


def close_incident(day: Day, incident: Incident, now: int) -> list[Effect]:
    """The end of a resolved incident: closed, its retained topics cleared, the light off."""
    return put_incident(day, incident.closed(now), now)
