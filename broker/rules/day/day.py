"""What the dispatch knows of the day: a few named parts, each of which is changed by its own deeds only.

| part | holds | whose file |
| --- | --- | --- |
| runs, changed_runs | the runs; those to be predicted and told anew | runs.py |
| visits | each visit as it stands, what its call remembers | visits.py |
| devices | trucks and rooms: life, positions, bins, lamps | devices.py |
| incidents | each incident as it stands, the offers shown for it | incidents.py |
| bookings | each booking as it stands, the rounds of the trucks on call | bookings/book.py |
| told | what rooms and trucks hold of ours | told.py |
| call_scores | the calls of the last days that are over | call_scores.py |
| attention | what a person should look at | attention/attention_list.py |
| alarms | what people have done about each of it | attention/alarms.py |
| closures | roads that are closed for a time | closures.py |
| duty | who is on duty | duty.py |
| leftovers | what restoring could not bring back | leftovers.py |
| clock | how far time has come, the numbers of records | clock.py |
| history | learned legs, stays and errors | learning/history.py |
| outlook | how far the plan knows | plan/validity.py |

State only, no decisions; rebuilt from the store after a restart. Each part says who may ask it for a deed that changes
it (`Written by`, rooms of broker/ and of broker/rules/); tests/rules/test_owners.py holds who writes what.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from broker.plan.model import Plan, Route
from broker.plan.validity import Outlook
from broker.rules.bookings.book import Bookings
from broker.rules.day.attention.alarms import Alarms
from broker.rules.day.attention.asked import Topic
from broker.rules.day.attention.attention_list import AttentionList
from broker.rules.day.call_scores import CallScores
from broker.rules.day.clock import DayClock
from broker.rules.day.closures import Closures
from broker.rules.day.devices import Devices
from broker.rules.day.duty import Duty
from broker.rules.day.incidents import Incidents
from broker.rules.day.leftovers import Leftovers
from broker.rules.day.runs import ChangedRuns, Run, Runs
from broker.rules.day.told import Told
from broker.rules.day.visits import Visits
from broker.rules.learning.history import History
from broker.rules.settings import DispatchSettings
from broker.rules.states.visit import Visit, VisitKey
from broker.rules.tracking.tracker import RunTracker
from broker.rules.tracking.types import TrackVisit


@dataclass(frozen=True, slots=True)
class Day:
    """Everything the dispatch knows; rebuilt from the store after a restart."""

    plan: Plan
    settings: DispatchSettings
    history: History
    clock: DayClock = field(default_factory=DayClock)
    runs: Runs = field(default_factory=Runs)
    changed_runs: ChangedRuns = field(default_factory=ChangedRuns)
    visits: Visits = field(default_factory=Visits)
    devices: Devices = field(default_factory=Devices)
    incidents: Incidents = field(default_factory=Incidents)
    bookings: Bookings = field(default_factory=Bookings)
    told: Told = field(default_factory=Told)
    call_scores: CallScores = field(default_factory=CallScores)
    attention: AttentionList = field(default_factory=AttentionList)
    alarms: Alarms = field(default_factory=Alarms)
    closures: Closures = field(default_factory=Closures)
    duty: Duty = field(default_factory=Duty)
    leftovers: Leftovers = field(default_factory=Leftovers)
    outlook: Outlook = field(init=False)
    planned_trucks: frozenset[str] = field(init=False)
    timed_trucks: frozenset[str] = field(init=False)  # those that a run of the plan names

    def __post_init__(self) -> None:
        """How far the plan knows, and of whom, follows from the plan."""
        object.__setattr__(self, "outlook", Outlook(self.plan))
        object.__setattr__(self, "planned_trucks", frozenset(self.plan.trucks()))
        object.__setattr__(self, "timed_trucks", frozenset(run.truck_id for run in self.plan.runs.values()))

    def run_of(self, truck: str) -> Run | None:
        """The run a truck is on: its first unfinished one by planned start.

        A run that is long over and still owes visits stays open, but does not keep the truck from its next run.
        """
        mine = [run for run in self.runs.of_truck(truck) if run.state != "finished"]
        if len(mine) < 2:  # as nearly always
            return mine[0] if mine else None
        in_time = [run for run in mine if self.clock.now <= run.planned_end_at + self.settings.forget_after_s]
        return min(in_time or mine, key=lambda run: (run.planned_start_at, run.run_id), default=None)

    def run_after(self, run: Run) -> Run | None:
        """The truck's next unfinished run by planned start."""
        later = [other for other in self.runs.of_truck(run.truck) if other.state != "finished" and other is not run]
        later = [other for other in later if other.planned_start_at > run.planned_start_at]
        return min(later, key=lambda other: (other.planned_start_at, other.run_id), default=None)

    def run_before(self, run: Run) -> Run | None:
        """The unfinished run that the truck has before this one."""
        mine = [other for other in self.runs.of_truck(run.truck) if other.state != "finished"]
        mine = [other for other in mine if other.planned_start_at < run.planned_start_at]
        return max(mine, key=lambda other: (other.planned_start_at, other.run_id), default=None)

    def last_run_of(self, truck: str) -> Run | None:
        """The truck's newest run, finished or not."""
        return max(self.runs.of_truck(truck), key=lambda run: (run.planned_start_at, run.run_id), default=None)

    def owed(self, run: Run) -> list[Visit]:
        """The visits a run still owes, in the order the truck was told; where it stands comes first all the same."""
        return self._standing_first(visit for visit in self.visits.of(run.order) if visit.owed)

    @staticmethod
    def _standing_first(owed: Iterable[Visit]) -> list[Visit]:
        return sorted(owed, key=lambda visit: visit.state != "at_stop")

    def ahead(self, run: Run) -> list[Visit]:
        """Those of them that its truck has not left behind without a stay."""
        return [visit for visit in self.owed(run) if visit.key[1:] not in run.tracker.passed]

    def drop(self, key: VisitKey) -> None:
        """Know nothing of a visit any more, and ask nothing about it; the record keeps it."""
        self.visits.drop(key)
        self.attention.answered(Topic.PASSED, key)

    def forget(self, before_at: int, left_at: int) -> None:
        """Drop runs finished and incidents closed before a moment, and runs that nobody settled and that should have
        been over before `left_at`; the record keeps them."""
        over = [
            run
            for run in self.runs.values()
            if (run.state == "finished" and (run.ended_at or 0) < before_at) or run.planned_end_at < left_at
        ]
        for run in over:
            self.runs.forget(run.run_id)
            for topic in (Topic.OWES, Topic.GONE, Topic.UNREAD):
                self.attention.answered(topic, run.run_id)
            for key in run.order:
                self.drop(key)
        self.alarms.forget(before_at)
        self.bookings.forget(left_at)
        for incident in [i for i in self.incidents.values() if not i.open and (i.closed_at or 0) < before_at]:
            self.incidents.drop(incident.key)
        self.closures.forget(before_at)

    def track_visit(self, visit: Visit, route: Route | None) -> TrackVisit:
        """A visit as the tracker knows it; only a first visit on its own route lies along the route's line."""
        room = self.plan.places[visit.room]
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
            planned_at=(visit.planned_at or 0) if visit.original else 0,  # the timetable says nothing of the others
            not_before_at=visit.not_before_at,
            distance_m=distance_m,
            skipped_here_at=None if self._was_elsewhere(visit) else visit.skipped_here_at,
        )

    def _was_elsewhere(self, visit: Visit) -> bool:
        """Whether the truck has been at another room since it skipped the one that this visit makes up for."""
        since = visit.skipped_here_at
        if since is None:
            return False
        others = (other for other in self.visits.of_run(visit.run_id) if other.room != visit.room)
        return any((other.arrived_at or 0) > since for other in others)

    def new_tracker(
        self, run_id: str, route: Route, truck: str, order: Iterable[VisitKey], depart_at: int
    ) -> RunTracker:
        """A tracker for the visits of `order` that are still owed."""
        owed = self._standing_first(self.visits[key] for key in order if self.visits[key].owed)
        visits = [self.track_visit(visit, route) for visit in owed]

        def expected_leg_s(route_id: str, from_room: str, to_room: str, length_m: float, at: int) -> float:
            return self.history.leg_s(route_id, from_room, to_room, length_m, at)[0]

        return RunTracker(
            run_id, route, truck, visits, depart_at, self.settings.streets,
            expected_leg_s=expected_leg_s, expected_stay_s=self.history.expected_stay_s,
        )  # fmt: skip
