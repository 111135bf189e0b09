"""From bytes cut anywhere to checked NMEA sentences, and from one sentence to what it says; pure.

pynmea2 names the fields. The frame is checked and their texts are converted here, because its own conversions let pass
what is no position (a missing hemisphere is 0.0 to it, a bad time stays a text) and cost most of the time: a date
through strptime takes longer than the rest of the sentence.
"""

import datetime
import math
import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

import pynmea2

MAX_LINE_BYTES = 4096
KNOTS_TO_MPS = 0.514444
NULL_ISLAND_DEG = 1e-3  # nearer than this to 0/0 is a receiver that does not know
# A sentence may stand behind binary rubbish or another sentence that lost its line end.
_SENTENCE = re.compile(
    rb"\$([A-Z]{2}(RMC|GGA|GLL|GNS|GSA|ZDA),([\x20-\x23\x25-\x29\x2b-\x7e]{0,200}))\*([0-9A-Fa-f]{2})"
)
_BLANKS = [""] * 20  # for fields that are left out
_DEGREES = re.compile(r"([0-9]{1,3})([0-5][0-9](?:\.[0-9]*)?)")
_CLOCK = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])([0-5][0-9](?:\.[0-9]*)?)")
_RMC_QUALITY = {"A": 1, "D": 2, "P": 3, "R": 4, "F": 5, "E": 6, "M": 7, "S": 8}


class Spoken(NamedTuple):
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
        self._line = b""  # of which the end has not come

    def feed(self, data: bytes) -> list[Spoken]:
        """Takes the next bytes of the receiver."""
        self.counts["bytes"] += len(data)
        out: list[Spoken] = []
        *lines, rest = data.replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if self._line:
                line, self._line = self._line + line, b""
            if line:
                self._take(line, out)
        self._line += rest
        if len(self._line) > MAX_LINE_BYTES:
            self.counts["too_long"] += 1
            out += self.end()
        return out

    def end(self) -> list[Spoken]:
        """What a last line without line end says."""
        out: list[Spoken] = []
        line, self._line = self._line, b""
        self._take(line, out)
        return out

    def _take(self, line: bytes, out: list[Spoken]) -> None:
        if b"$" in line:
            self.counts["dollars"] += 1
        for match in _SENTENCE.finditer(line):
            spoken = _spoken(match)
            if spoken is None:
                self.counts["unusable"] += 1
            else:
                self.counts["sentences"] += 1
                out.append(spoken)


def parse_sentence(text: str) -> Spoken | None:
    """What a sentence `$..*hh` says; None if its checksum is wrong or it is not one of the six kinds used here."""
    match = _SENTENCE.fullmatch(text.strip().encode("ascii", "replace"))
    return None if match is None else _spoken(match)


def checksum(checked: bytes) -> int:
    """The exclusive or of all bytes of a sentence between `$` and `*`."""
    folded = int.from_bytes(checked, "little")
    width = 4 << (len(checked) - 1).bit_length()
    while width >= 8:  # one half over the other until a byte is left, which is sooner done than byte by byte
        folded ^= folded >> width
        width >>= 1
    return folded & 0xFF


def _spoken(match: re.Match[bytes]) -> Spoken | None:
    checked, name, data, stated = match.groups()
    if checked.startswith(b"P") or checksum(checked) != int(stated, 16):  # P: a maker's own, whatever follows
        return None
    return _READERS[name](data.decode("ascii").split(",") + _BLANKS)


def _said(sentence: Any, *names: str) -> Callable[[list[str]], tuple[str, ...]]:
    """A function from the fields of a sentence to the texts of these, by pynmea2's names; "" for one that is absent."""
    places = [name for _, name, *_ in sentence.fields]
    return itemgetter(*map(places.index, names))


_CLOCK_AND_PLACE = ("timestamp", "lat", "lat_dir", "lon", "lon_dir")
_of_rmc = _said(
    pynmea2.RMC, *_CLOCK_AND_PLACE, "status", "mode_indicator", "datestamp", "spd_over_grnd", "true_course"
)
_of_gga = _said(pynmea2.GGA, *_CLOCK_AND_PLACE, "gps_qual", "num_sats", "horizontal_dil")
_of_gll = _said(pynmea2.GLL, *_CLOCK_AND_PLACE, "status", "faa_mode")
_of_gns = _said(pynmea2.GNS, *_CLOCK_AND_PLACE, "mode_indicator", "num_sats", "hdop")
_of_gsa = _said(pynmea2.GSA, "mode_fix_type", "hdop")
_of_zda = _said(pynmea2.ZDA, "timestamp", "day", "month", "year")


def _rmc(fields: list[str]) -> Spoken:
    clock, lat, lat_dir, lon, lon_dir, status, mode, date, knots, course = _of_rmc(fields)
    day_s, place = _instant(clock, lat, lat_dir, lon, lon_dir)
    if status != "A" or mode == "N" or place is None or day_s is None:
        return _refused("RMC", day_s)
    speed_kn = _number(knots)
    speed_mps = None if speed_kn is None else speed_kn * KNOTS_TO_MPS
    return Spoken("RMC", day_s, _date(date), *place, speed_mps, _number(course), None, None, _RMC_QUALITY.get(mode))


def _gga(fields: list[str]) -> Spoken:
    clock, lat, lat_dir, lon, lon_dir, said_quality, sats, hdop = _of_gga(fields)
    (day_s, place), quality = _instant(clock, lat, lat_dir, lon, lon_dir), _count(said_quality) or 0
    if not 1 <= quality <= 8 or place is None or day_s is None:
        return _refused("GGA", day_s)
    return Spoken("GGA", day_s, None, *place, None, None, _number(hdop), _count(sats), quality)


def _gll(fields: list[str]) -> Spoken:
    clock, lat, lat_dir, lon, lon_dir, status, mode = _of_gll(fields)
    day_s, place = _instant(clock, lat, lat_dir, lon, lon_dir)
    if status != "A" or mode == "N" or place is None or day_s is None:
        return _refused("GLL", day_s)
    return Spoken("GLL", day_s, None, *place)


def _gns(fields: list[str]) -> Spoken:
    clock, lat, lat_dir, lon, lon_dir, said_modes, sats, hdop = _of_gns(fields)
    day_s, place = _instant(clock, lat, lat_dir, lon, lon_dir)
    modes = [_RMC_QUALITY[m] for m in said_modes if m in _RMC_QUALITY]
    if not modes or place is None or day_s is None:
        return _refused("GNS", day_s)
    real = [quality for quality in modes if quality <= 5]
    quality = max(real) if real else min(modes)
    return Spoken("GNS", day_s, None, *place, None, None, _number(hdop), _count(sats), quality)


def _gsa(fields: list[str]) -> Spoken:
    dimensions, hdop = _of_gsa(fields)
    return Spoken("GSA", hdop=_number(hdop), dimensions=_count(dimensions))


def _zda(fields: list[str]) -> Spoken:
    clock, day, month, year = _of_zda(fields)
    return Spoken("ZDA", day_s=_day_s(clock), date=_calendar_date(_count(year), _count(month), _count(day)))


_READERS = {b"RMC": _rmc, b"GGA": _gga, b"GLL": _gll, b"GNS": _gns, b"GSA": _gsa, b"ZDA": _zda}


def _refused(kind: str, day_s: float | None) -> Spoken:
    return Spoken(kind, day_s=day_s, refused=True)


@lru_cache(maxsize=4)  # several sentences say the same
def _instant(
    clock: str, lat: str, lat_dir: str, lon: str, lon_dir: str
) -> tuple[float | None, tuple[float, float] | None]:
    """When and where: seconds of the UTC day, and the place; None for what is none."""
    return _day_s(clock), _place(lat, lat_dir, lon, lon_dir)


def _place(lat: str, lat_dir: str, lon: str, lon_dir: str) -> tuple[float, float] | None:
    """The latitude and longitude that a sentence says; None where it is none."""
    north, east = _degrees(lat, lat_dir, "NS", 90), _degrees(lon, lon_dir, "EW", 180)
    if north is None or east is None or (abs(north) < NULL_ISLAND_DEG and abs(east) < NULL_ISLAND_DEG):
        return None
    return north, east


def _degrees(text: str, letter: str, letters: str, limit: int) -> float | None:
    """Signed degrees of `dddmm.mmm` and a hemisphere letter; None if they are not a place."""
    found = _DEGREES.fullmatch(text)
    if found is None or len(letter) != 1 or letter not in letters:
        return None
    value = int(found[1]) + float(found[2]) / 60
    if value > limit:
        return None
    return value if letter in "NE" else -value


def _day_s(text: str) -> float | None:
    """Seconds of the UTC day of `hhmmss.sss`; None if that is no time."""
    found = _CLOCK.fullmatch(text)
    return None if found is None else int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])


@lru_cache(maxsize=8)
def _date(text: str) -> datetime.date | None:
    """The date of `ddmmyy`, years 69 to 99 in the last century; None if that is no date."""
    if len(text) != 6 or not (text.isascii() and text.isdigit()):
        return None
    year = int(text[4:])
    return _calendar_date(year + (2000 if year < 69 else 1900), int(text[2:4]), int(text[:2]))


def _calendar_date(year: int | None, month: int | None, day: int | None) -> datetime.date | None:
    try:
        return datetime.date(year or 0, month or 0, day or 0)
    except (ValueError, OverflowError):
        return None


def _number(text: str) -> float | None:
    """A finite number that is not negative; else None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _count(text: str) -> int | None:
    number = _number(text)
    return None if number is None else int(number)
