"""Visits that move: owed again after a skip, put where they cost least, or taken over by another truck as agreed."""

from dataclasses import replace
from hashlib import blake2b

from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.visits.extra_truck import check_extra_truck
from broker.rules.dispatch.visits.offered_times import EXTRA
from broker.rules.dispatch.visits.offers import agreed
from broker.rules.dispatch.visits.replan_error import ReplanError
from broker.rules.dispatch.visits.tours import stop_of, tour_of, ways_of
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import call_record, put, run_record
from broker.rules.replanning.offers import insert
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit, VisitKey
from firmware import wire


def set_visits(day: Day, run: Run, now: int) -> None:
    """Tell the tracker what the run owes now, in the order of `run.order`, and have it predicted anew."""
    route = day.plan.route(run.route_id)
    run.tracker.set_visits([day.track_visit(visit, route) for visit in day.owed(run)], now)
    day.changed_runs.note(run.run_id)


def insert_visit(day: Day, run: Run, visit: Visit, now: int, *, earliest_at: int | None = None) -> list[Effect]:
    """Put an owed visit where it costs its run least, for a coming at `earliest_at` or later; where it fits nowhere it
    comes last and a person is told."""
    run.take_out(visit.key)
    tour, stop = tour_of(day, run, now), stop_of(day, run, visit, now)
    # When it was expected so far is no promise: its lane is clear, its road is open, its room was not called yet.
    stop = replace(stop, open_at=max(stop.open_at or 0, earliest_at or 0) or None, before_at=visit.promised_at)
    offer = insert(tour, stop, ways_of(day, run, now))
    effects: list[Effect] = []
    if offer.unplaced:
        text = f"{visit.truck}: {day.plan.places[visit.room].name} comes last, though {offer.unplaced[0].reason}"
        effects.append(Notice("warning", text))
        run.reorder([*(stop.key for stop in tour.stops), visit.key])
    else:
        run.reorder([stop.key for stop in offer.tours[0].stops])
    set_visits(day, run, now)
    return [*effects, run_record(day, run, now)]


def owed_again(
    day: Day, visit: Visit, run_id: str, truck: str, *, not_before_at: int | None, skipped_here_at: int | None = None
) -> Visit:
    """A new visit that makes up for a skipped one, in the same run or in another's."""
    taken = [one.visit_number for one in day.visits.at(visit.room) if one.run_id == run_id]
    run = day.runs.get(run_id)
    sequences = [day.visits[key].sequence for key in run.order] if run else []
    moments = [at for at in (not_before_at, visit.window_at) if at is not None]
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
        not_before_at=max(moments, default=None),
        window_at=visit.window_at,
        original=False,
        by_appointment=visit.by_appointment,
        skipped_here_at=skipped_here_at,
    )


def move_visits(
    day: Day, run: Run, visits: list[Visit], incident: Incident, act: Act, now: int, *, at_once: bool = False
) -> list[Effect]:
    """Carry out the offer that a person agreed to: each moved visit becomes a new visit of the run that takes it over.

    `act.truck` names the contractor's truck where the offer uses one. What it could not place stays owed, and is told.
    `at_once`: nothing could be shown before.
    """
    if not visits:
        raise ReplanError("nothing is left to move: its visits were moved or settled before")
    offer = agreed(day, run, visits, incident, act, now, at_once=at_once)
    extra_used = any(tour.truck == EXTRA and tour.stops for tour in offer.tours)
    truck = check_extra_truck(day, run, offer, act.truck, now) if extra_used else ""
    effects: list[Effect] = []
    for tour in offer.tours:
        if not tour.stops or tour.truck == run.truck:
            continue
        taking = day.runs.get(tour.run_id)
        if tour.truck == EXTRA:
            first_at = min(one.after_at or now for one in offer.changes if one.to_truck == EXTRA)
            taking = extra_run(day, run, truck, incident, first_at)
        if taking is None:
            raise ReplanError(f"run {tour.run_id} is over")
        order: list[VisitKey] = []
        for stop in tour.stops:
            if stop.key[0] == taking.run_id:
                order.append(stop.key)
                continue
            moved = day.visits[stop.key]
            again = owed_again(day, moved, taking.run_id, taking.truck, not_before_at=moved.not_before_at)
            if moved.call_id:
                effects.append(call_record(day, moved, now, ended="skipped"))
            effects += put(day, moved.skipped(incident.reason), now)
            effects += put(day, again, now)
            order.append(again.key)
        before = [key for key in taking.order if day.visits[key].owed and key not in order]
        taking.reorder([*before, *order])
        set_visits(day, taking, now)
        effects.append(run_record(day, taking, now))
    effects += [
        Notice("severe", f"{run.truck}: {entry.stop.place} has no truck: {entry.reason}") for entry in offer.unplaced
    ]
    set_visits(day, run, now)
    return [*effects, run_record(day, run, now)]


def hand_over(day: Day, visits: list[Visit], left: Run, taking: Run, reason: str, now: int) -> list[Effect]:
    """Have another run owe what one owed: each visit as a new one, in the order that they had, behind what it owes."""
    effects: list[Effect] = []
    order = [visit.key for visit in day.owed(taking)]
    for visit in visits:
        again = owed_again(day, visit, taking.run_id, taking.truck, not_before_at=visit.not_before_at)
        if visit.call_id:
            effects.append(call_record(day, visit, now, ended="skipped"))
        effects += put(day, visit.skipped(reason), now)
        effects += put(day, again, now)
        order.append(again.key)
    taking.reorder(order)
    if taking.state == "finished":  # it had given away all that it owed, and nobody follows what is over
        taking.goes_on()
    for run in (taking, left):
        set_visits(day, run, now)
        effects.append(run_record(day, run, now))
    return effects


def extra_run(day: Day, run: Run, truck: str, incident: Incident, first_at: int) -> Run:
    """A run of its own for a truck that has none, which is expected at its first room then; each further one of an
    incident has another id."""
    run_id = f"extra-{run.truck}-{incident.incident_id}"
    if run_id in day.runs:
        run_id = f"extra-{truck}-{run.truck}-{incident.incident_id}"
    if len(run_id) > wire.MAX_ID_BYTES:
        run_id = f"extra-{blake2b(run_id.encode(), digest_size=16).hexdigest()}"
    route, vehicle = day.plan.route(run.route_id), day.plan.vehicles.get(truck)
    assert route is not None  # a run without one is not restored
    extra = Run(
        run_id=run_id,
        trip_id=run_id,
        route_id=run.route_id,
        truck=truck,
        waste=run.waste,
        planned_start_at=first_at,
        planned_end_at=max(run.planned_end_at, first_at),
        order=(),
        tracker=day.new_tracker(run_id, route, truck, [], first_at),
        capacity_bins=vehicle.capacity_bins if vehicle is not None else None,
        shift_end_at=run.shift_end_at,
    )
    day.runs.keep(extra)
    return extra
