"""What the panel needs of a live run: the devices' own pins, the clock's speed, and what is stored so far."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sim.world.evidence import Evidence

Edges = Sequence[tuple[float, int]]  # (real monotonic seconds, level) of a pin's changes, the newest last


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person is asked to do with hardware: when, the key of its sentence, and what fills its gaps."""

    at: float
    word: str
    gaps: Mapping[str, Any]


class PanelTruck(Protocol):
    """The computer in a truck, as somebody sees it who sits in the cab."""

    is_hardware: bool  # a real one: fingers are a person's
    receiver_word: str
    pressed: bool

    @property
    def edges(self) -> Mapping[str, deque[tuple[float, int]]]:
        """The changes of the pins of `light` and `receiver`."""
        ...

    @property
    def shown(self) -> str:
        """What the button's light shows; `dead` without power."""
        ...

    def contact(self, down: bool, chatters: bool = False) -> None:
        """A finger comes to the button, or goes."""
        ...


class PanelRoom(Protocol):
    """The unit of a room, as somebody sees it who stands before it."""

    is_hardware: bool
    powered: bool
    has_cells: bool  # whether it weighs its bins

    @property
    def shown(self) -> list[str]:
        """What each lamp shows; `dead` without power."""
        ...

    def edges(self, index: int) -> Edges:
        """The changes of a lamp's pin."""
        ...

    def contact(self, event: str, down: bool) -> None:
        """A finger comes to a button of the keeper's, or goes."""
        ...


class PanelPlant(Protocol):
    """All devices of the run."""

    @property
    def trucks(self) -> Mapping[str, PanelTruck]:
        """By id."""
        ...

    @property
    def rooms(self) -> Mapping[str, PanelRoom]:
        """By id."""
        ...

    @property
    def asked_by_hand(self) -> Sequence[Asked]:
        """What a person was asked to do with hardware, the newest last."""
        ...

    def run_at(self, speed: int) -> None:
        """Everything runs so many times as fast as life from now on."""
        ...

    def stored_so_far(self, evidence: Evidence) -> Evidence:
        """The evidence with what the store holds by now; raises StoreError where that cannot be read."""
        ...

    def done_on_screen(self) -> Sequence[Mapping[str, Any]]:
        """What people did on the operations screen since this was asked last; raises StoreError."""
        ...


class PanelClock(Protocol):
    """The clock of the run."""

    @property
    def speed(self) -> int:
        """How many times as fast as life it runs."""
        ...

    def now(self) -> float:
        """POSIX seconds of the simulated day."""
        ...
