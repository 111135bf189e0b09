"""A real truck's computer in a live run: the run is its receiver, a person its driver's finger and its plug."""

from collections import deque
from pathlib import Path

from sim.live.hardware.by_hand import ByHand
from sim.live.hardware.receiver_line import ReceiverLine
from sim.live.processes.child import Child

UNSEEN = "unseen"  # what nobody can see from here


class HardwareTruck:
    """What `LiveTruck` is for a child."""

    is_hardware = True
    pressed = False
    receiver_word = UNSEEN
    shown = UNSEEN
    child: Child | None = None

    def __init__(self, truck_id: str, address: str, by_hand: ByHand) -> None:
        self.edges: dict[str, deque[tuple[float, int]]] = {}
        self.outbox_path = Path("/nonexistent")  # it is on the truck's own card
        self._truck_id = truck_id
        self._by_hand = by_hand
        self._line = ReceiverLine(address)
        self._told: str | None = None
        self._heard = False  # whether it ever was

    @property
    def trouble(self) -> str | None:
        """Why nobody hears its receiver."""
        return self._line.trouble

    def serial(self, data: bytes) -> None:
        """The GPS receiver says this."""
        self._line.say(data)

    def press(self, hold_s: float, chatters: bool = False) -> None:  # noqa: ARG002 - no hand chatters
        """Somebody is asked to hold the button for so long."""
        self._by_hand.ask("hand_press", device=self._truck_id, s=f"{hold_s:g}")

    def contact(self, down: bool, chatters: bool = False) -> None:  # noqa: ARG002
        """Somebody is asked to hold the button down and stay, or to let go."""
        self._by_hand.ask("hand_hold" if down else "hand_let_go", device=self._truck_id)

    def power(self, on: bool) -> None:
        """Somebody is asked to push the plug, or to pull it."""
        self._by_hand.ask("hand_plug" if on else "hand_pull", device=self._truck_id)

    def look(self) -> None:
        """Its light and its screen are out of sight; that its receiver is not heard any more is told once."""
        trouble = self._line.trouble
        if trouble != self._told and trouble is not None and self._heard:
            self._by_hand.ask("hand_line", device=self._truck_id, why=trouble)
        self._told = trouble
        self._heard = self._heard or trouble is None

    def stop(self) -> None:
        """Let go of its line; the truck goes on."""
        self._line.close()
