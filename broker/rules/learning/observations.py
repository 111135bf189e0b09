"""What was seen and teaches something: plain records that the bridge stores, and learns from again after a restart."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class _Plain:
    """A record that turns into JSON types and back."""

    def to_body(self) -> dict[str, Any]:
        """The fields as a JSON object."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """The record of a body made by `to_body`; unknown keys are ignored, KeyError names a missing field."""
        return cls(
            **{
                each.name: tuple(body[each.name]) if isinstance(body[each.name], list) else body[each.name]
                for each in fields(cls)
                if each.name in body or each.default is MISSING
            }
        )


@dataclass(frozen=True, slots=True)
class LegRecord(_Plain):
    """One drive between two rooms: from leaving the first (`started_at`) to reaching the second.

    `length_m` or `planned_s` (the timetable's driving time) is what it is measured against; `early_s` is how
    much before the timetable it started, where a driver may wait on the way; `cells` are the streets it led through.
    """

    route_id: str
    from_room: str
    to_room: str
    drive_s: int
    started_at: int
    truck_id: str
    length_m: float | None = None
    planned_s: int | None = None
    early_s: int = 0
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DwellRecord(_Plain):
    """One stay at a room; `bins` is what was emptied, None where nobody counted; `route_id` "" in older records."""

    room_id: str
    waste: str
    dwell_s: int
    bins: int | None
    started_at: int
    early_s: int = 0
    route_id: str = ""


@dataclass(frozen=True, slots=True)
class StartRecord(_Plain):
    """How late a run that nothing kept was at its first visit (before its time: negative)."""

    route_id: str
    late_s: int


@dataclass(frozen=True, slots=True)
class ErrorRecord(_Plain):
    """One prediction that came true: made `horizon_s` before what it named, off by `error_s` (positive: later)."""

    horizon_s: int
    error_s: int
    label: str = "live"
    in_band: bool | None = None  # whether it came within the band that was said; None: nobody kept that
