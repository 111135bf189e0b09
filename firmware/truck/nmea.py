"""From bytes cut anywhere to checked NMEA sentences, and from one sentence to what it says; pure.

pynmea2 splits and converts the fields; what it lets through is caught here: a sentence without checksum, a missing
hemisphere (it would say 0.0), a void status, minutes past 59, a time or number it left as text.
"""

import datetime
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pynmea2

MAX_LINE_BYTES = 4096
KNOTS_TO_MPS = 0.514444
NULL_ISLAND_DEG = 1e-3  # nearer than this to 0/0 is a receiver that does not know
# A sentence may stand behind binary rubbish or another sentence that lost its line end.
_SENTENCE = re.compile(
    rb"\$([A-Z]{2})(RMC|GGA|GLL|GNS|GSA|ZDA),([\x20-\x23\x25-\x29\x2b-\x7e]{0,200})\*([0-9A-Fa-f]{2})"
)
_DEGREES = re.compile(r"\d{3,5}\.\d+|\d{3,5}")
_RMC_QUALITY = {"A": 1, "D": 2, "P": 3, "R": 4, "F": 5, "E": 6, "M": 7, "S": 8}


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one sentence says. `day_s` is seconds of the UTC day; `refused` = it says that there is no position."""

    kind: str
    day_s: float | None = None
    date: datetime.date | None = None
    lat: float | None = None
    lon: float | None = None
    speed_mps: float | None = None
    bearing_deg: float | None = None
    hdop: float | None = None
    sats: int | None = None
    quality: int | None = None
    dimensions: int | None = None
    refused: bool = False


class Sentences:
    """Feed bytes; each call returns what the complete sentences in them say. Counts what was not usable."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._line = bytearray()

    def feed(self, data: bytes) -> list[Spoken]:
        """Takes the next bytes of the receiver."""
        self.counts["bytes"] += len(data)
        out: list[Spoken] = []
        pieces = data.replace(b"\r", b"\n").split(b"\n")
        for piece in pieces[:-1]:
            self._line += piece
            self._take(out)
        self._line += pieces[-1]
        if len(self._line) > MAX_LINE_BYTES:
            self.counts["too_long"] += 1
            self._take(out)
        return out

    def end(self) -> list[Spoken]:
        """What a last line without line end says."""
        out: list[Spoken] = []
        self._take(out)
        return out

    def _take(self, out: list[Spoken]) -> None:
        line = bytes(self._line)
        self._line.clear()
        if b"$" in line:
            self.counts["dollars"] += 1
        for match in _SENTENCE.finditer(line):
            spoken = parse_sentence(match.group(0).decode("ascii"))
            if spoken is None:
                self.counts["unusable"] += 1
            else:
                self.counts["sentences"] += 1
                out.append(spoken)


def parse_sentence(text: str) -> Spoken | None:
    """What a sentence `$..*hh` says; None if its checksum is wrong or it is not one of the six kinds used here."""
    try:
        message: Any = pynmea2.parse(text, check=True)
        return _READERS[message.sentence_type](message)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError):
        # ValueError covers pynmea2's own errors; the others are what its lazy field conversion raises on odd input.
        return None


def _rmc(message: Any) -> Spoken:
    mode = message.mode_indicator if len(message.data) > 11 else None
    refused = message.status != "A" or mode == "N"
    speed_kn = _number(message.spd_over_grnd)
    return _position(
        "RMC",
        message,
        refused,
        date=message.datestamp if isinstance(message.datestamp, datetime.date) else None,
        speed_mps=None if speed_kn is None else speed_kn * KNOTS_TO_MPS,
        bearing_deg=_number(message.true_course),
        quality=_RMC_QUALITY.get(mode) if mode else None,
    )


def _gga(message: Any) -> Spoken:
    quality = message.gps_qual if isinstance(message.gps_qual, int) else 0
    return _position(
        "GGA",
        message,
        not 1 <= quality <= 8,
        hdop=_number(message.horizontal_dil),
        sats=_count(message.num_sats),
        quality=quality,
    )


def _gll(message: Any) -> Spoken:
    return _position("GLL", message, message.status != "A" or (len(message.data) > 6 and message.faa_mode == "N"))


def _gns(message: Any) -> Spoken:
    modes = [_RMC_QUALITY[m] for m in message.mode_indicator if m in _RMC_QUALITY]
    real = [quality for quality in modes if quality <= 5]
    quality = max(real) if real else min(modes, default=None)
    return _position(
        "GNS", message, not modes, hdop=_number(message.hdop), sats=_count(message.num_sats), quality=quality
    )


def _gsa(message: Any) -> Spoken:
    return Spoken("GSA", hdop=_number(message.hdop), dimensions=_count(message.mode_fix_type))


def _zda(message: Any) -> Spoken:
    return Spoken("ZDA", day_s=_day_s(message.timestamp), date=datetime.date(message.year, message.month, message.day))


_READERS = {"RMC": _rmc, "GGA": _gga, "GLL": _gll, "GNS": _gns, "GSA": _gsa, "ZDA": _zda}


def _position(kind: str, message: Any, refused: bool, **said: Any) -> Spoken:
    day_s = _day_s(message.timestamp)
    lat = _degrees(message.lat, message.lat_dir, "NS", 90)
    lon = _degrees(message.lon, message.lon_dir, "EW", 180)
    nowhere = lat is None or lon is None or (abs(lat) < NULL_ISLAND_DEG and abs(lon) < NULL_ISLAND_DEG)
    if refused or nowhere or day_s is None:
        return Spoken(kind, day_s=day_s, refused=True)
    return Spoken(kind, day_s=day_s, lat=lat, lon=lon, **said)


def _degrees(text: str, letter: str, letters: str, limit: int) -> float | None:
    """Signed degrees of `dddmm.mmm` and a hemisphere letter; None if they are not a place."""
    if letter not in ("N", "S", "E", "W") or letter not in letters or not _DEGREES.fullmatch(text):
        return None
    whole, _, _ = text.partition(".")
    if int(whole[-2:]) >= 60:
        return None
    value = float(pynmea2.nmea_utils.dm_to_sd(text if "." in text else text + ".0"))
    if value > limit:
        return None
    return value if letter in "NE" else -value


def _day_s(stamp: object) -> float | None:
    if not isinstance(stamp, datetime.time):
        return None
    return stamp.hour * 3600 + stamp.minute * 60 + stamp.second + stamp.microsecond / 1e6


def _number(value: object) -> float | None:
    """A finite number that is not negative, from a float or a text; else None."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
