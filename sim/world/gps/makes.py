"""Receivers of several makes: how far their places stray while they stand, how often they speak, and how.

The numbers are those of recorded logs, by whose names they go; tests/support/receiver_makes.py reads them out of these,
and a test holds that they are so where the logs are.
"""

from dataclasses import dataclass

from sim.world.gps.nmea import PLAIN, Manner

MIXED = "mixed"  # each truck another


@dataclass(frozen=True, slots=True)
class Make:
    """`spread_m` is a deviation on either axis, `still_mps` the speed that it says on average though it stands."""

    spread_m: float
    lasts_s: int
    every_s: float  # the world tells places once a second: who speaks more often is heard as often as that
    still_mps: float
    manner: Manner = PLAIN


MAKES: dict[str, Make] = {
    "ublox-8": Make(3.0, 22, 1.0, 0.1, Manner("GN", ("RMC", "GGA", "GSA", "GLL", "ZDA"), 2, 5, True, False)),
    "haicom-305N": Make(8.6, 10, 1.0, 1.0, Manner("GP", ("GGA", "RMC"), 3, 4, True, True)),
    "iTrek": Make(1.6, 7, 1.0, 0.2, Manner("GP", ("GGA", "GSA", "RMC"), 3, 4, False, True)),
    "garmin25lp": Make(1.5, 2, 1.0, 0.0, Manner("GP", ("RMC", "GGA", "GSA"), 0, 4, False, True)),
    "magellan-ec10": Make(0.0, 4, 4.0, 0.0, Manner("GP", ("RMC",), 2, 3, False, True)),
    "ait250": Make(0.6, 4, 1.0, 0.0, Manner("GP", ("RMC",), 2, 5, True, False)),
    "quectel-l76k-nmea": Make(0.1, 10, 0.2, 0.0, Manner("GN", ("GGA", "GLL", "GSA", "RMC", "ZDA"), 3, 5, True, True)),
    "unicore-um621": Make(1.0, 1, 1.0, 0.3, Manner("GN", ("RMC", "GGA", "GSA"), 2, 5, True, False)),
}
