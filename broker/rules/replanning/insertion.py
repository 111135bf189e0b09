"""Where a further stop fits into a tour that keeps its order, and what that costs.

Cost = seconds of driving and waiting more, + 300 s for each promise that the change breaks: a time more than
`slip_s` from what the keeper was told, and more than a minute from what it would have been without the change. Hard
rules: nothing is put before a lit lamp, the bins fit, no stop and no end of shift becomes too late. What was too
late already may stay as late as it was, but not become later.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from broker.rules.replanning.tours import Schedule, Stop, Tour, Ways, schedule
from broker.rules.states.visit import VisitKey

PROMISE_COST_S = 300
NOT_OURS_S = 60  # a stop that moves by less is late for other reasons than this change
_NEVER = 1 << 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What must be kept of a tour as it was before anything was changed."""

    told_at: Mapping[VisitKey, int]  # when each stop was to happen, as told
    standing_at: Mapping[VisitKey, int]  # when it would happen without the change
    latest_at: Mapping[VisitKey, int]  # for stops that have a closing time
    end_at: int
    frozen: frozenset[VisitKey]


def limits(tour: Tour, ways: Ways) -> Limits:
    """The limits of a tour that is driven as it stands."""
    plan = schedule(tour, ways)
    told, latest = {}, {}
    for stop, arrive_at in zip(tour.stops, plan.arrive_at, strict=True):
        told[stop.key] = arrive_at if stop.before_at is None else stop.before_at
        if stop.close_at is not None:
            latest[stop.key] = max(stop.close_at, arrive_at)
    end_at = _NEVER if tour.shift_end_at is None else max(tour.shift_end_at, plan.end_at)
    standing = {stop.key: at for stop, at in zip(tour.stops, plan.arrive_at, strict=True)}
    return Limits(told, standing, latest, end_at, frozenset(stop.key for stop in tour.stops if stop.frozen))


@dataclass(frozen=True, slots=True)
class Place:
    """A place for a stop: before the stop that is now at `position`, for `cost_s`."""

    cost_s: int
    position: int


@dataclass(frozen=True, slots=True)
class TooLate:
    """Why a stop cannot have a place, and by how much."""

    over_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Timed:
    """A stop of a tour as it stands, with all that a later or earlier coming is compared with."""

    stop: Stop
    leg_s: int  # driving from the stop before
    open_at: int
    latest_at: int
    at: int
    leave_at: int
    breaks: bool


class OpenTour:
    """A tour that may take further stops; its times are worked out once and asked often."""

    def __init__(self, tour: Tour, limit: Limits, ways: Ways):
        self.tour = tour
        self.limit = limit
        self.ways = ways
        self.plan: Schedule = schedule(tour, ways)
        places = [tour.start, *(stop.place for stop in tour.stops)]
        self._timed = [
            _Timed(stop, ways.travel_s(places[i], stop.place), stop.open_at or 0, self._latest_at(stop), at, leave_at,
                   self.breaks(stop, at))
            for i, (stop, at, leave_at) in enumerate(
                zip(tour.stops, self.plan.arrive_at, self.plan.leave_at, strict=True)
            )
        ]  # fmt: skip
        # What a change before each stop could gain at most from there on: waits that end and promises kept after all.
        self._gain_s = [0] * (len(self._timed) + 1)
        for i in reversed(range(len(self._timed))):
            timed, left_at = self._timed[i], self._timed[i - 1].leave_at if i else tour.start_at
            self._gain_s[i] = self._gain_s[i + 1] + timed.at - left_at - timed.leg_s + PROMISE_COST_S * timed.breaks
        self.broken = sum(timed.breaks for timed in self._timed)
        self.cost_s = self.plan.drive_s + self.plan.wait_s + PROMISE_COST_S * self.broken

    @property
    def first_place(self) -> int:
        """Before which position nothing may be put: that of its last lit lamp is taken."""
        return max((i + 1 for i, stop in enumerate(self.tour.stops) if stop.key in self.limit.frozen), default=0)

    def breaks(self, stop: Stop, at: int) -> bool:
        """Whether coming to the stop at this time breaks a promise; a keeper who was told nothing has none."""
        told_at = self.limit.told_at.get(stop.key, stop.before_at)
        if told_at is None or abs(at - told_at) <= self.ways.slip_s:
            return False
        standing_at = self.limit.standing_at.get(stop.key)
        return standing_at is None or abs(at - standing_at) > NOT_OURS_S

    def may_be_driven(self) -> bool:
        """Whether this tour, with stops that `limit` does not know, keeps every hard rule."""
        new = [stop.key not in self.limit.standing_at for stop in self.tour.stops]
        free, wastes = self.tour.free_bins(), self.tour.wastes
        return (
            not any(new[: self.first_place])
            and (free is None or free >= 0)
            and all(wastes is None or stop.waste in wastes for stop, is_new in zip(self.tour.stops, new, strict=True)
                    if is_new)
            and all(one.at <= one.latest_at for one in self._timed)
            and self.plan.end_at <= self.limit.end_at
        )

    def _latest_at(self, stop: Stop) -> int:
        return self.limit.latest_at.get(stop.key, _NEVER if stop.close_at is None else stop.close_at)

    def with_stop(self, stop: Stop, position: int) -> "OpenTour":
        """This tour with one stop more, under the same limits."""
        return OpenTour(self.tour.with_stop(stop, position), self.limit, self.ways)

    def without(self, key: VisitKey) -> "OpenTour":
        """This tour with one stop less, under the same limits."""
        return OpenTour(self.tour.without(key), self.limit, self.ways)

    def best_place(self, stop: Stop) -> Place | str:
        """The cheapest allowed place of `stop` (of equal ones the earliest), or why there is none."""
        tour = self.tour
        if tour.wastes is not None and stop.waste not in tour.wastes:
            return f"{tour.truck} does not take {stop.waste}"
        free = tour.free_bins()
        if free is not None and stop.bins > free:
            return f"{tour.truck} has room for {max(free, 0)} more bins, {stop.bins} are needed"
        best: Place | None = None
        nearest: TooLate | None = None
        for position in range(self.first_place, len(tour.stops) + 1):
            found = self.cost_at(stop, position, best.cost_s if best else _NEVER)
            if isinstance(found, Place):
                best = found
            elif found is not None and (nearest is None or found.over_s < nearest.over_s):
                nearest = found
        if best is not None:
            return best
        assert nearest is not None  # a tour has at least one position after its lit lamps
        return nearest.reason

    def cost_at(self, stop: Stop, position: int, below_s: int = _NEVER) -> Place | TooLate | None:
        """What the stop costs before the one now at `position`, the time limit it breaks there, or None if it
        cannot cost less than `below_s`."""
        tour, travel_s = self.tour, self.ways.travel_s
        before = self._timed[position - 1] if position else None
        place, at = (before.stop.place, before.leave_at) if before else (tour.start, tour.start_at)
        start_at = max(at + travel_s(place, stop.place), stop.open_at or 0)
        if start_at > self._latest_at(stop):
            return self._late(stop, start_at)
        # From here on cost_s counts driving and waiting until the stop after, less what they were without.
        cost_s = start_at - at + PROMISE_COST_S * self.breaks(stop, start_at)
        leave_at, old_leave_at = start_at + self.ways.dwell_s(stop), at
        for index in range(position, len(self._timed)):
            if index > position and cost_s - self._gain_s[index] >= below_s:
                return None
            other = self._timed[index]
            leg_s = travel_s(stop.place, other.stop.place) if index == position else other.leg_s
            start_at = max(leave_at + leg_s, other.open_at)
            if start_at > other.latest_at:
                return self._late(other.stop, start_at)
            cost_s += (start_at - leave_at) - (other.at - old_leave_at)
            if start_at == other.at:  # a wait took up the detour: nothing after it changes
                return Place(cost_s, position) if cost_s < below_s else None
            cost_s += PROMISE_COST_S * (self.breaks(other.stop, start_at) - other.breaks)
            old_leave_at = other.leave_at
            leave_at = start_at + other.leave_at - other.at
        end_at = leave_at
        if tour.end is not None:
            last = tour.stops[-1].place if position < len(self._timed) else stop.place
            old_last = tour.stops[-1].place if self._timed else tour.start
            end_at += travel_s(last, tour.end)
            cost_s += travel_s(last, tour.end) - travel_s(old_last, tour.end)
        if end_at > self.limit.end_at:
            over_s = end_at - self.limit.end_at
            return TooLate(over_s, f"{tour.truck} would end {_minutes(over_s)} min after its shift")
        return Place(cost_s, position) if cost_s < below_s else None

    def _late(self, stop: Stop, at: int) -> TooLate:
        over_s = at - self._latest_at(stop)
        return TooLate(over_s, f"{self.tour.truck} would come to {stop.place} {_minutes(over_s)} min too late")


def _minutes(seconds: int) -> int:
    return -(-seconds // 60)
