"""Which days and stretches were kept, and where nothing was: by the names of the files alone."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.web.stream.recording import GAP_S, begun_at, day_of, ended_at, files_of


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of seconds, both ends within it."""

    from_at: int
    until_at: int


@dataclass(frozen=True, slots=True)
class KeptDay:
    """A day of the area: what of it was kept, and the gaps between, of which nobody knows what was shown."""

    day: str
    from_at: int
    until_at: int
    stretches: list[Stretch]
    gaps: list[Stretch]


def kept_days(folder: Path, timezone: str, now: int, most: int) -> list[KeptDay]:
    """The newest days of which something was kept, the newest first, at most so many."""
    zone = ZoneInfo(timezone)
    folders = sorted((day, path) for path in _inside(folder) if (day := day_of(path.name)) is not None)
    found: dict[date, list[Stretch]] = {}
    for stretch in _joined(span for _, path in folders[-most - 1 :] for span in _spans(path)):
        day = datetime.fromtimestamp(stretch.from_at, zone).date()
        while (first := _begins_at(day, zone)) <= stretch.until_at:
            last = _begins_at(day + timedelta(days=1), zone) - 1
            part = Stretch(max(first, stretch.from_at), min(last, stretch.until_at))
            found.setdefault(day, []).append(part)
            day += timedelta(days=1)
    return [_day(day, zone, found[day], now) for day in sorted(found, reverse=True)[:most]]


def next_kept_at(folder: Path, after: int) -> int | None:
    """The first second after this one at which something begins; None where nothing does."""
    first = f"{datetime.fromtimestamp(after, UTC):%Y-%m-%d}"
    for path in sorted(path for path in _inside(folder) if day_of(path.name) is not None and path.name >= first):
        starts = [begun_at(file) for file in files_of(path)]
        if starts and starts[-1] > after:
            return starts[bisect_right(starts, after)]
    return None


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _day(day: date, zone: ZoneInfo, stretches: list[Stretch], now: int) -> KeptDay:
    first, last = _begins_at(day, zone), _begins_at(day + timedelta(days=1), zone) - 1
    gaps, known = [], first - 1
    for stretch in stretches:
        if stretch.from_at > known + 1:
            gaps.append(Stretch(known + 1, stretch.from_at - 1))
        known = stretch.until_at
    if min(now, last) - known > GAP_S:
        gaps.append(Stretch(known + 1, min(now, last)))
    return KeptDay(day.isoformat(), first, last, stretches, gaps)


def _begins_at(day: date, zone: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


def _joined(spans: Iterator[tuple[int, int]]) -> list[Stretch]:
    """Spans in the order of their beginnings as stretches with gaps between them."""
    found: list[Stretch] = []
    for begun, ended in spans:
        if found and begun - 1 - found[-1].until_at <= GAP_S:
            found[-1] = Stretch(found[-1].from_at, max(found[-1].until_at, ended))
        else:
            found.append(Stretch(begun, ended))
    return found


def _spans(day: Path) -> list[tuple[int, int]]:
    """The first and last second of each file; a folder that did not change is not read again."""
    try:
        packed, plain = _of_folder(day, day.stat().st_mtime_ns)
    except OSError:
        return []
    return sorted([*packed, *((begun_at(path), ended_at(path)) for path in plain)])


@lru_cache(800)
def _of_folder(day: Path, _changed_ns: int) -> tuple[tuple[tuple[int, int], ...], tuple[Path, ...]]:
    packed, plain = [], []
    for path in files_of(day):
        if path.suffix == ".gz":
            packed.append((begun_at(path), ended_at(path)))
        else:
            plain.append(path)
    return tuple(packed), tuple(plain)
