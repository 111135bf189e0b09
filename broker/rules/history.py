"""What the area has learned: how long legs take, how long bins take, and how far off predictions were.

A leg is the drive from leaving one room to reaching the next; its expectation is

    typical time of the leg x half-hour factor of the route x factor of the route today

where each factor starts at 1 and moves away only as evidence outweighs a prior. A leg never driven takes its time
from the timetable if the caller knows it, else from its length at a default speed. A dwell is a + b x bins: b is
pooled over all rooms (from deviations within each room), a is the room's own. Records are plain, so that the bridge
stores them and learns them again, in order, after a restart. No clock is read: only records that ended before the
asked moment count as "today".
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from math import exp
from typing import Any, Self
from zoneinfo import ZoneInfo

START_ROOM = ""  # the room a run's first leg comes from: wherever the truck starts
HORIZON_EDGES_S = (120, 300, 600, 900, 1200, 1800, 2700)


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """How fast to believe what was seen; times in seconds, `*_weight` in pseudo-observations."""

    timezone: str = "Asia/Shanghai"
    default_speed_mps: float = 5.0
    detour_factor: float = 1.35
    default_setup_s: float = 60.0
    default_bin_s: float = 25.0
    default_bins: float = 3.0
    leg_memory: int = 160
    leg_weight: float = 2.0
    half_hour_weight: float = 20.0
    today_window_s: int = 3600
    today_decay_s: float = 1800.0
    today_weight_s: float = 3000.0
    dwell_memory: int = 160
    setup_weight: float = 2.0
    bin_weight: float = 200.0
    error_memory: int = 500
    error_minimum: int = 30
    default_band_share: float = 0.25


@dataclass(frozen=True, slots=True)
class _Plain:
    """A record that turns into JSON types and back."""

    def to_body(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The record of a body made by `to_body`; unknown keys are ignored, KeyError names a missing field."""
        return cls(**{field.name: body[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class LegRecord(_Plain):
    """One drive between two rooms: from leaving the first (`started_at`) to reaching the second."""

    route_id: str
    from_room: str
    to_room: str
    drive_s: int
    started_at: int
    truck_id: str


@dataclass(frozen=True, slots=True)
class DwellRecord(_Plain):
    """One stay at a room; `bins` is what was emptied, None where nobody counted."""

    room_id: str
    waste: str
    dwell_s: int
    bins: int | None
    started_at: int


@dataclass(frozen=True, slots=True)
class ErrorRecord(_Plain):
    """One prediction that came true: made `horizon_s` before it named, off by `error_s` (positive: came later)."""

    horizon_s: int
    error_s: int


class _Recent:
    """The last values of something, kept sorted for quantiles."""

    def __init__(self, memory: int) -> None:
        self._order: deque[float] = deque()
        self._sorted: list[float] = []
        self._memory = memory

    def add(self, value: float) -> None:
        if len(self._order) == self._memory:
            oldest = self._order.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
        self._order.append(value)
        insort(self._sorted, value)

    def __len__(self) -> int:
        return len(self._order)

    def quantile(self, share: float) -> float:
        """The value below which `share` of the values lie; IndexError when there are none."""
        place = share * (len(self._sorted) - 1)
        below = int(place)
        above = min(below + 1, len(self._sorted) - 1)
        return self._sorted[below] + (place - below) * (self._sorted[above] - self._sorted[below])


class _Dwells:
    """The stays at one room for one waste."""

    def __init__(self, memory: int) -> None:
        self.recent: deque[tuple[float, float]] = deque(maxlen=memory)
        self.count = 0
        self.mean_bins = 0.0
        self.mean_dwell = 0.0


class History:
    """The learned times of one area; feed records in the order they happened."""

    def __init__(self, settings: HistorySettings | None = None) -> None:
        self.settings = settings or HistorySettings()
        self._zone = ZoneInfo(self.settings.timezone)
        self._legs: dict[tuple[str, str, str], _Recent] = {}
        self._half_hours: dict[tuple[str, int], tuple[float, float]] = {}
        self._today: dict[str, deque[tuple[int, float, float]]] = {}
        self._dwells: dict[tuple[str, str], _Dwells] = {}
        self._slope_xy = 0.0
        self._slope_xx = 0.0
        self._errors: list[_Recent] = [_Recent(self.settings.error_memory) for _ in range(len(HORIZON_EDGES_S) + 1)]

    def learn_leg(self, record: LegRecord) -> None:
        """Take in one drive; a drive of no or negative length in time is ignored."""
        if record.drive_s <= 0:
            return
        settings = self.settings
        legs = self._legs.setdefault((record.route_id, record.from_room, record.to_room), _Recent(settings.leg_memory))
        ended_at = record.started_at + record.drive_s
        factor = self._half_hour_factor(record.route_id, record.started_at)
        if len(legs) >= 2:
            typical = legs.quantile(0.5)
            drive_s = min(3.0 * typical * factor, record.drive_s)  # a blocked lane is not traffic
            today = self._today.setdefault(record.route_id, deque(maxlen=400))
            today.append((ended_at, drive_s, typical * factor))
            key = (record.route_id, self._half_hour(record.started_at))
            actual, expected = self._half_hours.get(key, (0.0, 0.0))
            self._half_hours[key] = (actual + drive_s, expected + typical)
        legs.add(record.drive_s / factor)

    def learn_dwell(self, record: DwellRecord) -> None:
        """Take in one stay; a negative stay is ignored."""
        if record.dwell_s < 0:
            return
        dwells = self._dwells.setdefault((record.room_id, record.waste), _Dwells(self.settings.dwell_memory))
        bins = float(record.bins) if record.bins is not None else self._usual_bins(dwells)
        usual = self.dwell_s(record.room_id, record.waste, round(bins), record.started_at)
        stay_s = min(float(record.dwell_s), 3.0 * usual)  # a missing keeper says nothing about bins
        share = dwells.count / (dwells.count + 1)
        self._slope_xy += share * (bins - dwells.mean_bins) * (stay_s - dwells.mean_dwell)
        self._slope_xx += share * (bins - dwells.mean_bins) ** 2
        dwells.count += 1
        dwells.mean_bins += (bins - dwells.mean_bins) / dwells.count
        dwells.mean_dwell += (stay_s - dwells.mean_dwell) / dwells.count
        dwells.recent.append((stay_s, bins))

    def learn_error(self, record: ErrorRecord) -> None:
        """Take in how far off one prediction was."""
        self._errors[bisect_left(HORIZON_EDGES_S, record.horizon_s)].add(record.error_s)

    def leg_s(
        self, route_id: str, from_room: str, to_room: str, length_m: float, at: float, planned_s: float | None = None
    ) -> tuple[float, str]:
        """(expected seconds of a drive that starts at `at`, "history" if it was driven before else "timetable")."""
        settings = self.settings
        guess_s = planned_s if planned_s is not None else length_m / settings.default_speed_mps
        legs = self._legs.get((route_id, from_room, to_room))
        factor = self._half_hour_factor(route_id, at) * self._today_factor(route_id, at)
        if legs is None:
            return max(1.0, guess_s * factor), "timetable"
        typical = legs.quantile(0.5)
        return max(1.0, typical * factor), "history"

    def dwell_s(self, room_id: str, waste: str, bins: int | None, at: float) -> float:  # noqa: ARG002
        """Expected seconds of a stay that empties `bins`; None = as many as usual there."""
        settings = self.settings
        per_bin = (self._slope_xy + settings.bin_weight * settings.default_bin_s) / (
            self._slope_xx + settings.bin_weight
        )
        dwells = self._dwells.get((room_id, waste))
        if dwells is None or not dwells.recent:
            return settings.default_setup_s + per_bin * (settings.default_bins if bins is None else bins)
        rests = sorted(stay_s - per_bin * count for stay_s, count in dwells.recent)
        middle = (rests[(len(rests) - 1) // 2] + rests[len(rests) // 2]) / 2
        setup = (settings.setup_weight * settings.default_setup_s + len(rests) * middle) / (
            settings.setup_weight + len(rests)
        )
        return max(5.0, setup + per_bin * (self._usual_bins(dwells) if bins is None else bins))

    def band_s(self, horizon_s: float) -> tuple[float, float]:
        """(p10, p90) of actual minus predicted for predictions this far ahead, in seconds."""
        errors = self._errors[bisect_left(HORIZON_EDGES_S, horizon_s)]
        if len(errors) < self.settings.error_minimum:
            half = self.settings.default_band_share * max(0.0, horizon_s)
            return -half, half
        return errors.quantile(0.1), errors.quantile(0.9)

    def _usual_bins(self, dwells: _Dwells) -> float:
        return dwells.mean_bins if dwells.count else self.settings.default_bins

    def _half_hour(self, at: float) -> int:
        local = datetime.fromtimestamp(at, self._zone)
        return local.hour * 2 + local.minute // 30

    def _half_hour_factor(self, route_id: str, at: float) -> float:
        sums = self._half_hours.get((route_id, self._half_hour(at)))
        if sums is None:
            return 1.0
        prior_s = self.settings.half_hour_weight * 60.0
        return (sums[0] + prior_s) / (sums[1] + prior_s)

    def _today_factor(self, route_id: str, at: float) -> float:
        settings = self.settings
        actual = expected = settings.today_weight_s
        for ended_at, drive_s, typical_s in reversed(self._today.get(route_id, ())):
            age_s = at - ended_at
            if age_s > settings.today_window_s:
                break
            if age_s >= 0:
                weight = exp(-age_s / settings.today_decay_s)
                actual += weight * drive_s
                expected += weight * typical_s
        return actual / expected
