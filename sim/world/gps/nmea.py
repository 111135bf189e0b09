"""What a GPS receiver says: sentences with their checksums, from a place; each make in its own manner."""

import time
from dataclasses import dataclass
from functools import lru_cache

from firmware.truck.gps.nmea import checksum


@dataclass(frozen=True, slots=True)
class Manner:
    """How a make says it."""

    talker: str = "GP"
    kinds: tuple[str, ...] = ("RMC", "GGA")
    second_digits: int = 2
    minute_digits: int = 5
    says_mode: bool = True  # NMEA 2.3 and later end an RMC with how the place was found
    course_standing: bool = True  # some leave it empty then


PLAIN = Manner()
SLOW_MPS = 0.5
DAY_S = 86_400


def sentence(body: str) -> bytes:
    """`$body*checksum` with line end, as it goes over the serial line."""
    said = body.encode("ascii")
    return b"$%b*%02X\r\n" % (said, checksum(said))


def _degrees(value_deg: float, width: int, positive: str, negative: str, digits: int) -> str:
    """ddmm.mmmmm and its hemisphere, rounded so that 60.00000 minutes never appear."""
    parts = 10**digits
    degrees, minutes = divmod(round(abs(value_deg) * 60 * parts), 60 * parts)
    return f"{degrees:0{width}d}{minutes / parts:0{3 + digits}.{digits}f},{positive if value_deg >= 0 else negative}"


@lru_cache(maxsize=8)
def _date(days: int, form: str) -> str:
    return time.strftime(form, time.gmtime(days * DAY_S))


def second(
    at: float, lat: float | None, lon: float | None, speed_mps: float = 0.0, bearing_deg: float = 0.0,
    *, sats: int = 9, hdop: float = 0.9, manner: Manner = PLAIN,
) -> bytes:
    """The sentences of one second; without a position they say so (status V, quality 0)."""
    days, day_s = divmod(int(at), DAY_S)
    clock = f"{day_s // 3600:02d}{day_s // 60 % 60:02d}{day_s % 60:02d}"
    clock += "." + "0" * manner.second_digits if manner.second_digits else ""
    if lat is None or lon is None:
        place = course = knots = ""
    else:
        digits = manner.minute_digits
        place = _degrees(lat, 2, "N", "S", digits) + "," + _degrees(lon, 3, "E", "W", digits)
        knots = f"{speed_mps * 3600 / 1852:.2f}"
        course = f"{bearing_deg % 360:.1f}" if manner.course_standing or speed_mps >= SLOW_MPS else ""
    has_place = bool(place)
    place, status, mode = place or ",,,", "A" if has_place else "V", ",A" if has_place else ",N"
    mode = mode if manner.says_mode else ""
    bodies = []
    for kind in manner.kinds:
        if kind == "RMC":
            bodies.append(f"RMC,{clock},{status},{place},{knots},{course},{_date(days, '%d%m%y')},,{mode}")
        elif kind == "GGA":
            rated = f"1,{sats:02d},{hdop:.1f},12.0,M,8.0,M,," if has_place else "0,00,99.99,,,,,,"
            bodies.append(f"GGA,{clock},{place},{rated}")
        elif kind == "GLL":
            bodies.append(f"GLL,{place},{clock},{status}{mode}")
        elif kind == "GSA":
            rated = f"3,02,05,07,12,15,18,20,25,29,,,,1.8,{hdop:.1f},1.5" if has_place else f"1{',' * 13}99.9,99.9,99.9"
            bodies.append(f"GSA,A,{rated}")
        else:
            bodies.append(f"ZDA,{clock},{_date(days, '%d,%m,%Y')},00,00")
    return b"".join(sentence(manner.talker + body) for body in bodies)
