"""The day as it stood: after a restart the dispatch is rebuilt from the newest record of everything."""

import logging
from collections.abc import Mapping
from typing import Any

from broker.rules.history import DwellRecord, ErrorRecord, History, HistorySettings, LegRecord
from broker.rules.incidents import Incident
from broker.rules.legs import LegSettings
from broker.rules.opening import restore_run
from broker.rules.plan import Plan
from broker.rules.shift import BinCount, DispatchSettings, RoomState, Shift, TruckState
from broker.rules.track import GpsFix
from broker.rules.visits import Visit
from broker.store import Record, Store
from firmware import wire

log = logging.getLogger("zhanpai.bridge")

DAY_BACK_S = 36 * 3600  # a run past midnight and the evening before it
HISTORY_BACK_S = 42 * 86400
OPEN_BACK_S = 14 * 86400  # an incident that nobody closed for two weeks is in the record, no longer on the screen


def restore(store: Store, plan: Plan, settings: DispatchSettings, now: int) -> Shift:
    """The Shift of `plan` as the store knows it at `now`; records it cannot use are named and left out."""
    history = HistorySettings(
        timezone=plan.timezone,
        detour_factor=settings.detour_factor,
        legs=LegSettings(default_speed_mps=settings.default_speed_mps),
        stays=settings.stays,
    )
    shift = Shift(plan, settings, History(history), clock=now)
    _learn(store, shift, now)
    runs = [
        record.body
        for record in store.latest("run", since_at=now - OPEN_BACK_S).values()
        if record.body["state"] != "finished" or record.at > now - DAY_BACK_S
    ]
    names = {body["run_id"] for body in runs}
    for record in store.latest("visit", since_at=now - OPEN_BACK_S).values():
        visit = Visit.from_body(dict(record.body))
        if visit.run_id in names and visit.room in plan.rooms:
            shift.place(visit)
    for body in runs:
        restore_run(shift, body)
    for record in store.latest("workflow", since_at=now - OPEN_BACK_S).values():
        incident = Incident.from_body(dict(record.body))
        if incident.open or (incident.closed_at or 0) > now - DAY_BACK_S:
            shift.incidents[incident.key] = incident
        run = shift.runs.get(incident.run_id or "")
        if incident.open and incident.reason == "breakdown" and incident.condition == "active" and run is not None:
            run.tracker.hold(now)
    for device, record in store.latest("bins", since_at=now - DAY_BACK_S).items():
        room = shift.rooms.setdefault(device, RoomState())
        room.order_seen["bins"] = (record.body["boot"], record.body["seq"])
        for row in record.body["bins"]:
            room.bins[row["waste"]] = BinCount(row["count"], row["grams"], row["quality"], record.at)
    for device, record in store.latest("life", since_at=now - OPEN_BACK_S).items():
        state: TruckState | RoomState
        if device in plan.rooms:
            state = shift.rooms.setdefault(device, RoomState())
        else:
            state = shift.trucks.setdefault(device, TruckState())
        state.boot, state.fw = record.body["boot"], record.body.get("fw")
    for device, record in store.latest("fix", since_at=now - DAY_BACK_S).items():
        _last_fix(shift, device, record, now)
    shift.number = max(now * 1000, _highest_number(store, now - DAY_BACK_S))
    return shift


def _highest_number(store: Store, since_at: int) -> int:
    """The highest number in the ids this bridge made: a restart within the same second must not use it again."""
    numbers = [
        int(record.id.rsplit(":", 1)[1])
        for kind in ("visit", "run", "call", "life", "action")
        for record in store.latest(kind, since_at=since_at).values()
        if record.id.rsplit(":", 1)[1].isdigit()
    ]
    return max(numbers, default=0)


def _learn(store: Store, shift: Shift, now: int) -> None:
    from_at = now - HISTORY_BACK_S
    for record in store.scan("leg", from_at=from_at):
        shift.history.learn_leg(LegRecord.from_body(record.body))
    for record in store.scan("dwell", from_at=from_at):
        shift.history.learn_dwell(DwellRecord.from_body(record.body))
    for record in store.scan("error", from_at=from_at):
        for error in record.body["errors"]:
            shift.history.learn_error(ErrorRecord.from_body(error))


def _last_fix(shift: Shift, device: str, record: Record, now: int) -> None:
    body: Mapping[str, Any] = record.body
    truck = shift.trucks.setdefault(device, TruckState())
    truck.order_seen["fix"] = (body["boot"], body["seq"])
    if body["lat"] is None or body["lon"] is None or body["late"] or not 0 <= now - record.at <= wire.NO_DATA_S:
        return
    truck.fix = GpsFix(record.at, body["lat"], body["lon"], body["speed_mps"], record.received_at)
    run = shift.run_of(device)
    if run is not None:
        run.tracker.on_fix(truck.fix, now)
