"""A street on real parts for one fault: Mosquitto, the bridge, truck agents and bin-room units, each a process.

One truck goes about before its run; the two rooms it comes to first are called at once, and must stay so whatever
happens. Others drive and press. Everything reaches the broker through a network that may fail by a plan.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from sim.live.faults.plan import Fault
from sim.live.faults.proxy import FaultyNetwork
from sim.live.witnesses.machine import LOOK_S, Machine
from sim.live.witnesses.record_counts import left_in
from sim.micropython.running import FIRST_LAMP_PIN, RunningUnit, simple_settings
from tests.support.faults.machines import MachineClock, faketime
from tests.support.kill.run import IN_PIN, Truck
from tests.support.processes import BridgeProcess, Client, mosquitto, offset_to, wait_until

CALLED = "t01"  # wet-north-1 of the demo area: r01 at 06:14:31, r03 at 06:22:34
ROOMS = ("r01", "r03")
GOES_ABOUT_AT = "31.1935,121.4205"
DAY, NEXT_DAY = "2026-11-25", "2026-11-26"
MORNING, NIGHT = 6 + 9 / 60, 24 - 90 / 3600
BACK_S = 90.0  # after a fault everybody speaks and is answered within this: a link tries again each 30 s at the latest


class StreetTruck(Truck):
    """One that knows the world's time from its receiver, and may go about in one place."""

    def __init__(
        self, folder: Path, name: str, port: int, seed: int, world_s: float, machine: MachineClock | None
    ) -> None:
        super().__init__(folder, name, port, seed, has_receiver=True)
        self._how = [f"world={world_s}", *(["at-rest", f"at={GOES_ABOUT_AT}"] if name == CALLED else [])]
        self._machine = machine

    def start(self, *how: str) -> None:
        """Power on."""
        with on(self._machine):
            super().start(*self._how, *how)

    def freeze(self, frozen: bool) -> None:
        """SIGSTOP, or SIGCONT."""
        assert self.child is not None
        self.child.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def waiting(self) -> int:
        """Records that nobody acknowledged."""
        return len(left_in(self.folder / "outbox.db"))


def on(machine: MachineClock | None) -> AbstractContextManager[None]:
    """What is started here runs on this machine; on the desk's own where there is none."""
    return machine.running() if machine is not None else nullcontext()


class Street:
    """Start it, do something to it, `is_whole`, `stop`; `watch` hears everything that passes the broker."""

    def __init__(
        self, folder: Path, *, seed: int, presses: int = 2, hour: float = MORNING, clocks: bool = False,
        plans: Mapping[str, Sequence[Fault]] | None = None,
    ) -> None:  # fmt: skip
        """`clocks`: each server and truck has a clock that can be set, which needs faketime."""
        self.folder = folder
        self.seed = seed
        ahead_s = offset_to(hour, DAY)
        library = faketime() if clocks else None
        self.machines = {
            name: MachineClock(folder / f"{name}.clock", ahead_s, library) for name in ("broker", "bridge", "truck")
        } if library is not None else {}  # fmt: skip
        names = [CALLED, *(f"t{41 + number}" for number in range(presses))]
        with on(self.machines.get("broker")):
            self.broker = mosquitto(folder / "mosquitto", *names, *ROOMS)
        self.network = FaultyNetwork("127.0.0.1", self.broker.port, {
            name: (plans or {}).get(name, ()) for name in (*names, *ROOMS, "bridge")
        })  # fmt: skip
        own_clock = self.machines.get("bridge") is not None
        self.bridge = BridgeProcess(
            folder / "bridge", self.network.port("bridge"), offset_s=0 if own_clock else ahead_s
        )
        self._world_s = world_s = time.time() + ahead_s - time.monotonic()
        self.trucks = {
            name: StreetTruck(folder, name, self.network.port(name), seed, world_s, self.machines.get("truck"))
            for name in names
        }  # fmt: skip
        self.units = {room: self._unit(room) for room in ROOMS}
        self.watch = Client(self.broker.port, "watch-xh", "zp/v1/xh/#")
        self._load = Machine()
        self._is_over = threading.Event()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while not self._is_over.wait(LOOK_S):
            self._load.look()

    @property
    def late_s(self) -> float:
        """So late processes of it came because this machine had no core for them, in the worst second so far."""
        return self._load.late_s

    @property
    def now(self) -> float:
        """What time it is in this street, whatever its machines say."""
        return self._world_s + time.monotonic()

    def _unit(self, room: str) -> RunningUnit:
        settings = simple_settings(room, "xh", ["residential_wet"])
        settings["sensors"] = [{"kind": "beam", "waste": "residential_wet", "in_pin": IN_PIN, "out_pin": IN_PIN + 1}]
        return RunningUnit(self.folder / room, settings, "127.0.0.1", self.network.port(room), f"pw-{room}")

    def start(self, *, called: bool = True) -> None:
        """Switch everything on, and wait until it works; where `called`, until both lamps are lit."""
        self.start_bridge()
        for part in (*self.units.values(), *self.trucks.values()):
            part.start()
        self.is_whole("at the start")
        if called:
            wait_until(lambda: all(map(self._is_called, ROOMS)), "both rooms are called", BACK_S)

    def _is_called(self, room: str) -> bool:
        """By the bridge, and by the unit's own word."""
        said = self.watch.last(f"zp/v1/xh/room/{room}/lamp")
        return said is not None and said["lamps"][0]["lamp"] in ("due", "held")

    def start_bridge(self) -> None:
        """A new process of it, on the same folder."""
        with on(self.machines.get("bridge")):
            self.bridge.start()

    def freeze(self, what: str, frozen: bool) -> None:
        """SIGSTOP of `broker`, `bridge`, a truck or a unit, or SIGCONT."""
        number = signal.SIGSTOP if frozen else signal.SIGCONT
        if what == "broker":
            self.broker.signal(number)
        elif what == "bridge":
            assert self.bridge.child is not None
            self.bridge.child.send_signal(number)
        elif what in self.trucks:
            self.trucks[what].freeze(frozen)
        else:
            os.kill(self.units[what].pid or 0, number)

    def bin_passes(self) -> None:
        """A bin passes the beam of each room."""
        for unit in self.units.values():
            unit.panel.drive(IN_PIN, 0)
            time.sleep(0.05)
            unit.panel.drive(IN_PIN, 1)

    def is_whole(self, when: str) -> float:
        """Wait until each device has said something new and has been told that it is stored; how long that took.

        Nobody is stuck: what was kept is handed over, and the screen answers.
        """
        began_s = time.monotonic()
        before = {device: self._last(device) for device in (*self.trucks, *self.units)}
        while any(not self._is_answered(device, before[device]) for device in before) or not self._answers():
            late = [device for device in before if not self._is_answered(device, before[device])]
            assert time.monotonic() < began_s + BACK_S, (
                f"{when}: stuck: {late or 'the bridge'}; {self.bridge.log()[-800:]}"
            )
            self.bin_passes()
            time.sleep(0.3)
        return time.monotonic() - began_s

    def _answers(self) -> bool:
        try:
            return self.bridge.answers()
        except (OSError, TimeoutError):
            return False

    def _heard(self, device: str, *channels: str) -> list[dict[str, Any]]:
        """What passed the broker of a device's channels."""
        top = f"zp/v1/xh/{'room' if device in self.units else 'truck'}/{device}/"
        return [
            json.loads(payload) for topic, payloads in list(self.watch.heard.items())
            if topic.startswith(top) and topic.removeprefix(top).split("/")[0] in channels
            for payload in payloads if payload
        ]  # fmt: skip

    def _last(self, device: str) -> tuple[int, int]:
        """The newest (boot, seq) that a device said since it was switched on last."""
        said = self._heard(device, "bins", "lamp", "fix", "incident")
        boot = (self._heard(device, "life") or [{"boot": 0}])[-1]["boot"]
        return boot, max((body["seq"] for body in said if body["boot"] == boot), default=0)

    def _acknowledged(self, device: str, boot: int) -> set[int]:
        """Its numbers that any bridge acknowledged: one that starts anew begins to count anew."""
        told = [ack for body in self._heard(device, "ack") for ack in body["acks"] if ack["boot"] == boot]
        ranges = [each for ack in told for each in ([1, ack["upto"]], *ack["also"])]
        return {number for first, last in ranges for number in range(first, last + 1)}

    def _is_answered(self, device: str, before: tuple[int, int]) -> bool:
        boot, seq = self._last(device)
        return (boot, seq) > before and seq in self._acknowledged(device, boot)

    def rest(self) -> None:
        """A last life for the trucks that press, so that what waits can be handed over; wait until it is."""
        for name, truck in self.trucks.items():
            if name != CALLED:
                truck.kill()
                truck.start("at-rest")
        wait_until(lambda: not any(truck.waiting() for truck in self.trucks.values()), "trucks are settled", BACK_S)
        wait_until(lambda: all(map(self._is_settled, self.units)), "units are settled", BACK_S)

    def _is_settled(self, room: str) -> bool:
        """Whether all that it numbered is acknowledged."""
        boot, seq = self._last(room)
        return self._acknowledged(room, boot) >= set(range(1, seq + 1))

    def dark_s(self, room: str, from_s: float, to_s: float) -> float:
        """The longest time that its lamp was dark between two monotonic moments."""
        changes = [(at, level) for at, level in self.units[room].panel.changes(FIRST_LAMP_PIN) if at < to_s]
        spells = zip(changes, [*changes[1:], (to_s, 1)], strict=True)
        dark = [
            min(end, to_s) - max(begin, from_s) for (begin, level), (end, _) in spells if not level and end > from_s
        ]
        return max(dark, default=0.0)

    def stop(self) -> None:
        """End everything."""
        self._is_over.set()
        for truck in self.trucks.values():
            if truck.child is not None:
                truck.child.send_signal(signal.SIGCONT)
                truck.kill()
        for unit in self.units.values():
            unit.stop()
        if self.bridge.child is not None and self.bridge.child.poll() is None:
            self.bridge.child.send_signal(signal.SIGCONT)
            self.bridge.stop()
        self.watch.close()
        self.network.close()
        if self.broker.running:
            self.broker.signal(signal.SIGCONT)
        self.broker.stop()
