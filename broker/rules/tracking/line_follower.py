"""Where a truck is along its route's line, and that it is beside it for long.

    on route  --60 m beside the line for 60 s and more than 3 fixes--> off route
    off route --one fix on the line, anywhere after the last stop--> on route

On route its place never goes back. A truck that was off its route may join again behind the place it left, but not
behind the last stop it was seen at. It is looked for no further ahead than it can have driven and 150 m more, because
a line that comes by again later would catch it; where a street is driven twice, 10 m from where it ought to be count as
much as 1 m beside the line.
"""

from typing import Literal

from broker.plan.geometry import lengths_m, project
from broker.plan.model import Route
from broker.rules.tracking.types import GpsFix, TrackSettings

FASTEST_MPS = 25.0  # how far ahead a truck may be after a silence: further is another part of the line
Turn = Literal["left_the_line", "back_on_the_line"]


class LineFollower:
    """The place of one truck on one line; `along_m` is None before the first match."""

    def __init__(self, route: Route, settings: TrackSettings) -> None:
        self._line = route.line
        self._cumulative = lengths_m(route.line)
        self._settings = settings
        self._speed_mps = 0.0
        self._off_since: int | None = None
        self._off_fixes = 0
        self._floor_m = 0.0
        self.along_m: float | None = None
        self.off_route = False

    @property
    def usable(self) -> bool:
        """Whether there is a line at all."""
        return len(self._line) >= 2

    @property
    def on_the_line(self) -> bool:
        """Whether the newest fix lay on the line."""
        return self.along_m is not None and self._off_fixes == 0

    @property
    def moved_into_line(self) -> bool:
        """Whether the truck is past the line's first metres."""
        return self.along_m is not None and self.along_m >= self._settings.start_m

    def pause(self) -> None:
        """The present leg does not follow the line: forget any suspicion of being beside it."""
        self.off_route, self._off_since, self._off_fixes = False, None, 0

    def advance(self, along_m: float) -> None:
        """The truck was seen at a stop that lies this far along."""
        self.along_m = along_m if self.along_m is None else max(self.along_m, along_m)
        self._floor_m = max(self._floor_m, along_m)

    def follow(self, fix: GpsFix, gap_s: int | None, next_m: float) -> Turn | None:
        """Match a fix `gap_s` after the one before (None: the first); `next_m` is where the next visit lies."""
        settings = self._settings
        off_m, along_m = self._match(fix, gap_s, next_m)
        if off_m <= settings.off_route_m:
            turn: Turn | None = "back_on_the_line" if self.off_route else None
            before_m = self.along_m
            self.along_m = along_m if before_m is None or self.off_route else max(before_m, along_m)
            self.pause()
            if before_m is not None and gap_s:
                self._speed_mps = min(FASTEST_MPS, max(0.0, along_m - before_m) / gap_s)
            return turn
        if self.along_m is None:
            return None  # still on its way to the route
        self._off_fixes += 1
        self._off_since = fix.fix_at if self._off_since is None else self._off_since
        long_enough = fix.fix_at - self._off_since >= settings.off_route_s
        if not self.off_route and self._off_fixes > settings.off_route_fixes and long_enough:
            self.off_route = True
            return "left_the_line"
        return None

    def _match(self, fix: GpsFix, gap_s: int | None, next_m: float) -> tuple[float, float]:
        """(metres beside the line, metres along it), looked for where the truck can be."""
        settings = self._settings
        end_m = self._cumulative[-1]
        if self.along_m is None or gap_s is None:
            # Lines cross themselves: prefer the stretch before the next visit, then anywhere after the last stop.
            off_m, along_m = project(self._line, self._cumulative, fix.lat, fix.lon, self._floor_m, next_m)
            if off_m <= settings.off_route_m:
                return off_m, along_m
            return project(self._line, self._cumulative, fix.lat, fix.lon, self._floor_m, end_m)
        if self.off_route:
            return project(self._line, self._cumulative, fix.lat, fix.lon, self._floor_m, end_m, self.along_m)
        to_m = self.along_m + settings.look_ahead_m + FASTEST_MPS * gap_s
        speed_mps = self._speed_mps if fix.speed_mps is None else min(FASTEST_MPS, fix.speed_mps)
        expected_m = self.along_m + speed_mps * gap_s
        from_m = self.along_m - settings.look_back_m
        return project(self._line, self._cumulative, fix.lat, fix.lon, from_m, to_m, expected_m)
