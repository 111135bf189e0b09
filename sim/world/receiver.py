"""A GPS receiver: it wanders a few metres around the true place, slowly, and sometimes sees no sky."""

import math
import random
from dataclasses import dataclass

from firmware.truck.clock import WEEK_0_AT
from firmware.truck.gps.fix import EARTH_RADIUS_M
from sim.world import nmea

GPS_ERROR_M = 3.0
DAY_S = 86_400
METRES_PER_DEGREE = math.radians(EARTH_RADIUS_M)


@dataclass(slots=True)
class Receiver:
    """What the GPS receiver makes of the true place."""

    dice: random.Random
    blind: bool = False
    stuck: bool = False  # it says the place again that it said last, with the time of now
    undated: bool = False  # it has forgotten its almanac: it says its first day
    error_m: float = GPS_ERROR_M
    _north_m: float = 0.0
    _east_m: float = 0.0
    _last: tuple[float, float] | None = None

    def says(self, at: float, place: tuple[float, float, float], speed_mps: float) -> bytes:
        """The sentences of this second."""
        if self.blind:
            return nmea.second(at, None, None)
        self._north_m = 0.95 * self._north_m + self.dice.gauss(0, 0.31 * self.error_m)
        self._east_m = 0.95 * self._east_m + self.dice.gauss(0, 0.31 * self.error_m)
        lat, lon, bearing = place
        lat += self._north_m / METRES_PER_DEGREE
        lon += self._east_m / (METRES_PER_DEGREE * math.cos(math.radians(lat)))
        if self.stuck and self._last is not None:
            lat, lon = self._last
        self._last = lat, lon
        return nmea.second(WEEK_0_AT + at % DAY_S if self.undated else at, lat, lon, speed_mps, bearing)
