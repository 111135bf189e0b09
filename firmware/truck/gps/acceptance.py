"""Which of the receiver's valid fixes this truck believes: its district, its satellites, its speed; pure.

The reader (`epochs.read_fixes`) already refuses what is not a valid NMEA position. What is refused here is a position
that is well-formed and still cannot be this truck's.
"""

import math
from dataclasses import dataclass

from firmware.truck.gps.fix import EARTH_RADIUS_M, QUALITIES_MADE_UP, Fix, metres_between

MAX_SPEED_MPS = 35.0
JUMP_SLACK_M = 15.0  # two honest fixes of a standing receiver lie this far apart now and then
MAX_HDOP = 4.0
MIN_SATS = 4
AGREEING_TO_MOVE = 3  # so many refused fixes that agree with each other: the truck really is there
BOX_MARGIN_KM = 20.0
KM_PER_DEGREE = math.radians(EARTH_RADIUS_M) / 1000


@dataclass(frozen=True, slots=True)
class Box:
    """The district in degrees WGS-84."""

    south: float
    west: float
    north: float
    east: float

    def holds(self, lat: float, lon: float) -> bool:
        """Whether a place is inside or at most about 20 km outside."""
        margin = BOX_MARGIN_KM / KM_PER_DEGREE
        # Two thirds: a degree of longitude is shorter away from the equator, and the margin is no exact figure.
        margin_lon = margin * 1.5
        return (
            self.south - margin <= lat <= self.north + margin
            and self.west - margin_lon <= lon <= self.east + margin_lon
        )


class Acceptance:
    """`refusal(fix, now_s)` gives None (believed, and remembered) or a short word saying why not."""

    def __init__(self, box: Box | None = None, test_mode: bool = False) -> None:
        """`box` None = anywhere on earth; `test_mode` admits fixes marked as manual or simulated."""
        self._box = box
        self._test_mode = test_mode
        self._believed: tuple[Fix, float] | None = None
        self._doubted: tuple[Fix, float] | None = None
        self._agreeing = 0

    def refusal(self, fix: Fix, now_s: float) -> str | None:
        """None if the fix is believed, else one of nowhere made_up null_island box hdop sats speed old jump."""
        reason = self._unlikely(fix)
        if reason:
            return reason
        reason = _impossible(self._believed, fix, now_s)
        if reason:
            if self._doubted is not None and _impossible(self._doubted, fix, now_s) is None:
                self._agreeing += 1
            else:
                self._agreeing = 1
            self._doubted = (fix, now_s)
            if self._agreeing < AGREEING_TO_MOVE:
                return reason
        self._believed = (fix, now_s)
        self._doubted, self._agreeing = None, 0
        return None

    def _unlikely(self, fix: Fix) -> str | None:
        if not (abs(fix.lat) <= 90 and abs(fix.lon) <= 180):
            return "nowhere"
        if fix.quality in QUALITIES_MADE_UP and not self._test_mode:
            return "made_up"
        if fix.lat == 0.0 and fix.lon == 0.0:
            return "null_island"
        if self._box is not None and not self._box.holds(fix.lat, fix.lon):
            return "box"
        if fix.hdop is not None and fix.hdop > MAX_HDOP:
            return "hdop"
        if fix.sats is not None and fix.sats < MIN_SATS:
            return "sats"
        if fix.speed_mps is not None and fix.speed_mps > MAX_SPEED_MPS:
            return "speed"
        return None


def _impossible(before: tuple[Fix, float] | None, fix: Fix, now_s: float) -> str | None:
    if before is None:
        return None
    last, last_s = before
    elapsed_s = now_s - last_s
    if fix.fix_at is not None and last.fix_at is not None:
        elapsed_s = fix.fix_at - last.fix_at
        if elapsed_s <= 0:
            return "old"
    travelled_m = metres_between(last.lat, last.lon, fix.lat, fix.lon)
    return "jump" if travelled_m > MAX_SPEED_MPS * elapsed_s + JUMP_SLACK_M else None
