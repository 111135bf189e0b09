"""The day as it stood: after a restart the dispatch is rebuilt from the newest record of everything."""

from broker.ingest.delivery.unsaved import Records
from broker.ingest.restored.devices import devices, positions, readings
from broker.ingest.restored.incidents import alarms, incidents, lane_words, presses
from broker.ingest.restored.learned import learn
from broker.ingest.restored.reading import Reading
from broker.ingest.restored.runs import bookings, calls, closures, runs_and_visits
from broker.plan.model import Plan
from broker.rules.day.clock import DayClock
from broker.rules.day.day import Day
from broker.rules.dispatch.dispatch import OPEN_S
from broker.rules.learning.history import History, HistorySettings
from broker.rules.settings import DispatchSettings


def restore(store: Records, plan: Plan, settings: DispatchSettings, now: int) -> Day:
    """The Day of `plan` as the store knows it at `now`; records it cannot use are named and left out."""
    history = History(settings.streets, settings.stays, HistorySettings(timezone=plan.timezone))
    reading = Reading(store, Day(plan, settings, history, DayClock(now)), now, at_start=True)
    reading.day.runs.found_on_record(store.latest("run", since_at=now - OPEN_S))
    reading.step("what was learned", learn)
    reading.step("bookings", bookings)
    reading.step("runs and visits", runs_and_visits)
    reading.step("calls", calls)
    reading.step("closed roads", closures)
    reading.step("incidents", incidents)
    reading.step("presses", presses)
    reading.step("alarms", alarms)
    reading.step("words of keepers", lane_words)
    reading.step("devices", devices)
    reading.day.clock.count_from(max(now * 1000, reading.newest.highest_number()))
    return reading.finished()


def restore_beside(store: Records, before: Day, now: int, *, learned_too: bool = True) -> Day:
    """The Day of a bridge that goes on: what is on record, and what devices said and were told last.

    Without `learned_too` what was learned stays as it is: reading six weeks of it takes long.
    """
    settings, history = before.settings, before.history
    if learned_too:
        history = History(settings.streets, settings.stays, history.settings)
    day = Day(before.plan, settings, history, DayClock(now), devices=before.devices, duty=before.duty)
    day.devices.not_after(now)
    reading = Reading(store, day, now, at_start=False)
    if learned_too:
        learn(reading)
    bookings(reading)
    runs_and_visits(reading)
    calls(reading)
    closures(reading)
    incidents(reading)
    presses(reading)
    alarms(reading)
    lane_words(reading)
    readings(reading)  # of a message whose rule failed, too
    positions(reading)
    for name in day.devices.trucks:
        day.leftovers.follow_later(name)
    day.clock.count_from(max(now * 1000, before.clock.number))
    day.visits.remember(before.visits)
    day.attention.remember(before.attention)
    for run in day.runs.values():
        if run.run_id in before.runs:
            run.keep_version(before.runs[run.run_id].version)
    return reading.finished()
