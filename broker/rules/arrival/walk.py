"""From one stop to the next, leg by leg and stay by stay: what was learned of each, or the timetable and a first guess.

Where neither a leg nor the stay before it was ever seen, the answer lies half way between the guess and the timetable,
whose minutes are taken to last as long as they did for this run so far.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from broker.rules.learning.history import Outlook

MOST_PACE = 2.0
PACE_WEIGHT = 0.5  # so many visits that kept the timetable count as seen before the first


class Step(NamedTuple):
    """One stop of a walk: the leg that leads to it and the stay there; None = not known.

    `leg_planned_s` is a planned driving time, `gap_planned_s` a planned time from arrival to arrival,
    `cells` the streets that the leg leads through.
    """

    room: str
    waste: str | None = None
    length_m: float | None = None
    leg_planned_s: float | None = None
    gap_planned_s: float | None = None
    planned_at: float | None = None
    not_before_at: float | None = None
    bins: int | None = None
    cells: Sequence[str] = ()


class Plan(NamedTuple):
    """The timetable where nobody was seen: its share in what is expected, and how long its minutes really take."""

    share: float = 0.5
    pace: float = 1.0


def pace_of(kept: Sequence[tuple[int, int]]) -> float:
    """How long a run takes for a minute of its timetable, by the (planned_at, arrived_at) of the visits it has made.

    It is the middle of what it took from each to the next, within bounds: a blocked lane is no pace.
    """
    paces = [
        min(MOST_PACE, max(1 / MOST_PACE, (later_at - at) / (later_planned_at - planned_at)))
        for (planned_at, at), (later_planned_at, later_at) in pairwise(kept)
        if later_planned_at > planned_at and later_at > at
    ]
    return (median(paces) * len(paces) + PACE_WEIGHT) / (len(paces) + PACE_WEIGHT) if paces else 1.0


def stay_s(outlook: Outlook, step: Step, arrive_at: float) -> float:
    """Expected seconds at one stop reached at `arrive_at`; 0 where nothing is collected."""
    if step.waste is None:
        return 0.0
    early_s = step.planned_at - arrive_at if step.planned_at else 0.0
    return outlook.dwell_s(step.room, step.waste, step.bins, early_s)


def walk(
    clock: float, steps: Sequence[Step], outlook: Outlook, leave_first_at: float | None = None,
    plan: Plan | None = None,
) -> Iterator[float]:
    """The arrival at each step when the first is reached at `clock` (and left at `leave_first_at` if given)."""
    plan = plan or Plan()
    for index, step in enumerate(steps):
        if index > 0:
            before = steps[index - 1]
            first_left = leave_first_at is not None and index == 1
            away_s = 0.0 if first_left else stay_s(outlook, before, clock)
            left_at = leave_first_at if leave_first_at is not None and first_left else clock + away_s
            early_s = before.planned_at - clock if before.planned_at else 0.0
            drive_s, label = outlook.leg_s(
                before.room, step.room, step.length_m, left_at, step.leg_planned_s, early_s, step.cells
            )
            arrive_at = left_at + drive_s
            if (
                label == "timetable"
                and step.gap_planned_s is not None
                and not first_left
                and before.waste is not None
                and not outlook.knows_stay(before.room, before.waste)
            ):
                arrive_at += plan.share * (clock + plan.pace * step.gap_planned_s - arrive_at)
            clock = arrive_at
        if step.not_before_at is not None:
            clock = max(clock, step.not_before_at)
        yield clock
