"""What the dispatch knows of the day: runs, visits, incidents, trucks and rooms. State only, no decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from broker.plan.model import Plan, Route
from broker.rules.arrival.lamp_call import Watch
from broker.rules.arrival.prediction import Eta, Promises
from broker.rules.learning.history import History
from broker.rules.settings import DispatchSettings
from broker.rules.states.incident import Incident
from broker.rules.states.visit import Visit, VisitKey, record_key
from broker.rules.tracking.tracker import GpsFix, RunTracker, TrackVisit

RUN_STATES = ("scheduled", "running", "finished")


@dataclass(slots=True)
class Run:
    """One run of one day; `order` is the order of visits that the truck was told, settled ones included."""

    run_id: str
    trip_id: str
    route_id: str
    truck: str
    waste: str
    planned_start_at: int
    planned_end_at: int
    order: list[VisitKey]
    tracker: RunTracker
    shift_end_at: int | None = None
    capacity_bins: int | None = None
    state: str = "scheduled"
    started_at: int | None = None
    ended_at: int | None = None
    version: int = 1
    etas: dict[VisitKey, Eta] = field(default_factory=dict)
    promises: Promises = field(default_factory=Promises)
    updated_at: int = 0

    def body(self) -> dict[str, Any]:
        """This run as the body of a `run` record."""
        return {
            "run_id": self.run_id,
            "trip_id": self.trip_id,
            "route": self.route_id,
            "truck": self.truck,
            "waste": self.waste,
            "state": self.state,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "planned_start_at": self.planned_start_at,
            "planned_end_at": self.planned_end_at,
            "shift_end_at": self.shift_end_at,
            "capacity_bins": self.capacity_bins,
            "version": self.version,
            "order": [list(key) for key in self.order],
        }


@dataclass(slots=True)
class BinCount:
    """The newest bin report of a room for one waste kind."""

    count: int | None
    grams: int | None
    quality: int
    at: int


@dataclass(slots=True)
class TruckState:
    """What is known of a truck; `fix` is its newest position that may be used for decisions."""

    life: str = "disconnected"
    boot: int = 0
    fw: str | None = None
    fix: GpsFix | None = None
    mode: int = 0
    heard_at: int | None = None
    order_seen: dict[str, tuple[int, int]] = field(default_factory=dict)  # channel -> newest (boot, seq)


@dataclass(slots=True)
class RoomState:
    """What is known of a room's unit: its life, its bins per waste kind, its lamps as read back."""

    life: str = "disconnected"
    boot: int = 0
    fw: str | None = None
    bins: dict[str, BinCount] = field(default_factory=dict)
    lamps: dict[str, dict[str, Any]] = field(default_factory=dict)
    lamps_at: int | None = None
    bins_out_at: int | None = None
    heard_at: int | None = None
    order_seen: dict[str, tuple[int, int]] = field(default_factory=dict)


class Attention(NamedTuple):
    """What a person should look at: since when, a word the screen has a sentence for, and what goes into it."""

    since: int
    word: str
    values: dict[str, Any]


@dataclass(slots=True)
class Shift:
    """Everything the dispatch knows; rebuilt from the store after a restart."""

    plan: Plan
    settings: DispatchSettings
    history: History
    runs: dict[str, Run] = field(default_factory=dict)
    visits: dict[VisitKey, Visit] = field(default_factory=dict)
    watches: dict[VisitKey, Watch] = field(default_factory=dict)
    incidents: dict[tuple[str, str], Incident] = field(default_factory=dict)
    trucks: dict[str, TruckState] = field(default_factory=dict)
    rooms: dict[str, RoomState] = field(default_factory=dict)
    arrivals: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # (room, waste) -> last sent
    itineraries: dict[str, dict[str, Any]] = field(default_factory=dict)  # truck -> last sent
    offers: dict[tuple[str, str], tuple[int, list[dict[str, Any]]]] = field(default_factory=dict)  # made at, shown
    attention: dict[str, Attention] = field(default_factory=dict)  # by an id that says what it is about
    reordered: set[str] = field(default_factory=set)  # runs whose order or visits changed: predict and tell anew
    by_room: dict[tuple[str, str], list[VisitKey]] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)  # runs that have a record: none of them is opened anew
    gone: list[Visit] = field(default_factory=list)  # at rooms that left the plan: to be cancelled, and named
    orphaned: set[tuple[str, str]] = field(default_factory=set)  # (room, waste) of visits that are not here any more
    unread: dict[tuple[str, str], int] = field(default_factory=dict)  # (room, waste) of visits nobody can read: until
    listless: set[str] = field(default_factory=set)  # trucks whose run is not here any more
    clock: int = 0  # the newest moment the dispatch was told of
    number: int = 0  # begins at the start time in milliseconds
    looked_at: int = 0  # when the plan was last searched for runs to open

    def next_number(self) -> str:
        """A number that grows from record to record, also over restarts: ids of one key sort as they were made."""
        self.number += 1
        return f"{self.number:014d}"

    def place(self, visit: Visit) -> None:
        """Make `visit` the state of its key."""
        if visit.key not in self.visits:
            self.by_room.setdefault((visit.room, visit.waste), []).append(visit.key)
        self.visits[visit.key] = visit

    def drop(self, key: VisitKey) -> None:
        """Know nothing of a visit any more; the record keeps it."""
        visit = self.visits.pop(key, None)
        self.watches.pop(key, None)
        self.attention.pop(f"passed/{record_key(key)}", None)
        if visit is not None:
            self.by_room[(visit.room, visit.waste)].remove(key)

    def visits_at(self, room: str, waste: str | None = None) -> list[Visit]:
        """The visits of a room, of one waste kind or of all, in the order they were made."""
        wastes = [waste] if waste else [kind for at, kind in self.by_room if at == room]
        return [self.visits[key] for kind in wastes for key in self.by_room.get((room, kind), [])]

    def run_of(self, truck: str) -> Run | None:
        """The run a truck is on: its first unfinished one by planned start.

        A run that is long over and still owes visits stays open, but does not keep the truck from its next run.
        """
        mine = [run for run in self.runs.values() if run.truck == truck and run.state != "finished"]
        in_time = [run for run in mine if self.clock <= run.planned_end_at + self.settings.forget_after_s]
        return min(in_time or mine, key=lambda run: (run.planned_start_at, run.run_id), default=None)

    def last_run_of(self, truck: str) -> Run | None:
        """The truck's newest run, finished or not."""
        mine = [run for run in self.runs.values() if run.truck == truck]
        return max(mine, key=lambda run: (run.planned_start_at, run.run_id), default=None)

    def forget(self, before_at: int, left_at: int) -> None:
        """Drop runs finished and incidents closed before a moment, and runs that nobody settled and that should have
        been over before `left_at`; the record keeps them."""
        over = [
            run
            for run in self.runs.values()
            if (run.state == "finished" and (run.ended_at or 0) < before_at) or run.planned_end_at < left_at
        ]
        for run in over:
            del self.runs[run.run_id]
            self.recorded.discard(run.run_id)
            for question in ("owes", "gone", "unread"):
                self.attention.pop(f"{question}/{run.run_id}", None)
            for key in run.order:
                self.drop(key)
        for incident in [i for i in self.incidents.values() if not i.open and (i.closed_at or 0) < before_at]:
            del self.incidents[incident.key]
            self.offers.pop(incident.key, None)

    def owed(self, run: Run) -> list[Visit]:
        """The visits a run still owes, in the order the truck was told."""
        return [self.visits[key] for key in run.order if self.visits[key].owed]

    def watch(self, key: VisitKey) -> Watch:
        """The call's memory of one visit."""
        return self.watches.setdefault(key, Watch())

    def counts(self) -> Mapping[tuple[str, str], int]:
        """The newest bin count per (room, waste) where one is known."""
        return {
            (room_id, waste): count.count
            for room_id, room in self.rooms.items()
            for waste, count in room.bins.items()
            if count.count is not None
        }

    def track_visit(self, visit: Visit, route: Route | None) -> TrackVisit:
        """A visit as the tracker knows it; only a first visit on its own route lies along the route's line."""
        room = self.plan.rooms[visit.room]
        distance_m = None
        if route is not None and visit.route == route.route_id and visit.original:
            trip = self.plan.runs.get(visit.run_id.rsplit(".", 1)[0])
            distance_m = next(
                (
                    planned.distance_m
                    for planned in (trip.visits if trip else ())
                    if (planned.sequence, planned.room_id) == (visit.sequence, visit.room)
                ),
                None,
            )
        return TrackVisit(
            key=(visit.room, visit.visit_number),
            lat=room.lat,
            lon=room.lon,
            waste=visit.waste,
            planned_at=visit.planned_at or 0,
            not_before_at=visit.not_before_at,
            distance_m=distance_m,
        )
