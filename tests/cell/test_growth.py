"""What a truck costs does not grow with the area: the lines of ours that run for it, counted, not timed.

A small area and one four times as large live through the same day; whatever walks over all trucks, rooms or visits for
one of them would make each dearer. The whole of it, up to 6,400 trucks, is `python3 -m bench growth`.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType

import pytest

from tests.support.cell.virtual import VirtualCell

pytestmark = pytest.mark.real  # seconds of work

FEW, MANY = 8, 32
FLAT, SLACK_LINES = 1.15, 8  # of the goal; what once for all comes to for each of a few trucks


def begins(cell: VirtualCell) -> None:
    """All runs open, all trucks set out."""
    cell.run(15, step_s=10)


def goes_on(cell: VirtualCell) -> None:
    """All trucks are under way."""
    cell.run(10)


def is_pressed(cell: VirtualCell) -> None:
    """Every driver presses."""
    for truck in cell.trucks:
        cell.press(truck)
    cell.run(3)


def is_late(cell: VirtualCell) -> None:
    """Every truck stands where it is, more and more behind its timetable."""
    cell.stand_still()
    cell.run(8, step_s=180)


def falls_silent(cell: VirtualCell) -> None:
    """Nobody speaks any more."""
    cell.fall_silent()
    cell.run(8, step_s=120)


DAY: tuple[Callable[[VirtualCell], None], ...] = (begins, goes_on, is_late, is_pressed, falls_silent)


def test_what_a_truck_costs_does_not_grow_with_the_area(tmp_path: Path) -> None:
    """Of no function more lines run for each truck of the larger area, through a bad day."""
    few, many = (lived_through(tmp_path / str(trucks), trucks) for trucks in (FEW, MANY))
    assert min(sum(lines.values()) for lines in few.values()) > 1000
    grown = {
        f"{part}: {code.co_qualname} ({code.co_filename.partition('broker/')[2]})": (few[part][code], many[part][code])
        for part in few
        for code in many[part]
        if many[part][code] > FLAT * few[part][code] + SLACK_LINES
    }
    assert grown == {}


def lived_through(folder: Path, trucks: int) -> dict[str, dict[CodeType, float]]:
    """How many lines of each function ran for each truck, in each part of the day."""
    cell, found = VirtualCell(folder, trucks), dict[str, dict[CodeType, float]]()
    for part in DAY:
        lines = cell.lines(partial(part, cell))
        found[part.__name__] = {code: lines[code] / trucks for code in lines}
    cell.close()
    return {part: defaultdict(float, lines) for part, lines in found.items()}
