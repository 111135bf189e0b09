"""Whether rooms' calls drift, looked at once a day: one finding for one reason, however many rooms it moves."""

from datetime import timedelta

from broker.plan.calendar import local_date
from broker.rules.day.attention.about_calls import DRIFT_ASKED, LampDark
from broker.rules.day.attention.asked import Topic
from broker.rules.day.day import Day
from broker.rules.dispatch.alarms.silences import named
from broker.rules.effects.effect import Effect
from broker.rules.statistics.drifts import DRIFT_DAYS, drifts

SPOKE_S = 86_400
MOST_ASKED = 5  # the worst; nobody mends more in a day, and the figures have them all


def look_at_calls(day: Day, now: int) -> list[Effect]:
    """Ask about the calls of the whole days before today, by reason and place; what is better is asked no more."""
    today = local_date(day.plan, now)
    if not day.call_scores.looks_on(today.isoformat()):
        return []
    first, last = ((today - timedelta(days=ago)).isoformat() for ago in (DRIFT_DAYS, 1))
    heard = [room for room in day.plan.rooms if _speaks(day, room, now)]
    calls, dark = day.call_scores.between(first, last), _were(day, dark=True)
    drifting = drifts(calls, _were(day), [*heard, *dark])[:MOST_ASKED]
    found = {f"{one.reason or 'unknown'}/{one.place}": one for one in drifting}
    for subject in [one for one in day.attention.of(Topic.DRIFT) if one not in found]:
        day.attention.answered(Topic.DRIFT, subject)
    for subject, one in found.items():
        names, minutes = named(_name(day, room) for room in one.rooms), f"{one.drift_s / 60:+.1f}"
        values = DRIFT_ASKED[one.reason](names, minutes, one.calls, _name(day, one.place), one.rooms)
        day.attention.ask(subject, values, now)
    return []


def _were(day: Day, *, dark: bool = False) -> set[str]:
    """The rooms of which drifts, or dark lamps, were told before; after a restart by the alarms on record."""
    rooms: set[str] = set()
    for entry in day.attention.of(Topic.DRIFT).values():
        if isinstance(entry.values, LampDark) == dark:
            rooms.update(getattr(entry.values, "subjects", ()))
    for alarm in day.alarms.values():
        if alarm.topic == Topic.DRIFT and alarm.active and (alarm.word == LampDark.word) == dark:
            rooms.update(alarm.values.get("subjects", ()))
    return rooms


def _speaks(day: Day, room: str, now: int) -> bool:
    """Whether the room's unit was heard within a day: what it says of its lamp can be believed."""
    state = day.devices.rooms.get(room)
    return state is not None and state.spoke_at is not None and now - state.spoke_at < SPOKE_S


def _name(day: Day, room: str) -> str:
    return day.plan.places[room].name if room in day.plan.places else room
