"""When a position is worth a message, and whether the truck stands or drives; pure.

Worth a message: the first; 50 m from the last one; a turn of 30 degrees above 2 m/s; 60 s since the last one; at
once when the truck stops or starts and on an alarm. Never more than one in 2 s: what comes sooner waits, and then
the newest fix goes. Without a fix there is no position to report: the loss itself is the message, at once and every
60 s, and the last point is never sent again as new.

Standing, as a table of two states:

    driving  -> standing  slower than 0.5 m/s and within 15 m of one point for 5 s; that point is then held
    standing -> driving   faster than 0.8 m/s, or 25 m from the held point

A receiver that stands turns its course at random: below 0.8 m/s the bearing is the last one driven with.
"""

from firmware.truck.gps.fix import Fix, metres_between, turn_deg
from firmware.truck.gps.speed_sense import SpeedSense

EVERY_M = 50.0
TURN_DEG = 30.0
TURN_ABOVE_MPS = 2.0
EVERY_S = 60.0
AT_MOST_EVERY_S = 2.0
STAND_BELOW_MPS = 0.5
STAND_WITHIN_M = 15.0
STAND_AFTER_S = 5.0
GO_ABOVE_MPS = 0.8
GO_BEYOND_M = 25.0


class Standing:
    """Whether the truck stands; while it does, `hold` replaces the receiver's wander by one point and one bearing."""

    def __init__(self) -> None:
        self.standing = False
        self._point: Fix | None = None
        self._since_s = 0.0
        self._driven_deg: float | None = None

    def seen(self, fix: Fix, now_s: float) -> bool:
        """Takes a believed fix; returns whether the truck stopped or started with it."""
        if self._point is None:
            self._point, self._since_s = fix, now_s
            return False
        away_m = metres_between(self._point.lat, self._point.lon, fix.lat, fix.lon)
        speed_mps = fix.speed_mps
        if self.standing:
            if away_m <= GO_BEYOND_M and (speed_mps is None or speed_mps <= GO_ABOVE_MPS):
                return False
            self.standing, self._point, self._since_s = False, fix, now_s
            return True
        if away_m > STAND_WITHIN_M or (speed_mps is not None and speed_mps >= STAND_BELOW_MPS):
            self._point, self._since_s = fix, now_s
            return False
        if now_s - self._since_s < STAND_AFTER_S:
            return False
        self.standing = True
        return True

    def hold(self, fix: Fix) -> Fix:
        """The fix as it is to be reported: with the bearing last driven, and while standing at one point, speed 0."""
        if self.standing and self._point is not None:
            return fix.moved(self._point, 0.0, self._driven_deg)
        if self.standing or (fix.speed_mps is not None and fix.speed_mps < GO_ABOVE_MPS):
            return fix.moved(fix, fix.speed_mps, self._driven_deg)
        if fix.bearing_deg is not None:
            self._driven_deg = fix.bearing_deg
        return fix


class Reporting:
    """Feed what is seen; `take(now_s)` gives what to publish now: a Fix, the word of a loss, or None."""

    def __init__(self) -> None:
        self._motion = Standing()
        self._speed = SpeedSense()
        self._newest: Fix | str | None = None
        self._reported: Fix | str | None = None
        self._reported_s: float | None = None
        self._owed = False
        self._asked = False

    @property
    def standing(self) -> bool:
        """Whether the truck stands."""
        return self._motion.standing

    def seen(self, fix: Fix, now_s: float) -> None:
        """A believed fix."""
        fix = self._speed.believed(fix, now_s)
        changed = self._motion.seen(fix, now_s)
        fix = self._motion.hold(fix)
        self._newest = fix
        self._owed = self._owed or self._asked or changed or self._worth(fix, now_s)
        self._asked = False

    def lost(self, word: str) -> None:
        """There is no fix any more, and why (one of events.GPS_WORDS but `fix`)."""
        if self._newest != word:
            self._newest, self._owed = word, True

    def ask(self) -> None:
        """Something happened that wants a report at once: of what has not been reported, else of the next fix."""
        if isinstance(self._newest, str) or self._newest is not self._reported:
            self._owed = True
        else:
            self._asked = True

    def take(self, now_s: float) -> Fix | str | None:
        """What to publish at `now_s`, at most every 2 s; taking it counts as published."""
        wake_at_s = self.wake_at_s
        if wake_at_s is None or now_s < wake_at_s:
            return None
        self._owed, self._reported, self._reported_s = False, self._newest, now_s
        if isinstance(self._newest, str) or self._newest is None or self._newest.speed_mps is None:
            return self._newest
        return self._newest._replace(driven_m=self._speed.driven_m)

    @property
    def wake_at_s(self) -> float | None:
        """When `take` will have something, if nothing else is seen before; None = never."""
        if self._newest is None:
            return None
        if self._owed:
            return self._reported_s + AT_MOST_EVERY_S if self._reported_s is not None else float("-inf")
        if isinstance(self._newest, str) and self._reported_s is not None:
            return self._reported_s + EVERY_S
        return None  # a fix is only ever reported when it is seen: the next one decides

    def _worth(self, fix: Fix, now_s: float) -> bool:
        last = self._reported
        if not isinstance(last, Fix) or self._reported_s is None:
            return True
        if now_s - self._reported_s >= EVERY_S:
            return True
        if metres_between(last.lat, last.lon, fix.lat, fix.lon) >= EVERY_M:
            return True
        # Where places wander by more than a stop, it is the speed that says that the truck starts.
        if fix.speed_mps is None:
            return False
        if last.speed_mps is not None and last.speed_mps < STAND_BELOW_MPS and fix.speed_mps > GO_ABOVE_MPS:
            return True
        fast = fix.speed_mps > TURN_ABOVE_MPS
        known = fix.bearing_deg is not None and last.bearing_deg is not None
        return fast and known and turn_deg(fix.bearing_deg or 0.0, last.bearing_deg or 0.0) >= TURN_DEG
