"""What rooms and trucks were told last: only what differs from it is said again."""

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]


class Told:
    """The newest `arrival` of each room and waste, the newest `itinerary` of each truck.

    Written by: effects/messages.
    """

    def __init__(self) -> None:
        self._arrivals: dict[tuple[str, str], Body] = {}
        self._itineraries: dict[str, Body] = {}

    @property
    def arrivals(self) -> Mapping[tuple[str, str], Body]:
        """By (room, waste)."""
        return self._arrivals

    @property
    def itineraries(self) -> Mapping[str, Body]:
        """By truck."""
        return self._itineraries

    def tell_room(self, room: str, waste: str, body: Body) -> None:
        """The room holds this now."""
        self._arrivals[(room, waste)] = body

    def tell_truck(self, truck: str, body: Body) -> None:
        """The truck holds this now."""
        self._itineraries[truck] = body

    def unsay_to_truck(self, truck: str) -> None:
        """Whatever the truck holds: tell it anew."""
        self._itineraries.pop(truck, None)
