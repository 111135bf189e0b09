"""Which runs operate on a day, and when that day starts.

A service day starts at noon minus twelve hours, as GTFS counts: that is midnight except on the days when the
clocks are changed, when it is an hour before or after it. So a plan's times keep their distance to noon.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from broker.plan.model import Plan, RunPlan, Service

DAY_S = 24 * 3600
QUARTER_S = 900
_HALF_DAY_S = DAY_S // 2


def day_start_at(plan: Plan, day: date) -> int:
    """The POSIX second from which the `*_day_s` of this service day count."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(plan.timezone))
    return int(noon.timestamp()) - _HALF_DAY_S


def local_date(plan: Plan, at: int) -> date:
    """The calendar day of a POSIX second in the area's time zone; a run past 24:00 belongs to the day before."""
    return _date_of_quarter(plan.timezone, at // QUARTER_S)


@lru_cache(maxsize=1024)
def _date_of_quarter(timezone: str, quarter: int) -> date:
    """Every area's clock differs from UTC by whole quarters of an hour: within one the day is the same."""
    return datetime.fromtimestamp(quarter * QUARTER_S, ZoneInfo(timezone)).date()


def service_runs(plan: Plan, day: date) -> tuple[RunPlan, ...]:
    """The runs that operate on this service day, by departure and then by id."""
    operating = {service_id for service_id, service in plan.services.items() if operates(service, day)}
    running = [run for run in plan.runs.values() if run.service_id in operating]
    return tuple(sorted(running, key=lambda run: (run.visits[0].arrive_day_s, run.trip_id)))


def operates(service: Service, day: date) -> bool:
    """Whether a service operates on this day; a single date given by name wins over the weekday."""
    word = day.strftime("%Y%m%d")
    if word in service.removed_dates:
        return False
    if word in service.added_dates:
        return True
    return service.start_date <= word <= service.end_date and service.weekdays[day.weekday()]


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last day on which something of the plan happens; before and after it nobody knows."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Whether the plan knows of this day, be it a day off."""
        return self.first <= day <= self.last

    def around(self, other: "Span | None") -> "Span":
        """The span of both."""
        return self if other is None else Span(min(self.first, other.first), max(self.last, other.last))


def service_span(service: Service) -> Span | None:
    """From the first to the last day on which a service operates; None if it never does."""
    days = [day for word in service.added_dates if operates(service, day := parse_date(word))]
    if any(service.weekdays):
        first, last = parse_date(service.start_date), parse_date(service.end_date)
        # Each removed date can push an end by a week at most, so this ends soon, however long the service lasts.
        while first <= last and not operates(service, first):
            first += timedelta(days=1)
        while last > first and not operates(service, last):
            last -= timedelta(days=1)
        days += [first, last] if first <= last else []
    return Span(min(days), max(days)) if days else None


def next_day(service: Service, after: date) -> date | None:
    """The first day after this one on which a service operates; None if there is none."""
    days = [day for word in service.added_dates if (day := parse_date(word)) > after and operates(service, day)]
    if any(service.weekdays):
        day, last = max(after + timedelta(days=1), parse_date(service.start_date)), parse_date(service.end_date)
        while day <= last and not operates(service, day):  # each removed date can push it by a week at most
            day += timedelta(days=1)
        days += [day] if day <= last else []
    return min(days, default=None)


def share_a_day(one: Service, other: Service, days_later: int = 0) -> bool:
    """Whether there is a day on which `one` operates and, so many days later, `other`."""
    later = timedelta(days=days_later)
    for word in one.added_dates | other.added_dates:
        day = parse_date(word)
        if any(operates(one, first) and operates(other, first + later) for first in (day, day - later)):
            return True
    week = [one.weekdays[at] and other.weekdays[(at + days_later) % 7] for at in range(7)]
    if not any(week) or not (one.start_date and other.start_date):
        return False
    day = max(parse_date(one.start_date), parse_date(other.start_date) - later)
    last = min(parse_date(one.end_date), parse_date(other.end_date) - later)
    while day <= last:
        if operates(one, day) and operates(other, day + later):
            return True
        day += timedelta(days=1)
    return False


def parse_date(word: str) -> date:
    """The day that YYYYMMDD names; anything else is a ValueError."""
    if len(word) != 8 or not word.isascii() or not word.isdigit():
        raise ValueError(f"must be a date YYYYMMDD, got {word!r}")
    return date(int(word[:4]), int(word[4:6]), int(word[6:]))
