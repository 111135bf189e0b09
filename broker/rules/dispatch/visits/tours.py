"""From the day to re-planning: what a truck still owes becomes a tour, with its ways as they were learned."""

from broker.plan.geometry import distance_m
from broker.rules.day.bins import waiting
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.replanning.tours import Stop, Tour, Ways
from broker.rules.states.visit import Visit, VisitKey

STATION = "@@"  # the place of the transfer station in a tour
TO_FIRST_STOP_S = 600  # a truck whose run has not begun leaves for its first stop about this long before


def ways_of(day: Day, run: Run, now: int) -> Ways:
    """How long the trucks of a run's route take, learned legs first, and what breaks a promise."""
    waits: dict[VisitKey, int | None] = {}

    closed = [closure for closure in day.closures.values() if closure.covers(now)]

    def travel_s(origin: str, to: str) -> int:
        driving_s = drive_s(day, run.route_id, origin, to, now)
        waits_s = (closure.until_at - now for closure in closed if closure.between(origin, to))
        return max(driving_s, *waits_s, 0)

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
    """What a run still owes, from where its truck stands or will begin; what it left behind without a stay takes its
    bins, but no place in the order."""
    owed, ahead = day.owed(run), day.ahead(run)
    start = ahead[0].room if ahead and ahead[0].state == "at_stop" else f"@{run.truck}"
    if run.full_at is not None and day.plan.transfer_station is not None:
        start = STATION
    behind = [stop_of(day, run, visit, now) for visit in owed if visit not in ahead]
    return Tour(
        truck=run.truck,
        run_id=run.run_id,
        start=start,
        start_at=_start_at(day, run, start, ahead, now),
        stops=tuple(stop_of(day, run, visit, now) for visit in ahead),
        wastes=frozenset({run.waste}),
        loaded_bins=loaded_bins(day, run) + sum(stop.bins for stop in behind),
        capacity_bins=run.capacity_bins,
        shift_end_at=run.shift_end_at,
    )


def _start_at(day: Day, run: Run, start: str, ahead: list[Visit], now: int) -> int:
    """When its truck leaves where it is: so that it comes to its next room when it is expected there."""
    if run.away_until is not None:
        return max(now, run.away_until)
    eta = run.etas.get(ahead[0].key) if ahead else None
    if eta is None or ahead[0].state == "at_stop":
        return now if run.state == "running" else max(now, run.planned_start_at - TO_FIRST_STOP_S)
    return max(now, eta.eta_at - drive_s(day, run.route_id, start, ahead[0].room, now))


def drive_s(day: Day, route_id: str, origin: str, to: str, now: int) -> int:
    """How long the trucks of a route drive between two places of a tour, as it was learned."""
    if origin == to:
        return 0
    (lat1, lon1), (lat2, lon2) = place_of(day, origin), place_of(day, to)
    length_m = distance_m(lat1, lon1, lat2, lon2) * day.settings.streets.detour_factor
    known = "" if origin.startswith("@") else origin
    return max(0, round(day.history.leg_s(route_id, known, to, length_m, now)[0]))


def loaded_bins(day: Day, run: Run) -> int:
    """How many bins its truck has taken on this run since it was emptied; none for one that is emptied next."""
    since = run.emptied_at or 0
    served = [visit for visit in day.visits.of(run.order) if visit.state == "served" and not visit.by_appointment]
    served = [visit for visit in served if run.full_at is None and (visit.left_at or since) >= since]
    return sum(max(0, (visit.bins_before or 0) - (visit.bins_after or 0)) for visit in served)


def place_of(day: Day, place: str) -> tuple[float, float]:
    """Where a place of a tour is: a room, the transfer station, or `@<truck>` for where that truck is now."""
    if place == STATION and day.plan.transfer_station is not None:
        return day.plan.transfer_station
    if not place.startswith("@"):
        room = day.plan.places[place]
        return room.lat, room.lon
    truck = day.devices.trucks.get(place[1:])
    if truck is not None and truck.fix is not None:
        return truck.fix.lat, truck.fix.lon
    run = day.run_of(place[1:])
    first = day.plan.places[run.order[0][1]] if run and run.order else next(iter(day.plan.rooms.values()))
    return first.lat, first.lon
