"""How far a receiver is off these minutes, learned from how far beside its line it puts a truck, and from jumps.

Two means of the squared metres beside the line, of the last minute and of the last quarter of an hour: the greater
one counts, so that a bad stretch is believed at once and forgotten slowly.
"""

from math import exp, sqrt

GOOD_M = 15.0  # a receiver that is less off is believed as it is
USUAL_M = 4.0  # what a good one is off, and a lane beside the middle of its street
MOST_M = 60.0  # further beside the line it is no error of the receiver's
USUAL_FOR_S = 60.0  # what nobody has seen counts for so long
QUICK_S = 60.0
SLOW_S = 900.0
LASTS_S = 240.0  # a receiver that jumped may be off for minutes


class Spread:
    """The usual error of one receiver, in metres to one side."""

    def __init__(self) -> None:
        self._quick = self._slow = USUAL_M**2
        self._jump = 0.0
        self._seen_s = USUAL_FOR_S

    @property
    def metres(self) -> float:
        """What it is now."""
        return sqrt(max(self._quick, self._slow, self._jump))

    @property
    def good(self) -> bool:
        """Whether its positions can be believed as they are."""
        return max(self._quick, self._slow, self._jump) <= GOOD_M**2

    def see(self, off_m: float, gap_s: float) -> None:
        """It was so far beside the line, so long after the position before."""
        squared = min(off_m, MOST_M) ** 2
        gap_s = min(gap_s, QUICK_S)
        self._seen_s = min(SLOW_S, self._seen_s + gap_s)
        self._quick += (1 - exp(-gap_s / QUICK_S)) * (squared - self._quick)
        self._slow += gap_s / self._seen_s * (squared - self._slow)
        self._jump *= exp(-gap_s / LASTS_S)

    def jumped(self, by_m: float) -> None:
        """It put the truck so far from where it can have driven."""
        self._jump = max(self._jump, min(by_m, MOST_M) ** 2)
