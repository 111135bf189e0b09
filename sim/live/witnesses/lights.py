"""What a light shows, read by two witnesses: the device's own word for it, and how its pin behaves; real seconds.

Sped up or on a busy machine a light blinks too irregularly to be told by measure: edges come late, and a change cuts
a part short. So the word is taken as soon as the pin fits it, and dated to when it was said. Where they do not agree
for a while the pin is believed.
"""

from collections.abc import Sequence
from typing import NamedTuple

# A sped-up unit looks at its lamps every 20 ms: most flashes of 0.1 s in 5 s fall between two looks, so it takes a
# long look to tell a lamp that flashes from one that is dark.
SHORT_LOOK_S = 0.6
LONG_LOOK_S = 6.0  # at life's own speed a flash comes each 5 s
SETTLES_S = 0.3
DISAGREE_S = 2.5
FLASHES_SHARE = 0.3


class Words(NamedTuple):
    """What a device calls its light by the behaviour of the pin; every other word is some way of blinking."""

    dark: str
    lit: str
    flashes: str  # lit for less than `FLASHES_SHARE` of the time
    blinks: str


LAMP = Words("off", "due", "no_data", "held")
BUTTON = Words("off", "steady", "flashes", "slow")


class LightWitness:
    """One light: what its device reports, and how its pin behaves."""

    def __init__(self, words: Words) -> None:
        self.shown = ""
        self._words = words
        self._reported: tuple[str, float] | None = None
        self._doubt_since: float | None = None

    def reported(self, pattern: str, at_s: float) -> None:
        """The device says that it shows this since about now."""
        self._reported = (pattern, at_s)

    def look(self, edges: Sequence[tuple[float, int]], at_s: float) -> tuple[str, float] | None:
        """The pin's (time, level) changes so far; (pattern, time since) when a new one is seen, else None."""
        word, since = self._reported if self._reported is not None else ("", at_s - LONG_LOOK_S)
        from_s = max(since + SETTLES_S, at_s - LONG_LOOK_S)
        if not edges or edges[0][0] > from_s or at_s - from_s < SHORT_LOOK_S:
            return None
        share = share_lit(edges, from_s, at_s)
        names = self._words
        blinking = names.flashes if share < FLASHES_SHARE else names.blinks
        by_pin = names.dark if share == 0 else names.lit if share == 1 else blinking
        if word == by_pin or (word not in ("", names.dark, names.lit) and 0 < share < 1):
            self._doubt_since = None
            return self._told(word, since)
        inside = [edge_s for edge_s, _ in edges if from_s <= edge_s < at_s]
        self._doubt_since = (inside or [from_s])[0] if self._doubt_since is None else self._doubt_since
        if at_s - self._doubt_since >= DISAGREE_S:
            return self._told(by_pin, self._doubt_since)
        return None

    def _told(self, shown: str, since: float) -> tuple[str, float] | None:
        if shown == self.shown:
            return None
        self.shown = shown
        return shown, since


def share_lit(edges: Sequence[tuple[float, int]], from_s: float, to_s: float) -> float:
    """The share of the time between two moments that the pin was high."""
    lit_s, since, level = 0.0, from_s, 0
    for at_s, after in edges:
        if at_s >= to_s:
            break
        if at_s > since:
            lit_s += (at_s - since) * level
            since = at_s
        level = after
    lit_s += (to_s - since) * level
    return min(1.0, lit_s / (to_s - from_s)) if lit_s < to_s - from_s - 1e-6 else 1.0
