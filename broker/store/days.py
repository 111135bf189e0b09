"""Event days: which day of the area's calendar a POSIX second belongs to, and where a day begins."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_STEP_S = 900  # every present-day offset from UTC is a multiple of it, so no day begins inside a step


class Days:
    """The calendar of one time zone."""

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        self._zone = ZoneInfo(timezone)

    def of(self, at: int) -> str:
        """The day (YYYY-MM-DD) of this POSIX second."""
        return _day_of(self._zone, at // _STEP_S)

    def start(self, day: str) -> int:
        """The first POSIX second of a day; raises ValueError if `day` is not YYYY-MM-DD."""
        midnight = datetime.combine(date.fromisoformat(day), datetime.min.time(), self._zone)
        # Where a clock change skips midnight the day begins at the first second that exists.
        at = int(midnight.timestamp())
        while datetime.fromtimestamp(at, self._zone).date().isoformat() < day:
            at += _STEP_S
        return at

    def span(self, from_day: str, to_day: str) -> tuple[int, int]:
        """The seconds [from, to) of whole days, both ends included."""
        following = date.fromisoformat(to_day) + timedelta(days=1)
        return self.start(from_day), self.start(following.isoformat())


@lru_cache(maxsize=50_000)
def _day_of(zone: ZoneInfo, step: int) -> str:
    return datetime.fromtimestamp(step * _STEP_S, zone).date().isoformat()
