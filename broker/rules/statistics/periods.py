"""Days, ISO weeks and months of an area's calendar, as words: 2026-11-22, 2026-W47, 2026-11."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

PERIODS = ("day", "week", "month")


@dataclass(frozen=True, slots=True)
class Period:
    """One day, ISO week or month: its name as in the figures, and its first and last day."""

    kind: str
    name: str
    from_day: str
    to_day: str

    @staticmethod
    def around(kind: str, day: str) -> "Period":
        """The period of a kind that a day belongs to; raises ValueError for another kind."""
        name, at = period_of(day, kind), date.fromisoformat(day)
        first = last = at
        if kind == "week":
            first = at - timedelta(days=at.weekday())
            last = first + timedelta(days=6)
        elif kind == "month":
            first = at.replace(day=1)
            last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        return Period(kind, name, first.isoformat(), last.isoformat())


def local_day(at: int, zone: ZoneInfo) -> str:
    """The calendar day of a POSIX second."""
    return datetime.fromtimestamp(at, zone).date().isoformat()


def local_hour(at: int, zone: ZoneInfo) -> int:
    """The hour of the day, 0 to 23, of a POSIX second."""
    return datetime.fromtimestamp(at, zone).hour


def period_of(day: str, period: str) -> str:
    """The day, ISO week or month a day belongs to; raises ValueError for another word."""
    if period == "day":
        return day
    if period == "week":
        year, week, _ = date.fromisoformat(day).isocalendar()
        return f"{year}-W{week:02d}"
    if period == "month":
        return day[:7]
    raise ValueError(f"period must be one of {' '.join(PERIODS)}, got {period!r}")


def days_between(from_day: str, to_day: str) -> Iterator[str]:
    """Every day from `from_day` to `to_day`, both included."""
    day, last = date.fromisoformat(from_day), date.fromisoformat(to_day)
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)


def periods_between(from_day: str, to_day: str, period: str) -> list[str]:
    """The periods that these days touch, in order."""
    return list(dict.fromkeys(period_of(day, period) for day in days_between(from_day, to_day)))
