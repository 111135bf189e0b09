"""Areas for the cells of a simulated city, made and not drawn: streets from west to east, each with a truck of its own.

Two trucks share a street, one for each waste kind of it. All areas name their trucks and rooms alike, as areas do that
know nothing of each other. Nothing of it exists.
"""

import math
from collections.abc import Mapping

from broker.demo_estates import DEMO_ESTATES
from broker.plan.demo_area import DWELL_BASE_S, DWELL_PER_BIN_S, SPEED_MPS, TIMEZONE
from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON
from broker.plan.model import Estate, Plan, PlannedVisit, Room, Route, RunPlan, Service, Vehicle

MOST_CELLS, MOST_TRUCKS = 40, 400  # of a city, of a cell
ROOMS_OF_STREET = 4
FIRST_ROOM_M, ROOM_EVERY_M, STREET_EVERY_M = 450, 220, 350
AREA_EVERY_M = 9_000
CENTRE_LAT, CENTRE_LON = 31.05, 121.20
LEAVES_DAY_S = 6 * 3600  # the first truck; each further one a little later
APART_S = 60
TIMES, EVERY_S = 24, 2400  # of a day: so often does each truck go its way
BINS = 2
CAPACITY_BINS, CAPACITY_GRAMS = 240, 15_000_000
WASTES = ("residential_wet", "residential_dry")
NAMES = (
    ("青禾", "Qinghe"), ("临溪", "Linxi"), ("桂湾", "Guiwan"), ("长汀", "Changting"), ("云栖", "Yunqi"),
    ("南塘", "Nantang"), ("望江", "Wangjiang"), ("松泉", "Songquan"), ("石桥", "Shiqiao"), ("荷浦", "Hepu"),
    ("柳岸", "Liu'an"), ("东篱", "Dongli"), ("金沙", "Jinsha"), ("百合", "Baihe"), ("凤鸣", "Fengming"),
    ("清源", "Qingyuan"), ("竹里", "Zhuli"), ("梅川", "Meichuan"), ("乐安", "Le'an"), ("新泾", "Xinjing"),
)  # fmt: skip
GATES = (("南门", "South Gate"), ("北门", "North Gate"), ("东门", "East Gate"), ("西门", "West Gate"))


def area_id(number: int) -> str:
    """The id of the area with this number, from 1."""
    return f"c{number:02d}"


def area_name(number: int) -> str:
    """Its made-up name in both languages; a number tells those apart that share one."""
    again, place = divmod(number - 1, len(NAMES))
    zh, en = NAMES[place]
    more = f"{again + 1}" if again else ""
    return f"{zh}{more}街道 / {' '.join(part for part in (en, more) if part)} Subdistrict"


def area_plan(number: int, trucks: int) -> Plan:
    """The plan of the area with this number and so many trucks; the same at every call."""
    streets = range(-(-trucks // len(WASTES)))
    wastes = {street: WASTES[: trucks - len(WASTES) * street] for street in streets}
    rooms = {room.room_id: room for street in streets for room in _rooms(number, street, wastes[street])}
    routes, runs = {}, {}
    for place in range(trucks):
        street, kind = divmod(place, len(WASTES))
        route = Route(f"line-{place + 1:02d}", _route_name(street, WASTES[kind]), WASTES[kind], _line(number, street))
        routes[route.route_id] = route
        for time in range(TIMES):
            run = _run(route, street, place, time)
            runs[run.trip_id] = run
    return Plan(
        area_id=area_id(number),
        name=area_name(number),
        timezone=TIMEZONE,
        estates=dict(_estate(street) for street in streets),
        rooms=rooms,
        routes=routes,
        services={"daily": Service("daily", (True,) * 7, "20260101", "20991231")},
        runs=runs,
        vehicles={_truck(place): _vehicle(place) for place in range(trucks)},
        transfer_station=_lat_lon(number, -600, 0),
    )


def bins_of(plan: Plan) -> Mapping[tuple[str, str], int]:
    """How many bins stand in each room of such an area in the morning, by (room, waste)."""
    return {(room.room_id, waste): BINS for room in plan.rooms.values() for waste in room.wastes}


def _truck(place: int) -> str:
    return f"t{place + 1:02d}"


def _vehicle(place: int) -> Vehicle:
    return Vehicle(_truck(place), (WASTES[place % len(WASTES)],), CAPACITY_BINS, CAPACITY_GRAMS)


def _estate(street: int) -> tuple[str, Estate]:
    again, place = divmod(street, len(DEMO_ESTATES))
    zh, en = list(DEMO_ESTATES.values())[place].split(" / ")
    more = f" {again + 1}" if again else ""
    return f"e{street + 1:02d}", Estate(f"e{street + 1:02d}", f"{zh}{more} / {en}{more}")


def _rooms(number: int, street: int, wastes: tuple[str, ...]) -> list[Room]:
    estate_id, estate = _estate(street)
    found = []
    for place in range(ROOMS_OF_STREET):
        name = " / ".join(
            f"{of_estate} {gate}" for of_estate, gate in zip(estate.name.split(" / "), GATES[place], strict=True)
        )
        lat, lon = _lat_lon(number, FIRST_ROOM_M + ROOM_EVERY_M * place, STREET_EVERY_M * street)
        found.append(Room(_room(street, place), name, lat, lon, estate_id, wastes))
    return found


def _room(street: int, place: int) -> str:
    return f"r{street * ROOMS_OF_STREET + place + 1:02d}"


def _route_name(street: int, waste: str) -> str:
    zh, en = {"residential_wet": ("湿垃圾", "wet"), "residential_dry": ("干垃圾", "dry")}[waste]
    return f"{street + 1}号路{zh} / Street {street + 1}, {en} waste"


def _line(number: int, street: int) -> tuple[tuple[float, float], ...]:
    end_m = FIRST_ROOM_M + ROOM_EVERY_M * ROOMS_OF_STREET
    y = STREET_EVERY_M * street
    corners = ((0, y), (end_m, y), (end_m, y + 120), (0, y + 120), (0, y))
    return tuple(_lat_lon(number, *corner) for corner in corners)


def _run(route: Route, street: int, place: int, time: int) -> RunPlan:
    clock_s = float(LEAVES_DAY_S + APART_S * place + EVERY_S * time)
    along_m, visits = 0, []
    for stop in range(ROOMS_OF_STREET):
        distance_m = FIRST_ROOM_M + ROOM_EVERY_M * stop
        clock_s += (distance_m - along_m) / SPEED_MPS
        along_m, arrive_s = distance_m, round(clock_s)
        clock_s = arrive_s + DWELL_BASE_S + DWELL_PER_BIN_S * BINS
        visits.append(PlannedVisit(_room(street, stop), stop + 1, arrive_s, int(clock_s), float(distance_m)))
    return RunPlan(
        f"{route.route_id}-{time + 1}", route.route_id, _truck(place), "daily", tuple(visits), CAPACITY_BINS,
        CAPACITY_GRAMS, int(clock_s) + 3600,
    )  # fmt: skip


def _lat_lon(number: int, x_m: int, y_m: int) -> tuple[float, float]:
    row, column = divmod(number - 1, 8)
    lat = CENTRE_LAT + (y_m + AREA_EVERY_M * row) / METRES_PER_DEGREE_LAT
    lon = CENTRE_LON + (x_m + AREA_EVERY_M * column) / (METRES_PER_DEGREE_LON * math.cos(math.radians(CENTRE_LAT)))
    return round(lat, 6), round(lon, 6)
