"""Which runs operate on a day, and when that day starts.

A service day starts at noon minus twelve hours, as GTFS counts: that is midnight except on the days when the
clocks are changed, when it is an hour before or after it. So a plan's times keep their distance to noon.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from broker.plan.model import Plan, RunPlan, Service

_HALF_DAY_S = 12 * 3600


def day_start_at(plan: Plan, day: date) -> int:
    """The POSIX second from which the `*_day_s` of this service day count."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(plan.timezone))
    return int(noon.timestamp()) - _HALF_DAY_S


def local_date(plan: Plan, at: int) -> date:
    """The calendar day of a POSIX second in the area's time zone; a run past 24:00 belongs to the day before."""
    return datetime.fromtimestamp(at, ZoneInfo(plan.timezone)).date()


def service_runs(plan: Plan, day: date) -> tuple[RunPlan, ...]:
    """The runs that operate on this service day, by departure and then by id."""
    running = [run for run in plan.runs.values() if operates(plan.services[run.service_id], day)]
    return tuple(sorted(running, key=lambda run: (run.visits[0].arrive_day_s, run.trip_id)))


def operates(service: Service, day: date) -> bool:
    """Whether a service operates on this day; a single date given by name wins over the weekday."""
    word = day.strftime("%Y%m%d")
    if word in service.removed_dates:
        return False
    if word in service.added_dates:
        return True
    return service.start_date <= word <= service.end_date and service.weekdays[day.weekday()]


def share_a_day(one: Service, other: Service) -> bool:
    """Whether there is a day on which both services operate."""
    for word in one.added_dates | other.added_dates:
        if operates(one, parse_date(word)) and operates(other, parse_date(word)):
            return True
    if not any(a and b for a, b in zip(one.weekdays, other.weekdays, strict=True)):
        return False
    day = parse_date(max(one.start_date, other.start_date))
    last = parse_date(min(one.end_date, other.end_date))
    while day <= last:
        if operates(one, day) and operates(other, day):
            return True
        day += timedelta(days=1)
    return False


def parse_date(word: str) -> date:
    """The day that YYYYMMDD names; anything else is a ValueError."""
    if len(word) != 8 or not word.isascii() or not word.isdigit():
        raise ValueError(f"must be a date YYYYMMDD, got {word!r}")
    return date(int(word[:4]), int(word[4:6]), int(word[6:]))
