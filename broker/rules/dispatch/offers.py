"""From the runs to re-planning and back: what a truck still owes becomes a tour, an accepted offer becomes orders.

The re-planning itself is replan.py; here its places get their distances (learned legs first, see history.py) and
its tours become visits, records and the order that a truck is told.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from broker.plan.geometry import distance_m
from broker.rules.dispatch.actions import Act
from broker.rules.dispatch.day import Run, Shift
from broker.rules.dispatch.effects import Effect, Notice
from broker.rules.dispatch.records import call_record, put, run_record
from broker.rules.dispatch.run_opening import new_tracker
from broker.rules.replanning import options
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit, VisitKey, record_key
from firmware import wire

EXTRA = "extra"  # the place of the contractor's truck in an offer until the dispatcher names it
EXTRA_COMES_S = 1200
TO_FIRST_STOP_S = 600  # a truck whose run has not begun leaves for its first stop about this long before


class ReplanError(ValueError):
    """A plan that cannot be made; the text says what is missing."""


def set_visits(shift: Shift, run: Run, now: int) -> None:
    """Tell the tracker what the run owes now, in the order of `run.order`, and have it predicted anew."""
    route = shift.plan.routes.get(run.route_id)
    run.tracker.set_visits([shift.track_visit(visit, route) for visit in shift.owed(run)], now)
    shift.reordered.add(run.run_id)


def insert_visit(shift: Shift, run: Run, visit: Visit, now: int) -> list[Effect]:
    """Put an owed visit where it costs its run least; where it fits nowhere it comes last and a person is told."""
    run.order = [key for key in run.order if key != visit.key]
    tour = _tour(shift, run, now)
    offer = options.insert(tour, _stop(shift, run, visit), _ways(shift, run, now))
    effects: list[Effect] = []
    if offer.unplaced:
        text = f"{visit.truck}: {shift.plan.rooms[visit.room].name} comes last, though {offer.unplaced[0].reason}"
        effects.append(Notice("warning", text))
        _reorder(run, [*(stop.key for stop in tour.stops), visit.key])
    else:
        _reorder(run, [stop.key for stop in offer.tours[0].stops])
    set_visits(shift, run, now)
    return [*effects, run_record(shift, run, now)]


def offers_for(shift: Shift, run: Run, visits: Sequence[Visit], now: int) -> tuple[options.Option, ...]:
    """What can be done with visits that `run` cannot serve: other trucks of the same waste, an extra truck, both."""
    broken = replace(_tour(shift, run, now), stops=tuple(_stop(shift, run, visit) for visit in visits))
    others = [
        _tour(shift, other, now)
        for other in sorted(shift.runs.values(), key=lambda other: other.run_id)
        if other.truck != run.truck and other.waste == run.waste and shift.run_of(other.truck) is other
    ]
    extra = options.Tour(
        truck=EXTRA, run_id=EXTRA, start=broken.start, start_at=now + EXTRA_COMES_S, stops=(),
        wastes=frozenset({run.waste}), shift_end_at=run.shift_end_at,
    )
    return options.breakdown(broken, others, _ways(shift, run, now), extra)


def offer_id(offer: options.Option) -> str:
    """What tells one offer from another: who takes over what in which order, and whom it lets down.

    Not the minutes, which drift while a person looks; a promise that they break makes it another offer.
    """
    deal = [
        (record_key(change.key), change.to_truck, change.broken)
        for change in offer.changes
        if change.broken or change.to_truck != change.from_truck
    ]
    return blake2b(repr(deal).encode(), digest_size=8).hexdigest()


def offer_body(shift: Shift, offer: options.Option) -> dict[str, Any]:
    """An offer as the dispatcher sees it: every promise that would change, before anything does."""
    return {
        "id": offer_id(offer),
        "name": offer.name,
        "cost_s": offer.cost_s,
        "detour_s": offer.detour_s,
        "broken_promises": offer.broken,
        "changes": [
            {
                "visit": record_key(change.key),
                "room": change.key[1],
                "room_name": shift.plan.rooms[change.key[1]].name,
                "from_truck": change.from_truck,
                "to_truck": change.to_truck,
                "before_at": change.before_at,
                "after_at": change.after_at,
                "broken": change.broken,
            }
            for change in offer.changes
        ],
        "unplaced": [{"visit": record_key(entry.stop.key), "reason": entry.reason} for entry in offer.unplaced],
    }


def _place(shift: Shift, place: str) -> tuple[float, float]:
    """Where a place of a tour is: a room, or `@<truck>` for where that truck is now."""
    if not place.startswith("@"):
        room = shift.plan.rooms[place]
        return room.lat, room.lon
    truck = shift.trucks.get(place[1:])
    if truck is not None and truck.fix is not None:
        return truck.fix.lat, truck.fix.lon
    run = shift.run_of(place[1:])
    first = shift.plan.rooms[run.order[0][1]] if run and run.order else next(iter(shift.plan.rooms.values()))
    return first.lat, first.lon


def _ways(shift: Shift, run: Run, now: int) -> options.Ways:
    counts = shift.counts()

    def travel_s(origin: str, to: str) -> int:
        if origin == to:
            return 0
        (lat1, lon1), (lat2, lon2) = _place(shift, origin), _place(shift, to)
        length_m = distance_m(lat1, lon1, lat2, lon2) * shift.settings.streets.detour_factor
        known = "" if origin.startswith("@") else origin
        return max(0, round(shift.history.leg_s(run.route_id, known, to, length_m, now)[0]))

    def dwell_s(stop: options.Stop) -> int:
        whole_s = shift.history.dwell_s(stop.place, stop.waste, counts.get((stop.place, stop.waste)), now)
        visit = shift.visits.get(stop.key)
        if visit is not None and visit.state == "at_stop" and visit.arrived_at is not None:
            whole_s -= now - visit.arrived_at  # the truck stands there already
        return max(0, round(whole_s))

    return options.Ways(travel_s, dwell_s, shift.settings.calls.slip_s)


def _stop(shift: Shift, run: Run, visit: Visit) -> options.Stop:
    eta = run.etas.get(visit.key)
    return options.Stop(
        key=visit.key,
        place=visit.room,
        waste=visit.waste,
        bins=shift.counts().get((visit.room, visit.waste), 0),
        open_at=visit.not_before_at,
        before_at=visit.promised_at or (eta.eta_at if eta else None),
        frozen=visit.state in ("due", "at_stop"),
    )


def _tour(shift: Shift, run: Run, now: int) -> options.Tour:
    owed = shift.owed(run)
    standing = owed[0].room if owed and owed[0].state == "at_stop" else None
    served = [shift.visits[key] for key in run.order if shift.visits[key].state == "served"]
    return options.Tour(
        truck=run.truck,
        run_id=run.run_id,
        start=standing or f"@{run.truck}",
        start_at=now if run.state == "running" else max(now, run.planned_start_at - TO_FIRST_STOP_S),
        stops=tuple(_stop(shift, run, visit) for visit in owed),
        wastes=frozenset({run.waste}),
        loaded_bins=sum(max(0, (visit.bins_before or 0) - (visit.bins_after or 0)) for visit in served),
        capacity_bins=run.capacity_bins,
        shift_end_at=run.shift_end_at,
    )


def _reorder(run: Run, owed: Sequence[VisitKey]) -> None:
    """Put the owed visits into this order; what is settled keeps its place among them."""
    wanted = list(owed)
    known = set(owed)
    run.order = [wanted.pop(0) if key in known else key for key in run.order] + wanted


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
    shift: Shift, run: Run, visits: list[Visit], incident: Incident, act: Act, now: int
) -> list[Effect]:
    """Carry out the offer that a person agreed to: each moved visit becomes a new visit of the run that takes it over.

    `act.truck` names the contractor's truck where the offer uses one. What it could not place stays owed, and is told.
    """
    if not visits:
        raise ReplanError("nothing is left to move: its visits were moved or settled before")
    offer = _agreed(shift, incident, offers_for(shift, run, visits, now), act, now)
    truck = act.truck
    extra_used = any(tour.truck == EXTRA and tour.stops for tour in offer.tours)
    if extra_used and not truck:
        raise ReplanError("name the contractor's truck: `truck`, the id under which it signs in")
    if extra_used:
        other = shift.run_of(truck or "")
        if not wire.is_id(truck):
            raise ReplanError(f"{truck!r} is no device id: 1-{wire.MAX_ID_BYTES} of a-z A-Z 0-9 . _ -")
        if truck == run.truck:
            raise ReplanError(f"{truck} is the truck that cannot go on: name another")
        if other is not None and other.waste != run.waste:
            raise ReplanError(f"{truck} is on a run for {other.waste}: its load must not be mixed with {run.waste}")
    effects: list[Effect] = []
    for tour in offer.tours:
        if not tour.stops or tour.truck == run.truck:
            continue
        taking = shift.runs.get(tour.run_id)
        if tour.truck == EXTRA:
            taking = shift.run_of(truck or "") or _extra_run(shift, run, truck or "", incident, now)
        if taking is None:
            raise ReplanError(f"run {tour.run_id} is over")
        order: list[VisitKey] = []
        for stop in tour.stops:
            if stop.key[0] == taking.run_id:
                order.append(stop.key)
                continue
            moved = shift.visits[stop.key]
            again = owed_again(shift, moved, taking.run_id, taking.truck, not_before_at=moved.not_before_at)
            if moved.call_id:
                effects.append(call_record(shift, moved, now, ended="skipped"))
            effects += put(shift, moved.after("skip", reason=incident.reason), now)
            effects += put(shift, again, now)
            order.append(again.key)
        before = [key for key in taking.order if shift.visits[key].owed and key not in order]
        _reorder(taking, [*before, *order])
        set_visits(shift, taking, now)
        effects.append(run_record(shift, taking, now))
    effects += [
        Notice("severe", f"{run.truck}: {entry.stop.place} has no truck: {entry.reason}") for entry in offer.unplaced
    ]
    set_visits(shift, run, now)
    return [*effects, run_record(shift, run, now)]


def _agreed(
    shift: Shift, incident: Incident, offers: Sequence[options.Option], act: Act, now: int
) -> options.Option:
    """The offer that was looked at, as it would be carried out now; ReplanError, and the new ones shown, if it changed.

    Where none were shown (for a blocked lane) `act.option` counts what there is now.
    """
    shown = [body["id"] for body in shift.offers.get(incident.key, (0, []))[1]]
    ids = [offer_id(offer) for offer in offers]
    choice = shown or ids
    if act.offer is None and not 0 <= act.option < len(choice):
        raise ReplanError(f"there are {len(choice)} options, counted from 0")
    wanted = act.offer or choice[act.option]
    if wanted not in ids:
        shift.offers[incident.key] = (now, [offer_body(shift, offer) for offer in offers])
        raise ReplanError("this option is not what it was when it was shown: look again, then decide")
    return offers[ids.index(wanted)]


def _extra_run(shift: Shift, run: Run, truck: str, incident: Incident, now: int) -> Run:
    run_id = f"extra-{run.truck}-{incident.incident_id}"
    if len(run_id) > wire.MAX_ID_BYTES:
        run_id = f"extra-{blake2b(run_id.encode(), digest_size=16).hexdigest()}"
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
