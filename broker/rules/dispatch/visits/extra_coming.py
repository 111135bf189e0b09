"""When a truck that is asked for could be there, and what that rests on: nobody takes a guess for knowledge.

| by | its way begins | |
| --- | --- | --- |
| position | where it is heard to be now | |
| last_seen | where it was heard last, within LAST_SEEN_S | it may have gone on since |
| yard | its yard (vehicles.txt) | nobody has heard it lately |
| assumed | nobody knows | `[dispatch] extra_comes_s` |
"""

from dataclasses import dataclass
from typing import Any, Literal

from broker.plan.geometry import distance_m
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.dispatch.visits.extra_truck import why_not
from broker.rules.dispatch.visits.tours import place_of

SETS_OUT_S = 600  # until a firm was asked, has agreed and its truck is on its way
LAST_SEEN_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class Coming:
    """A truck that could be asked, when it would be there, by what that is known, and of when that is."""

    truck: str | None
    at: int
    by: Literal["position", "last_seen", "yard", "assumed"]
    seen_at: int | None = None

    def body(self) -> dict[str, Any]:
        """As an offer says it."""
        return {"truck": self.truck, "comes_at": self.at, "by": self.by, "seen_at": self.seen_at}


def coming(day: Day, run: Run, truck: str, place: str, now: int) -> Coming:
    """When this truck could be at a place of a run that cannot go on."""
    known, vehicle = day.devices.trucks.get(truck), day.plan.vehicles.get(truck)
    fix = known.fix if known is not None else None
    if fix is not None and fix.fresh(now):
        return Coming(truck, _from(day, run, (fix.lat, fix.lon), place, now), "position", fix.fix_at)
    if fix is not None and now - fix.fix_at <= LAST_SEEN_S:
        return Coming(truck, _from(day, run, (fix.lat, fix.lon), place, now), "last_seen", fix.fix_at)
    if vehicle is not None and vehicle.yard is not None:
        return Coming(truck, _from(day, run, vehicle.yard, place, now), "yard")
    return Coming(truck, now + day.settings.extra_comes_s, "assumed")


def soonest(day: Day, run: Run, place: str, now: int) -> Coming:
    """Of the trucks that may take over the one that would be there first; of none it is assumed that one comes."""
    able = (one for one in day.plan.trucks() if why_not(day, run, one, now) is None)
    found = (coming(day, run, truck, place, now) for truck in able)
    return min(found, key=lambda one: one.at, default=Coming(None, now + day.settings.extra_comes_s, "assumed"))


def _from(day: Day, run: Run, origin: tuple[float, float], place: str, now: int) -> int:
    length_m = day.settings.streets.detour_factor * distance_m(*origin, *place_of(day, place))
    to = "" if place.startswith("@") else place
    return now + SETS_OUT_S + max(0, round(day.history.leg_s(run.route_id, "", to, length_m, now)[0]))
