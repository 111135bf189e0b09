"""What happens in a world of trucks that no model knows of: how much longer a drive or a stay takes for it.

Each says it of a day, a route and one of its rooms, the same whenever it is asked, and draws nothing from the world's
own dice: a world with an effect has the same noise as the one without.
"""

from dataclasses import dataclass
from math import exp
from random import Random


class Effects:
    """An ordinary world: nothing."""

    def drive(self, day: int, route: str, room: int) -> float:
        """How much longer the drive to a room takes."""
        return 1.0

    def stay(self, day: int, route: str, room: int) -> float:
        """How much longer the stay at a room takes."""
        return 1.0


@dataclass(frozen=True, slots=True)
class WeatherDays(Effects):
    """Every third day or so it rains from end to end of the area: slow streets, slower crews."""

    share: float = 0.35

    def drive(self, day: int, route: str, room: int) -> float:
        """A third longer."""
        return 1.3 if self._wet(day) else 1.0

    def stay(self, day: int, route: str, room: int) -> float:
        """A seventh longer."""
        return 1.15 if self._wet(day) else 1.0

    def _wet(self, day: int) -> bool:
        return Random(f"weather {day}").random() < self.share


@dataclass(frozen=True, slots=True)
class NewDriver(Effects):
    """From a day on each route has a new driver, one cautious, the next quick."""

    from_day: int

    def drive(self, day: int, route: str, room: int) -> float:
        """A little longer or shorter."""
        return (1.12 if _even(route) else 0.92) if day >= self.from_day else 1.0

    def stay(self, day: int, route: str, room: int) -> float:
        """Much longer or shorter."""
        return (1.3 if _even(route) else 0.8) if day >= self.from_day else 1.0


@dataclass(frozen=True, slots=True)
class RoadWorks(Effects):
    """From a day on three of a route's streets take twice as long."""

    from_day: int
    streets: int = 3

    def drive(self, day: int, route: str, room: int) -> float:
        """Twice as long in one of them."""
        dug_up = Random(f"works {route}").sample(range(20), self.streets)
        return 2.0 if day >= self.from_day and room in dug_up else 1.0


@dataclass(frozen=True, slots=True)
class StaysTogether(Effects):
    """The stays of one run are long together or short together: a crew of two, or one who is new."""

    sigma: float = 0.25

    def stay(self, day: int, route: str, room: int) -> float:
        """One draw for each run."""
        return exp(Random(f"crew {day} {route}").gauss(0, self.sigma))


def _even(route: str) -> bool:
    return int(route[-1]) % 2 == 0
