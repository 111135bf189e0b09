"""What a person must act on, found by looking at each run every LOOK_EVERY_S: not begun, standing, late, full, a door
with its bins inside, a room whose sensors contradict; and too many alarms at once.

One cause, one finding: of a truck that is silent nothing else is said, and while its driver's press is open nobody is
told that it stands or will be late. What is not known yet after a restart is as it was before.
"""

from collections.abc import Sequence
from itertools import islice

from broker.rules.collecting.readings import USELESS
from broker.rules.day.attention.about_area import AlarmFlood
from broker.rules.day.attention.about_devices import SensorDisagrees
from broker.rules.day.attention.about_runs import (
    ExtraTruckNotHeard,
    NotOut,
    RunNotBegun,
    Standing,
    TruckFull,
    TruckNotHeard,
    WillMiss,
)
from broker.rules.day.attention.asked import Asked, Topic
from broker.rules.day.attention.attention_list import Subject
from broker.rules.day.day import Day
from broker.rules.day.devices import SILENT, TruckState
from broker.rules.day.runs import Run
from broker.rules.dispatch.alarms.silences import is_silent
from broker.rules.dispatch.visits.extra_truck import may_load
from broker.rules.effects.effect import Effect
from broker.rules.states.visit import Visit
from broker.rules.statistics.cube import disagreements

LOOK_EVERY_S = 10
MOST_ABLE = 5
ENOUGH_BETTER = 0.8  # of what made it late enough to be said: what wavers about that is said once
DISAGREED_S = 12 * 3600  # how long a contradiction is on the list if nobody comes there again
DOUBTS = {"count_rose", "weight_rose", "sensors_doubtful"}  # what says nothing against the crew; the figures have them
FLOOD_S = 600
FLOOD_BEGINS, FLOOD_ENDS = 10, 5  # alarms in ten minutes (EEMUA 191): it begins above, and ends below


def idle_trucks(day: Day) -> tuple[str, ...]:
    """Who is on no run, by name: looked up once for all runs."""
    return tuple(sorted(name for name in day.planned_trucks if day.run_of(name) is None))


def look_at_run(day: Day, run_id: str, idle: Sequence[str], now: int) -> list[Effect]:
    """Ask about a run what there is to be asked now; `idle` trucks might help it."""
    run = day.runs.get(run_id)
    if run is None or run.state == "finished" or day.devices.hears_since is None:
        return []
    is_on_it = day.run_of(run.truck) is run
    heard_s = now - day.devices.hears_since
    _ask_or_not(day, Topic.BEGIN, run_id, _begin(day, run, heard_s, now) if is_on_it else None, now)
    if run.state == "running" and is_on_it and is_silent(day, run.truck):
        return []  # whatever was asked of it may be so still
    under_way = run.state == "running" and is_on_it
    pressed = any(one.open for one in day.incidents.of_truck(run.truck))
    _ask_or_not(day, Topic.ROAD, run_id, _standing(day, run, heard_s, now) if under_way and not pressed else None, now)
    _ask_or_not(day, Topic.WAY, f"{run_id}/full", _full(day, run) if under_way else None, now)
    late = _late(day, run, idle, now) if under_way and not pressed else None
    _ask_or_not(day, Topic.WAY, f"{run_id}/late", late, now)
    for visit in day.visits.of(run.order):
        if visit.state == "at_stop" or visit.key in day.attention.of(Topic.DOOR):
            _ask_or_not(day, Topic.DOOR, visit.key, _not_out(day, visit, now), now)
    return []


def look_around(day: Day, now: int) -> list[Effect]:
    """Ask no more about runs that are over; look at the sensors of rooms, and at the alarms themselves."""
    going = {run.run_id for run in day.runs.values() if run.state != "finished"}
    for topic in (Topic.BEGIN, Topic.ROAD, Topic.WAY, Topic.DOOR):
        for subject in list(day.attention.of(topic)):
            run_id = subject[0] if isinstance(subject, tuple) else subject.partition("/")[0]
            if run_id not in going:
                day.attention.answered(topic, subject)
    _look_at_sensors(day, now)
    _look_at_alarms(day, now)
    return []


def _ask_or_not(day: Day, topic: Topic, subject: Subject, values: Asked | None, now: int) -> None:
    if values is not None:
        day.attention.ask(subject, values, now)
    elif subject in day.attention.of(topic):
        day.attention.answered(topic, subject)


def _was_asked(day: Day, topic: Topic, subject: Subject) -> Asked | None:
    entry = day.attention.of(topic).get(subject)
    return None if entry is None else entry.values


def _begin(day: Day, run: Run, heard_s: int, now: int) -> Asked | None:
    """Whether a run that should begin does, and whether its truck is there for it."""
    late_s, settings = now - run.planned_start_at, day.settings.alarms
    if run.state != "scheduled" or late_s < -settings.heard_before_s:
        return None
    progress = run.tracker.progress(now)
    if progress.started and progress.still_s < settings.truck_silent_s and not progress.stale:
        return None  # it drives to its first room
    truck = day.devices.trucks.get(run.truck) or TruckState()
    is_heard = now - (truck.spoke_at or 0) < settings.truck_silent_s
    if not is_heard and heard_s < settings.truck_silent_s:
        return _was_asked(day, Topic.BEGIN, run.run_id)  # nobody knows yet
    if not is_heard and run.trip_id not in day.plan.runs:
        is_late = late_s >= settings.truck_silent_s
        return ExtraTruckNotHeard(run.truck, run.run_id, late_s // 60) if is_late else None
    if late_s >= settings.not_begun_s + max(0, _expected_late_s(day, run)):
        return RunNotBegun(run.truck, run.run_id, late_s // 60)
    return None if is_heard else TruckNotHeard(run.truck, run.run_id, max(0, -late_s // 60))


def _expected_late_s(day: Day, run: Run) -> int:
    """How much later than planned the run's first room is expected, as its truck usually begins."""
    owed = day.owed(run)
    eta = run.etas.get(owed[0].key) if owed else None
    usual = eta is not None and eta.label in ("history", "live")
    return 0 if eta is None or not usual or not owed[0].planned_at else min(
        day.settings.alarms.not_begun_s, eta.eta_at - owed[0].planned_at
    )


def _standing(day: Day, run: Run, heard_s: int, now: int) -> Asked | None:
    """Whether its truck stands on the road; after a restart as before, as long as it was not seen to drive."""
    truck, owed = day.devices.trucks.get(run.truck) or TruckState(), day.owed(run)
    fix = truck.fix
    if fix is None or not owed or not fix.fresh(now):
        return _was_asked(day, Topic.ROAD, run.run_id)
    progress = run.tracker.progress(now)
    if not progress.started or progress.status == "STOPPED_AT" or run.tracker.stands_at(owed[0].key[1:]):
        return None
    if now < (owed[0].not_before_at or 0):
        return None  # it waits for a window, or until a road is free
    if run.full_at is not None and (run.away_until is None or now < run.away_until):
        return None  # it is emptied at the station
    if progress.still_s >= day.settings.alarms.standing_s:
        room = day.plan.places[owed[0].room].name
        return Standing(run.truck, run.run_id, room, progress.still_s // 60)
    stood_since_start = progress.still_s >= heard_s - day.settings.alarms.truck_silent_s
    return _was_asked(day, Topic.ROAD, run.run_id) if stood_since_start else None


def _full(day: Day, run: Run) -> Asked | None:
    """Whether its truck has loaded what it can, and is emptied next."""
    owed = [visit for visit in day.owed(run) if not visit.by_appointment]
    if run.full_at is None or run.capacity_bins is None or not owed:
        return None
    return TruckFull(run.truck, run.run_id, run.capacity_bins, run.capacity_bins, len(owed))


def _late(day: Day, run: Run, idle: Sequence[str], now: int) -> Asked | None:
    """Which of its first visits will be far too late or after the shift, as it goes now."""
    asked = _was_asked(day, Topic.WAY, f"{run.run_id}/late")
    truck = day.devices.trucks.get(run.truck) or TruckState()
    if truck.fix is None or not truck.fix.fresh(now):
        return asked
    limit_s = day.settings.alarms.misses_s * (1.0 if asked is None else ENOUGH_BETTER)
    late: list[tuple[int, Visit]] = []
    for visit in day.owed(run):
        eta = run.etas.get(visit.key)
        if eta is None or visit.planned_at is None or not visit.original:
            continue
        late_s = eta.eta_at - visit.planned_at
        after_shift = run.shift_end_at is not None and eta.eta_at > run.shift_end_at
        if late_s >= limit_s or after_shift:
            late.append((late_s, visit))
    if not late:
        return None
    worst_s, worst = max(late, key=lambda one: (one[0], one[1].key))
    room = day.plan.places[worst.room].name
    return WillMiss(run.truck, run.run_id, room, worst_s // 60, len(late), _able(day, run, idle, now))


def _able(day: Day, run: Run, idle: Sequence[str], now: int) -> str:
    """Which of those that are on no run now may load what it loads."""
    able = (name for name in idle if name != run.truck and run.waste in may_load(day, name, now))
    return " ".join(islice(able, MOST_ABLE)) or "—"


def _not_out(day: Day, visit: Visit, now: int) -> Asked | None:
    """Whether a truck stands at a door behind which nothing was moved since it was called."""
    if visit.state != "at_stop" or visit.by_appointment or visit.arrived_at is None:
        return None
    if now - visit.arrived_at < day.settings.alarms.not_out_s:
        return None
    room = day.devices.rooms.get(visit.room)
    inside = room.bins.get(visit.waste) if room is not None else None
    if room is None or inside is None or not inside.count or inside.quality >= USELESS or room.life in SILENT:
        return None
    said_out_at, waited = room.bins_out_at or 0, visit.bins_before
    if said_out_at >= (visit.due_at or visit.arrived_at) or waited is None or inside.count < waited:
        return None
    return NotOut(visit.truck, day.plan.places[visit.room].name, inside.count)


def _look_at_sensors(day: Day, now: int) -> None:
    """The newest settled visit of each room and kind: does it contradict itself?"""
    newest: dict[tuple[str, str], tuple[int, Visit]] = {}
    over_until, over_since = now - day.settings.bins_back_s, now - DISAGREED_S
    for visit in day.visits.values():
        over_at = visit.left_at if visit.state == "served" else visit.arrived_at if visit.state == "skipped" else None
        if over_at is None or not over_since < over_at <= over_until:
            continue
        place = visit.room, visit.waste
        if place not in newest or newest[place][0] < over_at:
            newest[place] = over_at, visit
    settled = (one for _, one in newest.values())
    wrong = {f"{one.room}/{one.waste}": one for one in settled if day.visits.made_of(one, _contradicts_itself)}
    for subject in [one for one in day.attention.of(Topic.SENSOR) if one not in wrong]:
        day.attention.answered(Topic.SENSOR, subject)
    for subject, visit in wrong.items():
        day.attention.ask(subject, SensorDisagrees(day.plan.places[visit.room].name, visit.truck), now)


def _contradicts_itself(visit: Visit) -> bool:
    return bool({*disagreements(visit.body())} - DOUBTS)


def _look_at_alarms(day: Day, now: int) -> None:
    """Whether more come than a person can work through; said once, until it is over."""
    since = now - FLOOD_S
    alarms = sum(one.announced_at is not None and one.announced_at > since and one.topic != Topic.FLOOD
                 for one in day.alarms.values())  # fmt: skip
    count = alarms + sum(one.raised_at > since for one in day.incidents.values())
    flooded = day.attention.of(Topic.FLOOD)
    if count > FLOOD_BEGINS and not flooded:
        day.attention.ask("", AlarmFlood(count), now)
    elif count < FLOOD_ENDS and flooded:
        day.attention.answered(Topic.FLOOD, "")
