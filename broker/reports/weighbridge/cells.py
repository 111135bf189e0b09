"""The cells of a weighbridge's file: weights with their unit, times, kinds of waste; what is unclear is no guess."""

import json
import re
import unicodedata
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.reports.correctable import seconds

WORDS = json.loads((Path(__file__).parent / "words.json").read_bytes())
UNIT_GRAMS = {"g": 1, "kg": 1000, "t": 1_000_000}
_UNITS = {word: unit for unit, words in WORDS["units"].items() for word in words}
_WASTES = {word: waste for waste, words in WORDS["wastes"].items() for word in (waste, *words)}
_NUMBER = re.compile(r"([-+]?)(\d[\d,. ]*|\.\d+)")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d+)?")
_DAY = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_TIGHT = re.compile(r"\d{14}|\d{12}|\d{8}")


def plain(text: str) -> str:
    """A text without what typing adds to it: wide letters, blanks around and within, capitals."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip().lower()


def plate(text: str) -> str:
    """A plate or a truck's id as it is compared: without blanks, dots and dashes."""
    return re.sub(r"[\s·•.\-_]", "", plain(text))


def waste_of(text: str) -> str | None:
    """The kind of waste by one of its words, else None."""
    return _WASTES.get(plain(text).replace("_", " ")) or _WASTES.get(plain(text))


def unit_of(text: str) -> str | None:
    """The unit that a word is, else None."""
    return _UNITS.get(plain(text).strip("()[] "))


def grams_of(text: str, unit: str, *, decimal_comma: bool = False) -> int:
    """Grams of a weight, in the unit of its own or else in `unit`; raises ValueError for what is no number, or two.

    A comma separates thousands; in a file with semicolons it may stand for the point as well.
    """
    told = plain(text)
    match = _NUMBER.match(told)
    if match is None:
        raise ValueError("is no number")
    sign, number = match[1], match[2].strip().replace(" ", "")
    rest = told[match.end() :].strip()
    own = unit_of(rest) if rest else None
    if rest and own is None:
        raise ValueError(f"is followed by {rest!r}, which is no unit")
    if "," in number:
        grouped = _GROUPED.fullmatch(number) is not None
        if grouped and decimal_comma and number.count(",") == 1 and "." not in number:
            raise ValueError("may be a thousand or a part of one: write it without a comma")
        if not grouped and not (decimal_comma and re.fullmatch(r"\d+,\d+", number)):
            raise ValueError("has a comma where no thousands end")
        number = number.replace(",", "" if grouped else ".")
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", number):
        raise ValueError("is no number")
    return round(Decimal(f"{sign}{number}") * UNIT_GRAMS[own or unit])


def moment_of(text: str, day: str, zone: ZoneInfo) -> int:
    """Unix seconds of a time, on the day of another column where it has none of its own; raises ValueError."""
    told = _spelled(text)
    if day and not _DAY.match(told) and not _TIGHT.match(told):
        told = f"{_spelled(day).split(' ')[0].split('T')[0]} {told}"
    if _TIGHT.fullmatch(told):
        clock = f" {told[8:10]}:{told[10:12]}:{told[12:] or '00'}" if told[8:] else ""
        told = f"{told[:4]}-{told[4:6]}-{told[6:8]}{clock}"
    match = _DAY.match(told)
    if match is None:
        raise ValueError("is no time with a year, as 2026-11-22 06:00 is")
    clock = told[match.end() :].strip().lstrip("tT ").strip()
    if not clock:
        raise ValueError("is a day without an hour")
    clock = re.sub(r"(^|:)(\d)(?=[:. +Z-]|$)", r"\g<1>0\2", clock)
    year, month, date = (int(part) for part in match.groups())
    at = seconds(f"{year:04d}-{month:02d}-{date:02d}T{clock}", zone)
    if datetime.fromtimestamp(at, zone).year < 2000:
        raise ValueError("is before 2000")
    return at


def _spelled(text: str) -> str:
    """A time with signs where it has words: year, month, day, hour, minute, second."""
    told = unicodedata.normalize("NFKC", text).strip()
    for word, sign in zip(WORDS["times"], ("-", "-", " ", ":", ":", ""), strict=True):
        told = told.replace(word, sign)
    return re.sub(r"\s+", " ", told).strip().rstrip(":")
