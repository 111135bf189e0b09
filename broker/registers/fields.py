"""The plain types that both registers are built of: ids, lines of text, days, places, sources."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from broker.plain_text import MANY_LINES, ONE_LINE

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=ONE_LINE)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=MANY_LINES)]
Day = Annotated[date, Field(ge=date(1950, 1, 1), le=date(2100, 12, 31))]
BirthDay = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2100, 12, 31))]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Plain(BaseModel):
    """A record as it stands in the file: no unknown keys, no guessing of types, never changed in place."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Place(Plain):
    """A point on WGS-84, degrees."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


class Bounds(Plain):
    """The box all sites must lie in, WGS-84 degrees."""

    south: Annotated[float, Field(ge=-90, le=90)]
    west: Annotated[float, Field(ge=-180, le=180)]
    north: Annotated[float, Field(ge=-90, le=90)]
    east: Annotated[float, Field(ge=-180, le=180)]


class Source(Plain):
    """Where a statement was taken from; `as_of` is the day it was true."""

    id: Id
    title: Line
    page: Line | None = None
    as_of: Day | None = None
