"""What the figures hide: lanes that are blocked again and again, weigh-ins that do not fit, sensors that contradict."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from broker.rules.statistics.cube import disagreements
from broker.rules.statistics.facts import (
    Fact,
    drop,
    ended_at,
    incidents,
    newest,
    text,
    undone,
    visit_at,
    weighing_at,
    weighings,
    whole,
)
from broker.rules.statistics.periods import local_day, local_hour

SPAN = ("0000", "9999")  # all days

CHRONIC_DAYS = 3  # blocked on so many different days at the same hour


@dataclass(frozen=True, slots=True)
class ChronicLane:
    """An estate's lane at one hour of the day: how often, on how many days, for how long it was blocked.

    `blocked_s` is of those that ended, None if none did; `still_blocked` are the others.
    """

    estate: str
    hour: int
    incidents: int
    days: int
    blocked_s: int | None
    still_blocked: int

    @property
    def chronic(self) -> bool:
        """Whether this is a matter for the estate, not for the day's dispatcher."""
        return self.days >= CHRONIC_DAYS


def lanes(facts: Iterable[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]) -> list[ChronicLane]:
    """Lanes blocked on these days by estate and hour, the most frequent first; withdrawn presses do not count."""
    zone = ZoneInfo(timezone)
    seen: dict[tuple[str, int], list[tuple[str, int | None]]] = {}
    for fact, pressed_at in incidents(facts):
        body, estate = fact.body, text(fact.body, "estate")
        if body.get("reason") != "lane_blocked" or body.get("workflow") == "withdrawn" or not estate:
            continue
        day = local_day(pressed_at, zone)
        if from_day <= day <= to_day:
            end_at = ended_at(body)
            blocked_s = None if end_at is None else max(0, end_at - pressed_at)
            seen.setdefault((estate, local_hour(pressed_at, zone)), []).append((day, blocked_s))
    found = []
    for (estate, hour), times in seen.items():
        ended = [blocked_s for _, blocked_s in times if blocked_s is not None]
        days = len({day for day, _ in times})
        blocked = sum(ended) if ended else None
        found.append(ChronicLane(estate, hour, len(times), days, blocked, len(times) - len(ended)))
    return sorted(found, key=lambda lane: (-lane.days, -lane.incidents, lane.estate, lane.hour))


@dataclass(frozen=True, slots=True)
class WeighIn:
    """What a run brought to the transfer station against what its rooms lost; None where a room has no scale.

    A run that is weighed before and after midnight is one row, of the day of its first weigh-in. A weigh-in that
    names no run (`run_id` empty) stands against what its truck took on that day in runs of this waste that no weigh-in
    names.
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


def unmatched(facts: Sequence[Fact], timezone: str) -> list[Fact]:
    """The weigh-ins that nothing collected fits: no visit of the run they name, or of their truck on that day."""
    rows = weigh_ins(facts, timezone)
    alone = {_place(one) for one in rows if one.rooms_grams is None and not one.rooms_without_scale}
    zone = ZoneInfo(timezone)
    return [fact for fact in weighings(facts) if _place_of(fact, zone) in alone]


def _place(one: WeighIn) -> tuple[str, ...]:
    return (one.run_id, one.waste) if one.run_id else (one.day, one.truck, one.waste)


def _place_of(fact: Fact, zone: ZoneInfo) -> tuple[str, ...]:
    run_id, waste = text(fact.body, "run_id"), text(fact.body, "waste")
    return (run_id, waste) if run_id else (local_day(weighing_at(fact), zone), text(fact.body, "truck"), waste)


def weigh_ins(facts: Sequence[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]) -> list[WeighIn]:
    """The transfer station's weigh-ins of these days by run and waste, each beside the sum of the run's rooms."""
    zone = ZoneInfo(timezone)
    weighed_facts = weighings(facts)
    named = {(text(fact.body, "run_id"), text(fact.body, "waste")) for fact in weighed_facts}
    rooms: dict[tuple[str, ...], list[int | None]] = {}
    for fact in newest(facts, "visit"):
        body = fact.body
        if body.get("state") == "served":
            fell = drop(body, "grams")
            waste = text(body, "waste")
            place: tuple[str, ...] = (text(body, "run_id"), waste)
            if place not in named or not place[0]:
                place = (local_day(visit_at(fact), zone), text(body, "truck"), waste)
            rooms.setdefault(place, []).append(None if fell is None else max(0, fell))
    first: dict[tuple[str, ...], tuple[str, str, str, str]] = {}  # what the first weigh-in of each row says
    sums: Counter[tuple[str, ...]] = Counter()
    for fact in weighed_facts:
        body, day = fact.body, local_day(weighing_at(fact), zone)
        run_id, truck, waste = text(body, "run_id"), text(body, "truck"), text(body, "waste")
        place = _place_of(fact, zone)
        first.setdefault(place, (day, run_id, truck, waste))
        sums[place] += whole(body, "grams") or 0
    found = []
    for place, (day, run_id, truck, waste) in first.items():
        if from_day <= day <= to_day:
            drops = rooms.get(place, [])
            known = [fell for fell in drops if fell is not None]
            without = len(drops) - len(known)
            found.append(WeighIn(day, run_id, truck, waste, sums[place], sum(known) if known else None, without))
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
        body, day = fact.body, local_day(visit_at(fact), zone)
        words = [] if undone(body) else disagreements(body)
        if words and from_day <= day <= to_day:
            found.append(Disagreement(day, text(body, "room"), text(body, "truck"), text(body, "waste"), tuple(words)))
    return sorted(found, key=lambda one: (one.room, one.day))
