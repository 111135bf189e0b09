"""A place for renovation waste as it really is: what lies there until a truck that was booked has loaded it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from broker.plan.demo_area import DWELL_PER_BIN_S
from broker.plan.model import Pile
from broker.rules.bookings.places import PER_M3_S
from sim.world.rooms import Habits

Loaded = Callable[[str, str, int], None]  # truck, pile, litres: the crew says what it measured
NOTHING_MOVES = Habits(refill=False, crew_fetches=True)


@dataclass(slots=True)
class PileTruth:
    """One pile; to a truck it is a place like a room, with nobody who rolls anything out."""

    pile: Pile
    litres: int = 0
    habits: Habits = NOTHING_MOVES
    rolled_out: dict[str, bool] = field(default_factory=dict)

    def waits(self, waste: str) -> int:  # noqa: ARG002  (as of a room)
        """No bins are counted here."""
        return 0

    def to_take(self, waste: str) -> int:  # noqa: ARG002  (as of a room)
        """For how many bins a crew would work as long."""
        return round(self.litres * PER_M3_S / 1000 / DWELL_PER_BIN_S)

    def truck_stands(self, waste: str, for_s: float) -> None:
        """Nobody rolls anything out."""

    def is_rolling(self, waste: str) -> bool:  # noqa: ARG002  (as of a room)
        """Nothing is on its way."""
        return False

    def collect(self, waste: str) -> tuple[int, int, int]:  # noqa: ARG002  (as of a room)
        """All of it is on the truck; bins, grams and refused bins there are none."""
        self.litres = 0
        return 0, 0, 0
