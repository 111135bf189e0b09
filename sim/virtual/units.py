"""The devices of one area, their own code in this process: trucks and rooms on whatever network they are given.

Of a `sim.world.devices.Plant` this is what the world needs to drive.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from broker.plan.model import Plan
from firmware.truck.events import Body as Itinerary
from sim.virtual.link import Network
from sim.virtual.room import VirtualRoom
from sim.virtual.truck import VirtualTruck
from sim.world.evidence import Evidence
from sim.world.timeline import Timeline


class Units:
    """All of them, switched on by `start`; `shown` and `shows` tell the world what lamps and cabs show."""

    def __init__(
        self, timeline: Timeline, network: Network, plan: Plan, trucks: tuple[str, ...], folder: Path,
        evidence: Evidence, dice: random.Random, shown: Callable[[str, str, str, float], None],
        shows: Callable[[str, Itinerary | None], None], sensors: Sequence[str] = (), unit_slow: float = 0.0,
        boots: int = 0,
    ) -> None:  # fmt: skip
        """`boots`: so often the rooms were switched on before; trucks have that in their outboxes in `folder`."""
        area = plan.area_id
        self._rooms = {
            room.room_id: VirtualRoom(
                timeline, network, area, room.room_id, room.wastes, evidence, dice, partial(shown, room.room_id),
                folder / "rooms" / room.room_id, sensors, unit_slow, boots,
            )
            for room in plan.rooms.values()
        }  # fmt: skip
        self._trucks = {
            truck_id: VirtualTruck(timeline, network, area, truck_id, folder, evidence, dice, partial(shows, truck_id))
            for truck_id in trucks
        }

    def truck(self, truck_id: str) -> VirtualTruck:
        """The computer in this truck."""
        return self._trucks[truck_id]

    def room(self, room_id: str) -> VirtualRoom:
        """The unit of this room."""
        return self._rooms[room_id]

    @property
    def every(self) -> Mapping[str, VirtualRoom | VirtualTruck]:
        """Each device by its name."""
        return {**self._rooms, **self._trucks}

    def power(self, device: str, on: bool) -> None:
        """Pull or push the plug of a truck's or room's device."""
        self.every[device].power(on)

    def start(self) -> None:
        """Everything is switched on."""
        for device in self.every.values():
            device.power(True)

    def close(self) -> None:
        """Let go of the outboxes."""
        for truck in self._trucks.values():
            truck.close()
