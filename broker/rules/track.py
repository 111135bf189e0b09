"""Where one truck is on its run: positions in, arrivals, departures, hold-ups and detours out.

The truck is matched onto its route's line and its matched place never goes back. A leg to a visit that lies on the
line ahead is followed by that place; any other leg (a second visit, an order changed by a re-plan) is "free" and is
followed by the straight distance to its room. Between positions nothing is invented: the state changes on accepted
fixes, and on ticks only into `held`. A fix that is older than the newest one, or was old when it came, changes
nothing and yields no event.

    approaching --inside the fence, slow or for 10 s--> at the stop --outside the fence--> approaching the next
    approaching --beyond the fence without a stay--> passed without dwell, approaching the next
    moving --30 m in no less than 120..170 s, or the button--> held --30 m, or the button--> moving
    on route --60 m beside the line for 60 s and more than 3 fixes--> off route --a fix on the line--> on route
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from broker.rules.geometry import distance_m, lengths_m, project
from broker.rules.history import START_ROOM, DwellRecord, LegRecord
from broker.rules.plan import Route

VisitKey = tuple[str, int]  # room_id, visit_number


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """When a truck counts as arrived, gone, held, off its route, or unknown."""

    fence_m: float = 25.0
    slow_mps: float = 2.0
    stay_s: int = 10
    nearby_m: float = 45.0
    nearby_stay_s: int = 20
    inferred_stay_s: int = 30
    late_fix_s: int = 90
    future_fix_s: int = 60
    stale_s: int = 180
    off_route_m: float = 60.0
    off_route_s: int = 60
    off_route_fixes: int = 3
    look_back_m: float = 150.0
    look_ahead_m: float = 2500.0
    progress_m: float = 30.0
    held_least_s: int = 120
    held_most_s: int = 170
    start_m: float = 100.0
    early_start_s: int = 1800
    incoming_m: float = 100.0
    default_speed_mps: float = 5.0


@dataclass(frozen=True, slots=True)
class GpsFix:
    """One position of a truck; times are POSIX seconds, `speed_mps` None where the receiver gave none."""

    fix_at: int
    lat: float
    lon: float
    speed_mps: float | None
    received_at: int


@dataclass(frozen=True, slots=True)
class TrackVisit:
    """One visit the run owes; `distance_m` along the line, or None for a visit outside the line's order."""

    key: VisitKey
    lat: float
    lon: float
    waste: str
    planned_at: int
    not_before_at: int | None
    distance_m: float | None
    fence_m: float | None = None


class TrackKind(StrEnum):
    """What can happen to a truck on its way."""

    ARRIVED = "Arrived"
    LEFT = "Left"
    PASSED_WITHOUT_DWELL = "PassedWithoutDwell"
    OFF_ROUTE = "OffRoute"
    BACK_ON_ROUTE = "BackOnRoute"
    HELD = "Held"
    MOVING = "Moving"


@dataclass(frozen=True, slots=True)
class TrackEvent:
    """One happening; `key` is the visit concerned (for the way: the next one), `at` when it happened.

    `inferred` marks a stay nobody saw (it lay in a gap of positions); `leg` and `dwell` are what history learns.
    """

    kind: TrackKind
    key: VisitKey | None
    at: int
    leg: LegRecord | None = None
    dwell: DwellRecord | None = None
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """The state at one moment. `status` is a GTFS-Realtime VehicleStopStatus word; `fix` the newest position.

    `along_m` is the matched place on the line (None before the first match or without a line), `from_room` the
    room the present leg comes from and `leg_length_m`/`leg_rest_m` its length and what is left of it; `still_s`
    how long the truck is known to have made no progress.
    """

    status: str
    next_visit: VisitKey | None
    at_visit: VisitKey | None
    arrived_at: int | None
    started: bool
    held: bool
    held_since: int | None
    off_route: bool
    stale: bool
    fix: GpsFix | None
    fix_age_s: int | None
    along_m: float | None
    from_room: str
    leg_length_m: float
    leg_rest_m: float
    still_s: int


class RunTracker:
    """Follows one run of one truck; `visits` in driving order, those still owed."""

    def __init__(
        self,
        run_id: str,
        route: Route,
        truck_id: str,
        visits: Sequence[TrackVisit],
        depart_at: int,
        settings: TrackSettings | None = None,
        expected_leg_s: Callable[[str, str, str, float, int], float] | None = None,
    ) -> None:
        """`expected_leg_s(route_id, from_room, to_room, length_m, at)` tells how long a leg should take."""
        self.run_id = run_id
        self.route = route
        self.truck_id = truck_id
        self.depart_at = depart_at
        self.settings = settings or TrackSettings()
        self._expected_leg_s = expected_leg_s
        self._cumulative = lengths_m(route.line)
        self._pending = list(visits)
        self._fix: GpsFix | None = None
        self._first_fix: GpsFix | None = None
        self._started = False
        # the way
        self._along_m: float | None = None
        self._along_speed_mps = 0.0
        self._off_fixes = 0
        self._off_since: int | None = None
        self._off_route = False
        # the leg
        self._from_room = START_ROOM
        self._from_m: float | None = None
        self._left_at: int | None = None
        self._leg_clean = False
        self._free_length_m: float | None = None
        # the stop
        self._inside_since: int | None = None
        self._nearby_since: int | None = None
        self._arrived_at: int | None = None
        self._last_inside_at: int | None = None
        self._outside_fixes = 0
        self._closest_m = float("inf")
        # progress
        self._anchor: GpsFix | None = None
        self._anchor_along_m: float | None = None
        self._held_since: int | None = None

    @property
    def pending(self) -> tuple[TrackVisit, ...]:
        """The visits not yet left, in driving order; the first may be where the truck stands."""
        return tuple(self._pending)

    # ---- what comes in

    def on_fix(self, fix: GpsFix, now: int) -> list[TrackEvent]:
        """Take in one position; late, repeated or future ones change nothing."""
        settings = self.settings
        before = self._fix
        if (
            (before is not None and fix.fix_at <= before.fix_at)
            or fix.received_at - fix.fix_at > settings.late_fix_s
            or now - fix.fix_at > settings.late_fix_s
            or fix.fix_at > now + settings.future_fix_s
        ):
            return []
        if self._first_fix is None:
            self._first_fix = self._anchor = fix
        speed_mps = self._speed_mps(fix, before)
        if before is not None and fix.fix_at - before.fix_at > settings.stale_s:
            self._leg_clean = False
        self._fix = fix
        events = self._follow_line(fix, before)
        self._start_if_moving(fix)
        events += self._visit_events(fix, before, speed_mps)
        events += self._progress_events(fix)
        return events

    def on_tick(self, now: int) -> list[TrackEvent]:
        """Time passed: a truck that is known to stand outside a stop becomes held."""
        if self._must_be_held(now) and self._anchor is not None:
            self._held_since = self._anchor.fix_at
            return [TrackEvent(TrackKind.HELD, self._next_key(), now)]
        return []

    def set_visits(self, visits: Sequence[TrackVisit], now: int) -> None:
        """Replace what the run owes (a re-plan, a visit cancelled or added); the new order is the route from now."""
        at_key = self._next_key() if self._arrived_at is not None else None
        target = self._next_key()
        self._pending = list(visits)
        if at_key is not None and self._next_key() != at_key:
            self._forget_stop()
            self._start_leg(START_ROOM, None, None)
        if self._next_key() != target:
            self._leg_clean = False
            self._forget_stop()
            self._free_length_m = None
        self._off_route, self._off_since, self._off_fixes = False, None, 0
        self._restart_progress(now)

    def hold(self, now: int) -> list[TrackEvent]:
        """The driver pressed the button: held at once."""
        self._leg_clean = False
        if self._held_since is not None:
            return []
        self._held_since = now
        return [TrackEvent(TrackKind.HELD, self._next_key(), now)]

    def release(self, now: int) -> list[TrackEvent]:
        """The hold-up is over (withdrawn, cleared, decided): watch for progress afresh."""
        self._restart_progress(now)
        if self._held_since is None:
            return []
        self._held_since = None
        return [TrackEvent(TrackKind.MOVING, self._next_key(), now)]

    def resume(self, from_room: str, from_m: float | None, left_at: int | None, arrived_at: int | None) -> None:
        """Go on after a restart of the bridge: a started run that left `from_room` (at `from_m` along the line) at
        `left_at`; `arrived_at` if the truck stood at the first of `visits`."""
        self._started = True
        self._along_m = from_m
        self._start_leg(from_room, from_m, left_at)
        self._leg_clean = False
        if arrived_at is not None and self._pending:
            self._arrived_at = self._last_inside_at = arrived_at
            self._along_m = self._pending[0].distance_m

    # ---- what is known

    def progress(self, now: int) -> Progress:
        """The state at `now`, from accepted positions alone."""
        fix = self._fix
        age_s = None if fix is None else max(0, now - fix.fix_at)
        at_visit = self._next_key() if self._arrived_at is not None else None
        length_m, rest_m = self._leg()
        status = "IN_TRANSIT_TO"
        if at_visit is not None:
            status = "STOPPED_AT"
        elif self._started and rest_m <= self.settings.incoming_m and self._pending:
            status = "INCOMING_AT"
        return Progress(
            status=status,
            next_visit=self._next_key(),
            at_visit=at_visit,
            arrived_at=self._arrived_at,
            started=self._started,
            held=self._held_since is not None,
            held_since=self._held_since,
            off_route=self._off_route,
            stale=age_s is None or age_s > self.settings.stale_s,
            fix=fix,
            fix_age_s=age_s,
            along_m=self._along_m,
            from_room=self._from_room,
            leg_length_m=length_m,
            leg_rest_m=rest_m,
            still_s=self._still_s(now),
        )

    # ---- the way

    def _follow_line(self, fix: GpsFix, before: GpsFix | None) -> list[TrackEvent]:
        """Match the fix onto the line and notice leaving and re-joining it."""
        settings = self.settings
        if len(self.route.line) < 2 or not self._pending or not self._on_line():
            self._off_route, self._off_since, self._off_fixes = False, None, 0
            return []
        gap_s = 0 if before is None else fix.fix_at - before.fix_at
        off_m, along_m = self._match(fix, gap_s)
        if off_m <= settings.off_route_m:
            events = []
            if self._off_route:
                events.append(TrackEvent(TrackKind.BACK_ON_ROUTE, self._next_key(), fix.fix_at))
            self._off_route, self._off_since, self._off_fixes = False, None, 0
            if self._along_m is None:
                self._along_m = along_m
                if self._from_m is None and self._from_room == START_ROOM:
                    self._from_m = along_m
            elif along_m > self._along_m:
                if gap_s:
                    self._along_speed_mps = min(20.0, (along_m - self._along_m) / gap_s)
                self._along_m = along_m
            else:
                self._along_speed_mps = 0.0
            return events
        if self._along_m is None:
            return []  # still on the way to the route
        self._off_fixes += 1
        self._off_since = fix.fix_at if self._off_since is None else self._off_since
        if (
            not self._off_route
            and self._off_fixes > settings.off_route_fixes
            and fix.fix_at - self._off_since >= settings.off_route_s
        ):
            self._off_route, self._leg_clean = True, False
            return [TrackEvent(TrackKind.OFF_ROUTE, self._next_key(), fix.fix_at)]
        return []

    def _match(self, fix: GpsFix, gap_s: int) -> tuple[float, float]:
        """(metres off, metres along) of the fix, looking where the truck can be."""
        settings = self.settings
        end_m = self._cumulative[-1]
        if self._along_m is None:
            # Lines may cross themselves: prefer the stretch before the first visit, then anywhere.
            first_m = next(visit.distance_m for visit in self._pending if visit.distance_m is not None)
            off_m, along_m = project(self.route.line, self._cumulative, fix.lat, fix.lon, 0.0, first_m)
            if off_m <= settings.off_route_m:
                return off_m, along_m
            return project(self.route.line, self._cumulative, fix.lat, fix.lon, 0.0, end_m)
        ahead_m = end_m if self._off_route else self._along_m + settings.look_ahead_m + 15.0 * gap_s
        expected_m = self._along_m + self._along_speed_mps * gap_s
        back_m = self._along_m - settings.look_back_m
        return project(self.route.line, self._cumulative, fix.lat, fix.lon, back_m, ahead_m, expected_m)

    def _on_line(self) -> bool:
        """Whether the present leg runs along the line (else it is free)."""
        target_m = self._pending[0].distance_m if self._pending else None
        if target_m is None:
            return False
        if self._from_m is None:
            return self._from_room == START_ROOM and self._left_at is None and (
                self._along_m is None or target_m + self._fence_m() >= self._along_m
            )
        return target_m >= self._from_m

    def _leg(self) -> tuple[float, float]:
        """(length, rest) of the present leg in metres; both 0 when nothing is owed."""
        if not self._pending:
            return 0.0, 0.0
        visit = self._pending[0]
        straight_m = 0.0
        if self._fix is not None:
            straight_m = distance_m(self._fix.lat, self._fix.lon, visit.lat, visit.lon)
        if self._on_line() and self._along_m is not None and not self._off_route and visit.distance_m is not None:
            start_m = self._from_m if self._from_m is not None else self._along_m
            rest_m = max(0.0, visit.distance_m - self._along_m)
            return max(rest_m, visit.distance_m - start_m), rest_m
        rest_m = straight_m
        return max(rest_m, self._free_length_m or 0.0), rest_m

    def _start_leg(self, room: str, along_m: float | None, left_at: int | None) -> None:
        self._from_room, self._from_m, self._left_at = room, along_m, left_at
        self._leg_clean = left_at is not None
        self._free_length_m = None
        if self._pending and self._fix is not None:
            visit = self._pending[0]
            self._free_length_m = distance_m(self._fix.lat, self._fix.lon, visit.lat, visit.lon)

    # ---- the stops

    def _fence_m(self) -> float:
        return self._pending[0].fence_m or self.settings.fence_m

    def _visit_events(self, fix: GpsFix, before: GpsFix | None, speed_mps: float) -> list[TrackEvent]:
        """Arrivals, departures and missed stops that this fix shows."""
        events: list[TrackEvent] = []
        if not self._pending or fix.fix_at < self.depart_at - self.settings.early_start_s:
            return events
        if self._arrived_at is not None:
            events += self._leaving(fix, speed_mps)
            if self._arrived_at is not None:
                return events
        events += self._passing(fix, before)
        if self._pending:
            events += self._arriving(fix, speed_mps)
        return events

    def _offsets_m(self, fix: GpsFix) -> tuple[float, float | None]:
        """(straight metres to the next visit, metres still to go along the line or None on a free leg)."""
        visit = self._pending[0]
        straight_m = distance_m(fix.lat, fix.lon, visit.lat, visit.lon)
        if visit.distance_m is None or self._along_m is None or not self._on_line() or self._off_fixes:
            return straight_m, None
        return straight_m, visit.distance_m - self._along_m

    def _arriving(self, fix: GpsFix, speed_mps: float) -> list[TrackEvent]:
        settings = self.settings
        straight_m, ahead_m = self._offsets_m(fix)
        self._closest_m = min(self._closest_m, straight_m)
        fence_m = self._fence_m()
        inside = straight_m <= fence_m or (ahead_m is not None and abs(ahead_m) <= fence_m)
        nearby = straight_m <= max(settings.nearby_m, fence_m) and speed_mps < settings.slow_mps
        self._inside_since = (self._inside_since or fix.fix_at) if inside else None
        self._nearby_since = (self._nearby_since or fix.fix_at) if nearby else None
        if self._inside_since is not None and (
            speed_mps < settings.slow_mps or fix.fix_at - self._inside_since >= settings.stay_s
        ):
            return self._arrive(self._inside_since)
        if self._nearby_since is not None and fix.fix_at - self._nearby_since >= settings.nearby_stay_s:
            return self._arrive(self._nearby_since)
        return []

    def _arrive(self, at: int, inferred: bool = False) -> list[TrackEvent]:
        visit = self._pending[0]
        leg = None
        if not inferred and self._leg_clean and self._left_at is not None and at > self._left_at:
            leg = LegRecord(
                self.route.route_id, self._from_room, visit.key[0], at - self._left_at, self._left_at, self.truck_id
            )
        self._arrived_at = self._last_inside_at = at
        self._started = True
        self._outside_fixes = 0
        return [TrackEvent(TrackKind.ARRIVED, visit.key, at, leg=leg, inferred=inferred)]

    def _leaving(self, fix: GpsFix, speed_mps: float) -> list[TrackEvent]:
        straight_m, ahead_m = self._offsets_m(fix)
        fence_m = self._fence_m()
        beyond_m = straight_m - fence_m
        if ahead_m is not None:
            beyond_m = min(beyond_m + fence_m, abs(ahead_m)) - fence_m
        if beyond_m <= 0 or (straight_m <= self.settings.nearby_m and speed_mps < self.settings.slow_mps):
            self._last_inside_at, self._outside_fixes = fix.fix_at, 0
            return []
        self._outside_fixes += 1
        if self._outside_fixes < 2 and beyond_m < fence_m:
            return []
        driven_s = (beyond_m + fence_m) / max(speed_mps, self.settings.default_speed_mps)
        left_at = round(max(self._last_inside_at or fix.fix_at, fix.fix_at - driven_s))
        return self._leave(min(left_at, fix.fix_at))

    def _leave(self, left_at: int, inferred: bool = False) -> list[TrackEvent]:
        visit = self._pending.pop(0)
        dwell = None
        if not inferred and self._arrived_at is not None:
            dwell = DwellRecord(visit.key[0], visit.waste, max(0, left_at - self._arrived_at), None, self._arrived_at)
        self._forget_stop()
        on_line = visit.distance_m is not None and (
            self._along_m is None or visit.distance_m + self.settings.look_back_m >= self._along_m
        )
        if on_line and visit.distance_m is not None:
            self._along_m = max(self._along_m or 0.0, visit.distance_m)
        self._start_leg(visit.key[0], visit.distance_m if on_line else None, left_at)
        if inferred:
            self._leg_clean = False
        if self._fix is not None:
            self._restart_progress(self._fix.fix_at)
        return [TrackEvent(TrackKind.LEFT, visit.key, left_at, dwell=dwell, inferred=inferred)]

    def _passing(self, fix: GpsFix, before: GpsFix | None) -> list[TrackEvent]:
        """Visits that now lie behind though no stay was seen: stays within a gap are inferred, others reported."""
        passed = 0
        for visit in self._pending:
            if not self._is_behind(visit, fix):
                break
            passed += 1
        if not passed:
            return []
        self._outside_fixes += 1
        beyond_m = (self._along_m or 0.0) - (self._pending[0].distance_m or 0.0)
        if self._outside_fixes < 2 and beyond_m < 4 * self._fence_m():
            return []
        events: list[TrackEvent] = []
        gap_s = 0 if before is None else fix.fix_at - before.fix_at
        spare_s = gap_s - self._driving_s(fix, before)
        stayed = before is not None and spare_s / passed >= self.settings.inferred_stay_s
        for index in range(passed):
            key = self._pending[0].key
            if stayed and before is not None:
                middle = before.fix_at + gap_s * (2 * index + 1) // (2 * passed)
                events += self._arrive(middle, inferred=True)
                events += self._leave(middle, inferred=True)
            else:
                along_m = self._pending.pop(0).distance_m
                self._forget_stop()
                self._start_leg(key[0], along_m, fix.fix_at)
                self._leg_clean = False
                events.append(TrackEvent(TrackKind.PASSED_WITHOUT_DWELL, key, fix.fix_at))
        return events

    def _is_behind(self, visit: TrackVisit, fix: GpsFix) -> bool:
        fence_m = visit.fence_m or self.settings.fence_m
        if visit is self._pending[0] and not self._on_line():
            straight_m = distance_m(fix.lat, fix.lon, visit.lat, visit.lon)
            return self._closest_m <= 2 * fence_m and straight_m > 8 * fence_m
        if visit.distance_m is None or self._along_m is None or self._off_fixes:
            return False
        if self._from_m is not None and visit.distance_m < self._from_m:
            return False
        return self._along_m > visit.distance_m + fence_m and (
            distance_m(fix.lat, fix.lon, visit.lat, visit.lon) > fence_m
        )

    def _driving_s(self, fix: GpsFix, before: GpsFix | None) -> float:
        if before is None:
            return 0.0
        straight_m = distance_m(before.lat, before.lon, fix.lat, fix.lon)
        return 1.35 * straight_m / self.settings.default_speed_mps

    def _forget_stop(self) -> None:
        self._inside_since = self._nearby_since = self._arrived_at = self._last_inside_at = None
        self._outside_fixes = 0
        self._closest_m = float("inf")

    # ---- progress

    def _start_if_moving(self, fix: GpsFix) -> None:
        first = self._first_fix
        if (
            not self._started
            and first is not None
            and self._along_m is not None
            and fix.fix_at >= self.depart_at - self.settings.early_start_s
            and distance_m(first.lat, first.lon, fix.lat, fix.lon) >= self.settings.start_m
        ):
            self._started = True
            self._restart_progress(fix.fix_at)

    def _progress_events(self, fix: GpsFix) -> list[TrackEvent]:
        anchor = self._anchor
        if anchor is None:
            return []
        free = self._off_route or not self._on_line()
        moved_m = distance_m(anchor.lat, anchor.lon, fix.lat, fix.lon)
        if not free and self._along_m is not None and self._anchor_along_m is not None:
            moved_m = self._along_m - self._anchor_along_m
        if moved_m < self.settings.progress_m and self._arrived_at is None:
            return []
        self._restart_progress(fix.fix_at)
        if self._held_since is None or moved_m < self.settings.progress_m:
            return []
        self._held_since = None
        return [TrackEvent(TrackKind.MOVING, self._next_key(), fix.fix_at)]

    def _restart_progress(self, at: int) -> None:
        if self._fix is not None:
            self._anchor = replace(self._fix, fix_at=at)
        self._anchor_along_m = self._along_m

    def _still_s(self, now: int) -> int:
        if self._anchor is None or self._arrived_at is not None:
            return 0
        return max(0, now - self._anchor.fix_at)

    def _must_be_held(self, now: int) -> bool:
        if self._held_since is not None or not self._started or self._arrived_at is not None or not self._pending:
            return False
        if self._fix is None or now - self._fix.fix_at > self.settings.late_fix_s:
            return False  # unknown is stale, not held
        length_m, _ = self._leg()
        expected_s = length_m / self.settings.default_speed_mps
        if self._expected_leg_s is not None:
            expected_s = self._expected_leg_s(
                self.route.route_id, self._from_room, self._pending[0].key[0], length_m, now
            )
        limit_s = min(self.settings.held_most_s, max(self.settings.held_least_s, 2 * expected_s))
        return self._still_s(now) >= limit_s

    def _speed_mps(self, fix: GpsFix, before: GpsFix | None) -> float:
        if fix.speed_mps is not None:
            return fix.speed_mps
        if before is None:
            return 0.0
        return distance_m(before.lat, before.lon, fix.lat, fix.lon) / (fix.fix_at - before.fix_at)

    def _next_key(self) -> VisitKey | None:
        return self._pending[0].key if self._pending else None
