"""stops.txt as bin rooms: where they are, whose they are, which wastes they take.

A stop at which nothing is collected (a station, an entrance, a place that trips only pass) is no room.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from broker.plan.geometry import Point, distance_m
from broker.plan.gtfs.tables.files import quoted
from broker.plan.gtfs.tables.parts import Feed, first_of_its_id
from broker.plan.gtfs.tables.row import Row
from broker.plan.model import Estate, Room
from firmware.wire import WASTES

MAX_FROM_MIDDLE_M = 100_000.0  # from the median of all stops; even a large city's area ends well before
_KINDS = ("", "station", "entrance", "node", "boarding area")  # of location_type; 0 is a place where trucks stop


@dataclass(frozen=True, slots=True)
class StopRow:
    """A room, or a place that trips only pass, as its line has it; a part that was refused is None.

    `wastes` is None where the column is empty; `kind` is what it is instead of a place to stop, if it is none.
    """

    row: Row
    room_id: str
    name: str | None
    lat: float | None
    lon: float | None
    estate_id: str | None
    wastes: tuple[str, ...] | None
    kind: str = ""

    @property
    def point(self) -> Point | None:
        """Where it is, if that is known."""
        return None if self.lat is None or self.lon is None else (self.lat, self.lon)

    @property
    def is_room(self) -> bool:
        """Whether there is an estate to be told of its truck."""
        return not self.kind and self.estate_id is not None

    def room(self, wastes: Collection[str]) -> Room:
        """The room; `wastes` are those of the routes that stop there, for a line that names none itself."""
        kinds = self.wastes if self.wastes is not None else tuple(waste for waste in WASTES if waste in wastes)
        return Room(self.room_id, self.name or "", self.lat or 0.0, self.lon or 0.0, self.estate_id or "", kinds)


def read_stops(feed: Feed, estates: Mapping[str, Estate]) -> dict[str, StopRow]:
    """The stops by id, stations and their like too."""
    stops: dict[str, StopRow] = {}
    taken: dict[str, int] = {}
    passed, named = _only_passed(feed), feed.tables["stop_times.txt"]
    unserved = list[str]()
    for row in feed.rows("stops.txt"):
        room_id = first_of_its_id(row, "stop_id", taken)
        kind = _KINDS[row.whole("location_type", 0, len(_KINDS) - 1) or 0]
        if row.get("parent_station"):
            feed.known(row, "parent_station", (), "stops.txt", there="stop_id")
        name = row.text("stop_name") if not kind else row.get("stop_name")
        if not kind:
            row.stated("stop_lat")
            row.stated("stop_lon")
        lat, lon = row.number("stop_lat", -90, 90), row.number("stop_lon", -180, 180)
        estate_id = row.get("estate_id") or None
        served = kind or room_id is None or named.may_name("stop_id", room_id)
        if not served and estate_id is not None:
            unserved.append(row.get("stop_id"))
        if estate_id is None and not kind and room_id not in passed:
            or_out = "" if served else "; no trip stops there, so its line may be left out"
            row.stated("estate_id", f": a room without an estate has nobody who is told to clear its lane{or_out}")
        elif estate_id is not None and row.id("estate_id"):
            feed.known(row, "estate_id", estates, "estates.txt")
        if room_id:
            stops[room_id] = StopRow(row, room_id, name, lat, lon, estate_id, kinds_of(row), kind)
    feed.leave_out("stops.txt", unserved, "no trip stops there; it stays a room to which nobody comes")
    placed = [(stop.row, *stop.point) for stop in stops.values() if not stop.kind and stop.point is not None]
    refuse_far_places(placed, stops)
    return stops


def _only_passed(feed: Feed) -> frozenset[str]:
    """The stops that trips name, and where no trip collects anything."""
    table = feed.tables["stop_times.txt"]
    named, at = frozenset(table.values("stop_id")), table.index.get("pickup_type")
    if at is None or "stop_id" not in table.index:
        return frozenset()
    stop_at = table.index["stop_id"]
    return named - {cells[stop_at] for _, cells in table.rows if cells[at] != "1"}


def kinds_of(row: Row) -> tuple[str, ...] | None:
    """The kinds of waste in the column `wastes`, by spaces; None if it is empty."""
    kinds = tuple(row.get("wastes").split())
    for kind in sorted(set(kinds)):
        if kind not in WASTES:
            row.refuse(f"wastes may name {' '.join(WASTES)}, got {quoted(kind)}")
        if kinds.count(kind) > 1:
            row.refuse(f"wastes names {quoted(kind)[1:-1]} more than once")
    return kinds or None


def read_transfer_station(feed: Feed, stops: Mapping[str, StopRow]) -> tuple[float, float] | None:
    """Where full trucks are emptied, if the agency says so: (lat, lon)."""
    for row in feed.rows("agency.txt")[:1]:
        lat, lon = row.number("transfer_station_lat", -90, 90), row.number("transfer_station_lon", -180, 180)
        if lat is not None and lon is not None:
            refuse_far_places([(row, lat, lon)], stops, "transfer station")
            return lat, lon
        if bool(row.get("transfer_station_lat")) != bool(row.get("transfer_station_lon")):
            row.refuse("a transfer station needs transfer_station_lat and transfer_station_lon")
    return None


def refuse_far_places(
    placed: Sequence[tuple[Row, float, float]], stops: Mapping[str, StopRow], what: str = "stop"
) -> None:
    """Refuse each place that lies far from the middle of the area's stops."""
    area = [stop.point for stop in stops.values() if stop.point is not None and not stop.kind]
    if not area:
        return
    middle = median(lat for lat, _ in area), median(lon for _, lon in area)
    for row, lat, lon in placed:
        away_m = distance_m(lat, lon, *middle)
        if away_m > MAX_FROM_MIDDLE_M:
            swapped = abs(lon) <= 90 and distance_m(lon, lat, *middle) <= MAX_FROM_MIDDLE_M
            hint = "; latitude and longitude look swapped" if swapped else ""
            row.refuse(f"the {what} lies {away_m / 1000:,.0f} km from the middle of the area{hint}")
