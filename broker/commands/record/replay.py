"""A stored day through the rules again: `python3 -m broker replay DAY`.

What devices and people said is fed, in the order and at the times in which it was received, to a second bridge over
a scratch store; its visits and calls are compared with those on record. With the same release and settings they are
equal; with a new rule the difference is what the new rule would have done. The second bridge begins as after a restart
at the beginning of the day, with what was learned by then and with the runs and incidents that were going on.
"""

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track as progress
from rich.table import Table

from broker.bridge import Bridge
from broker.ingest.restored.learned import HISTORY_BACK_S
from broker.ingest.restored.reading import ODD
from broker.plan.calendar import day_start_at
from broker.plan.model import Plan
from broker.rules.bookings.asked import BookingDeed
from broker.rules.dispatch.actions import Act, ActionError
from broker.rules.dispatch.dispatch import KEEP_S, OPEN_S
from broker.rules.settings import DispatchSettings
from broker.rules.states.visit import Visit
from broker.rules.tracking.types import FUTURE_S
from broker.store import Record, Store, StoreError, where
from broker.store.opening import open_store, reading_store
from firmware import wire

HEARD = ("fix", "incident", "bins", "lamp", "keeper", "action")
LEARNED = ("leg", "dwell", "start", "error")
GOING_ON = {"run": OPEN_S, "visit": OPEN_S, "workflow": OPEN_S, "closure": OPEN_S, "call": KEEP_S, "action": KEEP_S,
            "bins": KEEP_S, "life": OPEN_S, "fix": 3600}  # kind: how far back it is looked for  # fmt: skip
# How long before the day what was received on it may have happened, for kinds with many records; a press may be older.
LATE_S = dict.fromkeys(("fix", "bins", "lamp", "keeper"), OPEN_S + 86_400)
ROOM_CHANNELS = ("bins", "lamp", "keeper")
COMPARED = ("state", "reason", "due_at", "promised_at", "arrived_at", "left_at")


@dataclass(frozen=True, slots=True)
class Difference:
    """One visit that ended otherwise: `then` on record, `now` by the rules as they are; None = no such visit."""

    visit: str
    then: dict[str, Any] | None
    now: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay saw."""

    records: int
    visits: int
    differences: list[Difference]


class StrangeRecordError(ValueError):
    """A record that today's rules cannot be fed, or compared with."""

    def __init__(self, record: Record, why: Exception) -> None:
        reason = f"{why.args[0]!r} is missing" if isinstance(why, KeyError) else why
        super().__init__(f"the {record.kind} {record.id} is none of this version, and the day cannot be fed: {reason}")


def replay(store: Store, plan: Plan, settings: DispatchSettings, from_at: int, to_at: int, folder: Path) -> Outcome:
    """Feed what was received in from_at <= t < to_at through the rules; `folder` takes the scratch store.

    Raises StrangeRecordError for a record of another version that cannot be fed.
    """
    fed = heard(store, from_at, to_at)
    on_record = _visits(store, from_at, to_at)
    if not fed and not on_record:
        return Outcome(0, 0, [])  # no bridge ran on that day: what one would have planned is no difference
    clock = float(from_at)
    scratch = open_store(folder, area=plan.area_id, timezone=plan.timezone, now=lambda: clock)
    try:
        learned = [record for kind in LEARNED for record in store.scan(kind, from_at - HISTORY_BACK_S, from_at)]
        going_on = _going_on(store, from_at)
        if learned or going_on:
            scratch.append([*learned, *going_on])
        bridge = Bridge(plan, scratch, lambda _topic, _payload, _retained: None, settings)
        bridge.start(clock)
        for record in progress(fed, description="replay", disable=not sys.stderr.isatty(), console=_console()):
            clock = _advance(bridge, clock, record.received_at)
            _feed(bridge, record, clock)
            bridge.flush(clock)
        clock = _advance(bridge, clock, min(to_at, int(clock) + 3600))
        bridge.flush(clock)
        made = _visits(scratch, from_at, to_at)
    finally:
        scratch.close()
    return Outcome(len(fed), len(made), list(_differences(on_record, made)))


def heard(store: Store, from_at: int, to_at: int) -> list[Record]:
    """What was received in that time, in the order in which it was."""
    then = (where("received_at") >= from_at) & (where("received_at") < to_at) & (where("at") < to_at + FUTURE_S)
    found: list[Record] = []
    for kind in HEARD:
        # There is an index of kind and time, none of when it was received: without a bound all years are read.
        query = (where("kind") == kind) & then
        found += store.search(query & (where("at") >= from_at - LATE_S[kind]) if kind in LATE_S else query)
    # What a keeper said by the page came of an action, and comes of it again.
    found = [record for record in found if record.kind != "keeper" or "who" not in record.body]
    found.sort(
        key=lambda record: (record.received_at, record.body.get("boot", 0), record.body.get("seq", 0), record.id)
    )
    return found


def _going_on(store: Store, at: int) -> list[Record]:
    """The newest record of everything, of those that had been received by then."""
    newest: dict[tuple[str, str], Record] = {}
    for kind, back_s in GOING_ON.items():
        then = (where("at") >= at - back_s) & (where("at") < at) & (where("received_at") < at)
        for record in store.search((where("kind") == kind) & then):
            newest[kind, record.key] = record
    return list(newest.values())


def _console() -> Console:
    return Console(stderr=True)


def _advance(bridge: Bridge, clock: float, to_at: int) -> float:
    while clock < to_at:
        clock += 1
        bridge.tick(clock)
    return clock


def _feed(bridge: Bridge, record: Record, now: float) -> None:
    if record.kind == "action":
        fields = {**record.body}
        for name in ("incident", "visit", "device"):
            fields[name] = tuple(fields[name]) if fields.get(name) else None
        fields["version"] = None  # it was the newest then
        with _understanding(record):
            booking = fields.get("booking")
            fields["booking"] = BookingDeed(**{**booking, "version": None, "run_version": None}) if booking else None
            act = Act(**fields)
        try:
            bridge.act(act, now)
        except ActionError:
            pass  # the rules of today do not have it; the comparison shows what came of that
        return
    body = {name: value for name, value in record.body.items() if name != "device"}
    family = "room" if record.kind in ROOM_CHANNELS else "truck"
    with _understanding(record):
        topic = wire.topic(record.kind, bridge.area, record.body["device"], body.get("incident_id", ""), family)
        payload = wire.pack(topic, body)
    bridge.receive(topic, payload, now)


def _visits(store: Store, from_at: int, to_at: int) -> dict[str, Visit]:
    found: dict[str, Visit] = {}
    for record in store.scan("visit", from_at=from_at, to_at=to_at):
        with _understanding(record):
            found[record.key] = Visit.from_body(dict(record.body))
    return found


@contextmanager
def _understanding(record: Record) -> Iterator[None]:
    try:
        yield
    except ODD as why:
        raise StrangeRecordError(record, why) from why


def _differences(then: dict[str, Visit], now: dict[str, Visit]) -> Iterator[Difference]:
    for key in sorted(then | now):
        one, other = _outcome(then.get(key)), _outcome(now.get(key))
        if one != other:
            yield Difference(key, one, other)


def _outcome(visit: Visit | None) -> dict[str, Any] | None:
    return None if visit is None else {name: getattr(visit, name) for name in COMPARED}


def add_commands(subparsers: Any) -> None:
    """Register `replay`."""
    parser = subparsers.add_parser("replay", help="feed a stored day through the rules again and compare")
    parser.add_argument("day", help="the area's day, YYYY-MM-DD")
    parser.add_argument("--json", action="store_true", help="print the differences as JSON")
    parser.set_defaults(run=run_replay)


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as why:
        raise ValueError(f"{text!r} is no day; write it as 2026-11-22") from why
    if not 2000 <= day.year < 2100:
        raise ValueError(f"{text} is not a day from 2000 to 2099")
    return day


def run_replay(args: argparse.Namespace) -> int:
    """Replay one day of the configured bridge's store; 0 equal, 1 different, 2 wrongly asked or not possible."""
    from broker.config import ConfigError, read_config
    from broker.settings import configured_plan, dispatch_settings

    try:
        day = _day(args.day)
        config = read_config(args.config)
        plan = configured_plan(config)
        start, end = day_start_at(plan, day), day_start_at(plan, day + dt.timedelta(days=1))
    except (ValueError, ConfigError) as why:
        print(f"replay: {why}", file=sys.stderr)
        return 2
    try:
        # By today's clock: by another one the store would end its day and begin one of the past.
        with (
            reading_store(config.store.url, plan.area_id, plan.timezone, time.time) as store,
            tempfile.TemporaryDirectory(prefix="zhanpai-replay-") as folder,
        ):
            outcome = replay(store, plan, dispatch_settings(config), start, end, Path(folder))
    except (StrangeRecordError, StoreError, OSError) as why:  # a sealed file is checked when it is first read
        print(f"replay: {why}", file=sys.stderr)
        return 2
    if args.json:
        rows = [{"visit": d.visit, "then": d.then, "now": d.now} for d in outcome.differences]
        print(json.dumps({"records": outcome.records, "visits": outcome.visits, "differences": rows}))
    else:
        _show(outcome)
    return 1 if outcome.differences else 0


def _show(outcome: Outcome) -> None:
    console = Console()
    console.print(f"{outcome.records} records replayed, {outcome.visits} visits, {len(outcome.differences)} different")
    if not outcome.differences:
        return
    table = Table("visit", "what", "on record", "by the rules now")
    for difference in outcome.differences:
        then, now = difference.then or {}, difference.now or {}
        for name in COMPARED:
            if then.get(name) != now.get(name):
                table.add_row(difference.visit, name, str(then.get(name)), str(now.get(name)))
    console.print(table)
