"""A small world of collecting trucks whose arrivals can be predicted only so well: noise as measured or guessed.

Four routes of 20 rooms, one run a day each, about 115 minutes, most of it at the rooms. Put in: half-hour traffic up
to +55 %, a day factor of 7 %, segment noise of 18 % that carries over, red lights, late starts (mean 3 min), stays of
(35..80 s) e^N(0,.25) + 24 s x bins x e^N(0,.12), 6 % missing keepers (mean 150 s more), a blocked lane on 1.2 % of
the segments (median 8 min), GPS 7 m off and drifting, gaps of 1 to 5 min, bin counts wrong by 0.8. If asked, a lane
that stays blocked on a share of the runs: its room is skipped and gets a second visit after the last room.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, exp, inf, log, pi, radians, sin
from random import Random

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON, Point, lengths_m, point_at
from broker.plan.model import Route
from tests.support.arrival.effects import Effects

WASTE = "residential_wet"
ROOMS = 20
DAY_S = 86_400
EPOCH = 1_790_006_400  # a midnight in Shanghai
UTC_OFFSET_S = 8 * 3600
STARTS_S = (5 * 3600 + 1800, 6 * 3600 + 2700, 13 * 3600, 17 * 3600)
PUBLISH_M = 50.0
PUBLISH_S = 60
LATENCY_S = 1


@dataclass(frozen=True, slots=True)
class WorldRoom:
    """A room as it truly is."""

    room_id: str
    along_m: float
    setup_s: float
    usual_bins: float


@dataclass(frozen=True, slots=True)
class WorldRoute:
    """A route as it truly is; `speeds_mps[k]` leads to room k, `lights[k]` are the red lights on the way."""

    route: Route
    cumulative: tuple[float, ...]
    rooms: tuple[WorldRoom, ...]
    speeds_mps: tuple[float, ...]
    lights: tuple[tuple[float, ...], ...]
    start_s: int


SETUP_SIGMA, BINS_SIGMA, PER_BIN_S = 0.25, 0.12, 24.0
LIGHT_RED, LIGHT_S = 0.4, (5.0, 50.0)
LATE_S = 180.0
BLOCKED, BLOCKED_S, BLOCKED_SIGMA = 0.012, 480.0, 0.7
ABSENT, ABSENT_S = 0.06, 150.0
DRIVE_SIGMA, CARRIES_OVER, NEW_SHARE, DAY_SIGMA = 0.18, 0.6, 0.8, 0.07
SKIPPED_SHORT_M, SKIPPED_AFTER_S = 60.0, 90.0
ORDINARY = Effects()


@dataclass(slots=True)
class Trip:
    """One run as it truly went; `track` is (second, metre) in time order, `blocked` the (from, to) of blocked lanes.

    `arrived_at` has a row for each room and a last one for a second visit; inf: the truck did not come. `skipped` is
    the room whose lane stayed blocked and when that was known, `pace` how slow the whole day was.
    """

    world: WorldRoute
    day: int
    depart_at: int
    planned_at: list[int]
    counted: dict[str, int]
    emptied: dict[str, int]
    arrived_at: list[float]
    left_at: list[float]
    track: list[tuple[float, float]]
    blocked: list[tuple[float, float]]
    effects: Effects
    pace: float = 1.0
    skipped: tuple[int, float] | None = None

    def room(self, index: int) -> WorldRoom:
        """The room of a row: the last one is that of the second visit."""
        return self.world.rooms[index if index < ROOMS or self.skipped is None else self.skipped[0]]


def traffic(second_of_day: float) -> float:
    """How much longer driving takes at a time of the day: up to +55 % in the morning, +40 % in the evening."""
    hour = second_of_day / 3600
    return 1 + 0.55 * exp(-((hour - 8) ** 2) / 1.2) + 0.40 * exp(-((hour - 17.8) ** 2) / 1.5)


def make_route(number: int, random: Random) -> WorldRoute:
    """A route that winds through a town, with 20 rooms about 600 m apart."""
    lat, lon, heading = 31.20 + 0.02 * number, 121.44, random.uniform(0, 2 * pi)
    line: list[Point] = [(lat, lon)]
    for _ in range(110):
        heading += random.gauss(0, 0.25)
        lat += 115 * cos(heading) / METRES_PER_DEGREE_LAT
        lon += 115 * sin(heading) / (METRES_PER_DEGREE_LON * cos(radians(lat)))
        line.append((lat, lon))
    cumulative = lengths_m(line)
    spread = [random.uniform(0.5, 1.5) for _ in range(ROOMS)]
    scale = (cumulative[-1] - 300) / sum(spread)
    along_m, rooms, speeds, lights = 0.0, [], [], []
    for index, share in enumerate(spread):
        before_m, along_m = along_m, along_m + share * scale
        rooms.append(
            WorldRoom(f"r{number}{index:02d}", along_m, random.uniform(35, 80), max(1.0, random.gauss(5.5, 2.0)))
        )
        speeds.append(random.uniform(5.5, 10.0))
        lights.append(tuple(sorted(random.uniform(before_m + 60, along_m - 40) for _ in range(random.randint(0, 3)))))
    route = Route(f"route{number}", f"Route {number}", WASTE, tuple(line))
    return WorldRoute(route, cumulative, tuple(rooms), tuple(speeds), tuple(lights), STARTS_S[number % len(STARTS_S)])


def timetable(world: WorldRoute) -> list[int]:
    """The planned arrival at each room in seconds of the day: what the street office thinks, to the minute."""
    clock, before_m, planned = float(world.start_s), 0.0, []
    for room, speed_mps, lights in zip(world.rooms, world.speeds_mps, world.lights, strict=True):
        clock += traffic(clock) * (room.along_m - before_m) / speed_mps + 11 * len(lights)
        planned.append(round(clock / 60) * 60)
        clock += room.setup_s + PER_BIN_S * room.usual_bins + 9
        before_m = room.along_m
    return planned


def make_trip(
    world: WorldRoute, day: int, random: Random, effects: Effects = ORDINARY, skips: float = 0.0
) -> Trip:
    """One day's run; `skips` is the share of runs on which a lane stays blocked."""
    midnight = EPOCH + day * DAY_S
    depart_at = midnight + world.start_s
    clock = depart_at + random.expovariate(1 / LATE_S)
    day_factor = exp(random.gauss(0, DAY_SIGMA))
    noise = random.gauss(0, DRIVE_SIGMA)
    route = world.route.route_id
    trip = Trip(
        world, day, depart_at, [midnight + s for s in timetable(world)], {}, {}, [], [], [], [], effects, day_factor
    )
    skipped = None
    if skips:
        dice = Random(f"skips {day} {route}")
        skipped = dice.randrange(2, ROOMS - 4) if dice.random() < skips else None
    trip.track.append((depart_at - 1500.0, 0.0))
    trip.track.append((clock, 0.0))
    before_m = 0.0
    for index, (room, speed_mps, lights) in enumerate(zip(world.rooms, world.speeds_mps, world.lights, strict=True)):
        noise = CARRIES_OVER * noise + NEW_SHARE * random.gauss(0, DRIVE_SIGMA)
        pace = traffic(clock - midnight) * day_factor * exp(noise) * effects.drive(day, route, index) / speed_mps
        halts = [(place_m, random.uniform(*LIGHT_S)) for place_m in lights if random.random() < LIGHT_RED]
        if random.random() < BLOCKED:
            place_m = random.uniform(before_m + 50, room.along_m - 45)
            halts.append((place_m, BLOCKED_S * exp(random.gauss(0, BLOCKED_SIGMA))))
        for place_m, halt_s in sorted(halts):
            clock += pace * (place_m - before_m)
            trip.track.append((clock, place_m))
            if halt_s > 60:
                trip.blocked.append((clock, clock + halt_s))
            clock += halt_s
            trip.track.append((clock, place_m))
            before_m = place_m
        bins = max(0, round(random.gauss(room.usual_bins, 0.3 * room.usual_bins)))
        trip.emptied[room.room_id] = bins
        trip.counted[room.room_id] = max(0, round(bins + random.gauss(0, 0.8)))
        stay_s = room.setup_s * exp(random.gauss(0, SETUP_SIGMA)) + PER_BIN_S * bins * exp(random.gauss(0, BINS_SIGMA))
        stay_s *= effects.stay(day, route, index)
        if random.random() < ABSENT:
            stay_s += random.expovariate(1 / ABSENT_S)
        goal_m = room.along_m if index != skipped else max(before_m, room.along_m - SKIPPED_SHORT_M)
        clock += pace * (goal_m - before_m)
        before_m = goal_m
        trip.track.append((clock, goal_m))
        if index == skipped:
            clock += SKIPPED_AFTER_S
            trip.skipped, again_s = (index, clock), stay_s
        trip.arrived_at.append(inf if index == skipped else clock)
        clock += 0.0 if index == skipped else stay_s
        trip.track.append((clock, goal_m))
        trip.left_at.append(clock)
    if trip.skipped is not None:  # back along the line, with the wind of the last street
        room = world.rooms[trip.skipped[0]]
        clock += pace * (before_m - room.along_m)
        before_m = room.along_m
        trip.track += [(clock, before_m), (clock + again_s, before_m)]
        trip.arrived_at.append(clock)
        trip.left_at.append(clock := clock + again_s)
    trip.track.append((clock + 60, before_m + 300))
    return trip


def fixes(trip: Trip, random: Random) -> Iterator[tuple[int, float, float, float]]:
    """What the truck publishes: (second, lat, lon, speed): at 50 m, 60 s, stop and start; gaps of 1 to 5 min."""
    error_n = error_e = 0.0
    index, gap_until = 0, 0.0
    last_at, last_m, was_moving = -1, -1e9, False
    for second in range(int(trip.track[0][0]) + 1, int(trip.track[-1][0])):
        while trip.track[index + 1][0] < second:
            index += 1
        (t0, d0), (t1, d1) = trip.track[index], trip.track[index + 1]
        place_m = d0 + (d1 - d0) * (second - t0) / (t1 - t0) if t1 > t0 else d1
        speed_mps = (d1 - d0) / (t1 - t0) if t1 > t0 else 0.0
        error_n, error_e = (0.98 * each + random.gauss(0, 7 * 0.199 / 1.4) for each in (error_n, error_e))
        if random.random() < 1 / 1500:
            gap_until = second + exp(random.uniform(log(60), log(300)))
        moving = speed_mps > 0.5
        due = moving != was_moving or second - last_at >= PUBLISH_S or abs(place_m - last_m) >= PUBLISH_M
        if second < gap_until or not due:
            continue
        last_at, last_m, was_moving = second, place_m, moving
        lat, lon = point_at(trip.world.route.line, trip.world.cumulative, place_m)
        yield (
            second,
            lat + error_n / METRES_PER_DEGREE_LAT,
            lon + error_e / (METRES_PER_DEGREE_LON * cos(radians(lat))),
            max(0.0, speed_mps + random.gauss(0, 0.1)) if moving else abs(random.gauss(0, 0.08)),
        )


def place_at(trip: Trip, second: float) -> float:
    """Where along its line the truck truly is."""
    for (t0, d0), (t1, d1) in zip(trip.track, trip.track[1:], strict=False):
        if second <= t1:
            return d0 + (d1 - d0) * (second - t0) / (t1 - t0) if t1 > t0 else d1
    return trip.track[-1][1]
