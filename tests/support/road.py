"""A straight road with rooms beside it, and a truck that drives it as told: the desk of the tracking tests."""

from broker.plan.geometry import METRES_PER_DEGREE_LAT, METRES_PER_DEGREE_LON
from broker.plan.model import Route
from broker.rules.settings import Streets
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import GpsFix, TrackEvent, TrackKind, TrackSettings, TrackVisit

LAT, LON = 31.2, 121.44
WASTE = "residential_wet"
NORTH = METRES_PER_DEGREE_LAT
EAST = METRES_PER_DEGREE_LON * 0.85538  # cos(31.2 degrees) within the road's few hundred metres


def place(along_m: float, beside_m: float = 0.0) -> tuple[float, float]:
    """The coordinates of a point of the road, or so many metres east of it."""
    return LAT + along_m / NORTH, LON + beside_m / EAST


def road(length_m: float = 6000.0, step_m: float = 100.0) -> Route:
    """A route that leads straight north."""
    points = int(length_m / step_m) + 1
    return Route("road", "Road", WASTE, tuple(place(index * step_m) for index in range(points)))


def room(number: int, along_m: float | None, planned_at: int = 0, **more: object) -> TrackVisit:
    """A first visit at room `r<number>` beside the road."""
    lat, lon = place(along_m or 0.0)
    values = {"key": (f"r{number:02d}", 1), "lat": lat, "lon": lon, "waste": WASTE, "planned_at": planned_at,
              "not_before_at": None, "distance_m": along_m} | more
    return TrackVisit(**values)  # type: ignore[arg-type]


class Drive:
    """A truck on the road: each call drives, stands or falls silent, and the tracker sees what is published."""

    def __init__(self, visits: list[TrackVisit], depart_at: int = 1000, route: Route | None = None,
                 settings: TrackSettings | None = None, streets: Streets | None = None) -> None:
        self.tracker = RunTracker("run", route or road(), "t01", visits, depart_at, streets or Streets(), settings)
        self.now, self.at_m, self.beside_m = depart_at, 0.0, 0.0
        self.events: list[TrackEvent] = []
        self.fix(0.0)

    def fix(self, speed_mps: float | None = 0.0) -> list[TrackEvent]:
        """Publish the present place, received one second later."""
        lat, lon = place(self.at_m, self.beside_m)
        seen = self.tracker.on_fix(GpsFix(self.now, lat, lon, speed_mps))
        self.events += seen
        return seen

    def go(self, to_m: float, speed_mps: float = 10.0, every_m: float = 50.0, silent: bool = False) -> "Drive":
        """Drive on to a place, publishing every 50 m."""
        while abs(self.at_m - to_m) > 1e-6:
            step_m = min(every_m, abs(to_m - self.at_m))
            self.at_m += step_m if to_m > self.at_m else -step_m
            self.now += round(step_m / speed_mps)
            if not silent:
                self.fix(speed_mps)
                self.tick()
        return self

    def stand(self, seconds: int, silent: bool = False) -> "Drive":
        """Stand still: a fix on stopping, one a minute, one on starting; a tick every 10 s."""
        for second in range(1, seconds + 1):
            self.now += 1
            if not silent and (second == 1 or second % 60 == 0 or second == seconds):
                self.fix(0.0)
            if second % 10 == 0:
                self.tick()
        return self

    def tick(self) -> None:
        """Let the tracker notice the time."""
        self.events += self.tracker.on_tick(self.now + 1)

    def kinds(self) -> list[tuple[str, str | None]]:
        """What happened, as (kind, room)."""
        return [(str(event.kind), event.key[0] if event.key else None) for event in self.events]

    def of(self, kind: TrackKind) -> list[TrackEvent]:
        """The events of one kind."""
        return [event for event in self.events if event.kind == kind]
