"""Where and for how long a truck stood, and which of it was the stay at a room.

A visit looks like this: the truck stands near its room, about as long as its bins take. So does a red light, for a
shorter time, and a jam, anywhere. Each is given its likelihood, in natural logarithms; the sum says what it was:

    near the room       a bell around it, as wide as the place is doubtful and a truck may stop short of the door
    anywhere            one halt for each `HALT_EVERY_M` of street
    a stay of its time  a bell around the expected stay, in its logarithm
    a halt of its time  red lights fade within half a minute, one halt in twenty is a jam of minutes

The numbers are of streets, not of receivers: how doubtful the place is comes from the receiver itself (`spread.py`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, hypot, log, pi, sqrt

from broker.plan.geometry import distance_m

STANDS_BELOW_MPS = 0.7
HALT_EVERY_M = 420.0
LIGHT_S, JAM_S, JAMS = 30.0, 150.0, 0.05
AT_DOOR_M = 10.0  # a truck stops so far from the door, more or less
STOPS_SHORT, SHORT_M, SHORT_WIDTH_M = 0.2, 25.0, 20.0  # or before it: how often, how far, more or less
NOWHERE = 1e-9
STAY_WIDTH = 0.33  # of the logarithm of a stay by its expected time
WAITS, WAITS_WIDTH = 0.1, 1.0  # how often it takes far longer, and how much
UNKNOWN_STAY_S, UNKNOWN_WIDTH = 150.0, 0.8
LIGHT_NEARBY = 0.1  # how often a room has another halt within the reach of its fence
SHUFFLES = 0.03  # how often a truck moves up within its stay
MOVES_UP_M = 10.0
MADE = 15.0  # visits made for each that is passed without a word
KEPT = 12
DRIVES_MPS = 2.0
ELSEWHERE_M = 150.0  # no receiver is off by so much: the truck was driven there unseen
WOBBLE_SHARE, WOBBLES_MPS = 0.2, 0.07  # of a receiver that tells a speed while the truck stands
STIRS_M = 1.5  # by its own measure a truck that stands drives no further
BLINK_S = 6  # who starts and stands again so soon, and was not seen to drive, has not moved
WOBBLY_BLINK_S, CREEPS_S = 10, 45  # by such a receiver; who stands again so soon may not have
BLINKS = 0.003  # of a second: how often a receiver that is off says so of a truck that stands
TOLD_WITHIN_S = 75  # of a longer silence nobody knows when it ended the stand


@dataclass(slots=True)
class Stand:
    """From the first position at which the truck stood to the last; `along_m` None off the line."""

    since: int
    until: int
    lat: float
    lon: float
    along_m: float | None
    doubt_m: float  # of its place
    driven_m: float  # by its truck until then, by speed
    fixes: int = 1
    crept: bool = False  # it may be the one before that goes on: only a doubtful word was between

    @property
    def seconds(self) -> int:
        """How long it stood, as far as it was seen."""
        return self.until - self.since


class Stands:
    """The stands of one truck since it left its last room, the newest last."""

    def __init__(self) -> None:
        self._all: list[Stand] = []
        self.standing = False
        self.driven_m = 0.0  # by speed
        self._speed_mps = self._fastest_mps = self._wobble_mps = 0.0

    def __iter__(self) -> Iterator[Stand]:
        return iter(self._all)

    @property
    def newest(self) -> Stand | None:
        """The one that goes on or was last."""
        return self._all[-1] if self._all else None

    def forget(self, until: int) -> None:
        """What began before is of another room."""
        self._all = [stand for stand in self._all if stand.since > until]
        self.standing = self.standing and bool(self._all)

    def begin(self, stand: Stand) -> None:
        """A stand that is known from before."""
        self._all.append(stand)
        self.standing, self._fastest_mps = True, 0.0

    def see(
        self, at: int, lat: float, lon: float, speed_mps: float, gap_s: int, along_m: float | None, doubt_m: float,
        way_m: float | None = None,
    ) -> None:
        """Take in a position; `way_m` since the one before, if the truck says that."""
        before_mps, self._speed_mps = self._speed_mps, speed_mps
        self.driven_m += 0.5 * (before_mps + speed_mps) * min(gap_s, 30) if way_m is None else way_m
        if speed_mps >= STANDS_BELOW_MPS:
            if self.standing and gap_s <= TOLD_WITHIN_S:  # that it starts is told at once
                self._all[-1].until = at
            self.standing, self._fastest_mps = False, max(self._fastest_mps, speed_mps)
            return
        stand = self.newest
        if speed_mps > 0:  # what the truck itself takes for standing is none
            self._wobble_mps += WOBBLE_SHARE * (speed_mps - self._wobble_mps)
        slowly, wobbles = self._fastest_mps < DRIVES_MPS, self._wobble_mps > WOBBLES_MPS
        between_s = at if stand is None else at - stand.until
        if stand is not None and distance_m(stand.lat, stand.lon, lat, lon) > ELSEWHERE_M:
            self.standing, stand = False, None
        blinked = slowly and between_s <= (WOBBLY_BLINK_S if wobbles else BLINK_S)
        if way_m is not None and stand is not None:
            blinked = self.driven_m - stand.driven_m < STIRS_M
            slowly = False
        self.standing = self.standing or blinked
        if self.standing and stand is not None:
            stand.fixes += 1
            stand.until = at
            stand.lat += (lat - stand.lat) / stand.fixes
            stand.lon += (lon - stand.lon) / stand.fixes
            stand.along_m, stand.doubt_m, stand.driven_m = along_m, doubt_m, self.driven_m
            return
        crept = stand is not None and slowly and wobbles and between_s <= CREEPS_S
        self.begin(Stand(at, at, lat, lon, along_m, doubt_m, self.driven_m, crept=crept))
        del self._all[:-KEPT]


def near(offset_m: float, doubt_m: float) -> float:
    """How much likelier a halt is so far beyond its room (before it: below 0) than anywhere, where it is the stay."""
    at_door, short = hypot(doubt_m, AT_DOOR_M), hypot(doubt_m, SHORT_WIDTH_M)
    bells = (1 - STOPS_SHORT) * exp(-0.5 * (offset_m / at_door) ** 2) / at_door
    bells += STOPS_SHORT * exp(-0.5 * ((offset_m + SHORT_M) / short) ** 2) / short
    return log(HALT_EVERY_M * bells / sqrt(2 * pi) + NOWHERE)


def stay(seconds: float, expected_s: float | None) -> float:
    """How likely a stay takes so long."""
    expected, width = (UNKNOWN_STAY_S, UNKNOWN_WIDTH) if expected_s is None else (max(expected_s, 20.0), STAY_WIDTH)
    seconds = max(seconds, 1.0)
    beyond = log(seconds / expected)
    usual = exp(-0.5 * (beyond / width) ** 2) / width
    if beyond > 0:  # a keeper who is late, a crew that rests
        usual += WAITS * exp(-0.5 * (beyond / WAITS_WIDTH) ** 2) / WAITS_WIDTH
    return log(usual / (seconds * sqrt(2 * pi)))


def halt(seconds: float) -> float:
    """How likely a halt of the traffic takes so long."""
    return log((1 - JAMS) / LIGHT_S * exp(-seconds / LIGHT_S) + JAMS / JAM_S * exp(-seconds / JAM_S))


def lasts(seconds: float) -> float:
    """How much a halt that goes on for so long already is unlike the traffic's."""
    return -log((1 - JAMS) * exp(-seconds / LIGHT_S) + JAMS * exp(-seconds / JAM_S))


def standing_odds(seconds: float, offset_m: float, doubt_m: float) -> float:
    """The odds that a stand that goes on is the stay at a room, in logarithms."""
    return near(offset_m, doubt_m) + lasts(seconds)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read some stands: this is the stay, by these odds (in logarithms) against no stay at all."""

    odds: float
    first: Stand
    last: Stand

    @property
    def seconds(self) -> int:
        """How long the stay took."""
        return self.last.until - self.first.since


def readings(
    stands: Sequence[Stand], offsets_m: Sequence[float], expected_s: float | None
) -> Iterator[Reading]:
    """Each way to read the stands: one of them was the stay, or several between which the truck moved up."""
    for first, stand in enumerate(stands):
        for last in range(first, len(stands)):
            seconds = stands[last].until - stand.since
            odds = near(offsets_m[first], stand.doubt_m) + stay(seconds, expected_s)
            for inner in range(first, last + 1):
                odds -= halt(stands[inner].seconds)
                if inner > first:
                    moved_m = offsets_m[inner] - offsets_m[inner - 1]
                    width_m = MOVES_UP_M + 0.3 * stands[inner].doubt_m
                    again = BLINKS if stands[inner].crept else SHUFFLES / max(1.0, seconds)
                    odds += log(again / LIGHT_NEARBY) - 0.5 * (moved_m / width_m) ** 2
            yield Reading(odds, stand, stands[last])


def best_reading(
    stands: Sequence[Stand], offsets_m: Sequence[float], expected_s: float | None
) -> Reading | None:
    """Which of the stands was the stay."""
    return max(readings(stands, offsets_m, expected_s), key=lambda reading: reading.odds, default=None)
