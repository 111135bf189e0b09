"""The power cut at every single block write of an upgrade, on real littlefs: does the next run end well?

Prints, for every n, nothing if all is well; at the end cuts tried, cuts survived, and the time of an installation after
a cut as a ratio to an undisturbed one of the same run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from sim.micropython.interpreter import find_micropython
from sim.usb_board.board import VirtualBoard
from tools.flashing.board.board import open_board
from tools.flashing.board.changes import make_installation
from tools.flashing.board.install import carry_out, clean_up
from tools.flashing.board.inventory import read_contents, read_manifest, whole_release
from tools.flashing.board.release.release import Release, pack_release
from tools.flashing.errors import FlashError

CONFIG = {"/config/keys/mqtt": b"secret", "/config/unit.json": b'{"area": "xh", "device": "r01"}'}
MOST_WRITES = 2000


def release(number: int) -> Release:
    """A release of three files, one of several blocks."""
    files = {
        "firmware/wire.mpy": b"wire %d" % number,
        "firmware/binroom/unit.mpy": (b"unit %d " % number) * 1200,
        "firmware/binroom/lamp.mpy": b"lamp %d" % number,
    }
    return pack_release(files, b"print('boot loader')\n")


def install(board: VirtualBoard, wanted: Release) -> float:
    """One installation; returns its seconds."""
    began = time.monotonic()
    with open_board(str(board.port)) as prompt:
        installation = make_installation(read_contents(prompt), wanted, CONFIG, {})
        carry_out(prompt, installation)
        clean_up(prompt, installation)
    return time.monotonic() - began


def is_whole(board: VirtualBoard, names: tuple[str, ...]) -> bool:
    """Whether the board names one of these releases and has all of it."""
    with open_board(str(board.port)) as prompt:
        contents = read_contents(prompt)
        manifest = read_manifest(prompt, contents.current)
        return contents.current in names and not whole_release(contents, contents.current, manifest)


def main() -> int:
    """Cuts at 0, 1, 2 ... until an installation needs fewer writes; 1 if any board was lost."""
    interpreter = find_micropython()
    if interpreter is None:
        print("flash_cuts: NO MICROPYTHON on this machine, nothing was measured")
        return 0
    old, new = release(1), release(2)
    undisturbed, after_cut, lost = [], [], []
    with tempfile.TemporaryDirectory() as place:
        for cut in range(MOST_WRITES):
            folder = Path(place)
            with VirtualBoard(folder / f"flash-{cut}", folder / "port", interpreter=interpreter, blocks=96) as board:
                undisturbed.append(install(board, old))
                board.cut_after(cut)
                try:
                    install(board, new)
                    break  # the whole upgrade needs fewer writes than this
                except FlashError:
                    board.plug()
                survived = is_whole(board, (old.name, new.name))
                after_cut.append(install(board, new))
                if not (survived and is_whole(board, (new.name,))):
                    lost.append(cut)
                    print(f"LOST: a cut in block write {cut}")
    ratio = sum(after_cut) / len(after_cut) / (sum(undisturbed) / len(undisturbed))
    print(
        f"cuts tried {len(after_cut)}, survived {len(after_cut) - len(lost)}; run after a cut / first run {ratio:.2f}"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
