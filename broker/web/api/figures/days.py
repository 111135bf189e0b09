"""Days as they are asked for in an address."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import HTTPException, Query
from pydantic import BaseModel

from broker.reports.tables import MAX_DAYS
from broker.rules.statistics.periods import Period

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
Day = Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY, description="YYYY-MM-DD, the area's day")]
View = Literal["day", "week", "month"]
OneOf = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="a day of it; without it today")]


class Span(BaseModel):
    """A day, an ISO week or a month; those before and after are asked for by `before` and `after`."""

    view: View
    day: str
    from_day: str
    to_day: str
    before: str
    after: str
    today: str


def span_of(view: View, day: date | None, today: str) -> Span:
    """The days of the view that a day belongs to."""
    period = Period.around(view, today if day is None else day.isoformat())
    return Span(
        view=view, day=today if day is None else day.isoformat(), from_day=period.from_day, to_day=period.to_day,
        before=moved(period.from_day, -1), after=moved(period.to_day, 1), today=today,
    )  # fmt: skip


def moved(day: str, days: int) -> str:
    """So many days later, or earlier."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def days_asked(from_day: date, to_day: date) -> tuple[str, str]:
    """The first and the last of them; refused where they are no span of MAX_DAYS at most."""
    if not from_day <= to_day <= from_day + timedelta(days=MAX_DAYS):
        raise HTTPException(422, f"to_day must be 0 to {MAX_DAYS} days after from_day")
    return from_day.isoformat(), to_day.isoformat()
