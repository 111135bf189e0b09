"""A run of a simulated city from its first process to its verdict, with nothing left behind."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from broker.mqtt.own_broker.child import EmbeddedBrokerError
from broker.store import StoreError
from broker.words import filled
from sim.city.city import City
from sim.city.costs import Costs
from sim.city.drills import CUT_FROM, CUT_UNTIL, ENDLESS_S, KILL_AT, STANDBY_MOST_S, STOP_FROM, STOP_UNTIL, Drills
from sim.city.office import Office
from sim.city.postgres import NoPostgresError
from sim.city.truth import truth_of
from sim.live.bridge import StartError
from sim.live.ground import run_folder, terminated_like_interrupted
from sim.live.witnesses.machine import Machine

LOOK_S, SHOW_S, COUNT_S = 0.02, 0.5, 5.0
AFTER_S = 180.0  # simulated, after the last moment that is judged: a visit becomes a record when its truck leaves
SETTLED_WITHIN_S = 60.0  # real: until everything kept by then is on record, and what is on record in the city
HELD, FAILED, TOO_SLOW, INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is to be: see the command's help."""

    cells: int
    trucks: int
    speed: int
    seconds: float | None
    seed: int
    kill_cell: int | None = None
    cut_cell: int | None = None
    stop_postgres: bool = False
    costs: bool = False


def play_city(asked: Asked, console: Console) -> int:
    """Play it; the exit code of `python3 -m sim city`."""
    with terminated_like_interrupted():
        try:
            with run_folder(console, keeps=False) as folder:
                return _Run(asked, console, folder).play()
        except KeyboardInterrupt:
            console.print("interrupted; everything that was started has been ended")
            return INTERRUPTED
        except (StartError, EmbeddedBrokerError, NoPostgresError, StoreError) as why:
            console.print(f"[red]the city failed:[/red] {why}", highlight=False)
            return FAILED


def code_of(faults: Sequence[str], excuse: str | None) -> int:
    """The exit code of a run with these faults; `excuse` is why its machine was too slow, where it was."""
    if not faults:
        return HELD
    return FAILED if excuse is None else TOO_SLOW


class _Run:
    def __init__(self, asked: Asked, console: Console, folder: Path) -> None:
        self._asked, self._console, self._folder = asked, console, folder
        self._drills = Drills(asked.seconds or ENDLESS_S)
        self._machine = Machine()
        self._faults: list[str] = []
        self._stored: dict[str, int] = {}

    def play(self) -> int:
        asked = self._asked
        self._say("PostgreSQL and the city's folder ...")
        self._office = Office(self._folder, asked.cells)
        try:
            self._office.start()
            self._city = City(asked.cells, asked.trucks, asked.speed, asked.seed, self._folder, self._office.way)
            try:
                return self._started()
            finally:
                self._city.close()
        finally:
            self._office.close()

    def _started(self) -> int:
        city, asked = self._city, self._asked
        self._say(filled("{cells:cell|cells}, {trucks:truck|trucks}, x{speed}: starting their bridges ...",
                         {"cells": asked.cells, "trucks": asked.trucks, "speed": asked.speed}))  # fmt: skip
        for number, cell in enumerate(city.start(), 1):
            self._say(f"{number}/{asked.cells} {cell.area} {cell.plan.name}: {cell.address}")
        self._office.serve()
        for line in self._office.told():
            self._say(line)
        self._say("a click in a screen's first row makes you anybody (demo accounts); Ctrl-C ends everything")
        self._plan_drills()
        costs = [Costs(cell) for cell in city.cells] if asked.costs else []
        since_s = time.monotonic()
        with Live(console=self._console, auto_refresh=False, transient=True) as screen:
            shown_s = counted_s = 0.0
            while asked.seconds is None or time.monotonic() - since_s < asked.seconds:
                self._turn()
                for line in self._drills.look(since_s):
                    self._say(line)
                if time.monotonic() - counted_s >= COUNT_S:
                    self._stored = {cell.area: cell.count() for cell in city.cells}
                    counted_s = time.monotonic()
                if time.monotonic() - shown_s >= SHOW_S:
                    shown_s = time.monotonic()
                    screen.update(self._table(), refresh=True)
        for one in costs:
            self._say(one.line(self._office.database_bytes(city.cells[0]) // len(costs)))
        return self._judged()

    def _turn(self) -> None:
        self._city.play()
        self._office.look()
        self._machine.look()
        time.sleep(LOOK_S)

    # --- what goes wrong --------------------------------------------------------------------------------

    def _plan_drills(self) -> None:
        asked, drills = self._asked, self._drills
        if asked.kill_cell is not None:
            drills.at(KILL_AT, lambda: self._kill(asked.kill_cell or 1))
        if asked.cut_cell is not None:
            drills.at(CUT_FROM, lambda: self._cut(asked.cut_cell or 1, True))
            drills.at(CUT_UNTIL, lambda: self._cut(asked.cut_cell or 1, False))
        if asked.stop_postgres:
            drills.at(STOP_FROM, self._stop_postgres)
            drills.at(STOP_UNTIL, self._start_postgres)

    def _kill(self, number: int) -> Iterator[str]:
        cell = self._city.cells[number - 1]
        old = cell.kill()
        killed_s = time.monotonic()
        yield f"{cell.area}: its machine is dead (broker and bridge killed, its disk taken out: {old.name})"
        cell.set_up_standby()
        yield from self._office.take_over(cell, old, self._city.clock)
        cell.launch()
        while not (cell.bridge.answers() and cell.connected[0] == cell.connected[1]):
            self._turn()
            if time.monotonic() - killed_s > 2 * STANDBY_MOST_S:
                self._faults.append(f"{cell.area}: no standby within {2 * STANDBY_MOST_S:.0f} s: {cell.bridge.said()}")
                return
        took_s = time.monotonic() - killed_s
        if took_s > STANDBY_MOST_S:
            self._faults.append(f"{cell.area}: its standby took {took_s:.0f} s, more than {STANDBY_MOST_S:.0f}")
        cell.somebody_looks()
        yield f"{cell.area}: back on a standby after {took_s:.1f} s, all its devices with it: {cell.address}"

    def _cut(self, number: int, cut: bool) -> Iterator[str]:
        self._office.cut(number, cut)
        area = self._city.cells[number - 1].area
        yield f"{area}: {'cut off from the city' if cut else 'its way to the city is whole'}"

    def _stop_postgres(self) -> Iterator[str]:
        self._office.postgres.stop("immediate")
        yield "PostgreSQL is down (stopped without saving)"

    def _start_postgres(self) -> Iterator[str]:
        self._office.postgres.start()
        yield "PostgreSQL is back"

    # --- what came of it --------------------------------------------------------------------------------

    def _judged(self) -> int:
        city = self._city
        until_at = city.clock.now()
        self._say("the end: waiting until all is on record ...")
        while city.clock.now() < until_at + AFTER_S:
            self._turn()
        for line in self._office.deliver(city.clock):
            self._say(line)
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while (unexplained := list(self._office.unexplained(until_at))) and time.monotonic() < deadline:
            for _ in range(20):
                self._turn()
        self._faults += unexplained
        for line in self._office.ask_crews(until_at):
            self._say(line)
        deadline = time.monotonic() + SETTLED_WITHIN_S
        waiting = list(city.cells)
        while waiting and time.monotonic() < deadline:
            for _ in range(20):
                self._turn()
            for line in self._office.correct_gaps():
                self._say(line)
            waiting = [cell for cell in waiting if truth_of(cell.evidence, cell.stored(), until_at).faults]
        for cell in city.cells:
            cell.power_off()
        truths = {cell.area: truth_of(cell.evidence, cell.stored(), until_at) for cell in city.cells}
        self._faults += self._office.settle(city.cells, SETTLED_WITHIN_S)
        self._faults += [f"{area}: {fault}" for area, truth in truths.items() for fault in truth.faults]
        records, visits = sum(one.records for one in truths.values()), sum(one.visits for one in truths.values())
        bins = sum(one.bins for one in truths.values())
        self._say(
            f"{records} records kept by devices, {visits} visits made, {bins} bins emptied: "
            f"{'all on record' if not self._faults else 'see below'}"
        )
        figures = ", ".join(f"{name} {number}" for name, number in self._office.figures.items())
        self._say(f"the city's figures, one visit corrected and one cell pushed twice: {figures}: "
                  f"{'the sum of the cells' if not self._faults else 'see below'}")  # fmt: skip
        for fault in self._faults[:20]:
            self._console.print(f"[red]{fault}[/red]", highlight=False)
        if not records or not visits:
            self._console.print("[red]too short a run to judge: no truck has been at a room[/red]")
            return FAILED
        return self._verdict()

    def _verdict(self) -> int:
        excuse = self._machine.too_slow(self._asked.speed)
        if self._faults and excuse is not None:
            self._console.print(f"[yellow]{excuse}[/yellow]", highlight=False)
        return code_of(self._faults, excuse)

    def _table(self) -> Table:
        clock = time.strftime("%H:%M:%S", time.gmtime(self._city.clock.now() + 8 * 3600))
        shown = Table(title=f"{clock}  x{self._city.clock.speed}", title_justify="left")
        for name in ("cell", "area", "devices", "records", "visits", "city", "screen"):
            shown.add_column(name)
        for cell in self._city.cells:
            here, all_of_them = cell.connected
            made = sum(visit.left_at is not None for visit in cell.evidence.visits)
            shown.add_row(
                cell.area, cell.plan.name, f"{here}/{all_of_them}", str(self._stored.get(cell.area, "-")), str(made),
                self._office.state(cell, self._stored.get(cell.area, 0)), cell.address,
            )  # fmt: skip
        return shown

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)
