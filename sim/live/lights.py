"""What the light in a truck's button shows, read from the edges of its pin; real seconds, for the light is not sped up.

    fast    0.125 s lit, 0.125 s dark       slow    0.75 s lit, 0.75 s dark
    flashes two of 0.2 s, then 1.2 s dark   steady or off: no edge for 1.5 s
"""

STEADY_S = 1.5


def shown_by(lasted_s: float) -> str | None:
    """The blinking pattern that has a part of this length; None for one that is too long to be part of any."""
    for limit_s, shown in ((0.165, "fast"), (0.45, "flashes"), (1.0, "slow"), (STEADY_S, "flashes")):
        if lasted_s < limit_s:
            return shown
    return None


class LightReader:
    """Feed `edge` and `look`; each returns the pattern that is newly seen, or None."""

    def __init__(self) -> None:
        self.shown = ""
        self._lit = False
        self._edge_s: float | None = None

    def edge(self, lit: bool, at_s: float) -> str | None:
        """The pin changed at this real time."""
        before_s, self._edge_s, self._lit = self._edge_s, at_s, lit
        pattern = None if before_s is None else shown_by(at_s - before_s)
        # Right after a change a part may be cut short; a `fast` must be seen once the pattern before it has ended.
        return None if pattern is None else self._told(pattern)

    def look(self, at_s: float) -> str | None:
        """Nothing may have happened for long enough to be steady."""
        if self._edge_s is None or at_s - self._edge_s < STEADY_S:
            return None
        return self._told("steady" if self._lit else "off")

    def _told(self, pattern: str) -> str | None:
        if pattern == self.shown:
            return None
        self.shown = pattern
        return pattern
