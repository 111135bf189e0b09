"""A full truck: it goes to the transfer station, and all that its run owes comes after it.

It is full when its crew or a dispatcher says so, when a room is skipped for it, or when it has as many bins as it
takes. It is emptied when the station has weighed it, or it was at the station and has left.
"""

from broker.plan.geometry import distance_m
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.visits.moved_visits import set_visits
from broker.rules.dispatch.visits.tours import loaded_bins
from broker.rules.effects.effect import Effect, Notice
from broker.rules.effects.records import run_record
from broker.rules.tracking.types import GpsFix

STATION_M = 150.0  # so near a truck is at the station
WHOLE_WAY_S = 3600  # what the way there, the unloading and the way back take where the plan does not say where it is


def truck_full(day: Day, run: Run, now: int, at: int | None = None) -> list[Effect]:
    """It takes no more, since `at`: what the run owes comes after the station, which every room and lamp is told."""
    if run.full_at is not None:
        return []
    run.fill(now if at is None else at, _emptied_at(day, run, now))
    run.tracker.go_away()
    set_visits(day, run, now)
    return [Notice("warning", f"{run.truck}: full, goes to the transfer station"), run_record(day, run, now)]


def truck_emptied(day: Day, run: Run, now: int, at: int | None = None) -> list[Effect]:
    """It goes on with the round; it was emptied `at`, and after it was full."""
    run.empty(now if at is None else max(at, run.full_at or at))
    run.tracker.come_back(now)
    set_visits(day, run, now)
    return [run_record(day, run, now)]


def full_by_count(day: Day, run: Run, now: int) -> list[Effect]:
    """After a visit: whether the truck has as many bins as it takes, and owes more."""
    if run.capacity_bins is None or not day.owed(run) or loaded_bins(day, run) < run.capacity_bins:
        return []
    return truck_full(day, run, now)


def seen_at_station(day: Day, run: Run, fix: GpsFix, before: GpsFix | None, now: int) -> list[Effect]:
    """A full truck that was at the station, and is not there any more, was emptied."""
    station = day.plan.transfer_station
    if run.full_at is None or station is None or before is None or before.fix_at < run.full_at:
        return []
    was_m, is_m = (distance_m(*station, one.lat, one.lon) for one in (before, fix))
    return truck_emptied(day, run, now) if was_m <= STATION_M < is_m else []


def _emptied_at(day: Day, run: Run, now: int) -> int:
    station, truck = day.plan.transfer_station, day.devices.trucks.get(run.truck)
    fix = truck.fix if truck is not None else None
    if station is None or fix is None:
        return now + WHOLE_WAY_S
    streets = day.settings.streets
    way_s = streets.detour_factor * distance_m(fix.lat, fix.lon, *station) / streets.speed_mps
    return now + round(way_s) + day.settings.unload_s
