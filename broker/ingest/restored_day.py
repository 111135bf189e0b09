"""The day as it stood: after a restart the dispatch is rebuilt from the newest record of everything."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from broker.ingest.unsaved import Records
from broker.plan.model import Plan
from broker.rules.day.attention import LeftOut
from broker.rules.day.clock import DayClock
from broker.rules.day.day import Day
from broker.rules.dispatch.dispatch import KEEP_S, OPEN_S
from broker.rules.dispatch.incidents.unworked import show_as_said
from broker.rules.dispatch.runs.run_restoring import read_run, restore_run
from broker.rules.effects.attention import ask_about_passed, ask_about_unworked
from broker.rules.learning.history import DwellRecord, ErrorRecord, History, HistorySettings, LegRecord
from broker.rules.settings import DispatchSettings
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit
from broker.rules.tracking.types import GpsFix
from broker.store import Record

log = logging.getLogger("zhanpai.bridge")

HISTORY_BACK_S = 42 * 86400
CORRECTED_S = 60  # our own clock may step by so much; a record from later than that was made while it was ahead
NUMBERED = ("run", "visit", "workflow")  # kinds of ours whose ids end with a number that grows


def restore(store: Records, plan: Plan, settings: DispatchSettings, now: int) -> Day:
    """The Day of `plan` as the store knows it at `now`; records it cannot use are named and left out."""
    history = History(settings.streets, settings.stays, HistorySettings(timezone=plan.timezone))
    restoring = _Restoring(store, Day(plan, settings, history, DayClock(now)), now)
    restoring.learn()
    restoring.runs_and_visits()
    restoring.incidents()
    restoring.devices()
    restoring.day.clock.count_from(max(now * 1000, restoring.highest, _highest_number(store, now - KEEP_S)))
    return restoring.finished()


def restore_beside(store: Records, before: Day, now: int, *, learned_too: bool = True) -> Day:
    """The Day of a bridge that goes on: what is on record, and what devices said and were told last.

    Without `learned_too` what was learned stays as it is: reading six weeks of it takes long.
    """
    settings, history = before.settings, before.history
    if learned_too:
        history = History(settings.streets, settings.stays, history.settings)
    day = Day(before.plan, settings, history, DayClock(now), devices=before.devices)
    day.devices.not_after(now)
    restoring = _Restoring(store, day, now)
    if learned_too:
        restoring.learn()
    restoring.runs_and_visits()
    restoring.incidents()
    for name in day.devices.trucks:
        day.leftovers.follow_later(name)
    day.clock.count_from(max(now * 1000, before.clock.number))
    day.visits.remember(before.visits)
    day.attention.remember(before.attention)
    for run in day.runs.values():
        if run.run_id in before.runs:
            run.keep_version(before.runs[run.run_id].version)
    return restoring.finished()


class _Restoring:
    """One record after the other; of what cannot be understood there is a line in the log."""

    def __init__(self, store: Records, day: Day, now: int) -> None:
        self._store, self.day, self._now = store, day, now
        self._left_out = 0
        self.highest = 0  # the highest number seen in an id

    def finished(self) -> Day:
        """The day, with how much of the record could not be understood."""
        if self._left_out:
            self.day.attention.ask("", LeftOut(self._left_out), self._now)
        return self.day

    def _each(
        self, records: Iterable[Record], take: Callable[[Record], None], *, until_one: bool = False
    ) -> bool:
        """Have all of them taken, or only the first that can be understood; whether the last one could."""
        taken = False
        for record in records:
            taken = False
            try:
                take(record)
                taken = True
                if until_one:
                    break
            except (LookupError, TypeError, ValueError, AttributeError) as why:
                self._left_out += 1
                log.error("record %s cannot be understood and is left out: %r", record.id, why)
        return taken

    def _newest(self, kind: str, back_s: int) -> Iterable[Record]:
        """The newest record of each key: what this bridge decided by its number, whatever the clock did meanwhile."""
        newest = dict(self._store.latest(kind, since_at=self._now - back_s))
        if kind not in NUMBERED:
            return newest.values()
        ahead = any(record.at > self._now + CORRECTED_S for record in newest.values())
        # Of runs and visits there are many: what matters of them, if the clock was not ahead, is of these days.
        look_back_s = back_s if ahead or kind == "workflow" else min(back_s, KEEP_S)
        for record in self._store.scan(kind, from_at=self._now - look_back_s):
            number = _number(record)
            self.highest = max(self.highest, number)
            if number > _number(newest.setdefault(record.key, record)):
                newest[record.key] = record
        return newest.values()

    def learn(self) -> None:
        """What the prediction has seen of ways, stays and its own errors."""
        history = self.day.history

        def errors(record: Record) -> None:
            for error in record.body["errors"]:
                history.learn_error(ErrorRecord.from_body(error))

        learn: dict[str, Callable[[Record], None]] = {
            "leg": lambda record: history.learn_leg(LegRecord.from_body(record.body)),
            "dwell": lambda record: history.learn_dwell(DwellRecord.from_body(record.body)),
            "error": errors,
        }
        for kind, take in learn.items():
            self._each(self._store.scan(kind, from_at=self._now - HISTORY_BACK_S), take)

    def runs_and_visits(self) -> None:
        """The runs that are not over, or were today, with their visits and what a person was asked about them."""
        day = self.day
        runs: dict[str, dict[str, Any]] = {}
        latest_start_at = self._now + day.settings.open_before_s + 86400

        def run(record: Record) -> None:
            fields = read_run(record.body)
            if fields["state"] == "scheduled" and fields["planned_start_at"] > latest_start_at:
                day.runs.forget(fields["run_id"])  # a clock that was ahead opened it; its day will come
                return
            if fields["state"] != "finished" or record.at > self._now - KEEP_S:
                runs[fields["run_id"]] = fields

        def visit(record: Record) -> None:
            if record.body["run_id"] not in runs:
                return
            found = Visit.from_body(dict(record.body))
            if found.room in day.plan.rooms:
                day.visits.place(found)
            else:
                day.leftovers.orphan(found)
                if found.owed or (found.state, found.reason) == ("cancelled", "other"):
                    day.leftovers.at_a_room_gone(found)

        newest = list(self._newest("run", OPEN_S))
        day.runs.found_on_record(record.key for record in newest)
        for record in newest:
            if not self._each([record], run):
                self._each(self._before(record), run, until_one=True)
        self._each(self._newest("visit", OPEN_S), visit)
        for fields in runs.values():
            restore_run(day, fields, self._now)
        for _, asked in day.attention:
            log.error("%s: %s", asked.word, asked.fields())
        for found in list(day.visits.values()):
            if found.run_id not in day.runs:
                day.leftovers.orphan(found)
                day.drop(found.key)
            elif found.passed_at is not None:
                ask_about_passed(day, found, found.passed_at)

    def _before(self, record: Record) -> Iterable[Record]:
        """What was known of a run before a record of it that cannot be understood, the newest first."""
        known = list(self._store.scan(record.kind, from_at=self._now - OPEN_S))
        return [one for one in reversed(known) if one.key == record.key and one.id != record.id]

    def incidents(self) -> None:
        """What was raised and is open, or was closed today; a press that came to nothing is open as it was said."""
        def incident(record: Record) -> None:
            found = Incident.from_body(dict(record.body))
            found = found.not_after(self._now)
            self.day.incidents.place(found)
            ask_about_unworked(self.day, found)
            run = self.day.runs.get(found.run_id or "")
            if found.open and found.reason == "breakdown" and found.condition == "active" and run is not None:
                run.tracker.hold(self._now)

        def press(record: Record) -> None:
            show_as_said(self.day, str(record.body["device"]), record.body, min(record.received_at, self._now))

        self._each(self._newest("workflow", OPEN_S), incident)
        # By when it was heard: the clock of a truck that was off for weeks may say anything of when it was pressed.
        said = (one for one in self._store.scan("incident") if one.received_at >= self._now - OPEN_S)
        self._each(sorted(said, key=_as_heard), press)
        for found in list(self.day.incidents.values()):
            if not found.open and (found.closed_at or 0) <= self._now - KEEP_S:
                self.day.incidents.drop(found.key)

    def devices(self) -> None:
        """Rooms' bins, everybody's life, trucks' last positions."""

        devices = self.day.devices

        def bins(record: Record) -> None:
            room = devices.room(record.key)
            room.said("bins", record.body["boot"], record.body["seq"])
            room.counts(record.body["bins"], record.at)

        def life(record: Record) -> None:
            device = devices.room(record.key) if record.key in self.day.plan.rooms else devices.truck(record.key)
            device.was(record.body["boot"], record.body.get("fw"), record.at)

        self._each(self._newest("bins", KEEP_S), bins)
        self._each(self._newest("life", OPEN_S), life)
        self._each(self._newest("fix", KEEP_S), lambda record: _last_fix(self.day, record, self._now))


def _number(record: Record) -> int:
    """The number at the end of an id that this bridge made, of an incident its version; -1 where there is none."""
    if record.kind == "workflow" and isinstance(record.body.get("version"), int):
        return int(record.body["version"])
    number = record.id.rpartition(":")[2]
    return int(number) if number.isdecimal() else -1


def _as_heard(record: Record) -> tuple[int, Any, Any, str]:
    return record.received_at, record.body.get("boot", 0), record.body.get("seq", 0), record.id


def _highest_number(store: Records, since_at: int) -> int:
    """The highest number in the ids this bridge made: a restart within the same second must not use it again."""
    numbers = [
        _number(record)
        for kind in ("visit", "run", "call", "life", "action")
        for record in store.latest(kind, since_at=since_at).values()
    ]
    return max(numbers, default=0)


def _last_fix(day: Day, record: Record, now: int) -> None:
    body, truck = record.body, day.devices.truck(record.key)
    truck.said("fix", body["boot"], body["seq"])
    if body["lat"] is None or body["lon"] is None or body["late"]:
        return
    fix = GpsFix(record.at, body["lat"], body["lon"], body["speed_mps"])
    if fix.fresh(now) and not fix.ahead(now):
        truck.stands(fix)
        day.leftovers.follow_later(record.key)
