"""The bridge's predictor on buses, as `../shared/bench/eta_bench.py` asks for one.

A bus is a truck that stays nowhere: stops are rooms, segments between stops are legs, nothing is collected. History,
outlook and walk are the product's own; this page only turns trips into leg records. Time order is kept: of the day
that is scored, only drives that had ended before the asked moment count, whatever order the trips come in.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from broker.plan.geometry import lengths_m
from broker.plan.streets import LineStreets
from broker.rules.arrival.walk import Step, walk
from broker.rules.learning.history import History, Outlook
from broker.rules.learning.leg_times import START_ROOM
from broker.rules.learning.observations import LegRecord, StartRecord
from broker.rules.settings import FirstStay, Streets

CALL_AT_S = 960.0
REPORT_GAP_S = 250.0  # between reports further apart nothing is known of the stops passed
AT_START_M = 100.0
TRUST_PLAN_S = 7200.0  # a timetable further away than this belongs to another day
HORIZON_S = 3600.0


def passages(
    times: Sequence[float], places_m: Sequence[float], stops_m: Sequence[float], gap_s: float = REPORT_GAP_S
) -> list[float | None]:
    """When each stop was passed, linearly between two reports; None where the reports are too far apart."""
    found: list[float | None] = []
    index = 0
    for stop_m in stops_m:
        while index < len(places_m) and places_m[index] < stop_m:
            index += 1
        if index == 0 or index == len(places_m) or times[index] - times[index - 1] > gap_s:
            found.append(None)
            continue
        span_m = places_m[index] - places_m[index - 1]
        share = (stop_m - places_m[index - 1]) / span_m if span_m > 0 else 1.0
        found.append(times[index - 1] + share * (times[index] - times[index - 1]))
    return found


def until_next_report_s(times: Sequence[float]) -> float:
    """How long it usually takes to the next report."""
    gaps = [later - earlier for earlier, later in pairwise(times[-6:])]
    return min(120.0, median(gaps)) if gaps else 60.0


def spread(sched: Mapping[int, float], stops_m: Sequence[float]) -> dict[int, float]:
    """A timetable in whole minutes with its repeated times spread by distance: no leg takes no time."""
    anchors: list[int] = []
    for index in sorted(sched):
        if not anchors or sched[index] > sched[anchors[-1]]:
            anchors.append(index)
    times = dict(sched)
    for before, after in pairwise(anchors):
        span_m = stops_m[after] - stops_m[before]
        for index in range(before + 1, after):
            if index in sched and span_m > 0:
                share = (stops_m[index] - stops_m[before]) / span_m
                times[index] = sched[before] + share * (sched[after] - sched[before])
    return times


class Zhanpai:
    """Predicts and calls as the bridge does."""

    def __init__(self, patterns: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._patterns = patterns
        self._history = History(Streets(), FirstStay())
        self._streets = {name: _cells_of(stops) for name, stops in patterns.items()}
        self._pattern = ""
        self._lessons = 0  # one before everything: a whole day is scored; one before each trip: strict order of time
        self._planned: Mapping[int, float] | None = None
        self._times: list[float] = []
        self._places_m: list[float] = []

    def learn(self, trips: Sequence[Mapping[str, Any]]) -> None:
        """Take in the trips of the other days, or before each trip those that have ended since the last one."""
        self._lessons += 1
        for trip in sorted(trips, key=lambda each: float(each["t"][0])):
            self._learn(trip["pattern"], trip["t"], trip["d"], trip["sched"], lasting=True)

    def start(self, trip_id: str, pattern: str, sched: Mapping[int, float] | None) -> None:
        """A trip begins; the one before it becomes part of today's traffic (a drive counts once it has ended)."""
        if len(self._times) > 1 and self._lessons < 2:
            self._learn(self._pattern, self._times, self._places_m, self._planned, lasting=False)
        self._pattern = pattern
        self._planned = sched
        self._stops_m = [float(stop["d"]) for stop in self._patterns[pattern]]
        self._steps = self._steps_of(pattern, sched)
        self._times = []
        self._places_m = []
        self._etas: dict[int, float] = {}

    def report(self, t: float, d: float, lat: float, lon: float) -> None:
        """A position: predict every stop ahead."""
        self._times.append(t)
        self._places_m.append(d)
        self._call_within_s = CALL_AT_S + until_next_report_s(self._times) / 2
        self._etas = self._predict(t, d, self._history.outlook(self._pattern, t))

    def eta(self, stop_index: int) -> float | None:
        """The predicted arrival at a stop ahead."""
        return self._etas.get(stop_index)

    def call(self, stop_index: int) -> bool:
        """Light the lamp at the report nearest to the moment the prediction reaches 16 minutes."""
        eta = self._etas.get(stop_index)
        return eta is not None and eta - self._times[-1] <= self._call_within_s

    def _steps_of(self, pattern: str, sched: Mapping[int, float] | None) -> list[Step]:
        stops = self._patterns[pattern]
        if sched:
            sched = spread(sched, [float(stop["d"]) for stop in stops])
        steps = []
        for index, stop in enumerate(stops):
            planned_at = sched.get(index) if sched else None
            before_at = sched.get(index - 1) if sched else None
            steps.append(
                Step(
                    room=str(stop["stop_id"]),
                    length_m=float(stop["d"]) - float(stops[index - 1]["d"]) if index else None,
                    leg_planned_s=planned_at - before_at if planned_at is not None and before_at is not None else None,
                    planned_at=planned_at,
                    cells=self._streets[pattern][index],
                )
            )
        return steps

    def _predict(self, now: float, place_m: float, outlook: Outlook) -> dict[int, float]:
        ahead = bisect_right(self._stops_m, place_m)
        if ahead >= len(self._stops_m):
            return {}
        if ahead == 0:
            first_at = now
        else:
            step, before = self._steps[ahead], self._steps[ahead - 1]
            span_m = self._stops_m[ahead] - self._stops_m[ahead - 1]
            rest = (self._stops_m[ahead] - place_m) / max(1.0, span_m)
            early_s = 0.0
            if before.planned_at is not None:
                if abs(before.planned_at - now) > TRUST_PLAN_S:
                    pass
                elif ahead > 1:
                    early_s = before.planned_at + (1 - rest) * (step.leg_planned_s or 0.0) - now
            origin = before.room if ahead > 1 else START_ROOM
            drive_s, _ = outlook.leg_s(origin, step.room, step.length_m, now, step.leg_planned_s, early_s, step.cells)
            first_at = now + rest * drive_s
            if ahead == 1 and place_m <= self._stops_m[0] + AT_START_M:  # it has not left yet
                due_at = _due_at(self._times, step.planned_at)
                first_at = max(first_at, due_at + outlook.late_s(now - due_at))
        etas: dict[int, float] = {}
        for index, arrive_at in enumerate(walk(first_at, self._steps[ahead:], outlook), start=ahead):
            etas[index] = arrive_at
            if arrive_at - now > HORIZON_S:
                break
        return etas

    def _learn(
        self,
        pattern: str,
        times: Sequence[float],
        places_m: Sequence[float],
        sched: Mapping[int, float] | None,
        *,
        lasting: bool,
    ) -> None:
        steps = self._steps_of(pattern, sched)
        stops_m = [float(stop["d"]) for stop in self._patterns[pattern]]
        gone = next((index for index, place_m in enumerate(places_m) if place_m > stops_m[0] + AT_START_M), 0)
        passed = passages(times, places_m, stops_m)
        if lasting and gone > 0 and len(passed) > 1 and passed[1] is not None:
            due_at = _due_at(times, steps[1].planned_at)
            self._history.learn_start(StartRecord(pattern, round(passed[1] - due_at)))
        for index in range(2, len(steps)):  # the first leg has the waiting for departure in it
            left_at, reached_at = passed[index - 1], passed[index]
            if left_at is None or reached_at is None:
                continue
            planned_at, planned_s = steps[index - 1].planned_at, steps[index].leg_planned_s
            self._history.learn_leg(
                LegRecord(
                    route_id=pattern,
                    from_room=steps[index - 1].room,
                    to_room=steps[index].room,
                    drive_s=round(reached_at - left_at),
                    started_at=round(left_at),
                    truck_id="",
                    length_m=steps[index].length_m,
                    planned_s=round(planned_s) if planned_s is not None else None,
                    early_s=round(planned_at - left_at) if planned_at is not None else 0,
                    cells=tuple(steps[index].cells),
                ),
                lasting=lasting,
            )


def _due_at(times: Sequence[float], planned_at: float | None) -> float:
    """When a bus that is seen at its first stop should come to the next: by its timetable, else at once."""
    return times[0] if planned_at is None or abs(planned_at - times[0]) > TRUST_PLAN_S else max(times[0], planned_at)


def _cells_of(stops: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The streets that lead to each stop, straight from the one before it; none where nobody says where stops are."""
    places = [(float(stop.get("lat", 0.0)), float(stop.get("lon", 0.0))) for stop in stops]
    streets, along_m = LineStreets(places), lengths_m(places)
    known = all("lat" in stop and "lon" in stop for stop in stops)
    return [
        streets.between(along_m[index - 1], along_m[index]) if known and index else () for index in range(len(stops))
    ]
