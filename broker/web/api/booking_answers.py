"""What the API answers about bookings, as OpenAPI describes it; times are Unix seconds, amounts litres and grams."""

from typing import Literal

from pydantic import BaseModel

State = Literal[
    "held", "requested", "accepted", "en_route", "at_site", "loaded", "completed", "declined", "expired", "cancelled",
    "failed",
]  # fmt: skip


class BookingRow(BaseModel):
    """A booking as it stands, with the names around it."""

    booking_id: str
    version: int
    state: State
    pile: str
    pile_name: str
    estate: str
    estate_name: str
    truck: str
    round_id: str
    run_version: int | None
    from_at: int
    until_at: int
    arrive_at: int | None
    eta_at: int | None
    detour_s: int | None
    litres: int
    bags: int | None
    note: str
    made_by: str
    made_at: int
    held_until_at: int
    declined_by: list[str]
    requested_at: int | None
    accepted_at: int | None
    accepted_by: str | None
    visit: list[str | int] | None
    en_route_at: int | None
    at_site_at: int | None
    loaded_at: int | None
    loaded_by: str | None
    measured_litres: int | None
    overfilled: bool
    completed_at: int | None
    grams: int | None
    ended_at: int | None
    by: str | None
    reason: str | None
    disputed_at: int | None
    disputed_by: str | None
    dispute: str | None
    dispute_until_at: int | None
    answered_at: int | None
    answered_by: str | None
    answer: str | None
    changed_at: int


class WindowRow(BaseModel):
    """A window that can be had, and what it costs the truck."""

    truck: str
    round_id: str
    run_version: int
    from_at: int
    until_at: int
    arrive_at: int
    detour_s: int
    on_the_way: bool


class PileRow(BaseModel):
    """A place for renovation waste, and how much of it is booked and not fetched yet."""

    pile_id: str
    name: str
    lat: float
    lon: float
    estate_id: str
    estate_name: str
    capacity_litres: int
    filled_litres: int
    usual: bool
    usual_litres: int


class VersionRow(BaseModel):
    """One version of a booking, as it is on record."""

    version: int
    state: State
    truck: str
    by: str | None
    reason: str | None
    changed_at: int


class PositionRow(BaseModel):
    """Where the truck was, and how far from the pile."""

    at: int
    lat: float
    lon: float
    away_m: int


class WeighingRow(BaseModel):
    """What the transfer station weighed of the truck afterwards."""

    at: int
    truck: str
    grams: int
    who: str


class EvidenceRow(BaseModel):
    """What the record says of a booking."""

    booking_id: str
    photo_at: int | None
    versions: list[VersionRow]
    positions: list[PositionRow]
    nearest_m: int | None
    there_from_at: int | None
    there_until_at: int | None
    weighings: list[WeighingRow]
