"""What a lamp shows, read from its pin as a person reads it: by how long it is lit and how long it is dark.

    steady light   due        1 s lit, 1 s dark       held       0.2 s lit, 0.2 s dark   at_stop
    steady dark    off        0.1 s lit every 5 s     no_data

A person needs a moment to tell: a change is known a little later than it began, and is dated back.
"""

from collections.abc import Callable

from sim.world.timeline import Appointment, Timeline

STEADY_LIT_S = 1.3
STEADY_DARK_S = 5.4
SLACK_S = 0.04

_BY_LIT_S = {0.1: "no_data", 0.2: "at_stop", 1.0: "held"}
_DARK_PART_S = {"at_stop": 0.2, "held": 1.0, "no_data": 4.9}
_BY_DARK_S = {0.2: "at_stop", 1.0: "held", 4.9: "no_data"}


class PatternReader:
    """Feed `level`; `changed(at, shown)` is called for each new pattern, `at` being when it began."""

    def __init__(self, timeline: Timeline, changed: Callable[[float, str], None]) -> None:
        self._timeline = timeline
        self._changed = changed
        self._level: bool | None = None
        self._edge_at = 0.0
        self._shown = ""
        self._steady: Appointment | None = None

    @property
    def shown(self) -> str:
        """What it was last seen to show."""
        return self._shown

    def look_away(self) -> None:
        """Nobody looks until the next `level`: what is known goes on."""
        self._level = None
        if self._steady is not None:
            self._steady.cancel()

    def level(self, lit: bool, since_at: float | None = None) -> None:
        """The pin has this level now, or has had it since then."""
        if lit == self._level:
            return
        now = self._timeline.now if since_at is None else since_at
        lasted_s = now - self._edge_at
        known = _nearest(_BY_DARK_S if lit else _BY_LIT_S, lasted_s) if self._level is not None else None
        if known is not None:
            self._tell(known, self._edge_at)
        self._level, self._edge_at = lit, now
        if self._steady is not None:
            self._steady.cancel()
        wait_s = STEADY_LIT_S if lit else STEADY_DARK_S
        # Out of a blink into steady dark: it began when the next pulse failed to come.
        since = now if lit else now + _DARK_PART_S.get(self._shown, 0.0)
        self._steady = self._timeline.at(now + wait_s, lambda: self._tell("due" if lit else "off", since))

    def power_off(self) -> None:
        """No current: the lamp is dead."""
        if self._steady is not None:
            self._steady.cancel()
        self._level = None
        self._tell("dead", self._timeline.now)

    def _tell(self, shown: str, since: float) -> None:
        if shown != self._shown:
            self._shown = shown
            self._changed(since, shown)


def _nearest(known: dict[float, str], lasted_s: float) -> str | None:
    for length_s, shown in known.items():
        if abs(lasted_s - length_s) <= SLACK_S:
            return shown
    return None
