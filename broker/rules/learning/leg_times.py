"""How long drives between two rooms take: learned per leg and per street, seen against a first guess.

The first guess of a leg is its length at a default speed, and its planned time where the timetable gives one. What is
learned is how much longer or shorter than that it really is:

    expected drive = guess x ratio of the leg x half-hour factor x factor of today  (+ waiting for the timetable)

Every ratio is sums of seconds over sums of seconds, started with a prior weight of the next coarser one: leg <- the
streets it leads through <- all legs; factor of the street now <- of the route <- of the area <- 1. So a new leg, a new
route and a first day all have an answer, and evidence moves it by as much as it weighs. Pairs of rooms are shared by
all routes of an area, and so are streets: trucks of different waste kinds stop at other doors of the same street.

A street is the cells of about 100 m, with their direction, that a leg leads through (`cells_along`); a leg whose way
nobody knows is a cell of its own. Where a timetable has other minutes at other hours, half of that is believed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from broker.rules.learning.ratios import OtherDays, Ratio
from broker.rules.learning.standing import Standing, StandingSettings
from broker.rules.learning.today import Today, TodaySettings
from broker.rules.learning.together import Together, TogetherSettings

START_ROOM = ""  # the room a run's first leg comes from: wherever the truck starts
HALF_HOUR_S = 1800
HALF_HOURS = 48
DAY_S = HALF_HOURS * HALF_HOUR_S
FALLBACK_LEG_S = 120.0  # a leg of which neither length nor plan is known
WINSOR_FACTOR = 2.0  # a drive longer than this many times the expected one (and a minute) was blocked, not slow
WINSOR_S = 60.0
MEMORY = 160  # drives of a pair of rooms, stays at a room: older ones say nothing any more


@dataclass(frozen=True, slots=True)
class WaitSettings:
    """How much evidence there must be of waiting for the timetable, and from where on being early counts no more."""

    weight_s2: float = 600.0**2
    most_s: float = 900.0


@dataclass(frozen=True, slots=True)
class LegSettings:
    """How fast to believe drives; weights in seconds of driving unless named otherwise."""

    memory: int = MEMORY
    planned_weight_legs: float = 10.0
    length_weight_legs: float = 2.0
    street_weight_cells: float = 1.0
    street_memory_s: float = 6000.0
    general_weight_s: float = 60.0
    half_hour_weight_s: float = 20000.0
    steady_share: float = 0.5
    today: TodaySettings = field(default_factory=TodaySettings)
    together: TogetherSettings = field(default_factory=TogetherSettings)
    standing: StandingSettings = field(default_factory=StandingSettings)
    waits: WaitSettings = field(default_factory=WaitSettings)


class Waits:
    """How much of being early is waited off, per place: slope of extra seconds on seconds early, from 0 to 1."""

    def __init__(self, settings: WaitSettings) -> None:
        self._settings = settings
        self._sums: dict[tuple[str, ...], tuple[float, float]] = {}

    def early_s(self, early_s: float) -> float:
        """Earliness as it counts: never negative, never above the limit."""
        return min(self._settings.most_s, max(0.0, early_s))

    def learn(self, place: tuple[str, ...], early_s: float, extra_s: float) -> None:
        """Take in how much longer than expected somebody took who was early."""
        early_s = self.early_s(early_s)
        if early_s <= 0:
            return
        products, squares = self._sums.get(place, (0.0, 0.0))
        extra_s = max(-early_s, min(2 * early_s, extra_s))
        self._sums[place] = (products + early_s * extra_s, squares + early_s * early_s)

    def wait_s(self, place: tuple[str, ...], early_s: float) -> float:
        """Expected waiting of somebody who is this early."""
        sums = self._sums.get(place)
        if sums is None or early_s <= 0:
            return 0.0
        return min(1.0, max(0.0, sums[0] / (sums[1] + self._settings.weight_s2))) * self.early_s(early_s)


class Leg(NamedTuple):
    """A drive between two rooms before anything is learned: seconds by length and by timetable, and its streets."""

    pair: tuple[str, str]
    guess_s: float
    planned_s: float | None
    cells: Sequence[str]

    @classmethod
    def of(
        cls, pair: tuple[str, str], length_m: float | None, planned_s: float | None, speed_mps: float,
        cells: Sequence[str] = (),
    ) -> "Leg":  # fmt: skip
        """The leg of this length and planned time, each None where it is not known."""
        guess_s = FALLBACK_LEG_S if length_m is None else max(1.0, length_m / speed_mps)
        planned = planned_s if planned_s is not None and planned_s > 0 else None
        return cls(pair, guess_s, planned, cells or (f"{pair[0]}>{pair[1]}",))


class _Known:
    """The drives of one leg, against its length and against its timetable, and the streets of the last one."""

    __slots__ = ("by_length", "by_plan", "cells")

    def __init__(self, memory: int) -> None:
        self.cells: Sequence[str] = ()
        self.by_length, self.by_plan = Ratio(memory), Ratio(memory)


class LegTimes:
    """The learned drives of one area; `offset_s` is local time minus UTC at a moment."""

    def __init__(self, settings: LegSettings) -> None:
        self.settings = settings
        self.today = Today(settings.today)
        self.together = Together(settings.together)
        self.standing = Standing(settings.standing)
        self._pairs: dict[tuple[str, str], _Known] = {}
        self._streets: dict[str, Ratio] = {}
        self._usual: dict[Leg, float] = {}  # what was asked since the last drive
        self._by_length, self._by_plan = Ratio(), Ratio()  # of all legs
        self._half_hours: dict[tuple[str, int], OtherDays] = {}
        self._waits = Waits(settings.waits)

    def learn(
        self, route_id: str, leg: Leg, drive_s: float, ended_at: float, early_s: float, offset_s: int, *, lasting: bool
    ) -> None:
        """Take in one drive of `drive_s` over a leg; not `lasting`: as today's traffic only."""
        half_hour = half_hour_of(ended_at - drive_s, offset_s)
        factor, usual_s = self.half_hour_factor(route_id, half_hour), self.usual_s(leg)
        wait_s = self._waits.wait_s(leg.pair, early_s)
        moving_s = max(1.0, min(drive_s - wait_s, WINSOR_FACTOR * usual_s * factor + WINSOR_S))
        known = leg.pair in self._pairs
        if known or any(cell in self._streets for cell in leg.cells):
            expected_s = usual_s * factor
            today = self.today.route_factor(route_id, ended_at - drive_s)
            self.together.learn(route_id, ended_at, moving_s, expected_s * today)
            self.today.learn(route_id, leg.cells, ended_at, moving_s, expected_s)
        if not lasting:
            return
        if known:
            self.standing.learn(drive_s - wait_s, usual_s * factor)
            for route in ("", route_id):
                slot = self._half_hours.setdefault((route, half_hour), OtherDays())
                slot.add_on(int((ended_at - drive_s + offset_s) // DAY_S), moving_s, usual_s)
            self._waits.learn(leg.pair, early_s, drive_s - usual_s * factor)
        self._take_in(leg, moving_s / factor)

    def _take_in(self, leg: Leg, usual_s: float) -> None:
        """What a drive would have taken at an average time of the day teaches the leg, its streets and all legs."""
        self._usual.clear()
        settings = self.settings
        ratios = self._pairs.setdefault(leg.pair, _Known(settings.memory))
        ratios.cells = leg.cells
        ratios.by_length.add(usual_s, leg.guess_s)
        pieces = len(leg.cells)
        for cell in leg.cells:
            street = self._streets.setdefault(cell, Ratio())
            street.add(usual_s / pieces, leg.guess_s / pieces)
            street.forget_beyond(settings.street_memory_s)
        if leg.planned_s is None:
            self._by_length.add(usual_s, leg.guess_s)
        else:
            ratios.by_plan.add(usual_s, leg.planned_s)
            self._by_plan.add(usual_s, leg.planned_s)

    def knows(self, pair: tuple[str, str]) -> bool:
        """Whether this leg was driven before."""
        return pair in self._pairs

    def cells_of(self, pair: tuple[str, str]) -> Sequence[str]:
        """The streets that the last truck took from one room to the other; none where nobody drove that."""
        known = self._pairs.get(pair)
        return () if known is None else known.cells

    def usual_s(self, leg: Leg) -> float:
        """Expected seconds of a leg at an average time of an average day."""
        found = self._usual.get(leg)
        if found is None:
            found = self._usual[leg] = self._worked_out_s(leg)
        return found

    def _worked_out_s(self, leg: Leg) -> float:
        settings, known = self.settings, self._pairs.get(leg.pair)
        if known is None and leg.planned_s is not None:
            return leg.planned_s * self._by_plan.value(1.0, settings.general_weight_s)
        by_length_s = leg.guess_s * self._street_ratio(leg)
        if known is not None:
            by_length_s = leg.guess_s * known.by_length.value(
                by_length_s / leg.guess_s, settings.length_weight_legs * leg.guess_s
            )
        if known is None or leg.planned_s is None:
            return by_length_s
        general = self._by_plan.value(1.0, settings.general_weight_s)
        by_plan_s = leg.planned_s * known.by_plan.value(general, settings.planned_weight_legs * leg.planned_s)
        return by_plan_s + settings.steady_share * (by_length_s - by_plan_s)

    def _street_ratio(self, leg: Leg) -> float:
        ratios = self.street_ratios(leg)
        return sum(ratios) / len(ratios)

    def street_ratios(self, leg: Leg) -> list[float]:
        """How many times as long as guessed each of its streets usually takes, by the trucks of all routes."""
        general = self._by_length.value(1.0, self.settings.general_weight_s)
        weight_s = self.settings.street_weight_cells * leg.guess_s / len(leg.cells)
        streets = [self._streets.get(cell) for cell in leg.cells]
        return [general if street is None else street.value(general, weight_s) for street in streets]

    def knows_street(self, cell: str) -> bool:
        """Whether a truck of any route drove there before."""
        return cell in self._streets

    def half_hour_factor(self, route_id: str, half_hour: int) -> float:
        """How much slower than usual a route is in one half-hour of the day."""
        weight_s = self.settings.half_hour_weight_s
        area = self._half_hours.get(("", half_hour))
        if area is None:
            return 1.0
        factor = area.value(1.0, weight_s)
        route = self._half_hours.get((route_id, half_hour))
        return factor if route is None else route.value(factor, weight_s)

    def wait_s(self, pair: tuple[str, str], early_s: float) -> float:
        """Expected waiting on a leg of somebody who starts it this much before the timetable."""
        return self._waits.wait_s(pair, early_s)


def half_hour_of(at: float, offset_s: int) -> int:
    """Which of the day's 48 half-hours a moment lies in."""
    return int((at + offset_s) // HALF_HOUR_S) % HALF_HOURS
