"""What the area has learned, fed by plain records that the bridge stores and learns again after a restart.

`leg_times.py` holds the drives, `standing.py` how long lanes stay blocked, `today.py` what today is like,
`dwell_times.py` the stays, `crews.py` what those of one run have in common and `together.py` its drives,
`start_times.py` how late runs begin, `bands.py` how far off predictions were, `observations.py` the records; this page
is the one door to all of it. Feed records in any order of days; what happened after the asked moment never counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from broker.rules.learning.bands import Bands, BandSettings
from broker.rules.learning.dwell_times import StaySettings, StayTimes
from broker.rules.learning.leg_times import Leg, LegSettings, LegTimes, half_hour_of
from broker.rules.learning.observations import DwellRecord, ErrorRecord, LegRecord, StartRecord
from broker.rules.learning.start_times import StartSettings, StartTimes
from broker.rules.learning.today import MINUTE_S
from broker.rules.settings import FirstStay, Streets


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """The area's time zone (for half-hours of the day) and how fast to believe what was seen."""

    timezone: str = "Asia/Shanghai"
    bands: BandSettings = field(default_factory=BandSettings)
    legs: LegSettings = field(default_factory=LegSettings)
    stays: StaySettings = field(default_factory=StaySettings)
    starts: StartSettings = field(default_factory=StartSettings)


class Outlook:
    """What one route expects, as seen at one moment."""

    def __init__(
        self, streets: Streets, legs: LegTimes, stays: StayTimes, starts: StartTimes, route_id: str, now: float,
        offset_s: int,
    ) -> None:
        self._streets = streets
        self._legs = legs
        self._stays = stays
        self._starts = starts
        self._route_id = route_id
        self._offset_s = offset_s
        self._now = now
        self._today = legs.today.route_factor(route_id, now)
        self._stays_now = stays.crews.factor(route_id, now)
        self._drives_now = legs.together.factor(route_id, now)
        self._half_hours: dict[int, float] = {}
        self._usual_stays: dict[tuple[str, str, int | None], float] = {}

    def leg_s(
        self,
        from_room: str,
        to_room: str,
        length_m: float | None,
        at: float,
        planned_s: float | None = None,
        early_s: float = 0.0,
        cells: Sequence[str] = (),
    ) -> tuple[float, str]:
        """(expected seconds of a drive that starts at `at`, "history" if it was driven before else "timetable");
        `cells` are the streets that it leads through; where that is not known, those that were driven last.
        """
        pair = (from_room, to_room)
        leg = Leg.of(pair, length_m, planned_s, self._streets.speed_mps, cells or self._legs.cells_of(pair))
        half_hour = half_hour_of(at, self._offset_s)
        factor = self._half_hours.get(half_hour)
        if factor is None:
            factor = self._half_hours[half_hour] = self._legs.half_hour_factor(self._route_id, half_hour)
        drive_s = self._legs.usual_s(leg) * factor
        drive_s *= self._legs.today.street_factor(leg.cells, self._now, at, self._today) * self._drives_now
        if early_s > 0:
            drive_s += self._legs.wait_s(pair, early_s)
        return max(1.0, drive_s), "history" if self._legs.knows(pair) else "timetable"

    def streets(self, length_m: float, at: float, cells: Sequence[str]) -> list[tuple[float, float, bool]]:
        """Of each of these streets, together so long: metres per second at an average time, how many times as long as
        that it takes at `at` by who drove there last, and whether anybody ever did."""
        leg = Leg.of(("", ""), length_m, None, self._streets.speed_mps, cells)
        today = self._legs.today
        return [
            (self._streets.speed_mps / ratio, today.street_factor((cell,), self._now, at, self._today),
             self._legs.knows_street(cell))
            for cell, ratio in zip(leg.cells, self._legs.street_ratios(leg), strict=True)
        ]  # fmt: skip

    def dwell_s(self, room_id: str, waste: str, bins: int | None, early_s: float = 0.0) -> float:
        """Expected seconds of a stay; None bins = as many as usual there."""
        stay_s = self._usual_stays.get((room_id, waste, bins))
        if stay_s is None:
            stay_s = self._stays.stay_s((room_id, waste), bins) * self._stays_now
            self._usual_stays[room_id, waste, bins] = stay_s
        return stay_s + self._stays.wait_s((room_id, waste), early_s) if early_s > 0 else stay_s

    def standing_s(self, stood_s: float) -> float:
        """How much longer a truck will stand on the road that has stood there for so long."""
        return self._legs.standing.rest_s(stood_s)

    def late_s(self, late_s: float) -> float:
        """How late a run will be that is `late_s` after its time (before it: negative) and has not begun."""
        return self._starts.late_s(self._route_id, late_s)

    def knows_stay(self, room_id: str, waste: str) -> bool:
        """Whether a stay at this room was seen before."""
        return self._stays.knows((room_id, waste))


class History:
    """The learned times of one area."""

    def __init__(self, streets: Streets, first_stay: FirstStay, settings: HistorySettings | None = None) -> None:
        self.streets = streets
        self.settings = settings or HistorySettings()
        self.learned = 0  # how much was taken in so far
        self._zone = ZoneInfo(self.settings.timezone)
        self._legs = LegTimes(self.settings.legs)
        self._stays = StayTimes(first_stay, self.settings.stays)
        self._starts = StartTimes(self.settings.starts)
        self._outlooks: dict[str, tuple[tuple[int, int], Outlook]] = {}  # the last of each route, and when it was made
        self.bands = Bands(self.settings.bands)

    def learn_leg(self, record: LegRecord, *, lasting: bool = True) -> None:
        """Take in one drive; one that took no time is ignored; not `lasting`: it counts as today's traffic only."""
        self.learned += 1
        if record.drive_s <= 0:
            return
        pair = (record.from_room, record.to_room)
        leg = Leg.of(pair, record.length_m, record.planned_s, self.streets.speed_mps, record.cells)
        ended_at, offset_s = record.started_at + record.drive_s, self._offset_s(record.started_at)
        self._legs.learn(record.route_id, leg, record.drive_s, ended_at, record.early_s, offset_s, lasting=lasting)

    def learn_dwell(self, record: DwellRecord) -> None:
        """Take in one stay; a negative one is ignored."""
        self.learned += 1
        if record.dwell_s >= 0:
            place, ended_at = (record.room_id, record.waste), record.started_at + record.dwell_s
            self._stays.learn(place, record.dwell_s, record.bins, record.early_s, record.route_id, ended_at)

    def learn_start(self, record: StartRecord) -> None:
        """Take in how late one run began."""
        self.learned += 1
        self._starts.learn(record.route_id, record.late_s)

    def learn_error(self, record: ErrorRecord) -> None:
        """Take in how far off one prediction was."""
        self.learned += 1
        self.bands.learn(record)

    def outlook(self, route_id: str, now: float) -> Outlook:
        """What the route expects, given all that ended before the minute of `now`."""
        when, made = (int(now // MINUTE_S), self.learned), self._outlooks.get(route_id)
        if made is None or made[0] != when:
            learned = self._legs, self._stays, self._starts
            outlook = Outlook(self.streets, *learned, route_id, now, self._offset_s(now))
            made = self._outlooks[route_id] = when, outlook
        return made[1]

    def leg_s(
        self, route_id: str, from_room: str, to_room: str, length_m: float, at: float, planned_s: float | None = None
    ) -> tuple[float, str]:
        """(expected seconds of a drive that starts at `at`, "history" if it was driven before else "timetable")."""
        return self.outlook(route_id, at).leg_s(from_room, to_room, length_m, at, planned_s)

    def dwell_s(self, room_id: str, waste: str, bins: int | None, at: float) -> float:  # noqa: ARG002
        """Expected seconds of a stay that empties `bins`; None = as many as usual there."""
        return self._stays.stay_s((room_id, waste), bins)

    def expected_stay_s(self, room_id: str, waste: str, bins: int | None) -> float | None:
        """Expected seconds of a stay that empties `bins`; None where neither bins nor an earlier stay say anything."""
        place = (room_id, waste)
        return self._stays.stay_s(place, bins) if bins is not None or self._stays.knows(place) else None

    def band_s(self, horizon_s: float, label: str = "live") -> tuple[float, float]:
        """(p10, p90) of actual minus predicted for predictions of this label and so far ahead, in seconds."""
        return self.bands.band_s(horizon_s, label)

    def _offset_s(self, at: float) -> int:
        offset = datetime.fromtimestamp(at, UTC).astimezone(self._zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

