"""Where a truck is along its route's line, and that it is beside it for long.

    on route  --60 m beside the line for 60 s and more than 3 fixes--> off route
    off route --one fix on the line, anywhere after the last stop--> on route

On route its place never goes back. A truck that was off its route may join again behind the place it left, but not
behind the last stop it was seen at. It is looked for no further ahead than it can have driven and 150 m more, because
a line that comes by again later would catch it; where a street is driven twice, 10 m from where it ought to be count as
much as 1 m beside the line.

A good receiver is believed as it is. One that is off (`spread.py`) is weighed against the way that the truck can have
driven by its speed since its last certain place, as a Kalman filter does; where a receiver is off it stays so for a
while, so that many positions at one place count little more than one.
"""

from math import sqrt
from typing import Literal

from broker.plan.geometry import lengths_m, project
from broker.plan.model import Route
from broker.rules.tracking.spread import USUAL_M, Spread
from broker.rules.tracking.types import GpsFix, TrackSettings

FASTEST_MPS = 25.0  # how far ahead a truck may be after a silence: further is another part of the line
STAYS_OFF_S = 45.0  # a receiver that is off is off alike for so long
SEEN_STOP_M = 18.0  # a truck stands so far from the room that it is at
DRIVEN_SHARE = 0.1  # of a way that the truck has measured itself: its street is not the line
SPEED_SHARE = 0.2  # of a way known by two speeds only
CHANGE_SHARE = 0.3  # of the way that two speeds differ by
STANDS_MPS, SLOW_MPS = 0.7, 3.0
BETWEEN_HALTS = 0.2  # metres for each square second
BACKS_M = 10.0
FORWARD_ODDS, BACK_ODDS = -8.0, 3.0  # the most that can be sure of either, in logarithms
LEAST_M = 0.3
STEP_M = 3.0  # what a step is wrong by in any case
LOST_M = 150.0  # no receiver is off by so much: the truck was driven where nobody saw it
SURPRISES = 1.5  # deviations
LOST_AFTER_ALL_M = 400.0  # of a truck that measures its way
OFF_MOST_M = 110.0  # further beside is another street
OFF_BEYOND = 2.5  # times what the receiver is usually off: the truck left its line
JUMPS_BEYOND = 4.0  # deviations from where the truck can be: the receiver jumped
Turn = Literal["left_the_line", "back_on_the_line"]


class LineFollower:
    """The place of one truck on one line; `along_m` is None before the first match."""

    def __init__(self, route: Route, settings: TrackSettings) -> None:
        self._line = route.line
        self._cumulative = lengths_m(route.line)
        self._settings = settings
        self._speed_mps = 0.0
        self._said: GpsFix | None = None
        self._off_m = 0.0
        self._backs = FORWARD_ODDS  # the odds that it drives its line backwards, in logarithms
        self._matched_m = self._from_m = 0.0
        self._place_m = self._variance = 0.0  # by the filter: it may go back, `along_m` never does
        self.spread = Spread()
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
        self._on_it()
        self._said = None

    def _on_it(self) -> None:
        self.off_route, self._off_since, self._off_fixes = False, None, 0

    def advance(self, along_m: float) -> None:
        """The truck was seen at a stop that lies this far along."""
        if self.along_m is None:
            self.along_m = self._place_m = along_m
        self.along_m = max(self.along_m, along_m)
        self._floor_m = max(self._floor_m, along_m)

    def stood_at(self, along_m: float) -> bool:
        """The truck was at a stop that lies this far along, and had not been followed on its way there: the line goes
        on from there, unless it had stopped further on before."""
        if along_m < self._floor_m:
            return False
        self.along_m = self._place_m = self._floor_m = along_m
        return True

    def begin_again(self, fix: GpsFix, next_m: float) -> None:
        """The truck has not been at a stop yet, and was matched beyond the first, at `next_m`: perhaps it only crossed
        the line there on its way to where the line begins."""
        off_m, along_m = project(self._line, self._cumulative, fix.lat, fix.lon, 0.0, next_m)
        if off_m <= self._settings.off_route_m:
            self.along_m = self._place_m = along_m

    @property
    def seen_m(self) -> float:
        """The place as it is seen now: unlike `along_m` it may go back a little."""
        return self._place_m

    @property
    def doubt_m(self) -> float:
        """How far off the place is, usually."""
        return sqrt(self._variance)

    def was_at(self, stop_m: float, stand_m: float) -> None:
        """Where the truck was taken to stand at `stand_m` it stood at a stop: the place since is off by as much."""
        if self.spread.good or self.off_route:
            return
        gain = self._variance / (self._variance + SEEN_STOP_M**2)
        self._place_m += gain * (stop_m - stand_m)
        self._variance *= 1 - gain

    def learn(self, fix: GpsFix, gap_s: int) -> None:
        """A position of before the truck left its last room: how far off the receiver is."""
        off_m, _ = project(self._line, self._cumulative, fix.lat, fix.lon, 0.0, self._cumulative[-1])
        if off_m <= OFF_MOST_M and (fix.speed_mps or 0.0) >= STANDS_MPS:
            self.spread.see(off_m, gap_s)

    def follow(self, fix: GpsFix, gap_s: int | None, next_m: float) -> Turn | None:
        """Match a fix `gap_s` after the one before (None: the first); `next_m` is where the next visit lies."""
        settings = self._settings
        off_m, along_m = self._match(fix, gap_s, next_m)
        if off_m <= max(settings.off_route_m, min(OFF_MOST_M, OFF_BEYOND * self.spread.metres)):
            along_m = self._weigh(fix, gap_s, off_m, along_m)
            turn: Turn | None = "back_on_the_line" if self.off_route else None
            before_m = self.along_m
            self.along_m = along_m if before_m is None or self.off_route else max(before_m, along_m)
            self._on_it()
            if before_m is not None and gap_s:
                self._speed_mps = min(FASTEST_MPS, max(0.0, along_m - before_m) / gap_s)
            return turn
        self._drive_on(fix, gap_s)
        if self.along_m is None:
            return None  # still on its way to the route
        self._off_fixes += 1
        self._off_since = fix.fix_at if self._off_since is None else self._off_since
        long_enough = fix.fix_at - self._off_since >= settings.off_route_s
        if not self.off_route and self._off_fixes > settings.off_route_fixes and long_enough:
            self.off_route = True
            return "left_the_line"
        return None

    def _drive_on(self, fix: GpsFix, gap_s: int | None) -> None:
        """A position too far beside the line says nothing of the place; the way since the last one goes on."""
        before, self._said = self._said, fix
        way = None if before is None or not gap_s else _way(before, fix, gap_s)
        if self.spread.good or self.off_route or way is None:
            self._said = None
            return
        way_m, step_m = way
        self._place_m += way_m
        self._matched_m += way_m
        self._variance += step_m * step_m

    def _weigh(self, fix: GpsFix, gap_s: int | None, off_m: float, matched_m: float) -> float:
        """The place, by a position that lies on the line and by the way since the last one."""
        before, self._said = self._said, fix
        before_off_m, self._off_m = self._off_m, off_m
        seen_m, spread = self._place_m, self.spread
        surely = self.along_m is None or self.off_route or not gap_s or gap_s > self._settings.seen_gap_s
        way = None if surely or before is None or not gap_s else _way(before, fix, gap_s)
        if way is None or before is None or not gap_s:
            self._matched_m = self._place_m = matched_m
            self._variance = spread.metres**2
            return matched_m
        way_m, step_m = way
        self._variance += step_m * step_m
        moved_m, self._matched_m = matched_m - self._matched_m, matched_m
        expected_m = seen_m + (-way_m if self._drives_back(moved_m, way_m, gap_s) else way_m)
        ahead_m = matched_m - expected_m
        if abs(ahead_m) > (LOST_M if fix.way_since_m(before) is None else LOST_AFTER_ALL_M):
            self._place_m, self._variance = matched_m, spread.metres**2
            return matched_m
        allowed_m = JUMPS_BEYOND * sqrt(self._variance + spread.metres**2)
        if abs(ahead_m) > allowed_m:
            spread.jumped(abs(ahead_m))
        if abs(off_m - before_off_m) > way_m + JUMPS_BEYOND * max(USUAL_M, spread.metres):
            spread.jumped(abs(off_m - before_off_m))
        believed_m = spread.metres
        if way_m > gap_s:
            if matched_m > self._from_m:  # where it was looked for
                spread.see(off_m, gap_s)
        elif max(before.speed_mps or 0.0, fix.speed_mps or 0.0) < STANDS_MPS and abs(ahead_m) > spread.metres:
            # Who stands beside the line may stand in a gateway, but does not wander.
            spread.see(abs(ahead_m), gap_s)
        if spread.good:
            self._place_m, self._variance = matched_m, spread.metres**2
            return matched_m
        if spread.metres > believed_m:  # what was weighed until now was believed too much
            self._variance *= (spread.metres / believed_m) ** 2
        surprise = ahead_m * ahead_m - SURPRISES**2 * (self._variance + spread.metres**2)
        if surprise > 0 and way_m > LEAST_M:  # it was not all along the line
            self._variance += surprise * min(1.0, gap_s / STAYS_OFF_S)
        noise = spread.metres**2 * max(1.0, 2 * STAYS_OFF_S / gap_s)
        gain = self._variance / (self._variance + noise)
        self._place_m = expected_m + gain * ahead_m
        self._variance *= 1 - gain
        return self._place_m

    def _drives_back(self, moved_m: float, way_m: float, gap_s: int) -> bool:
        """Whether the truck drives its line backwards: a good receiver shows it at once, another one by and by."""
        if way_m <= BACKS_M:
            return False
        if self.spread.good:
            self._backs = FORWARD_ODDS
            return moved_m < -0.5 * way_m
        odds = -2 * moved_m * way_m / (2 * self.spread.metres**2 * min(1.0, gap_s / STAYS_OFF_S) + USUAL_M**2)
        self._backs = max(FORWARD_ODDS, min(BACK_ODDS, self._backs + odds))
        return self._backs > 0

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
        self._from_m = from_m = min(self.along_m, self._place_m) - settings.look_back_m
        return project(self._line, self._cumulative, fix.lat, fix.lon, from_m, to_m, expected_m)


def _way(before: GpsFix, fix: GpsFix, gap_s: int) -> tuple[float, float] | None:
    """(metres driven between two positions by what the truck says or by the speed at both, deviation of that); None
    where neither is known."""
    driven_m = fix.way_since_m(before)
    if driven_m is not None:
        return driven_m, LEAST_M + DRIVEN_SHARE * driven_m
    before_mps, speed_mps = before.speed_mps, fix.speed_mps
    if before_mps is None or speed_mps is None:
        return None
    fastest_mps = max(before_mps, speed_mps)
    way_m = 0.5 * (before_mps + speed_mps) * gap_s
    if fastest_mps < STANDS_MPS:
        return way_m, LEAST_M
    step_m = STEP_M + SPEED_SHARE * way_m + CHANGE_SHARE * abs(speed_mps - before_mps) * gap_s
    if fastest_mps < SLOW_MPS:
        way_m *= 0.5  # who is so slow may move up and back
        step_m += way_m
        if min(before_mps, speed_mps) < STANDS_MPS:  # from halt to halt nobody saw how fast it was
            hidden_m = BETWEEN_HALTS * max(0, min(gap_s, 15) - 3) ** 2
            way_m, step_m = way_m + hidden_m, step_m + 0.5 * hidden_m
    return way_m, step_m
