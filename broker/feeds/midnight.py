"""After midnight: the one place that says when a day is over for totals and reports, and which were missed. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta

from broker.rules.statistics.periods import PERIODS, Period
from broker.store.days import Days

OVER_AFTER_S = 900  # of midnight: the evening's last stays are on record by then


class Midnight:
    """The end of days in one time zone."""

    def __init__(self, timezone: str) -> None:
        self.days = Days(timezone)

    def newest_over(self, now: int) -> str:
        """The last day that is over."""
        return before(self.days.of(now - OVER_AFTER_S), 1)

    def missed(self, told: str, now: int, most: int) -> Iterator[str]:
        """The days after `told` that are over, of the last `most` ones; a clock that was ahead hides none."""
        newest = self.newest_over(now)
        day = max(min(told, newest), before(newest, most))
        while day < newest:
            day = before(day, -1)
            yield day

    def over(self, now: int, most: int) -> list[Period]:
        """The days of the last `most` ones, and the weeks and months that one of these belongs to, that are over."""
        newest = self.newest_over(now)
        days = [before(newest, back) for back in reversed(range(most))]
        found = dict.fromkeys(Period.around(kind, day) for kind in PERIODS for day in days)
        return [period for period in found if period.to_day <= newest]


def before(day: str, count: int) -> str:
    """The day so many days before this one."""
    return (date.fromisoformat(day) - timedelta(days=count)).isoformat()
