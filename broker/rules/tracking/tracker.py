"""Where one truck is on its run: positions in, arrivals, departures, hold-ups and detours out.

A fix goes through three watches, in this order: the way (`way.py`), the stops (`stops.py`), and progress
(`stillness.py`). A fix that is older than the newest one changes nothing and yields no event; time alone only ever
makes a standing truck `held`. Which fixes are to be believed at all, neither old nor of a clock that is ahead, is
decided before they come here.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from broker.plan.model import Route
from broker.rules.settings import Streets
from broker.rules.tracking.stays import ExpectedStay, Stays
from broker.rules.tracking.stillness import Stillness
from broker.rules.tracking.stops import Stops
from broker.rules.tracking.types import GpsFix, Progress, StopKey, TrackEvent, TrackKind, TrackSettings, TrackVisit
from broker.rules.tracking.way import ExpectedLeg, Way


class RunTracker:
    """Follows one run of one truck; `visits` are those still owed, in driving order."""

    def __init__(
        self,
        run_id: str,
        route: Route,
        truck_id: str,
        visits: Sequence[TrackVisit],
        depart_at: int,
        streets: Streets,
        settings: TrackSettings | None = None,
        expected_leg_s: ExpectedLeg | None = None,
        expected_stay_s: ExpectedStay | None = None,
    ) -> None:
        """`depart_at`: when the run is planned to begin; `expected_leg_s` and `expected_stay_s` tell how long a leg
        and a stay should take."""
        self.run_id = run_id
        self.route = route
        self.truck_id = truck_id
        self.depart_at = depart_at
        self.streets = streets
        self.settings = settings or TrackSettings()
        self._fix: GpsFix | None = None
        self._away = False  # on a way that is none of its stops'
        self._way = Way(route, self.settings, streets, expected_leg_s)
        self._stillness = Stillness(self.settings)
        self._stays = Stays(self.settings, self._way, expected_stay_s)
        self._stops = Stops(
            self.settings, streets, self._way, self._stillness, self._stays, truck_id, visits, depart_at
        )

    @property
    def pending(self) -> tuple[TrackVisit, ...]:
        """The visits not yet left, in driving order; the first may be where the truck stands."""
        return tuple(self._stops.pending)

    def cells(self, before: TrackVisit, visit: TrackVisit) -> tuple[str, ...]:
        """The cells of the way from one visit to another along the line; none where that is not the way."""
        return self._way.streets.between(before.distance_m, visit.distance_m)

    @property
    def cells_now(self) -> tuple[str, ...]:
        """The cells of the present leg, from where it began; none where it is not along the line."""
        visit = next(iter(self._stops.pending), None)
        if visit is None or not self._way.on_line(visit):
            return ()
        return self._way.streets.between(self._way.leg.from_m, visit.distance_m)

    @property
    def passed(self) -> AbstractSet[StopKey]:
        """What it left behind without a stay, and may still go back to: it is not predicted."""
        return self._stops.passed

    @property
    def fix(self) -> GpsFix | None:
        """The newest position that it was given."""
        return self._fix

    def on_fix(self, fix: GpsFix) -> list[TrackEvent]:
        """Take in one position that is `fresh` and not `ahead`; one that is not newer than the last changes nothing."""
        settings, before = self.settings, self._fix
        if before is not None and fix.fix_at <= before.fix_at:
            return []
        gap_s = 0 if before is None else fix.fix_at - before.fix_at
        self._fix = fix
        if self._away and self._stops.arrived_at is None:
            return []
        if gap_s > settings.stale_s:
            self._way.leg.clean = False
        turn = self._way.follow(fix, None if before is None else gap_s, self._stops.next)
        events = [] if turn is None else [TrackEvent(turn, self._stops.next_key, fix.fix_at)]
        if self._way.begins(fix, self.depart_at):
            self._stillness.restart(fix, self._stops.place_m, fix.fix_at)
        if fix.fix_at >= self.depart_at - settings.early_start_s:
            events += self._stops.watch(fix, before, gap_s)
        return events + self._watch_progress(fix)

    def may_be_held(self, now: int) -> bool:
        """Whether `on_tick` must look at the road: the truck is known to stand outside a stop, and for long."""
        stillness = self._stillness
        if stillness.held_since is not None or self._away or not stillness.may_be_too_long(now):
            return False
        fresh = self._fix is not None and self._fix.fresh(now)
        return fresh and self._way.started and self._stops.next is not None and self._stops.arrived_at is None

    def on_tick(self, now: int) -> list[TrackEvent]:
        """Time passed: a truck that is known to stand outside a stop becomes held."""
        stillness, visit = self._stillness, self._stops.next
        if visit is None or not self.may_be_held(now):
            return []
        if not stillness.too_long(now, self._way.expected_s(visit, self._fix, now)):
            return []
        stillness.hold(now - stillness.still_s(now))
        return [TrackEvent(TrackKind.HELD, visit.key, now)]

    def set_visits(self, visits: Sequence[TrackVisit], now: int) -> None:
        """Replace what the run owes (a re-plan, a visit cancelled or added); the new order is the route from now."""
        self._stops.replace(visits, self._fix, now)
        self._way.line.pause()
        self._stillness.restart(self._fix, self._stops.place_m, now)

    def leave_behind(self, visit: TrackVisit) -> None:
        """It turned out that it was not served: it is owed again, and was passed by."""
        self._stops.leave_behind(visit)

    def know_waiting(self, bins: Mapping[tuple[str, str], int]) -> None:
        """How many bins wait, by room and waste, where that is known: a stay there takes as long as they do."""
        self._stays.waiting = bins

    def hold(self, now: int) -> list[TrackEvent]:
        """The driver pressed the button: held at once."""
        self._way.leg.clean = False
        if self._stillness.held_since is not None:
            return []
        self._stillness.hold(now)
        return [TrackEvent(TrackKind.HELD, self._stops.next_key, now)]

    def release(self, now: int) -> list[TrackEvent]:
        """The hold-up is over (withdrawn, cleared, decided): watch for progress afresh."""
        self._stillness.restart(self._fix, self._stops.place_m, now)
        if self._stillness.held_since is None:
            return []
        self._stillness.held_since = None
        return [TrackEvent(TrackKind.MOVING, self._stops.next_key, now)]

    def go_away(self) -> None:
        """Once it has left where it stands it goes elsewhere: what it passes by is no stop of its run."""
        self._away = True

    def come_back(self, now: int) -> None:
        """It drives to its stops again, by whatever way."""
        if self._away:
            self._away = False
            self._way.come_from_elsewhere()
            self._stops.begin_again(self._fix)
            self._stillness.restart(self._fix, None, now)

    def end_stay(self, at: int) -> list[TrackEvent]:
        """The truck stands on, but for its next run: this visit's part of the stay is over, and teaches nothing."""
        return self._stops.end_stay(self._fix, at)

    def stands_at(self, key: StopKey) -> bool:
        """Whether the truck is in the fence of this owed visit or stays there, as far as is known."""
        return self._fix is not None and self._stops.is_at(key, self._fix)

    def resume(
        self, from_room: str, from_m: float | None, left_at: int | None, arrived_at: int | None, *, exactly: bool
    ) -> None:
        """Go on with a started run after a restart: it left `from_room` (at `from_m` on the line) at `left_at`.

        `arrived_at` if the truck stood at the first of the owed visits, `exactly` if that moment was seen: then the
        stay teaches, if its end is seen as well. A drive that was under way teaches nothing.
        """
        self._way.go_on(from_room, from_m, left_at)
        if arrived_at is not None:
            self._stops.resume(arrived_at, exactly=exactly)

    def recall(self, fix: GpsFix) -> None:
        """A position from before a restart: nothing happens by it, but it says how far off the receiver is, where the
        truck is and since when it stands."""
        before, left_at = self._fix, self._way.leg.left_at
        if before is not None and fix.fix_at <= before.fix_at:
            return
        gap_s = 0 if before is None else fix.fix_at - before.fix_at
        self._fix = fix
        if left_at is not None and fix.fix_at <= left_at:
            if self._way.line.usable:
                self._way.line.learn(fix, gap_s)
            return
        self._way.follow(fix, None if before is None else gap_s, self._stops.next)
        if fix.fix_at >= (self._stops.arrived_at or 0):  # else it was on the way to where it is known to stand
            self._stays.see(fix, before, fix.speed_since(before), gap_s, self._stops.next)

    def progress(self, now: int, visits: Sequence[TrackVisit] | None = None) -> Progress:
        """The state at `now`, from accepted positions alone; as it would be if the run owed these visits."""
        fix, visit = self._fix, self._stops.next if visits is None else next(iter(visits), None)
        age_s = None if fix is None else max(0, now - fix.fix_at)
        next_key = None if visit is None else visit.key
        arrived_at = self._stops.arrived_at if next_key == self._stops.next_key else None
        at_stop = arrived_at is not None
        length_m = rest_m = 0.0
        if visit is not None:
            length_m, rest_m = self._way.lengths_m(visit, fix)
        status = "IN_TRANSIT_TO"
        if at_stop:
            status = "STOPPED_AT"
        elif self._way.started and visit is not None and rest_m <= self.settings.incoming_m:
            status = "INCOMING_AT"
        return Progress(
            status=status,
            next_visit=next_key,
            at_visit=next_key if at_stop else None,
            arrived_at=arrived_at,
            started=self._way.started,
            held=self._stillness.held_since is not None,
            held_since=self._stillness.held_since,
            off_route=self._way.line.off_route,
            stale=age_s is None or age_s > self.settings.stale_s,
            fix=fix,
            fix_age_s=age_s,
            along_m=self._way.line.along_m,
            from_room=self._way.leg.from_room,
            leg_length_m=length_m,
            leg_rest_m=rest_m,
            still_s=0 if at_stop else self._stillness.still_s(now),
        )

    def _watch_progress(self, fix: GpsFix) -> list[TrackEvent]:
        progressed = self._stillness.progressed(fix, self._stops.place_m)
        if not progressed or self._stillness.held_since is None:
            return []
        self._stillness.held_since = None
        return [TrackEvent(TrackKind.MOVING, self._stops.next_key, fix.fix_at)]
