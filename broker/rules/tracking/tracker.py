"""Where one truck is on its run: positions in, arrivals, departures, hold-ups and detours out.

A fix goes through three watches, in this order: the way (`way.py`), the stop it is heading for (`stop_watch.py`), and
progress (`stillness.py`). A stop left behind without a stay is reported, never called served;
but if the truck was silent long enough for a stay, the stay is inferred and marked so. A truck that goes back and
stands at a stop it had passed arrives there after all. A fix that is older than the newest one changes nothing and
yields no event; time alone only ever makes a standing truck `held`. Which fixes are to be believed at all, neither
old nor of a clock that is ahead, is decided before they come here.
"""

from collections.abc import Mapping, Sequence

from broker.plan.geometry import distance_m
from broker.plan.model import Route
from broker.rules.learning.history import DwellRecord
from broker.rules.settings import Streets
from broker.rules.tracking.missed_stops import MissedStops
from broker.rules.tracking.said_speed import SaidSpeed
from broker.rules.tracking.skipped_stays import SkippedStays
from broker.rules.tracking.stands import Stand
from broker.rules.tracking.stays import ExpectedStay, Stays
from broker.rules.tracking.stillness import Stillness
from broker.rules.tracking.stop_watch import StopWatch
from broker.rules.tracking.types import (
    GpsFix,
    Progress,
    StopKey,
    TrackEvent,
    TrackKind,
    TrackSettings,
    TrackVisit,
)
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
        self._pending = list(visits)
        self._fix: GpsFix | None = None
        self._way = Way(route, self.settings, streets, expected_leg_s)
        self._speed = SaidSpeed()
        self._missed = MissedStops(self.settings, streets)
        self._stillness = Stillness(self.settings)
        self._skipped = SkippedStays(self.settings, streets)
        self._skipped.begin(visits, depart_at)
        self._stays = Stays(self.settings, self._way, expected_stay_s)
        self._stop = self._new_watch()

    @property
    def pending(self) -> tuple[TrackVisit, ...]:
        """The visits not yet left, in driving order; the first may be where the truck stands."""
        return tuple(self._pending)

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
        fix = self._believe(fix)
        if gap_s > settings.stale_s:
            self._way.leg.clean = False
        turn = self._way.follow(fix, None if before is None else gap_s, self._next())
        events = [] if turn is None else [TrackEvent(turn, self._next_key(), fix.fix_at)]
        if self._way.begins(fix, self.depart_at):
            self._stillness.restart(fix, self._line_place(), fix.fix_at)
        if fix.fix_at >= self.depart_at - settings.early_start_s:
            events += self._watch_stops(fix, before, gap_s)
        return events + self._watch_progress(fix)

    def on_tick(self, now: int) -> list[TrackEvent]:
        """Time passed: a truck that is known to stand outside a stop becomes held."""
        stillness, visit = self._stillness, self._next()
        fresh = self._fix is not None and self._fix.fresh(now)
        if stillness.held_since is not None or visit is None or not self._way.started or not fresh:
            return []
        if self._stop.arrived_at is not None or not stillness.may_be_too_long(now):
            return []
        if not stillness.too_long(now, self._way.expected_s(visit, self._fix, now)):
            return []
        stillness.hold(now - stillness.still_s(now))
        return [TrackEvent(TrackKind.HELD, visit.key, now)]

    def set_visits(self, visits: Sequence[TrackVisit], now: int) -> None:
        """Replace what the run owes (a re-plan, a visit cancelled or added); the new order is the route from now."""
        before, self._pending = self._next(), list(visits)
        self._skipped.begin(visits, now)
        self._missed.forget_passed()
        after = self._next()
        if before is None or after is None or before.key != after.key:
            if before is not None and self._stop.arrived_at is not None:  # it stands at a visit that is no longer owed
                self._way.leave(before, None, clean=False)
                self._stays.stands.forget(now)
            self._way.leg.clean = False
            self._stop = self._new_watch()
            self._missed.start_over(self._fix)
        self._way.line.pause()
        self._stillness.restart(self._fix, self._line_place(), now)

    def know_waiting(self, bins: Mapping[tuple[str, str], int]) -> None:
        """How many bins wait, by room and waste, where that is known: a stay there takes as long as they do."""
        self._stays.waiting = bins

    def hold(self, now: int) -> list[TrackEvent]:
        """The driver pressed the button: held at once."""
        self._way.leg.clean = False
        if self._stillness.held_since is not None:
            return []
        self._stillness.hold(now)
        return [TrackEvent(TrackKind.HELD, self._next_key(), now)]

    def release(self, now: int) -> list[TrackEvent]:
        """The hold-up is over (withdrawn, cleared, decided): watch for progress afresh."""
        self._stillness.restart(self._fix, self._line_place(), now)
        if self._stillness.held_since is None:
            return []
        self._stillness.held_since = None
        return [TrackEvent(TrackKind.MOVING, self._next_key(), now)]

    def end_stay(self, at: int) -> list[TrackEvent]:
        """The truck stands on, but for its next run: this visit's part of the stay is over, and teaches nothing."""
        if self._stop.arrived_at is None:
            return []
        self._stop.seen_exactly = False
        return [self._leave(max(at, self._stop.arrived_at))]

    def stands_at(self, key: StopKey) -> bool:
        """Whether the truck is in the fence of this owed visit or stays there, as far as is known."""
        visit = next((visit for visit in self._pending if visit.key == key), None)
        if visit is None or self._fix is None:
            return False
        inside = distance_m(self._fix.lat, self._fix.lon, visit.lat, visit.lon) <= self._missed.fence_m(visit)
        return inside or self._skipped.bars(visit)

    def resume(
        self, from_room: str, from_m: float | None, left_at: int | None, arrived_at: int | None, *, exactly: bool
    ) -> None:
        """Go on with a started run after a restart: it left `from_room` (at `from_m` on the line) at `left_at`.

        `arrived_at` if the truck stood at the first of the owed visits, `exactly` if that moment was seen: then the
        stay teaches, if its end is seen as well. A drive that was under way teaches nothing.
        """
        self._way.go_on(from_room, from_m, left_at)
        if arrived_at is not None and self._pending:
            self._stop.arrive(arrived_at, seen=exactly)
            visit = self._pending[0]
            self._stays.stands.begin(Stand(arrived_at, arrived_at, visit.lat, visit.lon, visit.distance_m, 0.0, 0.0))
            self._stays.arrived(arrived_at)

    def recall(self, fix: GpsFix) -> None:
        """A position from before a restart: nothing happens by it, but it says how far off the receiver is, where the
        truck is and since when it stands."""
        before, left_at = self._fix, self._way.leg.left_at
        if before is not None and fix.fix_at <= before.fix_at:
            return
        gap_s = 0 if before is None else fix.fix_at - before.fix_at
        fix = self._believe(fix)
        if left_at is not None and fix.fix_at <= left_at:
            if self._way.line.usable:
                self._way.line.learn(fix, gap_s)
            return
        self._way.follow(fix, None if before is None else gap_s, self._next())
        self._stays.see(fix, fix.speed_since(before), gap_s, self._next())

    def _believe(self, fix: GpsFix) -> GpsFix:
        """The newest position from now on, with the speed that is to be believed."""
        self._fix = fix = self._speed.believed(fix)
        self._stays.stands.still_since = self._speed.still_since if self._speed.lies else None
        return fix

    def progress(self, now: int) -> Progress:
        """The state at `now`, from accepted positions alone."""
        fix, visit = self._fix, self._next()
        age_s = None if fix is None else max(0, now - fix.fix_at)
        at_stop = self._stop.arrived_at is not None
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
            next_visit=self._next_key(),
            at_visit=self._next_key() if at_stop else None,
            arrived_at=self._stop.arrived_at,
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

    # ---- the stops

    def _watch_stops(self, fix: GpsFix, before: GpsFix | None, gap_s: int) -> list[TrackEvent]:
        """Arrivals, departures and missed stops that this fix shows."""
        events: list[TrackEvent] = []
        speed_mps = fix.speed_since(before)
        self._stays.see(fix, speed_mps, gap_s, self._next())
        if self._stop.arrived_at is not None:
            left_at = self._gone(fix, speed_mps)
            if left_at is None:
                return events
            if before is not None and self._missed.silent_over(self._pending[1:], self._line_place(), gap_s):
                left_at = before.fix_at  # it did more in this silence than drive here: it left when last seen
            events += self._end_of_stay(left_at)
            self._missed.start_over(before)
        self._skipped.follow(fix, speed_mps)
        elsewhere = self._elsewhere(fix, speed_mps)
        if elsewhere is not None:
            visit, since = elsewhere
            self._pending = [visit, *(each for each in self._pending if each is not visit)]
            self._way.leg.clean = False
            self._stop = self._new_watch()
            return [*events, self._arrived(self._stop.arrive(since, seen=False))]
        events += self._missed_stops(fix)
        if self._pending and not self._skipped.bars(self._pending[0]):
            arrived_at = self._approach(fix, speed_mps, gap_s if before is not None else None)
            if arrived_at is not None:
                events.append(self._arrived(arrived_at))
        return events

    def _approach(self, fix: GpsFix, speed_mps: float, silent_s: int | None) -> int | None:
        """When the truck came to its next visit, if it has: by the fence, or by its stand where that is in doubt."""
        visit = self._pending[0]
        at = self._stop.approach(fix, speed_mps, *self._way.offsets_m(visit, fix), silent_s)
        if not self._stays.in_doubt:
            return None if at is None else self._stop.arrive(self._stays.stood_since(at), seen=self._stop.seen_exactly)
        self._stop.arrived_at = None
        since = self._stays.arrival(visit)
        return None if since is None else self._stop.arrive(since, seen=silent_s is not None)

    def _gone(self, fix: GpsFix, speed_mps: float) -> int | None:
        visit, follows = self._pending[0], self._following()
        at = self._stays.moved_on(visit, follows)
        if at is not None:
            return at
        left_at = self._stop.leave(fix, speed_mps, *self._way.offsets_m(visit, fix))
        return self._stays.gone(visit, fix) if self._stays.in_doubt else left_at

    def _elsewhere(self, fix: GpsFix, speed_mps: float) -> tuple[TrackVisit, int] | None:
        """(visit, since when) where the truck stands, if it is not the next one."""
        others = [visit for visit in self._pending[1:] if not self._skipped.bars(visit)]
        if self._line_place() is not None:  # on the line its stops come in order; one owed again may be anywhere
            again = (each for each in others if each.distance_m is None)
            others = [visit for visit in again if (visit.not_before_at or 0) <= fix.fix_at]
        stands, reach_m = self._stays.stands, self._stays.reach_m
        stand = stands.newest if reach_m and stands.standing else None
        speed_mps = speed_mps if stand is None else 0.0
        return self._missed.reached_after_all(fix, speed_mps, others, self._next(), stand, reach_m)

    def _end_of_stay(self, left_at: int) -> list[TrackEvent]:
        """The truck left: its stay is read as a whole, and may have been none."""
        visit, arrived_at = self._pending[0], self._stop.arrived_at
        assert arrived_at is not None
        in_doubt = self._stays.in_doubt
        by_place = self._speed.doubtful and not in_doubt  # where it stood nobody knows by its speed, nor need they
        reading = None if by_place else self._stays.read(visit, 0 if in_doubt else arrived_at)
        if self._stop.seen_exactly and not by_place and self._stays.was_none(visit, reading):
            shared = self._stays.take_share(visit)
            if shared is not None:
                self._stop.arrive(shared[0], seen=False)
                return [self._leave(shared[1], begun_at=shared[0])]
            self._depart_from(visit, left_at, clean=False)
            self._missed.remember(visit)
            kinds = (TrackKind.DROVE_ON, TrackKind.PASSED_WITHOUT_DWELL)
            return [TrackEvent(kind, visit.key, left_at) for kind in kinds]
        begun_at = None
        if reading is not None and (in_doubt or reading.first is not self._stays.first_after(arrived_at)):
            begun_at = reading.first.since
        if begun_at is not None:
            self._stop.arrived_at = begun_at
        if self._stays.may_be_of_both(visit, self._following(), reading):
            self._stop.seen_exactly = False
        event = self._leave(left_at, begun_at=begun_at)
        self._stays.leave(visit, reading, arrived_at, left_at)
        return [event]

    def _missed_stops(self, fix: GpsFix) -> list[TrackEvent]:
        """Stops left behind unseen: a stay within a silence is inferred, else the stop was passed."""
        if self._way.on_line(self._next()) and not self._way.line.on_the_line:
            return []
        fence_m, place_m = self._stop.fence_m, self._line_place()
        closest_m = self._skipped.passed_m(self._next(), self._stop.closest_m, fence_m)
        margin_m = self._stays.margin_m
        behind = self._missed.left_behind(self._pending, fix, place_m, self._way.leg.from_m, closest_m, margin_m)
        events: list[TrackEvent] = []
        visit, follows = self._next(), self._following()
        shared = None if visit is None else self._stays.take_share_before(visit, follows)
        if shared is not None:
            return self._made_unseen(*shared)
        for arrived_at, left_at in self._missed.stays(behind, fix) if behind else ():
            events += self._made_unseen(arrived_at, left_at)
        for visit in () if events else behind:
            made = self._made_after_all(visit)
            if made is not None:
                events += self._made_unseen(*made)
                continue
            self._depart_from(visit, fix.fix_at, clean=False)
            self._missed.remember(visit)
            events.append(TrackEvent(TrackKind.PASSED_WITHOUT_DWELL, visit.key, fix.fix_at))
        return events

    def _made_after_all(self, visit: TrackVisit) -> tuple[int, int] | None:
        """(since, until) of a stay at a visit left behind that nobody took for one."""
        reading = self._stays.was_made(visit)
        if reading is None:
            return self._stays.take_share(visit)
        self._stays.leave(visit, reading, reading.first.since, reading.last.until)
        return reading.first.since, reading.last.until

    def _made_unseen(self, arrived_at: int, left_at: int) -> list[TrackEvent]:
        """The next visit was made then, as is known by now."""
        self._stop.arrive(arrived_at, seen=False)
        return [self._arrived(arrived_at, inferred=True), self._leave(left_at, inferred=True)]

    def _arrived(self, at: int, *, inferred: bool = False) -> TrackEvent:
        visit = self._pending[0]
        leg = self._way.driven(visit, self._fix, at, self.truck_id) if self._stop.seen_exactly else None
        self._way.started = True
        self._stays.arrived(at)
        exact = self._stop.seen_exactly
        return TrackEvent(TrackKind.ARRIVED, visit.key, at, leg=leg, inferred=inferred, exact=exact)

    def _leave(self, left_at: int, *, inferred: bool = False, begun_at: int | None = None) -> TrackEvent:
        visit, stop, dwell = self._pending[0], self._stop, None
        if stop.seen_exactly and stop.arrived_at is not None:
            early_s = visit.planned_at - stop.arrived_at if visit.planned_at else 0
            dwell = DwellRecord(
                visit.key[0], visit.waste, max(0, left_at - stop.arrived_at), None, stop.arrived_at, early_s
            )
        self._depart_from(visit, left_at, clean=dwell is not None)
        return TrackEvent(TrackKind.LEFT, visit.key, left_at, dwell=dwell, inferred=inferred, arrived_at=begun_at)

    def _depart_from(self, visit: TrackVisit, left_at: int, *, clean: bool) -> None:
        self._way.leave(visit, left_at, clean=clean)
        self._pending.remove(visit)
        self._stop = self._new_watch()
        self._missed.start_over(self._fix)
        self._stillness.restart(self._fix, self._line_place(), left_at)

    # ---- progress

    def _watch_progress(self, fix: GpsFix) -> list[TrackEvent]:
        progressed = self._stillness.progressed(fix, self._line_place())
        if not progressed or self._stillness.held_since is None:
            return []
        self._stillness.held_since = None
        return [TrackEvent(TrackKind.MOVING, self._next_key(), fix.fix_at)]

    # ---- short words

    def _next(self) -> TrackVisit | None:
        return self._pending[0] if self._pending else None

    def _following(self) -> TrackVisit | None:
        return self._pending[1] if len(self._pending) > 1 else None

    def _next_key(self) -> StopKey | None:
        return self._pending[0].key if self._pending else None

    def _new_watch(self) -> StopWatch:
        visit = self._next()
        fence_m = self.settings.fence_m if visit is None else self._missed.fence_m(visit)
        return StopWatch(self.settings, self.streets, fence_m)

    def _line_place(self) -> float | None:
        return self._way.place_m(self._next())
