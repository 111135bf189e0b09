"""The button of a truck, as a finger finds it: whoever drives the truck, each press of it is evidence."""

from collections.abc import Callable

from firmware.truck.button.gesture import HOLD_LONG_S, HOLD_S, STUCK_S
from sim.world.devices import TruckUnit
from sim.world.evidence import Evidence, Press
from sim.world.timeline import Timeline


class Button:
    """Can be pressed, and may be stuck in: then no finger moves it."""

    def __init__(
        self, truck_id: str, unit: TruckUnit, timeline: Timeline, evidence: Evidence, pressed: Callable[[str], None]
    ) -> None:
        """`pressed` is told after each press, with the truck's id."""
        self._truck_id = truck_id
        self._unit = unit
        self._timeline = timeline
        self._evidence = evidence
        self._pressed = pressed
        self._is_stuck = False

    def press(self, hold_s: float, chatters: bool = False) -> None:
        """A finger holds it for so long."""
        if not self._is_stuck:
            self._held(hold_s)
            self._unit.press(hold_s, chatters)

    def stick(self) -> None:
        """It is down from now on, and nobody's finger is there."""
        self._is_stuck = True
        self._held(STUCK_S)
        self._unit.contact(True)

    def free(self) -> None:
        """It is up again."""
        self._is_stuck = False
        self._unit.contact(False)

    def _held(self, hold_s: float) -> None:
        self._evidence.presses.append(Press(self._timeline.now, self._truck_id, hold_s, meant_by(hold_s)))
        self._timeline.after(min(hold_s, HOLD_S), lambda: self._pressed(self._truck_id))


def meant_by(hold_s: float) -> str:
    """What a driver means who holds the button for so long."""
    return "breakdown" if hold_s >= HOLD_LONG_S else "lane_blocked" if hold_s >= HOLD_S else "withdraw"
