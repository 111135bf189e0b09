"""The day as it stood: after a restart the dispatch is rebuilt from the newest record of everything."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from broker.plan.model import Plan
from broker.rules.dispatch.attention import ask_about_passed
from broker.rules.dispatch.day import Attention, BinCount, RoomState, Shift, TruckState
from broker.rules.dispatch.dispatch import KEEP_S, OPEN_S
from broker.rules.dispatch.run_restoring import read_run, restore_run
from broker.rules.learning.history import DwellRecord, ErrorRecord, History, HistorySettings, LegRecord
from broker.rules.settings import DispatchSettings
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit
from broker.rules.tracking.tracker import GpsFix
from broker.store import Record, Store

log = logging.getLogger("zhanpai.bridge")

HISTORY_BACK_S = 42 * 86400
CORRECTED_S = 60  # our own clock may step by so much; a record from later than that was made while it was ahead
NUMBERED = ("run", "visit", "workflow")  # kinds of ours whose ids end with a number that grows


def restore(store: Store, plan: Plan, settings: DispatchSettings, now: int) -> Shift:
    """The Shift of `plan` as the store knows it at `now`; records it cannot use are named and left out."""
    history = History(settings.streets, settings.stays, HistorySettings(timezone=plan.timezone))
    shift = Shift(plan, settings, history, clock=now)
    restoring = _Restoring(store, shift, now)
    restoring.learn()
    restoring.runs_and_visits()
    restoring.incidents()
    restoring.devices()
    if restoring.left_out:
        shift.attention["left_out"] = Attention(now, "left_out", {"count": restoring.left_out})
    shift.number = max(now * 1000, _highest_number(store, now - KEEP_S))
    return shift


def restore_beside(store: Store, before: Shift, now: int) -> Shift:
    """The Shift of a bridge that goes on though its clock was ahead: what is on record, and what devices said last."""
    shift = restore(store, before.plan, before.settings, now)
    shift.trucks, shift.rooms = before.trucks, before.rooms
    for run in shift.runs.values():
        told = before.runs.get(run.run_id)
        run.version = max(run.version, told.version if told else 0)  # its truck ignores a lower one
    for truck in shift.trucks.values():
        truck.heard_at = _past(truck.heard_at, now)
        if truck.fix is not None and truck.fix.fix_at > now:
            truck.fix = None
    for room in shift.rooms.values():
        room.heard_at, room.lamps_at = _past(room.heard_at, now), _past(room.lamps_at, now)
        room.bins_out_at = _past(room.bins_out_at, now)
        for count in room.bins.values():
            count.at = min(count.at, now)
    return shift


def _past(at: int | None, now: int) -> int | None:
    """A moment of a clock that may have been ahead: no later than now."""
    return None if at is None else min(at, now)


class _Restoring:
    """One record after the other; of what cannot be understood there is a line in the log."""

    def __init__(self, store: Store, shift: Shift, now: int) -> None:
        self._store, self._shift, self._now = store, shift, now
        self.left_out = 0

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
                self.left_out += 1
                log.error("record %s cannot be understood and is left out: %r", record.id, why)
        return taken

    def _newest(self, kind: str, back_s: int) -> Iterable[Record]:
        found = self._store.latest(kind, since_at=self._now - back_s)
        if kind not in NUMBERED or all(record.at <= self._now + CORRECTED_S for record in found.values()):
            return found.values()
        # Some are from a clock that was ahead. What came after them is newer, whatever its time: by their numbers.
        newest: dict[str, Record] = {}
        for record in self._store.scan(kind, from_at=self._now - back_s):
            known = newest.get(record.key)
            if known is None or _number(record) > _number(known):
                newest[record.key] = record
        return newest.values()

    def learn(self) -> None:
        """What the prediction has seen of ways, stays and its own errors."""
        history = self._shift.history

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
        shift = self._shift
        runs: dict[str, dict[str, Any]] = {}
        latest_start_at = self._now + shift.settings.open_before_s + 86400

        def run(record: Record) -> None:
            fields = read_run(record.body)
            if fields["state"] == "scheduled" and fields["planned_start_at"] > latest_start_at:
                shift.recorded.discard(fields["run_id"])  # a clock that was ahead opened it; its day will come
                return
            if fields["state"] != "finished" or record.at > self._now - KEEP_S:
                runs[fields["run_id"]] = fields

        def visit(record: Record) -> None:
            found = Visit.from_body(dict(record.body))
            if found.run_id not in runs:
                return
            if found.room in shift.plan.rooms:
                shift.place(found)
            else:
                shift.orphaned.add((found.room, found.waste))
                if found.owed or (found.state, found.reason) == ("cancelled", "other"):
                    shift.gone.append(found)

        newest = list(self._newest("run", OPEN_S))
        shift.recorded.update(record.key for record in newest)
        for record in newest:
            if not self._each([record], run):
                self._each(self._before(record), run, until_one=True)
        self._each(self._newest("visit", OPEN_S), visit)
        for fields in runs.values():
            restore_run(shift, fields, self._now)
        for about in shift.attention.values():
            log.error("%s: %s", about.word, about.values)
        for found in list(shift.visits.values()):
            if found.run_id not in shift.runs:
                shift.orphaned.add((found.room, found.waste))
                shift.drop(found.key)
            elif found.passed_at is not None:
                ask_about_passed(shift, found, found.passed_at)

    def _before(self, record: Record) -> Iterable[Record]:
        """What was known of a run before a record of it that cannot be understood, the newest first."""
        known = list(self._store.scan(record.kind, from_at=self._now - OPEN_S))
        return [one for one in reversed(known) if one.key == record.key and one.id != record.id]

    def incidents(self) -> None:
        """What was raised and is open, or was closed today."""

        def incident(record: Record) -> None:
            found = Incident.from_body(dict(record.body))
            found = replace(  # by times of a clock that was ahead its alarm would not repeat for as long
                found,
                changed_at=min(found.changed_at, self._now),
                repeated_at=_past(found.repeated_at, self._now),
                acknowledged_at=_past(found.acknowledged_at, self._now),
            )
            if found.open or (found.closed_at or 0) > self._now - KEEP_S:
                self._shift.incidents[found.key] = found
            run = self._shift.runs.get(found.run_id or "")
            if found.open and found.reason == "breakdown" and found.condition == "active" and run is not None:
                run.tracker.hold(self._now)

        self._each(self._newest("workflow", OPEN_S), incident)

    def devices(self) -> None:
        """Rooms' bins, everybody's life, trucks' last positions."""

        def bins(record: Record) -> None:
            room = self._shift.rooms.setdefault(record.key, RoomState())
            room.order_seen["bins"] = (record.body["boot"], record.body["seq"])
            for row in record.body["bins"]:
                room.bins[row["waste"]] = BinCount(row["count"], row["grams"], row["quality"], record.at)

        def life(record: Record) -> None:
            state: TruckState | RoomState
            if record.key in self._shift.plan.rooms:
                state = self._shift.rooms.setdefault(record.key, RoomState())
            else:
                state = self._shift.trucks.setdefault(record.key, TruckState())
            state.boot, state.fw = record.body["boot"], record.body.get("fw")

        self._each(self._newest("bins", KEEP_S), bins)
        self._each(self._newest("life", OPEN_S), life)
        self._each(self._newest("fix", KEEP_S), lambda record: _last_fix(self._shift, record, self._now))


def _number(record: Record) -> int:
    """The number at the end of an id that this bridge made; -1 where there is none."""
    number = record.id.rpartition(":")[2]
    return int(number) if number.isdecimal() else -1


def _highest_number(store: Store, since_at: int) -> int:
    """The highest number in the ids this bridge made: a restart within the same second must not use it again."""
    numbers = [
        _number(record)
        for kind in ("visit", "run", "call", "life", "action")
        for record in store.latest(kind, since_at=since_at).values()
    ]
    return max(numbers, default=0)


def _last_fix(shift: Shift, record: Record, now: int) -> None:
    body, device = record.body, record.key
    truck = shift.trucks.setdefault(device, TruckState())
    truck.order_seen["fix"] = (body["boot"], body["seq"])
    if body["lat"] is None or body["lon"] is None or body["late"]:
        return
    fix = GpsFix(record.at, body["lat"], body["lon"], body["speed_mps"])
    if not fix.fresh(now) or fix.ahead(now):
        return
    truck.fix = fix
    run = shift.run_of(device)
    if run is not None:
        run.tracker.on_fix(fix)
