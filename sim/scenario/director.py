"""The director of a run: puts trucks, rooms and keepers on the scene and lets happen what the scenario says."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from firmware.truck.button.gesture import HOLD_S
from sim.scenario.recorded_receiver import RecordedTruck
from sim.scenario.scenario import Happening, Scenario, ScenarioError
from sim.scenario.scene import Scene
from sim.scenario.scenes import runs_of
from sim.world.bins import FULL_GRAMS, Bins
from sim.world.devices import Plant
from sim.world.driving import Pace
from sim.world.evidence import Evidence, Interval
from sim.world.rooms import Habits, RoomTruth
from sim.world.timeline import Timeline
from sim.world.trucks import HOLD_BREAKDOWN_S, TruckTruth, World

LOOKS_EVERY_S = 1.0


class Director:
    """Builds the world of a scenario on a plant; `begin` starts it."""

    def __init__(self, scenario: Scenario, scene: Scene, timeline: Timeline, evidence: Evidence) -> None:
        self.scenario = scenario
        self.rooms: dict[str, RoomTruth] = {}
        self.trucks: dict[str, TruckTruth] = {}
        self.recorded: dict[str, RecordedTruck] = {}
        self._scene = scene
        self._timeline = timeline
        self._evidence = evidence
        self._runs = runs_of(scene, scenario)
        self._blocked: dict[str, bool] = {}
        self._after_press: dict[str, Happening] = {}
        self._seen_since: dict[tuple[str, str], float] = {}
        self._asked: set[tuple[str, str, str]] = set()
        self._early_lamps: dict[tuple[str, str], tuple[str, float]] = {}
        self._early_itineraries: dict[str, Mapping[str, Any] | None] = {}
        self._plant: Plant | None = None
        for runs in self._runs.values():
            for run in runs:
                for visit in run.plan.visits:
                    evidence.planned.append((run.plan.truck_id, visit.room_id, run.route.waste))

    @property
    def truck_ids(self) -> tuple[str, ...]:
        """The trucks that drive in this scenario."""
        return tuple(sorted(self._runs))

    @property
    def plant(self) -> Plant:
        """The plant the world stands on."""
        if self._plant is None:
            raise ScenarioError("the world has no plant yet: call `begin` first")
        return self._plant

    def begin(self, plant: Plant) -> None:
        """Put everybody in place and schedule what is to happen."""
        self._plant = plant
        scenario, timeline = self.scenario, self._timeline
        seed = scenario.seed
        for room in self._scene.plan.rooms.values():
            dice = random.Random(f"{seed} {room.room_id}")
            bins = {
                waste: Bins([dice.randint(*FULL_GRAMS) for _ in range(self._scene.bins.get((room.room_id, waste), 0))])
                for waste in room.wastes
            }
            self.rooms[room.room_id] = RoomTruth(
                room, plant.room(room.room_id), timeline, self._evidence, dice, bins, _habits(scenario, dice)
            )
        pace = Pace(scenario.world["slowness"], scenario.world["jitter"])
        world = World(timeline, self._evidence, self.rooms, self._blocked, self._pressed)
        recording = self._scene.recording
        for truck_id, runs in self._runs.items():
            if recording is not None and recording.truck == truck_id:
                self.recorded[truck_id] = RecordedTruck(recording, plant.truck(truck_id), timeline, self._evidence)
                continue
            dice = random.Random(f"{seed} {truck_id}")
            unit = plant.truck(truck_id)
            truck = TruckTruth(truck_id, runs, self._scene.plan, unit, world, dice, pace)
            truck.receiver.error_m = scenario.world["gps_error_m"]
            self.trucks[truck_id] = truck
        for (room_id, waste), (shown, since) in self._early_lamps.items():
            self.lamp_shown(room_id, waste, shown, since)
        for truck_id, itinerary in self._early_itineraries.items():
            self.itinerary_shown(truck_id, itinerary)
        for happening in scenario.happenings:
            self._check(happening)
            timeline.at(self._scene.day_start_at + happening.at_s, self._starter(happening))
        for room_truth in self.rooms.values():
            room_truth.start()
        for run in (run for runs in self._runs.values() for run in runs):
            for visit in run.plan.visits:
                late_s = visit.arrive_day_s - run.plan.visits[0].arrive_day_s
                self.rooms[visit.room_id].truck_is_planned(run.route.waste, run.departs_at + late_s)
        for driven in self.trucks.values():
            driven.start()
        for recorded in self.recorded.values():
            recorded.start()
        if any(scenario.dispatcher[f"{action}_after_s"] >= 0 for action in ("acknowledge", "decide", "answer")):
            timeline.every(LOOKS_EVERY_S, self._dispatcher_looks)

    def lamp_shown(self, room: str, waste: str, shown: str, since: float) -> None:
        """A plant saw a lamp's pins change."""
        if room in self.rooms:
            self.rooms[room].lamp(waste, shown, since)
        else:  # a live plant is up before the world begins
            self._early_lamps[room, waste] = (shown, since)

    def itinerary_shown(self, truck: str, itinerary: Mapping[str, Any] | None) -> None:
        """A plant saw the screen in a cab change."""
        if truck in self.trucks:
            self.trucks[truck].read_itinerary(itinerary)
        else:
            self._early_itineraries[truck] = itinerary

    # --- what happens ---------------------------------------------------------------------------------

    def _check(self, happening: Happening) -> None:
        for name, known in (("truck", self.trucks), ("room", self.rooms)):
            if name in happening.values and happening.values[name] not in known:
                wrong = happening.values[name]
                raise ScenarioError(f"{self.scenario.name}: {happening.kind}: no {name} {wrong!r} here")
        device = happening.values.get("device")
        if device is not None and device not in (*self.trucks, *self.rooms, "bridge"):
            raise ScenarioError(f"{self.scenario.name}: {happening.kind}: no device {device!r} here")

    def _starter(self, happening: Happening) -> Callable[[], None]:
        return lambda: HAPPENS[happening.kind](self, happening.values)

    def _for(self, values: Mapping[str, Any], then: Callable[[], None]) -> None:
        self._timeline.after(values["for_min"] * 60, then)

    def _lane_blocked(self, values: Mapping[str, Any]) -> None:
        room, start = values["room"], self._timeline.now
        self._blocked[room] = True

        def cleared() -> None:
            self._blocked[room] = False
            self._evidence.blocked.setdefault(room, []).append(Interval(start, self._timeline.now))
            self.rooms[room].lane_cleared()

        self._for(values, cleared)

    def _breakdown(self, values: Mapping[str, Any]) -> None:
        truck = self.trucks[values["truck"]]
        truck.break_down()
        self._for(values, truck.repaired)

    def _gps_gap(self, values: Mapping[str, Any]) -> None:
        truck, start = self.trucks[values["truck"]], self._timeline.now
        truck.receiver.blind = True

        def sees() -> None:
            truck.receiver.blind = False
            self._evidence.gps_gaps.setdefault(truck.truck_id, []).append(Interval(start, self._timeline.now))

        self._for(values, sees)

    def _link_cut(self, values: Mapping[str, Any]) -> None:
        self.plant.link(values["device"], False)
        self._for(values, lambda: self.plant.link(values["device"], True))

    def _broker_down(self, values: Mapping[str, Any]) -> None:
        self.plant.broker(False, values["how"])
        self._for(values, lambda: self.plant.broker(True, values["how"]))

    def _bridge_down(self, values: Mapping[str, Any]) -> None:
        self.plant.bridge(False, values["how"])
        self._for(values, lambda: self.plant.bridge(True, values["how"]))

    def _power_cut(self, values: Mapping[str, Any]) -> None:
        device, start = values.get("device") or values["truck"], self._timeline.now
        self.plant.power(device, False)

        def back() -> None:
            self._evidence.unpowered.setdefault(device, []).append(Interval(start, self._timeline.now))
            self.plant.power(device, True)

        self._for(values, back)

    def _arm_power_cut(self, values: Mapping[str, Any]) -> None:
        self._after_press[values["truck"]] = Happening("power_cut", 0, values)

    def _press(self, values: Mapping[str, Any]) -> None:
        hold_s = values["hold_s"]
        meant = "breakdown" if hold_s >= HOLD_BREAKDOWN_S else "lane_blocked" if hold_s >= HOLD_S else "withdraw"
        self.trucks[values["truck"]].press(hold_s, meant)

    def _pressed(self, truck_id: str) -> None:
        armed = self._after_press.pop(truck_id, None)
        if armed is not None:
            self._timeline.after(armed.values["after_s"], lambda: self._power_cut(armed.values))

    # --- the dispatcher -------------------------------------------------------------------------------

    def _dispatcher_looks(self) -> None:
        """A person at the screen: acknowledges, decides and resolves after the scenario's pauses."""
        manner, now = self.scenario.dispatcher, self._timeline.now
        dispatcher = self.plant.dispatcher
        for incident in dispatcher.open_incidents():
            truck, incident_id = incident["truck"], incident["incident_id"]
            waited_s = now - self._seen_since.setdefault((truck, incident_id), now)
            if self._time_to("acknowledge", waited_s, truck, incident_id) and incident["workflow"] == "raised":
                if dispatcher.acknowledge(truck, incident_id):
                    self._evidence.acknowledged.append((now, truck))
            elif self._time_to("decide", waited_s, truck, incident_id):
                dispatcher.decide(truck, incident_id, manner["decision"], manner["truck"] or None)
            elif self._time_to("resolve", waited_s, truck, incident_id):
                dispatcher.resolve(truck, incident_id)

        for run_id, room, number in dispatcher.questions():
            waited_s = now - self._seen_since.setdefault((run_id, f"{room}/{number}"), now)
            if self._time_to("answer", waited_s, run_id, f"{room}/{number}"):
                # The dispatcher asks by radio, and drivers tell the truth.
                done = any((room, number) == key[:2] for truck in self.trucks.values() for key in truck.done)
                dispatcher.answer((run_id, room, number), done)

    def _time_to(self, action: str, waited_s: float, whose: str, which: str) -> bool:
        after_s = self.scenario.dispatcher[f"{action}_after_s"]
        key = (action, whose, which)
        if after_s < 0 or waited_s < after_s or key in self._asked:
            return False
        self._asked.add(key)
        return True


def _habits(scenario: Scenario, dice: random.Random) -> Habits:
    world = scenario.world
    return Habits(
        world["refill"], world["keeper_late"], world["bin_forgotten"], world["other_kind_out"], world["bin_refused"],
        dice.random() < world["crew_fetches"], world["sensors"] == "container", world["keeper_early"],
        world["taken_in_again"],
    )  # fmt: skip


HAPPENS: dict[str, Callable[[Director, Mapping[str, Any]], None]] = {
    "lane_blocked": Director._lane_blocked,
    "breakdown": Director._breakdown,
    "gps_gap": Director._gps_gap,
    "link_cut": Director._link_cut,
    "broker_down": Director._broker_down,
    "bridge_down": Director._bridge_down,
    "power_cut": Director._power_cut,
    "power_cut_after_press": Director._arm_power_cut,
    "press": Director._press,
}
