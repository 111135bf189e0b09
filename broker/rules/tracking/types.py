"""The words of tracking: what comes in, what happens, what is known of a truck on its run."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from broker.plan.geometry import distance_m
from broker.rules.learning.observations import DwellRecord, LegRecord
from firmware.wire import NO_DATA_S

FUTURE_S = 30  # what a device dates further ahead than this has a broken clock
StopKey = tuple[str, int]  # room_id, visit_number


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """When a truck counts as arrived, gone, held, off its route, or unknown."""

    fence_m: float = 25.0
    slow_mps: float = 2.0
    stay_s: int = 10
    nearby_m: float = 45.0
    nearby_stay_s: int = 20
    inferred_stay_s: int = 30
    seen_gap_s: int = 75  # what began in a longer silence has no exact time and teaches nothing
    stale_s: int = 180
    off_route_m: float = 60.0
    off_route_s: int = 60
    off_route_fixes: int = 3
    look_back_m: float = 150.0
    look_ahead_m: float = 150.0  # beyond what a truck can have driven since the last fix
    progress_m: float = 30.0
    held_least_s: int = 120
    held_most_s: int = 170
    start_m: float = 100.0
    early_start_s: int = 1800
    incoming_m: float = 100.0
    noise_mps: float = 0.5


@dataclass(frozen=True, slots=True)
class GpsFix:
    """One position of a truck; times are POSIX seconds, `speed_mps` None where the receiver gave none, `driven_m` what
    the truck has driven since its computer's start of number `boot`, None where it does not say that.
    """

    fix_at: int
    lat: float
    lon: float
    speed_mps: float | None
    driven_m: float | None = None
    boot: int = 0

    @classmethod
    def of(cls, body: Mapping[str, Any], fix_at: int) -> "GpsFix":
        """The position of a truck's `fix` message, with a place in it."""
        return cls(fix_at, body["lat"], body["lon"], body["speed_mps"], body.get("driven_m"), body["boot"])

    def fresh(self, now: int) -> bool:
        """Whether it is young enough to say where the truck is: an older one neither lights nor clears a lamp."""
        return now - self.fix_at <= NO_DATA_S

    def ahead(self, now: int) -> bool:
        """Whether the clock that dated it cannot be right."""
        return self.fix_at > now + FUTURE_S

    def way_since_m(self, before: "GpsFix | None") -> float | None:
        """Metres driven since another one, by what the truck says; None where it does not, or was started between."""
        if before is None or before.driven_m is None or self.driven_m is None:
            return None
        if self.boot != before.boot or self.driven_m < before.driven_m:
            return None
        return self.driven_m - before.driven_m

    def speed_since(self, before: "GpsFix | None") -> float:
        """Metres per second: what the receiver says, else what the fix before this one shows, else none."""
        if self.speed_mps is not None:
            return self.speed_mps
        if before is None:
            return 0.0
        return distance_m(before.lat, before.lon, self.lat, self.lon) / (self.fix_at - before.fix_at)


@dataclass(frozen=True, slots=True)
class TrackVisit:
    """One visit the run owes; `distance_m` along the line, or None for a visit outside the line's order.

    `skipped_here_at` if it makes up for one that was skipped then where the truck stood: it must leave the fence first.
    """

    key: StopKey
    lat: float
    lon: float
    waste: str
    planned_at: int
    not_before_at: int | None
    distance_m: float | None
    fence_m: float | None = None
    skipped_here_at: int | None = None


class TrackKind(StrEnum):
    """What can happen to a truck on its way."""

    ARRIVED = "Arrived"
    LEFT = "Left"
    DROVE_ON = "DroveOn"
    STAYED = "Stayed"
    PASSED_WITHOUT_DWELL = "PassedWithoutDwell"
    OFF_ROUTE = "OffRoute"
    BACK_ON_ROUTE = "BackOnRoute"
    HELD = "Held"
    MOVING = "Moving"


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """One happening; `key` is the visit concerned (for the way: the next one), `at` when it happened.

    `inferred` marks a stay nobody saw (it lay in a gap of positions), `exact` an arrival whose moment was seen; `leg`
    and `dwell` are what history learns. `arrived_at` of a departure: the stay began then, as is known by now. `DroveOn`
    takes an arrival back: what was taken for the stay was a halt of the traffic. `Stayed` sets right when the truck
    came to a visit that it has left, and when it left.
    """

    kind: TrackKind
    key: StopKey | None
    at: int
    leg: LegRecord | None = None
    dwell: DwellRecord | None = None
    inferred: bool = False
    exact: bool = False
    arrived_at: int | None = None


class Progress(NamedTuple):
    """The state at one moment. `status` is a GTFS-Realtime VehicleStopStatus word; `fix` the newest position.

    `along_m` is the matched place on the line (None before the first match or without a line), `from_room` the
    room the present leg comes from and `leg_length_m`/`leg_rest_m` its length and what is left of it; `still_s`
    how long the truck is known to have made no progress.
    """

    status: str
    next_visit: StopKey | None
    at_visit: StopKey | None
    arrived_at: int | None
    started: bool
    held: bool
    held_since: int | None
    off_route: bool
    stale: bool
    fix: GpsFix | None
    fix_age_s: int | None
    along_m: float | None
    from_room: str
    leg_length_m: float
    leg_rest_m: float
    still_s: int
