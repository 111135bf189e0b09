"""Runs a unit's boot loader in a folder, on MicroPython or CPython, as a board would at power-on.

Environment: `ZP_ROOT` the folder that stands for the board's flash; `ZP_LOADER` the boot loader's file, by default
the flash's own `/main.py`; `ZP_SPEED` and `ZP_MEMORY_MS` as adjustments.py says.
"""

import os
import sys

if sys.implementation.name != "micropython":
    from sim.micropython import cpython

    cpython.prepare()

root = os.getenv("ZP_ROOT") or ""
# As on a board the loader is a file run by itself, no module of any release.
loader = {"__name__": "boot_main"}
with open(os.getenv("ZP_LOADER") or root + "/main.py") as file:
    exec(file.read(), loader)  # noqa: S102 - what a board does with its main.py
if os.getenv("ZP_SPEED") or os.getenv("ZP_MEMORY_MS"):
    import adjustments

    loader["use_release"](root)
    adjustments.adjust(int(os.getenv("ZP_SPEED") or 1), int(os.getenv("ZP_MEMORY_MS") or 0))
loader["boot"](root)
