"""What is booked: each booking as it stands, and the rounds of the trucks that have their places."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from broker.rules.kept import Kept
from broker.rules.states.booking import PLACED, Booking


@dataclass(frozen=True, slots=True)
class Round:
    """One day of one truck on call: the bookings that have a place in it, in driving order.

    `version` grows with each change, so that who looked at an older one cannot give away a place that is taken.
    """

    round_id: str
    truck: str
    from_at: int
    until_at: int
    order: tuple[str, ...] = ()
    version: int = 0

    def driving(self, order: Sequence[str]) -> "Round":
        """The same with this order, as a new version."""
        return replace(self, order=tuple(order), version=self.version + 1)

    def body(self) -> dict[str, Any]:
        """This round as the body of a record; `from_body` is its inverse."""
        return {name: getattr(self, name) for name in Round.__dataclass_fields__}

    @staticmethod
    def from_body(body: Mapping[str, Any]) -> "Round":
        """The round a stored record describes."""
        fields = {k: v for k, v in body.items() if k in Round.__dataclass_fields__}
        return Round(**{**fields, "order": tuple(str(one) for one in fields["order"])})


Changes = list[Booking | Round]


class Bookings(Kept[str, Booking]):
    """The newest state of each booking and of each round; one changes by being placed again.

    Written by: effects/records, day, ingest/restored.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rounds: dict[str, Round] = {}
        self._open: dict[str, None] = {}  # ids of those that are not over, in the order they were made

    @property
    def rounds(self) -> Mapping[str, Round]:
        """The rounds by id."""
        return self._rounds

    def place(self, changed: Booking | Round) -> None:
        """Make this the state of its id."""
        if isinstance(changed, Round):
            self._rounds[changed.round_id] = changed
            return
        self._kept[changed.booking_id] = changed
        if changed.over:
            self._open.pop(changed.booking_id, None)
        else:
            self._open[changed.booking_id] = None

    def forget(self, before_at: int) -> None:
        """Drop what was over before a moment; the record keeps it."""
        for one in [one for one in self._kept.values() if one.over and (one.ended_at or 0) < before_at]:
            del self._kept[one.booking_id]
        for gone in [one for one in self._rounds.values() if one.until_at < before_at and not one.order]:
            del self._rounds[gone.round_id]

    def open(self) -> list[Booking]:
        """Those that are not over."""
        return [self._kept[booking_id] for booking_id in self._open]

    def at_pile(self, pile: str) -> list[Booking]:
        """Those that have a place in a round and are about this pile."""
        return [one for one in self.open() if one.pile == pile and one.state in PLACED]

    def in_round(self, round_: Round) -> list[Booking]:
        """The bookings of a round in driving order."""
        return [self._kept[booking_id] for booking_id in round_.order if booking_id in self._kept]

    def loaded_on(self, truck: str) -> list[Booking]:
        """What lies on a truck, by bookings."""
        return [one for one in self.open() if one.truck == truck and one.state == "loaded"]

    def filled_litres(self, pile: str, but: str | None = None) -> int:
        """How much of a pile is booked and not fetched yet, without one of its bookings."""
        return sum(one.litres for one in self.at_pile(pile) if one.booking_id != but)
