"""The devices of one cell: their own code in this process, on a real broker.

Of a `sim.world.devices.Plant` this is what the world needs to drive; what breaks in a city is broken at its cells.
"""

import random
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from broker.plan.model import Plan
from firmware.truck.events import Body as Itinerary
from sim.city.sockets import Sockets
from sim.virtual.room import VirtualRoom
from sim.virtual.truck import VirtualTruck
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline


class CellDevices:
    """Trucks and rooms of one cell, switched on by `start`."""

    def __init__(
        self, timeline: Timeline, plan: Plan, trucks: tuple[str, ...], folder: Path, evidence: Evidence, seed: int,
        sockets: Sockets, shown: Callable[[str, str, str, float], None], shows: Callable[[str, Itinerary | None], None],
    ) -> None:  # fmt: skip
        dice = random.Random(f"{seed} {plan.area_id}")
        area = plan.area_id
        self._rooms = {
            room.room_id: VirtualRoom(
                timeline, sockets, area, room.room_id, room.wastes, evidence, dice, partial(shown, room.room_id),
                folder / "rooms" / room.room_id, (),
            )
            for room in plan.rooms.values()
        }  # fmt: skip
        self._trucks = {
            truck: VirtualTruck(timeline, sockets, area, truck, folder, evidence, dice, partial(shows, truck))
            for truck in trucks
        }

    def truck(self, truck_id: str) -> VirtualTruck:
        """The computer in this truck."""
        return self._trucks[truck_id]

    def room(self, room_id: str) -> VirtualRoom:
        """The unit of this room."""
        return self._rooms[room_id]

    def power(self, device: str, on: bool) -> None:
        """Pull or push the plug of a device."""
        units: Mapping[str, VirtualRoom | VirtualTruck] = {**self._rooms, **self._trucks}
        units[device].power(on)

    def start(self) -> None:
        """Everything is switched on."""
        for device in (*self._rooms, *self._trucks):
            self.power(device, True)

    def close(self) -> None:
        """Let go of the outboxes."""
        for truck in self._trucks.values():
            truck.close()
