"""Runs a unit's boot loader in a folder, on MicroPython or CPython, as a board would at power-on.

Environment: `ZP_ROOT` the folder that stands for the board's flash; `ZP_LOADER` the boot loader's file, by default
the flash's own `/main.py`; `ZP_SPEED` how many times faster than the wall clock the ticks run that the unit's
decisions see (the network's deadlines stay real); `ZP_MEMORY_MS` how often to print the heap's use.
"""

import os
import sys

if sys.implementation.name != "micropython":
    from sim.board import cpython

    cpython.prepare()


def quicken(speed):
    """Let the decisions' clock of the release run `speed` times faster."""
    from firmware.binroom.board import Board

    real_ms = Board.real_ms
    Board.ticks_ms = lambda self: real_ms(self) * speed


def watch_memory(every_ms):
    """Print `memory <used> <free>` bytes of the heap, after a collection, every so often."""
    import gc
    import time

    from firmware.binroom.main import Machine

    step = Machine.step
    last = [time.ticks_ms()]

    def watched(self):
        step(self)
        if time.ticks_diff(time.ticks_ms(), last[0]) >= every_ms:
            last[0] = time.ticks_ms()
            gc.collect()
            print("memory", gc.mem_alloc(), gc.mem_free())

    Machine.step = watched


def main():
    """Boot the folder; ends with the boot loader."""
    root = os.getenv("ZP_ROOT") or ""
    # As on a board the loader is a file run by itself, no module of any release.
    loader = {"__name__": "boot_main"}
    with open(os.getenv("ZP_LOADER") or root + "/main.py") as file:
        exec(file.read(), loader)  # noqa: S102 - what a board does with its main.py
    speed = int(os.getenv("ZP_SPEED") or "1")
    memory_ms = int(os.getenv("ZP_MEMORY_MS") or "0")
    if speed != 1 or memory_ms:
        loader["use_release"](root)
    if speed != 1:
        quicken(speed)
    if memory_ms:
        watch_memory(memory_ms)
    loader["boot"](root)


main()
