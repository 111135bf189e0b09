"""Positions in a file: CSV with or without a head, or JSON lines as the wire, an export of the record or gpsd has them.

A name that ends in .gz is unpacked. A time without a zone is the area's.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from itertools import chain, islice
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, cast

from broker.rules.teaching.positions import Position, TeachingError
from firmware.wire import LATEST_AT

Said = tuple[str | None, Position]  # whose position it is, if the file says that
Progress = Callable[[int], None]

KMH_PER_MPS = 3.6
_NAMES = {
    "at": ("fix_at", "at", "reported", "time", "timestamp", "datetime", "date_time", "gps_time", "utc", "received"),
    "lat": ("lat", "latitude", "y"),
    "lon": ("lon", "lng", "long", "longitude", "x"),
    "speed_mps": ("speed_mps", "speed"),
    "speed_kmh": ("speed_kmh", "speed_kph", "kmh"),
    "truck": ("truck", "truck_id", "vehicle", "vehicle_id", "device", "device_id", "key", "car", "id"),
}
COLUMNS = tuple(_NAMES)
MILLISECONDS = 1e11  # a number of seconds that is greater is one of milliseconds
GOOD_SHARE = 0.5
NMEA = ("$GP", "$GN", "$GL", "$GA", "$GB", "$BD")


def positions_in(path: Path, zone: tzinfo, columns: Sequence[str], progress: Progress) -> Iterator[Said]:
    """The positions in a file, in its order; raises TeachingError saying what to do where it has none."""
    try:
        yield from _positions_in(path, zone, columns, progress)
    except (csv.Error, EOFError, zlib.error) as why:
        raise TeachingError(f"{path}: is damaged, or no such file ({why}); write it down or pack it anew") from why


def _positions_in(path: Path, zone: tzinfo, columns: Sequence[str], progress: Progress) -> Iterator[Said]:
    with opened(path) as file:
        lines = _lines(file, progress)
        head = list(islice(lines, 20))
        rest = chain(head, lines)
        if any(line.lstrip().startswith(NMEA) for line in head):
            raise TeachingError(f"{path} is a receiver's own log: `python3 tools/teach.py {path}` reads it")
        if next((line for line in head if line.strip()), "").lstrip().startswith("{"):
            yield from _of_json(rest, path, zone)
        else:
            yield from _of_csv(rest, path, zone, columns)


def marks_in(path: Path, zone: tzinfo) -> list[float]:
    """When a driver said "this is a stop", as the cab's page writes it: CSV whose first line names `acted_at`."""
    with opened(path) as file:
        rows = list(csv.DictReader(_lines(file, lambda _: None)))
    found = [_time(row.get("acted_at"), zone) for row in rows]
    if not found or None in found:
        raise TeachingError(f"{path}: each line needs a time under acted_at, as the cab's page writes it")
    return [at for at in found if at is not None]


def opened(path: Path) -> BinaryIO:
    """The file, unpacked if it is packed; raises OSError."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _lines(file: Iterable[bytes], progress: Progress) -> Iterator[str]:
    for line in file:
        progress(len(line))
        yield line.decode("utf-8-sig", errors="replace")


def _of_json(lines: Iterable[str], path: Path, zone: tzinfo) -> Iterator[Said]:
    told = found = 0
    for line in lines:
        if not line.strip():
            continue
        told += 1
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        said = _of_row(_flat(row), zone) if isinstance(row, dict) else None
        if said is not None:
            found += 1
            yield said
    if not found:
        raise TeachingError(
            f"{path}: no position in {told} lines of JSON: each needs a time ({', '.join(_NAMES['at'][:4])}), lat and "
            "lon"
        )


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """The position in a line: its body if it is a record's, whose truck is the record's key; none of other kinds."""
    if isinstance(row.get("body"), dict):
        return {**row["body"], "truck": row.get("key")} if row.get("kind") == "fix" else {}
    if "class" in row:  # gpsd's own; only this one has a place
        return {name: row.get(name) for name in ("time", "lat", "lon", "speed")} if row["class"] == "TPV" else {}
    return row


def _of_csv(lines: Iterable[str], path: Path, zone: tzinfo, columns: Sequence[str]) -> Iterator[Said]:
    lines = iter(lines)
    first = next(lines, "")
    delimiter = max(",;|\t", key=first.count)
    names = [one.strip().strip('"').lower() for one in first.split(delimiter)]
    if columns:
        lines, names = chain([first], lines), list(columns)
    elif not ({*names} & {*_NAMES["lat"]} and {*names} & {*_NAMES["lon"]} and {*names} & {*_NAMES["at"]}):
        raise TeachingError(
            f"{path}: its first line names no time, lat and lon (it has: {first.strip()[:80]!r}); say what its columns "
            f"are, a - for what is of no use: --columns at,lat,lon,- ; there are {', '.join(COLUMNS)}"
        )
    told = found = 0
    for cells in csv.reader(lines, delimiter=delimiter):
        told += 1
        said = _of_row(dict(zip(names, cells, strict=False)), zone)
        if said is not None:
            found += 1
            yield said
    if found < GOOD_SHARE * told or not found:
        raise TeachingError(
            f"{path}: {told - found} of {told} lines hold no time and place that can be read; times are seconds since "
            "1970 or 2026-11-30T06:00:00, places degrees; name the columns with --columns"
        )


def _of_row(row: dict[str, Any], zone: tzinfo) -> Said | None:
    """Whose position it is and what it says; None if it says none."""
    at, lat, lon = _time(_first(row, "at"), zone), _number(_first(row, "lat")), _number(_first(row, "lon"))
    if at is None or lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180 or (lat == 0 and lon == 0):
        return None
    speed_mps, speed_kmh = _number(_first(row, "speed_mps")), _number(_first(row, "speed_kmh"))
    if speed_mps is None and speed_kmh is not None:
        speed_mps = speed_kmh / KMH_PER_MPS
    truck = _first(row, "truck")
    return (None if truck in (None, "") else str(truck)), Position(at, lat, lon, speed_mps)


def _first(row: dict[str, Any], what: str) -> Any:
    return next((row[name] for name in _NAMES[what] if row.get(name) not in (None, "")), None)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) and not isinstance(value, bool) else None


def _time(value: Any, zone: tzinfo) -> float | None:
    number = _number(value)
    if number is not None:
        number = number / 1000 if number > MILLISECONDS else number
        return number if 0 < number < LATEST_AT else None
    try:
        when = datetime.fromisoformat(str(value).strip().replace("/", "-"))
        return (when if when.tzinfo is not None else when.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        return None
