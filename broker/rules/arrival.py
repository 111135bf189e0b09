"""When a truck reaches each room it owes: the walk from where it is, leg by leg and stay by stay.

    rest of the present leg (by distance) or rest of the present stay
    + expected legs (history, else timetable) + expected stays (setup + bins x time per bin)

The answer rests on the place of the truck, so it slips while the truck stands and never counts down while it is
held. Each estimate says what it rests on:

    live       the truck's own position, at most 90 s old
    history    the truck went silent at most 180 s ago: it is taken to go on as usual, no further than the next room
    stale      silent for longer; nobody knows
    held       it stands outside a stop, or its driver pressed the button
    off_route  it is beside its line; straight distance to the next room
    timetable  the run has not begun
"""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.rules.geometry import distance_m
from broker.rules.history import ErrorRecord, History
from broker.rules.track import Progress, RunTracker, TrackVisit, VisitKey

LIVE_S = 90  # a position older than this neither lights nor clears a lamp


@dataclass(frozen=True, slots=True)
class ArrivalSettings:
    """Floors and widenings of a prediction."""

    least_stay_rest_s: float = 15.0
    least_band_s: float = 30.0
    gap_widening: float = 1.25
    off_route_widening: float = 2.0


@dataclass(frozen=True, slots=True)
class Eta:
    """One predicted arrival: median, p10 and p90 (POSIX seconds), and what it rests on."""

    key: VisitKey
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
) -> list[Eta]:
    """The arrivals of a run's owed visits in visiting order; `bins` counts by (room, waste) where known."""
    settings = settings or ArrivalSettings()
    visits = tracker.pending
    if not visits:
        return []
    state = tracker.progress(now)
    label = _label(state)
    route_id = tracker.route.route_id
    etas: list[Eta] = []
    clock = _first_arrival(tracker, history, state, now)
    for index, visit in enumerate(visits):
        if index > 0:
            before = visits[index - 1]
            clock += _leg_between(history, route_id, before, visit, clock)
        if index == 0 and state.arrived_at is not None:
            etas.append(Eta(visit.key, state.arrived_at, state.arrived_at, state.arrived_at, label))
            stay_s = history.dwell_s(visit.key[0], visit.waste, bins.get((visit.key[0], visit.waste)), now)
            stay_rest_s = max(settings.least_stay_rest_s, state.arrived_at + stay_s - now)
            if state.held:
                stay_rest_s = max(stay_rest_s, float(now - (state.held_since or now)))
            clock = now + stay_rest_s
            continue
        if visit.not_before_at is not None:
            clock = max(clock, visit.not_before_at)
        etas.append(_with_band(visit.key, clock, label, history, now, settings))
        clock += history.dwell_s(visit.key[0], visit.waste, bins.get((visit.key[0], visit.waste)), clock)
    return etas


def _label(state: Progress) -> str:
    if state.held:
        return "held"
    if not state.started:
        return "timetable"
    if state.stale:
        return "stale"
    if state.off_route:
        return "off_route"
    return "live" if state.fix_age_s is not None and state.fix_age_s <= LIVE_S else "history"


def _first_arrival(tracker: RunTracker, history: History, state: Progress, now: int) -> float:
    """When the truck reaches the first owed visit, were it not there yet."""
    visit = tracker.pending[0]
    if not state.started:
        return float(max(visit.planned_at, now + visit.planned_at - tracker.depart_at, now))
    length_m = state.leg_length_m
    expected_s, _ = history.leg_s(tracker.route.route_id, state.from_room, visit.key[0], length_m, now)
    rest_s = expected_s * (state.leg_rest_m / length_m if length_m > 0 else 0.0)
    age_s = state.fix_age_s or 0
    gone_s = 0.0
    if state.fix is not None and (state.fix.speed_mps is None or state.fix.speed_mps > 0.5):
        gone_s = float(min(age_s, tracker.settings.stale_s))
    fence_s = tracker.settings.fence_m / tracker.settings.default_speed_mps
    rest_s = max(rest_s - gone_s, min(rest_s, fence_s))
    if state.held_since is not None:
        rest_s = max(rest_s, float(now - state.held_since))
    return now + rest_s


def _leg_between(history: History, route_id: str, before: TrackVisit, visit: TrackVisit, at: float) -> float:
    """Expected seconds of the drive from one owed visit to the next."""
    if before.distance_m is not None and visit.distance_m is not None and visit.distance_m >= before.distance_m:
        length_m = visit.distance_m - before.distance_m
    else:
        length_m = history.settings.detour_factor * distance_m(before.lat, before.lon, visit.lat, visit.lon)
    seconds, _ = history.leg_s(route_id, before.key[0], visit.key[0], length_m, at)
    return seconds


def _with_band(
    key: VisitKey, eta: float, label: str, history: History, now: int, settings: ArrivalSettings
) -> Eta:
    early_s, late_s = history.band_s(eta - now)
    widening = 1.0
    if label in ("history", "stale"):
        widening = settings.gap_widening
    elif label == "off_route":
        widening = settings.off_route_widening
    early_s = min(early_s * widening, -settings.least_band_s)
    late_s = max(late_s * widening, settings.least_band_s)
    return Eta(key, round(eta), max(now, round(eta + early_s)), round(eta + late_s), label)


class Promises:
    """Remembers what was predicted, once a minute, so that each arrival tells how far off it was."""

    def __init__(self, every_s: int = 60) -> None:
        self._every_s = every_s
        self._made: dict[VisitKey, list[tuple[int, int]]] = {}

    def note(self, etas: list[Eta], now: int) -> None:
        """Remember the live predictions of one moment."""
        for eta in etas:
            if eta.label != "live":
                continue
            made = self._made.setdefault(eta.key, [])
            if not made or now - made[-1][0] >= self._every_s:
                made.append((now, eta.eta_at))

    def arrived(self, key: VisitKey, at: int) -> list[ErrorRecord]:
        """The errors of all that was predicted for this visit, which is then forgotten."""
        return [
            ErrorRecord(horizon_s=eta_at - made_at, error_s=at - eta_at)
            for made_at, eta_at in self._made.pop(key, [])
            if eta_at > made_at
        ]
