"""What the area intends: estates, rooms, routes and runs, as read from its GTFS feed (DESIGN section 6).

Everything here is immutable and free of clocks and files. Times of a plan are `*_day_s`: seconds after the
start of the service day (noon minus 12 h in the area's time zone, as GTFS counts), so they may pass 86,400.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

BY_APPOINTMENT = ("hazardous",)
"""The kinds of waste for which a truck comes when it was announced, whatever a feed's pickup_type says."""

RENOVATION = "renovation"  # the kind of waste that is fetched from piles when a truck is booked
EstateKind = Literal["residential", "business"]


@dataclass(frozen=True, slots=True)
class Estate:
    """One estate 小区, or one business 单位: who is told to clear a lane."""

    estate_id: str
    name: str
    kind: EstateKind = "residential"


@dataclass(frozen=True, slots=True)
class Room:
    """One bin room 箱房: where bins and a lamp are; `wastes` are the kinds its unit serves."""

    room_id: str
    name: str
    lat: float
    lon: float
    estate_id: str
    wastes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pile:
    """One place for renovation waste 装修垃圾 of an estate: where a truck comes that was booked."""

    pile_id: str
    name: str
    lat: float
    lon: float
    estate_id: str
    capacity_litres: int

    @property
    def place(self) -> Room:
        """The pile as a place at which a truck calls; it has no unit and no lamp."""
        return Room(self.pile_id, self.name, self.lat, self.lon, self.estate_id, (RENOVATION,))


@dataclass(frozen=True, slots=True)
class Route:
    """One line 线路 for one waste kind; `line` is its shape as (lat, lon) points, WGS-84, in driving order.

    A run that drives another way (back, or round a school) has a line of its own: ask `Plan.route_of`.
    """

    route_id: str
    name: str
    waste: str
    line: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """One stop of a run: `distance_m` is where the room lies along the run's line.

    `by_appointment`: the truck comes for what was announced and weighs it (hazardous waste always); kilograms count,
    not bins, and no lamp is lit by timetable.
    """

    room_id: str
    sequence: int
    arrive_day_s: int
    leave_day_s: int
    distance_m: float
    by_appointment: bool = False


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run 班次 (GTFS trip) as planned for every service day of `service_id`; None = no limit stated.

    `line` is empty where the run drives its route's.
    """

    trip_id: str
    route_id: str
    truck_id: str
    service_id: str
    visits: tuple[PlannedVisit, ...]
    capacity_bins: int | None = None
    capacity_grams: int | None = None
    shift_end_day_s: int | None = None
    line: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One registered vehicle, the area's or the contractor's; None = no limit stated.

    `wastes` are the kinds it may load. It can be asked for between its two times of a service day, if it has them, of
    the `contractor` whose it is. `yard` is where it stands when nobody has heard it: (lat, lon).
    """

    truck_id: str
    wastes: tuple[str, ...]
    capacity_bins: int | None = None
    capacity_grams: int | None = None
    capacity_litres: int | None = None
    on_call_from_day_s: int | None = None
    on_call_until_day_s: int | None = None
    contractor: str | None = None
    yard: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """On which days runs operate: `weekdays` has seven flags from Monday; dates are YYYYMMDD."""

    service_id: str
    weekdays: tuple[bool, bool, bool, bool, bool, bool, bool]
    start_date: str
    end_date: str
    added_dates: frozenset[str] = frozenset()
    removed_dates: frozenset[str] = frozenset()


ON_CALL = Route(".on-call", "", RENOVATION, ())
"""The route of a truck that was booked: it has no line, and a name that no feed can have."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole area; the mappings are by id. `places` are the rooms and the piles: wherever a truck calls."""

    area_id: str
    name: str
    timezone: str
    estates: Mapping[str, Estate]
    rooms: Mapping[str, Room]
    routes: Mapping[str, Route]
    services: Mapping[str, Service]
    runs: Mapping[str, RunPlan] = field(default_factory=dict)
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    transfer_station: tuple[float, float] | None = None  # where full trucks are emptied: (lat, lon); None: nobody said
    piles: Mapping[str, Pile] = field(default_factory=dict)
    places: Mapping[str, Room] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """The places follow from rooms and piles."""
        piles = {pile_id: pile.place for pile_id, pile in self.piles.items()}
        object.__setattr__(self, "places", {**self.rooms, **piles})

    def route(self, route_id: str) -> Route | None:
        """A route of the timetable, or that of the trucks on call."""
        return ON_CALL if route_id == ON_CALL.route_id else self.routes.get(route_id)

    def trucks_on_call(self) -> tuple[Vehicle, ...]:
        """The vehicles that can be booked for renovation waste: those that load it and drive by no timetable."""
        timed = {run.truck_id for run in self.runs.values()}
        return tuple(one for one in self.vehicles.values() if RENOVATION in one.wastes and one.truck_id not in timed)

    def names(self) -> dict[str, str]:
        """What people call the area, its routes, its estates and its rooms, by id."""
        routes = {route_id: route.name for route_id, route in self.routes.items()}
        estates = {estate_id: estate.name for estate_id, estate in self.estates.items()}
        rooms = {place: room.name for place, room in self.places.items()}
        return {**routes, self.area_id: self.name, **estates, **rooms}

    def route_of(self, run: RunPlan) -> Route:
        """The route of a run, with the line that this run drives."""
        route = self.routes[run.route_id]
        return replace(route, line=run.line) if run.line else route

    def trucks(self) -> tuple[str, ...]:
        """The ids of all registered trucks, sorted: those that any run names, and the vehicles."""
        return tuple(sorted({run.truck_id for run in self.runs.values()} | set(self.vehicles)))
