"""Whether rooms' calls drift, looked at once a day: one finding for one reason, however many rooms it moves."""

from datetime import timedelta

from broker.plan.calendar import local_date
from broker.rules.day.attention.about_calls import DRIFT_ASKED
from broker.rules.day.attention.asked import Topic
from broker.rules.day.day import Day
from broker.rules.dispatch.alarms.silences import named
from broker.rules.effects.effect import Effect
from broker.rules.statistics.drifts import DRIFT_DAYS, drifts

MOST_ASKED = 5  # the worst; nobody mends more in a day, and the figures have them all


def look_at_calls(day: Day, now: int) -> list[Effect]:
    """Ask about the calls of the whole days before today, by reason and place; what is better is asked no more."""
    today = local_date(day.plan, now)
    if not day.call_scores.looks_on(today.isoformat()):
        return []
    first, last = ((today - timedelta(days=ago)).isoformat() for ago in (DRIFT_DAYS, 1))
    drifting = drifts(day.call_scores.between(first, last), _were(day))[:MOST_ASKED]
    found = {f"{one.reason or 'unknown'}/{one.place}": one for one in drifting}
    for subject in [one for one in day.attention.of(Topic.DRIFT) if one not in found]:
        day.attention.answered(Topic.DRIFT, subject)
    for subject, one in found.items():
        names, minutes = named(_name(day, room) for room in one.rooms), f"{one.drift_s / 60:+.1f}"
        values = DRIFT_ASKED[one.reason](names, minutes, one.calls, _name(day, one.place), one.rooms)
        day.attention.ask(subject, values, now)
    return []


def _were(day: Day) -> set[str]:
    """The rooms of which this was asked before; after a restart by the alarms on record."""
    rooms: set[str] = set()
    for entry in day.attention.of(Topic.DRIFT).values():
        rooms.update(getattr(entry.values, "subjects", ()))
    for alarm in day.alarms.values():
        if alarm.topic == Topic.DRIFT and alarm.active:
            rooms.update(alarm.values.get("subjects", ()))
    return rooms


def _name(day: Day, room: str) -> str:
    return day.plan.places[room].name if room in day.plan.places else room
