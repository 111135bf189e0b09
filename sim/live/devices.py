"""All devices and servers of a live run: processes, pseudo-terminals, a real broker; a `sim.world.devices.Plant`."""

import json
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from broker.mqtt.own_broker.child import free_port, how_ended
from broker.mqtt.own_broker.mosquitto import choose_broker
from broker.plan.model import Plan
from broker.store.opening import reading_store
from sim.demo_week.files import BOOTS
from sim.judging.read_back import read_beside_bridge, read_store
from sim.live.bridge import READY_S, LateError, LiveBridge, StartError
from sim.live.clock import SpedClock
from sim.live.dispatcher import ApiDispatcher
from sim.live.faults.plan import Fault, silent
from sim.live.faults.proxy import FaultyNetwork
from sim.live.hardware.bench import Bench
from sim.live.hardware.by_hand import ByHand
from sim.live.hardware.room import HardwareRoom
from sim.live.hardware.truck import HardwareTruck
from sim.live.relay import Door
from sim.live.room import LiveRoom
from sim.live.screen_deeds import ScreenDeeds
from sim.live.truck import LiveTruck
from sim.live.witnesses.onlooker import Watch
from sim.live.witnesses.overheard import Overheard
from sim.live.witnesses.record_counts import count_records, left_in
from sim.panel.parts import Asked
from sim.world.bins import TARE_GRAMS
from sim.world.devices import SECOND_BINS, SECOND_BOOTS
from sim.world.evidence import Evidence, Interval, LightChange
from sim.world.reachability import Hearing

HOST = "127.0.0.1"
SPOILT = b"\0" * 4096  # as a power cut leaves a file


def spoil(kept: Path, *, gone: bool) -> None:
    """The file of a broker that is down is gone, or is what a power cut made of it."""
    if gone:
        kept.unlink(missing_ok=True)
    else:
        kept.write_bytes(SPOILT)


PERSON_S = 900.0  # until a person has switched hardware on


class LivePlant:
    """Start it, `look` often, `collect` at the end, and always `close`."""

    def __init__(
        self, plan: Plan, trucks: tuple[str, ...], folder: Path, evidence: Evidence,
        clock: SpedClock, http_port: int, shown: Callable[[str, str, str, float], None],
        shows: Callable[[str, Mapping[str, Any] | None], None], starting: Callable[[], None], *,
        load_cells: int = 0, before_at: int | None = None, bench: Bench | None = None,
        asked: Callable[[str], None] = lambda _: None, faults: Mapping[str, Sequence[Fault]] | None = None,
    ) -> None:  # fmt: skip
        """`load_cells`: so many rooms weigh their bins too, which costs each of them twice the time of a core.

        `bench`: its devices are hardware and not of this run; `asked` is told what a person should do with them.
        `faults`: what goes wrong with whose connection, in seconds of life since `break_network`.
        `before_at`: of what happened before, days are on record in which all these devices were there already.
        """
        self._plan = plan
        self._starting = starting  # called now and then until everything is up
        self._folder = folder
        self._before_at = before_at
        self._evidence = evidence
        self._clock = clock
        self._hearing = Hearing(plan.rooms, evidence, clock.now)
        self._broker_is_up = False
        area = plan.area_id
        names = [*plan.rooms, *trucks, f"bridge-{area}", f"watch-{area}"]
        self._bench = bench = bench or Bench()
        self._by_hand = ByHand(clock.now, asked)
        self._overheard = Overheard(evidence, clock, bench.trucks, shows, self._lamps)
        self._second: dict[str, LiveRoom] = {}
        self._passwords = passwords = {name: secrets.token_urlsafe(18) for name in names}
        passwords |= {name: bench.key(name).read_text(encoding="utf-8").strip() for name in bench.devices}
        self.http_port = http_port or free_port()
        self._screen_deeds = ScreenDeeds()
        self._mqtt = choose_broker(folder / "mosquitto", area, passwords, rooms=plan.rooms, host=HOST)
        devices = (*plan.rooms, *trucks, "bridge")
        self._faults = faults or {}
        self._network = FaultyNetwork(HOST, self._mqtt.port, self._faults)
        ports = {name: self._network.port(name) if name in self._faults else self._mqtt.port for name in devices}
        self._doors = {
            name: bench.door(name, ports[name]) if name in bench.devices else Door(HOST, ports[name])
            for name in devices
        }
        self._watch = Watch(area, HOST, self._mqtt.port, passwords[f"watch-{area}"])
        self._bridge = LiveBridge(
            folder, plan, HOST, self._doors["bridge"].port, self.http_port, passwords[f"bridge-{area}"], clock, starting
        )  # fmt: skip
        self.api_dispatcher = ApiDispatcher(self._bridge.token)
        self.trucks: dict[str, LiveTruck | HardwareTruck] = {}
        self.rooms: dict[str, LiveRoom | HardwareRoom] = {}
        try:
            for truck_id in trucks:
                if truck_id in bench.trucks:
                    self.trucks[truck_id] = HardwareTruck(truck_id, bench.trucks[truck_id], self._by_hand)
                    continue
                self.trucks[truck_id] = LiveTruck(
                    folder / truck_id, area, truck_id, HOST, self._doors[truck_id].port, passwords[truck_id],
                    clock, partial(shows, truck_id), self._light(truck_id),
                )  # fmt: skip
            for number, room in enumerate(plan.rooms.values()):
                if room.room_id in bench.rooms:
                    self.rooms[room.room_id] = HardwareRoom(
                        room.room_id, room.wastes, self._by_hand, partial(shown, room.room_id), clock
                    )
                    continue
                self.rooms[room.room_id] = LiveRoom(
                    folder / room.room_id, area, room.room_id, room.wastes, HOST, self._doors[room.room_id].port,
                    passwords[room.room_id], clock, partial(shown, room.room_id),
                    has_cells=number < load_cells, boots=0 if before_at is None else BOOTS,
                )  # fmt: skip
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Switch everything on; raises StartError or EmbeddedBrokerError if a part does not come up."""
        self._mqtt.start()
        self._broker_is_up = True
        self._watch.start()
        for room in self.rooms.values():
            room.power(True)
        for truck in self.trucks.values():
            truck.power(True)
        self._bridge.start()
        self.api_dispatcher.open(self.http_port)
        began_s = time.monotonic()
        while missing := ({*self.rooms, *self.trucks} - self._overheard.ready) | {*self._unheard()}:
            patience_s = PERSON_S if self._bench.devices else READY_S
            complaint = self.complaint()
            if complaint is not None or time.monotonic() > began_s + patience_s:
                late = f"not heard within {patience_s:g} s: {' '.join(sorted(missing))}"
                raise LateError(late) if complaint is None else StartError(complaint)
            self.look()
            self._starting()
            time.sleep(0.05)

    @property
    def records(self) -> Path:
        """The bridge's record."""
        return self._bridge.records

    @property
    def playback(self) -> Path:
        """What its screen showed."""
        return self._bridge.playback

    @property
    def overheard(self) -> int:
        """Messages seen on MQTT."""
        return self._overheard.count

    @property
    def asked_by_hand(self) -> list[Asked]:
        """What a person was asked to do with hardware, the newest last."""
        return self._by_hand.asked

    @property
    def interpreter(self) -> str:
        """What the bin rooms run on."""
        return next((room.interpreter for room in self.rooms.values() if not room.is_hardware), "nothing")

    @property
    def warnings(self) -> list[str]:
        """What is not as it would be on the street."""
        if self.interpreter == "cpython":
            return ["no MicroPython here: the bin rooms run the same files under CPython"]
        return []

    @property
    def broker_notes(self) -> list[str]:
        """What a person should know of the broker, also when the run does not come up."""
        return list(self._mqtt.notes)

    @property
    def dispatcher(self) -> ApiDispatcher:
        """The person at the screen: in this run a caller of the HTTP API."""
        return self.api_dispatcher

    def truck(self, truck_id: str) -> LiveTruck | HardwareTruck:
        """The computer in this truck."""
        return self.trucks[truck_id]

    def room(self, room_id: str) -> LiveRoom | HardwareRoom:
        """The unit of this room."""
        return self.rooms[room_id]

    def power(self, device: str, on: bool) -> None:
        """Pull or push the plug of a truck's or room's device."""
        units: Mapping[str, LiveTruck | LiveRoom | HardwareTruck | HardwareRoom] = {**self.trucks, **self.rooms}
        units[device].power(on)

    def link(self, device: str, up: bool) -> None:
        """Cut or mend the link of a device, or of `bridge`."""
        if up:
            self._doors[device].open()
        else:
            self._doors[device].shut()
        if device in self.rooms:
            self._hearing.room(device, "link", not up)
        elif device == "bridge":
            self._hearing.all_rooms("bridge link", not up)

    def slow(self, device: str, delay_s: float) -> None:
        """What a device, or `bridge`, sends and gets takes so many seconds longer; 0: as ever."""
        self._doors[device].slow((lambda: self._clock.real_s(delay_s)) if delay_s else None)

    def second_unit(self, room: str, on: bool) -> None:
        """Another unit that was given a room's id is switched on somewhere, or taken away with what it kept."""
        if not on:
            self._second.pop(room).stop()
            return
        wastes = self._plan.rooms[room].wastes
        unit = self._second[room] = LiveRoom(
            self._folder / f"{room}-second", self._plan.area_id, room, wastes, HOST, self._doors[room].port,
            self._passwords[room], self._clock, lambda *_: None, boots=SECOND_BOOTS,
        )  # fmt: skip
        unit.power(True)
        for waste in wastes:
            unit.set_bins(waste, SECOND_BINS, SECOND_BINS * TARE_GRAMS)

    def bridge_clock(self, wrong_by_s: float) -> None:
        """The clock of the bridge's machine is so many seconds ahead of the world's, or behind it."""
        self._bridge.set_clock(wrong_by_s)

    def disk(self, full: bool) -> None:
        """The disk of the bridge's machine has no room but for alarms, or has it again."""
        self._bridge.fill_disk(full)

    def break_network(self) -> None:
        """The time of the planned faults begins."""
        self._network.go()

    def run_at(self, speed: int) -> None:
        """Everything runs so many times as fast as life from now on."""
        self._clock.run_at(speed)
        for room in self.rooms.values():
            room.run_at(speed)

    def broker(self, up: bool, how: str) -> None:
        """Stop (`stop`, `kill`, `freeze`, `lose`, `spoil`) the MQTT broker, or let it go on."""
        if how == "freeze":
            if self._mqtt.running:
                self._mqtt.signal(signal.SIGCONT if up else signal.SIGSTOP)
        elif up:
            if not self._mqtt.running:
                self._mqtt.start()
        elif how == "stop":
            self._mqtt.stop()
        else:
            self._mqtt.kill()
            if how in ("lose", "spoil"):
                spoil(self._mqtt.folder / self._mqtt.KEPT, gone=how == "lose")
        self._broker_is_up = self._mqtt.running
        self._hearing.all_rooms("broker", not up)

    def bridge(self, up: bool, how: str) -> None:
        """Stop (`stop`, `kill`, `freeze`) the bridge, or let it go on."""
        if how == "freeze":
            self._bridge.freeze(not up)
        elif up:
            self._bridge.start()
        elif how == "kill":
            self._bridge.kill()
        else:
            self._bridge.stop()
        self._hearing.all_rooms("bridge", not up)

    def look(self) -> None:
        """See lights, cabs, pins and what is said on MQTT; called many times a second."""
        real_s = time.monotonic()
        for came_s, topic, payload, _ in self._watch.drain():
            self._overheard.count += 1
            if payload:
                self._overheard.hear(came_s, topic.split("/")[3:], json.loads(payload))
        for truck in self.trucks.values():
            truck.look()
        for room in self.rooms.values():
            room.look(real_s)

    def done_on_screen(self) -> list[dict[str, Any]]:
        """What people did on the operations screen since this was asked last; raises StoreError."""
        since_at = self._before_at if self._before_at is not None else 0
        plan = self._plan
        with reading_store(self.records, plan.area_id, plan.timezone, self._clock.now) as store:
            return self._screen_deeds.look(store.scan("action", since_at), store.scan("alarm", since_at))

    def stored_so_far(self, evidence: Evidence) -> Evidence:
        """The evidence with what the store holds by now; raises StoreError where that cannot be read."""
        stored = read_beside_bridge(self._bridge.records, self._plan, self._clock.now(), self._before_at)
        seen = replace(evidence, stored=stored, recorded={}, uncertain=set())
        count_records(seen, {}, self._bench.devices)
        return seen

    def complaint(self) -> str | None:
        """Why the run cannot go on: a process that nobody here has ended; None while all is well."""
        if self._broker_is_up and not self._mqtt.running:
            return f"the MQTT broker ended ({self._mqtt.ended()}); it said: {self._mqtt.said()}"
        parts = {"the bridge": self._bridge.child, **{name: truck.child for name, truck in self.trucks.items()}}
        for name, child in parts.items():
            if child is not None and (ended := child.ended()) is not None:
                return f"{name} {ended}"
        for name, room in self.rooms.items():
            if isinstance(room, LiveRoom) and (code := room.unit.ended) is not None:
                return f"{name} ended ({how_ended(code)}): {' | '.join(list(room.unit.log)[-5:]) or 'it said nothing'}"
        return None

    def collect(self, evidence: Evidence) -> None:
        """End the devices, then the bridge, and read the whole store back."""
        if self._mqtt.running:
            self._mqtt.signal(signal.SIGCONT)
        self._bridge.freeze(False)
        self._hearing.end()
        for room_id in self._faults.keys() & self.rooms.keys():
            spells = silent(self._faults[room_id])
            evidence.deaf.setdefault(room_id, []).extend(
                Interval(*(self._clock.at(self._network.went_s + moment_s) for moment_s in spell)) for spell in spells
            )
        evidence.notes += self.api_dispatcher.refusals
        self.api_dispatcher.close()
        for truck in self.trucks.values():
            truck.stop()
        left = {name: left_in(truck.outbox_path) for name, truck in self.trucks.items()}
        self.trucks.clear()
        for room in (*self.rooms.values(), *self._second.values()):
            room.stop()
        self.rooms.clear()
        if (bridge := self._bridge.child) is not None:
            time.sleep(0.5)  # the broker may still be handing over the devices' last words
            self._bridge.stop()
            evidence.notes += [line for line in bridge.errors if "refused" in line][:5]
        evidence.stored = read_store(self._bridge.records, self._plan, self._clock.now(), self._before_at)
        count_records(evidence, left, self._bench.devices)

    def close(self) -> None:
        """End whatever still runs; a second call does nothing."""
        self.api_dispatcher.close()
        for truck in self.trucks.values():
            truck.stop()
        for room in (*self.rooms.values(), *self._second.values()):
            room.stop()
        self.trucks.clear()
        self.rooms.clear()
        self._bridge.stop()
        self._watch.stop()
        for door in self._doors.values():
            door.close()
        self._network.close()
        self._mqtt.stop()

    def _unheard(self) -> Iterator[str]:
        """Real trucks whose receiver, which this run is, nobody listens to; each is tried again."""
        for name, truck in self.trucks.items():
            if isinstance(truck, HardwareTruck) and truck.trouble is not None:
                truck.serial(b"")
                yield f"{name}'s receiver ({truck.trouble})"

    # --- inside ---------------------------------------------------------------------------------------

    def _light(self, truck_id: str) -> Callable[[str, float], None]:
        return lambda pattern, at: self._evidence.lights.append(LightChange(at, truck_id, pattern))

    def _lamps(self, room: str, lamps: Any, real_s: float) -> None:
        if room in self.rooms:
            self.rooms[room].reported(lamps, real_s)
