"""What was taught of a drive against what was true: stops missed, invented and off, visits, times, the line."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from broker.plan.geometry import distance_m, lengths_m, point_at, project
from broker.rules.teaching.positions import Position, cleaned, of_one_clock
from broker.rules.teaching.route import Taught, taught
from tests.support.teaching.drives import Conditions, Driven, driven
from tools.teaching.receiver_log import positions_of

WITHIN_M = 30.0
WAYS: dict[str, Callable[[Driven], Iterable[Position]]] = {
    "log": lambda drive: positions_of([drive.log]),
    "record": Driven.reported,
}
"""How a drive is written down: by its receiver, or as its truck told the bridge."""


@dataclass(slots=True)
class Score:
    """Of one or several drives."""

    drives: int = 0
    stops: int = 0
    visits: int = 0
    missed: int = 0
    invented: int = 0
    places_m: list[float] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    stays_s: list[float] = field(default_factory=list)
    line_m: list[float] = field(default_factory=list)  # how far the true line lies beside the taught one, each 50 m
    faults: list[str] = field(default_factory=list)

    @property
    def perfect(self) -> bool:
        """No stop missed or invented, and each within 30 m."""
        return not self.missed and not self.invented and max(self.places_m, default=0.0) <= WITHIN_M

    def add(self, other: "Score") -> None:
        """Both together."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def score_of(drive: Driven, route: Taught, name: str) -> Score:
    """One drive's. A visit is found if a taught one overlaps it in time and is at its place."""
    score = Score(1, len({stop for stop, _, _ in drive.visits}), len(drive.visits))
    taken: set[int] = set()
    same: dict[int, set[int]] = {}
    for stop, arrived_at, left_at in drive.visits:
        at = [one for one in route.visits if one.number not in taken
              and one.halt.since < left_at and one.halt.until > arrived_at]  # fmt: skip
        if not at:
            score.missed += 1
            score.faults.append(f"{name}: stop {stop} at {arrived_at:.0f} for {left_at - arrived_at:.0f} s is missed")
            continue
        one = max(at, key=lambda each: min(each.halt.until, left_at) - max(each.halt.since, arrived_at))
        taken.add(one.number)
        same.setdefault(stop, set()).add(one.stop or 0)
        off_m = distance_m(*route.stops[one.stop or 0], *drive.stops[stop])
        score.places_m.append(off_m)
        if off_m > WITHIN_M:
            score.faults.append(f"{name}: stop {stop} is {off_m:.0f} m off")
        score.times_s.append(one.halt.since - arrived_at)
        score.stays_s.append(one.halt.seconds - (left_at - arrived_at))
    for one in route.visits:
        if one.number not in taken:
            score.invented += 1
            score.faults.append(f"{name}: a stop at {one.halt.since:.0f} for {one.halt.seconds:.0f} s never was "
                                f"{one.doubts}")  # fmt: skip
    for stop, ids in same.items():
        if len(ids) > 1:
            score.invented += 1
            score.faults.append(f"{name}: stop {stop} became {len(ids)}")
    if len(route.stops) < score.stops - score.missed:
        score.faults.append(f"{name}: {score.stops} stops became {len(route.stops)}")
        score.missed += score.stops - score.missed - len(route.stops)
    score.line_m = _beside(drive, route)
    return score


def _beside(drive: Driven, route: Taught) -> list[float]:
    true, own = lengths_m(drive.line), lengths_m(route.line)
    places = [point_at(drive.line, true, along) for along in range(0, int(true[-1]), 50)]
    return [project(route.line, own, *place, 0.0, own[-1])[0] for place in places]


def scored(conditions: Conditions, seeds: Iterable[int], said: Callable[[Driven], Iterable[Position]]) -> Score:
    """Some drives, as a log or as a record (`said`)."""
    total = Score()
    for seed in seeds:
        drive = driven(conditions, seed)
        positions, _ = of_one_clock(list(said(drive)))
        total.add(score_of(drive, taught(cleaned(positions)), f"{conditions.name}/{seed}"))
    return total
