"""When a truck reaches each room it owes: the walk (`walk.py`) from where it is.

    rest of the present leg (by distance) or rest of the present stay
    + expected legs and stays (what was learned, else the timetable and a first guess, half and half)

The answer rests on the place of the truck, so it slips while the truck stands and never counts down while it is
held: it will stand for as long as the area's lanes usually stay blocked. A silent truck is taken to go on as usual, but
nobody says that it is at a room before it says so itself. Each estimate says what it rests on:

    live       the truck's own position, at most 90 s old
    history    the truck went silent at most 180 s ago
    stale      silent for longer; nobody knows
    held       it stands outside a stop, or its driver pressed the button
    off_route  it is beside its line; straight distance to the next room
    timetable  the run has not begun
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from broker.plan.geometry import distance_m
from broker.rules.arrival.walk import Plan, Step, stay_s, walk
from broker.rules.learning.history import History, Outlook
from broker.rules.learning.observations import ErrorRecord
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import Progress, StopKey, TrackVisit

NOTED_S, FAR_NOTED_S, NEAR_S = 60, 180, 1200  # how often what is near is remembered, and what is further away
FRESH_LABELS = ("live", "history", "timetable")  # of predictions that may light a lamp and clear one


@dataclass(frozen=True, slots=True)
class ArrivalSettings:
    """Floors of a prediction."""

    least_stay_rest_s: float = 15.0
    overstay_share: float = 0.25
    least_band_s: float = 30.0


class Eta(NamedTuple):
    """One predicted arrival: median, p10 and p90 (POSIX seconds), and what it rests on."""

    key: StopKey
    eta_at: int
    early_at: int
    late_at: int
    label: str

    @property
    def unheard(self) -> "Eta":
        """The same where no position is younger than 90 s: it may be shown, but it neither lights nor clears."""
        if self.label not in FRESH_LABELS:
            return self
        return Eta(self.key, self.eta_at, self.early_at, self.late_at, "stale")


class Walked:
    """The last walk of one run, which is made again only when something that it rests on has changed."""

    def __init__(self) -> None:
        self._rests_on: tuple[object, ...] | None = None
        self._arrivals: list[float] = []
        self._steps_rest_on: tuple[object, ...] | None = None
        self._steps: list[Step] = []

    def arrivals(self, rests_on: tuple[object, ...], make: Callable[[], Iterator[float]]) -> list[float]:
        """The arrivals of a walk that rests on these."""
        if rests_on != self._rests_on:
            self._arrivals, self._rests_on = list(make()), rests_on
        return self._arrivals

    def steps(self, rests_on: tuple[object, ...], make: Callable[[], list[Step]]) -> list[Step]:
        """The steps of a walk, which stay as they are while the truck drives to the first."""
        if rests_on != self._steps_rest_on:
            self._steps, self._steps_rest_on = make(), rests_on
        return self._steps


def predict(
    tracker: RunTracker,
    history: History,
    bins: Mapping[tuple[str, str], int],
    now: int,
    settings: ArrivalSettings | None = None,
    pace: float = 1.0,
    free: Eta | None = None,
    walked: Walked | None = None,
    visits: Sequence[TrackVisit] | None = None,
) -> list[Eta]:
    """The arrivals of a run's owed visits in visiting order; `bins` counts by (room, waste) where known, `pace` what
    the run takes for a minute of its timetable (`pace_of`), `free` the first arrival of a truck that is on another run
    yet (`next_run.py`), `walked` knows the run's last walk. `visits`: as it would be if the run owed these.
    """
    settings = settings or ArrivalSettings()
    visits = tracker.pending if visits is None else visits
    if not visits:
        return []
    state = tracker.progress(now, visits)
    label = _label(state, now) if free is None or free.label in FRESH_LABELS else free.label
    outlook = history.outlook(tracker.route.route_id, now)
    first = _step(tracker, None, visits[0], bins)
    begin_at: float
    leave_at: float | None = None
    if state.arrived_at is not None:
        begin_at, leave_at = state.arrived_at, _leave_at(state, first, outlook, now, settings)
    else:
        begin_at = now + _first_rest_s(tracker, state, first, outlook, now)
        if free is not None:
            begin_at = max(begin_at, free.eta_at, first.planned_at or 0)

    walked = walked or Walked()

    def steps() -> list[Step]:
        pairs = zip((None, *visits), visits, strict=False)
        return [_step(tracker, before, visit, bins) for before, visit in pairs]

    def anew() -> Iterator[float]:
        return walk(begin_at, walked.steps((visits, bins), steps), outlook, leave_at, Plan(pace=pace))

    arrivals = walked.arrivals((begin_at, leave_at, visits, bins, outlook, pace), anew)
    # Nobody says that a truck under way is at a room before it says so itself.
    soonest_at = now + tracker.settings.fence_m / tracker.streets.speed_mps if state.started else now
    etas = _with_bands(visits, arrivals, label, history, now, soonest_at, settings)
    if state.arrived_at is not None:
        etas[0] = Eta(visits[0].key, state.arrived_at, state.arrived_at, state.arrived_at, label)
    return etas


def expected_stays(
    tracker: RunTracker, history: History, bins: Mapping[tuple[str, str], int], etas: Sequence[Eta], now: int,
    settings: ArrivalSettings | None = None,
) -> list[int]:  # fmt: skip
    """The seconds of the stay at each of these predicted visits; where the truck stands, of the whole stay."""
    outlook, state = history.outlook(tracker.route.route_id, now), tracker.progress(now)
    stays = []
    for index, (visit, eta) in enumerate(zip(tracker.pending, etas, strict=False)):
        step = _step(tracker, None, visit, bins)
        if index == 0 and state.arrived_at is not None:
            leave_at = _leave_at(state, step, outlook, now, settings or ArrivalSettings())
            stays.append(round(leave_at - state.arrived_at))
        else:
            stays.append(round(stay_s(outlook, step, eta.eta_at)))
    return stays


def _step(
    tracker: RunTracker, before: TrackVisit | None, visit: TrackVisit, bins: Mapping[tuple[str, str], int]
) -> Step:
    length_m = gap_s = None
    cells: tuple[str, ...] = ()
    if before is not None:
        length_m = leg_length_m(before, visit, tracker.streets.detour_factor)
        cells = tracker.cells(before, visit)
        if before.planned_at and visit.planned_at and visit.planned_at > before.planned_at:
            gap_s = float(visit.planned_at - before.planned_at)
    return Step(
        room=visit.key[0],
        waste=visit.waste,
        length_m=length_m,
        gap_planned_s=gap_s,
        planned_at=visit.planned_at or None,
        not_before_at=visit.not_before_at,
        bins=bins.get((visit.key[0], visit.waste)),
        cells=cells,
    )


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


def _is_silent(state: Progress, now: int) -> bool:
    return not state.held and state.fix is not None and not state.fix.fresh(now)


def _leave_at(state: Progress, step: Step, outlook: Outlook, now: int, settings: ArrivalSettings) -> float:
    """When the present stay ends: after it was heard of last, and the longer it lasts beyond its time the later."""
    heard_at = state.fix.fix_at if state.fix is not None and _is_silent(state, now) else now
    arrived_at = state.arrived_at if state.arrived_at is not None else heard_at
    rest_s = arrived_at + stay_s(outlook, step, arrived_at) - heard_at
    if rest_s < settings.least_stay_rest_s:
        rest_s = settings.least_stay_rest_s + settings.overstay_share * (settings.least_stay_rest_s - rest_s)
    if state.held_since is not None:
        rest_s = max(rest_s, outlook.standing_s(now - state.held_since))
    return heard_at + rest_s


def _first_rest_s(tracker: RunTracker, state: Progress, step: Step, outlook: Outlook, now: int) -> float:
    """What is left until the truck reaches the first owed visit."""
    length_m = state.leg_length_m
    expected_s, _ = outlook.leg_s(state.from_room, step.room, length_m, now, cells=tracker.cells_now)
    leg_rest_s = expected_s * (state.leg_rest_m / length_m if length_m > 0 else 0.0)
    if not state.started:
        near_s = 0.0 if state.stale else leg_rest_s
        if step.planned_at is None:  # of no timetable: it is not late as usual
            return near_s
        late_s = float(now - step.planned_at)
        return max(outlook.late_s(late_s) - late_s, near_s)
    if state.held_since is not None:
        return leg_rest_s + outlook.standing_s(now - state.held_since)
    moves = state.fix is not None and (state.fix.speed_mps is None or state.fix.speed_mps > tracker.settings.noise_mps)
    return leg_rest_s - (state.fix_age_s or 0) if moves or _is_silent(state, now) else leg_rest_s


def _with_bands(
    visits: Sequence[TrackVisit], arrivals: Sequence[float], label: str, history: History, now: int,
    soonest_at: float, settings: ArrivalSettings,
) -> list[Eta]:  # fmt: skip
    least_s, band_s = settings.least_band_s, history.bands.band_s
    etas = []
    for visit, arrive_at in zip(visits, arrivals, strict=True):
        if arrive_at < soonest_at:
            arrive_at = soonest_at
        early_s, late_s = band_s(arrive_at - now, label)
        eta_at = round(arrive_at)
        early_at = round(arrive_at + (early_s if early_s < -least_s else -least_s))
        late_at = round(arrive_at + (late_s if late_s > least_s else least_s))
        early_at, late_at = early_at if early_at > now else now, late_at if late_at > eta_at else eta_at
        etas.append(Eta(visit.key, eta_at, early_at, late_at, label))
    return etas


class Promises:
    """Remembers what was predicted, the near once a minute, so that each arrival tells how far off it was."""

    def __init__(self) -> None:
        self._made: dict[StopKey, list[tuple[int, Eta]]] = {}

    def note(self, etas: Sequence[Eta], now: int) -> None:
        """Remember the predictions of one moment."""
        for eta in etas:
            if eta.eta_at <= now:
                continue
            made, every_s = self._made.setdefault(eta.key, []), NOTED_S if eta.eta_at - now <= NEAR_S else FAR_NOTED_S
            if not made or now - made[-1][0] >= every_s:
                made.append((now, eta))

    def arrived(self, key: StopKey, at: int) -> list[ErrorRecord]:
        """The errors of all that was predicted for this visit, which is then forgotten."""
        return [
            ErrorRecord(eta.eta_at - made_at, at - eta.eta_at, eta.label, eta.early_at <= at <= eta.late_at)
            for made_at, eta in self._made.pop(key, [])
        ]
