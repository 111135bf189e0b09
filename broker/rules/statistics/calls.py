"""How good the calls of each room were: every call against its truck's arrival."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from zoneinfo import ZoneInfo

from broker.rules.statistics.cube import CALL_BANDS_S, CALL_SHORT_S, lead_s, visit_of
from broker.rules.statistics.facts import Fact, moment, newest, text
from broker.rules.statistics.periods import local_day

SPAN = ("0000", "9999")  # all days
LEAST_S, MOST_S = CALL_BANDS_S["calls_13_to_19"]


@dataclass(frozen=True, slots=True)
class RoomCalls:
    """One room's calls; `outside_band_s` is by how much its leads missed 13.5 to 19.5 minutes on average, the lead of
    `worst_call` by how much at most. None where no truck came yet."""

    room: str
    calls: int
    scored: int
    calls_13_to_19: int
    calls_short: int
    outside_band_s: int | None
    median_lead_s: int | None
    worst_call: str
    worst_lead_s: int | None


def outside_band_s(lead_s: int) -> int:
    """By how much a lead misses 13.5 to 19.5 minutes; 0 within."""
    return max(LEAST_S - lead_s, lead_s - MOST_S, 0)


def calls_by_room(
    facts: Sequence[Fact], timezone: str, from_day: str = SPAN[0], to_day: str = SPAN[1]
) -> list[RoomCalls]:
    """The rooms that were called on these days, the worst first; those whose truck never came stand last."""
    zone = ZoneInfo(timezone)
    arrivals = {visit_of(fact.body, 1): moment(fact.body, "arrived_at") for fact in newest(facts, "visit")}
    rooms: dict[str, list[tuple[str, int | None]]] = {}
    for fact in newest(facts, "call"):
        called_at = moment(fact.body, "called_at")
        if called_at is not None and from_day <= local_day(called_at, zone) <= to_day:
            calls = rooms.setdefault(text(fact.body, "room"), [])
            calls.append((fact.key, lead_s(fact.body, called_at, arrivals)))
    return sorted((_room(room, calls) for room, calls in rooms.items()), key=_worst_first)


def _room(room: str, calls: Sequence[tuple[str, int | None]]) -> RoomCalls:
    scored = [(call_id, lead) for call_id, lead in calls if lead is not None]
    leads = [lead for _, lead in scored]
    middle_s = (LEAST_S + MOST_S) // 2
    furthest = max(scored, key=lambda one: (abs(one[1] - middle_s), one[0]), default=calls[0])
    return RoomCalls(
        room, len(calls), len(scored), sum(outside_band_s(lead) == 0 for lead in leads),
        sum(lead < CALL_SHORT_S for lead in leads),
        round(sum(map(outside_band_s, leads)) / len(leads)) if leads else None,
        round(median(leads)) if leads else None, *furthest,
    )  # fmt: skip


def _worst_first(one: RoomCalls) -> tuple[int, int, str]:
    return (-1 if one.outside_band_s is None else one.outside_band_s) * -1, one.calls_13_to_19 - one.scored, one.room
