"""When trucks come: a TripUpdate for each run of which more is known than its timetable."""

from collections.abc import Iterator
from typing import Any

from google.transit import gtfs_realtime_pb2 as gtfs

from broker.feeds.realtime.trips import Relation, Row, Stop, Trip
from broker.plan.model import Plan
from broker.rules.arrival.prediction import FRESH_LABELS

_At = gtfs.TripUpdate.StopTimeUpdate
KNOWN = (*FRESH_LABELS, "held")  # of times that somebody can count on


def trip_updates(plan: Plan, picture: Row, trips: dict[str, Trip]) -> Iterator[tuple[str, Any]]:
    """(entity id, TripUpdate), by run; none while the picture is an old one: what was believed is believed no more."""
    if picture["old_since_at"] is not None:
        return
    measured = {row["run_id"]: row["fix_at"] for row in picture["trucks"] if row["fresh"]}
    stays_s = {
        (run.route_id, visit.room_id): visit.leave_day_s - visit.arrive_day_s
        for run in plan.runs.values()
        for visit in run.visits
    }
    for run_id, trip in sorted(trips.items()):
        if trip.planned and not any(_is_news(stop) for stop in trip.stops):
            continue  # the timetable says as much
        update = gtfs.TripUpdate()
        trip.describe(update.trip)
        update.vehicle.id = update.vehicle.label = trip.run["truck"]
        if measured.get(run_id) is not None:
            update.timestamp = min(measured[run_id], picture["at"])
        _tell_stops(update, trip, stays_s)
        yield f"trip/{run_id}", update


def _is_news(stop: Stop) -> bool:
    return stop.off or stop.been_at is not None or _is_predicted(stop)


def _is_predicted(stop: Stop) -> bool:
    return stop.visit["eta_at"] is not None and stop.visit["label"] in KNOWN and stop.visit["label"] != "timetable"


def _tell_stops(update: Any, trip: Trip, stays_s: dict[tuple[str, str], int]) -> None:
    """Every stop with its time, as far as it is known; each time is after the one that was told before it."""
    comes_at = _never_back([_comes_at(stop, trip) for stop in trip.stops])
    for number, (stop, at) in enumerate(zip(trip.stops, comes_at, strict=True), start=1):
        told = update.stop_time_update.add(stop_sequence=stop.sequence, stop_id=stop.visit["room"])
        if stop.off or at is None:
            told.schedule_relationship = _At.SKIPPED if stop.off else _At.NO_DATA
            continue
        told.schedule_relationship = _At.SCHEDULED
        next_at = next((later for later in comes_at[number:] if later is not None), None)
        stay_s = stays_s.get((stop.visit["route"], stop.visit["room"]), 0)
        _tell_time(told.arrival, at, stop, trip, 0)
        _tell_time(told.departure, _leaves_at(stop, at, stay_s, next_at), stop, trip, stay_s)
        if stop.been_at is not None:
            told.arrival.uncertainty = 0
            told.departure.ClearField("uncertainty")
            if stop.visit["left_at"] is not None:
                told.departure.uncertainty = 0


def _never_back(times: list[int | None]) -> list[int | None]:
    """The times, each later than any before it: a truck is at one stop at a time."""
    last_at = 0
    found: list[int | None] = []
    for at in times:
        if at is not None:
            last_at = max(last_at + 1, at)
        found.append(None if at is None else last_at)
    return found


def _comes_at(stop: Stop, trip: Trip) -> int | None:
    """When the truck came or is expected; None where nobody goes, or knows more than the timetable.

    A list of no timetable has the times that were promised with it until its truck is on the way.
    """
    if stop.off or stop.been_at is not None:
        return stop.been_at
    row = stop.visit
    promised = not trip.planned and (row["label"] in KNOWN or trip.run["state"] == "scheduled")
    return row["eta_at"] if promised or _is_predicted(stop) else None


def _leaves_at(stop: Stop, at: int, stay_s: int, next_at: int | None) -> int:
    """When it left, or would by its planned stay; before it is expected at the next stop."""
    left_at = at + stay_s if stop.visit["left_at"] is None else int(stop.visit["left_at"])
    return max(at, left_at if next_at is None else min(left_at, next_at - 1))


def _tell_time(event: Any, at: int, stop: Stop, trip: Trip, planned_stay_s: int) -> None:
    """A time with its lateness by the timetable, and by how much it may be off: the wider side of p10 to p90."""
    row = stop.visit
    event.time = at
    if row["original"] and row["planned_at"] is not None:
        planned_at = row["planned_at"] + planned_stay_s
        event.delay = at - planned_at
        if trip.relation in (Relation.REPLACEMENT, Relation.NEW):
            event.scheduled_time = planned_at
    if row["label"] in KNOWN:
        event.uncertainty = max(row["late_at"] - row["eta_at"], row["eta_at"] - row["early_at"], 1)
