"""The way to the next visit: along the route's line or free, how much of it is left, and how long it should take.

It joins the line (`line_follower.py`) and the present leg (`present_leg.py`); the visit that it leads to is handed in,
because who owes what is the tracker's.
"""

from collections.abc import Callable

from broker.plan.geometry import distance_m
from broker.plan.model import Route
from broker.plan.streets import streets_of
from broker.rules.learning.leg_times import START_ROOM
from broker.rules.learning.observations import LegRecord
from broker.rules.settings import Streets
from broker.rules.tracking.line_follower import LineFollower
from broker.rules.tracking.present_leg import Leg
from broker.rules.tracking.types import GpsFix, TrackKind, TrackSettings, TrackVisit

ELSEWHERE = "@"  # no room has this name
ExpectedLeg = Callable[[str, str, str, float, int], float]  # route_id, from_room, to_room, length_m, at -> seconds


class Way:
    """Where one truck drives; `line` is what is known of the route's line, `leg` the leg it is on."""

    def __init__(
        self, route: Route, settings: TrackSettings, streets: Streets, expected_leg_s: ExpectedLeg | None
    ) -> None:
        self.line = LineFollower(route, settings)
        self.leg = Leg()
        self.streets = streets_of(route.line)
        self.started = False
        self._first_fix: GpsFix | None = None
        self._route_id = route.route_id
        self._settings = settings
        self._streets = streets
        self._expected_leg_s = expected_leg_s

    def on_line(self, visit: TrackVisit | None) -> bool:
        """Whether the way to `visit` is the line."""
        return self.leg.on_line(visit, self.line, self._settings.fence_m)

    def place_m(self, visit: TrackVisit | None) -> float | None:
        """The matched place while the present leg follows the line, else None."""
        return self.line.along_m if self.on_line(visit) and not self.line.off_route else None

    def follow(self, fix: GpsFix, gap_s: int | None, visit: TrackVisit | None) -> TrackKind | None:
        """Take in a fix `gap_s` after the one before (None: the first): the line may be left or reached by it."""
        if visit is None or visit.distance_m is None or not self.on_line(visit):
            self.line.pause()
            at_start = self.leg.from_room == START_ROOM and self.line.usable
            if at_start and visit is not None and visit.distance_m is not None:
                self.line.begin_again(fix, visit.distance_m)
                self.leg.from_m = self.line.along_m
            return None
        first_match = self.line.along_m is None
        turn = self.line.follow(fix, gap_s, visit.distance_m)
        if first_match and self.leg.from_m is None:
            self.leg.from_m = self.line.along_m
        if turn is None:
            return None
        self.leg.clean = False
        return TrackKind.OFF_ROUTE if turn == "left_the_line" else TrackKind.BACK_ON_ROUTE

    def begins(self, fix: GpsFix, depart_at: int) -> bool:
        """Whether the run, planned to begin at `depart_at`, begins with this fix: the truck has moved, on its
        line if it has one, or is past the line's start in good time."""
        first = self._first_fix = self._first_fix or fix
        if self.started or (self.line.usable and not self.line.on_the_line):
            return False
        settings = self._settings
        moved_m = distance_m(first.lat, first.lon, fix.lat, fix.lon)
        in_time = fix.fix_at >= depart_at - settings.early_start_s
        self.started = (in_time and moved_m >= settings.start_m) or (
            fix.fix_at >= depart_at and self.line.moved_into_line
        )
        return self.started

    def leave(self, visit: TrackVisit, left_at: int | None, *, clean: bool) -> None:
        """A new leg begins at a visit, which the present one led to; `clean` if it may teach something."""
        self.leg = Leg.leaving(visit, left_at, self.line, self.on_line(visit))
        self.leg.clean = clean

    def go_on(self, from_room: str, from_m: float | None, left_at: int | None) -> None:
        """After a restart the truck is on the leg that left `from_room` at `left_at`; it teaches nothing."""
        self.started = True
        self.leg = Leg(from_room, from_m, None, left_at, clean=False)
        if from_m is not None:
            self.line.advance(from_m)

    def come_from_elsewhere(self) -> None:
        """The truck is on a free leg from a place that is no stop of its run; it teaches nothing."""
        self.leg = Leg(ELSEWHERE)
        self.line.pause()

    def lengths_m(self, visit: TrackVisit, fix: GpsFix | None) -> tuple[float, float]:
        """(length, rest) of the leg to `visit`."""
        return self.leg.lengths_m(visit, self.line, self.on_line(visit), fix, self._streets.detour_factor)

    def offsets_m(self, visit: TrackVisit, fix: GpsFix) -> tuple[float, float | None]:
        """(straight metres to the visit, metres still to go along the line or None where that is not known)."""
        straight_m = distance_m(fix.lat, fix.lon, visit.lat, visit.lon)
        along_m = self.place_m(visit)
        if visit.distance_m is None or along_m is None or not self.line.on_the_line:
            return straight_m, None
        return straight_m, visit.distance_m - self.line.seen_m

    def expected_s(self, visit: TrackVisit, fix: GpsFix | None, now: int) -> float:
        """How long the leg to `visit` should take."""
        length_m, _ = self.lengths_m(visit, fix)
        if self._expected_leg_s is None:
            return length_m / self._streets.speed_mps
        return self._expected_leg_s(self._route_id, self.leg.from_room, visit.key[0], length_m, now)

    def driven(self, visit: TrackVisit, fix: GpsFix | None, at: int, truck_id: str) -> LegRecord | None:
        """What the leg that ends at `visit` teaches, None if nothing."""
        left_at = self.leg.left_at
        if not self.leg.clean or left_at is None or at <= left_at:
            return None
        length_m, _ = self.lengths_m(visit, fix)
        cells = self.streets.between(self.leg.from_m, visit.distance_m) if self.on_line(visit) else ()
        return LegRecord(
            self._route_id, self.leg.from_room, visit.key[0], at - left_at, left_at, truck_id,
            length_m=round(length_m, 1), cells=cells,
        )  # fmt: skip
