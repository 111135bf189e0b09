"""A real bin-room board in a live run: lamps by its own word, bins and buttons by a person's hands."""

from collections.abc import Sequence
from typing import Any

from sim.live.clock import SpedClock
from sim.live.hardware.by_hand import ByHand, Settled
from sim.live.hardware.truck import UNSEEN
from sim.live.room import Shown


class HardwareRoom:
    """What `LiveRoom` is for a child."""

    is_hardware = True
    has_cells = False  # none whose weight could be set from here
    powered = True
    interpreter = "hardware"

    def __init__(self, room_id: str, wastes: Sequence[str], by_hand: ByHand, shown: Shown, clock: SpedClock) -> None:
        self.shown = [UNSEEN] * len(wastes)
        self._room_id = room_id
        self._wastes = list(wastes)
        self._by_hand = by_hand
        self._told_shown = shown
        self._clock = clock
        self._bins = Settled()

    def set_bins(self, waste: str, count: int, grams: int) -> None:
        """Somebody is asked to have so many bins stand there, once they have come to rest."""
        self._bins.set(waste, count, round(grams / 1000))

    def press(self, event: str) -> None:
        """Somebody is asked to press a button of the keeper's."""
        self._by_hand.ask(f"hand_{event}", device=self._room_id)

    def contact(self, event: str, down: bool) -> None:
        """A finger on the panel is none here: the panel refuses it."""

    def run_at(self, speed: int) -> None:
        """It runs at life's own."""

    def edges(self, index: int) -> list[tuple[float, int]]:  # noqa: ARG002
        """The pins are out of sight."""
        return []

    def power(self, on: bool) -> None:
        """Somebody is asked to push the plug, or to pull it."""
        self.powered = on
        self._by_hand.ask("hand_plug" if on else "hand_pull", device=self._room_id)
        if not on:
            self.shown = ["dead"] * len(self._wastes)
            for waste in self._wastes:
                self._told_shown(waste, "dead", self._clock.now())

    def reported(self, lamps: Sequence[dict[str, Any]], real_s: float) -> None:
        """The unit's lamp report came over the wire."""
        for lamp in lamps:
            of = self._wastes if lamp["waste"] == "any" else [lamp["waste"]]
            for waste in of:
                if waste in self._wastes and self.shown[self._wastes.index(waste)] != lamp["lamp"]:
                    self.shown[self._wastes.index(waste)] = lamp["lamp"]
                    self._told_shown(waste, lamp["lamp"], self._clock.at(real_s))

    def look(self, real_s: float) -> None:
        """Ask for what has come to rest; called many times a second."""
        for waste, (count, kg) in self._bins.ready(real_s):
            self._by_hand.ask("hand_bins", device=self._room_id, waste=waste, number=count, kg=kg)

    def stop(self) -> None:
        """The board goes on."""
