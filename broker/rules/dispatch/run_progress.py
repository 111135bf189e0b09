"""How a run goes on: positions become visits, visits become predictions, predictions become lamps.

    follow(run, events)        what the tracker saw: moving, arrived, left, passed by
    update(run)                predict anew, call the lamps that are due, tell the rooms and the truck
    finish_if_settled(run)     a run that owes nothing any more ends, and its truck gets its next one

Each returns what must be stored, published and told. `follow` settles what has happened, `update` says what will.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from broker.rules.arrival.lamp_call import call_id_of, call_now, held_now
from broker.rules.arrival.prediction import predict
from broker.rules.dispatch import incident_handling
from broker.rules.dispatch.attention import ask_about_passed, take_back
from broker.rules.dispatch.bin_counts import count_at
from broker.rules.dispatch.day import RoomState, Run, Shift
from broker.rules.dispatch.effects import Effect, Store
from broker.rules.dispatch.messages import rooms_of, tell_rooms, tell_truck
from broker.rules.dispatch.records import call_record, put, run_record
from broker.rules.states.visit import Visit, record_key
from broker.rules.tracking.tracker import TrackEvent, TrackKind


def follow(shift: Shift, run: Run, events: Iterable[TrackEvent], now: int) -> list[Effect]:
    """Settle what a run's tracker saw, and learn its driving and standing times."""
    effects: list[Effect] = []
    for event in events:
        if event.leg is not None:
            shift.history.learn_leg(event.leg)
            effects.append(_learned("leg", run, event.leg.to_room, event.at, event.leg.to_body()))
        if event.dwell is not None:
            known = shift.visits.get((run.run_id, *event.key)) if event.key else None
            dwell = replace(event.dwell, bins=known.bins_before if known else None)
            shift.history.learn_dwell(dwell)
            effects.append(_learned("dwell", run, dwell.room_id, event.at, dwell.to_body()))
        if event.kind == TrackKind.MOVING:
            effects += _start(shift, run, event.at)
        if event.key is None:
            continue
        visit = shift.visits.get((run.run_id, *event.key))
        if visit is None or not visit.owed:
            continue
        if event.kind == TrackKind.ARRIVED and visit.state != "at_stop":
            effects += _start(shift, run, event.at)
            effects += _arrived(shift, run, replace(visit, inferred=event.inferred), event.at, now)
        elif event.kind == TrackKind.LEFT and visit.state == "at_stop":
            effects += _left(shift, run, visit, event.at, now)
        elif event.kind == TrackKind.PASSED_WITHOUT_DWELL:
            effects += _passed(shift, visit, event.at, now)
    return effects


def _start(shift: Shift, run: Run, at: int) -> list[Effect]:
    if run.state != "scheduled":
        return []
    run.state, run.started_at = "running", at
    return [run_record(shift, run, at)]


def _arrived(shift: Shift, run: Run, visit: Visit, at: int, now: int) -> list[Effect]:
    count = shift.rooms.setdefault(visit.room, RoomState()).bins.get(visit.waste)
    take_back(shift, visit)
    arrived = visit.after(
        "arrive",
        arrived_at=at,
        passed_at=None,
        bins_before=count.count if count else None,
        grams_before=count.grams if count else None,
    )
    effects = put(shift, arrived, now)
    if visit.call_id is not None:
        effects.append(call_record(shift, arrived, now))
    errors = run.promises.arrived((visit.room, visit.visit_number), at)
    for error in errors:
        shift.history.learn_error(error)
    if errors:
        body = {"errors": [error.to_body() for error in errors]}
        effects.append(Store(f"error:{record_key(visit.key)}:{at}", "error", run.route_id, at, body))
    return effects


def _left(shift: Shift, run: Run, visit: Visit, at: int, now: int) -> list[Effect]:
    bins, grams = count_at(shift, visit)
    left = visit.after("leave", left_at=at, bins_after=bins, grams_after=grams)
    effects = put(shift, left, now)
    if visit.call_id is not None:
        effects.append(call_record(shift, left, now, ended="served"))
    effects += incident_handling.second_visit_served(shift, left, now)
    return effects + finish_if_settled(shift, run, now)


def _passed(shift: Shift, visit: Visit, at: int, now: int) -> list[Effect]:
    """A stop passed without a stop: never silently served; a person is asked."""
    ask_about_passed(shift, visit, at)
    return put(shift, replace(visit, passed_at=at), now)


def finish_if_settled(shift: Shift, run: Run, now: int) -> list[Effect]:
    """Close a run that owes nothing; its truck gets its next run."""
    if run.state == "finished" or shift.owed(run):
        return []
    run.state, run.ended_at = "finished", now
    shift.attention.pop(f"owes/{run.run_id}", None)
    effects: list[Effect] = [run_record(shift, run, now)]
    following = shift.run_of(run.truck)
    if following is not None:
        effects += update(shift, following, now)
    return effects + tell_truck(shift, following or run, now, changed=True)


def update(shift: Shift, run: Run, now: int, *, changed: bool = False) -> list[Effect]:
    """Predict a run anew, make the calls that are due, and tell its rooms and its truck what changed."""
    run.updated_at = now
    before = [shift.visits[key].state for key in run.order]
    etas = predict(run.tracker, shift.history, shift.counts(), now)
    run.etas = {(run.run_id, *eta.key): eta for eta in etas}
    truck = shift.trucks.get(run.truck)
    run.promises.note(etas, now)
    heard = truck is not None and truck.fix is not None and truck.fix.fresh(now)
    effects: list[Effect] = []
    for key, eta in run.etas.items():
        visit = shift.visits.get(key)
        if visit is None or not visit.owed:
            continue
        watch = shift.watch(key)
        if not heard:
            # No fresh position: the prediction may be shown, but it neither lights nor clears.
            watch.below_since = None
            if eta.label in ("live", "history", "timetable"):
                run.etas[key] = replace(eta, label="stale")
            continue
        active = shift.run_of(run.truck) is run
        if active and call_now(watch, visit, eta, shift.settings.calls, now):
            effects += _call(shift, visit, eta.eta_at, eta.label, now)
        else:
            held_now(watch, visit, eta, shift.settings.calls)
    effects += _keep_lit(shift, run, now)
    settled = before != [shift.visits[key].state for key in run.order]
    effects += tell_rooms(shift, rooms_of(run), now)
    return effects + tell_truck(shift, run, now, changed=changed or settled)


def _keep_lit(shift: Shift, run: Run, now: int) -> list[Effect]:
    """Decide once, when a called visit was skipped, whether its lamp stays lit (held) until the truck is back.

    After a breakdown it does: a lit lamp is frozen. Else it does if the truck is back within `back_within_s`;
    if not, the bins are rolled back in and the second visit has its own call.
    """
    effects: list[Effect] = []
    for key in run.order:
        back = shift.visits[key]
        eta = run.etas.get(key)
        if back.original or back.state != "pending" or eta is None:
            continue
        for visit in shift.visits_at(back.room, back.waste):
            if visit.state == "skipped" and visit.call_id and visit.kept_lit is None and visit.key != back.key:
                soon = eta.eta_at - now <= shift.settings.calls.back_within_s
                kept = visit.reason == "breakdown" or soon
                effects += put(shift, replace(visit, kept_lit=kept), now)
    return effects


def _call(shift: Shift, visit: Visit, eta_at: int, label: str, now: int) -> list[Effect]:
    called = visit.after("call", due_at=now, promised_at=eta_at, call_id=call_id_of(visit))
    return [*put(shift, called, now), call_record(shift, called, now, label=label)]


def _learned(kind: str, run: Run, room: str, at: int, body: dict[str, Any]) -> Store:
    return Store(f"{kind}:{run.run_id}:{room}:{at}", kind, room, at, body)
