"""A morning that can be played again and again from one point, each time with a fault at another place."""

import copy
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from broker.bridge import Bridge
from broker.ingest.restored.day import restore
from broker.plan.geometry import lengths_m
from broker.plan.streets import streets_of
from broker.rules.day.attention.about_runs import PassedBy
from broker.rules.day.attention.alarms import Alarms
from broker.rules.day.attention.asked import Topic
from broker.rules.day.attention.attention_list import AttentionList
from broker.rules.day.day import Day
from broker.rules.day.devices import RoomState, TruckState
from broker.rules.day.incidents import Incidents
from broker.rules.day.runs import Runs
from broker.rules.day.told import Told
from broker.rules.day.visits import Visits
from broker.rules.effects.effect import Keep, Notice, Publish
from broker.rules.tracking.tracker import RunTracker
from broker.store import Receipt, Record, StoreError
from broker.web.view.picture import snapshot
from tests.support.bridge.morning import Morning

# Where a decision is interrupted: at each effect before it is made, at each change of the day after it was made.
EFFECTS = [(Keep, "__init__"), (Publish, "__init__"), (Notice, "__init__")]
DEEDS = [
    (Visits, "place"), (Incidents, "place"), (Alarms, "place"), (Runs, "keep"), (AttentionList, "ask"),
    (Told, "tell_room"), (Told, "tell_truck"), (RunTracker, "set_visits"), (RunTracker, "hold"),
    (RunTracker, "release"), (RoomState, "counts"), (TruckState, "stands"),
]  # fmt: skip


class InjectedError(RuntimeError):
    """A fault of our own, put into a rule."""


class MemoryStore:
    """A record that can be copied: what the bridge asks of a store, over a dictionary."""

    def __init__(self, records: Mapping[str, Record]) -> None:
        self.records = dict(records)
        self.full = False

    def append(self, records: Sequence[Record], *, urgent: bool = False) -> Receipt:
        """All of them; a known id is a duplicate."""
        del urgent
        if self.full:
            raise StoreError("no space left")
        fresh = [record for record in records if record.id not in self.records]
        self.records.update({record.id: record for record in fresh})
        return Receipt.of([record.id for record in records], [record.id for record in fresh])

    def get(self, record_id: str) -> Record | None:
        """By id."""
        return self.records.get(record_id)

    def scan(self, kind: str, from_at: int | None = None) -> Iterator[Record]:
        """By (at, id)."""
        found = [one for one in self.records.values() if one.kind == kind and (from_at is None or one.at >= from_at)]
        return iter(sorted(found, key=lambda record: (record.at, record.id)))

    def latest(self, kind: str, key: str | None = None, since_at: int | None = None) -> Mapping[str, Record]:
        """The newest of each key."""
        return {record.key: record for record in self.scan(kind, since_at) if key in (None, record.key)}

    def health(self) -> Mapping[str, object]:
        """Nothing is known to be wrong."""
        return {}

    def close(self) -> None:
        """Nothing to release."""


class Rehearsal(Morning):
    """A `Morning` over a record in memory."""

    def __init__(self, **more: Any) -> None:
        self.kept: dict[str, Record] = {}
        super().__init__(Path(), **more)

    def open(self) -> None:
        """Start (again) a bridge over what is kept."""
        self.store = MemoryStore(self.kept)  # type: ignore[assignment]  # as much of a store as a bridge asks for
        self.kept = self.store.records  # type: ignore[attr-defined]
        self.bridge = Bridge(self.plan, self.store, self._send)
        self.bridge.start(self.now)

    def again(self) -> "Rehearsal":
        """The same morning with a bridge of its own, which begins from the record."""
        other = copy.copy(self)
        other.kept, other.sent, other.retained = dict(self.kept), [], dict(self.retained)
        other.open()
        return other


@contextmanager
def fault_at(number: int, *, times: int = 1) -> Iterator[list[str]]:
    """Have the rules fail at this one of the places that are come by, counted from 1; yields which it was."""
    seen, failed = 0, list[str]()

    def pass_by(name: str) -> None:
        nonlocal seen
        seen += 1
        if number <= seen < number + times:
            failed.append(name)
            raise InjectedError(f"place {seen}: {name}")

    whole = [(kind, name, getattr(kind, name)) for kind, name in (*EFFECTS, *DEEDS)]

    def interrupted(kind: type, name: str, real: Any) -> Any:
        def replaced(*args: Any, **more: Any) -> Any:
            in_a_rule = sys._getframe(1).f_globals["__name__"].startswith("broker.rules.")
            if in_a_rule and name == "__init__":
                pass_by(kind.__name__)
            made = real(*args, **more)
            if in_a_rule and name != "__init__":
                pass_by(f"{kind.__name__}.{name}")
            return made

        return replaced

    try:
        for kind, name, real in whole:
            setattr(kind, name, interrupted(kind, name, real))
        yield failed
    finally:
        for kind, name, real in whole:
            setattr(kind, name, real)


def known_by(day: Day) -> dict[str, Any]:
    """What a day knows that is on record, in a form that can be compared; figures of now are left out."""
    runs = {run.run_id: {**run.body(), "version": 0} for run in day.runs.values()}
    attention = {
        (about, asked)
        for about, asked in day.attention
        if about.topic in (Topic.PRESS, Topic.UNREAD) or isinstance(asked.values, PassedBy)
    }
    # A tracker looks no more for a stop that it saw passed by; one that starts again does. Both know that it is owed.
    passed = {visit.key for visit in day.visits.values() if visit.passed_at is not None}
    pending = {
        run.run_id: [one.key for one in run.tracker.pending if (run.run_id, *one.key) not in passed]
        for run in day.runs.values()
        if run.state != "finished"
    }
    rooms = sorted(day.plan.rooms)
    ways = {(run.route_id, before.room_id, visit.room_id) for run in day.plan.runs.values()
            for before, visit in pairwise(run.visits)}  # fmt: skip
    legs, stays = list[Any](), list[float]()
    for route_id, route in day.plan.routes.items():
        outlook, length_m = day.history.outlook(route_id, day.clock.now), lengths_m(route.line)
        cells = streets_of(route.line).between(0.0, length_m[-1] if length_m else None)
        legs += [outlook.leg_s(*rooms_of, 500.0, day.clock.now) for way, *rooms_of in sorted(ways) if way == route_id]
        legs += outlook.streets(500.0 * len(cells), day.clock.now, cells)  # all at once: what each is worth at 500 m
        stays += [outlook.dwell_s(room, route.waste, None) for room in rooms]
    return {
        "runs": runs, "visits": dict(day.visits), "incidents": dict(day.incidents), "attention": attention,
        "closures": dict(day.closures),
        "alarms": {about: (one.state, one.version, one.who, one.until, one.why) for about, one in day.alarms.items()},
        "pending": pending, "recorded": set(day.runs.recorded) & set(runs), "legs": legs,
        "stays": stays,
        "errors": [day.history.band_s(horizon) for horizon in (60, 300, 900, 1800)],
        "bins": {room: state.bins for room, state in day.devices.rooms.items() if state.bins},
        "read": {
            (room, waste): list(readings.between(day.clock.now - 3600, day.clock.now))
            for room, state in day.devices.rooms.items() for waste, readings in state.readings.items()
        },
    }  # fmt: skip


def check_memory(morning: Morning) -> None:
    """What the bridge has in memory is what its records give."""
    bridge = morning.bridge
    assert bridge.unstored == 0
    fresh = restore(morning.store, morning.plan, bridge.dispatch.day.settings, int(morning.now))
    was, given = known_by(bridge.dispatch.day), known_by(fresh)
    for name, value in given.items():
        assert was[name] == value, name


def open_presses(morning: Morning) -> set[tuple[str, ...]]:
    """What devices said and neither took back nor a person ended, by the record alone."""
    said = {tuple(one.key.split("/")): one.body["withdrawn"] for one in morning.store.scan("incident")}
    came = {tuple(one.key.split("/")): one.body["workflow"] for one in morning.store.scan("workflow")}
    over = ("closed", "withdrawn")
    return {key for key, withdrawn in said.items() if not withdrawn and came.get(key) not in over}


def check_presses(morning: Morning) -> None:
    """Every open press is on the screen, and its light says what is true."""
    picture = snapshot(morning.bridge, morning.now)
    shown = {(row["truck"], row["incident_id"]): row for row in picture["incidents"] if row["open"]}
    assert open_presses(morning) <= set(shown)
    for (_, incident_id), row in shown.items():
        assert morning.stage(incident_id) == row["stage"]


def severe(morning: Morning) -> list[str]:
    """The words of the severe entries on the screen's list."""
    rows = snapshot(morning.bridge, morning.now)["attention"]
    return [row["word"] for row in rows if row["level"] == "severe"]
