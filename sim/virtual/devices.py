"""All devices and servers of a virtual run in one process, and the record of who could hear whom."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from broker.plan.model import Plan
from broker.store import Store
from broker.store.sqlite.store import SQLiteStore
from broker.web.view.picture import Picture
from firmware.truck.events import Body as Itinerary
from sim.judging.read_back import read_store
from sim.virtual.bridge import VirtualBridge
from sim.virtual.broker import VirtualBroker
from sim.virtual.disk import VirtualDisk
from sim.virtual.room import VirtualRoom
from sim.virtual.truck import VirtualTruck
from sim.virtual.units import Units
from sim.world.bins import TARE_GRAMS
from sim.world.devices import SECOND_BINS, SECOND_BOOTS
from sim.world.evidence import Evidence
from sim.world.reachability import Hearing
from sim.world.timeline import Timeline

SCREEN_S = 20.0  # so often somebody looks at the screen
LAST_WORDS_S = 60.0  # what a device keeps in the very last minute may still be under way when the lights go out


class VirtualPlant(Units):
    """Implements `sim.world.devices.Plant`; `shown` and `shows` tell the world what lamps and cabs show."""

    def __init__(
        self, timeline: Timeline, plan: Plan, trucks: tuple[str, ...], folder: Path, evidence: Evidence, seed: int,
        shown: Callable[[str, str, str, float], None], shows: Callable[[str, Itinerary | None], None],
        sensors: Sequence[str] = (), unit_slow: float = 0.0, boots: int = 0,
    ) -> None:
        """`boots`: so often the rooms were switched on before; trucks have that in their outboxes in `folder`."""
        self.timeline = timeline
        self._evidence = evidence
        self._plan = plan
        self._folder = folder
        self._dice = random.Random(f"{seed} links")
        self._hearing = Hearing(plan.rooms, evidence, lambda: timeline.now)
        self.mqtt = VirtualBroker(timeline)
        self._disk = VirtualDisk()
        self._bridge = VirtualBridge(timeline, self.mqtt, plan, self._open, evidence, self._dice)
        self._second: dict[str, VirtualRoom] = {}
        super().__init__(
            timeline, self.mqtt, plan, trucks, folder, evidence, self._dice, shown, shows, sensors, unit_slow, boots
        )  # fmt: skip

    def start(self) -> None:
        """Everything is switched on."""
        self._bridge.start()
        super().start()
        self.timeline.every(SCREEN_S, self._look_at_screen)

    def _look_at_screen(self) -> None:
        if self._bridge.is_shown:
            shown = frozenset(str(incident["incident_id"]) for incident in self._bridge.open_incidents())
            self._evidence.screen.append((self.timeline.now, shown))

    def picture(self, now: float) -> Picture | None:
        """What the operations screen shows; None without a bridge."""
        return self._bridge.picture(now)

    @property
    def dispatcher(self) -> VirtualBridge:
        """The person at the screen: in this run a caller of the bridge itself."""
        return self._bridge

    def link(self, device: str, up: bool) -> None:
        """Cut or mend the link of a device, or of `bridge`."""
        client = f"bridge-{self._plan.area_id}" if device == "bridge" else device
        if up:
            self.mqtt.heal(client)
        else:
            self.mqtt.cut(client)
        if device in self._rooms:
            self._hearing.room(device, "link", not up)
        elif device == "bridge":
            self._hearing.all_rooms("bridge link", not up)

    def slow(self, device: str, delay_s: float) -> None:
        """What a device, or `bridge`, sends and gets takes so many seconds longer; 0: as ever."""
        self.mqtt.slow(f"bridge-{self._plan.area_id}" if device == "bridge" else device, delay_s)

    def second_unit(self, room: str, on: bool) -> None:
        """Another unit that was given a room's id is switched on somewhere, or taken away with what it kept."""
        if not on:
            self._second.pop(room).take_away()
            return
        wastes, apart = self._plan.rooms[room].wastes, replace(self._evidence, heard=[], notes=[])
        unit = self._second[room] = VirtualRoom(
            self.timeline, self.mqtt, self._plan.area_id, room, wastes, apart, self._dice, lambda *_: None,
            self._folder / "rooms" / f"{room} second", (), boots=SECOND_BOOTS,
        )  # fmt: skip
        unit.power(True)
        for waste in wastes:
            unit.set_bins(waste, SECOND_BINS, SECOND_BINS * TARE_GRAMS)

    def bridge_clock(self, wrong_by_s: float) -> None:
        """The clock of the bridge's machine is so many seconds ahead of the world's, or behind it."""
        self._bridge.wrong_by_s = wrong_by_s

    def disk(self, full: bool) -> None:
        """The disk of the bridge's machine has no room but for alarms, or has it again."""
        self._disk.full = full

    def broker(self, up: bool, how: str) -> None:
        """Stop (`stop`, `kill`, `freeze`, `lose`, `spoil`) the MQTT broker, or let it go on."""
        if how == "freeze":
            self.mqtt.freeze(not up)
        elif up:
            if not self.mqtt.up:
                self.mqtt.start()
        elif how != "stop":
            self.mqtt.kill(forgets=how in ("lose", "spoil"))  # what cannot be read is set aside: it is lost as well
        else:
            self.mqtt.stop()
        self._hearing.all_rooms("broker", not up)

    def bridge(self, up: bool, how: str) -> None:
        """Stop (`stop`, `kill`, `freeze`) the bridge, or let it go on."""
        if how == "freeze":
            client = f"bridge-{self._plan.area_id}"
            if up:
                self.mqtt.heal(client, "frozen")
            else:
                self.mqtt.cut(client, "frozen")
            self._bridge.freeze(not up)
            self._hearing.all_rooms("frozen bridge", not up)
            return
        if up:
            if not self._bridge.running:
                self._bridge.start()
        elif how == "kill":
            self._bridge.kill()
        else:
            self._bridge.stop()
        self._hearing.all_rooms("bridge", not up)

    def product(self) -> Mapping[str, Sequence[object]]:
        """The product's own objects that are at work now, by what they are, for whoever measures them.

        What the bridge learned comes before the rest of it.
        """
        bridge = self._bridge.at_work
        day = bridge.dispatch.day if bridge is not None else None
        return {
            "learned": [day.history, day.call_scores] if day is not None else [],
            "bridge": [bridge],
            "trucks": [truck.at_work for truck in self._trucks.values()],
            "units": [room.at_work for room in self._rooms.values()],
        }

    def files(self) -> Mapping[str, Path]:
        """Where the record lies, and everything."""
        return {"record": self._folder / "store", "all": self._folder}

    def stuck(self) -> list[str]:
        """Who is not connected, and which devices keep records that nobody acknowledged."""
        devices: Mapping[str, VirtualRoom | VirtualTruck] = {**self._trucks, **self._rooms}
        connected = {"bridge": self._bridge.connected, **{name: one.connected for name, one in devices.items()}}
        away = [f"{name} is not connected" for name, is_there in connected.items() if not is_there]
        return away + [f"{name} keeps {one.waiting()} records" for name, one in devices.items() if one.waiting()]

    def collect(self, evidence: Evidence) -> None:
        """Stop the bridge in order and read the whole store back."""
        self._hearing.end()
        for name, at in list(evidence.recorded.items()):
            if at > self.timeline.now - LAST_WORDS_S:
                evidence.uncertain.add(name)
                del evidence.recorded[name]
        self._bridge.stop()
        evidence.stored = read_store(self._folder / "store", self._plan, self.timeline.now)

    def close(self) -> None:
        """Let go of files."""
        self._bridge.kill()
        super().close()

    def _open(self) -> Store:
        folder, plan = self._folder / "store", self._plan
        return SQLiteStore(folder, plan.area_id, plan.timezone, lambda: self.timeline.now, files=self._disk)
