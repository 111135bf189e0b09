"""The trucks of the world: a driver who follows the itinerary in the cab, a body that moves, a receiver that speaks.

    parked  -> driving   the run departs, or the itinerary holds a visit after all
    driving -> at_stop   the room is reached: bins are taken for 60 s + 25 s each, more if they are not out
    driving -> stuck     45 m before a room whose lane is blocked: the driver looks, then holds the button
    driving -> parked    nothing is left to visit and the way home is driven
    at_stop -> driving   the bins are empty
    stuck   -> driving   the itinerary says to go elsewhere, or the lane is free
    any     -> broken    a breakdown: the driver holds the button until it is one
    broken  -> driving   it has been repaired
    driving -> hauling   it is full: to the transfer station, where it is emptied
    hauling -> driving   it was, and goes on with its round
"""

import math
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.plan.demo_area import DWELL_BASE_S, DWELL_PER_BIN_S, SPEED_MPS
from broker.plan.model import Plan, Room, Route, RunPlan
from sim.world.button import Button
from sim.world.devices import TruckUnit
from sim.world.evidence import Evidence, TrueVisit
from sim.world.gps.receiver import Receiver
from sim.world.piles import Loaded, PileTruth
from sim.world.road.driven import START, Driven
from sim.world.road.drivers import SAME_PLACE_M, Driver, Errand
from sim.world.road.driving import Drive, Pace, Path
from sim.world.road.streets import Streets
from sim.world.rooms import RoomTruth
from sim.world.timeline import Timeline

BINS_NOT_OUT_S = 150.0
STOPS_SHORT_M = 45.0
LOOKS_FIRST_S = 20.0
HOLD_BLOCKED_S = 2.0
HOLD_BREAKDOWN_S = 4.4
STANDING_TICK_S = 4.0
NEXT_DAY_S = 12 * 3600.0


@dataclass(frozen=True, slots=True)
class RunToday:
    """A run with the moment it leaves the depot, and where that is; the truck ends its day at `home`."""

    plan: RunPlan
    route: Route
    departs_at: float
    depot: tuple[float, float]
    home: tuple[float, float]
    run_id: str = ""


@dataclass(slots=True)
class World:
    """What trucks see of the rest of the world."""

    timeline: Timeline
    evidence: Evidence
    rooms: Mapping[str, RoomTruth | PileTruth]
    blocked: Mapping[str, bool]
    pressed: Callable[[str], None]  # told after each press, with the truck's id
    loaded: Loaded = lambda *_: None  # told when a crew has loaded a pile
    parked_says_every: int = 1  # of so many words of a parked truck's receiver one is said aloud
    closed: Collection[str] = ()  # rooms to which no driver sets out
    driven: Driven | None = None  # how everybody drove, where the day is one on record


class TruckTruth:
    """One truck as it really is."""

    def __init__(
        self, truck_id: str, runs: Sequence[RunToday], plan: Plan, unit: TruckUnit, world: World,
        dice: random.Random, pace: Pace, receiver: Receiver, driver: Driver, streets: Streets,
    ) -> None:
        self.truck_id = truck_id
        self.state = "parked"
        self.receiver = receiver
        self.driver = driver
        self.button = Button(truck_id, unit, world.timeline, world.evidence, world.pressed)
        self._runs = sorted(runs, key=lambda run: run.departs_at)
        self._run: RunToday | None = None
        self._plan = plan
        self._unit = unit
        self._world = world
        self._dice = dice
        self._pace = pace
        self._streets = streets
        self._lines = {run.route.line: Path(run.route.line) for run in runs}
        self._errand: Errand | None = None
        self._drive: Drive | None = None
        self._line_m: float | None = None  # how far along the run's line the truck stood when the leg began
        self._leg_end_m: float | None = None  # and where on it the leg ends
        self._beside = False  # a stretch of this leg is in another street
        self._last_room = START
        self._place = (*self._runs[0].depot, 0.0)
        self._visit: TrueVisit | None = None
        self._busy_until = 0.0
        self._not_out_s = 0.0
        self._parked_ticks = -1
        self.waits = False  # for its driver: it does not leave where it is parked
        self._unload_s: float | None = None  # what it takes to be emptied, which comes before the next room
        self._asked: set[tuple[str, int, str]] = set()

    @property
    def errand(self) -> Errand | None:
        """Where the driver is going or standing now."""
        return self._errand

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude now."""
        return self._place[0], self._place[1]

    def start(self) -> None:
        """Begin to exist: the receiver speaks from now on."""
        self._world.timeline.after(0.0, self._tick)

    def read_itinerary(self, body: Mapping[str, Any] | None) -> None:
        """The screen in the cab shows another itinerary."""
        if body is not None:
            self.driver.reads(body)

    def break_down(self, *, reported: bool = True) -> None:
        """The truck stands from now on; the driver reports it after a moment, or says nothing."""
        self.state = "broken"
        if reported:
            self._world.timeline.after(LOOKS_FIRST_S, lambda: self.button.press(HOLD_BREAKDOWN_S))

    def repaired(self) -> None:
        """It can drive again."""
        if self.state == "broken":
            self.state = "driving"
            self._errand = None

    def go_and_unload(self, unload_s: float) -> None:
        """The truck is full: once it has left where it stands it goes to the transfer station."""
        self._unload_s = unload_s

    # --- one tick ---------------------------------------------------------------------------------------

    def _tick(self) -> None:
        now = self._world.timeline.now
        _STATES[self.state](self, now)
        drives = self.state in ("driving", "hauling")
        speed_mps = self._drive.speed_mps if self._drive is not None and drives else 0.0
        self._world.evidence.was_at(self.truck_id, now, *self.place, parked=self.state == "parked")
        is_aloud = self._is_aloud()
        said = self.receiver.says(now, self._place, speed_mps, is_heard=is_aloud)
        if is_aloud:
            self._unit.serial(said)
        self._world.timeline.after(1.0 if drives else STANDING_TICK_S, self._tick)

    def _is_aloud(self) -> bool:
        """Whether the receiver is heard: always, but where a parked truck is known to say the same again and again."""
        every, ticks = self._world.parked_says_every, self._parked_ticks
        self._parked_ticks = ticks + 1 if self.state == "parked" else 0
        return self.state != "parked" or ticks <= 1 or ticks % every == 1 % every or not self.receiver.is_steady

    def _parked(self, now: float) -> None:
        if self.waits:
            return
        if self._runs and now >= self._runs[0].departs_at:
            if self._run is not None and self._runs[0].departs_at - self._run.departs_at > NEXT_DAY_S:
                self.driver.begins_a_day()
                self._asked.clear()
            self._run = self._runs.pop(0)
            self._last_room = START
            if not self._run.plan.visits:  # on standby until an itinerary comes
                return
            self._line_m = 0.0 if self._near(self._run.route.line[0]) else None
            self.state = "driving"
            self._errand = None
        elif (errand := self._next_errand()) is not None and self._run is not None and self._is_time(errand, now):
            self.state = "driving"
            self._errand = None

    def _hauling(self, now: float) -> None:
        if self._drive is not None:
            reached = self._drive.step()
            self._place = self._drive.place()
            if not reached:
                return
            self._drive, self._busy_until = None, now + (self._unload_s or 0.0)
        if now >= self._busy_until:
            self._unload_s, self._errand, self._line_m = None, None, None
            self.state = "driving"

    def _is_time(self, errand: Errand, now: float) -> bool:
        """Whether the truck is where it is expected if it sets out now."""
        comes_at = self.driver.comes_at(errand)
        place = self._plan.places[errand.room]
        drive_s = Path([self.place, (place.lat, place.lon)]).length_m / SPEED_MPS
        return comes_at is None or now + drive_s >= comes_at

    def _driving(self, now: float) -> None:
        station = self._plan.transfer_station
        if self._unload_s is not None and station is not None:
            speed_mps = self._drive.speed_mps if self._drive is not None else 0.0
            self._drive = Drive(Path([self.place, station]), self._pace, self._dice, speed_mps, [])
            self.state = "hauling"
            return
        wanted = self._next_errand()
        if self._drive is None or (wanted is None) != (self._errand is None) or (
            wanted is not None and self._errand is not None and wanted.key != self._errand.key
        ):
            self._set_out(wanted)
        drive = self._drive
        if drive is None:
            self.state = "parked"
            return
        room = self._errand.room if self._errand else None
        if room is not None and self._world.blocked.get(room):
            goal_m = drive.path.length_m - STOPS_SHORT_M
            drive.goal_m = goal_m if drive.along_m < goal_m else drive.path.length_m
        else:
            drive.goal_m = drive.path.length_m
        reached = drive.step()
        self._place = drive.place()
        if not reached:
            return
        if self._errand is None:
            self.state = "parked"
            self._drive = None
            self._line_m = None
        elif drive.goal_m < drive.path.length_m:
            self.state = "stuck"
            looks_s = self._world.driven.looks_s if self._world.driven is not None else {}
            self._busy_until = now + looks_s.get(self._errand.room, LOOKS_FIRST_S)
        else:
            self._arrive(now)

    def _at_stop(self, now: float) -> None:
        if now < self._busy_until or self._visit is None or self._errand is None:
            return
        room, waste, visit = self._world.rooms[self._errand.room], self._errand.waste, self._visit
        if room.is_rolling(waste):
            visit.waited_s = self._not_out_s + now - self._busy_until
            return
        visit.bins_taken, visit.grams_taken, visit.bins_refused = room.collect(waste)
        visit.left_at = now
        self.driver.has_served(self._errand)
        if visit.booked:
            self._world.loaded(self.truck_id, visit.room, visit.litres)
        self._visit = None
        self._errand = None
        self._drive = None
        self.state = "driving"
        self._serve_from_here(visit, now)

    def _serve_from_here(self, before: TrueVisit, now: float) -> None:
        """The next room is near enough for the crew to walk there."""
        errand = self._next_errand()
        if errand is None or self._world.blocked.get(errand.room):
            return
        room = self._plan.places[errand.room]
        if Path([self.place, (room.lat, room.lon)]).length_m <= SAME_PLACE_M and self.driver.serves_from_there():
            self._errand = errand
            self._begin_visit(now)
            assert self._visit is not None
            since_at = before.stood_from_at
            self._visit.stood_from_at = before.arrived_at if since_at is None else since_at

    def _stuck(self, now: float) -> None:
        errand = self._errand
        if errand is None or not self._world.blocked.get(errand.room):
            self.state = "driving"
            return
        wanted = self._next_errand()
        if wanted is None or wanted.key != errand.key:
            self.state = "driving"
            return
        if now >= self._busy_until and errand.key not in self._asked:
            self._asked.add(errand.key)
            self.button.press(HOLD_BLOCKED_S)

    def _broken(self, now: float) -> None:
        """Nothing moves."""

    # --- where to ---------------------------------------------------------------------------------------

    def _near(self, point: tuple[float, float]) -> bool:
        return Path([self.place, point]).length_m < 30

    def _next_errand(self) -> Errand | None:
        run = self._run
        if run is None:
            return None
        to_come = {later.run_id for later in self._runs}
        return self.driver.next_errand(run.plan, run.route, run.run_id, to_come, self._world.closed)

    def _set_out(self, errand: Errand | None) -> None:
        run = self._run
        here = self.place
        speed_mps = self._drive.speed_mps if self._drive is not None else 0.0
        if run is None:
            self._errand, self._drive = errand, None
            return
        line = self._lines[run.route.line]
        if self._drive is not None and self._line_m is not None:
            self._line_m = self._on_line_m(line, self._line_m)
        self._errand = errand
        if errand is None:
            goal, goal_m = run.home, line.length_m if run.home == run.route.line[-1] else -1.0
        else:
            room: Room = self._plan.places[errand.room]
            goal = (room.lat, room.lon)
            goal_m = _planned_m(run.plan, errand)
        self._leg_end_m, from_m = None, self._line_m
        if from_m is not None and goal_m > from_m:
            short_m = self.driver.short_m() if errand is not None else 0.0
            self._leg_end_m = goal_m - short_m if goal_m - short_m > from_m else goal_m
            path = line.part(from_m, self._leg_end_m)
        elif from_m is not None and 0 <= goal_m < from_m and errand is not None and self.driver.comes_back_for(errand):
            self._leg_end_m = goal_m
            path = line.part(goal_m, from_m).back()
        else:
            path = Path([here, goal])
            self._line_m = None
        if self._world.driven is not None:
            part = (from_m, self._leg_end_m) if from_m is not None and self._leg_end_m is not None else None
            way = self._last_room, errand.room if errand is not None else START
            self._beside = False
            self._drive = self._world.driven.drive(path, run.run_id, part, way, speed_mps)
            return
        leg = self._streets.leg(path, self._gates_m(run.plan, path.length_m))
        self._beside = leg.beside
        self._drive = Drive(leg.path, self._pace, self._dice, speed_mps, leg.waits)

    def _on_line_m(self, line: Path, from_m: float) -> float:
        """Where on its line a truck is whose leg is broken off."""
        assert self._drive is not None
        end_m = self._leg_end_m
        if self._beside and end_m is not None:
            return min(max(line.nearest_m(self.place)[1], min(from_m, end_m)), max(from_m, end_m))
        back = end_m is not None and end_m < from_m
        return from_m - self._drive.along_m if back else from_m + self._drive.along_m

    def _gates_m(self, plan: RunPlan, length_m: float) -> list[float]:
        """How far from here the gates of the run's rooms on this leg are."""
        from_m, end_m = self._line_m, self._leg_end_m
        if from_m is None or end_m is None:
            return [length_m] if self._errand is not None else []
        ahead = ((visit.distance_m - from_m) * (1 if end_m > from_m else -1) for visit in plan.visits)
        return [gate_m for gate_m in ahead if 0.0 <= gate_m <= length_m + STOPS_SHORT_M]

    def _arrive(self, now: float) -> None:
        errand = self._errand
        assert errand is not None and self._run is not None
        planned_m = _planned_m(self._run.plan, errand)
        self._line_m = planned_m if planned_m >= 0 else None
        if self._line_m is not None and self._leg_end_m is not None:
            self._line_m = self._leg_end_m  # perhaps forty metres before the door
        self._drive = None
        self._begin_visit(now)

    def _begin_visit(self, now: float) -> None:
        errand = self._errand
        assert errand is not None and self._run is not None
        room = self._world.rooms[errand.room]
        out = room.rolled_out.get(errand.waste, False)
        dwell_s = DWELL_BASE_S * math.exp(self._dice.gauss(0, 0.15 * self._pace.jitter))
        bins = room.to_take(errand.waste)
        dwell_s += bins * DWELL_PER_BIN_S * math.exp(self._dice.gauss(0, 0.08 * self._pace.jitter))
        self._not_out_s = BINS_NOT_OUT_S * min(1.0, self._pace.jitter) if not out and room.habits.rolled else 0.0
        dwell_s += self._not_out_s
        if self._world.driven is not None:
            stayed_s = self._world.driven.stay_s(errand.room, errand.waste, now)
            dwell_s = dwell_s if stayed_s is None else stayed_s
        self._last_room = errand.room
        self._busy_until = now + dwell_s
        self._visit = TrueVisit(
            self.truck_id, errand.room, errand.waste, errand.visit_number, now,
            bins_waited=room.waits(errand.waste), keeper_had_rolled_out=out, run_id=self._run.run_id,
            waited_s=self._not_out_s,
        )  # fmt: skip
        if isinstance(room, PileTruth):
            self._visit.booked, self._visit.litres = True, room.litres
        room.truck_stands(errand.waste, dwell_s)
        self._world.evidence.visits.append(self._visit)
        self.state = "at_stop"


_STATES: dict[str, Callable[[TruckTruth, float], None]] = {
    "parked": TruckTruth._parked,
    "driving": TruckTruth._driving,
    "at_stop": TruckTruth._at_stop,
    "stuck": TruckTruth._stuck,
    "broken": TruckTruth._broken,
    "hauling": TruckTruth._hauling,
}


def _planned_m(plan: RunPlan, errand: Errand) -> float:
    """Where on its line the run has this room, at this visit if it is planned more than once; below 0: nowhere."""
    planned = [visit.distance_m for visit in plan.visits if visit.room_id == errand.room]
    return planned[min(errand.visit_number, len(planned)) - 1] if planned else -1.0
