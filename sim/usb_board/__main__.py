"""Virtual boards for a tester: `python3 -m sim.usb_board`, then `.venv/bin/mpremote connect sim/ports/binroom-01`.

Each board keeps its flash below the folder, so it is the same board tomorrow. Ends with Ctrl-C or a signal, not with
its input: it may stand in the background. What it is told on standard input is in `COMMANDS` and its `--help`.
"""

from __future__ import annotations

from firmware import environment

if __name__ == "__main__":
    environment.enter(*environment.TRUCK, *environment.SERVER)

import argparse
import contextlib
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from sim.micropython.interpreter import find_micropython
from sim.micropython.panel import Panel
from sim.usb_board.board import VirtualBoard
from sim.usb_board.rom import RomLoader

HERE = Path(__file__).resolve().parents[1]
MOST = 64
COMMANDS = """commands on standard input, one a line:
  pull NAME              takes the cable out, and with it the power
  plug NAME              puts it in again
  reset NAME             presses RESET
  boot NAME              presses RESET with BOOT held
  cut NAME N             the power fails in the N-th block write from now
  pin NAME P             says the level of output P as the board drives it
  drive NAME P LEVEL     sets the level of input P (a button to ground is 0)
"""


def main(argv: list[str] | None = None, lines: Iterable[str] | None = None, out: TextIO = sys.stdout) -> int:
    """Runs the boards until it is stopped; `lines` stand for standard input, and their end is the end then.

    Returns 0, or 2 if there is no interpreter or the command line is wrong.
    """
    parser = argparse.ArgumentParser(
        prog="python3 -m sim.usb_board", description="Virtual bin-room boards. Ctrl-C ends them.",
        epilog=COMMANDS, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--boards", type=int, default=1, help="how many (1)")
    parser.add_argument("--ports", type=Path, default=HERE / "ports", help="where the ports appear (sim/ports)")
    parser.add_argument("--flash", type=Path, default=HERE / "ports" / ".flash", help="where their flash is kept")
    parser.add_argument("--blank", action="store_true", help="new ESP32 chips without an interpreter, for esptool")
    options = parser.parse_args(argv)
    interpreter = find_micropython()
    if interpreter is None or not 1 <= options.boards <= MOST:
        print(f"needs MicroPython and 1 to {MOST} boards", file=sys.stderr)
        return 2
    boards: dict[str, VirtualBoard] = {}
    panels: dict[str, Panel] = {}
    with contextlib.ExitStack() as stack:
        for number in range(1, options.boards + 1):
            name = f"binroom-{number:02}"
            panels[name] = Panel()
            stack.callback(panels[name].close)
            board = VirtualBoard(
                options.flash / name,
                options.ports / name,
                interpreter=interpreter,
                uid=name,
                rom=RomLoader() if options.blank else None,
                panel=panels[name],
            )
            boards[name] = stack.enter_context(board)
            print(f"{name}: mpremote connect {board.port}", file=out, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            for line in _typed() if lines is None else lines:
                words = line.split()
                if len(words) < 2 or words[1] not in boards:
                    print(f"what to do (see --help), and one of {' '.join(boards)}", file=out, flush=True)
                    continue
                said = _obey(boards[words[1]], panels[words[1]], words[0], words[2:])
                print(f"{words[1]}: {words[0]}, {said}", file=out, flush=True)
    return 0


def _typed() -> Iterator[str]:
    """What comes on standard input, then nothing more until somebody stops this: a closed input is no wish to end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if sys.stdin is not None:
        with contextlib.suppress(OSError, ValueError):  # closed before this began, or a terminal that is not ours
            yield from sys.stdin
    threading.Event().wait()


def _obey(board: VirtualBoard, panel: Panel, verb: str, numbers: list[str]) -> str:
    given = [int(text) for text in numbers if text.isdigit()]
    # No match statement: a Python that is too old for one must still be able to read this file and say so.
    asked = (verb, len(given))
    if asked == ("pull", 0):
        board.pull()
    elif asked == ("plug", 0):
        board.plug()
    elif asked in (("reset", 0), ("boot", 0)):
        board.boot_held = verb == "boot"
        board.reset()
    elif asked == ("cut", 1):
        board.cut_after(given[0])
    elif asked == ("pin", 1):
        level = panel.level(given[0])
        return "not driven" if level is None else f"level {level}"
    elif asked == ("drive", 2):
        panel.drive(given[0], min(given[1], 1))
    else:
        return "not understood"
    return "on" if board.powered else "off"


if __name__ == "__main__":
    sys.exit(main())
