"""What the world can do to devices and servers, and what it sees of them; virtual and live runs each implement it.

The world never asks a device what it thinks: it moves sensors, buttons, plugs and cables, and sees pins, lights and
the screen in the cab.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sim.world.evidence import Evidence
from sim.world.rooms import RoomDevice

# What a second unit of a room has been and sees: it hangs in another cellar, and was switched on so often before.
SECOND_BOOTS, SECOND_BINS = 40, 7


class TruckUnit(Protocol):
    """The computer in a truck: a receiver's cable, a button and a plug."""

    def serial(self, data: bytes) -> None:
        """The GPS receiver says this."""
        ...

    def press(self, hold_s: float, chatters: bool = False) -> None:
        """A finger holds the button for so many simulated seconds; its wire may chatter."""
        ...

    def contact(self, down: bool, chatters: bool = False) -> None:
        """The button's contact closes and stays so, or opens."""
        ...


class Dispatcher(Protocol):
    """What a person at the screen can do; each raises nothing and returns whether it was taken."""

    def open_incidents(self) -> Sequence[Mapping[str, Any]]:
        """The incidents the screen shows as open: truck, incident_id, reason, workflow, version."""
        ...

    def acknowledge(self, truck: str, incident_id: str) -> bool:
        """I have seen it."""
        ...

    def decide(self, truck: str, incident_id: str, decision: str, other: str | None) -> bool:
        """This is what is to be done; `other` names the truck that takes over, where one does."""
        ...

    def questions(self) -> Sequence[tuple[str, str, int]]:
        """The visits (run, room, number) of which the screen asks whether they were made."""
        ...

    def answer(self, visit: tuple[str, str, int], served: bool, reason: str = "other") -> bool:
        """It was served after all, or it is to be skipped."""
        ...

    def answer_for(self, truck: str, incident_id: str, addressee: str, says: str, until_at: int | None) -> bool:
        """Who is asked about an incident says so: see, promise (until then), finish, refuse, set_out."""
        ...

    def answer_alarm(self, word: str, part: str, deed: str, shelf_s: int) -> bool:
        """See, shelve (for so long), unshelve, out-of-service or back each alarm of a word whose subject has a part."""
        ...

    def say_full(self, truck: str) -> bool:
        """Its crew says that it takes no more."""
        ...

    def close_road(self, room: str, other_room: str | None, until_at: int) -> bool:
        """Nobody gets to a room, or from it to another, until then."""
        ...

    def resolve(self, truck: str, incident_id: str) -> bool:
        """It is over."""
        ...

    def book(self, pile: str, truck: str, from_at: int, litres: int) -> str | None:
        """A property holds a window of a truck and books it; the booking's id, None where it was refused."""
        ...

    def accept(self, booking: str) -> bool:
        """The crew of the truck says yes."""
        ...

    def say_of_booking(self, booking: str, deed: str, reason: str | None, text: str | None) -> bool:
        """The crew declines it or says that it came in vain, for a `reason`; the property disputes, and is answered."""
        ...

    def loaded(self, booking: str, litres: int) -> bool:
        """The crew says what it loaded."""
        ...

    def say_of_case(self, kind: str, room: str, deed: str, text: str | None) -> bool:
        """The newest case of a kind at a room is opened, handed over, taken back or closed; enforcement answers it."""
        ...


def asked_in(attention: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """The visits that the rows of the screen's attention list ask about."""
    visits = [row["subject"] for row in attention if row["topic"] == "passed"]
    return [(visit["run_id"], visit["room"], visit["visit_number"]) for visit in visits]


class Plant(Protocol):
    """All devices and servers of one run."""

    @property
    def dispatcher(self) -> Dispatcher:
        """The person at the screen."""
        ...

    def truck(self, truck_id: str) -> TruckUnit:
        """The computer in this truck."""
        ...

    def room(self, room_id: str) -> RoomDevice:
        """The unit of this room."""
        ...

    def power(self, device: str, on: bool) -> None:
        """Pull or push the plug of a truck's or room's device."""
        ...

    def link(self, device: str, up: bool) -> None:
        """Cut or mend the link of a device, or of `bridge`."""
        ...

    def slow(self, device: str, delay_s: float) -> None:
        """What a device, or `bridge`, sends and gets takes so many seconds longer; 0: as ever."""
        ...

    def broker(self, up: bool, how: str) -> None:
        """Stop (`stop`, `kill`, `freeze`) the MQTT broker, or let it go on."""
        ...

    def bridge(self, up: bool, how: str) -> None:
        """Stop (`stop`, `kill`, `freeze`) the bridge, or let it go on."""
        ...

    def second_unit(self, room: str, on: bool) -> None:
        """Another unit that was given a room's id is switched on somewhere, or taken away with what it kept."""
        ...

    def bridge_clock(self, wrong_by_s: float) -> None:
        """The clock of the bridge's machine is so many seconds ahead of the world's, or behind it."""
        ...

    def disk(self, full: bool) -> None:
        """The disk of the bridge's machine has no room but for alarms, or has it again."""
        ...

    def collect(self, evidence: Evidence) -> None:
        """After the run: what devices recorded and what the store holds."""
        ...
