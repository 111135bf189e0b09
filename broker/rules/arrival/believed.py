"""What is believed of one route now, for a person to read: its drives, stays, start and bands, by the one door of what
was learned (`learning/history.py`)."""

from dataclasses import dataclass

from broker.plan.calendar import day_start_at, local_date
from broker.plan.model import Plan, PlannedVisit
from broker.rules.arrival.prediction import leg_length_m
from broker.rules.learning.history import History
from broker.rules.tracking.types import TrackVisit

LONG_BEFORE_S = -3600.0  # a run that is so early tells how late runs of its route usually are
AHEAD_S = (300, 600, 1200, 1800)
LABELS = ("live", "timetable")


@dataclass(frozen=True, slots=True)
class BelievedLeg:
    """A drive: how long it is, how long it takes at its time of today, and whether it was ever driven."""

    from_room: str
    to_room: str
    length_m: int
    drive_s: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class BelievedStay:
    """A stay with as many bins as usual, and whether one was ever seen."""

    room: str
    stay_s: int
    is_known: bool


@dataclass(frozen=True, slots=True)
class BelievedBand:
    """Between which errors four of five arrivals lie that are so far ahead, of runs on their way or not begun."""

    ahead_s: int
    label: str
    early_s: int
    late_s: int


@dataclass(frozen=True, slots=True)
class Believed:
    """All of it; how late its runs begin, where any does."""

    legs: tuple[BelievedLeg, ...]
    stays: tuple[BelievedStay, ...]
    late_s: int | None
    bands: tuple[BelievedBand, ...]


def believed(plan: Plan, history: History, route_id: str, now: int) -> Believed:
    """What is believed of a route of the plan at this moment."""
    outlook, waste = history.outlook(route_id, now), plan.routes[route_id].waste
    midnight_at = day_start_at(plan, local_date(plan, now))
    runs = sorted((run for run in plan.runs.values() if run.route_id == route_id), key=lambda run: run.trip_id)
    legs: dict[tuple[str, str], BelievedLeg] = {}
    stays: dict[str, BelievedStay] = {}
    for run in runs:
        for before, visit in zip((None, *run.visits), run.visits, strict=False):
            room = visit.room_id
            if room not in stays:
                stay_s = outlook.dwell_s(room, waste, None)
                stays[room] = BelievedStay(room, round(stay_s), outlook.knows_stay(room, waste))
            if before is None or (before.room_id, room) in legs:
                continue
            ends = _place(plan, before, waste), _place(plan, visit, waste)
            length_m = leg_length_m(*ends, history.streets.detour_factor)
            drive_s, label = outlook.leg_s(before.room_id, room, length_m, midnight_at + before.leave_day_s)
            leg = BelievedLeg(before.room_id, room, round(length_m), round(drive_s), label == "history")
            legs[before.room_id, room] = leg
    bands = []
    for label in LABELS:
        for ahead_s in AHEAD_S:
            early_s, late_s = history.band_s(ahead_s, label)
            bands.append(BelievedBand(ahead_s, label, round(early_s), round(late_s)))
    begins_late_s = round(outlook.late_s(LONG_BEFORE_S)) if runs else None
    return Believed(tuple(legs.values()), tuple(stays.values()), begins_late_s, tuple(bands))


def _place(plan: Plan, visit: PlannedVisit, waste: str) -> TrackVisit:
    room = plan.places[visit.room_id]
    return TrackVisit((visit.room_id, 1), room.lat, room.lon, waste, 0, None, visit.distance_m)
