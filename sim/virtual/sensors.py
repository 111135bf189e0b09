"""The sensors of a bin room in virtual time: the firmware's own drivers on a board whose beams, cells and rangers see
the bins of the world.

They are polled while something may still change in what they say, and left alone as long as the world stands still.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from firmware.binroom.calibration import Calibrations
from firmware.binroom.sensors import Place, make_sensors
from sim.world.bins import FULL_GRAMS, TARE_GRAMS
from sim.world.timeline import Timeline

POLL_S = 0.5
RESTLESS_S = 16.0  # a ranger believes a change after ten seconds
EMPTY_MM, FULL_MM, MOST_BINS = 2000, 200, 36
RAW_PER_GRAM = 3
NOISE_RAW = 60
SCALE = {"raw_low": 0, "raw_high": 1_000_000 * RAW_PER_GRAM, "grams_low": 0, "grams_high": 1_000_000, "at": 0}
DRIVERS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "beams": [{"kind": "beam", "in_pin": 1, "out_pin": 2}],
    "cell": [
        {
            "kind": "hx711", "data": 3, "clock": 4, "bin_empty_grams": TARE_GRAMS,
            "bin_full_grams": TARE_GRAMS + FULL_GRAMS[1],
        }
    ],
    "ranger": [
        {"kind": "distance", "trigger": 5, "echo": 6, "empty_mm": EMPTY_MM, "full_mm": FULL_MM, "bins": MOST_BINS}
    ],
}  # fmt: skip


class Sensors:
    """Those of one waste kind, named as `beams`, `cell` and `ranger`; `folder` is its flash and outlives the power."""

    def __init__(
        self, timeline: Timeline, folder: Path, waste: str, kinds: Sequence[str], dice: random.Random,
        told: Callable[..., None],
    ) -> None:  # fmt: skip
        """`told` gets the ("bins", ...) events of a unit that has power."""
        self._timeline, self._folder, self._waste, self._dice, self._told = timeline, folder, waste, dice, told
        self._settings = [{**driver, "waste": waste} for kind in kinds for driver in DRIVERS[kind]]
        (folder / "state").mkdir(parents=True)
        (folder / "state" / "calibration.json").write_text(json.dumps({waste: SCALE}), encoding="utf-8")
        self._is_new = True
        self._seen = (0, 0)
        self._board: _Board | None = None
        self._place: Place | None = None
        self._restless_until = 0.0
        self._polls = False

    def see(self, count: int, grams: int) -> None:
        """This stands there now: bins passed the beams, another mass stands on the cell."""
        moved, self._seen = count - self._seen[0], (count, grams)
        if self._board is None:
            if self._is_new:  # whoever puts a unit up enters what stands there
                (self._folder / "state" / "counts.json").write_text(json.dumps({self._waste: count}), encoding="utf-8")
            return
        self._board.passed(moved)
        self._board.seen = self._seen
        self._look()

    def power(self, on: bool) -> None:
        """The unit's boot, or its end."""
        if not on:
            self._board = self._place = None
            return
        self._is_new = False
        self._board = board = _Board(self._timeline, self._dice)
        board.seen = self._seen
        root = str(self._folder)
        (self._place,) = make_sensors(self._settings, board, Calibrations(root, _unheard), root, _unheard)
        self._look()

    def _look(self) -> None:
        self._restless_until = self._timeline.now + RESTLESS_S
        if not self._polls:
            self._polls = True
            self._poll()

    def _poll(self) -> None:
        if self._place is None or self._board is None or self._timeline.now > self._restless_until:
            self._polls = False
            return
        self._board.sample()
        reading = self._place.poll(self._board.ticks_ms())
        if reading is not None:
            self._told(*reading)
        self._timeline.after(POLL_S, self._poll)


def _unheard(_text: str) -> None:
    """A note for the technician."""


class _Pin:
    def __init__(self, falls: Callable[["_Pin"], None] | None = None) -> None:
        self.level, self.falls = 1, falls

    def value(self, level: int | None = None) -> int:
        if level is not None:
            self.level = level
        return self.level


class _Board:
    """Pins in number, the HX711's bits and the ranger's echo."""

    def __init__(self, timeline: Timeline, dice: random.Random) -> None:
        self.seen = (0, 0)
        self._timeline, self._dice = timeline, dice
        self._pins: dict[int, _Pin] = {}
        self._word = self._bits = 0

    def passed(self, bins: int) -> None:
        """So many bins come in through the beams (negative: go out)."""
        pin = self._pins.get(1 if bins > 0 else 2)
        for _ in range(abs(bins)):
            if pin is not None and pin.falls is not None:
                pin.falls(pin)

    def sample(self) -> None:
        """The cell's chip has its next sample."""
        noise = self._dice.randint(-NOISE_RAW, NOISE_RAW)
        self._word, self._bits = (self.seen[1] * RAW_PER_GRAM + noise) & 0xFFFFFF, 0
        if 3 in self._pins:
            self._pins[3].level = 0

    # --- what drivers ask of `firmware.binroom.board` -----------------------------------------------------

    def ticks_ms(self) -> int:
        return int((self._timeline.now - self._timeline.start_at) * 1000)

    def input_pin(self, number: int, on_edge: Callable[[_Pin], None] | None = None) -> _Pin:
        return self._pins.setdefault(number, _Pin(on_edge))

    def output_pin(self, number: int) -> _Pin:
        return self._pins.setdefault(number, _Pin())

    def pulse(self, _clock: _Pin) -> None:
        self._bits += 1
        self._pins[3].level = self._word >> (24 - self._bits) & 1 if self._bits <= 24 else 1

    def echo_us(self, _trigger: _Pin, _echo: _Pin) -> int:
        depth_mm = EMPTY_MM - (EMPTY_MM - FULL_MM) * min(self.seen[0], MOST_BINS) // MOST_BINS
        return depth_mm * 2000 // 343
