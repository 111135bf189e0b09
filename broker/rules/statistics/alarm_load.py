"""How many alarms one person was given, by the figures that EEMUA 191 and ISA-18.2 measure an alarm system by.

What counts is each time that somebody was to be told: an alarm that became unseen, and a driver's press. What wants no
answer (that there are too many) is none.

- On average at most one in ten minutes, in the worst ten minutes at most ten.
- A flood begins with more than ten in ten minutes and ends with fewer than five.
- The ten most frequent are a small share of all, else somebody should mend what they are about.
- Chattering: told again within ten minutes. Fleeting: gone within a minute, before anybody saw it.
- Standing: unseen or seen, and so for more than a day at the day's end.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from broker.rules.statistics.facts import Fact, incidents, moment, text
from broker.rules.statistics.periods import days_between

SPAN_S = 600
FLOOD_BEGINS, FLOOD_ENDS = 10, 5
MOST_FREQUENT = 10
FLEETING_S = 120  # what ended a minute ago is over now
STANDING_S = 86400
NO_ALARM = ("alarm_flood",)
WHOLE = "all"


@dataclass(frozen=True, slots=True)
class AlarmLoad:
    """The load of a day, or of all days (`WHOLE`); a share is None where there was nothing to share."""

    day: str
    told: int
    alarms: int
    presses: int
    per_10_min: float
    worst_10_min: int
    flood_share: float
    top_ten_share: float | None
    severe_share: float | None
    chattering: int
    fleeting: int
    standing: int


@dataclass(frozen=True, slots=True)
class _Told:
    at: int
    about: str
    level: str


def alarm_load(facts: Sequence[Fact], timezone: str, from_day: str, to_day: str) -> list[AlarmLoad]:
    """Each day's load, and of more than one day the whole's."""
    zone = ZoneInfo(timezone)
    told = _told(facts)
    spans = [(day, _start(day, zone), _start(_next(day), zone)) for day in days_between(from_day, to_day)]
    if len(spans) > 1:
        spans.append((WHOLE, spans[0][1], spans[-1][2]))
    return [_of_span(name, begin, end, told, facts) for name, begin, end in spans]


@dataclass(frozen=True, slots=True)
class AlarmHour:
    """What one hour of the clock had over all days; `worst` is the most that it had on one of them."""

    hour: int
    told: int
    presses: int
    worst: int


def alarm_hours(facts: Sequence[Fact], timezone: str, from_day: str, to_day: str) -> list[AlarmHour]:
    """The hours of the day, each with what a person was told in it on all these days."""
    zone, found = ZoneInfo(timezone), [Counter[str]() for _ in range(24)]
    presses = Counter[int]()
    for one in _told(facts):
        when = datetime.fromtimestamp(one.at, zone)
        if from_day <= when.date().isoformat() <= to_day:
            found[when.hour][when.date().isoformat()] += 1
            presses[when.hour] += one.about.startswith("press/")
    return [
        AlarmHour(hour, sum(days.values()), presses[hour], max(days.values(), default=0))
        for hour, days in enumerate(found)
    ]


def _start(day: str, zone: ZoneInfo) -> int:
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), zone).timestamp())


def _next(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _told(facts: Iterable[Fact]) -> list[_Told]:
    """Each time that a person was to be told, in the order of time."""
    facts = list(facts)
    found = {
        (fact.key, at): _Told(at, fact.key, text(fact.body, "level"))
        for fact in sorted(facts, key=lambda one: (one.at, one.id), reverse=True)  # the first of each stays
        if fact.kind == "alarm" and (at := moment(fact.body, "announced_at")) is not None
        and text(fact.body, "word") not in NO_ALARM
    }  # fmt: skip
    pressed = [_Told(at, f"press/{fact.key}", "severe") for fact, at in incidents(facts)]
    return sorted([*found.values(), *pressed], key=lambda one: (one.at, one.about))


def _of_span(name: str, begin: int, end: int, told: Sequence[_Told], facts: Sequence[Fact]) -> AlarmLoad:
    here = [one for one in told if begin <= one.at < end]
    times = [one.at for one in here]
    counts = Counter(one.about for one in here)
    frequent = sum(count for _, count in counts.most_common(MOST_FREQUENT))
    presses = sum(one.about.startswith("press/") for one in here)
    severe = sum(one.level == "severe" for one in here)
    by_about: dict[str, list[int]] = {}
    for one in here:
        by_about.setdefault(one.about, []).append(one.at)
    again = sum(later - before < SPAN_S for of_one in by_about.values() for before, later in pairwise(of_one))
    return AlarmLoad(
        name, len(here), len(here) - presses, presses,
        per_10_min=round(len(here) * SPAN_S / (end - begin), 4),
        worst_10_min=max((sum(at <= other < at + SPAN_S for other in times) for at in times), default=0),
        flood_share=round(flood_s(times, end) / (end - begin), 4),
        top_ten_share=round(frequent / len(here), 4) if here else None,
        severe_share=round(severe / len(here), 4) if here else None,
        chattering=again, fleeting=_fleeting(facts, begin, end), standing=_standing(facts, end),
    )  # fmt: skip


def flood_s(times: Sequence[int], end: int) -> int:
    """For how long there was a flood; `times` in their order."""
    changes = sorted([*((at, 1) for at in times), *((at + SPAN_S, -1) for at in times)])
    count = whole = 0
    since: int | None = None
    for at, change in changes:
        count += change
        if since is None and count > FLOOD_BEGINS:
            since = at
        elif since is not None and count < FLOOD_ENDS:
            whole, since = whole + min(at, end) - since, None
    return whole


def _fleeting(facts: Iterable[Fact], begin: int, end: int) -> int:
    """How many went away before anybody could have looked."""
    found = set()
    for fact in facts:
        told_at = moment(fact.body, "announced_at") if fact.kind == "alarm" else None
        if told_at is None or not begin <= told_at < end or text(fact.body, "state") != "gone_unseen":
            continue
        if (moment(fact.body, "changed_at") or fact.at) - told_at < FLEETING_S:
            found.add((fact.key, told_at))
    return len(found)


def _standing(facts: Iterable[Fact], end: int) -> int:
    """How many stand for long at the end."""
    newest: dict[str, Fact] = {}
    for fact in facts:
        if fact.kind == "alarm" and fact.at < end:
            other = newest.get(fact.key)
            if other is None or (fact.at, fact.id) > (other.at, other.id):
                newest[fact.key] = fact
    active = (one for one in newest.values() if text(one.body, "state") in ("unseen_active", "seen_active"))
    return sum((moment(one.body, "announced_at") or one.at) < end - STANDING_S for one in active)
