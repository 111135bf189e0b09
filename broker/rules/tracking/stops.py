"""The stops that a truck owes: where it came, stood, left, went by, or was unseen.

The next one is watched by its fence (`stop_watch.py`), or by what a stay looks like where the place is in doubt
(`stays.py`). A stop left behind without a stay is reported, never called served; but if the truck was silent long
enough for a stay, the stay is inferred and marked so. A truck that goes back and stands at a stop it had passed arrives
there after all (`missed_stops.py`).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from broker.plan.geometry import distance_m
from broker.rules.learning.observations import DwellRecord
from broker.rules.settings import Streets
from broker.rules.tracking.missed_stops import MissedStops
from broker.rules.tracking.skipped_stays import SkippedStays
from broker.rules.tracking.stands import Stand
from broker.rules.tracking.stays import Stays
from broker.rules.tracking.stillness import Stillness
from broker.rules.tracking.stop_watch import StopWatch
from broker.rules.tracking.types import GpsFix, StopKey, TrackEvent, TrackKind, TrackSettings, TrackVisit
from broker.rules.tracking.way import Way


class Stops:
    """The visits that one run still owes, in driving order, and what its truck does about them."""

    def __init__(
        self, settings: TrackSettings, streets: Streets, way: Way, stillness: Stillness, stays: Stays, truck_id: str,
        visits: Sequence[TrackVisit], at: int,
    ) -> None:
        """The run owes `visits` since `at`."""
        self.pending = list(visits)
        self._settings = settings
        self._streets = streets
        self._way = way
        self._stillness = stillness
        self._stays = stays
        self._truck_id = truck_id
        self._fix: GpsFix | None = None
        self._missed = MissedStops(settings, streets)
        self._skipped = SkippedStays(settings, streets)
        self._skipped.begin(visits, at)
        self._stop = self._new_watch()

    def replace(self, visits: Sequence[TrackVisit], fix: GpsFix | None, now: int) -> None:
        """The run owes these instead."""
        self._missed.keep_passed(visits)
        before, self.pending = self.next, [visit for visit in visits if visit.key not in self.passed]
        self._skipped.begin(visits, now)
        after = self.next
        if before is None or after is None or before.key != after.key:
            if before is not None and self._stop.arrived_at is not None:  # it stands at a visit that is no longer owed
                self._way.leave(before, None, clean=False)
                self._stays.stands.forget(now)
            self._way.leg.clean = False
            self._stop = self._new_watch()
            self._missed.start_over(fix)

    def leave_behind(self, visit: TrackVisit) -> None:
        """The truck passed this one by, as is known by now."""
        self._missed.remember(visit)

    def begin_again(self, fix: GpsFix | None) -> None:
        """The truck was elsewhere, and heads for its next stop from there."""
        self._stop = self._new_watch()
        self._missed.start_over(fix)

    def resume(self, arrived_at: int, *, exactly: bool) -> None:
        """The truck stood at the first of them since then, before a restart; `exactly` if that moment was seen."""
        visit = self.next
        if visit is not None:
            self._stop.arrive(arrived_at, seen=exactly)
            self._stays.stands.begin(Stand(arrived_at, arrived_at, visit.lat, visit.lon, visit.distance_m, 0.0, 0.0))
            self._stays.arrived(arrived_at)

    def end_stay(self, fix: GpsFix | None, at: int) -> list[TrackEvent]:
        """The stay that goes on is over, though the truck stands on; it teaches nothing."""
        self._fix = fix
        if self._stop.arrived_at is None:
            return []
        self._stop.seen_exactly = False
        return [self._leave(max(at, self._stop.arrived_at))]

    @property
    def next(self) -> TrackVisit | None:
        """The first of them: where the truck stands or drives."""
        return self.pending[0] if self.pending else None

    @property
    def next_key(self) -> StopKey | None:
        """Its key."""
        return self.pending[0].key if self.pending else None

    @property
    def passed(self) -> AbstractSet[StopKey]:
        """Those left behind without a stay, to which the truck may still go back."""
        return self._missed.passed

    @property
    def arrived_at(self) -> int | None:
        """Since when the truck stands at the first of them; None if it does not."""
        return self._stop.arrived_at

    @property
    def place_m(self) -> float | None:
        """The matched place while the way to the next one follows the line, else None."""
        return self._way.place_m(self.next)

    def is_at(self, key: StopKey, fix: GpsFix) -> bool:
        """Whether a truck that is there is in the fence of this visit or stays there, as far as is known."""
        visit = next((visit for visit in self.pending if visit.key == key), None)
        if visit is None:
            return False
        inside = distance_m(fix.lat, fix.lon, visit.lat, visit.lon) <= self._missed.fence_m(visit)
        return inside or self._skipped.bars(visit)

    def watch(self, fix: GpsFix, before: GpsFix | None, gap_s: int) -> list[TrackEvent]:
        """Arrivals, departures and missed stops that this fix shows, `gap_s` after the one before."""
        self._fix = fix
        events: list[TrackEvent] = []
        speed_mps = fix.speed_since(before)
        self._stays.see(fix, before, speed_mps, gap_s, self.next)
        if self._stop.arrived_at is not None:
            left_at = self._gone(fix, speed_mps)
            if left_at is None:
                return events
            if before is not None and self._missed.silent_over(self.pending[1:], self.place_m, gap_s):
                left_at = before.fix_at  # it did more in this silence than drive here: it left when last seen
            events += self._end_of_stay(left_at)
            self._missed.start_over(before)
        self._skipped.follow(fix, speed_mps)
        elsewhere = self._elsewhere(fix, speed_mps)
        if elsewhere is not None:
            visit, since = elsewhere
            self.pending = [visit, *(each for each in self.pending if each is not visit)]
            self._way.leg.clean = False
            self._stop = self._new_watch()
            return [*events, self._arrived(self._stop.arrive(since, seen=False))]
        events += self._missed_stops(fix)
        if self.pending and not self._skipped.bars(self.pending[0]):
            arrived_at = self._approach(fix, speed_mps, gap_s if before is not None else None)
            if arrived_at is not None:
                events.append(self._arrived(arrived_at))
        return events

    def _approach(self, fix: GpsFix, speed_mps: float, silent_s: int | None) -> int | None:
        """When the truck came to its next visit, if it has: by the fence, or by its stand where that is in doubt."""
        visit = self.pending[0]
        at = self._stop.approach(fix, speed_mps, *self._way.offsets_m(visit, fix), silent_s)
        if not self._stays.in_doubt:
            return None if at is None else self._stop.arrive(self._stays.stood_since(at), seen=self._stop.seen_exactly)
        self._stop.arrived_at = None
        since = self._stays.arrival(visit)
        return None if since is None else self._stop.arrive(since, seen=silent_s is not None)

    def _gone(self, fix: GpsFix, speed_mps: float) -> int | None:
        visit, follows = self.pending[0], self._following
        at = self._stays.moved_on(visit, follows)
        if at is not None:
            return at
        left_at = self._stop.leave(fix, speed_mps, *self._way.offsets_m(visit, fix))
        if self._stays.in_doubt:
            return self._stays.gone(visit, fix)
        return None if self._stays.stands_where_it_came else left_at

    def _elsewhere(self, fix: GpsFix, speed_mps: float) -> tuple[TrackVisit, int] | None:
        """(visit, since when) where the truck stands, if it is not the next one."""
        others = [visit for visit in self.pending[1:] if not self._skipped.bars(visit)]
        if self.place_m is not None:  # on the line its stops come in order; one owed again may be anywhere
            again = (each for each in others if each.distance_m is None)
            others = [visit for visit in again if (visit.not_before_at or 0) <= fix.fix_at]
        stands, reach_m = self._stays.stands, self._stays.reach_m
        stand = stands.newest if reach_m and stands.standing else None
        speed_mps = speed_mps if stand is None else 0.0
        return self._missed.reached_after_all(fix, speed_mps, others, self.next, stand, reach_m)

    def _end_of_stay(self, left_at: int) -> list[TrackEvent]:
        """The truck left: its stay is read as a whole, and may have been none."""
        visit, arrived_at = self.pending[0], self._stop.arrived_at
        assert arrived_at is not None
        in_doubt = self._stays.in_doubt
        reading = self._stays.read(visit, 0 if in_doubt else arrived_at)
        events, right = list[TrackEvent](), self._stays.set_right(visit)
        if right is not None:
            before, was, reading = right
            events = [TrackEvent(TrackKind.STAYED, before.key, was.last.until, arrived_at=was.first.since)]
            if reading is None:
                return events + self._drove_on(visit, left_at)
            self._stop.seen_exactly = False
            in_doubt = True
        if self._stop.seen_exactly and self._stays.was_none(visit, reading):
            shared = self._stays.take_share(visit)
            if shared is not None:
                self._stop.arrive(shared[0], seen=False)
                return [self._leave(shared[1], begun_at=shared[0])]
            return self._drove_on(visit, left_at)
        begun_at = None
        if reading is not None and (in_doubt or reading.first is not self._stays.first_after(arrived_at)):
            begun_at = reading.first.since
        if begun_at is not None:
            self._stop.arrived_at = begun_at
        if self._stays.may_be_of_both(visit, self._following, reading):
            self._stop.seen_exactly = False
        event = self._leave(left_at, begun_at=begun_at)
        self._stays.leave(visit, reading, arrived_at, left_at)
        return [*events, event]

    def _drove_on(self, visit: TrackVisit, left_at: int) -> list[TrackEvent]:
        """What was taken for the stay at the next visit was none."""
        self._depart_from(visit, left_at, clean=False)
        self._missed.remember(visit)
        kinds = (TrackKind.DROVE_ON, TrackKind.PASSED_WITHOUT_DWELL)
        return [TrackEvent(kind, visit.key, left_at) for kind in kinds]

    def _missed_stops(self, fix: GpsFix) -> list[TrackEvent]:
        """Stops left behind unseen: a stay within a silence is inferred, else the stop was passed."""
        if self._way.on_line(self.next) and not self._way.line.on_the_line:
            return []
        fence_m, place_m = self._stop.fence_m, self.place_m
        closest_m = self._skipped.passed_m(self.next, self._stop.closest_m, fence_m)
        margin_m = self._stays.margin_m
        behind = self._missed.left_behind(self.pending, fix, place_m, self._way.leg.from_m, closest_m, margin_m)
        events: list[TrackEvent] = []
        visit, follows = self.next, self._following
        shared = None if visit is None else self._stays.take_share_before(visit, follows)
        if shared is not None:
            return self._made_unseen(*shared)
        unseen = self._missed.stays(behind, fix) if behind else []
        if self._stays.has_time_for(behind, sum(left_at - arrived_at for arrived_at, left_at in unseen)):
            for arrived_at, left_at in unseen:
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
        visit = self.pending[0]
        leg = self._way.driven(visit, self._fix, at, self._truck_id) if self._stop.seen_exactly else None
        self._way.started = True
        self._stays.arrived(at)
        exact = self._stop.seen_exactly
        return TrackEvent(TrackKind.ARRIVED, visit.key, at, leg=leg, inferred=inferred, exact=exact)

    def _leave(self, left_at: int, *, inferred: bool = False, begun_at: int | None = None) -> TrackEvent:
        visit, stop, dwell = self.pending[0], self._stop, None
        if stop.seen_exactly and stop.arrived_at is not None:
            early_s = visit.planned_at - stop.arrived_at if visit.planned_at else 0
            dwell = DwellRecord(
                visit.key[0], visit.waste, max(0, left_at - stop.arrived_at), None, stop.arrived_at, early_s
            )
        self._depart_from(visit, left_at, clean=dwell is not None)
        return TrackEvent(TrackKind.LEFT, visit.key, left_at, dwell=dwell, inferred=inferred, arrived_at=begun_at)

    def _depart_from(self, visit: TrackVisit, left_at: int, *, clean: bool) -> None:
        self._way.leave(visit, left_at, clean=clean)
        self.pending.remove(visit)
        self._stop = self._new_watch()
        self._missed.start_over(self._fix)
        self._stillness.restart(self._fix, self.place_m, left_at)

    @property
    def _following(self) -> TrackVisit | None:
        return self.pending[1] if len(self.pending) > 1 else None

    def _new_watch(self) -> StopWatch:
        visit = self.next
        fence_m = self._settings.fence_m if visit is None else self._missed.fence_m(visit)
        return StopWatch(self._settings, self._streets, fence_m)
