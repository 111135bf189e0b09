"""When a run's truck reaches each room that it owes, or would if it owed others: one arithmetic for what is told, and
for what an offer says.
"""

from collections.abc import Sequence
from dataclasses import replace

from broker.plan.geometry import distance_m
from broker.rules.arrival.next_run import free_at
from broker.rules.arrival.prediction import Eta, Walked, predict
from broker.rules.arrival.walk import pace_of
from broker.rules.day.bins import waiting, waiting_bins
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.states.visit import Visit
from broker.rules.tracking.types import StopKey, TrackVisit


def expected(
    day: Day, run: Run, bins: dict[tuple[str, str], int], now: int, *, visits: Sequence[TrackVisit] | None = None,
    walked: Walked | None = None,
) -> tuple[list[Eta], bool]:  # fmt: skip
    """The arrivals of a run's owed visits, or as it would be if it owed `visits`; and whether its truck is on it, or
    when it comes from the run it is on yet is known."""
    owed = run.tracker.pending if visits is None else visits
    active = day.run_of(run.truck) in (run, None)
    free = None if active else _free(day, run, owed, now)
    is_known = active or free is not None
    if free is None and owed and run.is_extra and run.state == "scheduled":
        at = run.planned_start_at  # so it was promised, until it is seen on its way
        free = Eta(owed[0].key, at, at, at, "timetable")
    if run.away_until is not None:
        visits = _after_station(day, run, run.away_until, owed, now)
    pace = pace_of(_kept(day, run))
    etas = predict(run.tracker, day.history, bins, now, pace=pace, free=free, walked=walked, visits=visits)
    return etas, is_known


def would_arrive(day: Day, run: Run, order: Sequence[Visit], now: int) -> list[int]:
    """When the truck would reach each of these if the run owed exactly them, in this order."""
    route = day.plan.route(run.route_id)
    visits = tuple(day.track_visit(visit, route) for visit in order)
    bins = waiting_bins(order, {visit.key: waiting(day, visit, now) for visit in order})
    etas, _ = expected(day, run, bins, now, visits=visits)
    return [eta.eta_at for eta in etas]


def _after_station(
    day: Day, run: Run, away_until: int, owed: Sequence[TrackVisit], now: int
) -> Sequence[TrackVisit]:
    """What is owed, the first where its truck does not stand not before it comes there from the transfer station."""
    standing = run.tracker.progress(now, owed).at_visit
    first = next((visit for visit in owed if visit.key != standing), None)
    if first is None:
        return owed
    at, station = max(now, away_until), day.plan.transfer_station
    if station is not None:
        length_m = day.settings.streets.detour_factor * distance_m(*station, first.lat, first.lon)
        at += round(day.history.leg_s(run.route_id, "", first.key[0], length_m, at)[0])
    later = replace(first, not_before_at=max(first.not_before_at or 0, at))
    return tuple(later if visit is first else visit for visit in owed)


def _free(day: Day, run: Run, owed: Sequence[TrackVisit], now: int) -> Eta | None:
    """When the truck comes to this run from the one that it is on yet."""
    before = day.run_before(run)
    if before is None or not owed:
        return None
    owes = day.owed(before)
    bins = waiting_bins(owes, {visit.key: waiting(day, visit, now) for visit in owes})
    etas: dict[StopKey, Eta] = {key[1:]: eta for key, eta in before.etas.items()}
    return free_at(before.tracker.pending, etas, owed[0], run.route_id, bins, day.history, now)


def _kept(day: Day, run: Run) -> list[tuple[int, int]]:
    """(planned_at, arrived_at) of the first visits that the run has made, in the order of its timetable."""
    made = [visit for visit in day.visits.of(run.order) if visit.original and visit.arrived_at and visit.planned_at]
    return sorted((visit.planned_at, visit.arrived_at) for visit in made if visit.planned_at and visit.arrived_at)
