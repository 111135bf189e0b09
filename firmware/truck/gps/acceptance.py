"""Which of the receiver's valid fixes this truck believes: its district, its satellites, its speed; pure.

The reader (`epochs.read_fixes`) already refuses what is not a valid NMEA position. What is refused here is a position
that is well-formed and still cannot be this truck's.
"""

import math
from dataclasses import dataclass

from firmware.truck.gps.fix import EARTH_RADIUS_M, QUALITIES_MADE_UP, Fix
from firmware.truck.gps.tracks import MAX_SPEED_MPS, Tracks

MAX_HDOP = 4.0
MIN_SATS = 4
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
        self._tracks = Tracks()

    def refusal(self, fix: Fix, now_s: float) -> str | None:
        """None if the fix is believed, else one of nowhere made_up null_island box hdop sats speed old jump repeat."""
        return self._unlikely(fix) or self._tracks.refusal(fix, now_s)

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
