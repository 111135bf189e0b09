"""An area of any size that looks alike everywhere: streets of ten rooms, each driven by four trucks.

Two trucks of a street collect wet waste one after the other, one dry waste, one that of the businesses. Whoever makes
the area larger adds streets and changes nothing about one of them, so what a message costs may be compared.
"""

import datetime as dt

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point
from broker.plan.model import Estate, Plan, PlannedVisit, Room, Route, RunPlan, Service

DAY = dt.date(2026, 11, 23)  # a Monday
BEGINS_S = 7 * 3600 + 300  # of the day: when the first trucks set out
ROOMS, TRUCKS = 10, 4  # of a street
WASTES = ("residential_wet", "residential_dry", "unit_wet", "residential_wet")  # of its trucks
APART_S = 20  # between the starts of a street's trucks
WAVES, WAVE_S = 2, 30  # so many streets begin one after the other, the next one with the first again
SPEED_MPS, STAY_S = 5.0, 60
FIRST_M, ROOM_M, POINT_M = 300.0, 250.0, 200.0
LENGTH_M = FIRST_M + ROOMS * ROOM_M
_LAT, _LON = 31.10, 121.20
_ACROSS = 20  # streets in a row
_STREET_M = 150.0
_EAST = METRES_PER_DEGREE_LON * 0.8563  # cos(31.1 degrees)


def area_plan(trucks: int) -> Plan:
    """So many trucks, and ten rooms for each four of them; a number that is no whole street is made up to one."""
    streets = range(-(-trucks // TRUCKS))
    rooms = [room for street in streets for room in _rooms(street)]
    runs = [_run(street, number) for street in streets for number in range(TRUCKS)]
    service = Service("daily", (True,) * 7, "20260101", "20271231")
    return Plan(
        area_id="xh", name="测试街道 / Test subdistrict", timezone="Asia/Shanghai",
        estates={_estate(street): Estate(_estate(street), f"{street}号街 / Street {street}") for street in streets},
        rooms={room.room_id: room for room in rooms},
        routes={run.route_id: _route(run.route_id, street, WASTES[number])
                for street in streets for number, run in enumerate(runs[street * TRUCKS : (street + 1) * TRUCKS])},
        services={service.service_id: service},
        runs={run.trip_id: run for run in runs},
    )  # fmt: skip


def _estate(street: int) -> str:
    return f"e{street:04d}"


def place(street: int, along_m: float) -> Point:
    """A place of a street: it leads east, the next one lies north of it."""
    east_m = (street % _ACROSS) * (LENGTH_M + 400.0) + along_m
    north_m = (street // _ACROSS) * _STREET_M
    return round(_LAT + north_m / METRES_PER_DEGREE_LAT, 6), round(_LON + east_m / _EAST, 6)


def room_at_m(number: int) -> float:
    """How far along its street a room lies."""
    return FIRST_M + number * ROOM_M


def _rooms(street: int) -> list[Room]:
    wastes = tuple(dict.fromkeys(WASTES))
    return [
        Room(f"r{street:04d}{number}", f"{street}号街{number}箱房 / Street {street} room {number}",
             *place(street, room_at_m(number)), _estate(street), wastes)
        for number in range(ROOMS)
    ]  # fmt: skip


def _route(route_id: str, street: int, waste: str) -> Route:
    points = round(LENGTH_M / POINT_M) + 1
    line = tuple(place(street, index * POINT_M) for index in range(points))
    return Route(route_id, f"{street}号街{route_id[-1]}线 / Street {street} line {route_id[-1]}", waste, line)


def starts_day_s(street: int, number: int) -> int:
    """When a truck sets out at its street's beginning, in seconds of the day."""
    return BEGINS_S + APART_S * number + WAVE_S * (street % WAVES)


def _run(street: int, number: int) -> RunPlan:
    at_s = float(starts_day_s(street, number))
    visits: list[PlannedVisit] = []
    for index in range(ROOMS):
        at_s += (room_at_m(index) - (visits[-1].distance_m if visits else 0.0)) / SPEED_MPS
        visits.append(PlannedVisit(f"r{street:04d}{index}", index + 1, round(at_s), round(at_s) + STAY_S,
                                   room_at_m(index)))  # fmt: skip
        at_s += STAY_S
    name = f"{street:04d}{number}"
    return RunPlan(f"run{name}", f"l{name}", f"t{name}", "daily", tuple(visits), 200, 9_000_000,
                   visits[-1].leave_day_s + 3600)  # fmt: skip
