"""One bin room of a live run: real firmware on the real interpreter, its sensors and buttons driven, its pins seen.

A ranger that looks along the row of bins counts them and a load cell, where wanted, weighs them: both say what *is*,
so a unit that had to wait for a core has missed nothing when it looks again, as it would with beams.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.live.clock import SpedClock
from sim.live.witnesses.lights import LAMP, LightWitness
from sim.micropython.running import FIRST_LAMP_PIN, RunningUnit, simple_settings
from sim.world.bins import FULL_GRAMS, TARE_GRAMS

LOOK_EVERY_S = 0.25
PRESS_REAL_S = 0.25
SEEN_EDGES = 500  # no lamp has more in the time a witness looks back
BUTTON_PINS = {"bins_out": 0, "lane_clear": 1}
FIRST_TRIGGER_PIN, FIRST_ECHO_PIN = 2, 8
FIRST_DATA_PIN, FIRST_CLOCK_PIN = 30, 40
EMPTY_MM, FULL_MM, MOST_BINS = 2000, 200, 36
RAW_PER_GRAM = 3  # 36 full bins are just below the end of the cell's range
NOISE_RAW = 150  # so wide that hardly two samples are alike: a cell that stands still is taken for a broken one

Shown = Callable[[str, str, float], None]  # waste, pattern, since (simulated)


class LiveRoom:
    """Its flash folder outlives its power."""

    is_hardware = False

    def __init__(
        self, folder: Path, area: str, room_id: str, wastes: Sequence[str], host: str, port: int, password: str,
        clock: SpedClock, shown: Shown, *, has_cells: bool = False, boots: int = 0,
    ) -> None:
        """`boots`: so often it was switched on before, in days that are on record."""
        self._clock = clock
        self._wastes = list(wastes)
        self.powered = False
        self._let_go: list[tuple[float, int]] = []  # when a finger leaves which pin, in real seconds
        self._told_shown = shown
        self._look_s = 0.0
        self._witnesses = [LightWitness(LAMP) for _ in wastes]
        self.has_cells = has_cells
        if has_cells:
            _calibrate(folder, wastes)
        if boots:
            _write_state(folder, "boot", {"boot": boots})
        settings = _settings(room_id, area, wastes, has_cells=has_cells)
        self.unit = RunningUnit(folder, settings, host, port, password, speed=clock.speed)

    def set_bins(self, waste: str, count: int, grams: int) -> None:
        """The ranger above this waste kind's bins now measures this depth, the cell under them this weight."""
        depth_mm = EMPTY_MM - (EMPTY_MM - FULL_MM) * min(count, MOST_BINS) // MOST_BINS
        self.unit.panel.echo(FIRST_ECHO_PIN + self._wastes.index(waste), depth_mm * 2000 // 343)
        if self.has_cells:
            place = self._wastes.index(waste)
            raw = RAW_PER_GRAM * grams
            self.unit.panel.cell(FIRST_DATA_PIN + place, FIRST_CLOCK_PIN + place, raw, NOISE_RAW)

    def press(self, event: str) -> None:
        """The keeper presses a button for a moment of real time."""
        pin = BUTTON_PINS[event]
        self.unit.panel.drive(pin, 0)
        self._let_go.append((time.monotonic() + PRESS_REAL_S, pin))

    def contact(self, event: str, down: bool) -> None:
        """A finger comes to a button of the keeper's, or goes."""
        self.unit.panel.drive(BUTTON_PINS[event], int(not down))

    def run_at(self, speed: int) -> None:
        """Let the unit's decisions run so many times as fast as life."""
        self.unit.run_at(speed)

    @property
    def interpreter(self) -> str:
        """What it runs on."""
        return self.unit.interpreter

    @property
    def shown(self) -> list[str]:
        """What each lamp shows, as its two witnesses read it, in the order of `wastes`; `dead` without power."""
        return [witness.shown if self.powered else "dead" for witness in self._witnesses]

    def edges(self, index: int) -> list[tuple[float, int]]:
        """The (real monotonic time, level) changes of a lamp's pin, the newest last."""
        return self.unit.panel.changes(FIRST_LAMP_PIN + index, SEEN_EDGES)

    def power(self, on: bool) -> None:
        """Plug in or pull out."""
        self.powered = on
        if on:
            self.unit.start()
        else:
            self.unit.kill()
            for waste in self._wastes:
                self._told_shown(waste, "dead", self._clock.now())

    def stop(self) -> None:
        """Power off for good."""
        self.unit.stop()

    def reported(self, lamps: Sequence[dict[str, Any]], real_s: float) -> None:
        """The unit's lamp report came over the wire."""
        for lamp in lamps:
            if lamp["waste"] in self._wastes:
                self._witnesses[self._wastes.index(lamp["waste"])].reported(lamp["lamp"], real_s)

    def look(self, real_s: float) -> None:
        """See the pins; called many times a second, looks a few times."""
        while self._let_go and self._let_go[0][0] <= real_s:
            self.unit.panel.drive(self._let_go.pop(0)[1], 1)
        if real_s < self._look_s:
            return
        self._look_s = real_s + LOOK_EVERY_S
        for index, witness in enumerate(self._witnesses):
            seen = witness.look(self.edges(index), real_s)
            if seen is not None:
                self._told_shown(self._wastes[index], seen[0], self._clock.at(seen[1]))


def _settings(room_id: str, area: str, wastes: Sequence[str], *, has_cells: bool) -> dict[str, Any]:
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
    settings["sensors"] += [
        {
            "kind": "hx711", "waste": waste, "data": FIRST_DATA_PIN + i, "clock": FIRST_CLOCK_PIN + i,
            "bin_empty_grams": TARE_GRAMS, "bin_full_grams": TARE_GRAMS + FULL_GRAMS[1],
        }
        for i, waste in enumerate(wastes) if has_cells
    ]  # fmt: skip
    return settings


def _calibrate(folder: Path, wastes: Sequence[str]) -> None:
    """Two masses were weighed when the unit was put up."""
    scale = {"raw_low": 0, "raw_high": 1_000_000 * RAW_PER_GRAM, "grams_low": 0, "grams_high": 1_000_000, "at": 0}
    _write_state(folder, "calibration", dict.fromkeys(wastes, scale))


def _write_state(folder: Path, name: str, state: Mapping[str, Any]) -> None:
    (folder / "state").mkdir(parents=True, exist_ok=True)
    (folder / "state" / f"{name}.json").write_text(json.dumps(state), encoding="utf-8")
