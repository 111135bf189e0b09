"""piles.txt: the places for renovation waste 装修垃圾 of the estates, to which a truck comes that was booked."""

from collections.abc import Mapping
from decimal import Decimal

from broker.plan.gtfs.tables.parts import Feed, first_of_its_id
from broker.plan.gtfs.tables.row import Row
from broker.plan.gtfs.tables.stops import StopRow, refuse_far_places
from broker.plan.gtfs.tables.vehicles import VehicleRow
from broker.plan.model import RENOVATION, Estate, Pile

SMALLEST_M3, LARGEST_M3 = 0.25, 1_000


def read_piles(
    feed: Feed, estates: Mapping[str, Estate], stops: Mapping[str, StopRow], vehicles: Mapping[str, VehicleRow]
) -> dict[str, Pile]:
    """The piles by id; none where the optional file is not there."""
    piles: dict[str, Pile] = {}
    taken: dict[str, int] = {}
    placed: list[tuple[Row, float, float]] = []
    for row in feed.rows("piles.txt"):
        pile_id, name = first_of_its_id(row, "pile_id", taken), row.text("pile_name")
        for column in ("pile_lat", "pile_lon"):
            row.stated(column)
        lat, lon = row.number("pile_lat", -90, 90), row.number("pile_lon", -180, 180)
        row.stated("capacity_m3", ": how much may lie there")
        cubic_m = row.decimal("capacity_m3", SMALLEST_M3, LARGEST_M3)
        if row.stated("estate_id", ": a pile without an estate has nobody who books it") and row.id("estate_id"):
            feed.known(row, "estate_id", estates, "estates.txt", "stops.txt")
        if lat is not None and lon is not None:
            placed.append((row, lat, lon))
        if pile_id in stops:
            row.refuse(f"pile_id {pile_id!r} is a stop of stops.txt: one id is one place")
        elif pile_id in vehicles:
            row.refuse(f"pile_id {pile_id!r} is a truck of vehicles.txt: give it an id of its own")
        elif pile_id:
            piles[pile_id] = Pile(pile_id, name or "", lat or 0.0, lon or 0.0, row.get("estate_id"), _litres(cubic_m))
    refuse_far_places(placed, stops, "pile")
    if piles and not any(RENOVATION in known.vehicle.wastes for known in vehicles.values()):
        feed.leave_out("piles.txt", sorted(piles), f"no truck of vehicles.txt loads {RENOVATION}: nobody can be booked")
    return piles


def _litres(cubic_m: Decimal | None) -> int:
    return 0 if cubic_m is None else int(cubic_m * 1000)
