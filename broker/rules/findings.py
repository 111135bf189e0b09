"""What the figures hide: lanes that are blocked again and again, weigh-ins that do not fit, sensors that contradict."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from broker.rules.periods import local_day, local_hour
from broker.rules.statistics import Fact, disagreements, drop, incident_at, newest, visit_at, weighed_grams, weighing_at

SPAN = ("0000", "9999")  # all days

CHRONIC_DAYS = 3  # blocked on so many different days at the same hour


@dataclass(frozen=True, slots=True)
class ChronicLane:
    """An estate's lane at one hour of the day: how often, on how many days, for how long it was blocked.

    `blocked_s` is of those that ended; `still_blocked` are the others.
    """

    estate: str
    hour: int
    incidents: int
    days: int
    blocked_s: int
    still_blocked: int

    @property
    def chronic(self) -> bool:
        """Whether this is a matter for the estate, not for the day's dispatcher."""
        return self.days >= CHRONIC_DAYS


def lanes(facts: Iterable[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]) -> list[ChronicLane]:
    """Lanes blocked on these days by estate and hour, the most frequent first; withdrawn presses do not count."""
    zone = ZoneInfo(timezone)
    seen: dict[tuple[str, int], list[tuple[str, int | None]]] = {}
    for fact in newest(facts, "workflow"):
        body = fact.body
        if body.get("reason") != "lane_blocked" or body.get("workflow") == "withdrawn" or not body.get("estate"):
            continue
        pressed_at = incident_at(fact)
        if not from_day <= local_day(pressed_at, zone) <= to_day:
            continue
        ended_at = body.get("cleared_at") or body.get("closed_at")
        blocked_s = None if ended_at is None else max(0, ended_at - pressed_at)
        place = (str(body["estate"]), local_hour(pressed_at, zone))
        seen.setdefault(place, []).append((local_day(pressed_at, zone), blocked_s))
    found = []
    for (estate, hour), times in seen.items():
        ended = [blocked_s for _, blocked_s in times if blocked_s is not None]
        days = len({day for day, _ in times})
        found.append(ChronicLane(estate, hour, len(times), days, sum(ended), len(times) - len(ended)))
    return sorted(found, key=lambda lane: (-lane.days, -lane.incidents, lane.estate, lane.hour))


@dataclass(frozen=True, slots=True)
class WeighIn:
    """What a run brought to the transfer station against what its rooms lost; None where a room has no scale.

    A weigh-in that names no run (`run_id` empty) stands against what its truck took on that day in runs of this waste
    that no weigh-in names.
    """

    day: str
    run_id: str
    truck: str
    waste: str
    weighed_grams: int
    rooms_grams: int | None
    rooms_without_scale: int

    @property
    def difference_grams(self) -> int | None:
        """Weighed minus rooms; only where every served room has a scale."""
        if self.rooms_grams is None or self.rooms_without_scale:
            return None
        return self.weighed_grams - self.rooms_grams


def weigh_ins(facts: Sequence[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]) -> list[WeighIn]:
    """The transfer station's weigh-ins of these days by run and waste, each beside the sum of the run's rooms."""
    zone = ZoneInfo(timezone)
    weighings = newest(facts, "weighing")
    named = {(str(fact.body["run_id"]), str(fact.body.get("waste"))) for fact in weighings if fact.body.get("run_id")}
    rooms: dict[tuple[str, ...], list[int | None]] = {}
    for fact in newest(facts, "visit"):
        body = fact.body
        if body.get("state") == "served":
            fell = drop(body, "grams")
            place: tuple[str, ...] = (str(body.get("run_id")), str(body.get("waste")))
            if place not in named:
                place = (local_day(visit_at(fact), zone), str(body.get("truck")), str(body.get("waste")))
            rooms.setdefault(place, []).append(None if fell is None else max(0, fell))
    weighed: dict[tuple[str, ...], tuple[str, str, str, str, int]] = {}
    for fact in weighings:
        body, day = fact.body, local_day(weighing_at(fact), zone)
        run_id, truck, waste = str(body.get("run_id") or ""), str(body.get("truck") or ""), str(body.get("waste"))
        place = (run_id, waste) if run_id else (day, truck, waste)
        *_, before_grams = weighed.get(place, (0,))
        weighed[place] = (day, run_id, truck, waste, before_grams + weighed_grams(fact))
    found = []
    for place, (day, run_id, truck, waste, grams) in weighed.items():
        if from_day <= day <= to_day:
            drops = rooms.get(place, [])
            known = [fell for fell in drops if fell is not None]
            without = len(drops) - len(known)
            found.append(WeighIn(day, run_id, truck, waste, grams, sum(known) if known else None, without))
    return sorted(found, key=lambda one: (one.day, one.run_id, one.truck, one.waste))


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One visit where count, weight and crew do not say the same."""

    day: str
    room: str
    truck: str
    waste: str
    words: tuple[str, ...]


def disagreeing(
    facts: Iterable[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]
) -> list[Disagreement]:
    """All visits of these days for the technician to look at, by room and day."""
    zone = ZoneInfo(timezone)
    found = []
    for fact in newest(facts, "visit"):
        words = disagreements(fact.body)
        body, day = fact.body, local_day(visit_at(fact), zone)
        if words and from_day <= day <= to_day:
            found.append(
                Disagreement(day, str(body.get("room")), str(body.get("truck")), str(body.get("waste")), tuple(words))
            )
    return sorted(found, key=lambda one: (one.room, one.day))
