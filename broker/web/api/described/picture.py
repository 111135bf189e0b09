"""The picture: trucks, rooms, runs, incidents, and what is known of the whole."""

from typing import Any

from broker.web.api.described import Row
from broker.web.api.described.rows import IncidentRow, RunRow

At = int | None


class TruckRow(Row):
    """A truck: where it is, what it does next, and how old that is."""

    truck: str
    life: str
    loads: list[str]
    reserve: bool
    fw: str | None
    boot: int | None
    heard_at: At
    answer: dict[str, Any] | None
    lat: float | None
    lon: float | None
    speed_mps: float | None
    fix_at: At
    fresh: bool
    run_id: str | None
    vehicle_status: str | None
    held: bool
    off_route: bool
    next_room: str | None
    next_room_name: str | None
    next_eta_at: At
    label: str | None
    incidents: list[str]
    fix_age_s: int | None


class BinsRow(Row):
    """What waits of a waste kind, and what stands inside now."""

    count: int | None
    grams: int | None
    inside: int | None
    inside_grams: int | None
    quality: int | None
    at: At
    age_s: int | None


class ArrivalRow(Row):
    """What a room was told of a waste kind."""

    call_id: str | None
    waste: str
    state: str
    truck: str | None
    run_id: str | None
    visit_number: int | None
    eta_at: At
    early_at: At
    late_at: At
    sent_at: int


class LampRow(Row):
    """A lamp as its unit read it back."""

    waste: str
    lamp: str
    lit: bool
    call_id: str | None


class RoomRow(Row):
    """A bin room: its unit, its lamps, what waits, and what it was told."""

    room: str
    name: str
    estate: str
    estate_name: str | None
    lat: float
    lon: float
    wastes: list[str]
    life: str
    fw: str | None
    boot: int | None
    heard_at: At
    answer: dict[str, Any] | None
    lamps: list[LampRow]
    lamps_at: At
    bins: dict[str, BinsRow]
    bins_out_at: At
    arrivals: dict[str, ArrivalRow | None]
    heard_age_s: int | None
    lamps_age_s: int | None


class IncidentSeen(IncidentRow):  # type: ignore[valid-type, misc]
    """An incident, with its age."""

    age_s: int


class AreaRow(Row):
    """Whose picture it is."""

    id: str
    name: str
    timezone: str


class PictureRow(Row):
    """Everything the screen shows at one moment; `old_since_at` is of when it is if none can be made now."""

    area: AreaRow
    at: int
    old_since_at: At
    link: dict[str, Any]
    health: list[dict[str, Any]]
    limits: dict[str, int]
    plan: dict[str, Any]
    closures: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    data: dict[str, Any]
    trucks: list[TruckRow]
    rooms: list[RoomRow]
    runs: list[RunRow]  # type: ignore[valid-type]
    incidents: list[IncidentSeen]
    attention: list[dict[str, Any]]
    alarms: list[dict[str, Any]]
