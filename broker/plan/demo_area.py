"""Our own demo area: an invented subdistrict of sixteen estates, 22 bin rooms, four trucks and six runs a day.

The streets are a grid of right angles near 31.19 N 121.44 E (WGS-84); nothing of it exists. A truck comes from
the transfer station in the west, passes its rooms, never turns on the spot, and goes back. Its timetable is
made of 18 km/h on the way and 60 s + 25 s per bin at a room.

    python3 -m broker.plan.demo_area FOLDER      writes it as a GTFS feed
"""

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.SERVER)

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

from broker.demo_estates import DEMO_ESTATES
from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, lengths_m
from broker.plan.model import BY_APPOINTMENT, Estate, Pile, Plan, PlannedVisit, Room, Route, RunPlan, Service, Vehicle

AREA_ID = "xh"
AREA_NAME = "香禾街道(演示) / Xianghe Subdistrict (demo)"
TIMEZONE = "Asia/Shanghai"

SPEED_MPS = 5.0
DWELL_BASE_S = 60
DWELL_PER_BIN_S = 25
END_OF_SHIFT_AFTER_S = 3600  # what a crew has left after its planned last room

_CENTRE_LAT, _CENTRE_LON = 31.19, 121.44
_AVENUES_M = (-1950, -1300, -650, 0, 650, 1300, 1950)  # x of the streets that run north-south
_STREETS_M = (-1170, -580, 0, 580, 1170)  # y of the streets that run east-west
_STATION_M = (-2500, 0)  # the transfer station's gate, west of the last avenue

# room: (estate, gate, x, y) in metres east and north of the centre; every gate opens on an east-west street
_ROOMS = {
    "r01": ("e01", "南门 / South Gate", -1720, 580),
    "r02": ("e01", "北门 / North Gate", -1530, 1170),
    "r03": ("e02", "南门 / South Gate", -990, 580),
    "r04": ("e02", "北门 / North Gate", -830, 1170),
    "r05": ("e03", "南门 / South Gate", -300, 580),
    "r06": ("e03", "北门 / North Gate", -400, 1170),
    "r07": ("e04", "南门 / South Gate", 350, 580),
    "r08": ("e05", "北门 / North Gate", 460, 1170),
    "r09": ("e06", "南门 / South Gate", 1070, 580),
    "r10": ("e07", "北门 / North Gate", 920, 1170),
    "r11": ("e08", "北门 / North Gate", -1570, 0),
    "r12": ("e08", "南门 / South Gate", -1680, -580),
    "r13": ("e09", "北门 / North Gate", -880, -580),
    "r14": ("e10", "南门 / South Gate", -1050, -1170),
    "r15": ("e11", "北门 / North Gate", 210, -580),
    "r16": ("e12", "南门 / South Gate", 380, -1170),
    "r17": ("e13", "北门 / North Gate", 990, 0),
    "r18": ("e13", "南门 / South Gate", 830, -580),
    "r19": ("e14", "北门 / North Gate", 1660, 0),
    "r20": ("e15", "南门 / South Gate", 1550, -580),
    "r21": ("e16", "南门 / South Gate", 1700, 580),
    "r22": ("e16", "北门 / North Gate", 1580, 1170),
}

# places for renovation waste: (estate, x, y, cubic metres), beside an east-west street as the gates are
_PILES = {
    "p01": ("e01", -1600, 580, 6), "p03": ("e03", -480, 580, 4), "p05": ("e05", 560, 1170, 4),
    "p08": ("e08", -1450, 0, 6), "p10": ("e10", -930, -1170, 4), "p13": ("e13", 1110, 0, 4),
    "p15": ("e15", 1430, -580, 6),
}  # fmt: skip

# bins that usually stand in a room: wet, dry, unit_wet, hazardous; 0 where the room does not take that kind
_BINS = {
    "r01": (11, 12, 6, 1), "r02": (12, 13, 0, 0), "r03": (10, 11, 5, 0), "r04": (12, 13, 0, 1), "r05": (11, 12, 7, 0),
    "r06": (13, 14, 0, 1), "r07": (11, 13, 6, 0), "r08": (12, 12, 0, 1), "r09": (10, 11, 0, 0), "r10": (11, 12, 5, 1),
    "r11": (12, 13, 7, 1), "r12": (11, 12, 0, 0), "r13": (10, 11, 6, 0), "r14": (12, 13, 0, 1), "r15": (11, 12, 5, 0),
    "r16": (13, 14, 0, 1), "r17": (11, 12, 0, 0), "r18": (12, 13, 7, 0), "r19": (10, 11, 6, 1), "r20": (11, 12, 0, 0),
    "r21": (10, 11, 5, 0), "r22": (11, 12, 0, 0),
}  # fmt: skip
_WASTES = ("residential_wet", "residential_dry", "unit_wet", "hazardous")

BINS = {
    (room_id, waste): count
    for room_id, counts in _BINS.items()
    for waste, count in zip(_WASTES, counts, strict=True)
    if count
}
"""How many bins of a waste kind usually stand in a room, by (room_id, waste)."""


@dataclass(frozen=True, slots=True)
class _Line:
    route_id: str
    name: str
    waste: str
    truck_id: str
    service_id: str
    leaves_station: str
    capacity_bins: int
    capacity_kg: int
    rooms: str


_LINES = (
    _Line("wet-north", "湿垃圾北线 / Wet waste, north", "residential_wet", "t01", "daily", "06:10", 190, 15000,
          "r01 r03 r05 r07 r09 r21 r22 r10 r08 r06 r04 r02"),
    _Line("wet-south", "湿垃圾南线 / Wet waste, south", "residential_wet", "t02", "daily", "06:20", 190, 15000,
          "r11 r17 r19 r20 r18 r15 r13 r12 r14 r16"),
    _Line("dry-west", "干垃圾西线 / Dry waste, west", "residential_dry", "t03", "daily", "07:00", 200, 10000,
          "r12 r13 r14 r11 r01 r03 r05 r06 r04 r02"),
    _Line("dry-east", "干垃圾东线 / Dry waste, east", "residential_dry", "t04", "daily", "07:05", 200, 10000,
          "r07 r09 r21 r22 r10 r08 r17 r19 r20 r18 r15 r16"),
    _Line("unit-wet", "单位湿垃圾 / Kitchens and canteens", "unit_wet", "t02", "daily", "09:40", 80, 8000,
          "r01 r03 r05 r07 r21 r10 r19 r18 r15 r13 r11"),
    _Line("hazardous", "有害垃圾 / Hazardous waste", "hazardous", "t04", "twice-a-week", "13:00", 40, 1500,
          "r01 r04 r06 r08 r10 r19 r16 r14 r11"),
)  # fmt: skip

_SERVICES = (
    Service("daily", (True,) * 7, "20260101", "20991231"),
    Service("twice-a-week", (False, False, True, False, False, True, False), "20260101", "20991231"),
)

# all vehicles: the area's four and the contractor's three, which come when they are called
_VEHICLES = (
    Vehicle("t01", ("residential_wet",), 190, 15_000_000),
    Vehicle("t02", ("residential_wet", "unit_wet"), 190, 15_000_000),
    Vehicle("t03", ("residential_dry",), 200, 10_000_000),
    Vehicle("t04", ("residential_dry", "hazardous"), 200, 10_000_000),
    Vehicle("t97", ("renovation",), None, 9_000_000, 9_000, 6 * 3600, 20 * 3600),
    Vehicle("t98", ("residential_dry", "renovation"), 120, 8_000_000, 12_000, 5 * 3600, 22 * 3600, "lvzhou"),
    Vehicle("t99", ("residential_wet", "unit_wet", "residential_dry"), 200, 12_000_000, 14_000, contractor="qingyun"),
)


def demo_plan() -> Plan:
    """The demo area's plan; the same at every call."""
    routes, runs = {}, {}
    for line in _LINES:
        corners, at_corner = _drive(line.rooms.split())
        points = tuple(_lat_lon(corner) for corner in corners)
        along_m = lengths_m(points)
        routes[line.route_id] = Route(line.route_id, line.name, line.waste, points)
        runs[f"{line.route_id}-1"] = _run(line, {room_id: along_m[i] for room_id, i in at_corner.items()})
    return Plan(
        area_id=AREA_ID,
        name=AREA_NAME,
        timezone=TIMEZONE,
        estates={estate_id: Estate(estate_id, name) for estate_id, name in DEMO_ESTATES.items()},
        rooms={room_id: _room(room_id) for room_id in _ROOMS},
        routes=routes,
        services={service.service_id: service for service in _SERVICES},
        runs=runs,
        vehicles={vehicle.truck_id: vehicle for vehicle in _VEHICLES},
        transfer_station=_lat_lon(_STATION_M),
        piles={pile_id: _pile(pile_id) for pile_id in _PILES},
    )


def _room(room_id: str) -> Room:
    estate_id, gate, x, y = _ROOMS[room_id]
    name = " / ".join(
        " ".join(words) for words in zip(DEMO_ESTATES[estate_id].split(" / "), gate.split(" / "), strict=True)
    )
    lat, lon = _lat_lon((x, y))
    return Room(room_id, name, lat, lon, estate_id, tuple(w for w in _WASTES if (room_id, w) in BINS))


def _pile(pile_id: str) -> Pile:
    estate_id, x, y, cubic_m = _PILES[pile_id]
    names = zip(DEMO_ESTATES[estate_id].split(" / "), ("装修垃圾堆点", "renovation waste"), strict=True)
    lat, lon = _lat_lon((x, y))
    return Pile(pile_id, " / ".join(" ".join(words) for words in names), lat, lon, estate_id, cubic_m * 1000)


def _lat_lon(point: tuple[int, int]) -> tuple[float, float]:
    x, y = point
    lat = _CENTRE_LAT + y / METRES_PER_DEGREE_LAT
    lon = _CENTRE_LON + x / (METRES_PER_DEGREE_LON * math.cos(math.radians(_CENTRE_LAT)))
    return round(lat, 6), round(lon, 6)


def _drive(room_ids: list[str]) -> tuple[list[tuple[int, int]], dict[str, int]]:
    """The corners of the way station - rooms - station, and which of them each room is."""
    points = [_STATION_M, (_AVENUES_M[0], _STATION_M[1])]
    x, y = points[-1]
    heading = 0  # +1 eastward, -1 westward, 0 free to choose
    stops = [(room_id, _ROOMS[room_id][2:]) for room_id in room_ids]
    at_point = {}
    for room_id, (to_x, to_y) in stops:
        points += _leg((x, y), (to_x, to_y), heading)
        heading = 1 if to_x > points[-2][0] else -1
        x, y = to_x, to_y
        at_point[room_id] = len(points) - 1
    points += _leg((x, y), (_AVENUES_M[0], _STATION_M[1]), heading)
    points.append(_STATION_M)
    return points, at_point


def _leg(a: tuple[int, int], b: tuple[int, int], heading: int) -> list[tuple[int, int]]:
    """The corners from `a` to `b` (without `a`), by streets; an order that would turn on the spot is a ValueError."""
    if a[1] == b[1]:
        if (b[0] - a[0]) * heading < 0:
            raise ValueError(f"the way from {a} to {b} turns on the spot: choose another order of rooms")
        return [b]
    ahead = [x for x in _AVENUES_M if (x - a[0]) * heading >= 0]
    corner = min(ahead, key=lambda x: (abs(x - a[0]) + abs(b[0] - x), abs(x - a[0])))
    return list(dict.fromkeys(p for p in ((corner, a[1]), (corner, b[1]), b) if p != a))


def _run(line: _Line, at_room: dict[str, float]) -> RunPlan:
    hours, minutes = line.leaves_station.split(":")
    clock_s = float(int(hours) * 3600 + int(minutes) * 60)
    along_m = 0.0
    visits = []
    for sequence, (room_id, distance_m) in enumerate(at_room.items(), start=1):
        clock_s += (distance_m - along_m) / SPEED_MPS
        along_m = distance_m
        arrive_s = round(clock_s)
        clock_s = arrive_s + DWELL_BASE_S + DWELL_PER_BIN_S * BINS[room_id, line.waste]
        visits.append(PlannedVisit(room_id, sequence, arrive_s, int(clock_s), distance_m, line.waste in BY_APPOINTMENT))
    return RunPlan(
        trip_id=f"{line.route_id}-1",
        route_id=line.route_id,
        truck_id=line.truck_id,
        service_id=line.service_id,
        visits=tuple(visits),
        capacity_bins=line.capacity_bins,
        capacity_grams=line.capacity_kg * 1000,
        shift_end_day_s=visits[-1].leave_day_s + END_OF_SHIFT_AFTER_S,
    )


def main(arguments: list[str]) -> int:
    """Write the demo area as a GTFS feed into the folder or .zip named by the only argument."""
    from broker.plan.gtfs.feed import write_gtfs

    top = argparse.ArgumentParser("python3 -m broker.plan.demo_area", description="The demo area as GTFS.")
    top.add_argument("place", type=Path, metavar="FOLDER", help="where it is written; a zip file if it ends in .zip")
    place = top.parse_args(arguments).place
    write_gtfs(demo_plan(), place)
    print(f"wrote the demo area to {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
