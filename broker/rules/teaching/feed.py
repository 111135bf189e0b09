"""What was taught as a plan with one route and one run, which the bridge takes as it is and a person edits.

Each stop is a room, of an estate of its own until somebody says whose it is; their names are numbers until they have
better ones. The run's times are those of the drive, or as long after another begin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from broker.plan.model import Estate, Plan, PlannedVisit, Room, Route, RunPlan, Service
from broker.rules.teaching.route import Taught

LAST_DAY = "20991231"
EVERY_DAY = (True, True, True, True, True, True, True)
DECIMALS = 6  # of degrees: a tenth of a metre


@dataclass(frozen=True, slots=True)
class Naming:
    """What the drive does not say: ids, names, the kind of waste; the last two give a number's name."""

    area_id: str
    area_name: str
    timezone: str
    route_id: str
    route_name: str
    waste: str
    truck_id: str
    room: Callable[[int], str]
    estate: Callable[[int], str]


def plan_of(
    route: Taught, naming: Naming, day: date, day_start_at: int, known: Mapping[int, tuple[Room, Estate]] | None = None
) -> Plan:
    """The plan; `day_start_at` is the moment from which the times of the drive's day count.

    Stops that are `known`, by their number from 0, are those rooms.
    """
    rooms: dict[str, Room] = {}
    estates: dict[str, Estate] = {}
    ids = []
    for number, (lat, lon) in enumerate(route.stops, start=1):
        if known and number - 1 in known:
            room, estate = known[number - 1]
            wastes = (*room.wastes, *({naming.waste} - {*room.wastes}))
            rooms[room.room_id], estates[estate.estate_id] = replace(room, wastes=wastes), estate
            ids.append(room.room_id)
            continue
        room_id, estate_id = f"{naming.route_id}-r{number:02d}", f"{naming.route_id}-e{number:02d}"
        estates[estate_id] = Estate(estate_id, naming.estate(number))
        rooms[room_id] = Room(room_id, naming.room(number), round(lat, DECIMALS), round(lon, DECIMALS), estate_id,
                              (naming.waste,))  # fmt: skip
        ids.append(room_id)
    visits = tuple(
        PlannedVisit(ids[one.stop or 0], sequence, round(one.halt.since) - day_start_at,
                     round(one.halt.until) - day_start_at, one.along_m or 0.0)
        for sequence, one in enumerate(route.visits, start=1)
    )  # fmt: skip
    line = tuple((round(lat, DECIMALS), round(lon, DECIMALS)) for lat, lon in route.line)
    run = RunPlan(f"{naming.route_id}-1", naming.route_id, naming.truck_id, "daily", visits)
    return Plan(
        naming.area_id, naming.area_name, naming.timezone, estates, rooms,
        {naming.route_id: Route(naming.route_id, naming.route_name, naming.waste, line)},
        {"daily": Service("daily", EVERY_DAY, f"{day:%Y%m%d}", LAST_DAY)}, {run.trip_id: run},
    )  # fmt: skip
