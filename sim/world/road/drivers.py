"""Whoever drives: which room is next, by the itinerary in the cab or the timetable known by heart.

A crew may pass a room and serve it on its way back, leave one out without a word, stop forty metres before a door, or
serve two rooms from one place; each with dice of its own.
"""

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.plan.model import RENOVATION, Route, RunPlan
from broker.rules.states.visit import OWED

OF_CALLED_TRUCK = "call-"  # so the bridge names the runs of trucks that were booked
SHORT_M = 40.0
SAME_PLACE_M = 60.0  # from where one room was served another is within reach of the crew
SERVES, SKIPS, LATER = "serves", "skips", "later"

Key = tuple[str, int, str]


@dataclass(slots=True)
class Errand:
    """One visit the driver has in mind."""

    room: str
    visit_number: int
    waste: str

    @property
    def key(self) -> Key:
        """What tells visits apart within a day of one truck."""
        return self.room, self.visit_number, self.waste


class Driver:
    """What a driver and the crew have done today and will do next."""

    def __init__(self, world: Mapping[str, Any], seed: str) -> None:
        self.done: set[Key] = set()  # need not be thought of any more
        self.left_out: set[Key] = set()  # of these, without a word
        self._skips, self._later = world["crew_skips"], world["on_way_back"]
        self._short, self._two = world["stops_short"], world["two_from_one"]
        self._dice = random.Random(f"{seed} crew")
        self._itinerary: Mapping[str, Any] | None = None
        self._owed: Sequence[Mapping[str, Any]] = ()
        self._manners: dict[Key, str] = {}
        self._first: dict[Key, Key] = {}  # what is served on the way back, and after which
        self._told: dict[tuple[str, str, int], int] = {}  # of a run's visit: the earliest time that the screen named

    @property
    def made(self) -> set[Key]:
        """What the driver says has been made, when asked."""
        return self.done - self.left_out

    def reads(self, itinerary: Mapping[str, Any]) -> None:
        """The screen in the cab shows another itinerary."""
        self._itinerary = itinerary
        self._owed = [visit for visit in itinerary["visits"] if visit["state"] in OWED]
        for visit in self._owed:
            if visit["eta_at"] is not None:
                key = itinerary["run_id"], visit["room"], visit["visit_number"]
                self._told[key] = min(visit["eta_at"], self._told.get(key, visit["eta_at"]))

    def has_served(self, errand: Errand) -> None:
        """What was owed there before this visit took its place is done by it, too."""
        self.done |= {(errand.room, number, errand.waste) for number in range(1, errand.visit_number + 1)}

    def begins_a_day(self) -> None:
        """Yesterday is forgotten."""
        self.done.clear()
        self.left_out.clear()
        self._manners.clear()
        self._first.clear()
        self._told.clear()

    def next_errand(
        self, run: RunPlan, route: Route, run_id: str, to_come: Collection[str], closed: Collection[str] = ()
    ) -> Errand | None:
        """Where to go next on this run; `to_come` are the runs whose time has not come yet, `closed` the rooms to which
        no road leads."""
        reachable = (errand for errand in self._open(run, route, run_id, to_come) if errand.room not in closed)
        if not (self._skips or self._later):  # whatever is owed is served when its turn comes
            return next(reachable, None)
        errands = [*reachable]
        for number, errand in enumerate(errands):
            manner = self._manner(errand)
            if manner == SKIPS:
                self.done.add(errand.key)
                self.left_out.add(errand.key)
            elif manner == SERVES or not self._waits(errand, errands[number + 1 :]):
                return errand
        return None

    def comes_back_for(self, errand: Errand) -> bool:
        """Whether its room has been passed before."""
        return errand.key in self._first

    def short_m(self) -> float:
        """How far before a door the truck stops."""
        return SHORT_M if self._short and self._dice.random() < self._short else 0.0

    def serves_from_there(self) -> bool:
        """Whether the crew walks to a room that is near."""
        return bool(self._two) and self._dice.random() < self._two

    def _open(self, run: RunPlan, route: Route, run_id: str, to_come: Collection[str]) -> Iterator[Errand]:
        told = self._itinerary
        if told is not None and told["run_id"] in to_come:
            told = None
        rows = self._owed if told is not None else ()
        asked = {visit["room"] for visit in rows} if self._first else ()
        for key in self._first:  # whatever the screen says, the crew knows where it has not been
            if told is not None and key[0] not in asked and key not in self.done:
                yield Errand(*key)
        for visit in rows:
            waste = visit["bins"][0]["waste"] if visit["bins"] else self._unsaid(told, route)
            errand = Errand(visit["room"], visit["visit_number"], waste)
            if errand.key not in self.done:
                yield errand
        # Without word about this run the driver knows the timetable by heart.
        if told is None or told["run_id"] != run_id:
            times: Counter[str] = Counter()
            for planned in run.visits:
                times[planned.room_id] += 1
                errand = Errand(planned.room_id, times[planned.room_id], route.waste)
                if errand.key not in self.done:
                    yield errand

    @staticmethod
    def _unsaid(told: Mapping[str, Any] | None, route: Route) -> str:
        """What is collected where the itinerary names no bins."""
        return RENOVATION if told is not None and told["run_id"].startswith(OF_CALLED_TRUCK) else route.waste

    def comes_at(self, errand: Errand) -> int | None:
        """By when a crew that was booked wants to be there: the earliest time it was told, for a later one may only
        say that its truck still stands. None where it need not wait."""
        if errand.waste != RENOVATION or self._itinerary is None:
            return None
        return self._told.get((self._itinerary["run_id"], errand.room, errand.visit_number))

    def _manner(self, errand: Errand) -> str:
        """What becomes of an errand when its time comes; one that was asked for again is made."""
        if errand.visit_number > 1 or not (self._skips or self._later):
            return SERVES
        if errand.key not in self._manners:
            drawn = self._dice.random()
            skips = drawn < self._skips
            self._manners[errand.key] = SKIPS if skips else LATER if drawn < self._skips + self._later else SERVES
        return self._manners[errand.key]

    def _waits(self, errand: Errand, later: list[Errand]) -> bool:
        """Whether another room is served before this one; the last of a run cannot wait."""
        if errand.key not in self._first:
            served = [other.key for other in later if self._manner(other) == SERVES]
            if served:
                self._first[errand.key] = served[0]
        first = self._first.get(errand.key)
        return first is not None and any(other.key == first for other in later)
