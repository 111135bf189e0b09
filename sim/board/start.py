"""Runs a unit's boot loader in a folder, on MicroPython or CPython, as a board would at power-on.

Environment: `ZP_ROOT` the folder that stands for the board's flash; `ZP_SPEED` how many times faster than the wall
clock the ticks run that the unit's decisions see (the network's deadlines stay real).
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


def main():
    """Boot the folder; ends with the boot loader."""
    from firmware.binroom import boot_main

    root = os.getenv("ZP_ROOT") or ""
    speed = int(os.getenv("ZP_SPEED") or "1")
    if speed != 1:
        boot_main.use_release(root)
        quicken(speed)
    boot_main.boot(root)


main()
