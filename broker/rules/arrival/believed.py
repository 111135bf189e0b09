"""What is believed of a route, or of the way to a room, for a person to read: by the one door of what was learned
(`learning/history.py`), and by nothing behind it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

from broker.plan.calendar import day_start_at, local_date
from broker.plan.model import Plan, PlannedVisit
from broker.plan.streets import streets_of
from broker.rules.arrival.prediction import Eta, leg_length_m
from broker.rules.learning.history import History, Outlook
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import Progress, TrackVisit

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
    streets: tuple[tuple[float, float, bool], ...]  # as `Outlook.streets`, one for each 100 m or so


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
        streets = streets_of(plan.route_of(run).line)
        for before, visit in zip((None, *run.visits), run.visits, strict=False):
            room = visit.room_id
            if room not in stays:
                stay_s = outlook.dwell_s(room, waste, None)
                stays[room] = BelievedStay(room, round(stay_s), outlook.knows_stay(room, waste))
            if before is None or (before.room_id, room) in legs:
                continue
            ends = _place(plan, before, waste), _place(plan, visit, waste)
            length_m = leg_length_m(*ends, history.streets.detour_factor)
            cells, at = streets.between(before.distance_m, visit.distance_m), midnight_at + before.leave_day_s
            drive_s, label = outlook.leg_s(before.room_id, room, length_m, at, cells=cells)
            found = tuple(outlook.streets(length_m, at, cells)) if cells else ()
            leg = BelievedLeg(before.room_id, room, round(length_m), round(drive_s), label == "history", found)
            legs[before.room_id, room] = leg
    bands = []
    for label in LABELS:
        for ahead_s in AHEAD_S:
            early_s, late_s = history.band_s(ahead_s, label)
            bands.append(BelievedBand(ahead_s, label, round(early_s), round(late_s)))
    begins_late_s = round(outlook.late_s(LONG_BEFORE_S)) if runs else None
    return Believed(tuple(legs.values()), tuple(stays.values()), begins_late_s, tuple(bands))


DAY_S = 86_400
HOURS_APART_S = 3 * 3600


class LearnedOf(NamedTuple):
    """What of a leg and the stay at its end was learned: whether each was ever seen, how many times as long as over a
    day the leg takes at its time of day, and as usual today; and what each 100 m of street that is still to be driven
    takes by itself in seconds, as minus where nobody ever drove. None of these where the leg is not along the line."""

    leg_known: bool
    half_hour: float
    today: float
    stay_known: bool
    streets_s: tuple[float, ...]


def learned_on_the_way(
    tracker: RunTracker, history: History, etas: Sequence[Eta], now: int
) -> list[LearnedOf]:
    """One for each of the first visits that a run owes, `etas` being the arrivals there. That traffic of today says
    nothing of tomorrow tells the two factors apart."""
    route_id, state, pending = tracker.route.route_id, tracker.progress(now), tracker.pending
    today, usual = history.outlook(route_id, now), history.outlook(route_id, now + DAY_S)
    found = []
    for before, visit, eta in zip((None, *pending), pending, etas, strict=False):
        room, at = visit.key[0], eta.eta_at
        if before is None:
            way, cells = (state.from_room, room, state.leg_length_m), tracker.cells_now
        else:
            way = before.key[0], room, leg_length_m(before, visit, history.streets.detour_factor)
            cells = tracker.cells(before, visit)
        here_s, label = usual.leg_s(*way, at, cells=cells)
        left = cells if before is not None else cells[_driven(len(cells), state) :]
        day_s = fmean(usual.leg_s(*way, at + ahead_s, cells=cells)[0] for ahead_s in range(0, DAY_S, HOURS_APART_S))
        factors = round(here_s / day_s, 3), round(today.leg_s(*way, at, cells=cells)[0] / here_s, 3)
        streets_s = tuple(_streets_s(today, way[2] / len(cells), at, left)) if left else ()
        found.append(LearnedOf(label == "history", *factors, today.knows_stay(room, visit.waste), streets_s))
    return found


def _driven(count: int, state: Progress) -> int:
    """How many of the streets of the present leg are behind the truck; it is always in one."""
    share = 1 - state.leg_rest_m / state.leg_length_m if state.leg_length_m > 0 else 0.0
    return max(0, min(count - 1, int(share * count)))


def _streets_s(outlook: Outlook, each_m: float, at: int, cells: Sequence[str]) -> Iterator[float]:
    for speed_mps, today, known in outlook.streets(each_m * len(cells), at, cells):
        street_s = round(each_m / speed_mps * today, 1)
        yield street_s if known else -street_s


def _place(plan: Plan, visit: PlannedVisit, waste: str) -> TrackVisit:
    room = plan.places[visit.room_id]
    return TrackVisit((visit.room_id, 1), room.lat, room.lon, waste, 0, None, visit.distance_m)
