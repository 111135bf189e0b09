"""Virtual boards for a tester: `python -m sim.virtualboard --boards 2`, then `mpremote connect sim/ports/binroom-01`.

Each board keeps its flash below the folder, so it is the same board tomorrow. Ends with Ctrl-C; commands on standard
input: `pull NAME`, `plug NAME`, `reset NAME`, `boot NAME` (hold BOOT), `cut NAME N` (power fails in the N-th write).
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from sim.board.interpreter import find_micropython
from sim.virtualboard.board import VirtualBoard
from sim.virtualboard.rom import RomLoader

HERE = Path(__file__).resolve().parents[1]
MOST = 64


def main(argv: list[str] | None = None, lines: Iterable[str] = sys.stdin, out: TextIO = sys.stdout) -> int:
    """Runs the boards until the input ends; returns 0, or 2 if there is no interpreter or the command line is wrong."""
    parser = argparse.ArgumentParser(prog="python -m sim.virtualboard", description="Virtual bin-room boards.")
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
    with contextlib.ExitStack() as stack:
        for number in range(1, options.boards + 1):
            name = f"binroom-{number:02}"
            board = VirtualBoard(
                options.flash / name,
                options.ports / name,
                interpreter=interpreter,
                uid=name,
                rom=RomLoader() if options.blank else None,
            )
            boards[name] = stack.enter_context(board)
            print(f"{name}: mpremote connect {board.port}", file=out, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            for line in lines:
                print(_obey(boards, line.split()), file=out, flush=True)
    return 0


def _obey(boards: dict[str, VirtualBoard], words: list[str]) -> str:
    if len(words) < 2 or words[1] not in boards:
        return f"pull, plug, reset, boot or cut, and one of {' '.join(boards)}"
    verb, board = words[0], boards[words[1]]
    if verb == "pull":
        board.pull()
    elif verb == "plug":
        board.plug()
    elif verb == "reset":
        board.boot_held = False
        board.reset()
    elif verb == "boot":
        board.boot_held = True
        board.reset()
    elif verb == "cut" and len(words) == 3 and words[2].isdigit():
        board.cut_after(int(words[2]))
    else:
        return f"{verb}: not understood"
    return f"{words[1]}: {verb}, {'on' if board.powered else 'off'}"


if __name__ == "__main__":
    sys.exit(main())
