"""The bin rooms of the world: bins that fill, a keeper who looks at the lamp, rolls out, and presses buttons.

Truth only: what the unit's sensors see is handed to the device, and nothing comes back but its lamps.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from broker.plan.model import Room
from sim.world.evidence import Evidence, LampChange
from sim.world.timeline import Timeline

GRAMS_PER_BIN = 62_000
KEEPER_LOOKS_S = (20.0, 150.0)  # from the lamp's change to bins on the kerb
REFILL_S = 2400.0  # on average one more full bin of a waste kind in that time
LANE_PRESS_S = (30.0, 90.0)  # from a free lane to the keeper's press


class RoomDevice(Protocol):
    """What the world can do to a bin-room unit, virtual or real."""

    def set_bins(self, waste: str, count: int, grams: int) -> None:
        """The sensors now see this."""
        ...

    def press(self, event: str) -> None:
        """The keeper presses `bins_out` or `lane_clear`."""
        ...


@dataclass(slots=True)
class RoomTruth:
    """One room as it really is."""

    room: Room
    device: RoomDevice
    timeline: Timeline
    evidence: Evidence
    dice: random.Random
    bins: dict[str, int]
    refill: bool = True
    rolled_out: dict[str, bool] = field(default_factory=dict)
    _shown: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Fill the sensors with the morning's bins and let more come."""
        for waste in self.bins:
            self._report(waste)
            if self.refill:
                self._expect_one_more(waste)

    def lamp(self, waste: str, shown: str, since: float) -> None:
        """The pins of a lamp show this since then; `waste` may be `any`. A lit lamp sends the keeper for the bins."""
        if self._shown.get(waste) == shown:
            return
        self._shown[waste] = shown
        self.evidence.lamps.append(LampChange(since, self.room.room_id, waste, shown))
        for kind in self.bins if waste == "any" else (waste,):
            if shown in ("due", "at_stop") and not self.rolled_out.get(kind):
                self.timeline.after(self.dice.uniform(*KEEPER_LOOKS_S), self._roll_out(kind))
            elif shown == "off":
                self.rolled_out[kind] = False

    def collect(self, waste: str) -> int:
        """A truck takes all bins of a kind; how many they were."""
        count = self.bins.get(waste, 0)
        self.bins[waste] = 0
        self._report(waste)
        return count

    def lane_cleared(self) -> None:
        """The lane is free; the keeper sees it and presses."""
        self.timeline.after(self.dice.uniform(*LANE_PRESS_S), self._press_lane_clear)

    def _press_lane_clear(self) -> None:
        self.evidence.lane_clear.append((self.timeline.now, self.room.room_id))
        self.device.press("lane_clear")

    def _roll_out(self, waste: str) -> Callable[[], None]:
        def act() -> None:
            if self._shown.get(waste, self._shown.get("any")) in ("due", "at_stop") and not self.rolled_out.get(waste):
                self.rolled_out[waste] = True
                self.device.press("bins_out")

        return act

    def _expect_one_more(self, waste: str) -> None:
        def act() -> None:
            self.bins[waste] += 1
            self._report(waste)
            self._expect_one_more(waste)

        self.timeline.after(self.dice.expovariate(1 / REFILL_S), act)

    def _report(self, waste: str) -> None:
        self.device.set_bins(waste, self.bins[waste], self.bins[waste] * GRAMS_PER_BIN)
