"""How a position, or the lack of one, is written on the wire; pure."""

from typing import Any

from firmware.truck.gps.fix import QUALITY_ESTIMATED, Fix
from firmware.wire import MAX_SATS

DECIMALS = 7  # about a centimetre
MODES = {"no_port": 0, "no_bytes": 0, "no_fix": 1}


def rounded(degrees: float) -> float:
    """A latitude or longitude as it is sent."""
    return round(degrees, DECIMALS)


def position_body(reported: Fix | str, fix_at: int | None) -> dict[str, Any]:
    """The body of a `fix` report, without boot and seq; a word of events.GPS_WORDS stands for having no fix.

    `sent_at` and `late` are filled in at the moment of sending.
    """
    body: dict[str, Any] = {"fix_at": fix_at, "sent_at": None, "late": False}
    if isinstance(reported, str):
        names = ("lat", "lon", "speed_mps", "bearing_deg", "hdop", "sats")
        return body | dict.fromkeys(names) | {"mode": MODES[reported]}
    return body | {
        "lat": rounded(reported.lat),
        "lon": rounded(reported.lon),
        "speed_mps": None if reported.speed_mps is None else round(reported.speed_mps, 2),
        "bearing_deg": None if reported.bearing_deg is None else round(reported.bearing_deg % 360, 1),
        "hdop": None if reported.hdop is None else round(reported.hdop, 2),
        # More is a receiver's slip of the pen, not a reason to lose the position.
        "sats": None if reported.sats is None else min(reported.sats, MAX_SATS),
        **({} if reported.driven_m is None else {"driven_m": round(reported.driven_m)}),
        "mode": 2 if reported.quality == QUALITY_ESTIMATED else reported.mode,
    }
