"""When a person is asked about runs and visits; an entry has the figures of now, since it was first asked."""

from collections.abc import Callable

from broker.rules.day.attention import about_devices, about_runs
from broker.rules.day.attention.about_devices import PART_ASKED, ClockAhead, LowerBoot, Stranger, TwoDevices
from broker.rules.day.attention.about_presses import NobodyAnswered, PressTakenBack, PressUnworked, PromiseBroken
from broker.rules.day.attention.about_runs import LongStay, PassedBy, RunOwes
from broker.rules.day.attention.asked import Asked, Topic
from broker.rules.day.attention.attention_list import Subject
from broker.rules.day.boots import Boots
from broker.rules.day.day import Day
from broker.rules.day.runs import Run
from broker.rules.effects.effect import Effect
from broker.rules.states.alarm import Alarm
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit

LONG_STAY_S = 45 * 60
MOST_STRANGERS = 50
# What nobody finds anew at once after a restart, for it takes a while of looking or listening: it is so until a device
# says otherwise, or somebody has looked.
SO_AFTER_A_RESTART: dict[str, Callable[..., Asked]] = {
    kind.word: kind
    for kind in (
        ClockAhead, *PART_ASKED.values(),
        about_devices.TruckSilent, about_devices.UnitSilent, about_devices.TrucksSilent, about_devices.EstateSilent,
        about_devices.UnitsSilent,
        about_runs.TruckNotHeard, about_runs.RunNotBegun, about_runs.ExtraTruckNotHeard, about_runs.Standing,
        about_runs.NotOut, about_runs.WillMiss,
    )
}  # fmt: skip


def ask_about_passed(day: Day, visit: Visit, at: int) -> None:
    """Put it on the list of what a person should look at, as long as the visit is owed."""
    if visit.owed:
        day.attention.ask(visit.key, PassedBy(visit.truck, day.plan.places[visit.room].name), at)


def is_overstaying(day: Day, run_id: str, now: int) -> bool:
    """Whether `ask_about_overstaying` has anything to ask; outside of any decision, so nothing here may raise."""
    run = day.runs.get(run_id)
    return run is not None and run.state != "finished" and (_is_over(day, run, now) or bool(_long_stays(day, run, now)))


def ask_about_overstaying(day: Day, run_id: str, now: int) -> list[Effect]:
    """Name the truck of a run if it is at a room for very long, and the run if it is long over and owes visits."""
    run = day.runs.get(run_id)
    if run is None or run.state == "finished":
        return []
    if _is_over(day, run, now):
        day.attention.ask(run.run_id, RunOwes(run.truck, run.run_id, len(day.owed(run))), now)
    for visit, stay_s in _long_stays(day, run, now):
        room = day.plan.places[visit.room].name
        day.attention.ask(visit.key, LongStay(run.truck, run.run_id, room, stay_s // 60), now)
    return []


def _is_over(day: Day, run: Run, now: int) -> bool:
    return now > run.planned_end_at + day.settings.forget_after_s


def _long_stays(day: Day, run: Run, now: int) -> list[tuple[Visit, int]]:
    """Where its truck is for very long, and how long; asked each second, so of those alone at which a truck stands."""
    if run.state != "running":
        return []
    standing = [day.visits[key] for key in run.order if key in day.visits.standing]
    stays = [(visit, now - visit.arrived_at) for visit in standing if visit.arrived_at is not None]
    return [(visit, stay_s) for visit, stay_s in stays if stay_s > LONG_STAY_S]


def ask_about_incident(day: Day, incident: Incident) -> None:
    """What a person should look at in an incident: a press that no rule could work on, addressees that let it down."""
    ask_about_unworked(day, incident)
    _ask_about_answers(day, incident)


def _ask_about_answers(day: Day, incident: Incident) -> None:
    """Nobody answered, or a promise is broken: on the list until somebody there says something, or it is over."""
    for row in incident.answers:
        subject = "/".join((*incident.key, row.id))
        name = day.plan.estates[row.party].name if row.party in day.plan.estates else row.party
        about = (*incident.key, row.addressee, name)
        if row.open and row.state == "told" and row.unanswered_at is not None:
            minutes = (row.unanswered_at - row.told_at) // 60
            day.attention.ask(subject, NobodyAnswered(*about, minutes), row.unanswered_at)
        elif row.open and row.state == "late":
            day.attention.ask(subject, PromiseBroken(*about, row.until_at or row.since_at), row.since_at)
        else:
            day.attention.answered(Topic.ANSWER, subject)


def ask_about_unworked(day: Day, incident: Incident) -> None:
    """A press that no rule could work on is on the list until a person has decided."""
    subject = "/".join(incident.key)
    if incident.open and incident.unworked:
        asked = PressTakenBack if incident.taken_back else PressUnworked
        day.attention.ask(subject, asked(*incident.key), incident.raised_at)
    else:
        day.attention.answered(Topic.PRESS, subject)


def ask_about_stranger(day: Day, family: str, name: str, now: int) -> None:
    """A device that is in no plan is on the list from its first word on."""
    if name in (day.plan.rooms if family == "room" else day.planned_trucks):
        return
    strangers = day.attention.of(Topic.STRANGER)
    if family == "truck" and _has_run(day, name):  # a contractor's, or one whose run left the plan
        if name in strangers:
            day.attention.answered(Topic.STRANGER, name)
        return
    if name not in strangers and len(strangers) < MOST_STRANGERS:
        day.attention.ask(name, Stranger(name), now)


def _has_run(day: Day, truck: str) -> bool:
    """Whether a truck in no plan is known by a run, if only by one that could not be brought back."""
    lost = (*day.attention.of(Topic.GONE).values(), *day.attention.of(Topic.UNREAD).values())
    return day.last_run_of(truck) is not None or truck in (getattr(asked.values, "truck", None) for asked in lost)


def ask_about_boots(day: Day, name: str, boots: Boots, now: int) -> None:
    """Whether a device began anew without saying so, or two of one id speak in turn."""
    believed = boots.believed or 0
    if boots.are_two(now):
        day.attention.ask(name, TwoDevices(name, believed, boots.other or 0), now)
    elif boots.lower is not None:
        day.attention.ask(name, LowerBoot(name, boots.lower, believed), now)
    elif name in day.attention.of(Topic.BOOTS):
        day.attention.answered(Topic.BOOTS, name)


def ask_as_recorded(day: Day, alarm: Alarm) -> None:
    """What a device told of before a restart is asked as it was."""
    kind, subject = SO_AFTER_A_RESTART.get(alarm.word), _subject_of(alarm)
    device = str(subject).partition("/")[0]
    if kind is None or (alarm.topic in (Topic.CLOCK, Topic.PART) and device not in day.planned_trucks):
        return
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in alarm.values.items()}
    day.attention.ask(subject, kind(**values), alarm.since)


def _subject_of(alarm: Alarm) -> Subject:
    """What an alarm is about, behind its topic."""
    subject = alarm.about.partition("/")[2]
    if alarm.topic != Topic.DOOR:
        return subject
    run_id, room, number = subject.rsplit("/", 2)
    return run_id, room, int(number)


def forget_left_out(day: Day, before_at: int) -> None:
    """What was said of runs that are not here, and of rules that failed, was read by now."""
    for topic in (Topic.GONE, Topic.UNREAD, Topic.FAULT):
        for run_id, asked in list(day.attention.of(topic).items()):
            if run_id not in day.runs and asked.since < before_at:
                day.attention.answered(topic, run_id)
