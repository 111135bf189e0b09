"""`python3 -m sim city`: several cells and their PostgreSQL on one machine, all with one command."""

import argparse

from rich.console import Console

from sim.city.areas import MOST_CELLS, MOST_TRUCKS
from sim.city.run import Asked, play_city

CELLS, TRUCKS_EACH, SPEED, FASTEST = 3, 4, 10, 30
EPILOG = """
Each cell is an area of its own: Mosquitto, a bridge (`python3 -m broker`) with its screen and data folder, a plan, and
its trucks and bin rooms, whose own code runs in this one process. A cell takes about 110 MB and, while
little happens, two hundredths of a core; 10 cells with 40 trucks run on two cores.

The drills happen within a run: PostgreSQL is down between 15 % and 35 % of it, a cell is cut off from the city between
20 % and 60 %, a cell's machine is killed at 50 % and a standby takes over (without --seconds: of two minutes).

Exit code 0 if what devices kept, what the cells have on record and what the city shows is the same, 1 if not or if
something did not come up, 2 for options that cannot be, 3 if it is not the same and the machine was too slow to judge
that, 130 after Ctrl-C.
"""


def main(words: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    if not options.live:
        parser.error("a city is played live only: add --live")
    trucks = TRUCKS_EACH * options.cells if options.trucks is None else options.trucks
    if not options.cells <= trucks <= MOST_TRUCKS * options.cells:
        parser.error(f"--trucks: at least one for each cell and at most {MOST_TRUCKS}; they are spread over the cells")
    for name in ("kill_cell", "cut_cell"):
        if (number := getattr(options, name)) is not None and not 1 <= number <= options.cells:
            parser.error(f"--{name.replace('_', '-')}: the cells are 1 to {options.cells}")
    asked = Asked(options.cells, trucks, options.speed, options.seconds, options.seed, options.kill_cell,
                  options.cut_cell, options.stop_postgres, options.costs)  # fmt: skip
    return play_city(asked, Console())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m sim city", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="A city of cells on this machine, with PostgreSQL and the district's page.",
    )  # fmt: skip
    parser.add_argument("--live", action="store_true", help="real MQTT, real bridges (there is no other way)")
    parser.add_argument("--cells", type=_within(1, MOST_CELLS), default=CELLS, help=f"how many areas (default {CELLS})")
    parser.add_argument("--trucks", type=int, help=f"in all cells together (default: {TRUCKS_EACH} for each cell)")
    parser.add_argument("--speed", type=_within(1, FASTEST), default=SPEED,
                        help=f"times as fast as life (default {SPEED})")  # fmt: skip
    parser.add_argument("--seconds", type=float, help="end by itself after that many seconds of life, and judge")
    parser.add_argument("--seed", type=int, default=1, help="another roll of the dice")
    parser.add_argument("--kill-cell", type=int, metavar="N", help="kill this cell's machine; a standby takes over")
    parser.add_argument("--cut-cell", type=int, metavar="N", help="cut this cell off from the city for a while")
    parser.add_argument("--stop-postgres", action="store_true", help="PostgreSQL is down for a while")
    parser.add_argument("--costs", action="store_true", help="print what each cell used: see docs/capacity.md")
    return parser


def _within(low: int, high: int) -> "type[int]":
    def value(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"must be between {low} and {high}")
        return number

    value.__name__ = "whole number"
    return value  # type: ignore[return-value]
