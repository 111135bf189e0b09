"""stops.txt as bin rooms: where they are, whose they are, which wastes they take."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from broker.plan.geometry import distance_m
from broker.plan.gtfs.parts import Feed, first_of_its_id
from broker.plan.gtfs.row import Row
from broker.plan.model import Estate, Room
from firmware.wire import WASTES

MAX_FROM_MIDDLE_M = 100_000.0  # from the median of all stops; even a large city's area ends well before


@dataclass(frozen=True, slots=True)
class StopRow:
    """A room as its line has it; a part that was refused is None. `wastes` is None where the column is empty."""

    row: Row
    room_id: str
    name: str | None
    lat: float | None
    lon: float | None
    estate_id: str | None
    wastes: tuple[str, ...] | None

    def room(self, wastes: Collection[str]) -> Room:
        """The room; `wastes` are those of the routes that stop there, for a line that names none itself."""
        kinds = self.wastes if self.wastes is not None else tuple(waste for waste in WASTES if waste in wastes)
        return Room(self.room_id, self.name or "", self.lat or 0.0, self.lon or 0.0, self.estate_id or "", kinds)


def read_stops(feed: Feed, estates: Mapping[str, Estate]) -> dict[str, StopRow]:
    """The stops by id."""
    stops: dict[str, StopRow] = {}
    taken: dict[str, int] = {}
    for row in feed.rows("stops.txt"):
        room_id = first_of_its_id(row, "stop_id", taken)
        for column in ("stop_lat", "stop_lon"):
            if not row.get(column):
                row.refuse(f"{column} is empty")
        lat, lon = row.number("stop_lat", -90, 90), row.number("stop_lon", -180, 180)
        estate_id = row.get("estate_id")
        if not estate_id:
            row.refuse("estate_id is empty: a room without an estate has nobody who is told to clear its lane")
        elif row.id("estate_id"):
            feed.known(row, "estate_id", estates, "estates.txt")
        if room_id:
            stops[room_id] = StopRow(row, room_id, row.text("stop_name"), lat, lon, estate_id, _wastes(row))
    _refuse_far_stops(stops.values())
    return stops


def _wastes(row: Row) -> tuple[str, ...] | None:
    kinds = tuple(row.get("wastes").split())
    for kind in sorted(set(kinds)):
        if kind not in WASTES:
            row.refuse(f"wastes may name {' '.join(WASTES)}, got {kind!r}")
        if kinds.count(kind) > 1:
            row.refuse(f"wastes names {kind} more than once")
    return kinds or None


def _refuse_far_stops(stops: Iterable[StopRow]) -> None:
    placed = [(stop.row, stop.lat, stop.lon) for stop in stops if stop.lat is not None and stop.lon is not None]
    if not placed:
        return
    middle = median(lat for _, lat, _ in placed), median(lon for _, _, lon in placed)
    for row, lat, lon in placed:
        away_m = distance_m(lat, lon, *middle)
        if away_m > MAX_FROM_MIDDLE_M:
            swapped = abs(lon) <= 90 and distance_m(lon, lat, *middle) <= MAX_FROM_MIDDLE_M
            hint = "; latitude and longitude look swapped" if swapped else ""
            row.refuse(f"the stop lies {away_m / 1000:,.0f} km from the middle of the area{hint}")
