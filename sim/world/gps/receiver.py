"""A GPS receiver: its place strays around the true one, by the sky and by its make, and sometimes it sees no sky."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware.truck.clock import WEEK_0_AT
from firmware.truck.gps.fix import EARTH_RADIUS_M
from sim.world.gps import nmea
from sim.world.gps.makes import MAKES, MIXED, Make
from sim.world.gps.sky import Drift, Error, HighRises, Sky

GPS_ERROR_M = 3.0
DAY_S = 86_400
METRES_PER_DEGREE = math.radians(EARTH_RADIUS_M)
SAME_INSTANT_S = 0.5


@dataclass(slots=True)
class Receiver:
    """What the GPS receiver makes of the true place."""

    dice: random.Random
    blind: bool = False
    stuck: bool = False  # it says the place again that it said last, with the time of now
    undated: bool = False  # it has forgotten its almanac: it says its first day
    strays: Error | None = None  # what is wrong with its places besides the sky
    error_m: float = GPS_ERROR_M
    sky: Sky = field(default_factory=Sky)
    make: Make | None = None
    _north_m: float = 0.0
    _east_m: float = 0.0
    _last: tuple[float, float] | None = None
    _said_at: float = -math.inf

    @property
    def is_steady(self) -> bool:
        """Whether it says one place while its truck stands, within some metres: nothing is wrong with it or the sky."""
        return not (self.blind or self.stuck or self.undated or self.strays or self.make or self.sky.errors)

    def says(
        self, at: float, place: tuple[float, float, float], speed_mps: float, *, is_heard: bool = True
    ) -> bytes:
        """The sentences of this second; none if it is not its time yet, or if nobody hears them."""
        make = self.make
        if make is not None and at - self._said_at < make.every_s - SAME_INSTANT_S:
            return b""
        self._said_at = at
        manner = nmea.PLAIN if make is None else make.manner
        if self.blind:
            return nmea.second(at, None, None, manner=manner)
        self._north_m = 0.95 * self._north_m + self.dice.gauss(0, 0.31 * self.error_m)
        self._east_m = 0.95 * self._east_m + self.dice.gauss(0, 0.31 * self.error_m)
        north_m, east_m = self.sky.at(at)
        if self.strays is not None:
            more = self.strays.at(at)
            north_m, east_m = north_m + more[0], east_m + more[1]
        lat, lon, bearing = place
        lat += (self._north_m + north_m) / METRES_PER_DEGREE
        lon += (self._east_m + east_m) / (METRES_PER_DEGREE * math.cos(math.radians(lat)))
        if self.stuck and self._last is not None:
            lat, lon = self._last
        self._last = lat, lon
        if not is_heard:
            return b""
        if make is not None and make.still_mps and speed_mps < nmea.SLOW_MPS:
            speed_mps = self.dice.expovariate(1 / make.still_mps)
        said_at = WEEK_0_AT + at % DAY_S if self.undated else at
        return nmea.second(said_at, lat, lon, speed_mps, bearing, manner=manner)


def receiver_of(world: Mapping[str, Any], seed: str, dice: random.Random) -> Receiver:
    """The receiver that a scenario's `[world]` gives a truck; what is rough about it has dice of its own, by `seed`."""
    errors: list[Error] = []
    name = world["receiver"]
    if name == MIXED:
        name = random.Random(f"{seed} make").choice(sorted(MAKES))
    make = MAKES.get(name)
    if make is not None and make.spread_m:
        errors.append(Drift(make.spread_m, make.lasts_s, random.Random(f"{seed} stray")))
    if world["gps_drift_m"]:
        errors.append(Drift(world["gps_drift_m"], world["gps_drift_s"], random.Random(f"{seed} drift")))
    if world["high_rises"]:
        errors.append(HighRises(world["high_rises"], random.Random(f"{seed} high-rises")))
    error_m = world["gps_error_m"] if make is None else 0.0
    return Receiver(dice, error_m=error_m, sky=Sky(errors), make=make)
