# The smallest `machine` a board needs to be flashed: used where sim/board brings no fuller one. MicroPython only.
import os
import sys

from umachine import *  # noqa: F403  (mem8, Signal ... of the unix port)

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
SOFT_RESET = 5


def unique_id():
    """The board's serial number, six bytes."""
    return bytes(int(os.getenv("ZP_BOARD_UID")[i : i + 2], 16) for i in range(0, 12, 2))


def reset():
    """Ends the process; the supervisor starts it again as a board would boot."""
    sys.exit(64)


def soft_reset():
    """As `reset`: this process has no softer one."""
    sys.exit(64)


def freq():
    """Hertz, as an ESP32 says."""
    return 160000000
