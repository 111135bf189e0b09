"""The runs of the day, and which of the plan's have a record: none of those is opened anew."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from broker.rules.arrival.prediction import Eta, Promises, Walked
from broker.rules.kept import Kept
from broker.rules.states.visit import VisitKey
from broker.rules.tracking.tracker import RunTracker

RUN_STATES = ("scheduled", "running", "finished")
VERSION_BASE = 2_000_000  # seconds: a run is opened long after this before it starts


@dataclass(slots=True)
class Run:
    """One run of one day; `order` is the order of visits that the truck was told, settled ones included.

    Written by: dispatch/runs, dispatch/bookings/on_call_runs, dispatch/visits/full_trucks,
    dispatch/visits/moved_visits, dispatch/incidents/contractors, effects/messages, ingest/restored.
    """

    run_id: str
    trip_id: str
    route_id: str
    truck: str
    waste: str
    planned_start_at: int
    planned_end_at: int
    order: tuple[VisitKey, ...]
    tracker: RunTracker
    shift_end_at: int | None = None
    capacity_bins: int | None = None
    state: str = RUN_STATES[0]
    started_at: int | None = None
    ended_at: int | None = None
    full_at: int | None = None  # its truck is full since then, and goes to the transfer station
    away_until: int | None = None  # when it should be emptied there
    emptied_at: int | None = None  # when it last was
    version: int = 1
    etas: Mapping[VisitKey, Eta] = field(default_factory=dict)
    promises: Promises = field(default_factory=Promises)
    walked: Walked = field(default_factory=Walked)
    updated_at: int = 0
    _told: dict[str, object] = field(default_factory=dict)  # whom or of what: from what it followed
    expected: Mapping[VisitKey, tuple[int, str, bool]] = field(default_factory=dict)  # when, by what, whether held
    is_calm: bool = False  # nothing is heard of its truck, and no lamp waits for it

    @property
    def is_extra(self) -> bool:
        """Whether it is of no timetable: begun for another run, its truck expected at the first room by its start."""
        return self.run_id == self.trip_id

    def start(self, at: int) -> None:
        """The truck is on its way."""
        self.state, self.started_at = "running", at

    def fill(self, at: int, away_until: int) -> None:
        """Its truck takes no more until it is emptied."""
        self.full_at, self.away_until = at, away_until

    def empty(self, at: int) -> None:
        """Its truck can take as much as in the morning."""
        self.full_at, self.away_until, self.emptied_at = None, None, at

    def begins_at(self, at: int) -> None:
        """It was promised for this time: it is planned anew, as long as before."""
        self.planned_end_at += max(0, at - self.planned_start_at)
        self.planned_start_at = at

    def finish(self, at: int) -> None:
        """It owes nothing any more."""
        self.state, self.ended_at = "finished", at

    def goes_on(self) -> None:
        """It owes something again."""
        self.state, self.ended_at = RUN_STATES[0 if self.started_at is None else 1], None

    def reorder(self, owed: Sequence[VisitKey]) -> None:
        """Put the owed visits into this order, new ones among them; what is settled keeps its place."""
        wanted, known = list(owed), set(owed)
        self.order = (*(wanted.pop(0) if key in known else key for key in self.order), *wanted)

    def take_out(self, key: VisitKey) -> None:
        """Take a visit out of the order, to be put in elsewhere."""
        self.order = tuple(other for other in self.order if other != key)

    def predicted(self, etas: Mapping[VisitKey, Eta], now: int) -> None:
        """What is believed now."""
        self.etas, self.updated_at = etas, now

    def told_already(self, what: str, follows_from: object) -> bool:
        """Whether this was told by the update before, which it follows from as well; else it is told now."""
        is_same = self._told.get(what) == follows_from
        self._told[what] = follows_from
        return is_same

    def expects(self, times: Mapping[VisitKey, tuple[int, str, bool]], *, is_calm: bool) -> None:
        """What its rooms were looked at for; calm where nothing is heard of its truck and no lamp is lit."""
        self.expected, self.is_calm = times, is_calm

    def begin_version(self, now: int) -> None:
        """A version above all before; it grows over a restart too, though it is not stored with each change: a truck
        ignores a lower one."""
        self.version = max(self.version + 1, now - self.planned_start_at + VERSION_BASE)

    def keep_version(self, told: int) -> None:
        """Its truck was told of this version: none comes that is lower."""
        self.version = max(self.version, told)

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
            "full_at": self.full_at,
            "away_until": self.away_until,
            "emptied_at": self.emptied_at,
            "planned_start_at": self.planned_start_at,
            "planned_end_at": self.planned_end_at,
            "shift_end_at": self.shift_end_at,
            "capacity_bins": self.capacity_bins,
            "version": self.version,
            "order": [list(key) for key in self.order],
        }


class Runs(Kept[str, Run]):
    """Runs by id; `recorded` are those of which there is a record, whether it is understood or not.

    Written by: dispatch/runs, dispatch/bookings/on_call_runs, dispatch/visits/moved_visits, day, ingest/restored.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_truck: dict[str, dict[str, Run]] = {}
        self._recorded: set[str] = set()

    def of_truck(self, truck: str) -> Iterable[Run]:
        """The runs of one truck."""
        return self._of_truck.get(truck, {}).values()

    @property
    def recorded(self) -> AbstractSet[str]:
        """The ids of all runs that have a record."""
        return self._recorded

    def keep(self, run: Run) -> None:
        """A run that is kept: opened, brought in for another, or back from its record."""
        self.forget(run.run_id)
        self._kept[run.run_id] = run
        self._of_truck.setdefault(run.truck, {})[run.run_id] = run
        self._recorded.add(run.run_id)

    def found_on_record(self, run_ids: Iterable[str]) -> None:
        """There are records of these."""
        self._recorded.update(run_ids)

    def forget(self, run_id: str) -> None:
        """Know nothing of a run any more."""
        run = self._kept.pop(run_id, None)
        if run is not None:
            del self._of_truck[run.truck][run_id]
        self._recorded.discard(run_id)


class ChangedRuns:
    """The runs whose order or visits were changed: each is to be predicted and told anew before a decision ends.

    Written by: dispatch.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}  # in their order, so that one day always gives one record

    def note(self, run_id: str) -> None:
        """Something of this run is not what its truck and rooms were told."""
        self._waiting[run_id] = None

    def take(self) -> str | None:
        """The first of them, which then waits no more; None when there is none."""
        for run_id in self._waiting:
            del self._waiting[run_id]
            return run_id
        return None

    def __bool__(self) -> bool:
        return bool(self._waiting)
