"""What a truck costs does not grow with the area: the lines of ours that run for it, counted, not timed.

A small area and one four times as large live through the same day; whatever walks over all trucks, rooms or visits for
one of them would make each dearer. The whole of it, up to 6,400 trucks, is `python3 -m bench growth`.
"""

from collections.abc import Callable
from pathlib import Path

from tests.support.cell.virtual import VirtualCell

FEW, MANY = 8, 32
FLAT = 1.15


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
    """The lines that run for each truck stay the same through a bad day, within the 15 % of the goal."""
    lines: dict[int, dict[str, float]] = {}
    for trucks in (FEW, MANY):
        cell = VirtualCell(tmp_path / str(trucks), trucks)
        lines[trucks] = {part.__name__: cell.lines(lambda part=part: part(cell)) / trucks for part in DAY}  # type: ignore[misc]  # noqa: B023
        cell.close()
    grown = {part: round(lines[MANY][part] / few, 2) for part, few in lines[FEW].items()}
    assert min(lines[FEW].values()) > 1000
    assert {part: times for part, times in grown.items() if times > FLAT} == {}, (grown, lines)
