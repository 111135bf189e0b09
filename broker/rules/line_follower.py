"""Where a truck is along its route's line: it never goes back, and being beside the line for long is noticed.

    on route  --60 m beside the line for 60 s and more than 3 fixes--> off route
    off route --one fix on the line, anywhere ahead--> on route
"""

from typing import Literal

from broker.rules.geometry import lengths_m, project
from broker.rules.plan import Route
from broker.rules.track_words import GpsFix, TrackSettings

FASTEST_MPS = 15.0  # how far ahead a truck may be after a silence
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
        """The truck is known to have come this far."""
        self.along_m = along_m if self.along_m is None else max(self.along_m, along_m)

    def follow(self, fix: GpsFix, gap_s: int, next_m: float) -> Turn | None:
        """Match a fix `gap_s` after the one before; `next_m` is where the next visit lies."""
        settings = self._settings
        off_m, along_m = self._match(fix, gap_s, next_m)
        if off_m <= settings.off_route_m:
            turn: Turn | None = "back_on_the_line" if self.off_route else None
            self.pause()
            before_m = self.along_m
            self.advance(along_m)
            if before_m is not None and gap_s > 0:
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

    def _match(self, fix: GpsFix, gap_s: int, next_m: float) -> tuple[float, float]:
        """(metres beside the line, metres along it), looked for where the truck can be."""
        settings = self._settings
        end_m = self._cumulative[-1]
        if self.along_m is None:
            # Lines cross themselves: prefer the stretch before the next visit, then anywhere.
            off_m, along_m = project(self._line, self._cumulative, fix.lat, fix.lon, 0.0, next_m)
            if off_m <= settings.off_route_m:
                return off_m, along_m
            return project(self._line, self._cumulative, fix.lat, fix.lon, 0.0, end_m)
        to_m = end_m if self.off_route else self.along_m + settings.look_ahead_m + FASTEST_MPS * gap_s
        speed_mps = self._speed_mps if fix.speed_mps is None else min(FASTEST_MPS, fix.speed_mps)
        expected_m = self.along_m + speed_mps * gap_s
        from_m = self.along_m - settings.look_back_m
        return project(self._line, self._cumulative, fix.lat, fix.lon, from_m, to_m, expected_m)
