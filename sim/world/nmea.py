"""What a GPS receiver says: RMC and GGA sentences with their checksums, from a true position."""

import time
from functools import reduce
from operator import xor


def sentence(body: str) -> bytes:
    """`$body*checksum` with line end, as it goes over the serial line."""
    return f"${body}*{reduce(xor, body.encode('ascii')):02X}\r\n".encode("ascii")


def _degrees(value_deg: float, width: int, positive: str, negative: str) -> str:
    """ddmm.mmmmm and its hemisphere, rounded so that 60.00000 minutes never appear."""
    ten_thousandths = round(abs(value_deg) * 60 * 100_000)
    degrees, minutes = divmod(ten_thousandths, 60 * 100_000)
    return f"{degrees:0{width}d}{minutes / 100_000:08.5f},{positive if value_deg >= 0 else negative}"


def second(
    at: float, lat: float | None, lon: float | None, speed_mps: float = 0.0, bearing_deg: float = 0.0,
    *, sats: int = 9, hdop: float = 0.9,
) -> bytes:
    """The sentences of one second, RMC and GGA; without a position they say so (status V, quality 0)."""
    clock, day = time.strftime("%H%M%S.00 %d%m%y", time.gmtime(at)).split()
    if lat is None or lon is None:
        return sentence(f"GPRMC,{clock},V,,,,,,,{day},,,N") + sentence(f"GPGGA,{clock},,,,,0,00,99.99,,,,,,")
    place = _degrees(lat, 2, "N", "S") + "," + _degrees(lon, 3, "E", "W")
    knots = speed_mps * 3600 / 1852
    return sentence(f"GPRMC,{clock},A,{place},{knots:.2f},{bearing_deg % 360:.1f},{day},,,A") + sentence(
        f"GPGGA,{clock},{place},1,{sats:02d},{hdop:.1f},12.0,M,8.0,M,,"
    )
