"""The day as it stood: after a restart the dispatch is rebuilt from the newest record of everything.

At a start whatever fails on one record or run costs that one alone: it is named on the screen, nothing is begun anew
for it, and a press is shown as its device said it. A bridge that goes on has a day to go on with: there only a record
that nobody can understand is left out, and any other fault lets the rebuilding be tried again (`decisions.py`).
"""

import logging
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from broker.ingest.delivery.newest_records import NewestRecords, as_heard, reports_of_rooms
from broker.ingest.delivery.unsaved import Records
from broker.plan.model import Plan
from broker.rules.bookings.book import Round
from broker.rules.collecting.readings import KEPT_S
from broker.rules.day.attention.about_area import LeftOut
from broker.rules.day.attention.about_runs import RunUnread
from broker.rules.day.boots import Boots
from broker.rules.day.clock import DayClock
from broker.rules.day.closures import Closure
from broker.rules.day.day import Day
from broker.rules.day.devices import BEGINS, SILENT
from broker.rules.dispatch.dispatch import KEEP_S, OPEN_S
from broker.rules.dispatch.incidents.keepers import blocked_since
from broker.rules.dispatch.incidents.unworked import show_as_said
from broker.rules.dispatch.runs.run_restoring import read_run, restore_run
from broker.rules.effects.attention import (
    ask_about_boots,
    ask_about_incident,
    ask_about_passed,
    ask_about_stranger,
    ask_as_recorded,
)
from broker.rules.learning.history import History, HistorySettings
from broker.rules.learning.observations import DwellRecord, ErrorRecord, LegRecord, StartRecord
from broker.rules.settings import DispatchSettings
from broker.rules.states.alarm import Alarm
from broker.rules.states.booking import Booking
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit
from broker.rules.statistics.drifts import DRIFT_DAYS
from broker.rules.tracking.types import GpsFix
from broker.store import Record, StoreError

log = logging.getLogger("zhanpai.bridge")

HISTORY_BACK_S = 42 * 86400
ODD = (LookupError, TypeError, ValueError, AttributeError)  # what reading a record that is none of ours ends with
MOST_NAMED = 5
STANDING_S = 35 * 86400  # an alarm that stands for longer was kept again meanwhile
RECALLED_S = 900  # what positions say of a receiver and of a stay is of these minutes


def restore(store: Records, plan: Plan, settings: DispatchSettings, now: int) -> Day:
    """The Day of `plan` as the store knows it at `now`; records it cannot use are named and left out."""
    history = History(settings.streets, settings.stays, HistorySettings(timezone=plan.timezone))
    restoring = _Restoring(store, Day(plan, settings, history, DayClock(now)), now, at_start=True)
    restoring.day.runs.found_on_record(store.latest("run", since_at=now - OPEN_S))
    restoring.step("what was learned", restoring.learn)
    restoring.step("bookings", restoring.bookings)
    restoring.step("runs and visits", restoring.runs_and_visits)
    restoring.step("calls", restoring.calls)
    restoring.step("closed roads", restoring.closures)
    restoring.step("incidents", restoring.incidents)
    restoring.step("presses", restoring.presses)
    restoring.step("alarms", restoring.alarms)
    restoring.step("words of keepers", restoring.lane_words)
    restoring.step("devices", restoring.devices)
    restoring.day.clock.count_from(max(now * 1000, restoring.newest.highest_number()))
    return restoring.finished()


def restore_beside(store: Records, before: Day, now: int, *, learned_too: bool = True) -> Day:
    """The Day of a bridge that goes on: what is on record, and what devices said and were told last.

    Without `learned_too` what was learned stays as it is: reading six weeks of it takes long.
    """
    settings, history = before.settings, before.history
    if learned_too:
        history = History(settings.streets, settings.stays, history.settings)
    day = Day(before.plan, settings, history, DayClock(now), devices=before.devices, duty=before.duty)
    day.devices.not_after(now)
    restoring = _Restoring(store, day, now, at_start=False)
    if learned_too:
        restoring.learn()
    restoring.bookings()
    restoring.runs_and_visits()
    restoring.calls()
    restoring.closures()
    restoring.incidents()
    restoring.presses()
    restoring.alarms()
    restoring.lane_words()
    restoring.readings()  # of a message whose rule failed, too
    restoring.positions()
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

    def __init__(self, store: Records, day: Day, now: int, *, at_start: bool) -> None:
        self._store, self.day, self._now, self._at_start = store, day, now, at_start
        self._left_out: list[str] = []
        self.newest = NewestRecords(store, now)

    def finished(self) -> Day:
        """The day, with how much of the record could not be understood."""
        if self._left_out:
            names = ", ".join([*islice(self._left_out, MOST_NAMED), *("…" for _ in self._left_out[MOST_NAMED:][:1])])
            self.day.attention.ask("", LeftOut(len(self._left_out), names), self._now)
        return self.day

    def step(self, what: str, take: Callable[[], None]) -> None:
        """One part of the day: a fault of ours in it is named and costs the others nothing."""
        try:
            take()
        except Exception as why:  # noqa: BLE001  (at a start there is no other day to go on with)
            self._leave_out(what, why)

    def _leave_out(self, what: str, why: Exception) -> None:
        """Go on without it, if this may be; else it is raised again."""
        if isinstance(why, StoreError) or not (self._at_start or isinstance(why, ODD)):
            raise why
        if what not in self._left_out:  # what is read for two reasons is one record
            self._left_out.append(what)
            log.error("record %s cannot be understood and is left out: %r", what, why)

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
            except Exception as why:  # noqa: BLE001  (judged there)
                self._leave_out(record.id, why)
        return taken

    def learn(self) -> None:
        """What the prediction has seen of ways, stays and its own errors."""
        history = self.day.history

        def errors(record: Record) -> None:
            for error in record.body["errors"]:
                history.learn_error(ErrorRecord.from_body(error))
            history.bands.go_on_from(record.body.get("widths", {}))

        learn: dict[str, Callable[[Record], None]] = {
            "leg": lambda record: history.learn_leg(LegRecord.from_body(record.body)),
            "dwell": lambda record: history.learn_dwell(DwellRecord.from_body(record.body)),
            "start": lambda record: history.learn_start(StartRecord.from_body(record.body)),
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
            if found.room in day.plan.places:
                day.visits.place(found)
            else:
                day.leftovers.orphan(found)
                if found.owed or (found.state, found.reason) == ("cancelled", "other"):
                    day.leftovers.at_a_room_gone(found)

        newest = list(self.newest.of("run", OPEN_S))
        day.runs.found_on_record(record.key for record in newest)
        for record in newest:
            if not self._each([record], run):
                self._each(self._before(record), run, until_one=True)
        self._each(self.newest.of("visit", OPEN_S), visit)
        for fields in runs.values():
            self._run(fields)
        for _, asked in day.attention:
            log.error("%s: %s", asked.word, asked.fields())
        for found in list(day.visits.values()):
            if found.run_id not in day.runs:
                day.leftovers.orphan(found)
                day.drop(found.key)
            elif found.passed_at is not None:
                ask_about_passed(day, found, found.passed_at)

    def calls(self) -> None:
        """What the calls of visits that are known remember, and how those of the last days came out."""

        def call(record: Record) -> None:
            body = record.body
            key = (str(body["run_id"]), str(body["room"]), int(body["visit_number"]))
            if key in self.day.visits:
                self.day.visits.watch(key).remembers(body)

        def over(record: Record) -> None:
            if record.body["how"] is not None:
                self.day.call_scores.take(record, self.day.plan.timezone)

        self._each(self._store.scan("call", from_at=self._now - KEEP_S), call)
        self._each(self.newest.of("call", (DRIFT_DAYS + 2) * 86400), over)

    def _run(self, fields: dict[str, Any]) -> None:
        """A run with its visits; one that cannot be brought back is named, and nobody knows whether its truck comes."""
        day, run_id = self.day, fields["run_id"]
        try:
            restore_run(day, fields, self._now)
        except Exception as why:
            if not self._at_start:
                raise
            self._leave_out(f"run {run_id}", why)
            day.runs.forget(run_id)
            day.runs.found_on_record([run_id])
            day.attention.ask(run_id, RunUnread(fields["truck"], run_id), self._now)
            rooms = [key[1] for key in fields["order"] if key[1] in day.plan.places]
            day.leftovers.cannot_read(rooms, fields["waste"], fields["planned_end_at"] + day.settings.forget_after_s)

    def _before(self, record: Record) -> Iterable[Record]:
        """What was known of a run before a record of it that cannot be understood, the newest first."""
        known = list(self._store.scan(record.kind, from_at=self._now - OPEN_S))
        return [one for one in reversed(known) if one.key == record.key and one.id != record.id]

    def closures(self) -> None:
        """The roads that are closed, or were until lately."""
        self._each(self.newest.of("closure", OPEN_S), lambda one: self.day.closures.keep(Closure.from_body(one.body)))

    def bookings(self) -> None:
        """Every booking that may matter yet, holds too, and the rounds that have their places."""

        def placed(record: Record) -> None:
            make = Round.from_body if record.kind == "round" else Booking.from_body
            self.day.bookings.place(make(dict(record.body)))

        self._each(self.newest.of("round", OPEN_S), placed)
        self._each(self.newest.of("booking", OPEN_S), placed)

    def incidents(self) -> None:
        """What was raised and is open, or was closed today."""

        def incident(record: Record) -> None:
            found = Incident.from_body(dict(record.body))
            found = found.not_after(self._now)
            self.day.incidents.place(found)
            ask_about_incident(self.day, found)
            run = self.day.runs.get(found.run_id or "")
            if found.open and found.reason == "breakdown" and found.condition == "active" and run is not None:
                run.tracker.hold(self._now)

        self._each(self.newest.of("workflow", OPEN_S), incident)

    def presses(self) -> None:
        """A press that came to nothing is open as it was said."""

        def press(record: Record) -> None:
            body, truck = record.body, str(record.body["device"])
            heard_at = min(record.received_at, self._now)
            try:
                show_as_said(self.day, truck, body, heard_at)
            except Exception:
                if self._at_start and (truck, body["incident_id"]) not in self.day.incidents and not body["withdrawn"]:
                    self.day.incidents.place(Incident.pressed(truck, body, heard_at).left_unworked())
                raise

        # By when it was heard: the clock of a truck that was off for weeks may say anything of when it was pressed.
        said = (one for one in self._store.scan("incident") if one.received_at >= self._now - OPEN_S)
        self._each(sorted(said, key=as_heard), press)
        for found in list(self.day.incidents.values()):
            if not found.open and (found.closed_at or 0) <= self._now - KEEP_S:
                self.day.incidents.drop(found.key)

    def alarms(self) -> None:
        """What people have seen, shelved or put out of service, and what they have not; what only devices tell of is
        so until they say otherwise."""

        def alarm(record: Record) -> None:
            found = Alarm.from_body(dict(record.body)).not_after(self._now)
            self.day.alarms.place(found)
            if self._at_start and found.active:
                ask_as_recorded(self.day, found)

        self._each(self.newest.of("alarm", STANDING_S), alarm)

    def lane_words(self) -> None:
        """What keepers said of lanes that are blocked here still: the rule for it may not have come to that yet, and to
        decide on it again changes nothing."""

        def word(record: Record) -> None:
            if record.body["event"] == "lane_clear" and blocked_since(self.day, record.key, record.at):
                self.day.leftovers.say_again(record.key, min(record.at, self._now))

        self._each(self._store.scan("keeper", from_at=self._now - OPEN_S), word)

    def devices(self) -> None:
        """Rooms' bins, everybody's life, trucks' last positions."""

        devices = self.day.devices

        def bins(record: Record) -> None:
            room = devices.room(record.key)
            room.said("bins", record.body["boot"], record.body["seq"])
            room.counts(record.body["bins"], record.at)

        def life(record: Record) -> None:
            family = family_of(record)
            device = devices.room(record.key) if family == "room" else devices.truck(record.key)
            device.was(record.body["boot"], record.body.get("fw"), record.at)
            if record.at > self._now - KEEP_S:
                ask_about_stranger(self.day, family, record.key, self._now)

        def family_of(record: Record) -> str:
            known = record.key in self.day.plan.rooms or record.key in devices.rooms
            return str(record.body.get("family") or ("room" if known else "truck"))  # records of before had none

        def bins_out(record: Record) -> None:
            if record.body["event"] == "bins_out":
                devices.room(record.key).put_out(min(record.at, self._now))

        devices.read_since(self._now - KEPT_S)
        self._each(self.newest.of("bins", KEEP_S), bins)
        self._each(self._store.scan("keeper", from_at=self._now - KEEP_S), bins_out)
        self._each(self.newest.of("life", OPEN_S), life)
        self.readings()
        self.positions()
        self._each(self.newest.of("fix", KEEP_S), lambda record: _last_fix(self.day, record, self._now))

    def positions(self) -> None:
        """What trucks on a run said of late: the newest is what their run goes on from, the others tell of their
        receivers."""
        running = {run.truck: run for run in self.day.runs.values() if self.day.run_of(run.truck) is run}
        held_back: dict[str, GpsFix] = {}

        def position(record: Record) -> None:
            body, run = record.body, running.get(record.key)
            if run is None or run.state != "running" or body["lat"] is None or body["lon"] is None or body["late"]:
                return
            if record.key in held_back:
                run.tracker.recall(held_back[record.key])
            held_back[record.key] = GpsFix.of(body, record.at)

        self._each(self._store.scan("fix", from_at=self._now - RECALLED_S), position)

    def readings(self) -> None:
        """What the rooms' units said in the last hours, and when they fell silent or two spoke under one id."""
        devices, starts = self.day.devices, dict[str, Boots]()

        def read(record: Record) -> None:
            body, heard_at = record.body, record.received_at
            boots = starts.setdefault(record.key, Boots())
            begins = body.get("life") in BEGINS
            if begins or body.get("late") is False:
                boots.heard(body["boot"], body.get("at"), heard_at, begins=begins)
            if record.kind == "life":
                if body["life"] in SILENT and record.key in devices.rooms:
                    devices.room(record.key).fell_silent(record.at)
            elif boots.are_two(heard_at):
                devices.room(record.key).fell_silent(heard_at)
            elif body["at"] is not None or not body["late"]:
                devices.room(record.key).read(body["bins"], record.at, body["boot"], body["seq"])

        lives = self._store.scan("life", from_at=self._now - KEPT_S)
        self._each(sorted([*reports_of_rooms(self._store, self._now), *lives], key=as_heard), read)
        if not self._at_start:  # what was heard then is known
            return
        for name, boots in starts.items():
            room = devices.rooms.get(name)
            device = room or devices.truck(name)
            device.counted(boots)
            if room is not None and boots.are_two(self._now):
                room.counts_nothing()
            ask_about_boots(self.day, name, boots, self._now)


def _last_fix(day: Day, record: Record, now: int) -> None:
    body, truck = record.body, day.devices.truck(record.key)
    truck.said("fix", body["boot"], body["seq"])
    if body["lat"] is None or body["lon"] is None or body["late"]:
        return
    fix = GpsFix.of(body, record.at)
    if fix.fresh(now) and not fix.ahead(now):
        truck.stands(fix)
        day.leftovers.follow_later(record.key)
