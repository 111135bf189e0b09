"""The day as it stood: after a restart the dispatch is rebuilt from the newest record of everything."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from broker.rules.dispatch import KEEP_S, OPEN_S
from broker.rules.history import DwellRecord, ErrorRecord, History, HistorySettings, LegRecord
from broker.rules.incidents import Incident
from broker.rules.legs import LegSettings
from broker.rules.plan import Plan
from broker.rules.questions import ask_about_passed
from broker.rules.resuming import read_run, restore_run
from broker.rules.shift import Attention, BinCount, DispatchSettings, RoomState, Shift, TruckState
from broker.rules.track import GpsFix
from broker.rules.visits import Visit
from broker.store import Record, Store
from firmware import wire

log = logging.getLogger("zhanpai.bridge")

HISTORY_BACK_S = 42 * 86400


def restore(store: Store, plan: Plan, settings: DispatchSettings, now: int) -> Shift:
    """The Shift of `plan` as the store knows it at `now`; records it cannot use are named and left out."""
    history = HistorySettings(
        timezone=plan.timezone,
        detour_factor=settings.detour_factor,
        legs=LegSettings(default_speed_mps=settings.default_speed_mps),
        stays=settings.stays,
    )
    shift = Shift(plan, settings, History(history), clock=now)
    restoring = _Restoring(store, shift, now)
    restoring.learn()
    restoring.runs_and_visits()
    restoring.incidents()
    restoring.devices()
    if restoring.left_out:
        shift.attention["left_out"] = Attention(now, "left_out", {"count": restoring.left_out})
    shift.number = max(now * 1000, _highest_number(store, now - KEEP_S))
    return shift


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
        return self._store.latest(kind, since_at=self._now - back_s).values()

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

        def run(record: Record) -> None:
            fields = read_run(record.body)
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

        newest = self._store.latest("run", since_at=self._now - OPEN_S)
        shift.recorded.update(newest)
        for record in newest.values():
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


def _highest_number(store: Store, since_at: int) -> int:
    """The highest number in the ids this bridge made: a restart within the same second must not use it again."""
    numbers = [
        int(number)
        for kind in ("visit", "run", "call", "life", "action")
        for record in store.latest(kind, since_at=since_at).values()
        if (number := record.id.rpartition(":")[2]).isdecimal()
    ]
    return max(numbers, default=0)


def _last_fix(shift: Shift, record: Record, now: int) -> None:
    body, device = record.body, record.key
    truck = shift.trucks.setdefault(device, TruckState())
    truck.order_seen["fix"] = (body["boot"], body["seq"])
    if body["lat"] is None or body["lon"] is None or body["late"] or not 0 <= now - record.at <= wire.NO_DATA_S:
        return
    truck.fix = GpsFix(record.at, body["lat"], body["lon"], body["speed_mps"], record.received_at)
    run = shift.run_of(device)
    if run is not None:
        run.tracker.on_fix(truck.fix, now)
