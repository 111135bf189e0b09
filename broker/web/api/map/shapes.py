"""What the map draws of the plan, for everybody or for a share of it: lines with few points, places, estates."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from broker.people.roles import Reach
from broker.plan.geometry import lengths_m
from broker.plan.model import EstateKind, Plan, Room
from broker.plan.outline import simplified, ways

DIGITS = 5  # of a degree: about a metre
Spot = Annotated[list[float], Field(min_length=2, max_length=2)]  # latitude, longitude


class MapLine(BaseModel):
    """One way that is driven: its route's, or that of some `trips` which drive another."""

    route: str
    name: str
    waste: str
    trips: list[str]
    length_m: float
    points: list[Spot] = Field(description="latitude and longitude (WGS-84), to about three metres")


class MapPlace(BaseModel):
    """A room, or a place for renovation waste."""

    place: str
    kind: Literal["room", "pile"]
    name: str
    estate: str
    lat: float
    lon: float


class MapEstate(BaseModel):
    """An estate, or a business."""

    estate: str
    name: str
    kind: EstateKind


class PlanMap(BaseModel):
    """The ground of the map."""

    area: str
    name: str
    lines: list[MapLine]
    places: list[MapPlace]
    estates: list[MapEstate]
    transfer_station: Spot | None
    ground: bool = Field(description="whether /api/v1/plan/ground is open to who asks")
    basemap: str | None = Field(description="the licence line of /api/v1/plan/basemap.pmtiles, where there is one")


def map_of(plan: Plan, reach: Reach, *, ground: bool, basemap: str | None) -> PlanMap:
    """The map for a reach. Streets are in the plan that everybody may read; a place is shown to whose it is, and to
    the truck that calls there."""
    called = {
        visit.room_id for run in plan.runs.values() if run.truck_id in reach.trucks for visit in run.visits
    }  # fmt: skip
    rooms = [("room", room) for room in plan.rooms.values()]
    piles = [("pile", pile.place) for pile in plan.piles.values()]
    places = [
        _place(kind, place) for kind, place in (*rooms, *piles)
        if reach.holds(estate=place.estate_id) or place.room_id in called
    ]  # fmt: skip
    shown = {place.estate for place in places}
    station = list(plan.transfer_station) if plan.transfer_station else None
    seen = reach.everything or bool(reach.estates or reach.trucks or reach.contractors)
    return PlanMap(
        area=plan.area_id, name=plan.name, lines=_lines(plan) if seen else [], places=places,
        estates=[
            MapEstate(estate=one.estate_id, name=one.name, kind=one.kind)
            for one in plan.estates.values() if one.estate_id in shown
        ],
        transfer_station=station if seen else None, ground=ground, basemap=basemap,
    )  # fmt: skip


def _lines(plan: Plan) -> list[MapLine]:
    return [
        MapLine(
            route=route_id, name=plan.routes[route_id].name, waste=plan.routes[route_id].waste, trips=list(trips),
            length_m=round(lengths_m(line)[-1]),
            points=[[round(lat, DIGITS), round(lon, DIGITS)] for lat, lon in simplified(line)],
        )
        for (route_id, line), trips in ways(plan).items()
    ]  # fmt: skip


def _place(kind: str, place: Room) -> MapPlace:
    return MapPlace.model_validate(
        {
            "place": place.room_id, "kind": kind, "name": place.name, "estate": place.estate_id,
            "lat": round(place.lat, DIGITS), "lon": round(place.lon, DIGITS),
        }
    )  # fmt: skip
