"""When a truck reaches each room it owes: the walk (`walk.py`) from where it is.

    rest of the present leg (by distance) or rest of the present stay
    + expected legs and stays (what was learned, else the timetable and a first guess, half and half)

The answer rests on the place of the truck, so it slips while the truck stands and never counts down while it is
held. Each estimate says what it rests on:

    live       the truck's own position, at most 90 s old
    history    the truck went silent at most 180 s ago: it is taken to go on as usual, no further than the next room
    stale      silent for longer; nobody knows
    held       it stands outside a stop, or its driver pressed the button
    off_route  it is beside its line; straight distance to the next room
    timetable  the run has not begun
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.plan.geometry import distance_m
from broker.rules.arrival.walk import Plan, Step, stay_s, walk
from broker.rules.learning.history import ErrorRecord, History, Outlook
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import Progress, StopKey, TrackVisit

BEGUN = ("live", "history", "timetable")  # what of the run before a truck's next one leaves that one's label alone


@dataclass(frozen=True, slots=True)
class ArrivalSettings:
    """Floors and widenings of a prediction."""

    least_stay_rest_s: float = 15.0
    overstay_share: float = 0.25
    least_band_s: float = 30.0
    gap_widening: float = 1.25
    off_route_widening: float = 2.0


@dataclass(frozen=True, slots=True)
class Eta:
    """One predicted arrival: median, p10 and p90 (POSIX seconds), and what it rests on."""

    key: StopKey
    eta_at: int
    early_at: int
    late_at: int
    label: str


def predict(
    tracker: RunTracker,
    history: History,
    bins: Mapping[tuple[str, str], int],
    now: int,
    settings: ArrivalSettings | None = None,
    pace: float = 1.0,
    free: Eta | None = None,
) -> list[Eta]:
    """The arrivals of a run's owed visits in visiting order; `bins` counts by (room, waste) where known, `pace` what
    the run takes for a minute of its timetable (`pace_of`), `free` the first arrival of a truck that is on another run
    yet (`next_run.py`)."""
    settings = settings or ArrivalSettings()
    visits = tracker.pending
    if not visits:
        return []
    state = tracker.progress(now)
    label = _label(state, now) if free is None or free.label in BEGUN else free.label
    outlook = history.outlook(tracker.route.route_id, now)
    steps = _steps(visits, bins, history.streets.detour_factor)
    if state.arrived_at is not None:
        leave_at = now + _stay_rest_s(state, steps[0], outlook, now, settings)
        arrivals = list(walk(state.arrived_at, steps, outlook, leave_at, Plan(pace=pace)))
    else:
        first_at = now + _first_rest_s(tracker, state, steps[0], outlook, now)
        if free is not None:
            first_at = max(first_at, free.eta_at)
        arrivals = list(walk(first_at, steps, outlook, None, Plan(pace=pace)))
    etas = [
        _with_band(visit.key, max(arrive_at, now), label, history, now, settings)
        for visit, arrive_at in zip(visits, arrivals, strict=True)
    ]
    if state.arrived_at is not None:
        etas[0] = Eta(visits[0].key, state.arrived_at, state.arrived_at, state.arrived_at, label)
    return etas


def _steps(
    visits: Sequence[TrackVisit], bins: Mapping[tuple[str, str], int], detour_factor: float
) -> list[Step]:
    steps = []
    before: TrackVisit | None = None
    for visit in visits:
        length_m = gap_s = None
        if before is not None:
            length_m = leg_length_m(before, visit, detour_factor)
            if before.planned_at and visit.planned_at and visit.planned_at > before.planned_at:
                gap_s = float(visit.planned_at - before.planned_at)
        steps.append(
            Step(
                room=visit.key[0],
                waste=visit.waste,
                length_m=length_m,
                gap_planned_s=gap_s,
                planned_at=visit.planned_at or None,
                not_before_at=visit.not_before_at,
                bins=bins.get((visit.key[0], visit.waste)),
            )
        )
        before = visit
    return steps


def leg_length_m(before: TrackVisit, visit: TrackVisit, detour_factor: float) -> float:
    """Metres between two visits: along the line where both lie on it in this order, else straight with a detour."""
    if before.distance_m is not None and visit.distance_m is not None and visit.distance_m >= before.distance_m:
        return visit.distance_m - before.distance_m
    return detour_factor * distance_m(before.lat, before.lon, visit.lat, visit.lon)


def _label(state: Progress, now: int) -> str:
    if state.held:
        return "held"
    if not state.started:
        return "timetable"
    if state.stale:
        return "stale"
    if state.off_route:
        return "off_route"
    return "live" if state.fix is not None and state.fix.fresh(now) else "history"


def _stay_rest_s(state: Progress, step: Step, outlook: Outlook, now: int, settings: ArrivalSettings) -> float:
    """What is left of the present stay: never nothing, and the longer it lasts beyond its time the more."""
    arrived_at = state.arrived_at if state.arrived_at is not None else now
    rest_s = arrived_at + stay_s(outlook, step, arrived_at) - now
    if rest_s < settings.least_stay_rest_s:
        rest_s = settings.least_stay_rest_s + settings.overstay_share * (settings.least_stay_rest_s - rest_s)
    if state.held_since is not None:
        rest_s = max(rest_s, float(now - state.held_since))
    return rest_s


def _first_rest_s(tracker: RunTracker, state: Progress, step: Step, outlook: Outlook, now: int) -> float:
    """What is left until the truck reaches the first owed visit."""
    length_m = state.leg_length_m
    expected_s, _ = outlook.leg_s(state.from_room, step.room, length_m, now)
    leg_rest_s = expected_s * (state.leg_rest_m / length_m if length_m > 0 else 0.0)
    if not state.started:
        late_s = float(now - step.planned_at) if step.planned_at else 0.0
        return max(outlook.late_s(late_s) - late_s, 0.0 if state.stale else leg_rest_s)
    rest_s = leg_rest_s
    if state.fix is not None and (state.fix.speed_mps is None or state.fix.speed_mps > tracker.settings.noise_mps):
        # Silent on the move: it goes on as usual, but nobody says it is there before it says so itself.
        silent_s = min(state.fix_age_s or 0, tracker.settings.stale_s)
        fence_s = tracker.settings.fence_m / tracker.streets.speed_mps
        rest_s = max(leg_rest_s - silent_s, min(leg_rest_s, fence_s))
    if state.held_since is not None:
        rest_s = max(leg_rest_s, float(now - state.held_since))
    return rest_s


def _with_band(
    key: StopKey, arrive_at: float, label: str, history: History, now: int, settings: ArrivalSettings
) -> Eta:
    early_s, late_s = history.band_s(arrive_at - now)
    widening = 1.0
    if label in ("history", "stale"):
        widening = settings.gap_widening
    elif label == "off_route":
        widening = settings.off_route_widening
    early_s = min(early_s * widening, -settings.least_band_s)
    late_s = max(late_s * widening, settings.least_band_s)
    eta_at = round(arrive_at)
    return Eta(key, eta_at, max(now, round(arrive_at + early_s)), max(eta_at, round(arrive_at + late_s)), label)


class Promises:
    """Remembers what was predicted, once a minute, so that each arrival tells how far off it was."""

    def __init__(self, every_s: int = 60) -> None:
        self._every_s = every_s
        self._made: dict[StopKey, list[tuple[int, int]]] = {}

    def note(self, etas: Sequence[Eta], now: int) -> None:
        """Remember the live predictions of one moment."""
        for eta in etas:
            if eta.label != "live":
                continue
            made = self._made.setdefault(eta.key, [])
            if not made or now - made[-1][0] >= self._every_s:
                made.append((now, eta.eta_at))

    def arrived(self, key: StopKey, at: int) -> list[ErrorRecord]:
        """The errors of all that was predicted for this visit, which is then forgotten."""
        return [
            ErrorRecord(horizon_s=eta_at - made_at, error_s=at - eta_at)
            for made_at, eta_at in self._made.pop(key, [])
            if eta_at > made_at
        ]
