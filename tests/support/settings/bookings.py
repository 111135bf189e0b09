"""What is to be seen of configured bookings: how long a window is held, which are offered, what bags count as."""

from pathlib import Path

from broker.plan.calendar import DAY_S
from broker.rules.bookings.asked import Asked, BookingDeed
from broker.rules.bookings.book import Bookings
from broker.rules.bookings.deeds import carry_out
from broker.rules.bookings.places import Ground, Window, windows
from broker.settings import configured_plan, dispatch_settings
from tests.support.settings.day import configured

NOW = 1_795_651_200  # a Thursday morning
PILE = "p01"


class _Booked:
    """What is booked by a configuration, in the morning."""

    def __init__(self, folder: Path, text: str) -> None:
        config = configured(folder, text)
        settings = dispatch_settings(config).bookings
        self.ground = Ground(configured_plan(config), settings, lambda one, to: 300 * (one != to))
        self.book = Bookings()
        self.offered = windows(self.book, self.ground, PILE, 1_000, NOW)

    def do(self, deed: BookingDeed) -> None:
        """Carry out a deed."""
        for changed in carry_out(Asked(self.book, self.ground, deed, "Zhang", NOW)):
            self.book.place(changed)

    def hold(self) -> Window:
        """Hold the second window, as `b`."""
        window = self.offered[1]
        self.do(BookingDeed("hold", "b", pile=PILE, truck=window.truck, from_at=window.from_at))
        return window


def seconds_held(folder: Path, text: str) -> int:
    """For how long a window is held."""
    booked = _Booked(folder, text)
    booked.hold()
    return booked.book["b"].held_until_at - NOW


def days_with_windows(folder: Path, text: str) -> int:
    """On how many days a window can be had."""
    return len({(window.from_at + 8 * 3600) // DAY_S for window in _Booked(folder, text).offered})


def windows_offered(folder: Path, text: str) -> int:
    """How many windows can be had."""
    return len(_Booked(folder, text).offered)


def litres_of_ten_bags(folder: Path, text: str) -> int:
    """What is estimated of ten bags."""
    booked = _Booked(folder, text)
    booked.hold()
    booked.do(BookingDeed("book", "b", bags=10))
    return booked.book["b"].litres
