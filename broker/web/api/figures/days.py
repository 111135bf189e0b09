"""Days as they are asked for in an address."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import HTTPException, Query

from broker.reports.tables import MAX_DAYS

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)
Day = Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY, description="YYYY-MM-DD, the area's day")]


def days_asked(from_day: date, to_day: date) -> tuple[str, str]:
    """The first and the last of them; refused where they are no span of MAX_DAYS at most."""
    if not from_day <= to_day <= from_day + timedelta(days=MAX_DAYS):
        raise HTTPException(422, f"to_day must be 0 to {MAX_DAYS} days after from_day")
    return from_day.isoformat(), to_day.isoformat()
