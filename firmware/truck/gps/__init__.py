"""The receiver: from its serial port's bytes to positions this truck believes, and when one is worth a message.

`read_fixes` is loaded when it is asked for: a truck's configuration is read without the NMEA library.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    if name == "read_fixes":
        from firmware.truck.gps.epochs import read_fixes

        return read_fixes
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
