"""The leg a truck is on: where it comes from, and how much of it is left.

A leg runs along the route's line when both its ends lie on it in driving order; any other leg (a second visit, an
order changed by a re-plan, the way back to the line) is free and measured straight, with a detour factor.
"""

from dataclasses import dataclass

from broker.plan.geometry import Point, distance_m
from broker.rules.learning.leg_times import START_ROOM
from broker.rules.tracking.line_follower import LineFollower
from broker.rules.tracking.types import GpsFix, TrackVisit


@dataclass(slots=True)
class Leg:
    """From a room (or the start) left at `left_at`; `clean` while its driving time is worth learning."""

    from_room: str = START_ROOM
    from_m: float | None = None
    from_place: Point | None = None
    left_at: int | None = None
    clean: bool = False

    @classmethod
    def leaving(cls, visit: TrackVisit, left_at: int | None, follower: LineFollower, along_line: bool) -> "Leg":
        """The leg that begins at a visit, which was reached `along_line` or else by a free leg."""
        from_m = visit.distance_m
        if from_m is not None and not along_line and follower.along_m is not None and not follower.stood_at(from_m):
            from_m = None  # it went back for this visit: the way on is not the line's
        if from_m is not None:
            follower.advance(from_m)
        return cls(visit.key[0], from_m, (visit.lat, visit.lon), left_at, left_at is not None)

    def on_line(self, visit: TrackVisit | None, follower: LineFollower, fence_m: float) -> bool:
        """Whether the way to `visit` is the line."""
        if visit is None or visit.distance_m is None or not follower.usable:
            return False
        if self.from_m is not None:
            return visit.distance_m >= self.from_m
        return self.from_room == START_ROOM and (
            follower.along_m is None or visit.distance_m + fence_m >= follower.along_m
        )

    def lengths_m(
        self, visit: TrackVisit, follower: LineFollower, on_line: bool, fix: GpsFix | None, detour_factor: float
    ) -> tuple[float, float]:
        """(length, rest) of the leg to `visit`."""
        if on_line and follower.along_m is not None and not follower.off_route and visit.distance_m is not None:
            start_m = self.from_m if self.from_m is not None else follower.along_m
            here_m = min(follower.along_m, follower.seen_m)  # a truck that backs has further to go
            return max(0.0, visit.distance_m - start_m), max(0.0, visit.distance_m - here_m)
        rest_m = 0.0 if fix is None else detour_factor * distance_m(fix.lat, fix.lon, visit.lat, visit.lon)
        if on_line and self.from_m is not None and visit.distance_m is not None:
            return max(rest_m, visit.distance_m - self.from_m), rest_m
        length_m = 0.0
        if self.from_place is not None:
            length_m = detour_factor * distance_m(*self.from_place, visit.lat, visit.lon)
        return max(rest_m, length_m), rest_m
