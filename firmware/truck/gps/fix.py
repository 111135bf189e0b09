"""One position as the receiver gave it, and small geometry on it; no I/O, no clock."""

import math
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8
QUALITY_ESTIMATED = 6  # NMEA: dead reckoning
QUALITIES_MADE_UP = (7, 8)  # NMEA: typed in by hand, simulated


class Fix(NamedTuple):
    """A valid position of one instant; `fix_at` is POSIX seconds UTC as the receiver says it, None without a date.

    `mode` is 2 or 3 as in gpsd's TPV, `quality` is NMEA's GGA field; None wherever the receiver did not say. `driven_m`
    is what the truck has driven since its computer started, by the speeds that it believed.
    """

    lat: float
    lon: float
    fix_at: float | None = None
    speed_mps: float | None = None
    bearing_deg: float | None = None
    hdop: float | None = None
    sats: int | None = None
    mode: int = 2
    quality: int | None = None
    driven_m: float | None = None

    def moved(self, place: "Fix", speed_mps: float | None, bearing_deg: float | None) -> "Fix":
        """The same with another's place, and this speed and bearing."""
        return Fix(
            place.lat, place.lon, self.fix_at, speed_mps, bearing_deg, self.hdop, self.sats, self.mode, self.quality
        )


def metres_between(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Great-circle distance in metres."""
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half_lat, half_lon = (phi_b - phi_a) / 2, math.radians(lon_b - lon_a) / 2
    h = math.sin(half_lat) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_lon) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def turn_deg(bearing_a: float, bearing_b: float) -> float:
    """The angle between two bearings, 0 to 180 degrees."""
    difference = abs(bearing_a - bearing_b) % 360
    return min(difference, 360 - difference)
