"""From the day to re-planning: what a truck still owes becomes a tour, with its ways as they were learned."""

from broker.plan.geometry import distance_m
from broker.rules.day.bins import waiting
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.replanning.tours import Stop, Tour, Ways
from broker.rules.states.visit import Visit, VisitKey

TO_FIRST_STOP_S = 600  # a truck whose run has not begun leaves for its first stop about this long before


def ways_of(day: Day, run: Run, now: int) -> Ways:
    """How long the trucks of a run's route take, learned legs first, and what breaks a promise."""
    waits: dict[VisitKey, int | None] = {}

    def travel_s(origin: str, to: str) -> int:
        if origin == to:
            return 0
        (lat1, lon1), (lat2, lon2) = _place(day, origin), _place(day, to)
        length_m = distance_m(lat1, lon1, lat2, lon2) * day.settings.streets.detour_factor
        known = "" if origin.startswith("@") else origin
        return max(0, round(day.history.leg_s(run.route_id, known, to, length_m, now)[0]))

    def dwell_s(stop: Stop) -> int:
        visit = day.visits.get(stop.key)
        if stop.key not in waits:
            waits[stop.key] = waiting(day, visit, now)[0] if visit is not None else None
        whole_s = day.history.dwell_s(stop.place, stop.waste, waits[stop.key], now)
        if visit is not None and visit.state == "at_stop" and visit.arrived_at is not None:
            whole_s -= now - visit.arrived_at  # the truck stands there already
        return max(0, round(whole_s))

    return Ways(travel_s, dwell_s, day.settings.calls.slip_s)


def stop_of(day: Day, run: Run, visit: Visit, now: int) -> Stop:
    """A visit as a stop of a tour; nothing is put before a lit lamp."""
    eta = run.etas.get(visit.key)
    return Stop(
        key=visit.key,
        place=visit.room,
        waste=visit.waste,
        bins=waiting(day, visit, now)[0] or 0,
        open_at=visit.not_before_at,
        before_at=visit.promised_at or (eta.eta_at if eta else None),
        frozen=visit.state in ("due", "at_stop"),
    )


def tour_of(day: Day, run: Run, now: int) -> Tour:
    """What a run still owes, from where its truck stands or will begin."""
    owed = day.owed(run)
    standing = owed[0].room if owed and owed[0].state == "at_stop" else None
    return Tour(
        truck=run.truck,
        run_id=run.run_id,
        start=standing or f"@{run.truck}",
        start_at=now if run.state == "running" else max(now, run.planned_start_at - TO_FIRST_STOP_S),
        stops=tuple(stop_of(day, run, visit, now) for visit in owed),
        wastes=frozenset({run.waste}),
        loaded_bins=loaded_bins(day, run),
        capacity_bins=run.capacity_bins,
        shift_end_at=run.shift_end_at,
    )


def loaded_bins(day: Day, run: Run) -> int:
    """How many bins its truck has loaded on this run."""
    served = [visit for key in run.order if (visit := day.visits[key]).state == "served" and not visit.by_appointment]
    return sum(max(0, (visit.bins_before or 0) - (visit.bins_after or 0)) for visit in served)


def _place(day: Day, place: str) -> tuple[float, float]:
    """Where a place of a tour is: a room, or `@<truck>` for where that truck is now."""
    if not place.startswith("@"):
        room = day.plan.rooms[place]
        return room.lat, room.lon
    truck = day.devices.trucks.get(place[1:])
    if truck is not None and truck.fix is not None:
        return truck.fix.lat, truck.fix.lon
    run = day.run_of(place[1:])
    first = day.plan.rooms[run.order[0][1]] if run and run.order else next(iter(day.plan.rooms.values()))
    return first.lat, first.lon
