"""The cells of a simulated city together: started, played and ended as one."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from broker.plan.demo_area import TIMEZONE
from sim.city.cell import Cell, Sections, begins_at
from sim.live.bridge import LateError, StartError
from sim.live.clock import SpedClock

READY_S = 30.0  # and for each cell
EACH_READY_S = 12.0


def shares(trucks: int, cells: int) -> list[int]:
    """So many trucks spread over so many cells, as evenly as can be."""
    return [trucks // cells + (number < trucks % cells) for number in range(cells)]


class City:
    """`start`, then `play` many times a second; always `close`."""

    def __init__(self, cells: int, trucks: int, speed: int, seed: int, folder: Path, way: Callable[[int], Sections]):
        """`way` gives the sections by which the cell of a number reaches the city."""
        date = f"{datetime.now(ZoneInfo(TIMEZONE)):%Y-%m-%d}"  # as the city's page begins with today
        self.clock = SpedClock(begins_at(date), speed, folder / "go")
        self._folder = folder
        self.cells: list[Cell] = []
        try:
            for number, share in enumerate(shares(trucks, cells), 1):
                place = folder / "cells" / f"{number:02d}"
                self.cells.append(Cell(number, share, place, self.clock, date, seed + number, way(number)))
        except BaseException:
            self.close()
            raise

    def start(self) -> Iterator[Cell]:
        """Start everything; gives each cell when its screen answers. Raises StartError, EmbeddedBrokerError."""
        for cell in self.cells:
            cell.launch()
        waiting, deadline = list(self.cells), time.monotonic() + READY_S + EACH_READY_S * len(self.cells)
        while waiting:
            for cell in [each for each in waiting if each.bridge.answers()]:
                waiting.remove(cell)
                yield cell
            if time.monotonic() > deadline:
                late = "; ".join(f"{cell.area}: {cell.bridge.said()}" for cell in waiting)
                raise LateError(f"not up within {READY_S + EACH_READY_S * len(self.cells):.0f} s: {late}")
            time.sleep(0.05)
        for cell in self.cells:
            cell.switch_on()
        self.clock.go()

    def play(self) -> None:
        """Let happen what is due; raises StartError where a process ended by itself."""
        for cell in self.cells:
            cell.play()
            if (complaint := cell.complaint()) is not None:
                raise StartError(complaint)

    def close(self) -> None:
        """End whatever still runs; a second call does nothing."""
        for cell in self.cells:
            if cell.bridge.child is not None:
                cell.bridge.child.ask_to_stop()
        for cell in self.cells:
            cell.close()
