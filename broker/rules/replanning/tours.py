"""What a truck still has to do today, and when it will be where: the ground that re-planning stands on.

A tour is driven in its order. A truck that comes before a stop's `open_at` waits there; one that comes after
`close_at`, ends after its shift or carries more than its capacity has a tour that cannot be driven.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from broker.rules.states.visit import VisitKey


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit that is owed. `before_at` is when it was to happen as told so far; None asks the tour itself."""

    key: VisitKey
    place: str
    waste: str
    bins: int = 0
    open_at: int | None = None
    close_at: int | None = None
    before_at: int | None = None
    frozen: bool = False  # its lamp is lit: nothing may be put before it


@dataclass(frozen=True, slots=True)
class Tour:
    """A truck's owed stops in order, from where and when it can drive on; None = no limit stated.

    `wastes` are the kinds the truck may load; `end` is where it must be by `shift_end_at`, None where it stops last.
    """

    truck: str
    run_id: str
    start: str
    start_at: int
    stops: tuple[Stop, ...]
    wastes: frozenset[str] | None = None
    loaded_bins: int = 0
    capacity_bins: int | None = None
    shift_end_at: int | None = None
    end: str | None = None

    def without(self, key: VisitKey) -> "Tour":
        """The tour that leaves out one stop; KeyError if it has no such stop."""
        if all(stop.key != key for stop in self.stops):
            raise KeyError(key)
        return replace(self, stops=tuple(stop for stop in self.stops if stop.key != key))

    def with_stop(self, stop: Stop, position: int) -> "Tour":
        """The tour with one stop more, before the stop that was at `position`."""
        return replace(self, stops=(*self.stops[:position], stop, *self.stops[position:]))

    def free_bins(self) -> int | None:
        """How many bins more the truck can take after all its stops; negative if already too many."""
        if self.capacity_bins is None:
            return None
        return self.capacity_bins - self.loaded_bins - sum(stop.bins for stop in self.stops)


@dataclass(frozen=True, slots=True)
class Ways:
    """How long things take: `travel_s` between two places, `dwell_s` at a stop; both whole seconds, never negative.

    A time that moves by more than `slip_s` breaks what a keeper was promised.
    """

    travel_s: Callable[[str, str], int]
    dwell_s: Callable[[Stop], int]
    slip_s: int

    def remembered(self) -> "Ways":
        """The same, asking each question only once."""
        return Ways(cache(self.travel_s), cache(self.dwell_s), self.slip_s)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a tour is where: `arrive_at` is the start of each dwell, after any waiting."""

    arrive_at: tuple[int, ...]
    leave_at: tuple[int, ...]
    end_at: int
    drive_s: int
    wait_s: int


def schedule(tour: Tour, ways: Ways) -> Schedule:
    """The times of a tour as it stands; it says nothing about whether they are allowed."""
    place, at = tour.start, tour.start_at
    arrivals, leaves, drive_s, wait_s = [], [], 0, 0
    for stop in tour.stops:
        leg_s = ways.travel_s(place, stop.place)
        there_at = at + leg_s
        start_at = max(there_at, stop.open_at or there_at)
        drive_s += leg_s
        wait_s += start_at - there_at
        at = start_at + ways.dwell_s(stop)
        place = stop.place
        arrivals.append(start_at)
        leaves.append(at)
    home_s = ways.travel_s(place, tour.end) if tour.end is not None else 0
    return Schedule(tuple(arrivals), tuple(leaves), at + home_s, drive_s + home_s, wait_s)
