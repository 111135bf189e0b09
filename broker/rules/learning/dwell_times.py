"""How long a truck stays at a room: set-up of the room + bins x time per bin.

The time per bin is one number for the whole area, from deviations within each room (rooms with many bins are not
slow rooms); the set-up is the room's own, a median, so that a missing keeper does not spoil it. A room that nobody
knows yet begins with the set-up of all rooms, which itself gives a first guess up after a few stays. A driver who is
early may wait at a room; how much of it is learned per room.
"""

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field

from broker.rules.learning.crews import Crews, CrewSettings
from broker.rules.learning.leg_times import MEMORY, Waits, WaitSettings
from broker.rules.settings import FirstStay

WINSOR_FACTOR = 3.0  # a longer stay than this many expected ones says nothing about bins


@dataclass(frozen=True, slots=True)
class StaySettings:
    """How many stays or bins squared the first guesses weigh."""

    memory: int = MEMORY
    setup_weight: float = 2.0
    first_setup_weight: float = 0.5
    bin_weight: float = 200.0
    waits: WaitSettings = field(default_factory=WaitSettings)
    crews: CrewSettings = field(default_factory=CrewSettings)


class _Room:
    """The stays at one room for one waste kind."""

    def __init__(self) -> None:
        self.stays: deque[tuple[float, float]] = deque()  # seconds, bins
        self.rests: list[float] = []  # seconds beyond bins x time per bin, sorted
        self.rests_per_bin_s = 0.0  # the time per bin that `rests` was made with
        self.count = 0
        self.mean_bins = 0.0
        self.mean_stay_s = 0.0


class StayTimes:
    """The learned stays of one area."""

    def __init__(self, first: FirstStay, settings: StaySettings) -> None:
        self.first = first
        self.settings = settings
        self._rooms: dict[tuple[str, str], _Room] = {}
        self._all = _Room()  # of the area, newest only
        self._slope_xy = 0.0
        self._slope_xx = 0.0
        self._waits = Waits(settings.waits)
        self.crews = Crews(settings.crews)

    def per_bin_s(self) -> float:
        """Seconds per bin, over the whole area."""
        settings = self.settings
        return (self._slope_xy + settings.bin_weight * self.first.per_bin_s) / (self._slope_xx + settings.bin_weight)

    def usual_bins(self, place: tuple[str, str]) -> float:
        """How many bins a room usually has."""
        room = self._rooms.get(place)
        return room.mean_bins if room is not None else self.first.bins

    def knows(self, place: tuple[str, str]) -> bool:
        """Whether a stay at (room, waste) was seen before."""
        return place in self._rooms

    def stay_s(self, place: tuple[str, str], bins: float | None) -> float:
        """Expected seconds at (room, waste) with so many bins; None = as many as usual."""
        settings = self.settings
        per_bin_s = self.per_bin_s()
        count = self.usual_bins(place) if bins is None else bins
        setup_s = _setup_s(self._all, per_bin_s, self.first.setup_s, settings.first_setup_weight)
        room = self._rooms.get(place)
        if room is not None:
            setup_s = _setup_s(room, per_bin_s, setup_s, settings.setup_weight)
        return max(5.0, setup_s + per_bin_s * count)

    def learn(
        self, place: tuple[str, str], stay_s: float, bins: float | None, early_s: float, route_id: str = "",
        ended_at: float = 0.0,
    ) -> None:  # fmt: skip
        """Take in one stay; `bins` None where nobody counted (it then says nothing about the time per bin); of which
        route, where that is known."""
        count = self.usual_bins(place) if bins is None else bins
        usual_s = self.stay_s(place, count)
        wait_s = self._waits.wait_s(place, early_s)
        self._waits.learn(place, early_s, stay_s - usual_s)
        stay_s = min(max(0.0, stay_s - wait_s), WINSOR_FACTOR * usual_s)
        if route_id and place in self._rooms:
            self.crews.learn(route_id, ended_at, stay_s, usual_s)
        room = self._rooms.setdefault(place, _Room())
        if not room.stays:
            room.rests_per_bin_s = self.per_bin_s()
        if bins is not None:
            share = room.count / (room.count + 1)
            self._slope_xy += share * (count - room.mean_bins) * (stay_s - room.mean_stay_s)
            self._slope_xx += share * (count - room.mean_bins) ** 2
            room.count += 1
            room.mean_bins += (count - room.mean_bins) / room.count
            room.mean_stay_s += (stay_s - room.mean_stay_s) / room.count
        elif room.count == 0:
            room.mean_bins = self.first.bins
        self._remember(room, stay_s, count)
        self._remember(self._all, stay_s, count)

    def wait_s(self, place: tuple[str, str], early_s: float) -> float:
        """Expected waiting at a room of somebody who comes this much before the timetable."""
        return self._waits.wait_s(place, early_s)

    def _remember(self, room: _Room, stay_s: float, bins: float) -> None:
        if len(room.stays) == self.settings.memory:
            old_s, old_bins = room.stays.popleft()
            oldest = old_s - room.rests_per_bin_s * old_bins
            del room.rests[min(bisect_left(room.rests, oldest - 1e-6), len(room.rests) - 1)]
        room.stays.append((stay_s, bins))
        insort(room.rests, stay_s - room.rests_per_bin_s * bins)


def _setup_s(room: _Room, per_bin_s: float, guess_s: float, weight: float) -> float:
    """The middle of what the stays took beyond their bins, where a guess counts as so many of them."""
    if not room.rests:
        return guess_s
    if abs(room.rests_per_bin_s - per_bin_s) > 0.5:  # the time per bin moved: look at the stays again
        room.rests = sorted(stay_s - per_bin_s * stay_bins for stay_s, stay_bins in room.stays)
        room.rests_per_bin_s = per_bin_s
    number = len(room.rests)
    middle_s = (room.rests[(number - 1) // 2] + room.rests[number // 2]) / 2
    return (weight * guess_s + number * middle_s) / (weight + number)
