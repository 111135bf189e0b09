"""Which of a Pi's 28 pins are taken: each is for one thing, and the receiver's serial port has its own; pure.

Numbers are BCM. Raspberry Pi OS numbers the further ports of a Pi 4 and of a Pi 5 differently: the pins of both count.
"""

import fnmatch
from collections.abc import Mapping

HIGHEST_PIN = 27
_FIRST_UART = (14, 15)
PORT_PINS = {
    "/dev/serial0": _FIRST_UART,
    "/dev/serial1": _FIRST_UART,
    "/dev/ttyS0": _FIRST_UART,
    "/dev/ttyAMA0": _FIRST_UART,
    "/dev/ttyAMA1": (0, 1),
    "/dev/ttyAMA2": (0, 1, 4, 5),
    "/dev/ttyAMA3": (4, 5, 8, 9),
    "/dev/ttyAMA4": (8, 9, 12, 13),
    "/dev/ttyAMA5": (12, 13),
    "/dev/i2c-0": (0, 1),
    "/dev/i2c-1": (2, 3),
}


def clash(used: Mapping[str, int | None], gps_port: str) -> str | None:
    """What two things want the same pin, in words that begin with the key; None if each has its own.

    `used` gives the pin of each key; `gps_port` may be a pattern, as in the configuration.
    """
    owners: dict[int, str] = {}
    for name, port_pins in PORT_PINS.items():
        if fnmatch.fnmatch(name, gps_port):
            owners |= dict.fromkeys(port_pins, f"the receiver's port {gps_port}")
    for key, pin in used.items():
        if pin is None:
            continue
        if pin in owners:
            return f"{key}: {pin} is the pin of {owners[pin]} too; give it another"
        owners[pin] = f"[button] {key}"
    return None
