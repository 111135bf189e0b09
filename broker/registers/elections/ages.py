"""Ages as a person counts them: completed years on a given day."""

from collections.abc import Mapping
from datetime import date

# The completed years each band covers, both ends included.
BANDS: Mapping[str, tuple[int, int]] = {
    "under_30": (0, 29), "30_39": (30, 39), "40_49": (40, 49), "50_59": (50, 59), "60_69": (60, 69), "70_up": (70, 150),
}


def completed_years(born: date, on: date) -> int:
    """Completed years of life on a day; somebody born on 29 February is a year older on 1 March."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def is_under(years: int, band: str, limit: int) -> bool | None:
    """Whether an age (years, or -1 and a band) lies below the limit; None where the band cannot tell."""
    low, high = (years, years) if years >= 0 else BANDS[band]
    if high < limit:
        return True
    return False if low >= limit else None
