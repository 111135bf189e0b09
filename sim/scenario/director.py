"""The director of a run: puts trucks, rooms and keepers on the scene and lets happen what the scenario says."""

import random
from collections.abc import Callable, Mapping
from typing import Any

from sim.scenario.happenings import HAPPENS, OF_ANY_TRUCK, End, Stage
from sim.scenario.scenario import Happening, Scenario, ScenarioError, day_s
from sim.scenario.scenes.choice import runs_of
from sim.scenario.scenes.recorded_receiver import RecordedTruck
from sim.scenario.scenes.scene import Scene
from sim.world.bins import FULL_GRAMS, Bins
from sim.world.devices import Plant
from sim.world.evidence import Evidence
from sim.world.gps.receiver import receiver_of
from sim.world.piles import PileTruth
from sim.world.road.drivers import Driver
from sim.world.road.driving import Pace
from sim.world.road.streets import Streets
from sim.world.rooms import Habits, RoomTruth
from sim.world.timeline import Timeline
from sim.world.trucks import TruckTruth, World

LOOKS_EVERY_S = 1.0
HOUR_S = 3600.0
OF_EXTRA_TRUCK = "extra-"  # so the bridge names the runs of trucks that take over


class Director:
    """Builds the world of a scenario on a plant; `begin` starts it."""

    def __init__(
        self, scenario: Scenario, scene: Scene, timeline: Timeline, evidence: Evidence, parked_says_every: int = 1
    ) -> None:
        """Of `parked_says_every` words of a parked truck's receiver its computer hears one."""
        self.scenario = scenario
        self._parked_says_every = parked_says_every
        self.rooms: dict[str, RoomTruth] = {}
        self.trucks: dict[str, TruckTruth] = {}
        self.recorded: dict[str, RecordedTruck] = {}
        self._scene = scene
        self._timeline = timeline
        self._evidence = evidence
        self._runs = runs_of(scene, scenario)
        self._blocked: dict[str, bool] = {}
        self._seen_since: dict[tuple[str, str], float] = {}
        self._asked: set[tuple[str, str, str]] = set()
        self._early_lamps: dict[tuple[str, str], tuple[str, float]] = {}
        self._early_itineraries: dict[str, Mapping[str, Any] | None] = {}
        self._stage: Stage | None = None
        for runs in self._runs.values():
            for run in runs:
                for visit in run.plan.visits:
                    evidence.planned.append((run.plan.truck_id, visit.room_id, run.route.waste))

    @property
    def truck_ids(self) -> tuple[str, ...]:
        """The trucks that drive in this scenario."""
        return tuple(sorted(self._runs))

    @property
    def all_trucks(self) -> dict[str, TruckTruth | RecordedTruck]:
        """Those that somebody drives, and those that a recording does."""
        return {**self.trucks, **self.recorded}

    @property
    def stage(self) -> Stage:
        """Who and what is there."""
        if self._stage is None:
            raise ScenarioError("the world has no plant yet: call `begin` first")
        return self._stage

    def begin(self, plant: Plant) -> None:
        """Put everybody in place and schedule what is to happen."""
        self._stage = Stage(self._timeline, self._evidence, plant, self.trucks, self.rooms, self._blocked)
        scenario, timeline = self.scenario, self._timeline
        seed = scenario.seed
        for room in self._scene.plan.rooms.values():
            dice = random.Random(f"{seed} {room.room_id}")
            bins = {
                waste: Bins(self._morning_grams((room.room_id, waste), dice)) for waste in room.wastes
            }
            self.rooms[room.room_id] = RoomTruth(
                room, plant.room(room.room_id), timeline, self._evidence, dice, bins, _habits(scenario, dice)
            )
        pace = Pace(scenario.world["slowness"], scenario.world["jitter"])
        self._stage.piles = {pile_id: PileTruth(pile) for pile_id, pile in self._scene.plan.piles.items()}
        places: dict[str, RoomTruth | PileTruth] = {**self.rooms, **self._stage.piles}
        world = World(
            timeline, self._evidence, places, self._blocked, self.pressed, self._loaded, self._parked_says_every,
            self._stage.closed, self._scene.driven,
        )  # fmt: skip
        recording = self._scene.recording
        for truck_id, runs in self._runs.items():
            if recording is not None and recording.truck == truck_id:
                self.recorded[truck_id] = RecordedTruck(
                    recording, plant.truck(truck_id), timeline, self._evidence, self.pressed
                )
                continue
            dice = random.Random(f"{seed} {truck_id}")
            unit = plant.truck(truck_id)
            rough = scenario.world, f"{seed} {truck_id}"
            self.trucks[truck_id] = TruckTruth(
                truck_id, runs, self._scene.plan, unit, world, dice, pace, receiver_of(*rough, dice), Driver(*rough),
                Streets(*rough),
            )  # fmt: skip
        self._stage.buttons = {truck_id: truck.button for truck_id, truck in self.all_trucks.items()}
        for (room_id, waste), (shown, since) in self._early_lamps.items():
            self.lamp_shown(room_id, waste, shown, since)
        for truck_id, itinerary in self._early_itineraries.items():
            self.itinerary_shown(truck_id, itinerary)
        for happening in scenario.happenings:
            self._check(happening)
            timeline.at(self._scene.day_start_at + happening.at_s, self._starter(happening))
        for room_truth in self.rooms.values():
            room_truth.start()
        if scenario.world["wifi_drop_s"]:
            for room_id in self.rooms:
                self._drop_each_hour(room_id, scenario.world["wifi_drop_s"])
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
        trucks = self.all_trucks if happening.kind in OF_ANY_TRUCK else self.trucks
        for name, known in (("truck", trucks), ("room", self.rooms), ("by", self.all_trucks)):  # a booked one may
            if name in happening.values and happening.values[name] not in known:
                wrong = happening.values[name]
                raise ScenarioError(f"{self.scenario.name}: {happening.kind}: no {name} {wrong!r} here")
        pile = happening.values.get("pile")
        if pile is not None and pile not in self._scene.plan.piles:
            raise ScenarioError(f"{self.scenario.name}: {happening.kind}: no pile {pile!r} here")
        if happening.kind == "booking":
            day_s(happening.values["from"], f"{self.scenario.name}: booking: from")
        room, waste = happening.values.get("room"), happening.values.get("waste")
        if waste is not None and waste not in self.rooms[str(room)].bins:
            raise ScenarioError(f"{self.scenario.name}: {happening.kind}: {room} has no bins for {waste}")
        device = happening.values.get("device")
        if device is not None and device not in (*self.all_trucks, *self.rooms, "bridge"):
            raise ScenarioError(f"{self.scenario.name}: {happening.kind}: no device {device!r} here")
        run_id = happening.values.get("run")
        run_ids = [run.run_id for runs in self._runs.values() for run in runs]
        if run_id is not None and run_id not in run_ids and not run_id.startswith(OF_EXTRA_TRUCK):
            there = " ".join(run_ids)
            raise ScenarioError(f"{self.scenario.name}: {happening.kind}: no run {run_id!r} here; there are {there}")

    def happen(self, kind: str, values: Mapping[str, Any]) -> End | None:
        """Let something happen now; what lasts gives back how it ends. Raises ScenarioError for what is not here."""
        self._check(Happening(kind, 0.0, values))
        return HAPPENS[kind](self.stage, values)

    def _morning_grams(self, of: tuple[str, str], dice: random.Random) -> list[int]:
        """What is in each bin of a kind of a room in the morning: as it is known, else by dice."""
        number, known = self._scene.bins.get(of, 0), self._scene.grams.get(of)
        drawn = [dice.randint(*FULL_GRAMS) for _ in range(number)]
        return drawn if known is None or not number else [known // number] * number

    def _drop_each_hour(self, room_id: str, for_s: float) -> None:
        """The network of a room goes away once an hour."""
        plant, timeline = self.stage.plant, self._timeline

        def drop() -> None:
            plant.link(room_id, False)
            timeline.after(for_s, lambda: plant.link(room_id, True))
            timeline.after(HOUR_S, drop)

        timeline.after(random.Random(f"{self.scenario.seed} {room_id} network").uniform(0, HOUR_S), drop)

    def _starter(self, happening: Happening) -> Callable[[], None]:
        def start() -> None:
            self._evidence.happened.append((self._timeline.now, happening.kind))
            self.stage.last(happening.kind, happening.values)

        return start

    def pressed(self, truck_id: str) -> None:
        """The button of this truck was held long enough: what waits for that comes."""
        armed = self.stage.after_press.pop(truck_id, None)
        if armed is not None:
            armed()

    def _loaded(self, truck_id: str, pile: str, litres: int) -> None:  # noqa: ARG002  (the booking says whose it is)
        """A crew has loaded what lay there, and says how much it was."""
        booking = self.stage.booked.pop(pile, None)
        if booking is not None:
            self.stage.plant.dispatcher.loaded(booking, litres)

    # --- the dispatcher -------------------------------------------------------------------------------

    def _dispatcher_looks(self) -> None:
        """A person at the screen: acknowledges, decides and resolves after the scenario's pauses."""
        manner, now = self.scenario.dispatcher, self._timeline.now
        dispatcher = self.stage.plant.dispatcher
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
                dispatcher.answer((run_id, room, number), self._was_made(run_id, room, number))

    def _was_made(self, run_id: str, room: str, number: int) -> bool:
        """The dispatcher asks by radio, and drivers tell the truth: that of the run, or whoever took it over."""
        wastes = {run.route.waste for runs in self._runs.values() for run in runs if run.run_id == run_id}
        made = {key for truck in self.trucks.values() for key in truck.driver.made}
        return any((room, number) == key[:2] and (not wastes or key[2] in wastes) for key in made)

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
        world["taken_in_again"], world["keeper_absent"], world["wrong_kind_out"], world["platform_walks"],
        world["keepers_go_by"], 60 * world["rolls_out_before_min"],
    )  # fmt: skip

