"""Writing down what has become of an alarm; what nobody wants to be told is kept in memory alone."""

from broker.rules.day.attention.asked import Topic
from broker.rules.day.attention.attention_list import About, Subject
from broker.rules.day.day import Day
from broker.rules.effects.effect import Effect, Keep
from broker.rules.states.alarm import Alarm


def put_alarm(day: Day, alarm: Alarm, now: int) -> list[Effect]:
    """Make `alarm` the state of what it is about; each version is kept, and so is one that is kept again."""
    before = day.alarms.get(alarm.about)
    day.alarms.place(alarm)
    if before is not None and (before.version, before.changed_at) == (alarm.version, alarm.changed_at):
        return []  # on the shelf or out of service its condition comes and goes: at a start it is looked for anew
    number = day.clock.next_number()
    return [Keep(f"alarm:{alarm.about}:{number}", "alarm", alarm.about, now, alarm.body())]


def seen_by_deed(day: Day, topic: Topic, subject: Subject, who: str, now: int) -> list[Effect]:
    """Who does what an alarm asks for has seen it by that."""
    alarm = day.alarms.get(About(topic, subject).id)
    if alarm is None or alarm.state not in ("unseen_active", "gone_unseen"):
        return []
    return put_alarm(day, alarm.seen(who, now), now)
