"""What becomes of alarms: their conditions begin and end, shelves run out, people see, shelve and put out of service.

A condition that is gone for `gone_after_s` has ended; one that comes back before is the same alarm still. While nothing
is heard of anybody no condition of a device ends: nobody knows.
"""

from broker.rules.day.attention.asked import Topic
from broker.rules.day.attention.attention_list import Attention
from broker.rules.day.day import Day
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.effects.alarms import put_alarm
from broker.rules.effects.effect import Effect
from broker.rules.states.alarm import LONGEST_SHELF_S, Alarm

KEPT_AGAIN_S = 7 * 86400  # what stands for longer is kept again: whoever starts reads the last weeks only


def to_settle(day: Day, now: int) -> list[str]:
    """What the alarms are about that the conditions, or time, change now."""
    conditions = day.attention.by_id()
    if not conditions and not day.alarms:  # asked each second
        return []
    due = [about for about, entry in conditions.items() if _after(day, about, entry, now, frozenset()) is not None]
    others = [about for about, alarm in day.alarms.items() if about not in conditions and not _rests(alarm, now)]
    if others:
        covered = day.attention.covered()
        due += [about for about in others if _after(day, about, None, now, covered) is not None]
    return due


def _rests(alarm: Alarm, now: int) -> bool:
    """Whether time alone brings nothing to an alarm whose condition is gone: as of most, once they are a day old."""
    if alarm.active or alarm.state == "shelved":
        return False
    return alarm.over or now - alarm.changed_at < KEPT_AGAIN_S


def settle(day: Day, about: str, now: int) -> list[Effect]:
    """One of them."""
    conditions = day.attention.by_id()
    covered = frozenset[str]() if about in conditions else day.attention.covered()  # of what is so, all the same
    after = _after(day, about, conditions.get(about), now, covered)
    return [] if after is None else put_alarm(day, after, now)


def _after(
    day: Day, about: str, entry: Attention | None, now: int, covered: frozenset[str]
) -> Alarm | None:
    """What an alarm becomes; None where it stays as it is."""
    alarm = day.alarms.get(about)
    if entry is not None:
        return _with_condition(day, about, alarm, entry, now)
    if alarm is None:
        return None
    if alarm.active:
        if about in covered:
            return alarm.covered(now)
        if _is_gone(day, alarm, now):
            return alarm.ended(now)
    return _by_time(alarm, now)


def _with_condition(day: Day, about: str, alarm: Alarm | None, entry: Attention, now: int) -> Alarm | None:
    values = entry.values
    day.alarms.found(about)
    if alarm is None:
        alarm = Alarm(about, entry.word, values.level, entry.fields(), entry.since)
    if not alarm.active:
        return alarm.begun(entry.word, values.level, entry.fields(), entry.since, now)
    if alarm.is_worse(entry.word, values.level):
        return alarm.worsened(entry.word, values.level, entry.fields(), now)
    return _by_time(alarm, now)


def _by_time(alarm: Alarm, now: int) -> Alarm | None:
    if alarm.shelf_over(now):
        return alarm.unshelved(now)
    if not alarm.over and now - alarm.changed_at >= KEPT_AGAIN_S:
        return alarm.kept_again(now)
    return None


def _is_gone(day: Day, alarm: Alarm, now: int) -> bool:
    """Whether its condition was not found for long enough, by somebody who would have heard of it."""
    away_since = day.alarms.away_since(alarm.about, now)
    if alarm.topic in OF_DEVICES:
        heard_since = day.devices.hears_since
        if heard_since is None:
            return False
        away_since = max(away_since, heard_since)
    return now - away_since >= day.settings.alarms.gone_after_s


OF_DEVICES = frozenset({Topic.CLOCK, Topic.PART, Topic.LIMIT, Topic.STRANGER, Topic.BOOTS, Topic.SILENT, Topic.SENSOR})


def is_of_device(alarm: Alarm) -> bool:
    """Whether it is about a truck's computer or a room's unit, which a technician may put out of service."""
    return alarm.topic in OF_DEVICES


def act_on_alarm(day: Day, act: Act, now: int) -> list[Effect]:
    """What a person does about an alarm; AlarmError or ActionError where it cannot be done."""
    alarm = day.alarms.by_id(act.alarm or "")
    if alarm is None:
        raise ActionError("no such alarm; it may be over for more than a day", missing=True)
    if act.version is not None and act.version != alarm.version:
        text = f"the alarm has changed meanwhile (version {alarm.version}): look again, then decide"
        raise ActionError(text, stale=True)
    return put_alarm(day, _done(alarm, act, now), now)


def _done(alarm: Alarm, act: Act, now: int) -> Alarm:
    if act.action == "see_alarm":
        return alarm.seen(act.who, now)
    if act.action == "shelve_alarm":
        if act.shelf_s is None or not 0 < act.shelf_s <= LONGEST_SHELF_S:
            raise ActionError(f"shelving needs its end: shelf_s, 1 to {LONGEST_SHELF_S}; for longer: out of service")
        return alarm.shelved(act.who, now + act.shelf_s, act.why, now)
    if act.action == "unshelve_alarm":
        return alarm.unshelved(now, act.who)
    if act.action == "take_out_alarm":
        return alarm.taken_out(act.who, act.why, now)
    return alarm.put_back(act.who, now)
