"""What was skipped where the truck stands is owed for another time: the stay that goes on there does not make it.

    barred --the truck leaves the fence, as it leaves a stop (`stop_watch.py`)--> a visit like others
"""

from collections.abc import Iterable

from broker.plan.geometry import distance_m
from broker.rules.settings import Streets
from broker.rules.tracking.stop_watch import StopWatch
from broker.rules.tracking.types import GpsFix, StopKey, TrackSettings, TrackVisit


class SkippedStays:
    """The visits of one run that its truck must leave before it can make them."""

    def __init__(self, settings: TrackSettings, streets: Streets) -> None:
        self._settings = settings
        self._streets = streets
        self._barred: dict[StopKey, tuple[TrackVisit, StopWatch]] = {}
        self._left: set[StopKey] = set()

    def begin(self, visits: Iterable[TrackVisit], at: int) -> None:
        """The run owes these; those among them that were skipped where the truck stands are barred, if they are new."""
        for visit in visits:
            if visit.skipped_here_at is not None and visit.key not in (*self._barred, *self._left):
                watch = StopWatch(self._settings, self._streets, visit.fence_m or self._settings.fence_m)
                watch.arrive(at, seen=False)
                self._barred[visit.key] = visit, watch

    def follow(self, fix: GpsFix, speed_mps: float) -> None:
        """Take in a position, which may show that the truck has left."""
        for key, (visit, watch) in list(self._barred.items()):
            straight_m = distance_m(fix.lat, fix.lon, visit.lat, visit.lon)
            if watch.leave(fix, speed_mps, straight_m, None) is not None:
                del self._barred[key]
                self._left.add(key)

    def bars(self, visit: TrackVisit) -> bool:
        """Whether the truck has not left since."""
        return visit.key in self._barred

    def passed_m(self, visit: TrackVisit | None, closest_m: float, fence_m: float) -> float:
        """How close it came to the visit: to drive off from where it was skipped is not to pass it by."""
        came = visit is None or visit.skipped_here_at is None or closest_m <= fence_m
        return closest_m if came else float("inf")
