"""One bin room of a live run: real firmware on the real interpreter, its sensors and buttons driven, its pins seen.

A sped-up lamp blinks too fast for an exact measure, so two witnesses must agree: the unit's own report of the
pattern, and the share of time its pin is high. Where they do not agree for a while the pin is believed.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sim.board.running import FIRST_LAMP_PIN, RunningUnit, simple_settings
from sim.live.clock import SpedClock
from sim.timeline import Timeline

# Real seconds. The firmware looks at its lamps every 20 ms: sped up, most flashes of 0.1 s in 5 s fall between two
# looks, so it takes a long look to tell a lamp that flashes from one that is dark.
SHORT_LOOK_S = 0.6
LONG_LOOK_S = 4.0
SETTLES_S = 0.3
DISAGREE_S = 2.5
LOOK_EVERY_S = 0.25
PRESS_REAL_S = 0.25
BUTTON_PINS = {"bins_out": 0, "lane_clear": 1}
FIRST_TRIGGER_PIN, FIRST_ECHO_PIN = 2, 8
EMPTY_MM, FULL_MM, MOST_BINS = 2000, 200, 36
BLINKS = ("held", "at_stop", "no_data")

Shown = Callable[[str, str, float], None]  # waste, pattern, since (simulated)


class LampWitness:
    """One lamp: what the unit reports, and how its pin behaves."""

    def __init__(self) -> None:
        self.shown = ""
        self._reported: tuple[str, float] | None = None
        self._doubt_since: float | None = None

    def reported(self, pattern: str, at_s: float) -> None:
        """The unit says on the wire that it shows this since about now (real seconds)."""
        self._reported = (pattern, at_s)

    def look(self, edges: Sequence[tuple[float, int]], at_s: float) -> tuple[str, float] | None:
        """The pin's (real time, level) changes so far; (pattern, real time since) when a new one is seen, else None."""
        word, since = self._reported if self._reported is not None else ("", at_s - LONG_LOOK_S)
        from_s = max(since + SETTLES_S, at_s - LONG_LOOK_S)
        if not edges or edges[0][0] > from_s or at_s - from_s < SHORT_LOOK_S:
            return None
        share = share_lit(edges, from_s, at_s)
        by_pin = "off" if share == 0 else "due" if share == 1 else "no_data" if share < 0.3 else "held"
        if word == by_pin or (word in BLINKS and 0 < share < 1):
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


class LiveRoom:
    """Its flash folder outlives its power."""

    def __init__(
        self, folder: Path, area: str, room_id: str, wastes: Sequence[str], host: str, port: int, password: str,
        clock: SpedClock, timeline: Timeline, shown: Shown,
    ) -> None:
        self._clock = clock
        self._timeline = timeline
        self._wastes = list(wastes)
        self._told_shown = shown
        self._look_s = 0.0
        self._witnesses = [LampWitness() for _ in wastes]
        self.unit = RunningUnit(folder, _settings(room_id, area, wastes), host, port, password, speed=clock.speed)

    def set_bins(self, waste: str, count: int, grams: int) -> None:  # noqa: ARG002 - this room has rangers, no cells
        """The ranger above this waste kind's bins now measures this depth."""
        depth_mm = EMPTY_MM - (EMPTY_MM - FULL_MM) * min(count, MOST_BINS) // MOST_BINS
        self.unit.panel.echo(FIRST_ECHO_PIN + self._wastes.index(waste), depth_mm * 2000 // 343)

    def press(self, event: str) -> None:
        """The keeper presses a button for a moment of real time."""
        pin = BUTTON_PINS[event]
        self.unit.panel.drive(pin, 0)
        self._timeline.after(PRESS_REAL_S * self._clock.speed, lambda: self.unit.panel.drive(pin, 1))

    def power(self, on: bool) -> None:
        """Plug in or pull out."""
        if on:
            self.unit.start()
        else:
            self.unit.kill()
            for waste in self._wastes:
                self._told_shown(waste, "dead", self._clock.now())

    def reported(self, lamps: Sequence[dict[str, Any]], real_s: float) -> None:
        """The unit's lamp report came over the wire."""
        for lamp in lamps:
            if lamp["waste"] in self._wastes:
                self._witnesses[self._wastes.index(lamp["waste"])].reported(lamp["lamp"], real_s)

    def look(self, real_s: float) -> None:
        """See the pins; called many times a second, looks a few times."""
        if real_s < self._look_s:
            return
        self._look_s = real_s + LOOK_EVERY_S
        for index, witness in enumerate(self._witnesses):
            seen = witness.look(self.unit.panel.changes(FIRST_LAMP_PIN + index), real_s)
            if seen is not None:
                self._told_shown(self._wastes[index], seen[0], self._clock.at(seen[1]))


def _settings(room_id: str, area: str, wastes: Sequence[str]) -> dict[str, Any]:
    settings = simple_settings(room_id, area, wastes)
    if FIRST_LAMP_PIN + len(wastes) > 28:
        raise ValueError(f"{room_id}: more waste kinds than pins")
    settings["sensors"] = [
        {
            "kind": "distance", "waste": waste, "trigger": FIRST_TRIGGER_PIN + i, "echo": FIRST_ECHO_PIN + i,
            "empty_mm": EMPTY_MM, "full_mm": FULL_MM, "bins": MOST_BINS,
        }
        for i, waste in enumerate(wastes)
    ]  # fmt: skip
    return settings
