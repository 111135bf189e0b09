"""Bins roll out and back past the firmware's own beams and cell: what the unit then says gives what was collected."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from broker.rules.collecting.collected import collected
from broker.rules.collecting.moves import Span
from broker.rules.collecting.readings import Reading, Readings
from firmware import wire
from firmware.binroom.beam import Beam
from firmware.binroom.cell import LoadCell
from firmware.binroom.distance import Distance
from firmware.binroom.sensors import Counts, Place
from firmware.binroom.unit import Unit
from firmware.binroom.weighing import Weighing
from tests.binroom.cases.weighing_cases import SCALE, Cell, DeskBoard, Pin

WASTE = "residential_wet"
BEGAN = 1_795_400_000
TARE, FULL = 12_000, 60_000
STEP_MS = 100
RANGER = {"trigger": 3, "echo": 4, "empty_mm": 2000, "full_mm": 200, "bins": 10}


class Board(DeskBoard):
    """A desk board on which a cell's chip answers all the time, and a ranger's echo is that of a level."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell()
        self.level = 0

    def sample(self) -> None:
        """The chip has its next sample."""
        self.word, self.bits, self.data.level = self.cell.raw(), 0, 0

    def echo_us(self, _trigger: Pin, _echo: Pin) -> int:
        """So far away is what lies in the container."""
        depth_mm = RANGER["empty_mm"] - (RANGER["empty_mm"] - RANGER["full_mm"]) * self.level // RANGER["bins"]
        return depth_mm * 2000 // 343


class Room:
    """A unit with the sensors named, its bins in front of it, and a bridge that hears it."""

    def __init__(self, folder: Path, kinds: Sequence[str], bins: Sequence[int], scale: Any = SCALE) -> None:
        self.board, self.bins = Board(), list(bins)
        self.readings = Readings()
        (folder / "state").mkdir()
        counts = Counts(str(folder), lambda _text: None)
        sensors: list[Any] = []
        if "beams" in kinds:
            sensors.append(Beam(self.board, 1, 2, len(bins)))
        if "cell" in kinds:
            weighing = Weighing(TARE, FULL + 10_000, len(bins))
            sensors.append(LoadCell(self.board, self.board.data, Pin(0), weighing, lambda: scale))
        if "distance" in kinds:
            sensors.append(Distance(self.board, RANGER))
        self.board.cell.grams, self.board.level = sum(bins), len(bins)
        self.place = Place(WASTE, sensors, counts, lambda _text: None)
        config = {"area": "xh", "device": "r01", "wastes": [WASTE], "lamps": "each", "fw": "1", "report_grams": 2000}
        self.unit = Unit(config, 1)
        self.hand_in("link", True)
        self.go_on(60)

    @property
    def now(self) -> int:
        """The second."""
        return BEGAN + self.board.now_ms // 1000

    def hand_in(self, *event: Any) -> None:
        """An event for the unit; what it says about bins is read as the bridge reads it."""
        for effect in self.unit.handle(event, self.board.now_ms):
            if effect[0] == "publish" and effect[1].endswith("/bins"):
                body = json.loads(effect[2])
                at = self.now if body["at"] is None else body["at"]
                self.readings.add(Reading.of_row(body["bins"][0], at, body["boot"], body["seq"]))

    def go_on(self, seconds: float) -> None:
        """Time passes: sensors are polled, the bridge's clock is heard."""
        for _ in range(round(seconds * 1000 / STEP_MS)):
            self.board.now_ms += STEP_MS
            if self.board.now_ms % 10_000 == 0:
                topic = wire.topic("clock", "xh", family="bridge")
                self.hand_in("message", topic, wire.pack(topic, {"at": self.now}))
            self.board.sample()
            reading = self.place.poll(self.board.now_ms)
            self.hand_in(*(reading or ("wake",)))

    def moves(self, grams: int, seconds: float = 9.0) -> None:
        """A bin comes in (negative: goes out) past the beams, over the cell."""
        if self.board.edges:
            inward, outward = self.board.edges[:2]
            beam = inward if grams > 0 else outward
            if beam.edge is not None:
                beam.edge(beam)
        self.board.cell.grams += grams
        self.go_on(seconds)


@pytest.mark.parametrize(
    ("kinds", "grams"),
    [(("beams",), None), (("cell",), 240_000), (("beams", "cell"), 240_000)],
)
def test_what_the_real_sensors_say_of_a_roll_out(tmp_path: Path, kinds: Sequence[str], grams: int | None) -> None:
    """Five bins leave, the truck empties them outside, they come back one by one: five bins, and 240 kg by the cell."""
    room = Room(tmp_path, kinds, [FULL] * 5)
    call_at = room.now
    for _ in range(5):
        room.moves(-FULL)
    room.go_on(300)
    arrived_at = room.now
    room.go_on(120)
    left_at = room.now
    room.go_on(100)
    for _ in range(5):
        room.moves(TARE)
    room.go_on(60)
    _is_collected(room, Span(call_at - 60, arrived_at, left_at, left_at + 2700), 5, grams)


@pytest.mark.parametrize("dies", [True, False])
def test_a_cell_that_dies_leaves_the_beams_counting(tmp_path: Path, dies: bool) -> None:
    """Its wire breaks before the call, or it never was calibrated: five bins are on record all the same."""
    room = Room(tmp_path, ("beams", "cell"), [FULL] * 5, scale=SCALE if dies else None)
    if dies:
        room.board.cell.raw = lambda: 0
    room.go_on(60)
    call_at = room.now
    for grams in [-FULL] * 5:
        room.moves(grams)
    room.go_on(60)
    arrived_at, left_at = room.now - 50, room.now
    room.go_on(100)
    for grams in [TARE] * 5:
        room.moves(grams)
    room.go_on(60)
    span = Span(call_at - 30, arrived_at, left_at, left_at + 2700)
    found = collected(room.readings.between(span.from_at, span.until_at), span)
    assert (found.bins, found.quality, found.grams_before, found.grams_after) == (5, 2, None, None)


def test_a_refused_bin_past_the_real_sensors(tmp_path: Path) -> None:
    """Beams and cell: one of four comes back full, so three were emptied."""
    room = Room(tmp_path, ("beams", "cell"), [FULL] * 4)
    for _ in range(4):
        room.moves(-FULL)
    room.go_on(60)
    arrived_at, left_at = room.now - 50, room.now
    room.go_on(30)
    for grams in (TARE, FULL, TARE, TARE):
        room.moves(grams)
    room.go_on(60)
    _is_collected(room, Span(BEGAN, arrived_at, left_at, left_at + 2700), 3, 144_000)


def test_a_container_below_the_real_ranger(tmp_path: Path) -> None:
    """It is emptied where it stands, and the ranger believes it within ten seconds."""
    room = Room(tmp_path, ("distance",), [FULL] * 6)
    room.go_on(300)
    arrived_at = room.now
    room.go_on(60)
    room.board.level = 0
    room.go_on(10)
    left_at = room.now
    room.go_on(60)
    _is_collected(room, Span(BEGAN, arrived_at, left_at, left_at + 2700), 6, None)


def _is_collected(room: Room, span: Span, bins: int, grams: int | None) -> None:
    found = collected(room.readings.between(span.from_at, span.until_at), span)
    assert (found.bins, found.quality) == (bins, 0)
    if grams is None:
        assert found.grams_before is None and found.grams_after is None
    else:
        assert found.grams_before is not None and found.grams_after is not None
        assert abs(found.grams_before - found.grams_after - grams) <= grams // 50
